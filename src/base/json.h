/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json.h - writes JSON into a fixed buffer. It never fails on content: bytes
 * that are not UTF-8 become U+FFFD, control characters are escaped. A buffer
 * that is too small is told once, at the end.
 *
 * Keys and strings are data, never formats. Nesting: 32 levels at most.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *buffer; /* owned by the caller */
	size_t size;
	size_t length;
	bool overflow;
	bool comma;
	unsigned depth;
};

void json_begin(struct json *json, char *buffer, size_t size);

/* The length of the terminated text, or -ENOSPC when it did not fit. */
int64_t json_end(struct json *json);

/* `key` is NULL inside arrays and for the outermost value. */
void json_object_open(struct json *json, const char *key);
void json_object_close(struct json *json);
void json_array_open(struct json *json, const char *key);
void json_array_close(struct json *json);
void json_put_string(struct json *json, const char *key, const char *value);
void json_put_string_bytes(struct json *json, const char *key, const char *value, size_t length);
void json_put_integer(struct json *json, const char *key, int64_t value);
void json_put_unsigned(struct json *json, const char *key, uint64_t value);
void json_put_number(struct json *json, const char *key, double value); /* not finite: null */
void json_put_boolean(struct json *json, const char *key, bool value);
void json_put_null(struct json *json, const char *key);

/* Inserts text that is already JSON (an alert kept in the history). */
void json_put_raw(struct json *json, const char *key, const char *text);

#endif
