// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/process.h"

/* `words` are the arguments, separated by '|'. */
static void expect_at(const char *exe, const char *words, const char *script, int line)
{
	char out[PROCESS_EXE_MAX];
	size_t length = strlen(words) + 1;
	char *arguments = malloc(length); /* its own block: a reader that goes too far is seen */

	assert_non_null(arguments);
	memcpy(arguments, words, length);
	for (size_t i = 0; i < length; i++)
		if (arguments[i] == '|')
			arguments[i] = '\0';
	process_script(exe, arguments, length, out);
	if (strcmp(out, script) == 0)
		process_script(exe, arguments, length - 1, out); /* without the last NUL */
	free(arguments);
	if (strcmp(out, script) != 0) {
		print_error("%s %s: expected \"%s\", got \"%s\"\n", exe, words, script, out);
		_fail(__FILE__, line);
	}
}
#define expect(exe, words, script) expect_at(exe, words, script, __LINE__)

static void python(void **state)
{
	(void)state;
	expect("/usr/bin/python3.11", "python3|/srv/app.py|--port|80", "/srv/app.py");
	expect("/usr/bin/python3", "python3|-m|http.server|8000", "-m http.server");
	expect("/usr/bin/python3", "python3|-mhttp.server", "-m http.server");
	expect("/usr/bin/python3", "python3|-um|gunicorn|app:x", "-m gunicorn");
	expect("/usr/bin/python3", "python3|-c|import os|x.py", "-c");
	expect("/usr/bin/python3", "python3|-Bcimport os", "-c");
	expect("/usr/bin/python3", "python3|-W|ignore|-X|dev|-u|a.py", "a.py");
	expect("/usr/bin/python3", "python3|-Wignore|-Xdev|a.py", "a.py");
	expect("/usr/bin/python3", "python3|-EsW|ignore|a.py", "a.py");
	expect("/usr/bin/python3", "python3|--check-hash-based-pycs|always|a.py", "a.py");
	expect("/usr/bin/python3", "python3|-", "");
	expect("/usr/bin/python3", "python3", "");
	expect("/usr/bin/python3", "python3|-m", "");
	expect("/usr/bin/pypy3", "pypy3|a.py", "a.py");
	expect("/opt/python2.7-dbg/bin/python2.7", "python|a.py", "a.py");
}

static void node_ruby_perl_php(void **state)
{
	(void)state;
	expect("/usr/bin/node", "node|--inspect=0.0.0.0|server.js|x", "server.js");
	expect("/usr/bin/node", "node|-r|dotenv/config|--import|x|server.js", "server.js");
	expect("/usr/bin/node", "node|--max-old-space-size=4096|server.js", "server.js");
	expect("/usr/bin/node", "node|-e|fetch(x)", "-c");
	expect("/usr/bin/node", "node|-p|1", "-c");
	expect("/usr/bin/node", "node|-pe|1", "-c");
	expect("/usr/bin/node", "node|--eval=1", "-c");
	expect("/usr/bin/node", "node|--eval|1", "-c");
	expect("/usr/bin/node", "node|--|server.js", "server.js");
	expect("/usr/bin/ruby3.1", "ruby|-I|lib|-rjson|-r|set|app.rb", "app.rb");
	expect("/usr/bin/ruby", "ruby|-ne|puts $_|f", "-c");
	expect("/usr/bin/ruby", "ruby|-W0|-Ku|app.rb", "app.rb");
	expect("/usr/bin/perl", "perl|-w|/usr/bin/ack|x", "/usr/bin/ack");
	expect("/usr/bin/perl5.36.0", "perl|-I|lib|-MJSON|a.pl", "a.pl");
	expect("/usr/bin/perl", "perl|-Ilib|-T|a.pl", "a.pl");
	expect("/usr/bin/perl", "perl|-lane|print|f", "-c");
	expect("/usr/bin/perl", "perl|-l012ne|print|f", "-c");
	expect("/usr/bin/perl", "perl|-0777|-pi.bak|a.pl", "a.pl");
	expect("/usr/bin/perl", "perl|-pie|a.pl", "a.pl"); /* the backup's ending is "e" */
	expect("/usr/bin/php8.2", "php|-d|memory_limit=1G|-c|/etc/php.ini|a.php", "a.php");
	expect("/usr/bin/php", "php|-r|echo 1;", "-c");
	expect("/usr/bin/php", "php|-f|a.php|--|x", "a.php");
	expect("/usr/bin/php", "php|-S|127.0.0.1:8000|-t|public|router.php", "router.php");
}

