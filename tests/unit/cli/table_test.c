/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "cli/width.h"

static const struct column columns[] = {
	{.key = "name", .type = COLUMN_NAME},
	{.key = "some_count", .type = COLUMN_COUNT, .heading = "count"},
	{.key = "remark", .type = COLUMN_TEXT, .spare = 1},
	{.key = "level", .type = COLUMN_LEVEL, .spare = 2},
};
static const char *const rows[][4] = {
	{"a.example", "7", "short", "High"},
	{"a-long-hostname.that-ends.example", "12345", "a remark that goes on and on", "Low"},
};

/* The table as one text, to be freed. */
static char *print(size_t width, bool colour)
{
	char *cells[8], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < 8; i++)
		cells[i] = strdup(rows[i / 4][i % 4]);
	table_print(out, columns, 4, cells, 2, width, colour);
	fclose(out);
	for (size_t i = 0; i < 8; i++)
		free(cells[i]);
	return text;
}

static size_t widest_line(const char *text)
{
	size_t widest = 0;

	while (*text) {
		char line[512];
		size_t length = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (width_of(line) > widest)
			widest = width_of(line);
		text += length + (text[length] == '\n');
	}
	return widest;
}

static void columns_are_aligned_and_numbers_to_the_right(void **state)
{
	char *text = print(0, false);

	(void)state;
	assert_string_equal(text,
			    "NAME                               COUNT  REMARK                        LEVEL\n"
			    "a.example                              7  short                         High\n"
			    "a-long-hostname.that-ends.example  12345  a remark that goes on and on  Low\n");
	free(text);
}

static void the_end_of_a_name_and_the_beginning_of_a_text_stay(void **state)
{
	char *text = print(60, false);

	(void)state;
	assert_int_equal(widest_line(text), 60);
	assert_non_null(strstr(text, "…"));
	assert_non_null(strstr(text, "hat-ends.example  12345  a remark t"));
	assert_null(strstr(text, "too narrow"));
	free(text);
}

static void spare_columns_go_when_texts_can_give_no_more(void **state)
{
	char *text = print(34, false);

	(void)state;
	assert_int_equal(widest_line(text), 34);
	assert_null(strstr(text, "LEVEL"));
	assert_non_null(strstr(text, "REMARK"));
	assert_non_null(strstr(text, "(too narrow for: level)"));
	free(text);
	text = print(25, false);
	assert_null(strstr(text, "REMARK"));
	assert_non_null(strstr(text, "(too narrow for: remark, level)"));
	free(text);
}

static void no_width_makes_it_fail(void **state)
{
	(void)state;
	for (size_t width = 1; width < 100; width++) {
		char *text = print(width, false);

		assert_non_null(strstr(text, "12345"));
		if (width >= 33)
			assert_true(widest_line(text) <= width);
		free(text);
	}
}

static void colour_changes_no_letter(void **state)
{
	char *plain = print(60, false), *coloured = print(60, true), *at = coloured, *to = coloured;

	(void)state;
	assert_non_null(strstr(coloured, "\033[31mHigh\033[0m"));
	while (*at) {
		if (*at == '\033')
			at += strcspn(at, "m") + 1;
		else
			*to++ = *at++;
	}
	*to = '\0';
	assert_string_equal(coloured, plain);
	free(plain);
	free(coloured);
}

static void characters_are_cut_whole(void **state)
{
	char *cells[1], *text = NULL, name[] = "ééééééééééééééééééééé.example";
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	cells[0] = name;
	table_print(out, columns, 1, cells, 1, 12, false);
	fclose(out);
	assert_string_equal(text, "NAME\n…ééé.example\n");
	free(text);
}

