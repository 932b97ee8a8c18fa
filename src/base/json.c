/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DEPTH_MAX 32

void json_begin(struct json *json, char *buffer, size_t size)
{
	*json = (struct json){.buffer = buffer, .size = size, .overflow = size == 0};
}

int64_t json_end(struct json *json)
{
	if (json->overflow || json->length >= json->size)
		return -ENOSPC;
	json->buffer[json->length] = '\0';
	return (int64_t)json->length;
}

static void put(struct json *json, const char *bytes, size_t length)
{
	if (json->overflow || length >= json->size - json->length) {
		json->overflow = true;
		return;
	}
	memcpy(json->buffer + json->length, bytes, length);
	json->length += length;
}

static void put_text(struct json *json, const char *text)
{
	put(json, text, strlen(text));
}

static void put_escaped(struct json *json, unsigned char byte)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char text[8];

	for (size_t i = 0; i + 1 < sizeof(shorts); i += 2) {
		if ((unsigned char)shorts[i] == byte) {
			text[0] = '\\';
			text[1] = shorts[i + 1];
			put(json, text, 2);
			return;
		}
	}
	snprintf(text, sizeof(text), "\\u%04x", byte);
	put(json, text, 6);
}

static void put_string(struct json *json, const char *value, size_t length)
{
	put(json, "\"", 1);
	while (length && !json->overflow) {
		size_t character = text_utf8_character(value, length);
		unsigned char byte = (unsigned char)*value;

		if (character == 0) {
			put_text(json, "\xef\xbf\xbd"); /* U+FFFD */
			character = 1;
		} else if (character == 1 && (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f)) {
			put_escaped(json, byte);
		} else {
			put(json, value, character);
		}
		value += character;
		length -= character;
	}
	put(json, "\"", 1);
}

static void put_key(struct json *json, const char *key)
{
	if (json->comma)
		put(json, ",", 1);
	if (key) {
		put_string(json, key, strlen(key));
		put(json, ":", 1);
	}
	json->comma = true;
}

static void open_nested(struct json *json, const char *key, const char *bracket)
{
	put_key(json, key);
	put(json, bracket, 1);
	json->comma = false;
	if (++json->depth > DEPTH_MAX)
		json->overflow = true;
}

static void close_nested(struct json *json, const char *bracket)
{
	put(json, bracket, 1);
	json->comma = true;
	json->depth--;
}

void json_object_open(struct json *json, const char *key)
{
	open_nested(json, key, "{");
}

void json_object_close(struct json *json)
{
	close_nested(json, "}");
}

void json_array_open(struct json *json, const char *key)
{
	open_nested(json, key, "[");
}

void json_array_close(struct json *json)
{
	close_nested(json, "]");
}

void json_put_string(struct json *json, const char *key, const char *value)
{
	json_put_string_bytes(json, key, value, strlen(value));
}

void json_put_string_bytes(struct json *json, const char *key, const char *value, size_t length)
{
	put_key(json, key);
	put_string(json, value, length);
}

void json_put_integer(struct json *json, const char *key, int64_t value)
{
	char text[24];

	put_key(json, key);
	snprintf(text, sizeof(text), "%" PRId64, value);
	put_text(json, text);
}

void json_put_unsigned(struct json *json, const char *key, uint64_t value)
{
	char text[24];

	put_key(json, key);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	put_text(json, text);
}

void json_put_number(struct json *json, const char *key, double value)
{
	char text[40];

	if (!isfinite(value)) {
		json_put_null(json, key);
		return;
	}
	put_key(json, key);
	snprintf(text, sizeof(text), "%.10g", value);
	put_text(json, text);
}

void json_put_boolean(struct json *json, const char *key, bool value)
{
	put_key(json, key);
	put_text(json, value ? "true" : "false");
}

void json_put_null(struct json *json, const char *key)
{
	put_key(json, key);
	put_text(json, "null");
}

void json_put_raw(struct json *json, const char *key, const char *text)
{
	put_key(json, key);
	put_text(json, text);
}
