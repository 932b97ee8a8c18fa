/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * output.h - rows for people and for scripts: a table on a terminal, JSON lines, or
 * tab-separated values. Untrusted text is escaped in all three.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_TSV };

enum column_type {
	COLUMN_TEXT,
	COLUMN_COUNT,
	COLUMN_BYTES, /* 1.2M in a table, the number elsewhere */
	COLUMN_TIME,  /* UNIX ns; 0: never. "3h ago" on a terminal, RFC 3339 elsewhere */
};

struct column {
	const char *key; /* of JSON, and the heading in a table */
	enum column_type type;
};

union cell {
	const char *text;
	uint64_t count;
	int64_t time_ns;
};

struct output; /* opaque */

/* `columns` must outlive the output. NULL when out of memory. */
struct output *output_new(enum output_format format, const struct column *columns, size_t count,
			  int64_t now_ns);

/* Adds a row of as many cells as there are columns; texts are copied. 0 or -ENOMEM. */
int output_row(struct output *output, const union cell *cells);

/* Prints all (a table needs its widths first) and frees it. Returns how many rows there were. */
size_t output_end(struct output *output);

/* One value as people read it, for commands that print no table. Returns `text`. */
#define OUTPUT_VALUE_MAX 1100
const char *output_value(enum column_type type, union cell cell, int64_t now_ns,
			 char text[static OUTPUT_VALUE_MAX]);

/* Whether standard output is a terminal that wants colour. */
int output_has_colour(void);

#endif
