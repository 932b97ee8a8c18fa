/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rpm as a program that may say anything, take for ever, or not be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "package/rpm.h"
#include "package/tree.h"

#define T INT64_C(1767225600)

/* A made-up rpm: a script below the tree. */
static const char *made_rpm(const char *root, const char *script)
{
	char text[2048];

	snprintf(text, sizeof(text), "#!/bin/sh\nlog=%s/log\n%s\n", root, script);
	tree_text(root, "/rpm", text);
	assert_int_equal(chmod(tree_path(root, "/rpm"), 0755), 0);
	return tree_path(root, "/rpm");
}

static void made_database(const char *root)
{
	tree_text(root, "/var/lib/rpm/rpmdb.sqlite", "not empty");
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

static struct package_answer answered(const char *root, const char *script, int limit_ms)
{
	struct package_answer answer;

	rpm_find(made_rpm(root, script), "/db", "/usr/bin/a b;c", limit_ms, &answer);
	return answer;
}

static void its_answer_is_read(void **state)
{
	struct package_answer answer =
		answered(*state, "printf 'curl\\t7.76.1-29.el9\\t1767225600\\nother\\t1\\t1\\n'", 5000);

	assert_int_equal(answer.result, PACKAGE_OWNED);
	assert_string_equal(answer.name, "curl");
	assert_string_equal(answer.version, "7.76.1-29.el9");
	assert_int_equal(answer.upgraded_ns, T * NS_PER_SECOND);
	answer = answered(*state, "echo file x is not owned by any package; exit 1", 5000);
	assert_int_equal(answer.result, PACKAGE_UNOWNED);
	assert_string_equal(answer.name, "");
}

/* No shell comes between: odd characters are part of the one argument; nothing of our environment is handed
 * on. */
static void it_is_run_as_told(void **state)
{
	char text[1024] = "";
	FILE *file;

	setenv("SECRET", "1", 1);
	answered(*state, "for a in \"$@\"; do echo \"<$a>\"; done >$log; env >>$log; cat >>$log", 5000);
	file = fopen(tree_path(*state, "/log"), "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_ptr_equal(strstr(text, "<--dbpath=/db>\n<-qf>\n<--queryformat>\n"), text);
	assert_non_null(strstr(text, "<-->\n</usr/bin/a b;c>\n"));
	assert_non_null(strstr(text, "LC_ALL=C\n"));
	assert_null(strstr(text, "SECRET"));
}

static void what_is_no_answer_is_none(void **state)
{
	static const char *const scripts[] = {
		"",
		"echo",
		"echo curl",
		"printf 'curl\\t1'",
		"printf '\\t1\\t1\\n'",
		"printf 'curl\\t1\\tnever\\n'",
		"printf 'curl\\t1\\t-5\\n'",
		"printf 'curl\\t1\\t99999999999999999999\\n'",
		"exit 2",
		"kill -9 $$",
		"head -c 300000 /dev/zero | tr '\\0' x",
		"printf 'a b\\t1\\t1\\n'",
		"printf 'curl\\t\\001\\t1\\n'",
		"printf 'curl\\t1\\t1\\n'; exit 3",
	};
	struct package_answer answer;

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		answer = answered(*state, scripts[i], 5000);
		if (answer.result != PACKAGE_UNREADABLE || answer.name[0])
			fail_msg("%s: %s", scripts[i], package_result_name(answer.result));
	}
	rpm_find("/nowhere/rpm", "/db", "/usr/bin/curl", 5000, &answer);
	assert_int_equal(answer.result, PACKAGE_UNREADABLE);
}

/* Whether it is silent, has closed its output, talks for ever, or left a child behind that holds it open. */
static void it_is_killed_at_its_limit(void **state)
{
	static const char *const scripts[] = {"sleep 60", "exec >&-; sleep 60", "while :; do echo x; done",
					      "sleep 60 & exit 0", "trap '' TERM INT HUP; sleep 60"};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		int64_t from = now_ms(), took;
		struct package_answer answer = answered(*state, scripts[i], 200);

		took = now_ms() - from;
		if (answer.result != PACKAGE_TIMED_OUT || took < 200 || took > 5000)
			fail_msg("%s: %s after %lld ms", scripts[i], package_result_name(answer.result),
				 (long long)took);
	}
}

static void it_is_asked_only_where_its_database_is(void **state)
{
	char folder[RPM_DATABASE_MAX];
	struct packages *packages;
	const char *rpm = made_rpm(*state, "touch $log");

	assert_false(rpm_database(*state, folder, NULL));
	tree_text(*state, "/var/lib/rpm/rpmdb.sqlite", ""); /* left behind by a tool that made none */
	assert_false(rpm_database(*state, folder, NULL));
	packages = tree_open(*state, rpm);
	tree_owned(packages, "/usr/bin/curl", NULL);
	packages_close(packages);
	assert_int_equal(access(tree_path(*state, "/log"), F_OK), -1);
	made_database(*state);
	assert_true(rpm_database(*state, folder, NULL));
	assert_string_equal(folder, tree_path(*state, "/var/lib/rpm"));
}

