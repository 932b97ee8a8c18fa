/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* report_plots.c - new domains a day, and the learning curve. */
#include "cli/report.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

/* Plots are drawn in these units and stretched to their place; what is to be read stands beside them. */
#define PLOT_WIDTH 1200
#define PLOT_HEIGHT 100
#define DAY_NS (SECONDS_PER_DAY * NS_PER_SECOND)

/* The next number that halves well. */
static uint64_t nice_top(uint64_t value)
{
	static const uint64_t steps[] = {2, 4, 6, 8, 10};
	uint64_t unit = 1;

	for (;; unit *= 10) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (steps[i] * unit >= value)
				return steps[i] * unit;
		if (unit > UINT64_MAX / 100)
			return UINT64_MAX;
	}
}

static uint64_t of_bar(const struct report_bar *bar)
{
	return bar->domains + bar->addresses;
}

static int descending(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? 1 : a > b ? -1 : 0;
}

/* The first days of learning dwarf all others: bars that do so are cut. */
static uint64_t top_of_bars(const struct report *report, bool *cut)
{
	uint64_t values[REPORT_BARS_MAX];
	size_t rank = report->bars / 20; /* so many may be cut */
	uint64_t usual;

	for (size_t i = 0; i < report->bars; i++)
		values[i] = of_bar(&report->bar[i]);
	qsort(values, report->bars, sizeof(values[0]), descending);
	usual = values[rank < 1 ? (report->bars > 1) : rank];
	*cut = usual > 0 && values[0] > 5 * usual;
	return nice_top(*cut ? 2 * usual : values[0]);
}

static int64_t bar_day(const struct report *report, size_t index)
{
	return report->from_day + (int64_t)index * report->step;
}

static void put_axes(const struct report *report, FILE *out)
{
	char first[PAGE_DAY_MAX], middle[PAGE_DAY_MAX], last[PAGE_DAY_MAX];

	fprintf(out, "<div class=\"x\"><span>%s</span><span>%s</span><span>%s</span></div></div>\n",
		page_day(report->from_day, first), page_day(report->from_day + report->days / 2, middle),
		page_day(report->from_day + report->days - 1, last));
}

static void open_plot(FILE *out, uint64_t top)
{
	fputs("<div class=\"plot\"><div class=\"y\" aria-hidden=\"true\"><span>", out);
	page_short_count(out, top);
	fputs("</span><span>", out);
	page_short_count(out, top / 2);
	fprintf(out,
		"</span><span>0</span></div><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
		"role=\"img\" aria-label=\"",
		PLOT_WIDTH, PLOT_HEIGHT);
}

static void put_grid(FILE *out)
{
	for (int y = 0; y <= PLOT_HEIGHT; y += PLOT_HEIGHT / 2)
		fprintf(out, "<line class=\"grid\" x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", PLOT_WIDTH, y,
			y);
	fputc('\n', out);
}

/* --- new domains -------------------------------------------------------------------------------- */

static void put_bar(const struct report *report, FILE *out, size_t index, uint64_t top)
{
	const struct report_bar *bar = &report->bar[index];
	double width = (double)PLOT_WIDTH / (double)report->bars, x = width * (double)index;
	double scale = (double)PLOT_HEIGHT / (double)top;
	double domains = (double)bar->domains * scale, addresses = (double)bar->addresses * scale;
	bool cut = of_bar(bar) > top;
	char day[PAGE_DAY_MAX];

	if (of_bar(bar) == 0)
		return;
	if (domains > PLOT_HEIGHT)
		domains = PLOT_HEIGHT;
	if (addresses > PLOT_HEIGHT - domains)
		addresses = PLOT_HEIGHT - domains;
	fprintf(out, "<g class=\"bar\"><title>%s: ", page_day(bar_day(report, index), day));
	page_count(out, bar->domains);
	fputs(" domains, ", out);
	page_count(out, bar->addresses);
	fprintf(out,
		" addresses</title><rect class=\"hit\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"%d\"/>", x,
		width, PLOT_HEIGHT);
	x += width * .12;
	width *= .76;
	if (bar->domains)
		fprintf(out, "<rect class=\"b1\" x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\"/>", x,
			PLOT_HEIGHT - domains, width, domains);
	if (bar->addresses)
		fprintf(out, "<rect class=\"b2\" x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\"/>", x,
			PLOT_HEIGHT - domains - addresses, width, addresses);
	if (cut)
		fprintf(out, "<rect class=\"cut\" x=\"%.1f\" y=\"8\" width=\"%.1f\" height=\"3\"/>", x,
			width);
	fputs("</g>\n", out);
}

static void put_cut_note(const struct report *report, FILE *out, uint64_t top)
{
	size_t named = 0;
	char day[PAGE_DAY_MAX];

	fputs("<p class=\"note\">Cut at the top: ", out);
	for (size_t i = 0; i < report->bars; i++) {
		if (of_bar(&report->bar[i]) <= top || named++ >= 6)
			continue;
		fprintf(out, "%s%s with ", named > 1 ? ", " : "", page_day(bar_day(report, i), day));
		page_count(out, of_bar(&report->bar[i]));
	}
	if (named > 6)
		fprintf(out, ", %zu more", named - 6);
	fputs(".</p>\n", out);
}

