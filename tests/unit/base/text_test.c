/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

static void copies_are_cut_and_terminated(void **state)
{
	char text[4];

	(void)state;
	assert_true(text_copy(text, sizeof(text), "abc"));
	assert_string_equal(text, "abc");
	assert_false(text_copy(text, sizeof(text), "abcd"));
	assert_string_equal(text, "abc");
	assert_true(text_copy_bytes(text, sizeof(text), "a\0cdef", 6));
	assert_string_equal(text, "a");
}

static void terminals_get_nothing_they_obey(void **state)
{
	static const struct {
		const char *raw;
		size_t length;
		const char *shown;
	} cases[] = {
		{"plain", 5, "plain"},
		{"\033[2J", 4, "\\x1b[2J"},
		{"a\nb\tc", 5, "a\\x0ab\\x09c"},
		{"\xc3\xa9", 2, "\xc3\xa9"},
		{"\xc2\x9b"
		 "1m",
		 4, "\\xc2\\x9b1m"}, /* C1: CSI as one character */
		{"\xff\xfe", 2, "\\xff\\xfe"},
		{"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},             /* half of a surrogate pair */
		{"\xc0\x80", 2, "\\xc0\\x80"},                      /* overlong */
		{"exe\xe2\x80\xaegpj", 9, "exe\\xe2\\x80\\xaegpj"}, /* right to left from here on */
		{"\xe2\x82\xac", 3, "\xe2\x82\xac"},
		{"back\\slash", 10, "back\\x5cslash"},
		{"\x7f", 1, "\\x7f"},
		{"a\0b", 3, "a\\x00b"},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(text_escape(text, sizeof(text), cases[i].raw, cases[i].length));
		assert_string_equal(text, cases[i].shown);
	}
}

static void escapes_are_never_cut_in_half(void **state)
{
	char text[32];

	(void)state;
	srand(3);
	for (int i = 0; i < 20000; i++) {
		char raw[40];
		size_t length = (size_t)(rand() % 40), size = 1 + (size_t)(rand() % 31);

		for (size_t j = 0; j < length; j++)
			raw[j] = (char)rand();
		text_escape(text, size, raw, length);
		assert_true(strlen(text) < size);
		for (const char *at = text; *at;) {
			size_t character = text_utf8_character(at, strlen(at));

			assert_true(character > 0);
			assert_false((unsigned char)*at < 0x20 || *at == 0x7f);
			if (*at == '\\')
				assert_true(strspn(at + 2, "0123456789abcdef") >= 2);
			at += character;
		}
	}
}

static void spans_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		const char *written;
	} cases[] = {
		{"90d", 7776000, "90d"}, {"24h", 86400, "1d"}, {"1h30m", 5400, "90m"}, {"2w", 1209600, "14d"},
		{"45s", 45, "45s"},      {"0", 0, "0s"},       {"0s", 0, "0s"},
	};
	static const char *const wrong[] = {"",       "d",
					    "5",      "-1d",
					    "1x",     "1d ",
					    " 1d",    "99999999999999999999d",
					    "1d5",    "9223372036854775807w",
					    "300000d"};
	char text[TEXT_SPAN_MAX];
	int64_t seconds = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(text_parse_span(cases[i].text, &seconds), 0);
		assert_int_equal(seconds, cases[i].seconds);
		assert_string_equal(text_format_span(seconds, text), cases[i].written);
	}
	seconds = 7;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(text_parse_span(wrong[i], &seconds), -EINVAL);
	assert_int_equal(seconds, 7);
}

static void times_are_read_and_written(void **state)
{
	int64_t now = INT64_C(1767225600) * NS_PER_SECOND, time = 0; /* 2026-01-01 */
	static const char *const wrong[] = {"2026-13-01",
					    "2026-02-30x",
					    "2026-01-01T25:00:00Z",
					    "2026-01-01T00:00:00",
					    "yesterday",
					    "2026-01-01T00:00:00+1:00",
					    "1500-01-01",
					    "2026-01-01T00:00:00.Z"};
	char text[TEXT_TIME_MAX];

	(void)state;
	assert_int_equal(text_parse_time("2026-01-01T00:00:00Z", 0, &time), 0);
	assert_int_equal(time, now);
	assert_int_equal(text_parse_time("2026-01-01", 0, &time), 0);
	assert_int_equal(time, now);
	assert_int_equal(text_parse_time("2026-01-01T01:30:00.25+01:30", 0, &time), 0);
	assert_int_equal(time, now + NS_PER_SECOND / 4);
	assert_int_equal(text_parse_time("1d", now, &time), 0);
	assert_int_equal(time, now - SECONDS_PER_DAY * NS_PER_SECOND);
	assert_string_equal(text_format_time(now + 123456789, text), "2026-01-01T00:00:00.123Z");
	assert_string_equal(text_format_time(-1, text), "1969-12-31T23:59:59.999Z");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(text_parse_time(wrong[i], now, &time), -EINVAL);
}

static void bytes_are_read(void **state)
{
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(text_parse_bytes("16M", &bytes), 0);
	assert_int_equal(bytes, 16 * 1024 * 1024);
	assert_int_equal(text_parse_bytes("512", &bytes), 0);
	assert_int_equal(bytes, 512);
	assert_int_equal(text_parse_bytes("", &bytes), -EINVAL);
	assert_int_equal(text_parse_bytes("16MB", &bytes), -EINVAL);
	assert_int_equal(text_parse_bytes("9999999999999G", &bytes), -EINVAL);
}

static void hashes_depend_on_seed_and_every_byte(void **state)
{
	char bytes[40] = {0};
	uint64_t first = hash_bytes(1, bytes, sizeof(bytes));

	(void)state;
	assert_true(hash_bytes(2, bytes, sizeof(bytes)) != first);
	assert_true(hash_bytes(1, bytes, sizeof(bytes) - 1) != first);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = 1;
		assert_true(hash_bytes(1, bytes, sizeof(bytes)) != first);
		bytes[i] = 0;
	}
}

static void below_is_label_by_label(void **state)
{
	(void)state;
	assert_true(text_is_below("www.example.com", "example.com"));
	assert_true(text_is_below("a.b.example.com", "com"));
	assert_false(text_is_below("example.com", "example.com"));
	assert_false(text_is_below("badexample.com", "example.com"));
	assert_false(text_is_below(".example.com", "example.com"));
	assert_false(text_is_below("com", "example.com"));
	assert_false(text_is_below("www.example.org", "example.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_are_cut_and_terminated),
		cmocka_unit_test(terminals_get_nothing_they_obey),
		cmocka_unit_test(escapes_are_never_cut_in_half),
		cmocka_unit_test(spans_are_read_and_written),
		cmocka_unit_test(times_are_read_and_written),
		cmocka_unit_test(bytes_are_read),
		cmocka_unit_test(hashes_depend_on_seed_and_every_byte),
		cmocka_unit_test(below_is_label_by_label),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