static void shells(void **state)
{
	(void)state;
	expect("/bin/sh", "sh|/etc/cron.daily/x", "/etc/cron.daily/x");
	expect("/usr/bin/bash", "bash|-c|curl x", "-c");
	expect("/usr/bin/bash", "bash|-lc|curl x", "-c");
	expect("/usr/bin/bash", "/bin/bash|-euo|pipefail|-c|x", "-c");
	expect("/usr/bin/bash", "bash|-eo|pipefail|a.sh", "a.sh");
	expect("/usr/bin/bash", "bash|-O|extglob|+O|x|a.sh", "a.sh");
	expect("/usr/bin/bash", "bash|--rcfile|/x|a.sh", "a.sh");
	expect("/usr/bin/bash", "bash|--norc|--|a.sh", "a.sh");
	expect("/usr/bin/bash", "-bash", "");
	expect("/usr/bin/bash", "bash|-s|argument", "");
	expect("/usr/bin/bash", "bash|-|a.sh", "a.sh");
	expect("/usr/bin/dash", "sh|-ex|a.sh", "a.sh");
	expect("/usr/bin/zsh", "zsh|a.zsh", "a.zsh");
	expect("/bin/busybox", "sh|a.sh", "a.sh");
	expect("/bin/busybox", "/bin/sh|-c|x", "-c");
	expect("/bin/busybox", "busybox|sh|a.sh", "a.sh");
	expect("/bin/busybox", "busybox|wget|http://x", "");
	expect("/bin/busybox", "wget|http://x", "");
	expect("/bin/busybox", "busybox", "");
}

static void java(void **state)
{
	(void)state;
	expect("/usr/lib/jvm/java-17/bin/java", "java|-Xmx1g|-Dx=y|-jar|/srv/app.jar|x", "-jar /srv/app.jar");
	expect("/usr/bin/java", "java|-cp|a.jar:b.jar|com.example.Main|x", "com.example.Main");
	expect("/usr/bin/java", "java|--class-path|a.jar|-ea|com.example.Main", "com.example.Main");
	expect("/usr/bin/java", "java|--class-path=a.jar|com.example.Main", "com.example.Main");
	expect("/usr/bin/java", "java|--add-opens|java.base/x=ALL-UNNAMED|-m|mod/com.Main",
	       "-m mod/com.Main");
	expect("/usr/bin/java", "java|-javaagent:x.jar|@args|com.example.Main", "com.example.Main");
	expect("/usr/bin/java", "java|-jar", "");
}

static void other_programs_have_none(void **state)
{
	(void)state;
	expect("/usr/bin/curl", "curl|x.py", "");
	expect("/usr/bin/pythonista", "pythonista|x.py", "");
	expect("/usr/bin/node_exporter", "node_exporter|x", "");
	expect("", "python3|x.py", "");
	expect("/", "x|y", "");
	expect("/usr/bin/3.11", "x|y", "");
	expect("/usr/bin/python3", "", "");
}

/* The kernel copies a bounded part: a name cut at its end would be another script. */
static void a_script_that_was_cut_is_not_named(void **state)
{
	char arguments[FS_ARGUMENTS_SIZE];
	char out[PROCESS_EXE_MAX];

	(void)state;
	memset(arguments, 'a', sizeof(arguments));
	memcpy(arguments, "python3\0/srv/", 13);
	process_script("/usr/bin/python3", arguments, sizeof(arguments), out);
	assert_string_equal(out, "");
	arguments[sizeof(arguments) - 1] = '\0';
	process_script("/usr/bin/python3", arguments, sizeof(arguments), out);
	assert_int_equal(strlen(out), sizeof(arguments) - 9);
}

static void arguments_of_any_bytes_stay_in_bounds(void **state)
{
	static const char *const exes[] = {"/bin/python3", "/bin/node",    "/bin/perl", "/bin/php",
					   "/bin/bash",    "/bin/busybox", "/bin/java", "/bin/ruby"};
	static const char alphabet[] = "\0\0-+=@ecmWXIjar/shbox l0\xff";
	uint64_t seed = 3;
	char out[PROCESS_EXE_MAX];

	(void)state;
	for (int round = 0; round < 40000; round++) {
		size_t length = (size_t)(round % 61);
		char *arguments = malloc(length + 1);

		assert_non_null(arguments);
		arguments = realloc(arguments, length ? length : 1);
		assert_non_null(arguments);
		for (size_t i = 0; i < length; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			arguments[i] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
		}
		process_script(exes[round % 8], arguments, length, out);
		assert_true(strnlen(out, sizeof(out)) <= length + 5);
		free(arguments);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python),
		cmocka_unit_test(node_ruby_perl_php),
		cmocka_unit_test(shells),
		cmocka_unit_test(java),
		cmocka_unit_test(other_programs_have_none),
		cmocka_unit_test(a_script_that_was_cut_is_not_named),
		cmocka_unit_test(arguments_of_any_bytes_stay_in_bounds),
	};

	return cmocka_run_group_tests_name("core/script", tests, NULL, NULL);
}
