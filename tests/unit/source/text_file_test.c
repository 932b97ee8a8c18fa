/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scratch.h"
#include "source/text_file.h"

#define MOST (1 << 20)

static struct failure failure;
static struct text_file file;
static int allocations_left = -1; /* until one is refused; below 0: none is */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool is_refused(void)
{
	return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return is_refused() ? NULL : __real_realloc(memory, size);
}

static int make_folder(void **state)
{
	return scratch_make(state);
}

static const char *write_bytes(const char *bytes, size_t length)
{
	const char *path = scratch_path("text");
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, length, out), length);
	assert_int_equal(fclose(out), 0);
	return path;
}

static int read_file(const char *path, size_t most)
{
	text_file_free(&file);
	memset(&file, 0, sizeof(file));
	return text_file_read(path, most, &file, &failure);
}

static void lines_are_cut_at_their_ends(void **state)
{
	static const char text[] = "one\n\n three \nlast";

	(void)state;
	assert_int_equal(read_file(write_bytes(text, sizeof(text) - 1), MOST), 0);
	assert_int_equal(file.count, 4);
	assert_string_equal(file.lines[0], "one");
	assert_string_equal(file.lines[1], "");
	assert_string_equal(file.lines[2], " three ");
	assert_string_equal(file.lines[3], "last");
	assert_int_equal(read_file(write_bytes("one\n", 4), MOST), 0);
	assert_int_equal(file.count, 1);
	assert_int_equal(read_file(write_bytes("", 0), MOST), 0);
	assert_int_equal(file.count, 0);
}

static char *many_lines(size_t *length)
{
	char *text = malloc(64 * 1024);

	assert_non_null(text);
	*length = 0;
	for (int i = 0; i < 3000; i++)
		*length += (size_t)sprintf(text + *length, "line %d\n", i);
	return text;
}

static void it_may_be_long_but_not_longer_than_was_said(void **state)
{
	size_t length;
	char *text = many_lines(&length);
	const char *path = write_bytes(text, length);

	(void)state;
	free(text);
	assert_int_equal(read_file(path, length), 0);
	assert_int_equal(file.count, 3000);
	assert_string_equal(file.lines[0], "line 0");
	assert_string_equal(file.lines[2999], "line 2999");
	assert_int_equal(read_file(path, length - 1), -EFBIG);
	assert_non_null(strstr(failure.text, "is larger than"));
}

static void what_is_no_text_is_told(void **state)
{
	(void)state;
	assert_int_equal(read_file(scratch_path("nothing"), MOST), -ENOENT);
	assert_non_null(strstr(failure.text, "can not read"));
	assert_int_equal(read_file(write_bytes("a\0b\n", 4), MOST), -EINVAL);
	assert_non_null(strstr(failure.text, "neither a capture nor a text"));
	assert_int_equal(read_file(scratch_path(""), MOST), -EIO); /* a folder can be opened, but not read */
	assert_non_null(strstr(failure.text, "can not read"));
}

static void a_lack_of_memory_is_told_wherever_it_comes(void **state)
{
	size_t length;
	char *text = many_lines(&length);
	const char *path = write_bytes(text, length);
	int error = -ENOMEM, refused = -1;

	(void)state;
	free(text);
	while (error == -ENOMEM && refused < 64) {
		allocations_left = ++refused;
		error = read_file(path, MOST);
		allocations_left = -1;
	}
	assert_int_equal(error, 0);
	assert_in_range(refused, 4, 32); /* the text, its growing, the lines, theirs */
	text_file_free(&file);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, scratch_remove)
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(lines_are_cut_at_their_ends),
		WITH_FOLDER(it_may_be_long_but_not_longer_than_was_said),
		WITH_FOLDER(what_is_no_text_is_told),
		WITH_FOLDER(a_lack_of_memory_is_told_wherever_it_comes),
	};

	return cmocka_run_group_tests_name("source/text_file", tests, NULL, NULL);
}
