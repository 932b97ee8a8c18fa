/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_read.h - reads one JSON object of one line in place: no allocation, no
 * recursion, any bytes. What is nested in it is handed out unread: its brackets and quotes are
 * paired, and it may be no JSON otherwise.
 */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include <stddef.h>

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_ARRAY, JSON_OBJECT };

/*
 * One value. `text` is terminated and lives as long as the line: a string without its
 * escapes (a NUL in it is U+FFFD), a number as it is written, an array or object with its brackets.
 */
struct json_value {
	enum json_kind kind;
	char *text;
	size_t length;
};

/* `key` is NULL in an array. A value other than 0 ends the reading and is returned. */
typedef int json_read_callback(void *context, const char *key, const struct json_value *value);

/*
 * Both overwrite text[0..length), of which text[length] must be writable, too. Every value is
 * handed out in order, also before a later mistake. 0, a callback's value, or -EINVAL: it is no such thing.
 */
int json_read_object(char *text, size_t length, json_read_callback *callback, void *context);
int json_read_array(char *text, size_t length, json_read_callback *callback, void *context);

#endif
