/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* report_alerts.c - open alerts, each with its dossier. */
#include "cli/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/alert_parts.h"
#include "cli/rows.h"
#include "cli/show_alert.h"

#define ALERTS_SHOWN 200
#define ALERTS_FIRST 10 /* the others are folded away */
#define VALUE_MOST 2000
#define LIST_RESERVE 4096 /* what closes the section */

/* One alert while it is written. */
struct dossier_page {
	FILE *out;
	bool open; /* a section */
};

struct list {
	const struct report *report;
	FILE *out;
	size_t left; /* bytes */
	size_t shown, bare;
};

/* --- the dossier ----------------------------------------------------------------------------------- */

static void close_part(struct dossier_page *page)
{
	if (page->open)
		fputs("</dl></div>\n", page->out);
	page->open = false;
}

static void put_part(void *context, const char *title)
{
	struct dossier_page *page = context;

	close_part(page);
	page->open = true;
	fprintf(page->out, "<div class=\"part\"><h4>%s</h4><dl>\n", title);
}

static int put_value(void *context, const char *label, const char *text)
{
	struct dossier_page *page = context;

	fputs("<dt>", page->out);
	page_text(page->out, label);
	fputs("</dt><dd>", page->out);
	page_name(page->out, text, VALUE_MOST);
	fputs("</dd>\n", page->out);
	return 0;
}

static int put_next(void *context, const char *question, const char *command)
{
	struct dossier_page *page = context;

	fputs("<li><span>", page->out);
	page_text(page->out, question);
	fputs("</span>", page->out);
	if (command) {
		fputs("<code>", page->out);
		page_text(page->out, command);
		fputs("</code>", page->out);
	}
	fputs("</li>\n", page->out);
	return 0;
}

static int put_dossier(FILE *out, const struct alert_row *row, const struct alert_parts *parts)
{
	struct dossier_page page = {.out = out};
	const struct alert_visitor visitor = {
		.context = &page, .section = put_part, .value = put_value, .next = put_next};
	int error;

	fputs("<div class=\"dossier\"><p>", out);
	page_text_most(out, alert_message(parts), VALUE_MOST);
	fputs("</p><div class=\"parts\">\n", out);
	error = alert_sections(parts, &visitor);
	close_part(&page);
	fputs("</div><div class=\"next\"><h4>Ask next</h4><ul>\n", out);
	if (!error)
		error = alert_next(parts, row, &visitor);
	fputs("<li><span>All fields of this alert:</span><code>firstseen alert ", out);
	page_text(out, row->uid);
	fputs("</code></li></ul></div></div>\n", out);
	return error;
}

/* --- the list -------------------------------------------------------------------------------------- */

/* "new_domain" as people write it. */
static void put_kind(FILE *out, const char *kind)
{
	char text[64];

	text_copy(text, sizeof(text), kind);
	for (char *at = text; *at; at++)
		if (*at == '_')
			*at = ' ';
	page_text(out, text);
}

/* The row's inside; `what` is what it is about. */
static void put_row(FILE *out, const struct alert_row *row)
{
	const char *name = row->domain[0] ? row->domain : row->hostname;
	int severity = row->severity >= SEVERITY_INFORMATIONAL && row->severity <= SEVERITY_CRITICAL
			       ? row->severity
			       : SEVERITY_INFORMATIONAL;

	fprintf(out, "<span class=\"chip s%d\">%s</span><span class=\"what\">", severity,
		severity_name(row->severity));
	if (name[0])
		page_name(out, name, REPORT_NAME_MOST);
	else
		put_kind(out, row->kind);
	fputs("</span><span class=\"who\">", out);
	if (row->application[0] || name[0])
		page_name(out, rows_application_name(row->application), REPORT_NAME_MOST);
	fputs("</span><span class=\"kind\">", out);
	put_kind(out, row->kind);
	fputs("</span><span class=\"t\">", out);
	page_time(out, row->time_ns);
	fputs("</span>", out);
}

static int put_whole(FILE *out, const struct alert_row *row)
{
	struct alert_parts *parts = NULL;
	int error = alert_parts_new(row, &parts);

	if (error == -ENOMEM)
		return error;
	fputs("<li><details><summary class=\"row\">", out);
	put_row(out, row);
	fputs("</summary>", out);
	if (error) {
		fputs("<p class=\"dossier\">Its line in the history is damaged.</p>", out);
		error = 0;
	} else {
		error = put_dossier(out, row, parts);
	}
	fputs("</details></li>\n", out);
	alert_parts_free(parts);
	return error;
}

/* In memory first: only so is it known whether it still fits. */
static int in_memory(int (*put)(FILE *out, const struct alert_row *row), const struct alert_row *row,
		     char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);
	int error;

	if (!out)
		return -ENOMEM;
	error = put(out, row);
	if (fclose(out) && !error)
		error = -ENOMEM;
	if (error)
		free(*text);
	return error;
}

static int put_bare(FILE *out, const struct alert_row *row)
{
	fputs("<li><div class=\"row\">", out);
	put_row(out, row);
	fputs("</div></li>\n", out);
	return 0;
}

static int put_alert(void *context, const struct alert_row *row)
{
	struct list *list = context;
	char *text;
	size_t size;
	int error = in_memory(put_whole, row, &text, &size);

	if (!error && size + LIST_RESERVE > list->left) {
		free(text);
		list->bare++;
		error = in_memory(put_bare, row, &text, &size);
	}
	if (error)
		return error;
	if (size + LIST_RESERVE > list->left) {
		free(text);
		return 1;
	}
	if (list->shown == ALERTS_FIRST)
		fputs("</ol><details class=\"after\"><summary>More open alerts</summary><ol "
		      "class=\"alerts\">\n",
		      list->out);
	fputs(text, list->out);
	list->left -= size;
	list->shown++;
	free(text);
	return 0;
}

static void close_list(const struct list *list)
{
	uint64_t open = list->report->summary.alerts_open;

	fputs(list->shown > ALERTS_FIRST ? "</ol></details>\n" : "</ol>\n", list->out);
	if (open <= list->shown && !list->bare)
		return;
	fputs("<p class=\"note\">", list->out);
	if (open > list->shown) {
		page_count(list->out, list->shown);
		fputs(" of ", list->out);
		page_count(list->out, open);
		fputs(" are shown, the most severe and newest first. ", list->out);
	}
	if (list->bare)
		fputs("Where the page would have become too large, a dossier is left out. ", list->out);
	fputs("All: <code>firstseen alerts --open</code></p>\n", list->out);
}

int report_put_alerts(const struct report *report, FILE *out, size_t bytes)
{
	const struct history_filter filter = {.open = true, .severe = true, .limit = ALERTS_SHOWN};
	struct list list = {.report = report, .out = out, .left = bytes};
	int error;

	fputs("<section id=\"alerts\"><h2>Open alerts</h2><p class=\"sub\">Those that nobody acknowledged, "
	      "the "
	      "most severe first; each opens to its dossier.</p>\n",
	      out);
	if (!report->summary.alerts_open) {
		fputs("<p class=\"none\">No alert is open.</p></section>\n", out);
		return 0;
	}
	fputs("<ol class=\"alerts\">\n", out);
	error = history_alerts(report->history, &filter, put_alert, &list, report->failure);
	close_list(&list);
	fputs("</section>\n", out);
	return error < 0 ? error : 0;
}
