/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* json.c - one object or array of JSON, and what is nested in it. */
#include "base/json_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define DEPTH_MOST 8

static int on_value(void *context, const char *key, const struct json_value *value)
{
	unsigned *depth = context;
	int error;

	must(!key || strlen(key) < (1 << 20));
	must(value->text[value->length] == '\0');
	if (value->kind <= JSON_NUMBER)
		must(strlen(value->text) == value->length);
	if (value->kind < JSON_ARRAY || *depth == DEPTH_MOST)
		return 0;
	++*depth;
	if (value->kind == JSON_ARRAY)
		error = json_read_array(value->text, value->length, on_value, depth);
	else
		error = json_read_object(value->text, value->length, on_value, depth);
	--*depth;
	must(error == 0 || error == -EINVAL);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	unsigned depth = 0;
	int error;

	if (size && data[0] == '[')
		error = json_read_array(text, size, on_value, &depth);
	else
		error = json_read_object(text, size, on_value, &depth);
	must(error == 0 || error == -EINVAL);
	free(text);
	return 0;
}
