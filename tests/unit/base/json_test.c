/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void values_are_read_back(void **state)
{
	char line[1024];
	struct json json;
	int64_t length;
	json_t *tree;

	(void)state;
	json_begin(&json, line, sizeof(line));
	json_object_open(&json, NULL);
	json_put_string(&json, "text", "a \"quoted\" \\ line\n\001");
	json_put_string(&json, "bytes", "\xff\xc3\xa9\xf0\x9f\x98\x80");
	json_put_integer(&json, "least", INT64_MIN);
	json_put_unsigned(&json, "most", INT64_MAX);
	json_put_number(&json, "half", 0.5);
	json_put_number(&json, "nan", NAN);
	json_put_boolean(&json, "yes", true);
	json_array_open(&json, "list");
	json_put_integer(&json, NULL, 1);
	json_object_open(&json, NULL);
	json_object_close(&json);
	json_put_raw(&json, NULL, "{\"x\":[]}");
	json_array_close(&json);
	json_object_close(&json);
	length = json_end(&json);
	assert_int_equal(length, strlen(line));
	tree = json_loads(line, 0, NULL);
	assert_non_null(tree);
	assert_string_equal(json_string_value(json_object_get(tree, "text")), "a \"quoted\" \\ line\n\001");
	assert_string_equal(json_string_value(json_object_get(tree, "bytes")),
			    "\xef\xbf\xbd\xc3\xa9\xf0\x9f\x98\x80");
	assert_true(json_integer_value(json_object_get(tree, "least")) == INT64_MIN);
	assert_true(json_is_null(json_object_get(tree, "nan")));
	assert_int_equal(json_array_size(json_object_get(tree, "list")), 3);
	json_decref(tree);
}

static void any_bytes_give_valid_json_or_are_told(void **state)
{
	char line[256], key[16], value[64];

	(void)state;
	srand(5);
	for (int i = 0; i < 20000; i++) {
		size_t size = 1 + (size_t)(rand() % 255);
		struct json json;
		int64_t length;

		for (size_t j = 0; j < sizeof(value); j++)
			value[j] = (char)rand();
		for (size_t j = 0; j < sizeof(key) - 1; j++)
			key[j] = (char)(1 + rand() % 255);
		key[sizeof(key) - 1] = '\0';
		json_begin(&json, line, size);
		json_object_open(&json, NULL);
		json_put_string_bytes(&json, key, value, (size_t)(rand() % 64));
		json_object_close(&json);
		length = json_end(&json);
		if (length >= 0) {
			json_t *tree = json_loads(line, JSON_ALLOW_NUL, NULL);

			assert_non_null(tree);
			assert_true((size_t)length < size);
			json_decref(tree);
		} else {
			assert_int_equal(length, -ENOSPC);
		}
	}
}

static void depth_is_bounded(void **state)
{
	char line[256];
	struct json json;

	(void)state;
	json_begin(&json, line, sizeof(line));
	for (int i = 0; i < 40; i++)
		json_array_open(&json, NULL);
	for (int i = 0; i < 40; i++)
		json_array_close(&json);
	assert_int_equal(json_end(&json), -ENOSPC);
	json_begin(&json, line, 0);
	assert_int_equal(json_end(&json), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_back),
		cmocka_unit_test(any_bytes_give_valid_json_or_are_told),
		cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
