/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_status.c - status, stats: is it watching, and was anything lost. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"

#define HEARTBEAT_MOST_NS (30 * NS_PER_SECOND) /* an idle daemon writes every 10 s */
#define STATES_MAX 128

struct state {
	char name[48];
	char value[512];
};

struct states {
	size_t count;
	struct state items[STATES_MAX];
};

static int keep_state(void *context, const char *name, const char *value)
{
	struct states *states = context;

	if (states->count < STATES_MAX) {
		text_copy(states->items[states->count].name, sizeof(states->items[0].name), name);
		text_copy(states->items[states->count].value, sizeof(states->items[0].value), value);
		states->count++;
	}
	return 0;
}

static const char *state_of(const struct states *states, const char *name)
{
	for (size_t i = 0; i < states->count; i++)
		if (strcmp(states->items[i].name, name) == 0)
			return states->items[i].value;
	return "";
}

static int64_t number_of(const struct states *states, const char *name)
{
	return strtoll(state_of(states, name), NULL, 10);
}

static bool is_loss(const char *name)
{
	return strncmp(name, "lost_", 5) == 0 || strcmp(name, "storage_failed") == 0 ||
	       strcmp(name, "flow_map_failed") == 0 || strcmp(name, "batch_full") == 0;
}

struct picture {
	struct states states;
	struct history_summary summary;
	double coverage;
	bool watching;
	uint64_t lost;
};

static bool is_watching(const struct cli *cli, const struct picture *picture)
{
	int64_t pid = number_of(&picture->states, "pid"), beat = number_of(&picture->states, "heartbeat");

	if (picture->summary.last_run_ended || pid <= 1 || pid > INT32_MAX)
		return false;
	/* Alive, also where we may not signal it; and with a fresh sign of life. */
	if (kill((pid_t)pid, 0) != 0 && errno != EPERM)
		return false;
	return cli->now_ns - beat < HEARTBEAT_MOST_NS;
}

static int look(const struct cli *cli, struct history *history, struct picture *picture,
		struct failure *failure)
{
	int64_t from = cli->now_ns - cli->config.window_seconds * NS_PER_SECOND;
	int error = history_summary(history, &picture->summary, failure);

	if (!error)
		error = history_states(history, keep_state, &picture->states, failure);
	if (!error)
		error = history_coverage(history, from, cli->now_ns, &picture->coverage, failure);
	if (error)
		return error;
	picture->watching = is_watching(cli, picture);
	for (size_t i = 0; i < picture->states.count; i++)
		if (is_loss(picture->states.items[i].name))
			picture->lost += strtoull(picture->states.items[i].value, NULL, 10);
	return 0;
}

static void print_time_line(const struct cli *cli, const char *label, int64_t time_ns)
{
	char text[OUTPUT_VALUE_MAX];

	printf("%-12s %s\n", label,
	       output_value(COLUMN_TIME, (union cell){.time_ns = time_ns}, cli->now_ns, text));
}

static void print_losses(const struct picture *picture)
{
	if (!picture->lost) {
		printf("%-12s nothing\n", "lost");
		return;
	}
	printf("%-12s %" PRIu64 ":", "lost", picture->lost);
	for (size_t i = 0; i < picture->states.count; i++)
		if (is_loss(picture->states.items[i].name) &&
		    strcmp(picture->states.items[i].value, "0") != 0)
			printf(" %s=%s", picture->states.items[i].name, picture->states.items[i].value);
	putchar('\n');
}

static void print_table(const struct cli *cli, const struct picture *picture)
{
	const struct history_summary *summary = &picture->summary;
	int64_t learning = number_of(&picture->states, "learning_until");
	const char *red = "", *plain = "";
	char text[OUTPUT_VALUE_MAX], span[TEXT_SPAN_MAX];

	if (output_has_colour()) {
		red = picture->watching ? "\033[32m" : "\033[31m";
		plain = "\033[0m";
	}
	printf("%s%s%s", red, picture->watching ? "watching" : "NOT watching", plain);
	if (picture->watching)
		printf(", pid %s, version %s", state_of(&picture->states, "pid"),
		       state_of(&picture->states, "version"));
	else if (summary->last_run_to_ns)
		printf(", the last run %s", summary->last_run_ended ? "was ended" : "broke off");
	putchar('\n');
	print_time_line(cli, picture->watching ? "since" : "last sign",
			picture->watching ? summary->last_run_from_ns : summary->last_run_to_ns);
	printf("%-12s %.2f%% of the last %s\n", "coverage", picture->coverage * 100,
	       text_format_span(cli->config.window_seconds, span));
	print_losses(picture);
	printf("%-12s %s\n", "hooks",
	       output_value(COLUMN_TEXT, (union cell){.text = state_of(&picture->states, "hooks")}, 0, text));
	printf("%-12s %s\n", "cgroup root",
	       output_value(COLUMN_TEXT, (union cell){.text = state_of(&picture->states, "cgroup_root")}, 0,
			    text));
	if (learning > cli->now_ns)
		printf("%-12s until %s: nothing new is alerted yet\n", "learning",
		       text_format_time(learning, text));
	else
		printf("%-12s done\n", "learning");
	printf("%-12s %s: %" PRIu64 " domains, %" PRIu64 " addresses, %" PRIu64 " hostnames, %" PRIu64
	       " applications\n",
	       "history",
	       output_value(COLUMN_BYTES, (union cell){.count = (uint64_t)summary->file_bytes}, 0, text),
	       summary->domains, summary->addresses, summary->hostnames, summary->applications);
	print_time_line(cli, "began", summary->since_ns);
	printf("%-12s %" PRIu64 ", %" PRIu64 " open, %" PRIu64 " waiting to be sent\n", "alerts",
	       summary->alerts, summary->alerts_open, summary->outbox);
	print_time_line(cli, "last alert", summary->last_alert_ns);
}

