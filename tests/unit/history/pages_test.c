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

#include "history/pages.h"

#define PAGE 4096

static char path[64];

static int make_name(void **state)
{
	int file;

	(void)state;
	strcpy(path, "/tmp/firstseen-pages-XXXXXX");
	file = mkstemp(path);
	return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* A first page that holds nothing, and this one. */
static void write_file(const uint8_t page[static PAGE], size_t size)
{
	static const uint8_t first[PAGE];
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(first, 1, PAGE, file), PAGE);
	assert_int_equal(fwrite(page, 1, size, file), size);
	fclose(file);
}

static unsigned rows;
static struct page_row last;

static int on_row(void *context, const struct page_row *row)
{
	volatile char sum = 0;

	(void)context;
	rows++;
	last = *row;
	for (size_t i = 0; i < row->count; i++) /* every byte given must be readable */
		for (size_t j = 0; row->values[i].text && j < row->values[i].length; j++)
			sum = (char)(sum + row->values[i].text[j]);
	return 0;
}

static int rows_of(const uint8_t page[static PAGE], size_t size)
{
	rows = 0;
	write_file(page, size);
	assert_int_equal(pages_each(path, on_row, NULL), 0);
	return (int)rows;
}

/* One cell at the page's end: id 7; NULL, 1, 300 (two bytes), -2 (one byte), "abc". */
static void sound_page(uint8_t page[static PAGE])
{
	static const uint8_t cell[] = {12, 7, 6, 0, 9, 2, 1, 19, 1, 44, 0xfe, 'a', 'b', 'c'};

	memset(page, 0, PAGE);
	page[0] = 0x0d;
	page[4] = 1;
	page[8] = (PAGE - sizeof(cell)) >> 8;
	page[9] = (PAGE - sizeof(cell)) & 0xff;
	memcpy(page + PAGE - sizeof(cell), cell, sizeof(cell));
}

static void a_row_is_read(void **state)
{
	uint8_t page[PAGE];

	(void)state;
	sound_page(page);
	assert_int_equal(rows_of(page, PAGE), 1);
	assert_int_equal(last.id, 7);
	assert_int_equal(last.count, 5);
	assert_int_equal(last.values[0].type, PAGE_NULL);
	assert_int_equal(last.values[1].integer, 1);
	assert_int_equal(last.values[2].integer, 300);
	assert_int_equal(last.values[3].integer, -2);
	assert_int_equal(last.values[4].type, PAGE_TEXT);
	assert_int_equal(last.values[4].length, 3);
}

static void what_is_no_whole_leaf_gives_nothing(void **state)
{
	uint8_t page[PAGE];

	(void)state;
	sound_page(page);
	assert_int_equal(rows_of(page, PAGE - 1), 0); /* cut */
	page[0] = 0x05;
	assert_int_equal(rows_of(page, PAGE), 0);
	sound_page(page);
	page[3] = 0xff; /* more cells than fit */
	assert_int_equal(rows_of(page, PAGE), 0);
	sound_page(page);
	page[PAGE - 14] = 0xff; /* a row longer than the page */
	assert_int_equal(rows_of(page, PAGE), 0);
	sound_page(page);
	page[PAGE - 7] = 21; /* a text longer than the row */
	assert_int_equal(rows_of(page, PAGE), 0);
	assert_int_equal(pages_each("/nonexistent/file", on_row, NULL), -ENOENT);
}

/* Whatever the bytes: no read outside of the page (the sanitizers see to that), and an end. */
static void any_bytes_are_safe(void **state)
{
	uint8_t page[PAGE];
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		if (round % 2)
			sound_page(page);
		for (int i = 0; i < (round % 2 ? 8 : PAGE); i++) {
			random = random * 1664525 + 1013904223;
			page[round % 2 ? PAGE - 14 + (random >> 8) % 14 : (unsigned)i] =
				(uint8_t)(random >> 24);
		}
		page[0] = 0x0d;
		page[3] = 0;
		(void)rows_of(page, PAGE);
	}
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_name, remove_file)
	const struct CMUnitTest tests[] = {
		WITH_FILE(a_row_is_read),
		WITH_FILE(what_is_no_whole_leaf_gives_nothing),
		WITH_FILE(any_bytes_are_safe),
	};

	return cmocka_run_group_tests_name("history/pages", tests, NULL, NULL);
}
