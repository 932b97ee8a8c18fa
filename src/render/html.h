/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* html.h - untrusted text inside an HTML page: as text, or in a quoted attribute. */
#ifndef RENDER_HTML_H
#define RENDER_HTML_H

#include <stdbool.h>
#include <stddef.h>

/* No byte of the source takes more than so many of the target. */
#define HTML_ESCAPE_MOST 12

/*
 * Writes `length` bytes of anything so that they stay text, between tags and in an attribute
 * that stands in either kind of quotes: & < > " ' become character references; bytes that are not UTF-8
 * become U+FFFD. What can not be seen or changes how the rest looks (controls, direction marks,
 * spaces without width, tags, noncharacters) is shown by its number, as U+202E in white square brackets.
 *
 * `target` of `size` bytes (> 0) is always terminated. Returns false when it had to be
 * cut; never cuts inside a reference or a character.
 */
bool html_escape(char *target, size_t size, const char *source, size_t length);

#endif
