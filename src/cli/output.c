/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/table.h"

#define UID_SHOWN 18 /* of a UUIDv7: its time in ms, and some of what is random */
#define VALUE_MAX 64 /* any value that is not a text */
#define LABEL_WIDTH 12

struct output {
	enum output_format format;
	const struct column *columns;
	size_t column_count, row_count, capacity;
	int64_t now_ns;
	char **cells; /* OUTPUT_TABLE: all texts, row by row; owned */
};

bool output_is_terminal(void)
{
	return isatty(STDOUT_FILENO);
}

bool output_has_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return output_is_terminal() && !(no_colour && *no_colour) && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (output_is_terminal() && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		return size.ws_col;
	return 0; /* a pipe gets everything */
}

/* --- values ------------------------------------------------------------------------------ */

static bool is_text(enum column_type type)
{
	return type == COLUMN_TEXT || type == COLUMN_NAME || type == COLUMN_UID || type == COLUMN_LEVEL;
}

static const char *text_of(union cell cell)
{
	return cell.text ? cell.text : "";
}

char *output_escape(const char *text)
{
	size_t length = strlen(text), size = 4 * length + 1;
	char *escaped = malloc(size);

	if (escaped)
		text_escape(escaped, size, text, length);
	return escaped;
}

char *output_escape_name(const char *text)
{
	size_t length = strlen(text), size = 4 * length + 1, used = 0;
	char *escaped = malloc(size);

	while (escaped) {
		size_t part = strcspn(text, "\\");

		text_escape(escaped + used, size - used, text, part);
		used += strlen(escaped + used);
		text += part;
		if (!*text)
			break;
		escaped[used++] = *text++;
		escaped[used] = '\0';
	}
	return escaped;
}

static char *escape(enum column_type type, const char *text)
{
	return type == COLUMN_NAME ? output_escape_name(text) : output_escape(text);
}

