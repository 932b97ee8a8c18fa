/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* report_map.c - which application talks to which domain, and how much. */
#include "cli/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/rows.h"

#define ROWS 20
#define COLUMNS 30
#define SHADES 6
#define TITLE_NAME_MOST 36 /* bytes of a name, as below */
#define ROW_NAME_MOST 34
#define FOLDER_LEAST 8

struct map {
	size_t rows, columns;
	char row[ROWS][APPLICATION_MAX];
	struct map_column {
		enum subject_kind kind;
		char name[DOMAIN_MAX];
	} column[COLUMNS];
	struct detail_row cell[ROWS][COLUMNS]; /* connections and bytes 0: nothing */
	bool there[ROWS][COLUMNS];
	uint64_t least, most; /* connections of a cell */
};

static int keep_row(void *context, const struct application_row *row)
{
	struct map *map = context;

	text_copy(map->row[map->rows++], APPLICATION_MAX, row->application);
	return 0;
}

static int keep_column(void *context, const struct domain_row *row)
{
	struct map *map = context;
	struct map_column *column = &map->column[map->columns++];

	column->kind = row->kind;
	text_copy(column->name, sizeof(column->name), row->domain);
	return 0;
}

static void widen(struct map *map, uint64_t connections)
{
	if (connections > map->most)
		map->most = connections;
	if (connections < map->least)
		map->least = connections;
}

static int read_map(const struct report *report, struct map *map)
{
	const struct history_filter rows = {.since_ns = report->from_ns, .limit = ROWS};
	const struct history_filter columns = {
		.since_ns = report->from_ns, .busiest = true, .limit = COLUMNS};
	int found = history_applications(report->history, &rows, keep_row, map, report->failure);

	if (!found)
		found = history_domains(report->history, &columns, keep_column, map, report->failure);
	for (size_t i = 0; i < map->rows && found >= 0; i++) {
		for (size_t j = 0; j < map->columns && found >= 0; j++) {
			found = history_pair(report->history, map->row[i], map->column[j].kind,
					     map->column[j].name, &map->cell[i][j], report->failure);
			map->there[i][j] = found == 1;
			if (found == 1)
				widen(map, map->cell[i][j].connections);
		}
	}
	return found < 0 ? found : 0;
}

/* Sixteenths of a doubling, about: enough for a shade. */
static int logarithm(uint64_t value)
{
	int bits = 0;

	for (; value >= 32; value >>= 1)
		bits++;
	return value < 16 ? (int)value : bits * 16 + (int)value;
}

/* By the logarithm, from the least to the most. */
static int shade(const struct map *map, uint64_t connections)
{
	int least = logarithm(map->least), span = logarithm(map->most) - least;

	return span > 0 ? 1 + (logarithm(connections) - least) * (SHADES - 1) / span : SHADES / 2;
}

static void put_title(FILE *out, const struct map *map, size_t i, size_t j)
{
	const struct detail_row *cell = &map->cell[i][j];

	fputs(" title=\"", out);
	page_text_most(out, rows_application_name(map->row[i]), TITLE_NAME_MOST);
	fputs(" \xe2\x86\x92 ", out);
	page_text_most(out, map->column[j].name, TITLE_NAME_MOST);
	fputs(": ", out);
	page_count(out, cell->connections);
	fputs(" connections, ", out);
	page_value(out, COLUMN_BYTES, (union cell){.count = cell->bytes_out});
	fputs(" sent, ", out);
	page_value(out, COLUMN_BYTES, (union cell){.count = cell->bytes_in});
	fputs(" received\"", out);
}

/* The folder apart: where there is no room, the page goes without it. */
static void put_row_name(FILE *out, const char *name)
{
	const char *base = strrchr(name, '/');
	char folder[APPLICATION_MAX];
	size_t length;

	base = base && base[1] ? base + 1 : name;
	length = strlen(base);
	text_copy_bytes(folder, sizeof(folder), name, (size_t)(base - name));
	if (folder[0]) {
		fputs("<span class=\"dir\">", out);
		page_name(out, folder,
			  length < ROW_NAME_MOST - FOLDER_LEAST ? ROW_NAME_MOST - length : FOLDER_LEAST);
		fputs("</span>", out);
	}
	page_name(out, base, ROW_NAME_MOST);
}

static void put_row(FILE *out, const struct map *map, size_t i)
{
	fputs("<tr><th scope=\"row\" title=\"", out);
	page_text_most(out, rows_application_name(map->row[i]), REPORT_NAME_MOST);
	fputs("\">", out);
	put_row_name(out, rows_application_name(map->row[i]));
	fputs("</th>", out);
	for (size_t j = 0; j < map->columns; j++) {
		if (!map->there[i][j]) {
			fputs("<td></td>", out);
			continue;
		}
		fprintf(out, "<td class=\"h%d\"", shade(map, map->cell[i][j].connections));
		put_title(out, map, i, j);
		fputc('>', out);
		page_short_count(out, map->cell[i][j].connections);
		fputs("</td>", out);
	}
	fputs("</tr>\n", out);
}

static void put_map(FILE *out, const struct map *map)
{
	page_table_open(out, "Connections by application and domain", "map");
	fputs("<thead><tr><td></td>", out);
	for (size_t j = 0; j < map->columns; j++) {
		fputs("<th scope=\"col\" title=\"", out);
		page_text_most(out, map->column[j].name, REPORT_NAME_MOST);
		fputs("\"><div>", out);
		page_name(out, map->column[j].name, 40);
		fputs("</div></th>", out);
	}
	fputs("</tr></thead><tbody>\n", out);
	for (size_t i = 0; i < map->rows; i++)
		put_row(out, map, i);
	fputs("</tbody>", out);
	page_table_close(out);
}

int report_put_map(const struct report *report, FILE *out)
{
	struct map *map = calloc(1, sizeof(*map));
	int error;

	if (!map)
		return -ENOMEM;
	map->least = UINT64_MAX;
	error = read_map(report, map);
	fprintf(out,
		"<section id=\"map\"><h2>Who talks to whom</h2><p class=\"sub\">Connections of the top "
		"applications to the busiest domains, at most %d by %d; the darker or brighter, the "
		"more.</p>\n",
		ROWS, COLUMNS);
	if (!error && map->rows && map->columns)
		put_map(out, map);
	else if (!error)
		fputs("<p class=\"none\">Nothing was seen in this span.</p>\n", out);
	fputs("</section>\n", out);
	free(map);
	return error;
}
