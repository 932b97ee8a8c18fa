/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* report_coverage.c - when the daemon was watching: a strip, and its runs and gaps. */
#include "cli/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

#define CELLS 400      /* of the strip */
#define SPANS_SHOWN 50 /* rows of a table */

enum cell_class { CELL_UNWATCHED, CELL_BEFORE, CELL_PART, CELL_GAP, CELL_WATCHED };

struct strip {
	const struct report *report;
	FILE *out;
	double watched[CELLS]; /* share */
	bool gap[CELLS];
	uint64_t rows;
};

static int64_t cell_begin(const struct report *report, int64_t cell)
{
	return report->from_ns + (report->to_ns - report->from_ns) / CELLS * cell;
}

/* Which cell a time is in; the ends for those outside. */
static int64_t cell_of(const struct report *report, int64_t time_ns)
{
	int64_t cell;

	if (time_ns <= report->from_ns)
		return 0;
	if (time_ns >= report->to_ns)
		return CELLS - 1;
	cell = (time_ns - report->from_ns) / ((report->to_ns - report->from_ns) / CELLS);
	return cell < CELLS ? cell : CELLS - 1;
}

static int take_run(void *context, const struct watch_span *span)
{
	struct strip *strip = context;
	int64_t last = cell_of(strip->report, span->to_ns);

	strip->rows++;
	for (int64_t i = cell_of(strip->report, span->from_ns); i <= last; i++) {
		int64_t begin = cell_begin(strip->report, i), end = cell_begin(strip->report, i + 1);
		int64_t from = span->from_ns > begin ? span->from_ns : begin;
		int64_t to = span->to_ns < end ? span->to_ns : end;

		if (to > from)
			strip->watched[i] += (double)(to - from) / (double)(end - begin);
	}
	return 0;
}

static int take_gap(void *context, const struct watch_span *span)
{
	struct strip *strip = context;
	int64_t last = cell_of(strip->report, span->to_ns);

	strip->rows++;
	for (int64_t i = cell_of(strip->report, span->from_ns); i <= last; i++)
		strip->gap[i] = true;
	return 0;
}

static enum cell_class class_of(const struct strip *strip, int64_t cell)
{
	int64_t since = strip->report->summary.since_ns;

	if (strip->gap[cell])
		return CELL_GAP;
	if (strip->watched[cell] > .999)
		return CELL_WATCHED;
	if (strip->watched[cell] > 0)
		return CELL_PART;
	return since == 0 || cell_begin(strip->report, cell + 1) <= since ? CELL_BEFORE : CELL_UNWATCHED;
}

static const char *const class_words[] = {
	[CELL_UNWATCHED] = "not watching", [CELL_BEFORE] = "before the first run",
	[CELL_PART] = "in part",           [CELL_GAP] = "something was lost",
	[CELL_WATCHED] = "watched",
};

static void put_strip(const struct strip *strip)
{
	fprintf(strip->out,
		"<svg class=\"strip\" viewBox=\"0 0 %d 10\" preserveAspectRatio=\"none\" role=\"img\" "
		"aria-label=\"Strip: when the daemon was watching. Runs and gaps are in the tables below.\">",
		CELLS);
	for (int64_t begin = 0, end; begin < CELLS; begin = end) {
		enum cell_class class = class_of(strip, begin);
		char from[TEXT_TIME_MAX], to[TEXT_TIME_MAX];

		for (end = begin + 1; end < CELLS && class_of(strip, end) == class;)
			end++;
		text_format_time(cell_begin(strip->report, begin), from);
		text_format_time(cell_begin(strip->report, end), to);
		fprintf(strip->out,
			"<rect class=\"c%d\" x=\"%" PRId64 "\" y=\"0\" width=\"%" PRId64
			"\" height=\"10\"><title>%.16s to %.16s: %s</title></rect>\n",
			(int)class, begin, end - begin, from, to, class_words[class]);
	}
	fputs("</svg>\n", strip->out);
}

static void put_key(FILE *out)
{
	static const enum cell_class order[] = {CELL_WATCHED, CELL_PART, CELL_GAP, CELL_UNWATCHED,
						CELL_BEFORE};

	fputs("<ul class=\"key\">", out);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		fprintf(out,
			"<li><svg aria-hidden=\"true\"><rect class=\"c%d\" width=\"12\" "
			"height=\"12\"/></svg>%s</li>",
			(int)order[i], class_words[order[i]]);
	fputs("</ul>\n", out);
}