static void put_bytes(uint64_t bytes, char text[static VALUE_MAX])
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(text, VALUE_MAX, "%" PRIu64, bytes);
		return;
	}
	for (; value >= 1023.5 && units[unit + 1]; unit++)
		value /= 1024;
	snprintf(text, VALUE_MAX, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

static void put_time(int64_t time_ns, int64_t now_ns, char text[static VALUE_MAX])
{
	int64_t seconds = (now_ns - time_ns) / NS_PER_SECOND;

	if (time_ns == 0)
		text_copy(text, VALUE_MAX, "never");
	else if (!output_is_terminal() || now_ns < time_ns)
		text_format_time(time_ns, text);
	else if (seconds < 60)
		snprintf(text, VALUE_MAX, "%" PRId64 "s ago", seconds);
	else if (seconds < 3600)
		snprintf(text, VALUE_MAX, "%" PRId64 "m ago", seconds / 60);
	else if (seconds < 2 * SECONDS_PER_DAY)
		snprintf(text, VALUE_MAX, "%" PRId64 "h ago", seconds / 3600);
	else
		snprintf(text, VALUE_MAX, "%" PRId64 "d ago", seconds / SECONDS_PER_DAY);
}

/* 100% only where nothing at all is missing. */
static void put_share(double share, char text[static VALUE_MAX])
{
	if (share < 1 && share > 0.9999)
		share = 0.9999;
	snprintf(text, VALUE_MAX, "%.2f%%", share * 100);
}

static void put_value(enum column_type type, union cell cell, int64_t now_ns, char text[static VALUE_MAX])
{
	if (type == COLUMN_BYTES)
		put_bytes(cell.count, text);
	else if (type == COLUMN_TIME)
		put_time(cell.time_ns, now_ns, text);
	else if (type == COLUMN_SPAN)
		text_format_span((int64_t)cell.count, text);
	else if (type == COLUMN_SHARE)
		put_share(cell.share, text);
	else if (type == COLUMN_BOOLEAN)
		text_copy(text, VALUE_MAX, cell.count ? "yes" : "no");
	else
		snprintf(text, VALUE_MAX, "%" PRIu64, cell.count);
}

char *output_value(enum column_type type, union cell cell, int64_t now_ns)
{
	char text[VALUE_MAX];

	if (type == COLUMN_UID && output_is_terminal()) {
		text_copy_bytes(text, UID_SHOWN + 1, text_of(cell), strlen(text_of(cell)));
		return output_escape(text);
	}
	if (is_text(type))
		return escape(type, text_of(cell));
	put_value(type, cell, now_ns, text);
	return strdup(text);
}

void output_line(const char *label, enum column_type type, union cell cell, int64_t now_ns)
{
	char *value = output_value(type, cell, now_ns);

	printf("%-*s %s\n", LABEL_WIDTH, label, value ? value : "(out of memory)");
	free(value);
}

/* --- JSON and TSV ------------------------------------------------------------------------ */

void output_put_json(struct json *json, const struct column *column, union cell cell)
{
	char time[TEXT_TIME_MAX];

	if (is_text(column->type))
		json_put_string(json, column->key, text_of(cell));
	else if (column->type == COLUMN_SHARE)
		json_put_number(json, column->key, cell.share);
	else if (column->type == COLUMN_BOOLEAN)
		json_put_boolean(json, column->key, cell.count != 0);
	else if (column->type != COLUMN_TIME)
		json_put_unsigned(json, column->key, cell.count);
	else if (cell.time_ns)
		json_put_string(json, column->key, text_format_time(cell.time_ns, time));
	else
		json_put_null(json, column->key);
}

/* More than a value needs: a byte takes six characters at most (\u001b). */
static size_t json_room(const struct column *column, union cell cell)
{
	return strlen(column->key) + VALUE_MAX + (is_text(column->type) ? 6 * strlen(text_of(cell)) : 0);
}

static int print_json_row(const struct output *output, const union cell *cells)
{
	size_t room = VALUE_MAX;
	struct json json;
	char *line;

	for (size_t i = 0; i < output->column_count; i++)
		room += json_room(&output->columns[i], cells[i]);
	line = malloc(room);
	if (!line)
		return -ENOMEM;
	json_begin(&json, line, room);
	json_object_open(&json, NULL);
	for (size_t i = 0; i < output->column_count; i++)
		output_put_json(&json, &output->columns[i], cells[i]);
	json_object_close(&json);
	json_end(&json);
	puts(line);
	free(line);
	return 0;
}

static int print_tsv_value(enum column_type type, union cell cell)
{
	char time[TEXT_TIME_MAX], *text;

	if (is_text(type)) {
		text = escape(type, text_of(cell));
		if (!text)
			return -ENOMEM;
		fputs(text, stdout);
		free(text);
	} else if (type == COLUMN_TIME) {
		fputs(cell.time_ns ? text_format_time(cell.time_ns, time) : "-", stdout);
	} else if (type == COLUMN_SHARE) {
		printf("%.9g", cell.share);
	} else if (type == COLUMN_BOOLEAN) {
		fputs(cell.count ? "yes" : "no", stdout);
	} else {
		printf("%" PRIu64, cell.count);
	}
	return 0;
}

static int print_tsv_row(const struct output *output, const union cell *cells)
{
	int error = 0;

	for (size_t i = 0; i < output->column_count && !error; i++) {
		if (i)
			putchar('\t');
		error = print_tsv_value(output->columns[i].type, cells[i]);
	}
	putchar('\n');
	return error;
}

/* --- rows -------------------------------------------------------------------------------- */

struct output *output_new(enum output_format format, const struct column *columns, size_t count,
			  int64_t now_ns)
{
	struct output *output = count <= TABLE_COLUMNS_MAX ? calloc(1, sizeof(*output)) : NULL;

	if (!output)
		return NULL;
	output->format = format;
	output->columns = columns;
	output->column_count = count;
	output->now_ns = now_ns;
	return output;
}

static int keep_row(struct output *output, const union cell *cells)
{
	size_t at = output->row_count * output->column_count;

	if (output->row_count == output->capacity) {
		size_t capacity = output->capacity ? output->capacity * 2 : 64;
		char **more = reallocarray(output->cells, capacity * output->column_count, sizeof(*more));

		if (!more)
			return -ENOMEM;
		output->cells = more;
		output->capacity = capacity;
	}
	for (size_t i = 0; i < output->column_count; i++) {
		output->cells[at + i] = output_value(output->columns[i].type, cells[i], output->now_ns);
		if (!output->cells[at + i]) {
			while (i--)
				free(output->cells[at + i]);
			return -ENOMEM;
		}
	}
	return 0;
}

int output_row(struct output *output, const union cell *cells)
{
	int error;

	if (output->format == OUTPUT_JSON)
		error = print_json_row(output, cells);
	else if (output->format == OUTPUT_TSV)
		error = print_tsv_row(output, cells);
	else
		error = keep_row(output, cells);
	output->row_count += !error;
	return error;
}

size_t output_end(struct output *output)
{
	size_t rows = output ? output->row_count : 0;

	if (!output)
		return 0;
	if (output->format == OUTPUT_TABLE && rows)
		table_print(stdout, output->columns, output->column_count, output->cells, rows,
			    terminal_width(), output_has_colour());
	for (size_t i = 0; output->cells && i < rows * output->column_count; i++)
		free(output->cells[i]);
	free(output->cells);
	free(output);
	return rows;
}

/* --- facts ------------------------------------------------------------------------------- */

static int print_json_facts(const struct fact *facts, size_t count)
{
	size_t room = VALUE_MAX;
	struct json json;
	char *line;

	for (size_t i = 0; i < count; i++)
		room += json_room(&facts[i].column, facts[i].value);
	line = malloc(room);
	if (!line)
		return -ENOMEM;
	json_begin(&json, line, room);
	json_object_open(&json, NULL);
	for (size_t i = 0; i < count; i++)
		output_put_json(&json, &facts[i].column, facts[i].value);
	json_object_close(&json);
	json_end(&json);
	puts(line);
	free(line);
	return 0;
}

int output_facts(enum output_format format, const struct fact *facts, size_t count, int64_t now_ns)
{
	size_t widest = 0;
	int error = 0;

	if (format == OUTPUT_JSON)
		return print_json_facts(facts, count);
	for (size_t i = 0; i < count; i++)
		if (strlen(facts[i].column.key) > widest)
			widest = strlen(facts[i].column.key);
	for (size_t i = 0; i < count && !error; i++) {
		char *value = NULL;

		if (format == OUTPUT_TSV) {
			printf("%s\t", facts[i].column.key);
			error = print_tsv_value(facts[i].column.type, facts[i].value);
			putchar('\n');
			continue;
		}
		value = output_value(facts[i].column.type, facts[i].value, now_ns);
		if (!value)
			return -ENOMEM;
		printf("%-*s  %s\n", (int)widest, facts[i].column.key, value);
		free(value);
	}
	return error;
}
