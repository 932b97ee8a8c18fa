/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
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
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "threat/threats.h"

static struct domain_rules *rules;
static char folder[] = "/tmp/threats-test-XXXXXX";

static int begin(void **state)
{
	struct domain_settings settings = {0};
	struct failure failure;

	(void)state;
	assert_non_null(mkdtemp(folder));
	return domain_rules_new(&settings, &rules, &failure);
}

static int end(void **state)
{
	char command[64];

	(void)state;
	domain_rules_free(rules);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static const char *write_list(const char *name, const char *text)
{
	static char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
	return path;
}

static struct threats *loaded(enum threat_class class, const char *path)
{
	struct threats *threats;
	struct failure failure = {{0}};

	assert_int_equal(threats_new(rules, &threats), 0);
	if (threats_load(threats, class, path, &failure))
		fail_msg("%s", failure.text);
	return threats;
}

static void every_form_of_an_entry_is_read(void **state)
{
	struct threat_match match;
	struct threats *threats = loaded(
		THREAT_LISTED,
		write_list("forms.txt",
			   "# a comment\n! another\n; and another\n// and this\n[Adblock Plus 2.0]\n\n   \n"
			   "Evil.Example.COM.\n"
			   "*.star.example.net # inline\n"
			   ".dot.example.net\n"
			   "||block.example.org^$third-party\n"
			   "http://url.example.org:8080/path?x=1\n"
			   "0.0.0.0 hosts-one.example.io hosts-two.example.io # both\r\n"
			   "127.0.0.1 localhost\n"
			   "::1 ip6-localhost ip6-loopback\n"
			   "0.0.0.0 0.0.0.0\n"
			   "b\xc3\xbc"
			   "cher.example\n"
			   "_tunnel.example.dev\n"
			   "csv.example.app,2026-01-01\n"
			   "last-without-newline.example.biz"));
	static const char *const there[] = {"evil.example.com",
					    "a.b.evil.example.com",
					    "star.example.net",
					    "x.star.example.net",
					    "dot.example.net",
					    "block.example.org",
					    "url.example.org",
					    "hosts-one.example.io",
					    "www.hosts-two.example.io",
					    "xn--bcher-kva.example",
					    "x._tunnel.example.dev",
					    "csv.example.app",
					    "last-without-newline.example.biz",
					    NULL};
	static const char *const not_there[] = {"example.com",
						"notevil.example.com.org",
						"xevil.example.com",
						"localhost",
						"example.org",
						"com",
						"",
						NULL};

	(void)state;
	for (size_t i = 0; there[i]; i++)
		if (!threats_find(threats, there[i], &match))
			fail_msg("%s is not found", there[i]);
	for (size_t i = 0; not_there[i]; i++)
		if (threats_find(threats, not_there[i], &match))
			fail_msg("%s is found", not_there[i]);
	assert_true(threats_find(threats, "a.b.evil.example.com", &match));
	assert_string_equal(match.entry, "evil.example.com");
	assert_string_equal(match.list, "forms.txt");
	assert_int_equal(match.class, THREAT_LISTED);
	assert_int_equal(threats_counts(threats)->entries, 11);
	assert_int_equal(threats_counts(threats)->lines_bad, 0);
	threats_free(threats);
}

static void what_would_match_everything_is_refused_and_counted(void **state)
{
	char text[20000] = "com\nco.uk\nlocalhost\n..\nexa mple\n", *at = text + strlen(text);
	struct threat_match match;
	struct threats *threats;

	(void)state;
	memset(at, 'a', 9000);
	strcpy(at + 9000, "\ngood.example.com\n");
	threats = loaded(THREAT_LISTED, write_list("bad.txt", text));
	assert_false(threats_find(threats, "www.bbc.co.uk", &match));
	assert_false(threats_find(threats, "www.example.com", &match));
	assert_true(threats_find(threats, "good.example.com", &match));
	assert_int_equal(threats_counts(threats)->lines_bad, 6);
	assert_string_equal(threats_counts(threats)->first_bad, "bad.txt:1");
	threats_free(threats);
}

static void a_threat_goes_before_a_new_registration(void **state)
{
	struct threat_match match;
	struct failure failure;
	struct threats *threats =
		loaded(THREAT_RECENT, write_list("recent", "www.one.example.com\ntwo.example.com\n"));

	(void)state;
	assert_true(threats_find(threats, "www.one.example.com", &match));
	assert_int_equal(match.class, THREAT_RECENT);
	assert_int_equal(threats_load(threats, THREAT_LISTED,
				      write_list("bad", "one.example.com\ntwo.example.com\n"), &failure),
			 0);
	assert_true(threats_find(threats, "www.one.example.com", &match));
	assert_int_equal(match.class, THREAT_LISTED);
	assert_string_equal(match.entry, "one.example.com");
	assert_true(threats_find(threats, "two.example.com", &match));
	assert_int_equal(match.class, THREAT_LISTED);
	assert_string_equal(match.list, "bad");
	threats_free(threats);
}

static void a_folder_is_read_whole_and_what_is_no_list_is_told(void **state)
{
	char path[128];
	struct threat_match match;
	struct threats *threats;
	struct failure failure;

	(void)state;
	snprintf(path, sizeof(path), "%s/d", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	write_list("d/a.txt", "a.example.com\n");
	write_list("d/b.txt", "b.example.com\n");
	write_list("d/.hidden", "hidden.example.com\n");
	snprintf(path, sizeof(path), "%s/d/sub", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/d", folder);
	threats = loaded(THREAT_LISTED, path);
	assert_true(threats_find(threats, "a.example.com", &match));
	assert_true(threats_find(threats, "b.example.com", &match));
	assert_string_equal(match.list, "b.txt");
	assert_false(threats_find(threats, "hidden.example.com", &match));
	assert_int_equal(threats_counts(threats)->files, 2);
	assert_int_equal(threats_load(threats, THREAT_LISTED, "/nowhere/at/all", &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "/nowhere/at/all"));
	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(threats_load(threats, THREAT_LISTED, path, &failure), -EINVAL);
	assert_true(threats_find(threats, "a.example.com", &match));
	snprintf(path, sizeof(path), "%s/d/gone", folder);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	*strrchr(path, '/') = '\0';
	threats_free(threats);
	assert_int_equal(threats_new(rules, &threats), 0);
	write_list("d/later.txt", "later.example.com\n");
	assert_int_equal(threats_load(threats, THREAT_LISTED, path, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "gone"));
	assert_true(threats_find(threats, "later.example.com", &match)); /* one does not keep out the next */
	threats_free(threats);
}

/* The time is a bound only where nothing else slows the program. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SECONDS_MOST 20.0
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SECONDS_MOST 20.0
#endif
#ifndef SECONDS_MOST
#define SECONDS_MOST 2.0
#endif

/* Loads the list. Returns the processor time that it took. */
static double load_seconds(const char *path, struct threats **threats)
{
	int64_t from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	*threats = loaded(THREAT_LISTED, path);
	return (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from) / (double)NS_PER_SECOND;
}

static void a_million_entries_are_loaded_quickly_and_are_small(void **state)
{
	struct threat_match match;
	struct threats *threats;
	const char *path = write_list("million", "");
	FILE *file = fopen(path, "w");
	double seconds;

	(void)state;
	assert_non_null(file);
	for (unsigned i = 0; i < 1000000; i++)
		fprintf(file, "%x.host-%u.example%u.com\n", i * 2654435761U, i, i % 1000);
	fclose(file);
	seconds = load_seconds(path, &threats);
	for (int more = 0; more < 2 && seconds >= SECONDS_MOST; more++) { /* something else slowed it */
		threats_free(threats);
		seconds = load_seconds(path, &threats);
	}
	print_message("# %llu entries in %.2f s, %.1f MiB\n",
		      (unsigned long long)threats_counts(threats)->entries, seconds,
		      (double)threats_counts(threats)->bytes / 1048576);
	assert_int_equal(threats_counts(threats)->entries, 1000000);
	assert_true(seconds < SECONDS_MOST);
	assert_true(threats_counts(threats)->bytes < 64 * 1024 * 1024);
	assert_true(threats_find(threats, "www.0.host-0.example0.com", &match));
	assert_false(threats_find(threats, "host-0.example0.com", &match));
	threats_free(threats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_an_entry_is_read),
		cmocka_unit_test(what_would_match_everything_is_refused_and_counted),
		cmocka_unit_test(a_threat_goes_before_a_new_registration),
		cmocka_unit_test(a_folder_is_read_whole_and_what_is_no_list_is_told),
		cmocka_unit_test(a_million_entries_are_loaded_quickly_and_are_small),
	};

	return cmocka_run_group_tests_name("threat/threats", tests, begin, end);
}
