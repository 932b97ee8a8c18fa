/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/json_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DEPTH_MAX 32

struct reader {
	char *at, *end; /* *end is writable and 0 */
};

static void skip_blanks(struct reader *reader)
{
	while (reader->at < reader->end &&
	       (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r' || *reader->at == '\n'))
		reader->at++;
}

/* --- strings ------------------------------------------------------------------------------ */

/* Four hexadecimal digits, or -1. */
static int read_hex(const char *at, const char *end)
{
	int value = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char digit = at[i];

		if (digit >= '0' && digit <= '9')
			value = value * 16 + digit - '0';
		else if ((digit | 32) >= 'a' && (digit | 32) <= 'f')
			value = value * 16 + (digit | 32) - 'a' + 10;
		else
			return -1;
	}
	return value;
}

/* At most as many bytes as the escape that it stood for. */
static char *put_utf8(char *to, uint32_t character)
{
	if (character < 0x80) {
		*to++ = (char)character;
	} else if (character < 0x800) {
		*to++ = (char)(0xc0 | character >> 6);
		*to++ = (char)(0x80 | (character & 63));
	} else if (character < 0x10000) {
		*to++ = (char)(0xe0 | character >> 12);
		*to++ = (char)(0x80 | (character >> 6 & 63));
		*to++ = (char)(0x80 | (character & 63));
	} else {
		*to++ = (char)(0xf0 | character >> 18);
		*to++ = (char)(0x80 | (character >> 12 & 63));
		*to++ = (char)(0x80 | (character >> 6 & 63));
		*to++ = (char)(0x80 | (character & 63));
	}
	return to;
}

/* Behind "\u". Advances *from, NULL where it is no escape. */
static char *read_unicode(const char **from, const char *end, char *to)
{
	int high = read_hex(*from, end), low;
	uint32_t character = (uint32_t)high;

	if (high < 0)
		return NULL;
	*from += 4;
	if (high >= 0xd800 && high < 0xdc00 && end - *from >= 6 && (*from)[0] == '\\' && (*from)[1] == 'u') {
		low = read_hex(*from + 2, end);
		if (low >= 0xdc00 && low < 0xe000) {
			character = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
			*from += 6;
		}
	}
	if (character == 0 || (character >= 0xd800 && character < 0xe000))
		character = 0xfffd;
	return put_utf8(to, character);
}

/* Takes a string behind its opening quote. */
static int read_string(struct reader *reader, struct json_value *value)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	const char *from = reader->at;
	char *to = reader->at;

	value->kind = JSON_STRING;
	value->text = to;
	while (from < reader->end && *from != '"') {
		const char *escape;

		if (*from != '\\') {
			if ((unsigned char)*from < 0x20)
				return -EINVAL;
			*to++ = *from++;
			continue;
		}
		if (++from == reader->end)
			return -EINVAL;
		if (*from == 'u') {
			from++;
			to = read_unicode(&from, reader->end, to);
			if (!to)
				return -EINVAL;
			continue;
		}
		for (escape = escapes; *escape && *escape != *from; escape += 2)
			;
		if (!*escape)
			return -EINVAL;
		*to++ = escape[1];
		from++;
	}
	if (from == reader->end)
		return -EINVAL;
	*to = '\0';
	value->length = (size_t)(to - value->text);
	reader->at += from + 1 - reader->at;
	return 0;
}

/* --- what is nested, unread ------------------------------------------------------------------ */

static int skip_string(struct reader *reader)
{
	for (reader->at++; reader->at < reader->end; reader->at++) {
		if (*reader->at == '"') {
			reader->at++;
			return 0;
		}
		if (*reader->at == '\\' && ++reader->at == reader->end)
			break;
	}
	return -EINVAL;
}

