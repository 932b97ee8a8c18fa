/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_history.c - domains, history, apps, app: what the baseline holds. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "domain/domain.h"

/* --- domains ----------------------------------------------------------------------------- */

static const struct column domain_columns[] = {
	{"domain", COLUMN_TEXT},    {"kind", COLUMN_TEXT},         {"first_seen", COLUMN_TIME},
	{"last_seen", COLUMN_TIME}, {"connections", COLUMN_COUNT}, {"bytes_out", COLUMN_BYTES},
	{"bytes_in", COLUMN_BYTES}, {"hostnames", COLUMN_COUNT},   {"applications", COLUMN_COUNT},
};
#define DOMAIN_COLUMNS (sizeof(domain_columns) / sizeof(domain_columns[0]))

static const char *kind_name(enum subject_kind kind)
{
	return kind == SUBJECT_DOMAIN ? "domain" : "address";
}

static int print_domain(void *context, const struct domain_row *row)
{
	union cell cells[DOMAIN_COLUMNS] = {
		{.text = row->domain},     {.text = kind_name(row->kind)}, {.time_ns = row->first_ns},
		{.time_ns = row->last_ns}, {.count = row->connections},    {.count = row->bytes_out},
		{.count = row->bytes_in},  {.count = row->hostnames},      {.count = row->applications},
	};

	return output_row(context, cells);
}

/* Ends the output and the history, and tells the exit status. */
static int finish(struct output *output, struct history *history, int error, const struct failure *failure,
		  const char *none)
{
	size_t rows = output_end(output);

	history_close(history);
	if (error < 0)
		return cli_fail("%s", failure->text[0] ? failure->text : strerror(-error));
	if (rows == 0)
		return cli_fail("%s", none);
	return CLI_DONE;
}

int cli_domains(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct history_filter filter = {0};
	struct failure failure = {{0}};
	struct history *history;
	struct output *output;
	int status, error, first = cli_options(cli, command, argc, argv, "sualn", &filter, &status);

	if (first < 0)
		return status;
	if (first < argc)
		return cli_misuse(command, "unexpected argument \"%s\"", argv[first]);
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	output = output_new(cli->format, domain_columns, DOMAIN_COLUMNS, cli->now_ns);
	error = history_domains(history, &filter, print_domain, output, &failure);
	return finish(output, history, error, &failure, "no domains in that span");
}

/* --- history DOMAIN ------------------------------------------------------------------------ */

static const char *const detail_names[] = {"hostnames", "addresses", "applications", "users", "days"};

struct details {
	const struct cli *cli;
	struct output *output; /* OUTPUT_TSV and OUTPUT_TABLE: of the part at hand */
	enum detail part;
	bool any;
	struct json json; /* OUTPUT_JSON */
};

static const struct column detail_columns[] = {
	{"part", COLUMN_TEXT},      {"name", COLUMN_TEXT},         {"first_seen", COLUMN_TIME},
	{"last_seen", COLUMN_TIME}, {"connections", COLUMN_COUNT}, {"bytes_out", COLUMN_BYTES},
	{"bytes_in", COLUMN_BYTES},
};
#define DETAIL_COLUMNS (sizeof(detail_columns) / sizeof(detail_columns[0]))

static const char *detail_name(const struct detail_row *row, char text[static 64])
{
	char *end;
	unsigned long uid;
	const struct passwd *entry;

	if (row->detail != DETAIL_USER)
		return row->name;
	uid = strtoul(row->name, &end, 10);
	entry = *end ? NULL : getpwuid((uid_t)uid);
	if (!entry)
		return row->name;
	snprintf(text, 64, "%s (%lu)", entry->pw_name, uid);
	return text;
}

static void put_json_times(struct json *json, int64_t first_ns, int64_t last_ns)
{
	char time[TEXT_TIME_MAX];

	json_put_string(json, "first_seen", text_format_time(first_ns, time));
	json_put_string(json, "last_seen", text_format_time(last_ns, time));
}

