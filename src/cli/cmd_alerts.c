/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_alerts.c - alerts, one row each; and one alert, whole. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/show_alert.h"

#define UID_LEAST 8

static const struct column columns[] = {
	{.key = "time", .type = COLUMN_TIME},        {.key = "uid", .type = COLUMN_UID},
	{.key = "severity", .type = COLUMN_LEVEL},   {.key = "kind", .type = COLUMN_TEXT},
	{.key = "domain", .type = COLUMN_NAME},      {.key = "hostname", .type = COLUMN_NAME, .spare = 2},
	{.key = "application", .type = COLUMN_NAME}, {.key = "state", .type = COLUMN_TEXT, .spare = 1},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

const char *severity_name(int severity)
{
	if (severity < SEVERITY_INFORMATIONAL || severity > SEVERITY_CRITICAL)
		return "Unknown";
	return alert_severity_name((enum alert_severity)severity);
}

static int add_alert(void *output, const struct alert_row *row)
{
	union cell cells[COLUMNS] = {
		{.time_ns = row->time_ns},  {.text = row->uid},    {.text = severity_name(row->severity)},
		{.text = row->kind},        {.text = row->domain}, {.text = row->hostname},
		{.text = row->application}, {.text = row->state},
	};

	return output_row(output, cells);
}

static int add_alerts(const struct cli *cli, struct history *history, struct output *output,
		      struct failure *failure)
{
	return history_alerts(history, &cli->options->filter, add_alert, output, failure);
}

int cli_alerts(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return cli_list(cli, columns, COLUMNS, add_alerts, "no such alerts in the history");
}

struct showing {
	const struct cli *cli;
	int error;
};

static int show(void *context, const struct alert_row *row)
{
	struct showing *showing = context;

	if (showing->cli->options->format == OUTPUT_JSON)
		puts(row->line);
	else if (showing->cli->options->format == OUTPUT_TSV)
		showing->error = show_alert_rows(row);
	else
		showing->error = show_alert(row, showing->cli->now_ns);
	return 0;
}

int cli_alert(struct cli *cli, int argc, char **argv)
{
	struct showing showing = {.cli = cli};
	struct failure failure = {{0}};
	struct history *history;
	int found;

	(void)argc;
	if (strlen(argv[0]) < UID_LEAST) {
		cli_fail("%.100s: %d or more characters of a uid are needed; see firstseen alert --help",
			 argv[0], UID_LEAST);
		return CLI_USAGE;
	}
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	found = history_alert(history, argv[0], show, &showing, &failure);
	history_close(history);
	if (found < 0)
		return cli_fail_with(&failure, found);
	if (showing.error == -EBADMSG)
		return cli_fail("the kept line of this alert is damaged; --format json prints it as it is");
	if (showing.error)
		return cli_fail("%s", strerror(-showing.error));
	return found ? CLI_DONE : cli_fail("no alert %.100s", argv[0]);
}