static void wide_and_combining_characters_count_as_they_are_shown(void **state)
{
	static const struct {
		const char *text;
		size_t width;
	} cases[] = {
		{"", 0},
		{"plain", 5},
		{"例え.example", 12},
		{"e\xcc\x81t\xcc\x81", 2}, /* with acute accents of their own */
		{"\xed\x95\x9c", 2},       /* a syllable of Hangul */
		{"\xef\xbc\xa1", 2},       /* a full-width A */
		{"\xf0\x9f\x98\x80", 2},   /* an emoji */
		{"\xff\xe4", 2},           /* bytes that are not UTF-8 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(width_of(cases[i].text), cases[i].width);
	assert_int_equal(width_head("例え", 3), 3);
	assert_int_equal(width_head("例え", 1), 0);
	assert_int_equal(width_head("e\xcc\x81t", 1), 3);
	assert_string_equal(width_tail("例え", 3), "え");
	assert_string_equal(width_tail("e\xcc\x81t", 1), "t");
	assert_string_equal(width_tail("ab", 0), "");
}

static void columns_stay_aligned_behind_wide_characters(void **state)
{
	char *cells[8], *text = NULL;
	static const char *const wide[][4] = {
		{"例え.テスト.example", "1", "例えば長い説明", "High"},
		{"e\xcc\x81.example", "2", "short", "Low"},
	};
	static const struct {
		size_t width;
		const char *text;
	} cases[] = {
		{0, "NAME                 COUNT  REMARK          LEVEL\n"
		    "例え.テスト.example      1  例えば長い説明  High\n"
		    "e\xcc\x81.example                2  short           Low\n"},
		/* Half a character is none. */
		{24, "NAME               COUNT\n"
		     "….テスト.example       1\n"
		     "e\xcc\x81.example              2\n"
		     "(too narrow for: remark, level)\n"},
	};
	size_t size;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		cells[i] = strdup(wide[i / 4][i % 4]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *out = open_memstream(&text, &size);

		assert_non_null(out);
		table_print(out, columns, 4, cells, 2, cases[i].width, false);
		fclose(out);
		assert_string_equal(text, cases[i].text);
		free(text);
	}
	for (size_t i = 0; i < 8; i++)
		free(cells[i]);
}

static void values_are_told_as_people_do(void **state)
{
	static const struct {
		enum column_type type;
		union cell cell;
		const char *text;
	} cases[] = {
		{COLUMN_BYTES, {.count = 0}, "0"},
		{COLUMN_BYTES, {.count = 1023}, "1023"},
		{COLUMN_BYTES, {.count = 1024}, "1.0K"},
		{COLUMN_BYTES, {.count = 10239}, "10K"},
		{COLUMN_BYTES, {.count = 1048575}, "1.0M"},
		{COLUMN_BYTES, {.count = UINT64_MAX}, "16E"},
		{COLUMN_COUNT, {.count = UINT64_MAX}, "18446744073709551615"},
		{COLUMN_SHARE, {.share = 1}, "100.00%"},
		{COLUMN_SHARE, {.share = 0.999999}, "99.99%"},
		{COLUMN_SHARE, {.share = 0}, "0.00%"},
		{COLUMN_SPAN, {.count = 7776000}, "90d"},
		{COLUMN_BOOLEAN, {.count = 1}, "yes"},
		{COLUMN_TIME, {.time_ns = 0}, "never"},
		{COLUMN_TEXT, {.text = NULL}, ""},
		{COLUMN_TEXT, {.text = "\033[2Ja\\b"}, "\\x1b[2Ja\\x5cb"},
		{COLUMN_NAME, {.text = "\033[2Ja\\b\\"}, "\\x1b[2Ja\\b\\"},
		{COLUMN_NAME, {.text = "\\\xff\t"}, "\\\\xff\\x09"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = output_value(cases[i].type, cases[i].cell, 0);

		assert_non_null(text);
		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned_and_numbers_to_the_right),
		cmocka_unit_test(the_end_of_a_name_and_the_beginning_of_a_text_stay),
		cmocka_unit_test(spare_columns_go_when_texts_can_give_no_more),
		cmocka_unit_test(no_width_makes_it_fail),
		cmocka_unit_test(colour_changes_no_letter),
		cmocka_unit_test(characters_are_cut_whole),
		cmocka_unit_test(wide_and_combining_characters_count_as_they_are_shown),
		cmocka_unit_test(columns_stay_aligned_behind_wide_characters),
		cmocka_unit_test(values_are_told_as_people_do),
	};

	return cmocka_run_group_tests_name("cli/table", tests, NULL, NULL);
}
