/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text.h - bounded strings, and spans and points of time as people write them. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SECOND INT64_C(1000000000)
#define SECONDS_PER_DAY INT64_C(86400)
#define TIME_MOST_NS INT64_C(7500000000000000000) /* in 2207: spans can be added, and differences taken */

/*
 * Copies `source` into `target` of `size` bytes (> 0), cut to fit and always
 * terminated. Returns false when it was cut.
 */
bool text_copy(char *target, size_t size, const char *source);

/* The same from `length` bytes that need not be terminated; stops at a NUL byte. */
bool text_copy_bytes(char *target, size_t size, const char *source, size_t length);

/* Lower case for ASCII letters alone, in place. */
void text_lower(char *text);

/*
 * Writes `length` bytes of anything for a person's terminal: printable ASCII and
 * valid UTF-8 as they are, control characters (C0, DEL, C1), direction marks, backslashes and
 * bytes that are not UTF-8 as \xNN. `target` is always terminated. Returns false
 * when it had to be cut; never cuts inside an escape or a character.
 */
bool text_escape(char *target, size_t size, const char *source, size_t length);

/* Bytes of the valid UTF-8 character at the start of source[0..length), or 0. */
size_t text_utf8_character(const char *source, size_t length);

/*
 * Reads a span: a number with s, m, h, d or w, or several ("1h30m"). *seconds is
 * untouched on failure. Returns 0 or -EINVAL (no unit, nothing, overflow, negative).
 */
int text_parse_span(const char *text, int64_t *seconds);

/* The shortest exact form: 90d, 36h, 5m, 10s. Returns `text`. */
#define TEXT_SPAN_MAX 32
const char *text_format_span(int64_t seconds, char text[static TEXT_SPAN_MAX]);

/*
 * Reads RFC 3339 ("2026-03-01T12:00:00Z", with fraction and offset), a date
 * ("2026-03-01", midnight UTC), or a span, which is that long before `now_ns`.
 * *out is UNIX time in ns; untouched on failure. Returns 0 or -EINVAL.
 */
int text_parse_time(const char *text, int64_t now_ns, int64_t *out_ns);

/* RFC 3339 in UTC with milliseconds: 2026-03-01T12:00:00.123Z. Returns `text`. */
#define TEXT_TIME_MAX 40
const char *text_format_time(int64_t time_ns, char text[static TEXT_TIME_MAX]);

/* Reads "16M", "64K", "1G" or a plain number of bytes. 0 or -EINVAL. */
int text_parse_bytes(const char *text, uint64_t *bytes);

/* Whether the hostname `name` is below `parent`: www.example.com is below example.com and com, example.com
 * not below itself. */
bool text_is_below(const char *name, const char *parent);

#endif