static void put_span_cells(FILE *out, const struct watch_span *span)
{
	fputs("<tr><td class=\"t\">", out);
	page_time(out, span->from_ns);
	fputs("</td><td class=\"t\">", out);
	page_time(out, span->to_ns);
	fputs("</td><td class=\"n\">", out);
	page_span(out, ((double)span->to_ns - (double)span->from_ns) / 1e9);
	fputs("</td>", out);
}

static int put_run(void *context, const struct watch_span *span)
{
	struct strip *strip = context;

	if (++strip->rows > SPANS_SHOWN)
		return 1;
	put_span_cells(strip->out, span);
	fprintf(strip->out, "<td>%s</td></tr>\n",
		span->ended ? "ended properly" : "not ended, or broken off");
	return 0;
}

static int put_gap(void *context, const struct watch_span *span)
{
	struct strip *strip = context;

	if (++strip->rows > SPANS_SHOWN)
		return 1;
	put_span_cells(strip->out, span);
	fputs("<td>", strip->out);
	page_text_most(strip->out, span->reason, REPORT_NAME_MOST);
	fputs("</td><td class=\"n\">", strip->out);
	page_count(strip->out, span->lost);
	fputs("</td></tr>\n", strip->out);
	return 0;
}

static void open_spans(FILE *out, const char *label, uint64_t rows, const char *more)
{
	fprintf(out, "<details><summary>%s: ", label);
	page_count(out, rows);
	if (rows > SPANS_SHOWN)
		fprintf(out, ", the newest %d shown", SPANS_SHOWN);
	fputs("</summary>\n", out);
	page_table_open(out, label, "spans");
	fprintf(out,
		"<thead><tr><th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\" "
		"class=\"n\">Length</th>%s</tr></thead><tbody>\n",
		more);
}

static void close_spans(FILE *out)
{
	fputs("</tbody>", out);
	page_table_close(out);
	fputs("</details>\n", out);
}

static int put_spans(struct strip *strip, uint64_t runs, uint64_t gaps)
{
	const struct report *report = strip->report;
	int result = 0;

	if (runs) {
		open_spans(strip->out, "Runs", runs, "<th scope=\"col\">End</th>");
		strip->rows = 0;
		result = history_runs(report->history, report->from_ns, report->to_ns, put_run, strip,
				      report->failure);
		close_spans(strip->out);
	}
	if (result >= 0 && gaps) {
		open_spans(strip->out, "Gaps", gaps,
			   "<th scope=\"col\">Reason</th><th scope=\"col\" class=\"n\">Records lost</th>");
		strip->rows = 0;
		result = history_gaps(report->history, report->from_ns, report->to_ns, put_gap, strip,
				      report->failure);
		close_spans(strip->out);
	}
	return result < 0 ? result : 0;
}

static int put_coverage(struct strip *strip)
{
	const struct report *report = strip->report;
	char first[PAGE_DAY_MAX], last[PAGE_DAY_MAX];
	uint64_t runs, gaps;
	int error = history_runs(report->history, report->from_ns, report->to_ns, take_run, strip,
				 report->failure);

	if (error)
		return error;
	runs = strip->rows;
	strip->rows = 0;
	error = history_gaps(report->history, report->from_ns, report->to_ns, take_gap, strip,
			     report->failure);
	if (error)
		return error;
	gaps = strip->rows;
	fputs("<figure>", strip->out);
	if (!runs)
		fputs("<p>No daemon has run on this history in that time; what it holds came by replay or "
		      "import.</p>\n",
		      strip->out);
	put_strip(strip);
	fprintf(strip->out, "<div class=\"x\"><span>%s</span><span>%s</span></div>\n",
		page_day(report->from_day, first), page_day(report->from_day + report->days - 1, last));
	put_key(strip->out);
	error = put_spans(strip, runs, gaps);
	fputs("</figure></section>\n", strip->out);
	return error;
}

int report_put_coverage(const struct report *report, FILE *out)
{
	struct strip *strip = calloc(1, sizeof(*strip));
	int error;

	if (!strip)
		return -ENOMEM;
	strip->report = report;
	strip->out = out;
	fputs("<section id=\"coverage\"><h2>Coverage</h2><p class=\"sub\">When the daemon was watching, and "
	      "when it may have missed something. A domain that was only met in a gap will be called new "
	      "later.</p>\n",
	      out);
	error = put_coverage(strip);
	free(strip);
	return error;
}
