/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_history.c - domains, apps, app: what the baseline holds. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/rows.h"
#include "cli/show_package.h"
#include "package/package.h"

#define PACKAGES_OF_MOST 20 /* applications of one executable whose packages are told */

static const struct column domain_columns[] = {
	{.key = "domain", .type = COLUMN_NAME},
	{.key = "kind", .type = COLUMN_TEXT, .spare = 3},
	{.key = "first_seen", .type = COLUMN_TIME},
	{.key = "last_seen", .type = COLUMN_TIME},
	{.key = "connections", .type = COLUMN_COUNT, .heading = "conns"},
	{.key = "bytes_out", .type = COLUMN_BYTES, .heading = "out"},
	{.key = "bytes_in", .type = COLUMN_BYTES, .heading = "in"},
	{.key = "hostnames", .type = COLUMN_COUNT, .heading = "hosts", .spare = 2},
	{.key = "applications", .type = COLUMN_COUNT, .heading = "apps", .spare = 1},
};
#define DOMAIN_COLUMNS (sizeof(domain_columns) / sizeof(domain_columns[0]))

static const struct column application_columns[] = {
	{.key = "application", .type = COLUMN_NAME},
	{.key = "first_seen", .type = COLUMN_TIME},
	{.key = "last_seen", .type = COLUMN_TIME},
	{.key = "domains", .type = COLUMN_COUNT},
	{.key = "connections", .type = COLUMN_COUNT, .heading = "conns"},
	{.key = "bytes_out", .type = COLUMN_BYTES, .heading = "out"},
	{.key = "bytes_in", .type = COLUMN_BYTES, .heading = "in"},
};
#define APPLICATION_COLUMNS (sizeof(application_columns) / sizeof(application_columns[0]))

const char *rows_kind_name(enum subject_kind kind)
{
	return kind == SUBJECT_DOMAIN ? "domain" : "address";
}

struct output *rows_of_domains(const struct cli *cli)
{
	return output_new(cli->options->format, domain_columns, DOMAIN_COLUMNS, cli->now_ns);
}

int rows_add_domain(void *output, const struct domain_row *row)
{
	union cell cells[DOMAIN_COLUMNS] = {
		{.text = row->domain},     {.text = rows_kind_name(row->kind)}, {.time_ns = row->first_ns},
		{.time_ns = row->last_ns}, {.count = row->connections},         {.count = row->bytes_out},
		{.count = row->bytes_in},  {.count = row->hostnames},           {.count = row->applications},
	};

	return output_row(output, cells);
}

/* The application that nothing is known of has no name in the history. */
const char *rows_application_name(const char *name)
{
	return name[0] ? name : "(unknown)";
}

static int add_application(void *output, const struct application_row *row)
{
	union cell cells[APPLICATION_COLUMNS] = {
		{.text = rows_application_name(row->application)},
		{.time_ns = row->first_ns},
		{.time_ns = row->last_ns},
		{.count = row->domains},
		{.count = row->connections},
		{.count = row->bytes_out},
		{.count = row->bytes_in},
	};

	return output_row(output, cells);
}

static int add_domains(const struct cli *cli, struct history *history, struct output *output,
		       struct failure *failure)
{
	return history_domains(history, &cli->options->filter, rows_add_domain, output, failure);
}

int cli_domains(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return cli_list(cli, domain_columns, DOMAIN_COLUMNS, add_domains, "no such domains in the history");
}

static int add_applications(const struct cli *cli, struct history *history, struct output *output,
			    struct failure *failure)
{
	return history_applications(history, &cli->options->filter, add_application, output, failure);
}

int cli_apps(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return cli_list(cli, application_columns, APPLICATION_COLUMNS, add_applications,
			"no such applications in the history");
}

/* The application itself, above its domains; several where they share the executable. */
static int print_application(const struct cli *cli, struct history *history,
			     const struct history_filter *filter, struct failure *failure)
{
	const struct history_filter whole = {.application = filter->application};
	struct output *output =
		output_new(cli->options->format, application_columns, APPLICATION_COLUMNS, cli->now_ns);
	int error = -ENOMEM;

	if (output)
		error = history_applications(history, &whole, add_application, output, failure);
	if (output_end(output))
		putchar('\n');
	return error;
}

struct owners {
	const struct cli *cli;
	struct packages *packages;
};

static int print_owner(void *context, const struct application_row *row)
{
	struct owners *owners = context;

	if (!owners->packages)
		owners->packages = show_package_open(owners->cli);
	if (!owners->packages)
		return 1;
	show_package(owners->cli, owners->packages, row);
	return 0;
}

/* Whose the application's files are, and what changed on this host lately. */
static int print_packages(const struct cli *cli, struct history *history, const struct history_filter *filter,
			  struct failure *failure)
{
	const struct history_filter some = {.application = filter->application, .limit = PACKAGES_OF_MOST};
	struct owners owners = {.cli = cli};
	int error = history_applications(history, &some, print_owner, &owners, failure);

	if (owners.packages) {
		show_package_changes(cli, owners.packages);
		putchar('\n');
	}
	packages_close(owners.packages);
	return error < 0 ? error : 0;
}

int cli_app(struct cli *cli, int argc, char **argv)
{
	struct history_filter filter = cli->options->filter;
	struct history *history = cli_open_history(cli);
	struct failure failure = {{0}};
	struct output *output = NULL;
	size_t rows;
	int error = 0;

	(void)argc;
	if (!history)
		return CLI_FAILED;
	filter.application = argv[0];
	/* Scripts get rows of one kind: the domains. */
	if (cli->options->format == OUTPUT_TABLE)
		error = print_application(cli, history, &filter, &failure);
	if (!error && cli->options->format == OUTPUT_TABLE)
		error = print_packages(cli, history, &filter, &failure);
	if (!error) {
		output = rows_of_domains(cli);
		error = output ? history_domains(history, &filter, rows_add_domain, output, &failure)
			       : -ENOMEM;
	}
	history_close(history);
	rows = output_end(output);
	if (!error && !rows)
		return cli_fail("%.500s was never seen to talk to anybody", argv[0]);
	return cli_finish(error, rows, &failure, "");
}
