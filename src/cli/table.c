/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/table.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "cli/width.h"

#define GAP 2
#define TEXT_LEAST 12 /* texts are not made narrower while a spare column can go instead */
#define TEXT_FLOOR 4

struct layout {
	FILE *out;
	const struct column *columns;
	size_t count;
	bool colour;
	bool shown[TABLE_COLUMNS_MAX];
	size_t widths[TABLE_COLUMNS_MAX];
};

static bool is_text(enum column_type type)
{
	return type == COLUMN_TEXT || type == COLUMN_NAME;
}

static bool is_number(enum column_type type)
{
	return type == COLUMN_COUNT || type == COLUMN_BYTES || type == COLUMN_SHARE || type == COLUMN_SPAN;
}

static const char *heading_of(const struct column *column)
{
	return column->heading ? column->heading : column->key;
}

/* The width with every text cut to `least` at most. */
static size_t width_with(const struct layout *layout, size_t least)
{
	size_t total = 0;

	for (size_t i = 0; i < layout->count; i++) {
		size_t width = layout->widths[i];

		if (!layout->shown[i])
			continue;
		if (is_text(layout->columns[i].type) && width > least)
			width = least;
		total += width + (total ? GAP : 0);
	}
	return total;
}

/* Hides the column that can be spared best. False where there is none. */
static bool hide_one(struct layout *layout)
{
	size_t best = layout->count;

	for (size_t i = 0; i < layout->count; i++)
		if (layout->shown[i] && layout->columns[i].spare &&
		    (best == layout->count || layout->columns[i].spare > layout->columns[best].spare))
			best = i;
	if (best == layout->count)
		return false;
	layout->shown[best] = false;
	return true;
}

/* The widest texts give way until the table fits. */
static void narrow(struct layout *layout, size_t most, size_t least)
{
	while (width_with(layout, SIZE_MAX) > most) {
		size_t widest = layout->count;

		for (size_t i = 0; i < layout->count; i++)
			if (layout->shown[i] && is_text(layout->columns[i].type) &&
			    layout->widths[i] > least &&
			    (widest == layout->count || layout->widths[i] > layout->widths[widest]))
				widest = i;
		if (widest == layout->count)
			return;
		layout->widths[widest]--;
	}
}

static void measure(struct layout *layout, char *const *cells, size_t rows)
{
	for (size_t i = 0; i < layout->count; i++) {
		layout->shown[i] = true;
		layout->widths[i] = width_of(heading_of(&layout->columns[i]));
	}
	for (size_t i = 0; i < rows * layout->count; i++) {
		size_t width = width_of(cells[i]);

		if (width > layout->widths[i % layout->count])
			layout->widths[i % layout->count] = width;
	}
}

/* --- printing ---------------------------------------------------------------------------- */

static void pad(FILE *out, size_t count)
{
	while (count--)
		fputc(' ', out);
}

/* Prints the text cut to so many columns, or to one less where a wide character would be halved. Returns how
 * many. */
static size_t print_cut(FILE *out, const char *text, size_t width, bool end_tells)
{
	size_t head;

	if (width == 0)
		return 0;
	if (end_tells) {
		text = width_tail(text, width - 1);
		fprintf(out, "…%s", text);
		return 1 + width_of(text);
	}
	head = width_head(text, width - 1);
	for (size_t i = 0; i < head; i++)
		fputc(text[i], out);
	fputs("…", out);
	return width_of(text) - width_of(text + head) + 1;
}

static const char *level_colour(const char *level)
{
	if (strcmp(level, "Critical") == 0 || strcmp(level, "High") == 0)
		return "\033[31m";
	return strcmp(level, "Medium") == 0 ? "\033[33m" : "";
}

static void print_cell(const struct layout *layout, size_t column, const char *text, bool heading, bool last)
{
	enum column_type type = layout->columns[column].type;
	size_t width = layout->widths[column], has = width_of(text);
	size_t blank = has < width ? width - has : 0;
	const char *colour = layout->colour && !heading && type == COLUMN_LEVEL ? level_colour(text) : "";

	if (is_number(type))
		pad(layout->out, blank);
	fputs(colour, layout->out);
	if (has > width)
		blank = width - print_cut(layout->out, text, width, type == COLUMN_NAME && !heading);
	else
		fputs(text, layout->out);
	if (*colour)
		fputs("\033[0m", layout->out);
	if (!is_number(type) && !last)
		pad(layout->out, blank);
}

static void print_row(const struct layout *layout, const char *const *texts, bool heading)
{
	size_t last = 0;
	bool first = true;

	for (size_t i = 0; i < layout->count; i++)
		if (layout->shown[i])
			last = i;
	for (size_t i = 0; i < layout->count; i++) {
		if (!layout->shown[i])
			continue;
		if (!first)
			pad(layout->out, GAP);
		first = false;
		print_cell(layout, i, texts[i], heading, i == last);
	}
}

static void print_headings(const struct layout *layout)
{
	char headings[TABLE_COLUMNS_MAX][64];
	const char *texts[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < layout->count; i++) {
		text_copy(headings[i], sizeof(headings[i]), heading_of(&layout->columns[i]));
		for (char *at = headings[i]; *at; at++)
			*at = *at == '_' ? ' ' : (char)(*at >= 'a' && *at <= 'z' ? *at - 32 : *at);
		texts[i] = headings[i];
	}
	fputs(layout->colour ? "\033[1m" : "", layout->out);
	print_row(layout, texts, true);
	fputs(layout->colour ? "\033[0m\n" : "\n", layout->out);
}

static void print_hidden(const struct layout *layout)
{
	const char *before = "(too narrow for: ";

	for (size_t i = 0; i < layout->count; i++) {
		if (layout->shown[i])
			continue;
		fprintf(layout->out, "%s%s", before, layout->columns[i].key);
		before = ", ";
	}
	if (before[0] == ',')
		fputs(")\n", layout->out);
}

void table_print(FILE *out, const struct column *columns, size_t count, char *const *cells, size_t rows,
		 size_t width, bool colour)
{
	struct layout layout = {.out = out, .columns = columns, .count = count, .colour = colour};

	measure(&layout, cells, rows);
	while (width && width_with(&layout, TEXT_LEAST) > width && hide_one(&layout))
		;
	if (width) {
		narrow(&layout, width, TEXT_LEAST);
		narrow(&layout, width, TEXT_FLOOR);
	}
	print_headings(&layout);
	for (size_t row = 0; row < rows; row++) {
		const char *texts[TABLE_COLUMNS_MAX];

		for (size_t i = 0; i < layout.count; i++)
			texts[i] = cells[row * layout.count + i];
		print_row(&layout, texts, false);
		fputc('\n', out);
	}
	print_hidden(&layout);
}
