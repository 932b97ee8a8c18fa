/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* import_rows.c - baselines: what `firstseen export` writes, tables made by hand, other histories. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "base/text.h"
#include "cli/import.h"
#include "cli/progress.h"

#define COLUMNS_MAX 32
#define CONNECTIONS_MOST ((uint64_t)1 << 40)
#define BYTES_MOST ((uint64_t)1 << 50)
#define SECONDS_MOST 9000000000LL
#define PROGRESS_ROWS 4096

enum column_name {
	COLUMN_DOMAIN,
	COLUMN_HOSTNAME,
	COLUMN_APPLICATION,
	COLUMN_EXE,
	COLUMN_USER,
	COLUMN_FIRST,
	COLUMN_LAST,
	COLUMN_CONNECTIONS,
	COLUMN_BYTES_OUT,
	COLUMN_BYTES_IN,
	COLUMNS,
};

static const char *const names[COLUMNS] = {
	[COLUMN_DOMAIN] = "domain",
	[COLUMN_HOSTNAME] = "hostname",
	[COLUMN_APPLICATION] = "application",
	[COLUMN_EXE] = "exe",
	[COLUMN_USER] = "uid",
	[COLUMN_FIRST] = "first_seen",
	[COLUMN_LAST] = "last_seen",
	[COLUMN_CONNECTIONS] = "connections",
	[COLUMN_BYTES_OUT] = "bytes_out",
	[COLUMN_BYTES_IN] = "bytes_in",
};

/* A line's values, NULL where there is none. */
struct raw {
	char *values[COLUMNS];
};

/* What the row is made of, checked. */
struct checked {
	char domain[DOMAIN_MAX], hostname[HOSTNAME_MAX];
	char application[APPLICATION_MAX], exe[PROCESS_EXE_MAX];
	char address[ADDRESS_TEXT_MAX];
};

enum row_result { ROW_USED, ROW_BAD, ROW_INSIDE, ROW_TOO_OLD, ROW_IN_FUTURE };

static int column_of(const char *name)
{
	for (int i = 0; i < COLUMNS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool is_given(const char *text)
{
	return text && text[0];
}

static int read_number(const char *text, uint64_t most, uint64_t otherwise, uint64_t *out)
{
	*out = otherwise;
	if (!is_given(text))
		return 0;
	*out = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		*out = *out * 10 + (uint64_t)(*text - '0');
		if (*out > most)
			return -EINVAL;
	}
	return *text ? -EINVAL : 0;
}

/* RFC 3339, a date, or seconds since 1970. A span would mean another time at every import. */
static int read_time(const char *text, int64_t *ns)
{
	int64_t seconds = 0, fraction = 0, unit = NS_PER_SECOND / 10;

	if (strlen(text) > 4 && text[4] == '-')
		return text_parse_time(text, 0, ns);
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		seconds = seconds * 10 + (*text - '0');
		if (seconds > SECONDS_MOST)
			return -EINVAL;
	}
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			fraction += unit * (*text - '0');
	*ns = seconds * NS_PER_SECOND + fraction;
	return *text ? -EINVAL : 0;
}

static const char *read_times(const struct raw *raw, struct access_row *row)
{
	const char *first = raw->values[COLUMN_FIRST], *last = raw->values[COLUMN_LAST];

	if (!is_given(first) && !is_given(last))
		return "neither first_seen nor last_seen is there";
	if (is_given(first) && read_time(first, &row->first_ns))
		return "first_seen is no time";
	if (is_given(last) && read_time(last, &row->last_ns))
		return "last_seen is no time";
	if (!is_given(first))
		row->first_ns = row->last_ns;
	if (!is_given(last))
		row->last_ns = row->first_ns;
	return row->last_ns < row->first_ns ? "last_seen lies before first_seen" : NULL;
}

