/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * output.h - rows for people and for scripts: a table, JSON (one object a line), or
 * tab-separated values without a heading. Untrusted text is escaped in all three:
 * as \xNN (text_escape), in JSON as JSON does. A value is never cut, but in a table on a terminal.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_TSV, OUTPUT_METRICS };

enum column_type {               /* a terminal; a table in a pipe; TSV; JSON */
		   COLUMN_TEXT,  /* cut at its end to fit a terminal */
		   COLUMN_NAME,  /* a hostname or a path, whose end tells most: cut at its beginning */
		   COLUMN_UID,   /* an alert's; on a terminal its first 18 characters, which `firstseen alert`
				    takes */
		   COLUMN_LEVEL, /* a severity, coloured */
		   COLUMN_COUNT,
		   COLUMN_BYTES,   /* 1.2M in a table, the number elsewhere */
		   COLUMN_TIME,    /* UNIX ns; 0: never. "3h ago" on a terminal, RFC 3339 elsewhere; TSV "-",
				      JSON null */
		   COLUMN_SPAN,    /* seconds: 90d in a table, the number elsewhere */
		   COLUMN_SHARE,   /* 0..1: 99.50% in a table, the number elsewhere */
		   COLUMN_BOOLEAN, /* yes, no; JSON true, false */
};

struct column {
	const char *key; /* of JSON, and the heading in a table */
	enum column_type type;
	const char *heading; /* of a table, where the key is too long; NULL: from the key */
	unsigned spare;      /* a terminal that is too narrow goes without: the highest first; 0: never */
};

union cell {
	const char *text; /* NULL: as "" */
	uint64_t count;   /* COUNT, BYTES, SPAN, BOOLEAN */
	int64_t time_ns;
	double share;
};

struct output; /* opaque */

/* At most 12 columns; they must outlive the output. NULL when out of memory. */
struct output *output_new(enum output_format format, const struct column *columns, size_t count,
			  int64_t now_ns);

/* Adds a row of as many cells as there are columns; texts are copied. 0 or -ENOMEM. */
int output_row(struct output *output, const union cell *cells);

/* Prints what waits (a table needs its widths first) and frees it. NULL is fine. Returns how many rows there
 * were. */
size_t output_end(struct output *output);

/* One named value. */
struct fact {
	struct column column;
	union cell value;
};

/* Prints facts: "name  value" lines, `name<TAB>value` lines, or one JSON object. 0 or -ENOMEM. */
int output_facts(enum output_format format, const struct fact *facts, size_t count, int64_t now_ns);

/* Puts a value into an object that is being written. */
struct json;
void output_put_json(struct json *json, const struct column *column, union cell cell);

/* One value as a table on standard output has it; allocated. NULL when out of memory. */
char *output_value(enum column_type type, union cell cell, int64_t now_ns);

/* Prints a line "label  value" of output_value. */
void output_line(const char *label, enum column_type type, union cell cell, int64_t now_ns);

/* The text escaped for a terminal, whole; allocated. NULL when out of memory. A name keeps its backslashes.
 */
char *output_escape(const char *text);
char *output_escape_name(const char *text);

/* Whether standard output is a terminal, and one that wants colour. */
bool output_is_terminal(void);
bool output_has_colour(void);

#endif
