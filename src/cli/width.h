/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * width.h - how many columns of a terminal a text takes: two for a wide character (CJK), none for a combining
 * mark, as wcwidth(3) has it for UTF-8, whatever the locale. What it does not know takes one, as does a byte
 * that is not UTF-8.
 */
#ifndef CLI_WIDTH_H
#define CLI_WIDTH_H

#include <stddef.h>

/* Columns of the whole text, which has no control characters. */
size_t width_of(const char *text);

/* Bytes of its beginning that fit into so many columns; combining marks stay with their character. */
size_t width_head(const char *text, size_t columns);

/* The longest end of it that fits, beginning with a character of its own. */
const char *width_tail(const char *text, size_t columns);

#endif