static const char *read_counts(const struct raw *raw, struct access_row *row)
{
	uint64_t uid;

	if (read_number(raw->values[COLUMN_CONNECTIONS], CONNECTIONS_MOST, 1, &row->connections))
		return "connections is no number that can be";
	if (read_number(raw->values[COLUMN_BYTES_OUT], BYTES_MOST, 0, &row->bytes_out) ||
	    read_number(raw->values[COLUMN_BYTES_IN], BYTES_MOST, 0, &row->bytes_in))
		return "bytes_out or bytes_in is no number that can be";
	if (read_number(raw->values[COLUMN_USER], UINT32_MAX, FS_UID_UNKNOWN, &uid))
		return "uid is no number of a user";
	row->uid = (uint32_t)uid;
	return NULL;
}

/* Names a program as the history does: what a terminal would obey is escaped, backslashes stay. */
static int read_program(const char *text, char *out, size_t size)
{
	size_t used = 0, length = text ? strlen(text) : 0;

	while (length) {
		size_t step = text_utf8_character(text, length);
		char escaped[64];

		if (step == 0)
			step = 1;
		text_escape(escaped, sizeof(escaped), text, *text == '\\' ? 0 : step);
		if (*text == '\\')
			text_copy(escaped, sizeof(escaped), "\\");
		if (!text_copy(out + used, size - used, escaped))
			return -EINVAL;
		used += strlen(escaped);
		text += step;
		length -= step;
	}
	out[used] = '\0';
	return 0;
}

/* --- names -------------------------------------------------------------------------------------- */

static enum row_result read_address(struct import *import, const struct address *address,
				    struct checked *checked, struct access_row *row)
{
	if (!network_is_external(&import->cli->config.inside, address))
		return ROW_INSIDE;
	row->kind = SUBJECT_ADDRESS;
	row->domain = row->hostname = address_format(address, checked->address);
	return ROW_USED;
}

/* The domain is found anew: this host may group names another way. */
static enum row_result read_name(struct import *import, const struct raw *raw, struct checked *checked,
				 struct access_row *row, const char **why)
{
	const char *hostname = raw->values[COLUMN_HOSTNAME], *named;
	struct address address;
	bool others = hostname && strcmp(hostname, HISTORY_OTHERS) == 0;

	named = others || !is_given(hostname) ? raw->values[COLUMN_DOMAIN] : hostname;
	*why = "neither a hostname nor a domain is there";
	if (!is_given(named))
		return ROW_BAD;
	if (address_parse(named, &address) == 0)
		return read_address(import, &address, checked, row);
	*why = "this is no hostname";
	if (hostname_normalise(named, checked->hostname))
		return ROW_BAD;
	switch (domain_of(import->rules, checked->hostname, checked->domain)) {
	case DOMAIN_INVALID:
		return ROW_BAD;
	case DOMAIN_INTERNAL:
		return ROW_INSIDE;
	default:
		break;
	}
	if (network_name_is_internal(&import->cli->config.inside, checked->hostname))
		return ROW_INSIDE;
	row->kind = SUBJECT_DOMAIN;
	row->domain = checked->domain;
	row->hostname = others ? HISTORY_OTHERS : checked->hostname;
	return ROW_USED;
}

static enum row_result check(struct import *import, const struct raw *raw, struct checked *checked,
			     struct access_row *row, const char **why)
{
	enum row_result result;

	*why = read_times(raw, row);
	if (!*why)
		*why = read_counts(raw, row);
	if (!*why && (read_program(raw->values[COLUMN_APPLICATION], checked->application, APPLICATION_MAX) ||
		      read_program(raw->values[COLUMN_EXE], checked->exe, PROCESS_EXE_MAX)))
		*why = "application or exe is too long";
	if (*why)
		return ROW_BAD;
	row->application = checked->application;
	row->exe = checked->exe;
	result = read_name(import, raw, checked, row, why);
	if (result != ROW_USED)
		return result;
	if (row->last_ns < import->oldest_ns)
		return ROW_TOO_OLD;
	return row->last_ns > import->latest_ns ? ROW_IN_FUTURE : ROW_USED;
}

/* --- rows ----------------------------------------------------------------------------------------- */