static void print_detail_json(struct details *details, const struct detail_row *row)
{
	struct json *json = &details->json;

	if (!details->any || details->part != row->detail) {
		if (details->any)
			json_array_close(json);
		json_array_open(json, detail_names[row->detail]);
	}
	json_object_open(json, NULL);
	json_put_string(json, "name", row->name);
	put_json_times(json, row->first_ns, row->last_ns);
	json_put_unsigned(json, "connections", row->connections);
	json_put_unsigned(json, "bytes_out", row->bytes_out);
	json_put_unsigned(json, "bytes_in", row->bytes_in);
	json_object_close(json);
}

static int print_detail(void *context, const struct detail_row *row)
{
	struct details *details = context;
	char text[64];
	union cell cells[DETAIL_COLUMNS] = {
		{.text = detail_names[row->detail]},
		{.text = detail_name(row, text)},
		{.time_ns = row->first_ns},
		{.time_ns = row->last_ns},
		{.count = row->connections},
		{.count = row->bytes_out},
		{.count = row->bytes_in},
	};

	if (details->cli->format == OUTPUT_JSON) {
		print_detail_json(details, row);
	} else if (details->cli->format == OUTPUT_TABLE && details->any && details->part != row->detail) {
		output_end(details->output);
		putchar('\n');
		details->output =
			output_new(OUTPUT_TABLE, detail_columns, DETAIL_COLUMNS, details->cli->now_ns);
		if (!details->output)
			return -ENOMEM;
	}
	details->any = true;
	details->part = row->detail;
	return details->cli->format == OUTPUT_JSON ? 0 : output_row(details->output, cells);
}

#define DETAIL_JSON_MAX (8 * 1024 * 1024)

static int print_domain_json(const struct cli *cli, struct history *history, const struct domain_row *row,
			     struct failure *failure)
{
	struct details details = {.cli = cli};
	char *line = malloc(DETAIL_JSON_MAX);
	char name[DOMAIN_MAX];
	int error;

	if (!line)
		return -ENOMEM;
	text_copy(name, sizeof(name), row->domain);
	json_begin(&details.json, line, DETAIL_JSON_MAX);
	json_object_open(&details.json, NULL);
	json_put_string(&details.json, "domain", row->domain);
	json_put_string(&details.json, "kind", kind_name(row->kind));
	put_json_times(&details.json, row->first_ns, row->last_ns);
	json_put_unsigned(&details.json, "connections", row->connections);
	json_put_unsigned(&details.json, "bytes_out", row->bytes_out);
	json_put_unsigned(&details.json, "bytes_in", row->bytes_in);
	error = history_domain_details(history, name, print_detail, &details, failure);
	if (details.any)
		json_array_close(&details.json);
	json_object_close(&details.json);
	if (!error && json_end(&details.json) < 0)
		error = failure_set(failure, -E2BIG,
				    "too much is known of %s for one object; use --format tsv", name);
	if (!error)
		puts(line);
	free(line);
	return error;
}

static int print_domain_rows(const struct cli *cli, struct history *history, const struct domain_row *row,
			     struct failure *failure)
{
	struct details details = {.cli = cli};
	struct output *head = output_new(cli->format, domain_columns, DOMAIN_COLUMNS, cli->now_ns);
	char name[DOMAIN_MAX];
	int error;

	if (!head)
		return -ENOMEM;
	text_copy(name, sizeof(name), row->domain);
	if (cli->format == OUTPUT_TABLE) {
		print_domain(head, row);
		output_end(head);
		putchar('\n');
	} else {
		output_end(head); /* tab-separated rows are of one kind: the parts */
	}
	details.output = output_new(cli->format, detail_columns, DETAIL_COLUMNS, cli->now_ns);
	if (!details.output)
		return -ENOMEM;
	error = history_domain_details(history, name, print_detail, &details, failure);
	output_end(details.output);
	return error;
}

/* The domain as given, else the one that a hostname is grouped to. */
static int find_domain(const struct cli *cli, struct history *history, const char *name,
		       struct domain_row *row, struct failure *failure)
{
	struct domain_settings settings = {.private_suffixes = cli->config.private_suffixes,
					   .aws_buckets = cli->config.aws_buckets};
	struct domain_rules *rules;
	char domain[DOMAIN_MAX];
	int found = history_domain(history, name, row, failure);

