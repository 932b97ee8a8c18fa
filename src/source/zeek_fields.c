/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/zeek_fields.h"

#include <stdio.h>
#include <string.h>

#include "base/json_read.h"
#include "base/text.h"

static const char *const names[ZEEK_FIELDS] = {
	[FIELD_TS] = "ts",
	[FIELD_UID] = "uid",
	[FIELD_ORIG_H] = "id.orig_h",
	[FIELD_ORIG_P] = "id.orig_p",
	[FIELD_RESP_H] = "id.resp_h",
	[FIELD_RESP_P] = "id.resp_p",
	[FIELD_PROTO] = "proto",
	[FIELD_SERVICE] = "service",
	[FIELD_DURATION] = "duration",
	[FIELD_ORIG_BYTES] = "orig_bytes",
	[FIELD_RESP_BYTES] = "resp_bytes",
	[FIELD_CONN_STATE] = "conn_state",
	[FIELD_LOCAL_ORIG] = "local_orig",
	[FIELD_LOCAL_RESP] = "local_resp",
	[FIELD_TRANS_ID] = "trans_id",
	[FIELD_RTT] = "rtt",
	[FIELD_QUERY] = "query",
	[FIELD_RCODE] = "rcode",
	[FIELD_TC] = "TC",
	[FIELD_ANSWERS] = "answers",
	[FIELD_TTLS] = "TTLs",
	[FIELD_VERSION] = "version",
	[FIELD_SERVER_NAME] = "server_name",
	[FIELD_ESTABLISHED] = "established",
	[FIELD_PATH] = "_path",
};

void zeek_fields_init(struct zeek_fields *fields)
{
	memset(fields, 0, sizeof(*fields));
	fields->separator = '\t';
	fields->set_separator = ',';
	text_copy(fields->empty, sizeof(fields->empty), "(empty)");
	text_copy(fields->unset, sizeof(fields->unset), "-");
}

