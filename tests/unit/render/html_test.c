/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "render/html.h"

#define SHOWN(number) "\xe2\x9f\xa6U+" number "\xe2\x9f\xa7"
#define BAD "\xef\xbf\xbd"

static void becomes(const char *source, const char *wanted)
{
	char target[512];

	assert_true(html_escape(target, sizeof(target), source, strlen(source)));
	assert_string_equal(target, wanted);
}

static void markup_becomes_references(void **state)
{
	(void)state;
	becomes("", "");
	becomes("www.example.com", "www.example.com");
	becomes("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
	becomes("\" onload='x' &amp; `", "&quot; onload=&#39;x&#39; &amp;amp; `");
	becomes("]]>--><!--", "]]&gt;--&gt;&lt;!--");
	becomes("a\\x1b[31m", "a\\x1b[31m");
}

static void letters_of_all_scripts_stay(void **state)
{
	(void)state;
	becomes("b\xc3\xbc"
		"cher \xe2\x82\xac \xd7\xa9\xd7\x9c \xf0\x9f\xa6\x80",
		"b\xc3\xbc"
		"cher \xe2\x82\xac \xd7\xa9\xd7\x9c \xf0\x9f\xa6\x80");
}

static void what_can_not_be_seen_is_shown(void **state)
{
	(void)state;
	becomes("a\nb\t\r\x7f", "a" SHOWN("000A") "b" SHOWN("0009") SHOWN("000D") SHOWN("007F"));
	becomes("\xc2\x85\xc2\x9f", SHOWN("0085") SHOWN("009F"));
	becomes("\xe2\x80\xae"
		"moc\xe2\x81\xa6\xe2\x80\x8f",
		SHOWN("202E") "moc" SHOWN("2066") SHOWN("200F"));
	becomes("a\xe2\x80\x8b\xef\xbb\xbf\xc2\xad", "a" SHOWN("200B") SHOWN("FEFF") SHOWN("00AD"));
	becomes("\xf3\xa0\x81\x81\xef\xbf\xbe\xf0\x9f\xbf\xbf", SHOWN("E0041") SHOWN("FFFE") SHOWN("1FFFF"));
	becomes("\xf4\x8f\xbf\xbd", SHOWN("10FFFD"));
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
	char target[64];

	(void)state;
	becomes("\xff<\xc3", BAD "&lt;" BAD);
	becomes("\xc0\xbc", BAD BAD);
	becomes("\xed\xa0\x80", BAD BAD BAD);
	assert_true(html_escape(target, sizeof(target), "a\0b", 3));
	assert_string_equal(target, "a" SHOWN("0000") "b");
}

static void a_short_target_is_cut_between_references(void **state)
{
	char target[8];

	(void)state;
	assert_true(html_escape(target, sizeof(target), "&ab", 3));
	assert_string_equal(target, "&amp;ab");
	assert_false(html_escape(target, sizeof(target), "ab<>", 4));
	assert_string_equal(target, "ab&lt;");
	assert_false(html_escape(target, 1, "a", 1));
	assert_string_equal(target, "");
}

/* Every character there is: no markup, no more bytes than promised, and UTF-8 again. */
static void no_character_gets_through(void **state)
{
	char source[4], target[64];

	(void)state;
	for (uint32_t code = 0; code < 0x110000; code++) {
		size_t bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

		for (size_t i = bytes; i-- > 1;)
			source[i] = (char)(0x80 | (code >> 6 * (bytes - 1 - i) & 0x3f));
		source[0] = (char)(bytes == 1 ? code : (0xf00U >> bytes & 0xff) | code >> 6 * (bytes - 1));
		assert_true(html_escape(target, sizeof(target), source, bytes));
		assert_true(strlen(target) <= bytes * HTML_ESCAPE_MOST);
		assert_null(strpbrk(target, "<>\"'"));
		for (const char *at = target; *at; at += text_utf8_character(at, strlen(at)))
			assert_true(text_utf8_character(at, strlen(at)) > 0 && (uint8_t)*at >= 0x20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_becomes_references),
		cmocka_unit_test(letters_of_all_scripts_stay),
		cmocka_unit_test(what_can_not_be_seen_is_shown),
		cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
		cmocka_unit_test(a_short_target_is_cut_between_references),
		cmocka_unit_test(no_character_gets_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