/* One file of rows. */
struct table {
	struct import *import;
	const char *path;
	enum rows_form form;
	size_t column_count;
	int columns[COLUMNS_MAX]; /* CSV: enum column_name by place */
	struct raw raw;
	struct checked checked;
	uint64_t rows;
};

static int take(struct table *table, uint64_t line)
{
	struct import *import = table->import;
	struct access_row row = {0};
	const char *why = NULL;

	switch (check(import, &table->raw, &table->checked, &row, &why)) {
	case ROW_BAD:
		import_bad(import, table->path, line, why);
		return 0;
	case ROW_INSIDE:
		import->counts.inside++;
		return 0;
	case ROW_TOO_OLD:
		import->counts.too_old++;
		return 0;
	case ROW_IN_FUTURE:
		import->counts.in_future++;
		return 0;
	case ROW_USED:
		break;
	}
	import->counts.rows++;
	table->rows++;
	if (import->from_ns == 0 || row.first_ns < import->from_ns)
		import->from_ns = row.first_ns;
	if (row.last_ns > import->to_ns)
		import->to_ns = row.last_ns;
	return history_stage_access(import->history, &row, &import->failure);
}

/* The next cell of a CSV line, without its quotes. *at is behind its comma; NULL at the end, or *wrong. */
static char *next_cell(char **at, bool *wrong)
{
	char *start = *at, *to, *from;

	if (*start != '"') {
		char *comma = strchr(start, ',');

		*at = comma ? comma + 1 : NULL;
		if (comma)
			*comma = '\0';
		return start;
	}
	to = from = ++start;
	while (*from && (*from != '"' || from[1] == '"')) {
		from += *from == '"';
		*to++ = *from++;
	}
	*wrong = *from != '"' || (from[1] != ',' && from[1] != '\0');
	*at = *wrong || from[1] == '\0' ? NULL : from + 2;
	*to = '\0';
	return start;
}

static const char *read_cells(struct table *table, char *text)
{
	bool wrong = false;
	size_t count = 0;

	memset(&table->raw, 0, sizeof(table->raw));
	for (char *at = text; at; count++) {
		char *cell = next_cell(&at, &wrong);

		if (wrong)
			return "a quote that is not closed";
		if (count == table->column_count)
			return "more cells than the heading has";
		table->raw.values[table->columns[count]] = cell;
	}
	return count < table->column_count ? "fewer cells than the heading has" : NULL;
}

/* The heading: each column by its name, in any order. 0, or -EINVAL with the failure filled. */
static int read_heading(struct table *table, char *text)
{
	struct import *import = table->import;
	bool wrong = false;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* a byte order mark, as some spreadsheets write it */
		text += 3;
	for (char *at = text; at && !wrong;) {
		char *cell = next_cell(&at, &wrong);
		int column = column_of(cell);

		if (column < 0 || table->column_count == COLUMNS_MAX)
			return failure_set(
				&import->failure, -EINVAL,
				"%.200s:1: there is no column \"%.60s\"; there are domain, hostname, "
				"application, exe, uid, first_seen, last_seen, connections, bytes_out, "
				"bytes_in",
				table->path, cell);
		table->columns[table->column_count++] = column;
	}
	return 0;
}

static int take_member(void *context, const char *key, const struct json_value *value)
{
	struct raw *raw = context;
	int column = column_of(key);

	/* A later firstseen may write more. */
	if (column >= 0 && value->kind <= JSON_NUMBER)
		raw->values[column] = value->text;
	return 0;
}

static int read_line(struct table *table, const struct line *line)
{
	const char *why = NULL;

	if (line->number == 1 && table->form == ROWS_CSV)
		return read_heading(table, line->text);
	if (line->length == 0)
		return 0;
	table->import->counts.lines++;
	if (line->cut) {
		why = "longer than 1 MiB";
	} else if (memchr(line->text, '\0', line->length)) {
		why = "a NUL byte in the line";
	} else if (table->form == ROWS_CSV) {
		why = read_cells(table, line->text);
	} else {
		memset(&table->raw, 0, sizeof(table->raw));
		if (json_read_object(line->text, line->length, take_member, &table->raw))
			why = "this is no JSON object";
	}
	if (!why)
		return take(table, line->number);
	import_bad(table->import, table->path, line->number, why);
	return 0;
}