/* An array or object to the bracket that ends it. */
static int skip_nested(struct reader *reader, struct json_value *value)
{
	char brackets[DEPTH_MAX];
	size_t depth = 0;

	value->kind = *reader->at == '[' ? JSON_ARRAY : JSON_OBJECT;
	value->text = reader->at;
	do {
		char character = *reader->at;

		if (character == '"') {
			if (skip_string(reader))
				return -EINVAL;
			continue;
		}
		if (character == '[' || character == '{') {
			if (depth == DEPTH_MAX)
				return -EINVAL;
			brackets[depth++] = character == '[' ? ']' : '}';
		} else if (character == ']' || character == '}') {
			if (brackets[--depth] != character)
				return -EINVAL;
		}
		reader->at++;
	} while (depth && reader->at < reader->end);
	value->length = (size_t)(reader->at - value->text);
	return depth ? -EINVAL : 0;
}

/* --- values -------------------------------------------------------------------------------- */

static bool is_number(const char *at, const char *end)
{
	const char *start;

	at += at < end && *at == '-';
	for (start = at; at < end && *at >= '0' && *at <= '9';)
		at++;
	if (at == start)
		return false;
	if (at < end && *at == '.') {
		for (start = ++at; at < end && *at >= '0' && *at <= '9';)
			at++;
		if (at == start)
			return false;
	}
	if (at < end && (*at | 32) == 'e') {
		at++;
		at += at < end && (*at == '+' || *at == '-');
		for (start = at; at < end && *at >= '0' && *at <= '9';)
			at++;
		if (at == start)
			return false;
	}
	return at == end;
}

static int read_word(struct reader *reader, struct json_value *value)
{
	static const struct {
		const char *text;
		enum json_kind kind;
	} words[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};

	value->text = reader->at;
	while (reader->at < reader->end && !memchr(",]} \t\r\n", *reader->at, 7))
		reader->at++;
	value->length = (size_t)(reader->at - value->text);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (value->length == strlen(words[i].text) &&
		    memcmp(value->text, words[i].text, value->length) == 0) {
			value->kind = words[i].kind;
			return 0;
		}
	}
	value->kind = JSON_NUMBER;
	return is_number(value->text, reader->at) ? 0 : -EINVAL;
}

static int read_value(struct reader *reader, struct json_value *value)
{
	skip_blanks(reader);
	if (reader->at == reader->end)
		return -EINVAL;
	if (*reader->at == '"') {
		reader->at++;
		return read_string(reader, value);
	}
	if (*reader->at == '[' || *reader->at == '{')
		return skip_nested(reader, value);
	return read_word(reader, value);
}

/* The values up to the closing bracket, each with its key in an object. */
static int read_values(struct reader *reader, char closing, json_read_callback *callback, void *context)
{
	struct json_value key = {.text = NULL}, value;
	char next;
	int error;

	do {
		skip_blanks(reader);
		if (closing == '}') {
			if (reader->at == reader->end || *reader->at++ != '"' || read_string(reader, &key))
				return -EINVAL;
			skip_blanks(reader);
			if (reader->at == reader->end || *reader->at++ != ':')
				return -EINVAL;
		}
		if (read_value(reader, &value))
			return -EINVAL;
		skip_blanks(reader);
		if (reader->at == reader->end)
			return -EINVAL;
		next = *reader->at++;
		if (next != ',' && next != closing)
			return -EINVAL;
		value.text[value.length] = '\0'; /* over what was read already */
		error = callback(context, key.text, &value);
	} while (!error && next == ',');
	return error;
}

static int read_whole(char *text, size_t length, const char *brackets, json_read_callback *callback,
		      void *context)
{
	struct reader reader = {text, text + length};
	int error = 0;

	skip_blanks(&reader);
	if (reader.at == reader.end || *reader.at++ != brackets[0])
		return -EINVAL;
	skip_blanks(&reader);
	if (reader.at < reader.end && *reader.at == brackets[1])
		reader.at++;
	else
		error = read_values(&reader, brackets[1], callback, context);
	if (error)
		return error;
	skip_blanks(&reader);
	return reader.at == reader.end ? 0 : -EINVAL;
}

int json_read_object(char *text, size_t length, json_read_callback *callback, void *context)
{
	return read_whole(text, length, "{}", callback, context);
}

int json_read_array(char *text, size_t length, json_read_callback *callback, void *context)
{
	return read_whole(text, length, "[]", callback, context);
}
