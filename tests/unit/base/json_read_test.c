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

#include "base/json_read.h"

/* What was handed out, as one text: "key=kind:text;". */
static char told[4096];

static int tell(void *context, const char *key, const struct json_value *value)
{
	size_t used = strlen(told);

	(void)context;
	assert_int_equal(strlen(value->text), value->length);
	snprintf(told + used, sizeof(told) - used, "%s=%d:%s;", key ? key : "", (int)value->kind,
		 value->text);
	return 0;
}

/* In memory of exactly its size, so that a sanitizer sees a byte too far. */
static int read_as(int (*function)(char *, size_t, json_read_callback *, void *), const char *text,
		   size_t length)
{
	char *copy = malloc(length + 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, length);
	copy[length] = '\0';
	told[0] = '\0';
	result = function(copy, length, tell, NULL);
	free(copy);
	return result;
}

static int object(const char *text)
{
	return read_as(json_read_object, text, strlen(text));
}

static void objects_give_their_members(void **state)
{
	(void)state;
	assert_int_equal(object("{\"a\":1,\"b\" : -2.5e+3 , \"c\":true,\"d\":false,\"e\":null,\"f\":\"x\"}"),
			 0);
	assert_string_equal(told, "a=1:1;b=1:-2.5e+3;c=2:true;d=3:false;e=4:null;f=0:x;");
	assert_int_equal(object(" { } "), 0);
	assert_string_equal(told, "");
	assert_int_equal(object("{\"a\":[1,{\"b\":\"]\\\"}\"}],\"c\":{\"d\":[]},\"e\":\"\"}\r"), 0);
	assert_string_equal(told, "a=5:[1,{\"b\":\"]\\\"}\"}];c=6:{\"d\":[]};e=0:;");
}

static void arrays_give_their_items(void **state)
{
	(void)state;
	assert_int_equal(read_as(json_read_array, "[\"a\", 2,[3]]", 12), 0);
	assert_string_equal(told, "=0:a;=1:2;=5:[3];");
	assert_int_equal(read_as(json_read_array, "[]", 2), 0);
	assert_string_equal(told, "");
}

static void escapes_become_what_they_mean(void **state)
{
	(void)state;
	assert_int_equal(object("{\"\\u0061\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"), 0);
	assert_string_equal(told, "a=0:\"\\/\b\f\n\r\t;");
	assert_int_equal(object("{\"a\":\"\\u00e9\\u20AC\\ud83d\\ude00\"}"), 0);
	assert_string_equal(told, "a=0:\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80;");
	/* Half a pair, and a NUL, which would end the text. */
	assert_int_equal(object("{\"a\":\"\\ud83dx\",\"b\":\"\\udc00\",\"c\":\"\\u0000\"}"), 0);
	assert_string_equal(told, "a=0:\xef\xbf\xbdx;b=0:\xef\xbf\xbd;c=0:\xef\xbf\xbd;");
}

static void what_is_none_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"}",
		"[]",
		"{a:1}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1",
		"{\"a\":1,}",
		"{\"a\":1}x",
		"{\"a\":01x}",
		"{\"a\":1.}",
		"{\"a\":.5}",
		"{\"a\":1e}",
		"{\"a\":-}",
		"{\"a\":nul}",
		"{\"a\":\"x}",
		"{\"a\":\"\\",
		"{\"a\":\"\\q\"}",
		"{\"a\":\"\\u12\"}",
		"{\"a\":\"\x01\"}",
		"{\"a\":[1}",
		"{\"a\":[}]}",
		"{\"a\":[\"]}",
		"{\"a\":1 2}",
	};
	char deep[200];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (object(texts[i]) != -EINVAL)
			fail_msg("taken: %s", texts[i]);
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(object(deep), -EINVAL);
}

static int stop(void *context, const char *key, const struct json_value *value)
{
	(void)context;
	(void)value;
	return strcmp(key, "b") == 0 ? 7 : 0;
}

static void a_callback_ends_it(void **state)
{
	char text[] = "{\"a\":1,\"b\":2,nonsense";

	(void)state;
	assert_int_equal(json_read_object(text, strlen(text), stop, NULL), 7);
}

/* Every beginning, and every byte of it changed. */
static void damaged_texts_are_survived(void **state)
{
	static const char whole[] =
		"{\"ts\":1.5e-05,\"a\":[\"x\\u00e9\",{\"b\":[1,2]}],\"c\":\"\\ud83d\\ude00\\\\\",\"d\":null}";
	char changed[sizeof(whole)];

	(void)state;
	for (size_t length = 0; length + 1 < sizeof(whole); length++)
		assert_int_equal(read_as(json_read_object, whole, length), -EINVAL);
	for (size_t at = 0; at + 1 < sizeof(whole); at++) {
		for (int byte = 0; byte < 256; byte++) {
			memcpy(changed, whole, sizeof(whole));
			changed[at] = (char)byte;
			if (byte)
				read_as(json_read_object, changed, strlen(changed));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_give_their_members),
		cmocka_unit_test(arrays_give_their_items),
		cmocka_unit_test(escapes_become_what_they_mean),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(a_callback_ends_it),
		cmocka_unit_test(damaged_texts_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