bool import_rows_is_heading(const char *bytes, size_t length)
{
	size_t end = 0;

	while (end < length && bytes[end] != '\n')
		end++;
	return memmem(bytes, end, "hostname", 8) || memmem(bytes, end, "domain", 6);
}

int import_rows(struct import *import, const char *path, enum rows_form form)
{
	struct table *table = calloc(1, sizeof(*table));
	struct lines *lines = NULL;
	struct line line;
	int found = 0, error;

	if (!table)
		return failure_set(&import->failure, -ENOMEM, "out of memory");
	error = lines_open(path, &lines, &import->failure);
	if (error) {
		free(table);
		return error;
	}
	*table = (struct table){.import = import, .path = path, .form = form};
	import->from_ns = import->to_ns = 0;
	progress_begin(path);
	while (!error && (found = lines_next(lines, &line, &import->failure)) == 1) {
		if (line.open)
			lines_take_open(lines, &line);
		error = read_line(table, &line);
		if (line.number % PROGRESS_ROWS == 0) {
			uint64_t done, size;

			lines_progress(lines, &done, &size);
			progress_show(done, size, line.number, "lines");
		}
	}
	progress_clear();
	if (!error)
		error = found;
	if (!error && table->rows) {
		import_covers(import, import->from_ns, import->to_ns);
		error = import_done(import, lines_digest(lines), import->from_ns, import->to_ns);
	}
	lines_close(lines);
	free(table);
	return error;
}

/* --- another history -------------------------------------------------------------------------------- */

static int on_access(void *context, const struct access_row *row)
{
	struct table *table = context;
	char uid[16] = "", times[2][40], counts[3][24];

	if (row->uid != FS_UID_UNKNOWN)
		snprintf(uid, sizeof(uid), "%u", row->uid);
	snprintf(times[0], sizeof(times[0]), "%lld.%09lld", (long long)(row->first_ns / NS_PER_SECOND),
		 (long long)(row->first_ns % NS_PER_SECOND));
	snprintf(times[1], sizeof(times[1]), "%lld.%09lld", (long long)(row->last_ns / NS_PER_SECOND),
		 (long long)(row->last_ns % NS_PER_SECOND));
	snprintf(counts[0], sizeof(counts[0]), "%llu", (unsigned long long)row->connections);
	snprintf(counts[1], sizeof(counts[1]), "%llu", (unsigned long long)row->bytes_out);
	snprintf(counts[2], sizeof(counts[2]), "%llu", (unsigned long long)row->bytes_in);
	/* A history from elsewhere is checked like any text. Nothing of it is written to. */
	table->raw = (struct raw){.values = {(char *)(uintptr_t)row->domain, (char *)(uintptr_t)row->hostname,
					     (char *)(uintptr_t)row->application, (char *)(uintptr_t)row->exe,
					     uid, times[0], times[1], counts[0], counts[1], counts[2]}};
	table->import->counts.lines++;
	return take(table, table->import->counts.lines);
}

int import_history(struct import *import, const char *path)
{
	struct history_filter all = {0};
	struct history *other = NULL;
	struct digest digest;
	struct table *table = calloc(1, sizeof(*table));
	int error;

	if (!table)
		return failure_set(&import->failure, -ENOMEM, "out of memory");
	error = lines_digest_of(path, &digest, &import->failure);
	if (!error)
		error = history_open(path, HISTORY_READ, &other, &import->failure);
	if (!error)
		error = history_check(other, &import->failure);
	if (!error) {
		*table = (struct table){.import = import, .path = path};
		import->from_ns = import->to_ns = 0;
		progress_begin(path);
		error = history_accesses(other, &all, on_access, table, &import->failure);
		progress_clear();
	}
	if (!error && table->rows) {
		import_covers(import, import->from_ns, import->to_ns);
		error = import_done(import, &digest, import->from_ns, import->to_ns);
	}
	history_close(other);
	free(table);
	return error;
}
