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
#include <unistd.h>

#include "source/lines.h"

static void what_is_no_file_is_told(void **state)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {{"/nowhere/at/all", -ENOENT}, {"/proc", -EISDIR}, {"/proc/self/mem", -EIO}};
	char bytes[8];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure failure = {{0}};
		struct lines *lines = NULL;
		struct line line;
		struct digest digest;
		int error = lines_open(cases[i].path, &lines, &failure);

		if (!error) /* it opens, but can not be read */
			error = lines_next(lines, &line, &failure);
		assert_int_equal(error, cases[i].error);
		assert_non_null(strstr(failure.text, cases[i].path));
		lines_close(lines);
		assert_int_equal(lines_peek(cases[i].path, bytes, sizeof(bytes)), cases[i].error);
		failure.text[0] = '\0';
		assert_int_equal(lines_digest_of(cases[i].path, &digest, &failure), cases[i].error);
		assert_non_null(strstr(failure.text, cases[i].path));
	}
}

static void a_file_and_its_digest_hang_together(void **state)
{
	char path[] = "/tmp/firstseen-lines-XXXXXX";
	struct failure failure = {{0}};
	struct digest whole;
	struct lines *lines;
	struct line line;
	uint64_t done, size;
	int file = mkstemp(path);

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(write(file, "one\r\ntwo\nopen", 13), 13);
	assert_int_equal(lines_digest_of(path, &whole, &failure), 0);
	assert_int_equal(whole.bytes, 13);
	assert_int_equal(lines_open(path, &lines, &failure), 0);
	assert_int_equal(lines_next(lines, &line, &failure), 1);
	assert_string_equal(line.text, "one");
	assert_int_equal(lines_next(lines, &line, &failure), 1);
	assert_string_equal(line.text, "two");
	assert_false(line.open);
	assert_int_equal(lines_next(lines, &line, &failure), 1);
	assert_string_equal(line.text, "open");
	assert_true(line.open);
	assert_int_equal(lines_next(lines, &line, &failure), 0);
	assert_int_equal(lines_digest(lines)->bytes, 9); /* what is open may still grow */
	lines_take_open(lines, &line);
	assert_int_equal(lines_digest(lines)->bytes, 13); /* unless it is used as it is */
	lines_progress(lines, &done, &size);
	assert_int_equal(size, 13);
	lines_close(lines);
	close(file);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_file_is_told),
		cmocka_unit_test(a_file_and_its_digest_hang_together),
	};

	return cmocka_run_group_tests_name("source/lines", tests, NULL, NULL);
}