	if (found)
		return found;
	found = domain_rules_new(&settings, &rules, failure);
	if (found)
		return found;
	found = domain_of(rules, name, domain) == DOMAIN_INVALID
			? 0
			: history_domain(history, domain, row, failure);
	domain_rules_free(rules);
	return found;
}

int cli_history(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct history_filter filter = {0};
	struct failure failure = {{0}};
	struct domain_row row;
	struct history *history;
	int status, error, first = cli_options(cli, command, argc, argv, "", &filter, &status);

	if (first < 0)
		return status;
	if (first + 1 != argc)
		return cli_misuse(command, "history takes one domain");
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	error = find_domain(cli, history, argv[first], &row, &failure);
	if (error > 0)
		error = cli->format == OUTPUT_JSON ? print_domain_json(cli, history, &row, &failure)
						   : print_domain_rows(cli, history, &row, &failure);
	else if (error == 0)
		error = failure_set(&failure, -ENOENT, "this host was never seen to talk to %.255s",
				    argv[first]);
	history_close(history);
	if (error < 0)
		return cli_fail("%s", failure.text[0] ? failure.text : strerror(-error));
	return CLI_DONE;
}

/* --- applications ---------------------------------------------------------------------------- */

static const struct column application_columns[] = {
	{"application", COLUMN_TEXT}, {"first_seen", COLUMN_TIME},   {"last_seen", COLUMN_TIME},
	{"domains", COLUMN_COUNT},    {"connections", COLUMN_COUNT}, {"bytes_out", COLUMN_BYTES},
	{"bytes_in", COLUMN_BYTES},
};
#define APPLICATION_COLUMNS (sizeof(application_columns) / sizeof(application_columns[0]))

static int print_application(void *context, const struct application_row *row)
{
	union cell cells[APPLICATION_COLUMNS] = {
		{.text = row->application[0] ? row->application : "(unknown)"},
		{.time_ns = row->first_ns},
		{.time_ns = row->last_ns},
		{.count = row->domains},
		{.count = row->connections},
		{.count = row->bytes_out},
		{.count = row->bytes_in},
	};

	return output_row(context, cells);
}

int cli_apps(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct history_filter filter = {0};
	struct failure failure = {{0}};
	struct history *history;
	struct output *output;
	int status, error, first = cli_options(cli, command, argc, argv, "sul", &filter, &status);

	if (first < 0)
		return status;
	if (first < argc)
		return cli_misuse(command, "unexpected argument \"%s\"", argv[first]);
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	output = output_new(cli->format, application_columns, APPLICATION_COLUMNS, cli->now_ns);
	error = history_applications(history, &filter, print_application, output, &failure);
	return finish(output, history, error, &failure, "no applications in that span");
}

int cli_app(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct history_filter filter = {0};
	struct failure failure = {{0}};
	struct history *history;
	struct output *output;
	int status, error, first = cli_options(cli, command, argc, argv, "l", &filter, &status);
	size_t rows;

	if (first < 0)
		return status;
	if (first + 1 != argc)
		return cli_misuse(command, "app takes one executable or application");
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	filter.application = argv[first];
	if (cli->format == OUTPUT_TABLE) {
		output = output_new(cli->format, application_columns, APPLICATION_COLUMNS, cli->now_ns);
		error = history_applications(history, &filter, print_application, output, &failure);
		rows = output_end(output);
		if (error || rows == 0) {
			history_close(history);
			return error ? cli_fail("%s", failure.text)
				     : cli_fail("%s was never seen to talk to anybody outside", argv[first]);
		}
		putchar('\n');
	}
	output = output_new(cli->format, domain_columns, DOMAIN_COLUMNS, cli->now_ns);
	error = history_domains(history, &filter, print_domain, output, &failure);
	return finish(output, history, error, &failure, "no domains known of that application");
}
