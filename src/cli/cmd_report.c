/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_report.c - one page about the host: gathers what all sections need, and puts them together. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/report.h"
#include "cli/whole_file.h"

#define DAY_NS (SECONDS_PER_DAY * NS_PER_SECOND)
#define LATE_DAYS 7
#define FOOT_BYTES 4096

/* --- gathering ------------------------------------------------------------------------------------- */

static int64_t day_of(int64_t time_ns)
{
	int64_t day = time_ns / DAY_NS;

	return time_ns % DAY_NS < 0 ? day - 1 : day;
}

/* The span of the plots: the window, or what --since and --until say; whole days, today being the last. */
static void set_span(struct report *report)
{
	const struct history_filter *filter = &report->cli->options->filter;
	int64_t last, since;

	report->window_ns = report->cli->config.window_seconds * NS_PER_SECOND;
	report->to_ns = filter->until_ns ? filter->until_ns : report->cli->now_ns;
	since = filter->since_ns ? filter->since_ns : report->to_ns - report->window_ns;
	last = day_of(report->to_ns);
	report->from_day = filter->since_ns ? day_of(since) : last - (report->to_ns - since - 1) / DAY_NS;
	report->days = last - report->from_day + 1;
	if (report->days < 1)
		report->days = 1;
	report->from_ns = report->from_day * DAY_NS;
	if (report->to_ns < report->from_ns + NS_PER_SECOND)
		report->to_ns = report->from_ns + NS_PER_SECOND;
	report->step = (report->days + REPORT_BARS_MAX - 1) / REPORT_BARS_MAX;
	report->bars = (size_t)((report->days + report->step - 1) / report->step);
}

static int take_day(void *context, const struct first_seen_day *day)
{
	struct report *report = context;
	struct report_bar *bar;

	if (day->day < report->from_day) {
		report->domains_before = day->domains;
		return 0;
	}
	if (day->day >= report->from_day + report->days)
		return 0;
	bar = &report->bar[(day->day - report->from_day) / report->step];
	bar->domains += day->domains;
	bar->addresses += day->addresses;
	report->domains_fresh += day->domains;
	report->addresses_fresh += day->addresses;
	return 0;
}

static int take_state(void *context, const char *name, const char *value)
{
	struct report *report = context;

	if (strcmp(name, "host") == 0)
		text_copy(report->host, sizeof(report->host), value);
	else if (strcmp(name, "learning_until") == 0)
		report->learning_until_ns = strtoll(value, NULL, 10);
	return 0;
}

static int gather(struct report *report)
{
	uint64_t known;
	int error = history_summary(report->history, &report->summary, report->failure);

	if (!error)
		error = history_states(report->history, take_state, report, report->failure);
	if (!error)
		error = history_coverage(report->history,
					 report->cli->options->filter.since_ns
						 ? report->cli->options->filter.since_ns
						 : report->to_ns - report->window_ns,
					 report->to_ns, &report->coverage, report->failure);
	if (!error)
		error = history_first_seen_days(report->history, report->from_day, report->to_ns, take_day,
						report, report->failure);
	known = report->domains_before;
	for (size_t i = 0; i < report->bars; i++)
		report->bar[i].known = known += report->bar[i].domains;
	return error;
}

/* --- the head -------------------------------------------------------------------------------------- */

static void put_title(const struct report *report, FILE *out)
{
	fprintf(out, "<header><h1>firstseen <small>%s</small> ", report->host[0] ? "on" : "history");
	if (report->host[0])
		page_name(out, report->host, REPORT_NAME_MOST);
	else
		page_name(out, report->cli->database, REPORT_NAME_MOST);
	fputs("</h1>\n<p class=\"lead\">Which domains this host talks to, which of them are new, and who "
	      "talks "
	      "to them. From ",
	      out);
	page_time(out, report->from_ns);
	fputs(" to ", out);
	page_time(out, report->to_ns);
	fputs("; all times are UTC.</p>\n", out);
	fputs("<nav aria-label=\"Sections\"><ul><li><a href=\"#alerts\">Open alerts</a></li>"
	      "<li><a href=\"#plots\">New domains</a></li><li><a href=\"#coverage\">Coverage</a></li>"
	      "<li><a href=\"#newest\">Newest domains</a></li>"
	      "<li><a href=\"#applications\">Applications</a></li>"
	      "<li><a href=\"#map\">Who talks to whom</a></li><li><a href=\"#crawlers\">Crawlers</a></li>"
	      "<li><a href=\"#rules\">Allow rules</a></li></ul></nav>\n",
	      out);
}

static void put_tile(FILE *out, const char *label, uint64_t count, bool bad)
{
	fprintf(out, "<div%s><dt>%s</dt><dd>", bad ? " class=\"bad\"" : "", label);
	page_count(out, count);
	fputs("<small>", out);
}

