/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/width.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"

/* A character of so many bytes, known to be UTF-8. */
static wchar_t decode(const char *text, size_t bytes)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	wchar_t character = (unsigned char)text[0] & first[bytes];

	for (size_t i = 1; i < bytes; i++)
		character = character << 6 | ((unsigned char)text[i] & 0x3f);
	return character;
}

/* The C library's table, which belongs to a locale: one that every system has, whichever is set. */
static int look_up(wchar_t character)
{
	static locale_t utf8;
	locale_t before;
	int columns;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!utf8)
		return 1;
	before = uselocale(utf8);
	columns = wcwidth(character);
	uselocale(before);
	return columns < 0 ? 1 : columns;
}

/* The columns of the text's first character, and its bytes. */
static size_t next(const char *text, size_t *bytes)
{
	*bytes = text_utf8_character(text, strnlen(text, 4));
	if (*bytes == 0) {
		*bytes = 1;
		return 1;
	}
	return *bytes == 1 ? 1 : (size_t)look_up(decode(text, *bytes));
}

size_t width_of(const char *text)
{
	size_t width = 0, bytes;

	for (; *text; text += bytes)
		width += next(text, &bytes);
	return width;
}

size_t width_head(const char *text, size_t columns)
{
	const char *at = text;
	size_t used = 0, bytes;

	while (*at) {
		used += next(at, &bytes);
		if (used > columns)
			break;
		at += bytes;
	}
	return (size_t)(at - text);
}

const char *width_tail(const char *text, size_t columns)
{
	size_t left = width_of(text), bytes;

	while (*text && left > columns) {
		left -= next(text, &bytes);
		text += bytes;
	}
	/* Marks of a character that is gone. */
	while (*text && next(text, &bytes) == 0)
		text += bytes;
	return text;
}