static void put_day_table(const struct report *report, FILE *out)
{
	char day[PAGE_DAY_MAX];

	fputs("<details><summary>As a table</summary>\n", out);
	page_table_open(out, "First seen, by day", "days");
	fprintf(out,
		"<thead><tr><th scope=\"col\">%s</th><th scope=\"col\" class=\"n\">New domains</th>"
		"<th scope=\"col\" class=\"n\">New addresses</th><th scope=\"col\" class=\"n\">Domains so "
		"far</th></tr></thead><tbody>\n",
		report->step > 1 ? "From" : "Day");
	for (size_t i = report->bars; i-- > 0;) {
		const struct report_bar *bar = &report->bar[i];

		fprintf(out,
			"<tr><th scope=\"row\">%s</th><td class=\"n\">%" PRIu64
			"</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64 "</td></tr>\n",
			page_day(bar_day(report, i), day), bar->domains, bar->addresses, bar->known);
	}
	fputs("</tbody>", out);
	page_table_close(out);
	fputs("</details>\n", out);
}

static void put_bars(const struct report *report, FILE *out)
{
	bool cut;
	uint64_t top = top_of_bars(report, &cut);

	fputs("<figure><figcaption><h3>First seen, ", out);
	if (report->step > 1)
		fprintf(out, "by %" PRId64 " days", report->step);
	else
		fputs("a day", out);
	fputs("</h3><p>", out);
	page_count(out, report->domains_fresh);
	fputs(" domains", out);
	if (report->addresses_fresh) {
		fputs(" and ", out);
		page_count(out, report->addresses_fresh);
		fputs(" addresses that nothing names", out);
	}
	fputs("</p></figcaption>\n", out);
	open_plot(out, top);
	fputs("Bars: domains and addresses first seen, by day. The same numbers are in the table below.\">",
	      out);
	put_grid(out);
	for (size_t i = 0; i < report->bars; i++)
		put_bar(report, out, i, top);
	fputs("</svg>", out);
	put_axes(report, out);
	if (report->addresses_fresh)
		fputs("<ul class=\"key\"><li><svg aria-hidden=\"true\"><rect class=\"b1\" width=\"12\" "
		      "height=\"12\"/></svg>domains</li><li><svg aria-hidden=\"true\"><rect class=\"b2\" "
		      "width=\"12\" height=\"12\"/></svg>addresses</li></ul>\n",
		      out);
	if (cut)
		put_cut_note(report, out, top);
	put_day_table(report, out);
	fputs("</figure>\n", out);
}

/* --- the learning curve --------------------------------------------------------------------------- */

static void put_points(const struct report *report, FILE *out, uint64_t top)
{
	double width = (double)PLOT_WIDTH / (double)report->bars;
	double scale = (double)PLOT_HEIGHT / (double)top;

	fprintf(out, "M0 %.2f", PLOT_HEIGHT - (double)report->domains_before * scale);
	for (size_t i = 0; i < report->bars; i++)
		fprintf(out, "L%.1f %.2f", width * (double)(i + 1),
			PLOT_HEIGHT - (double)report->bar[i].known * scale);
}

static void put_learning_mark(const struct report *report, FILE *out)
{
	double x = ((double)report->learning_until_ns - (double)report->from_ns) * PLOT_WIDTH /
		   ((double)report->days * (double)DAY_NS);
	char time[TEXT_TIME_MAX];

	if (report->learning_until_ns <= report->from_ns || x > PLOT_WIDTH)
		return;
	fprintf(out,
		"<g><title>Learning until %s</title><line class=\"learn\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" "
		"y2=\"%d\"/></g>",
		text_format_time(report->learning_until_ns, time), x, x, PLOT_HEIGHT);
}

static void put_curve(const struct report *report, FILE *out)
{
	uint64_t last = report->bar[report->bars - 1].known, top = nice_top(last);

	fputs("<figure><figcaption><h3>Learning curve of the baseline</h3><p>", out);
	page_count(out, report->domains_before);
	fputs(" domains before, ", out);
	page_count(out, last);
	fputs(" at the end; a flat curve is a baseline that has settled</p></figcaption>\n", out);
	open_plot(out, top);
	fputs("Curve: domains known at the end of each day. The same numbers are in the table of first seen "
	      "domains.\">",
	      out);
	put_grid(out);
	fputs("<path class=\"area\" d=\"", out);
	put_points(report, out, top);
	fprintf(out, "V%dH0Z\"/><path class=\"curve\" d=\"", PLOT_HEIGHT);
	put_points(report, out, top);
	fputs("\"/>", out);
	put_learning_mark(report, out);
	fputs("</svg>", out);
	put_axes(report, out);
	if (report->learning_until_ns > report->from_ns) {
		fputs("<p class=\"note\">Learning, in which nothing is alerted: until ", out);
		page_time(out, report->learning_until_ns);
		fputs(" (dashed).</p>\n", out);
	}
	fputs("</figure>\n", out);
}

int report_put_plots(const struct report *report, FILE *out)
{
	fputs("<section id=\"plots\"><h2>New domains and the baseline</h2><p class=\"sub\">Counted by the "
	      "day "
	      "on which the history first saw them.</p><div class=\"two\">\n",
	      out);
	put_bars(report, out);
	put_curve(report, out);
	fputs("</div></section>\n", out);
	return 0;
}