static void put_counts(const struct report *report, FILE *out)
{
	const struct history_summary *summary = &report->summary;
	uint64_t late = 0;
	size_t days = LATE_DAYS;

	for (size_t i = report->bars; i-- > 0 && days-- > 0 && report->step == 1;)
		late += report->bar[i].domains;
	put_tile(out, "Domains", summary->domains, false);
	fputs("and ", out);
	page_count(out, summary->addresses);
	fputs(" unnamed addresses</small></dd></div>\n", out);
	put_tile(out, "First seen", report->domains_fresh, false);
	if (report->step == 1 && report->days > LATE_DAYS) {
		page_count(out, late);
		fprintf(out, " of them in the last %d days", LATE_DAYS);
	} else {
		fputs("in this span", out);
	}
	fputs("</small></dd></div>\n", out);
	put_tile(out, "Applications", summary->applications, false);
	fputs("and ", out);
	page_count(out, summary->hostnames);
	fputs(" hostnames</small></dd></div>\n", out);
}

static void put_watch(const struct report *report, FILE *out)
{
	const struct history_summary *summary = &report->summary;
	char time[TEXT_TIME_MAX];

	fputs("<div><dt>Coverage</dt><dd>", out);
	page_value(out, COLUMN_SHARE, (union cell){.share = report->coverage});
	fputs("<small>watched, and nothing lost</small></dd></div>\n<div><dt>Watching since</dt><dd>", out);
	if (summary->since_ns)
		fprintf(out, "%.10s", text_format_time(summary->since_ns, time));
	else
		fputs("never", out);
	fputs("<small>", out);
	if (summary->last_run_from_ns) {
		fputs("last sign of life ", out);
		page_time(out, summary->last_run_to_ns);
	} else {
		fputs("no daemon ran on this history", out);
	}
	fputs("</small></dd></div>\n", out);
}

void report_put_head(const struct report *report, FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" "
	      "content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n<title>",
	      out);
	fputs("firstseen report", out);
	if (report->host[0]) {
		fputs(": ", out);
		page_text_most(out, report->host, REPORT_NAME_MOST);
	}
	fputs("</title>\n", out);
	report_put_style(out);
	fputs("<body>\n", out);
	put_title(report, out);
	fputs("<dl class=\"tiles\">\n", out);
	put_tile(out, "Open alerts", report->summary.alerts_open, report->summary.alerts_open > 0);
	fputs("of ", out);
	page_count(out, report->summary.alerts);
	fputs(" in the history</small></dd></div>\n", out);
	put_counts(report, out);
	put_watch(report, out);
	fputs("</dl></header>\n<main>\n", out);
}

/* --- the page -------------------------------------------------------------------------------------- */

static void put_foot(const struct report *report, FILE *out)
{
	fputs("</main>\n<footer><p>Made by firstseen " FIRSTSEEN_VERSION " at ", out);
	page_time(out, report->cli->now_ns);
	fputs(" UTC from the history ", out);
	page_name(out, report->cli->database, REPORT_NAME_MOST);
	fputs(". Counts of connections and bytes are those of the whole history. Names come from the "
	      "network: "
	      "characters that can not be seen or that turn the reading direction are shown as "
	      "\xe2\x9f\xa6U+202E\xe2\x9f\xa7, long names without their middle. This page loads nothing and "
	      "runs nothing.</p></footer>\n</body>\n</html>\n",
	      out);
}

/* All but the alerts: bounded by their numbers of rows. */
static int put_rest(const struct report *report, FILE *out)
{
	static int (*const sections[])(const struct report *report, FILE *out) = {
		report_put_plots, report_put_coverage, report_put_newest, report_put_applications,
		report_put_map,   report_put_crawlers, report_put_rules,
	};
	int error = 0;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]) && !error; i++)
		error = sections[i](report, out);
	return error;
}

/* The alerts stand first and get the bytes that the others leave. */
static int put_page(void *context, FILE *out, struct failure *failure)
{
	const struct report *report = context;
	char *head = NULL, *rest = NULL;
	size_t head_size = 0, rest_size = 0;
	FILE *memory = open_memstream(&head, &head_size);
	int error = memory ? 0 : -ENOMEM;

	(void)failure;
	if (memory)
		report_put_head(report, memory);
	if (memory && fclose(memory))
		error = -ENOMEM;
	memory = error ? NULL : open_memstream(&rest, &rest_size);
	if (!memory)
		error = -ENOMEM;
	if (memory)
		error = put_rest(report, memory);
	if (memory && fclose(memory) && !error)
		error = -ENOMEM;
	if (!error && head_size + rest_size + FOOT_BYTES > REPORT_BYTES_MAX)
		error = failure_set(report->failure, -EFBIG, "the page would be too large");
	if (!error) {
		fputs(head, out);
		error = report_put_alerts(report, out, REPORT_BYTES_MAX - head_size - rest_size - FOOT_BYTES);
	}
	if (!error) {
		fputs(rest, out);
		put_foot(report, out);
	}
	free(head);
	free(rest);
	return error;
}

int cli_report(struct cli *cli, int argc, char **argv)
{
	struct failure failure = {{0}};
	struct report report = {.cli = cli, .failure = &failure};
	int error;

	(void)argc;
	(void)argv;
	if (cli->options->format != OUTPUT_TABLE) {
		cli_fail("report writes HTML");
		return CLI_USAGE;
	}
	set_span(&report);
	report.history = cli_open_history(cli);
	if (!report.history)
		return CLI_FAILED;
	error = gather(&report);
	if (!error)
		error = whole_file_write(cli->options->output, put_page, &report, &failure);
	history_close(report.history);
	return error ? cli_fail_with(&failure, error) : CLI_DONE;
}