static void put_time(struct json *json, const char *key, int64_t time_ns)
{
	char text[TEXT_TIME_MAX];

	if (time_ns)
		json_put_string(json, key, text_format_time(time_ns, text));
	else
		json_put_null(json, key);
}

static void print_json(const struct picture *picture)
{
	static char line[128 * 1024];
	const struct history_summary *summary = &picture->summary;
	struct json json;

	json_begin(&json, line, sizeof(line));
	json_object_open(&json, NULL);
	json_put_boolean(&json, "watching", picture->watching);
	json_put_integer(&json, "pid", number_of(&picture->states, "pid"));
	json_put_string(&json, "version", state_of(&picture->states, "version"));
	put_time(&json, "since", summary->last_run_from_ns);
	put_time(&json, "last_sign", summary->last_run_to_ns);
	put_time(&json, "history_since", summary->since_ns);
	put_time(&json, "learning_until", number_of(&picture->states, "learning_until"));
	put_time(&json, "last_alert", summary->last_alert_ns);
	json_put_number(&json, "coverage", picture->coverage);
	json_put_unsigned(&json, "lost", picture->lost);
	json_object_open(&json, "losses");
	for (size_t i = 0; i < picture->states.count; i++)
		if (is_loss(picture->states.items[i].name))
			json_put_unsigned(&json, picture->states.items[i].name,
					  strtoull(picture->states.items[i].value, NULL, 10));
	json_object_close(&json);
	json_put_string(&json, "hooks", state_of(&picture->states, "hooks"));
	json_put_string(&json, "cgroup_root", state_of(&picture->states, "cgroup_root"));
	json_put_integer(&json, "history_bytes", summary->file_bytes);
	json_put_unsigned(&json, "domains", summary->domains);
	json_put_unsigned(&json, "addresses", summary->addresses);
	json_put_unsigned(&json, "hostnames", summary->hostnames);
	json_put_unsigned(&json, "applications", summary->applications);
	json_put_unsigned(&json, "alerts", summary->alerts);
	json_put_unsigned(&json, "alerts_open", summary->alerts_open);
	json_put_unsigned(&json, "alerts_waiting", summary->outbox);
	json_object_close(&json);
	if (json_end(&json) >= 0)
		puts(line);
}

static void print_tsv(const struct cli *cli, const struct picture *picture)
{
	(void)cli;
	printf("watching\t%s\n", picture->watching ? "yes" : "no");
	printf("coverage\t%.6f\n", picture->coverage);
	printf("lost\t%" PRIu64 "\n", picture->lost);
	printf("domains\t%" PRIu64 "\n", picture->summary.domains);
	printf("alerts\t%" PRIu64 "\n", picture->summary.alerts);
	printf("alerts_open\t%" PRIu64 "\n", picture->summary.alerts_open);
	printf("alerts_waiting\t%" PRIu64 "\n", picture->summary.outbox);
}

int cli_status(struct cli *cli, const struct command *command, int argc, char **argv)
{
	static struct picture picture; /* large */
	struct history_filter filter = {0};
	struct failure failure = {{0}};
	struct history *history;
	int status, error, first = cli_options(cli, command, argc, argv, "", &filter, &status);

	if (first < 0)
		return status;
	if (first < argc)
		return cli_misuse(command, "unexpected argument \"%s\"", argv[first]);
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	error = look(cli, history, &picture, &failure);
	history_close(history);
	if (error)
		return cli_fail("%s", failure.text);
	if (cli->format == OUTPUT_JSON)
		print_json(&picture);
	else if (cli->format == OUTPUT_TSV)
		print_tsv(cli, &picture);
	else
		print_table(cli, &picture);
	return picture.watching ? CLI_DONE : CLI_FAILED;
}

static int print_state(void *context, const char *name, const char *value)
{
	union cell cells[2] = {{.text = name}, {.text = value}};

	return output_row(context, cells);
}

int cli_stats(struct cli *cli, const struct command *command, int argc, char **argv)
{
	static const struct column columns[] = {{"name", COLUMN_TEXT}, {"value", COLUMN_TEXT}};
	struct history_filter filter = {0};
	struct failure failure = {{0}};
	struct history *history;
	struct output *output;
	int status, error, first = cli_options(cli, command, argc, argv, "", &filter, &status);

	if (first < 0)
		return status;
	if (first < argc)
		return cli_misuse(command, "unexpected argument \"%s\"", argv[first]);
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	output = output_new(cli->format, columns, 2, cli->now_ns);
	error = history_states(history, print_state, output, &failure);
	history_close(history);
	if (output_end(output) == 0 && !error)
		return cli_fail("no daemon has written into this history yet");
	return error ? cli_fail("%s", failure.text) : CLI_DONE;
}