static int field_of(const char *name)
{
	for (int i = 0; i < ZEEK_FIELDS; i++)
		if (names[i][0] == name[0] && strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if ((digit | 32) >= 'a' && (digit | 32) <= 'f')
		return (digit | 32) - 'a' + 10;
	return -1;
}

/* Zeek writes a byte that would disturb its log as \xNN, and a backslash doubled. A NUL ends no text: it
 * becomes '?'. */
static void unescape(char *text)
{
	char *to = strchr(text, '\\');

	if (!to)
		return;
	for (const char *from = to; *from;) {
		int high = -1, low = -1;

		if (from[0] == '\\' && from[1] == 'x') {
			high = hex_digit(from[2]);
			low = high < 0 ? -1 : hex_digit(from[3]);
		}
		if (low >= 0) {
			*to++ = (char)(high * 16 + low ? high * 16 + low : '?');
			from += 4;
		} else {
			from += from[0] == '\\' && from[1] == '\\';
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* --- the head ------------------------------------------------------------------------------- */

static enum zeek_log log_named(const char *path)
{
	if (strcmp(path, "conn") == 0)
		return ZEEK_CONN;
	if (strcmp(path, "dns") == 0)
		return ZEEK_DNS;
	return strcmp(path, "ssl") == 0 ? ZEEK_SSL : ZEEK_OTHER;
}

static bool has(const struct zeek_fields *fields, enum zeek_field field)
{
	return memchr(fields->columns, (int)field, fields->column_count) != NULL;
}

static enum zeek_log log_of_columns(const struct zeek_fields *fields)
{
	if (has(fields, FIELD_CONN_STATE))
		return ZEEK_CONN;
	if (has(fields, FIELD_QUERY) && has(fields, FIELD_ANSWERS))
		return ZEEK_DNS;
	return has(fields, FIELD_SERVER_NAME) && has(fields, FIELD_VERSION) ? ZEEK_SSL : ZEEK_OTHER;
}

static const char *read_columns(struct zeek_fields *fields, char *rest)
{
	char separator[2] = {fields->separator, '\0'};
	char *part;

	fields->column_count = 0;
	while ((part = strsep(&rest, separator)) != NULL) {
		if (fields->column_count == ZEEK_COLUMNS_MAX)
			return "more than 256 fields";
		fields->columns[fields->column_count++] = (signed char)field_of(part);
	}
	fields->tabs = true;
	if (fields->log == ZEEK_UNKNOWN)
		fields->log = log_of_columns(fields);
	if (fields->log != ZEEK_OTHER && (!has(fields, FIELD_TS) || !has(fields, FIELD_UID) ||
					  !has(fields, FIELD_ORIG_H) || !has(fields, FIELD_RESP_H)))
		return "#fields lacks ts, uid, id.orig_h or id.resp_h";
	return NULL;
}

/* The value behind "#NAME" and one separator, or NULL where it is another name. */
static char *value_of(const struct zeek_fields *fields, char *line, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(line + 1, name, length) != 0 ||
	    (line[1 + length] != fields->separator && line[1 + length] != ' '))
		return NULL;
	return line + 2 + length;
}

const char *zeek_fields_head(struct zeek_fields *fields, char *line)
{
	char *value;

	if ((value = value_of(fields, line, "separator")) != NULL) {
		zeek_fields_init(fields);
		unescape(value);
		if (!value[0] || value[1])
			return "#separator is not one character";
		fields->separator = value[0];
	} else if ((value = value_of(fields, line, "set_separator")) != NULL && value[0]) {
		fields->set_separator = value[0];
	} else if ((value = value_of(fields, line, "empty_field")) != NULL) {
		text_copy(fields->empty, sizeof(fields->empty), value);
	} else if ((value = value_of(fields, line, "unset_field")) != NULL) {
		text_copy(fields->unset, sizeof(fields->unset), value);
	} else if ((value = value_of(fields, line, "path")) != NULL) {
		fields->log = log_named(value);
	} else if ((value = value_of(fields, line, "fields")) != NULL) {
		return read_columns(fields, value);
	}
	return NULL; /* #types, #open, #close and remarks */
}

/* --- tab-separated lines ----------------------------------------------------------------------- */

static void split(char *text, char separator, struct zeek_items *items)
{
	char separators[2] = {separator, '\0'};
	char *part;

	items->count = 0;
	while (items->count < ZEEK_ITEMS_MAX && (part = strsep(&text, separators)) != NULL) {
		unescape(part);
		items->items[items->count++] = part;
	}
}

static void take_column(struct zeek_fields *fields, int field, char *text)
{
	if (field < 0 || strcmp(text, fields->unset) == 0)
		return;
	if (strcmp(text, fields->empty) == 0)
		return;
	fields->values[field] = text;
	if (field == FIELD_ANSWERS)
		split(text, fields->set_separator, &fields->answers);
	else if (field == FIELD_TTLS)
		split(text, fields->set_separator, &fields->ttls);
	else
		unescape(text);
}

static const char *read_tabs(struct zeek_fields *fields, char *text, size_t length, enum zeek_log *log)
{
	char *end = text + length;
	size_t column = 0;

	*log = fields->log;
	if (*log == ZEEK_OTHER)
		return NULL;
	for (char *at = text; at && column < fields->column_count; column++) {
		char *next = memchr(at, fields->separator, (size_t)(end - at));

		if (next)
			*next++ = '\0';
		take_column(fields, fields->columns[column], at);
		at = next;
	}
	return column < fields->column_count ? "fewer fields than #fields names" : NULL;
}

/* --- JSON lines ---------------------------------------------------------------------------------- */

static int take_item(void *context, const char *key, const struct json_value *value)
{
	struct zeek_items *items = context;

	(void)key;
	if (items->count < ZEEK_ITEMS_MAX && value->kind <= JSON_NUMBER) {
		unescape(value->text);
		items->items[items->count++] = value->text;
	}
	return 0;
}

static int take_member(void *context, const char *key, const struct json_value *value)
{
	struct zeek_fields *fields = context;
	int field = field_of(key);

	if (field < 0 || value->kind == JSON_NULL || value->kind == JSON_OBJECT)
		return 0;
	if (value->kind == JSON_ARRAY) {
		struct zeek_items *items = field == FIELD_ANSWERS ? &fields->answers
					   : field == FIELD_TTLS  ? &fields->ttls
								  : NULL;

		return items ? json_read_array(value->text, value->length, take_item, items) : 0;
	}
	fields->values[field] = value->text;
	if (value->kind == JSON_STRING)
		unescape(value->text);
	return 0;
}

static enum zeek_log log_of_members(const struct zeek_fields *fields)
{
	char *const *values = fields->values;

	if (values[FIELD_PATH])
		return log_named(values[FIELD_PATH]);
	if (!values[FIELD_TS] || !values[FIELD_UID] || !values[FIELD_ORIG_H])
		return ZEEK_OTHER;
	if (values[FIELD_CONN_STATE])
		return ZEEK_CONN;
	if (values[FIELD_TC] && values[FIELD_TRANS_ID])
		return ZEEK_DNS;
	return values[FIELD_ESTABLISHED] ? ZEEK_SSL : ZEEK_OTHER;
}

static const char *read_json(struct zeek_fields *fields, char *text, size_t length, enum zeek_log *log)
{
	if (json_read_object(text, length, take_member, fields))
		return "this is no JSON object";
	*log = log_of_members(fields);
	return NULL;
}

const char *zeek_fields_line(struct zeek_fields *fields, char *text, size_t length, enum zeek_log *log)
{
	memset(fields->values, 0, sizeof(fields->values));
	fields->answers.count = fields->ttls.count = 0;
	*log = ZEEK_UNKNOWN;
	if (memchr(text, '\0', length))
		return "a NUL byte in the line";
	if (fields->tabs)
		return read_tabs(fields, text, length, log);
	return text[0] == '{' ? read_json(fields, text, length, log)
			      : "neither JSON nor behind a #fields line";
}
