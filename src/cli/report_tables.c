/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* report_tables.c - newest domains, applications, crawlers, allow rules. */
#include "cli/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/rows.h"
#include "cli/rules.h"

#define NEWEST 15
#define APPLICATIONS 20
#define DOMAINS_NAMED 6
#define CRAWLERS_SHOWN 30
#define EXAMPLES_NAMED 6
#define RULES_SHOWN 50
#define FIELDS_MOST 200

/* What the rows of one table are written with. */
struct table {
	const struct report *report;
	FILE *out;
	uint64_t rows, most;
};

static void put_number(FILE *out, uint64_t number)
{
	fputs("<td class=\"n\">", out);
	page_count(out, number);
	fputs("</td>", out);
}

static void put_bytes(FILE *out, uint64_t bytes)
{
	fputs("<td class=\"n\">", out);
	page_value(out, COLUMN_BYTES, (union cell){.count = bytes});
	fputs("</td>", out);
}

static void put_time(FILE *out, int64_t time_ns)
{
	fputs("<td class=\"t\">", out);
	page_time(out, time_ns);
	fputs("</td>", out);
}

static void put_cell(FILE *out, const char *text, size_t most)
{
	fputs("<td>", out);
	page_text_most(out, text, most);
	fputs("</td>", out);
}

static void open_section(FILE *out, const char *id, const char *title, const char *sub)
{
	fprintf(out, "<section id=\"%s\"><h2>%s</h2><p class=\"sub\">%s</p>\n", id, title, sub);
}

/* The heading is written with the first row, so that nothing is left standing over an empty table. */
static void begin(struct table *table, const char *label, const char *class, const char *columns)
{
	if (table->rows++)
		return;
	page_table_open(table->out, label, class);
	fprintf(table->out, "<thead><tr>%s</tr></thead><tbody>\n", columns);
}

static void end(struct table *table, const char *none)
{
	if (!table->rows) {
		fprintf(table->out, "<p class=\"none\">%s</p></section>\n", none);
		return;
	}
	fputs("</tbody>", table->out);
	page_table_close(table->out);
	if (table->most && table->rows > table->most) {
		fputs("<p class=\"note\">The first ", table->out);
		page_count(table->out, table->most);
		fputs(" of ", table->out);
		page_count(table->out, table->rows);
		fputs(".</p>", table->out);
	}
	fputs("</section>\n", table->out);
}

#define LEFT(text) "<th scope=\"col\">" text "</th>"
#define RIGHT(text) "<th scope=\"col\" class=\"n\">" text "</th>"

/* --- newest domains ------------------------------------------------------------------------------- */

static int name_application(void *context, const struct detail_row *row)
{
	struct table *table = context;

	if (row->detail != DETAIL_APPLICATION)
		return row->detail > DETAIL_APPLICATION;
	if (table->rows++ >= 2)
		return 1;
	fputs(table->rows > 1 ? ", " : "", table->out);
	page_name(table->out, rows_application_name(row->name), 80);
	return 0;
}

struct newest {
	size_t count;
	struct {
		char domain[DOMAIN_MAX];
		struct domain_row row;
	} items[NEWEST];
};

static int keep_newest(void *context, const struct domain_row *row)
{
	struct newest *newest = context;

	text_copy(newest->items[newest->count].domain, DOMAIN_MAX, row->domain);
	newest->items[newest->count++].row = *row;
	return 0;
}

