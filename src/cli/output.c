/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"

#define COLUMNS_MAX 12
#define TEXT_LEAST 16 /* a text column is not made narrower than this */

struct output {
	enum output_format format;
	const struct column *columns;
	size_t column_count, row_count, capacity;
	int64_t now_ns;
	char **cells; /* OUTPUT_TABLE: all texts, row by row; owned */
};

int output_has_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

struct output *output_new(enum output_format format, const struct column *columns, size_t count,
			  int64_t now_ns)
{
	struct output *output = calloc(1, sizeof(*output));

	if (!output || count > COLUMNS_MAX) {
		free(output);
		return NULL;
	}
	output->format = format;
	output->columns = columns;
	output->column_count = count;
	output->now_ns = now_ns;
	return output;
}

static void put_bytes(uint64_t bytes, char *text, size_t size)
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(text, size, "%" PRIu64, bytes);
		return;
	}
	for (value /= 1024; value >= 1024 && units[unit + 1]; unit++)
		value /= 1024;
	snprintf(text, size, value < 10 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

static void put_time(int64_t time_ns, int64_t now_ns, char *text, size_t size)
{
	int64_t seconds = (now_ns - time_ns) / NS_PER_SECOND;
	char full[TEXT_TIME_MAX];

	if (time_ns == 0)
		snprintf(text, size, "never");
	else if (!isatty(STDOUT_FILENO) || seconds < 0)
		snprintf(text, size, "%s", text_format_time(time_ns, full));
	else if (seconds < 60)
		snprintf(text, size, "%" PRId64 "s ago", seconds);
	else if (seconds < 3600)
		snprintf(text, size, "%" PRId64 "m ago", seconds / 60);
	else if (seconds < 2 * SECONDS_PER_DAY)
		snprintf(text, size, "%" PRId64 "h ago", seconds / 3600);
	else
		snprintf(text, size, "%" PRId64 "d ago", seconds / SECONDS_PER_DAY);
}

const char *output_value(enum column_type type, union cell cell, int64_t now_ns,
			 char text[static OUTPUT_VALUE_MAX])
{
	switch (type) {
	case COLUMN_TEXT:
		text_escape(text, OUTPUT_VALUE_MAX, cell.text ? cell.text : "",
			    cell.text ? strlen(cell.text) : 0);
		break;
	case COLUMN_COUNT:
		snprintf(text, OUTPUT_VALUE_MAX, "%" PRIu64, cell.count);
		break;
	case COLUMN_BYTES:
		put_bytes(cell.count, text, OUTPUT_VALUE_MAX);
		break;
	case COLUMN_TIME:
		put_time(cell.time_ns, now_ns, text, OUTPUT_VALUE_MAX);
		break;
	}
	return text;
}

static void print_json(const struct output *output, const union cell *cells)
{
	char line[16384], time[TEXT_TIME_MAX];
	struct json json;

	json_begin(&json, line, sizeof(line));
	json_object_open(&json, NULL);
	for (size_t i = 0; i < output->column_count; i++) {
		const char *key = output->columns[i].key;

		if (output->columns[i].type == COLUMN_TEXT)
			json_put_string(&json, key, cells[i].text ? cells[i].text : "");
		else if (output->columns[i].type != COLUMN_TIME)
			json_put_unsigned(&json, key, cells[i].count);
		else if (cells[i].time_ns)
			json_put_string(&json, key, text_format_time(cells[i].time_ns, time));
		else
			json_put_null(&json, key);
	}
	json_object_close(&json);
	if (json_end(&json) >= 0)
		puts(line);
}

static void print_tsv(const struct output *output, const union cell *cells)
{
	char text[OUTPUT_VALUE_MAX], time[TEXT_TIME_MAX];

	for (size_t i = 0; i < output->column_count; i++) {
		if (i)
			putchar('\t');
		if (output->columns[i].type == COLUMN_TEXT)
			fputs(output_value(COLUMN_TEXT, cells[i], 0, text), stdout);
		else if (output->columns[i].type == COLUMN_TIME)
			fputs(cells[i].time_ns ? text_format_time(cells[i].time_ns, time) : "-", stdout);
		else
			printf("%" PRIu64, cells[i].count);
	}
	putchar('\n');
}

static int keep_row(struct output *output, const union cell *cells)
{
	char text[OUTPUT_VALUE_MAX];
	size_t at = output->row_count * output->column_count;

	if (output->row_count == output->capacity) {
		size_t capacity = output->capacity ? output->capacity * 2 : 64;
		char **more = realloc(output->cells, capacity * output->column_count * sizeof(*more));

		if (!more)
			return -ENOMEM;
		output->cells = more;
		output->capacity = capacity;
	}
	for (size_t i = 0; i < output->column_count; i++) {
		output->cells[at + i] =
			strdup(output_value(output->columns[i].type, cells[i], output->now_ns, text));
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
	if (output->format == OUTPUT_JSON)
		print_json(output, cells);
	else if (output->format == OUTPUT_TSV)
		print_tsv(output, cells);
	else if (keep_row(output, cells))
		return -ENOMEM;
	output->row_count++;
	return 0;
}

/* --- the table --------------------------------------------------------------------------- */

/* Columns that a text of UTF-8 takes, one a character. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return SIZE_MAX; /* a pipe gets everything */
}

/* The widest text columns give way until the table fits. */
static void fit(const struct output *output, size_t widths[static COLUMNS_MAX])
{
	size_t most = terminal_width(), total = 0;

	for (size_t i = 0; i < output->column_count; i++)
		total += widths[i] + (i ? 2 : 0);
	while (total > most) {
		size_t widest = output->column_count;

		for (size_t i = 0; i < output->column_count; i++)
			if (output->columns[i].type == COLUMN_TEXT && widths[i] > TEXT_LEAST &&
			    (widest == output->column_count || widths[i] > widths[widest]))
				widest = i;
		if (widest == output->column_count)
			return;
		widths[widest]--;
		total--;
	}
}

static void print_cell(const char *text, size_t width, bool right, bool last)
{
	size_t has = width_of(text);

	if (right)
		for (size_t i = has; i < width; i++)
			putchar(' ');
	if (has > width) { /* cut, and say so */
		size_t shown = 0;

		while (*text && shown + 1 < width) {
			size_t character = text_utf8_character(text, strlen(text));

			fwrite(text, 1, character ? character : 1, stdout);
			text += character ? character : 1;
			shown++;
		}
		fputs("…", stdout);
	} else {
		fputs(text, stdout);
	}
	if (!right && !last)
		for (size_t i = has; i < width; i++)
			putchar(' ');
}

static void print_heading(const struct output *output, const size_t *widths)
{
	bool colour = output_has_colour();

	if (colour)
		fputs("\033[1m", stdout);
	for (size_t i = 0; i < output->column_count; i++) {
		char heading[64];

		text_copy(heading, sizeof(heading), output->columns[i].key);
		for (char *at = heading; *at; at++)
			*at = *at == '_' ? ' ' : (char)(*at >= 'a' && *at <= 'z' ? *at - 32 : *at);
		if (i)
			fputs("  ", stdout);
		print_cell(heading, widths[i],
			   output->columns[i].type == COLUMN_COUNT || output->columns[i].type == COLUMN_BYTES,
			   i + 1 == output->column_count);
	}
	puts(colour ? "\033[0m" : "");
}

static void print_table(const struct output *output)
{
	size_t widths[COLUMNS_MAX] = {0};

	for (size_t i = 0; i < output->column_count; i++)
		widths[i] = strlen(output->columns[i].key);
	for (size_t i = 0; i < output->row_count * output->column_count; i++) {
		size_t width = width_of(output->cells[i]);

		if (width > widths[i % output->column_count])
			widths[i % output->column_count] = width;
	}
	fit(output, widths);
	print_heading(output, widths);
	for (size_t row = 0; row < output->row_count; row++) {
		for (size_t i = 0; i < output->column_count; i++) {
			enum column_type type = output->columns[i].type;

			if (i)
				fputs("  ", stdout);
			print_cell(output->cells[row * output->column_count + i], widths[i],
				   type == COLUMN_COUNT || type == COLUMN_BYTES,
				   i + 1 == output->column_count);
		}
		putchar('\n');
	}
}

size_t output_end(struct output *output)
{
	size_t rows = output->row_count;

	if (output->format == OUTPUT_TABLE && rows)
		print_table(output);
	for (size_t i = 0; output->cells && i < rows * output->column_count; i++)
		free(output->cells[i]);
	free(output->cells);
	free(output);
	return rows;
}
