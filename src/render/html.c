/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "render/html.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PIECE_MAX 16

struct range {
	uint32_t first, last;
};

/* Unicode's controls, default ignorables and direction marks, as far as they draw nothing of their own. */
static const struct range unseen[] = {
	{0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},    {0x034f, 0x034f}, {0x061c, 0x061c},
	{0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},    {0x200b, 0x200f}, {0x2028, 0x202e},
	{0x2060, 0x206f},   {0x3164, 0x3164},   {0xe000, 0xf8ff},    {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},
	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},    {0xfffe, 0xffff}, {0x1bca0, 0x1bca3},
	{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
};

static bool is_unseen(uint32_t code)
{
	if ((code & 0xfffe) == 0xfffe) /* the last two of each plane are noncharacters */
		return true;
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		if (code >= unseen[i].first && code <= unseen[i].last)
			return true;
	return false;
}

/* The code point of a valid character of that many bytes. */
static uint32_t decode(const char *source, size_t bytes)
{
	static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = (uint8_t)source[0] & lead[bytes];

	for (size_t i = 1; i < bytes; i++)
		code = code << 6 | ((uint8_t)source[i] & 0x3f);
	return code;
}

static const char *reference(char character)
{
	switch (character) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* What stands for the character at `source`, of `bytes` bytes (0: it is none). */
static void write_piece(char piece[static PIECE_MAX], const char *source, size_t bytes)
{
	const char *known = bytes == 1 ? reference(*source) : NULL;

	if (bytes == 0)
		text_copy(piece, PIECE_MAX, "\xef\xbf\xbd");
	else if (known)
		text_copy(piece, PIECE_MAX, known);
	else if (is_unseen(decode(source, bytes)))
		snprintf(piece, PIECE_MAX, "\xe2\x9f\xa6U+%04X\xe2\x9f\xa7", (unsigned)decode(source, bytes));
	else
		text_copy_bytes(piece, PIECE_MAX, source, bytes);
}

bool html_escape(char *target, size_t size, const char *source, size_t length)
{
	char piece[PIECE_MAX];
	size_t used = 0;

	while (length) {
		size_t bytes = text_utf8_character(source, length), taken = bytes ? bytes : 1, needed;

		write_piece(piece, source, bytes);
		needed = strlen(piece);
		if (used + needed >= size) {
			target[used] = '\0';
			return false;
		}
		memcpy(target + used, piece, needed);
		used += needed;
		source += taken;
		length -= taken;
	}
	target[used] = '\0';
	return true;
}