static int put_newest(struct table *table, const char *domain, const struct domain_row *row)
{
	struct table names = {.report = table->report, .out = table->out};
	int result;

	begin(table, "Newest domains", "wide",
	      LEFT("Domain") LEFT("First seen") LEFT("Last seen") LEFT("Applications") RIGHT("Connections")
		      RIGHT("Sent") RIGHT("Received"));
	fputs("<tr><th scope=\"row\">", table->out);
	page_name(table->out, domain, REPORT_NAME_MOST);
	fputs("</th>", table->out);
	put_time(table->out, row->first_ns);
	put_time(table->out, row->last_ns);
	fputs("<td>", table->out);
	result = history_domain_details(table->report->history, domain, name_application, &names,
					table->report->failure);
	if (row->applications > 2)
		fprintf(table->out, ", %" PRIu64 " more", row->applications - 2);
	fputs("</td>", table->out);
	put_number(table->out, row->connections);
	put_bytes(table->out, row->bytes_out);
	put_bytes(table->out, row->bytes_in);
	fputs("</tr>\n", table->out);
	return result < 0 ? result : 0;
}

int report_put_newest(const struct report *report, FILE *out)
{
	const struct history_filter filter = {
		.since_ns = report->from_ns, .until_ns = report->to_ns, .fresh = true, .limit = NEWEST};
	static struct newest newest; /* large */
	struct table table = {.report = report, .out = out};
	int error;

	newest.count = 0;
	error = history_domains(report->history, &filter, keep_newest, &newest, report->failure);
	open_section(out, "newest", "Newest domains",
		     "The last ones that were seen for the first time. All: "
		     "<code>firstseen domains --new --since 7d</code>");
	for (size_t i = 0; i < newest.count && !error; i++)
		error = put_newest(&table, newest.items[i].domain, &newest.items[i].row);
	end(&table, "Nothing was seen for the first time in this span.");
	return error;
}

/* --- applications --------------------------------------------------------------------------------- */

struct top {
	size_t count;
	struct top_row {
		char name[APPLICATION_MAX];
		struct application_row row;
	} items[APPLICATIONS];
};

static int keep_application(void *context, const struct application_row *row)
{
	struct top *top = context;

	text_copy(top->items[top->count].name, APPLICATION_MAX, row->application);
	top->items[top->count++].row = *row;
	return 0;
}

static int name_domain(void *context, const struct domain_row *row)
{
	struct table *table = context;

	fputs(table->rows++ ? " \xc2\xb7 " : "", table->out);
	page_name(table->out, row->domain, 80);
	return 0;
}

static int put_application(const struct report *report, FILE *out, const struct top_row *item, uint64_t most)
{
	struct table names = {.report = report, .out = out};
	const struct application_row *row = &item->row;
	int error;

	fputs("<tr><th scope=\"row\">", out);
	page_name(out, rows_application_name(item->name), REPORT_NAME_MOST);
	fputs("<span class=\"names\">", out);
	error = history_busiest_of(report->history, item->name, DOMAINS_NAMED, name_domain, &names,
				   report->failure);
	if (row->domains > names.rows) {
		fputs(" and ", out);
		page_count(out, row->domains - names.rows);
		fputs(" more", out);
	}
	fputs("</span></th><td class=\"n\">", out);
	page_count(out, row->domains);
	fprintf(out,
		"<svg class=\"meter\" aria-hidden=\"true\" viewBox=\"0 0 64 8\"><rect class=\"m0\" "
		"width=\"64\" height=\"8\"/><rect class=\"b1\" width=\"%.1f\" height=\"8\"/></svg></td>",
		most ? 64.0 * (double)row->domains / (double)most : 0);
	put_number(out, row->connections);
	put_bytes(out, row->bytes_out);
	put_bytes(out, row->bytes_in);
	put_time(out, row->first_ns);
	put_time(out, row->last_ns);
	fputs("</tr>\n", out);
	return error;
}

int report_put_applications(const struct report *report, FILE *out)
{
	const struct history_filter filter = {.since_ns = report->from_ns, .limit = APPLICATIONS};
	static struct top top; /* large */
	struct table table = {.report = report, .out = out};
	int error;

	top.count = 0;
	error = history_applications(report->history, &filter, keep_application, &top, report->failure);
	open_section(out, "applications", "Top applications",
		     "Those that talk to the most domains, and what each talks to most. One whole: "
		     "<code>firstseen app PATH</code>");
	for (size_t i = 0; i < top.count && !error; i++) {
		begin(&table, "Top applications and their domains", "wide",
		      LEFT("Application") RIGHT("Domains") RIGHT("Connections") RIGHT("Sent")
			      RIGHT("Received") LEFT("First seen") LEFT("Last seen"));
		error = put_application(report, out, &top.items[i], top.items[0].row.domains);
	}
	end(&table, "No application was seen in this span.");
	return error;
}