static const char talker[] =
	"echo \"$2\" >>$log\n"
	"case \"$2\" in\n"
	"-qa) printf 'curl\\t7.76\\t1767225600\\nbash\\t5.1\\t1767225700\\nzsh\\t5\\t1767000000\\n' ;;\n"
	"*) [ \"$6\" = /usr/bin/curl ] || exit 1; printf 'curl\\t7.76\\t1767225600\\n' ;;\n"
	"esac";

static size_t lines_of(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t lines = 0;
	int character;

	assert_non_null(file);
	while ((character = fgetc(file)) != EOF)
		lines += character == '\n';
	fclose(file);
	return lines;
}

static void answers_are_kept_and_asked_for_once(void **state)
{
	const char *rpm = made_rpm(*state, talker);
	struct package_change changes[10];
	struct packages *packages;
	uint32_t count;
	int filled = -EAGAIN;

	made_database(*state);
	usleep(150000); /* a tree that has just been made is read twice */
	packages = tree_open(*state, rpm);
	for (int i = 0; i < 5; i++) {
		tree_owned(packages, "/usr/bin/curl", "curl");
		tree_owned(packages, "/opt/own", NULL);
	}
	for (int i = 0; i < 500 && filled == -EAGAIN; i++)
		filled = packages_changed(packages, T * NS_PER_SECOND, 100, changes, 10, &count);
	assert_int_equal(filled, 2);
	assert_int_equal(count, 2);
	assert_string_equal(changes[0].name, "bash");
	assert_string_equal(changes[1].version, "7.76");
	assert_int_equal(lines_of(tree_path(*state, "/log")), 3);
	packages_close(packages);
}

static void an_upgrade_is_seen(void **state)
{
	const char *rpm = made_rpm(*state, "[ $2 = -qa ] || printf 'curl\\t1\\t5\\n'");
	struct packages *packages;
	int i;

	made_database(*state);
	usleep(150000); /* a tree that has just been made is read twice */
	packages = tree_open(*state, rpm);
	assert_string_equal(tree_find(packages, "/usr/bin/curl").version, "1");
	usleep(20000);
	made_rpm(*state, "[ $2 = -qa ] || printf 'curl\\t2\\t6\\n'");
	assert_string_equal(tree_find(packages, "/usr/bin/curl").version,
			    "1"); /* nothing says that it changed */
	tree_text(*state, "/var/lib/rpm/rpmdb.sqlite-wal", "log");
	for (i = 0; i < 800 && strcmp(tree_find(packages, "/usr/bin/curl").version, "2") != 0; i++)
		usleep(10000);
	assert_true(i < 800);
	packages_close(packages);
}

/* Nobody waits for a slow rpm longer than he said, and after that nobody waits for a while. */
static void a_slow_one_holds_nobody_up(void **state)
{
	enum { PATIENCE_MS = 100, QUESTIONS = 100 };
	const char *rpm = made_rpm(*state, "[ $2 = -qa ] && exit 0; sleep 0.5; printf 'slow\\t1\\t5\\n'");
	struct packages *packages;
	struct package_answer answer;
	uint32_t count;
	int64_t from;

	made_database(*state);
	usleep(150000); /* a tree that has just been made is read twice */
	packages = tree_open(*state, rpm);
	/* The first reading is not what is waited for below. */
	for (int i = 0; i < 500 && packages_changed(packages, 0, 100, NULL, 0, &count) == -EAGAIN; i++)
		usleep(10000);
	usleep(1000000); /* in case that was waited for in vain, too */
	from = now_ms();
	packages_find(packages, "/usr/bin/slow", PATIENCE_MS, &answer);
	assert_int_equal(answer.result, PACKAGE_PENDING);
	for (int i = 0; i < QUESTIONS; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/usr/bin/slow-%d", i);
		packages_find(packages, path, PATIENCE_MS, &answer);
		assert_int_equal(answer.result, PACKAGE_PENDING);
	}
	assert_true(now_ms() - from < 3000);           /* of the 10 s that all of them had */
	tree_owned(packages, "/usr/bin/slow", "slow"); /* a later question has it */
	packages_close(packages);
}

int main(void)
{
#define IN_TREE(test) cmocka_unit_test_setup_teardown(test, tree_make, tree_remove)
	const struct CMUnitTest tests[] = {
		IN_TREE(its_answer_is_read),
		IN_TREE(it_is_run_as_told),
		IN_TREE(what_is_no_answer_is_none),
		IN_TREE(it_is_killed_at_its_limit),
		IN_TREE(it_is_asked_only_where_its_database_is),
		IN_TREE(answers_are_kept_and_asked_for_once),
		IN_TREE(an_upgrade_is_seen),
		IN_TREE(a_slow_one_holds_nobody_up),
	};

	return cmocka_run_group_tests_name("package/rpm", tests, NULL, NULL);
}
