/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_alerts.c - alerts, alert UID. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "cli/cli.h"

static const struct column columns[] = {
	{"time", COLUMN_TIME},        {"uid", COLUMN_TEXT},    {"severity", COLUMN_TEXT},
	{"kind", COLUMN_TEXT},        {"domain", COLUMN_TEXT}, {"hostname", COLUMN_TEXT},
	{"application", COLUMN_TEXT}, {"state", COLUMN_TEXT},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const char *severity_name(int severity)
{
	if (severity < SEVERITY_INFORMATIONAL || severity > SEVERITY_CRITICAL)
		return "Unknown";
	return alert_severity_name((enum alert_severity)severity);
}

static int print_alert(void *context, const struct alert_row *row)
{
	union cell cells[COLUMNS] = {
		{.time_ns = row->time_ns},  {.text = row->uid},    {.text = severity_name(row->severity)},
		{.text = row->kind},        {.text = row->domain}, {.text = row->hostname},
		{.text = row->application}, {.text = row->state},
	};

	return output_row(context, cells);
}

int cli_alerts(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct history_filter filter = {0};
	struct failure failure = {{0}};
	struct history *history;
	struct output *output;
	int status, error, first = cli_options(cli, command, argc, argv, "suklo", &filter, &status);

	if (first < 0)
		return status;
	if (first < argc)
		return cli_misuse(command, "unexpected argument \"%s\"", argv[first]);
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	output = output_new(cli->format, columns, COLUMNS, cli->now_ns);
	error = history_alerts(history, &filter, print_alert, output, &failure);
	history_close(history);
	if (output_end(output) == 0 && !error)
		return cli_fail("no alerts in that span");
	return error ? cli_fail("%s", failure.text) : CLI_DONE;
}

/* --- one alert --------------------------------------------------------------------------------- */

static void print_value(const char *path, const json_t *value)
{
	char text[4096], line[9000];

	if (json_is_string(value))
		text_escape(text, sizeof(text), json_string_value(value), json_string_length(value));
	else if (json_is_integer(value))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text, sizeof(text), "%g", json_real_value(value));
	else if (json_is_boolean(value))
		text_copy(text, sizeof(text), json_is_true(value) ? "yes" : "no");
	else
		text_copy(text, sizeof(text), "-");
	text_escape(line, sizeof(line), path, strlen(path));
	printf("  %-34s %s\n", line, text);
}

/* Every value with the path to it. */
static void print_tree(const char *path, const json_t *value, int depth)
{
	char below[512];
	const char *key;
	json_t *child;
	size_t index;

	if (depth > 12)
		return;
	if (json_is_object(value)) {
		json_object_foreach((json_t *)(uintptr_t)value, key, child)
		{
			snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "." : "", key);
			print_tree(below, child, depth + 1);
		}
	} else if (json_is_array(value)) {
		json_array_foreach(value, index, child)
		{
			if (json_array_size(value) == 1)
				snprintf(below, sizeof(below), "%s", path);
			else
				snprintf(below, sizeof(below), "%s[%zu]", path, index);
			print_tree(below, child, depth + 1);
		}
	} else {
		print_value(path, value);
	}
}

static int show_alert(void *context, const struct alert_row *row)
{
	struct cli *cli = context;
	char text[OUTPUT_VALUE_MAX], time[TEXT_TIME_MAX];
	json_t *tree;

	if (cli->format == OUTPUT_JSON) {
		puts(row->line);
		return 0;
	}
	printf("%s  %s  %s\n", row->uid, severity_name(row->severity), text_format_time(row->time_ns, time));
	tree = json_loads(row->line, 0, NULL);
	if (!tree)
		return cli_fail("the kept line of this alert is damaged");
	puts(output_value(COLUMN_TEXT,
			  (union cell){.text = json_string_value(json_object_get(tree, "message"))}, 0,
			  text));
	printf("state: %s\n\n", row->state);
	print_tree("", tree, 0);
	json_decref(tree);
	printf("\nAsk next:\n  firstseen history %s\n",
	       output_value(COLUMN_TEXT, (union cell){.text = row->domain}, 0, text));
	printf("  firstseen app '%s'\n",
	       output_value(COLUMN_TEXT, (union cell){.text = row->application}, 0, text));
	return 0;
}

int cli_alert(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct history_filter filter = {0};
	struct failure failure = {{0}};
	struct history *history;
	int status, found, first = cli_options(cli, command, argc, argv, "", &filter, &status);

	if (first < 0)
		return status;
	if (first + 1 != argc || strlen(argv[first]) < 8)
		return cli_misuse(command, "alert takes one uid, or its first 8 or more characters");
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	found = history_alert(history, argv[first], show_alert, cli, &failure);
	history_close(history);
	if (found < 0)
		return cli_fail("%s", failure.text[0] ? failure.text : strerror(-found));
	return found ? CLI_DONE : cli_fail("no alert %s", argv[first]);
}