/* --- crawlers ------------------------------------------------------------------------------------- */

/* The first ones of a list with blanks. */
static void put_examples(FILE *out, const char *examples)
{
	char name[DOMAIN_MAX];
	size_t count = 0;

	fputs("<span class=\"names\">", out);
	while (*examples && count < EXAMPLES_NAMED) {
		size_t length = strcspn(examples, " ");

		text_copy_bytes(name, sizeof(name), examples, length);
		fputs(count++ ? " \xc2\xb7 " : "", out);
		page_name(out, name, 80);
		examples += length + (examples[length] == ' ');
	}
	fputs("</span>", out);
}

static int put_crawler(void *context, const struct crawler_state *state)
{
	struct table *table = context;

	begin(table, "Crawlers", "wide",
	      LEFT("Application") LEFT("Since") LEFT("Last over the rule") RIGHT("New in its digest"));
	if (table->rows > table->most)
		return 0;
	fputs("<tr><th scope=\"row\">", table->out);
	page_name(table->out, state->application[0] ? state->application : "the host as a whole",
		  REPORT_NAME_MOST);
	put_examples(table->out, state->digest.examples);
	fputs("</th>", table->out);
	put_time(table->out, state->entered_ns);
	put_time(table->out, state->last_over_ns);
	put_number(table->out, state->digest.count);
	fputs("</tr>\n", table->out);
	return 0;
}

int report_put_crawlers(const struct report *report, FILE *out)
{
	struct table table = {.report = report, .out = out, .most = CRAWLERS_SHOWN};
	int error;

	open_section(
		out, "crawlers", "Crawlers",
		"Applications that find so many new domains that a digest tells them, not an alert each.");
	error = history_crawlers(report->history, put_crawler, &table, report->failure);
	end(&table, "No application is a crawler now.");
	return error;
}

/* --- allow rules ---------------------------------------------------------------------------------- */

static int put_rule(void *context, const struct rule_row *row)
{
	struct table *table = context;
	const struct allow_rule *rule = row->rule;

	begin(table, "Allow rules", "wide",
	      LEFT("Name") LEFT("Rule") RIGHT("Hits") LEFT("Last hit") LEFT("Expires") LEFT("Reason")
		      LEFT("Author") LEFT("From"));
	if (table->rows > table->most)
		return 0;
	fputs("<tr><th scope=\"row\">", table->out);
	page_name(table->out, rule->name, REPORT_NAME_MOST);
	fputs("</th><td>", table->out);
	page_name(table->out, row->fields, FIELDS_MOST);
	fputs("</td>", table->out);
	put_number(table->out, row->hits);
	put_time(table->out, row->last_hit_ns);
	put_time(table->out, rule->expires_ns);
	put_cell(table->out, rule->reason, REPORT_NAME_MOST);
	put_cell(table->out, rule->author, REPORT_NAME_MOST);
	put_cell(table->out, rule->origin == ALLOW_FROM_CONFIG ? "configuration" : "command",
		 REPORT_NAME_MOST);
	fputs("</tr>\n", table->out);
	return 0;
}

int report_put_rules(const struct report *report, FILE *out)
{
	struct table table = {.report = report, .out = out, .most = RULES_SHOWN};
	int error;

	open_section(out, "rules", "Allow rules", "What is kept from being alerted, and how often each hit.");
	error = rules_list(report->cli, report->history, put_rule, &table, report->failure);
	end(&table, "There are no allow rules.");
	return error;
}
