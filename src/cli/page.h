/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * page.h - pieces of an HTML page. Untrusted text goes through these alone; what is written
 * with stdio beside them is constant or a number.
 */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdint.h>
#include <stdio.h>

#include "cli/output.h"

/* Untrusted text, between tags or in a quoted attribute: whole, or at most so many bytes of it, of
 * which the middle is left out. */
void page_text(FILE *out, const char *text);
void page_text_most(FILE *out, const char *text, size_t most);

/* The same between tags, as a name of its own whatever direction its letters have. */
void page_name(FILE *out, const char *text, size_t most);

void page_count(FILE *out, uint64_t count);       /* 12,345 */
void page_short_count(FILE *out, uint64_t count); /* 12k */
void page_value(FILE *out, enum column_type type, union cell cell);

/* "2026-03-01 12:00" in UTC; 0: "never" */
void page_time(FILE *out, int64_t time_ns);

#define PAGE_DAY_MAX 16
const char *page_day(int64_t day, char text[static PAGE_DAY_MAX]); /* days since 1970-01-01. Returns `text` */

/* The shortest words for a span of time: "45 s", "12 min", "3.5 h", "12 d". */
void page_span(FILE *out, double seconds);

/* Opens a table that scrolls in itself. `label` is constant. */
void page_table_open(FILE *out, const char *label, const char *class);
void page_table_close(FILE *out);

#endif
