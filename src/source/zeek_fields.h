/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* zeek_fields.h - one line of a Zeek log, tab-separated or JSON, as the fields that matter here. */
#ifndef SOURCE_ZEEK_FIELDS_H
#define SOURCE_ZEEK_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#define ZEEK_COLUMNS_MAX 256
#define ZEEK_ITEMS_MAX 64

enum zeek_log { ZEEK_UNKNOWN, ZEEK_CONN, ZEEK_DNS, ZEEK_SSL, ZEEK_OTHER };

enum zeek_field {
	FIELD_TS,
	FIELD_UID,
	FIELD_ORIG_H,
	FIELD_ORIG_P,
	FIELD_RESP_H,
	FIELD_RESP_P,
	FIELD_PROTO,
	FIELD_SERVICE,
	FIELD_DURATION,
	FIELD_ORIG_BYTES,
	FIELD_RESP_BYTES,
	FIELD_CONN_STATE,
	FIELD_LOCAL_ORIG,
	FIELD_LOCAL_RESP,
	FIELD_TRANS_ID,
	FIELD_RTT,
	FIELD_QUERY,
	FIELD_RCODE,
	FIELD_TC,
	FIELD_ANSWERS,
	FIELD_TTLS,
	FIELD_VERSION,
	FIELD_SERVER_NAME,
	FIELD_ESTABLISHED,
	FIELD_PATH,
	ZEEK_FIELDS,
};

/* Several values of one field. */
struct zeek_items {
	size_t count; /* what is beyond ZEEK_ITEMS_MAX is left out */
	char *items[ZEEK_ITEMS_MAX];
};

/* The form of a log, as its head says, and the line at hand. */
struct zeek_fields {
	bool tabs; /* a head with #fields was read */
	char separator, set_separator;
	char empty[32], unset[32];
	enum zeek_log log; /* of a tab-separated one */
	size_t column_count;
	signed char columns[ZEEK_COLUMNS_MAX]; /* enum zeek_field, -1: none that matters */
	/* The line. NULL: not there, or unset. They lie in the line, without escapes. */
	char *values[ZEEK_FIELDS];
	struct zeek_items answers, ttls;
};

void zeek_fields_init(struct zeek_fields *fields);

/* A line that begins with '#'. NULL, or what is wrong with it. */
const char *zeek_fields_head(struct zeek_fields *fields, char *line);

/* Reads a line of text[0..length), which is overwritten. NULL and *log, or what is wrong with it. */
const char *zeek_fields_line(struct zeek_fields *fields, char *text, size_t length, enum zeek_log *log);

#endif
