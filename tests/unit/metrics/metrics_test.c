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

#include "metrics/metrics.h"

static const struct metric some[] = {
	{"records", 42},    {"lost_flow_open", 3}, {"lost_message", 0},
	{"verdict_new", 7}, {"no_such_thing", 9},  {"started", UINT64_C(1767225600500000000)},
};
static const struct metrics_history history = {.domains = 12, .coverage = 0.5, .outbox = 1};
static char text[METRICS_TEXT_MAX];

static void families_have_a_head_and_their_samples(void **state)
{
	int64_t length = metrics_format(some, 6, &history, "1.2.3", text, sizeof(text));

	(void)state;
	assert_int_equal(length, strlen(text));
	assert_non_null(strstr(text, "# HELP firstseen_records_total Records read from the kernel.\n"
				     "# TYPE firstseen_records_total counter\nfirstseen_records_total 42\n"));
	assert_non_null(strstr(text, "# TYPE firstseen_records_lost_total counter\n"
				     "firstseen_records_lost_total{kind=\"flow_open\"} 3\n"
				     "firstseen_records_lost_total{kind=\"message\"} 0\n"));
	assert_non_null(strstr(text, "firstseen_verdicts_total{verdict=\"new\"} 7\n"));
	assert_non_null(strstr(text, "firstseen_start_time_seconds 1767225600.500\n"));
	assert_non_null(strstr(text, "firstseen_build_info{version=\"1.2.3\"} 1\n"));
	assert_non_null(strstr(text, "firstseen_coverage_ratio 0.5\n"));
	assert_null(strstr(text, "no_such_thing"));
	assert_string_equal(text + length - 6, "# EOF\n");
	assert_false(metrics_knows("no_such_thing"));
	assert_true(metrics_knows("lost_message"));
}

static void too_small_is_told(void **state)
{
	(void)state;
	for (size_t size = 1; size < 1900; size += 7)
		assert_int_equal(metrics_format(some, 6, &history, "1", text, size), -ENOSPC);
}

static void a_reader_never_sees_half_a_file(void **state)
{
	char folder[] = "/tmp/metrics-test-XXXXXX", path[64], command[160];
	struct failure failure;
	struct stat status;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/f.prom", folder);
	assert_int_equal(metrics_write(path, "one\n", 4, &failure), 0);
	file = fopen(path, "r");
	assert_int_equal(metrics_write(path, "two!\n", 5, &failure), 0);
	assert_non_null(fgets(text, sizeof(text), file)); /* who had it open has the old one, whole */
	assert_string_equal(text, "one\n");
	fclose(file);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 5);
	assert_int_equal(status.st_mode & 0777, 0644);
	assert_int_equal(metrics_write("/nowhere/at/all.prom", "x", 1, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "/nowhere/at/all.prom"));
	snprintf(command, sizeof(command), "test $(ls %s | wc -l) = 1 && rm -r %s", folder, folder);
	assert_int_equal(system(command), 0);
}

/* Who may write to the folder does not choose what else is written over. */
static void no_link_is_followed(void **state)
{
	char folder[] = "/tmp/metrics-test-XXXXXX", path[64], other[64], temporary[64], command[160];
	struct failure failure;
	struct stat status;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/f.prom", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	snprintf(temporary, sizeof(temporary), "%s/f.prom.tmp", folder);
	file = fopen(other, "w");
	assert_non_null(file);
	fputs("theirs\n", file);
	fclose(file);
	assert_int_equal(symlink("other", path), 0); /* in its place: a file comes there */
	assert_int_equal(metrics_write(path, "one\n", 4, &failure), 0);
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISREG(status.st_mode));
	assert_int_equal(symlink("other", temporary), 0); /* beside it: refused */
	assert_int_equal(metrics_write(path, "two\n", 4, &failure), -ELOOP);
	assert_int_equal(stat(other, &status), 0);
	assert_int_equal(status.st_size, 7);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_have_a_head_and_their_samples),
		cmocka_unit_test(too_small_is_told),
		cmocka_unit_test(a_reader_never_sees_half_a_file),
		cmocka_unit_test(no_link_is_followed),
	};

	return cmocka_run_group_tests_name("metrics/metrics", tests, NULL, NULL);
}
