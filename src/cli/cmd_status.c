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
#include "cli/show_hooks.h"
#include "cli/show_sinks.h"
#include "metrics/metrics.h"

#define HEARTBEAT_MOST_NS (30 * NS_PER_SECOND) /* an idle daemon writes every 10 s */
#define STATES_MAX 192
#define JSON_MAX (256 * 1024) /* all states, each byte escaped */

struct state {
	char name[48];
	char value[512];
};

struct states {
	size_t count, left_out;
	struct state items[STATES_MAX];
};

static int keep_state(void *context, const char *name, const char *value)
{
	struct states *states = context;

	if (states->count == STATES_MAX) {
		states->left_out++;
		return 0;
	}
	text_copy(states->items[states->count].name, sizeof(states->items[0].name), name);
	text_copy(states->items[states->count].value, sizeof(states->items[0].value), value);
	states->count++;
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

static bool is_number(const char *text)
{
	return *text && strlen(text) < 20 && text[strspn(text, "0123456789")] == '\0';
}

static bool is_loss(const char *name)
{
	return strncmp(name, "lost_", 5) == 0 || strcmp(name, "storage_failed") == 0 ||
	       strcmp(name, "flow_map_failed") == 0 || strcmp(name, "batch_full") == 0 ||
	       strcmp(name, "alerts_unwritten") == 0;
}

struct picture {
	struct states states;
	struct history_summary summary;
	struct sink_states sinks;
	double coverage;
	int64_t window_seconds;
	int64_t learning_until_ns; /* 0: not known */
	bool watching;
	uint64_t lost;
};

static bool is_watching(const struct cli *cli, const struct picture *picture)
{
	int64_t pid = number_of(&picture->states, "pid"), beat = number_of(&picture->states, "heartbeat");

	if (picture->summary.last_run_ended || pid < 1 || pid > INT32_MAX)
		return false;
	/* Alive, also where we may not signal it; and with a fresh sign of life, since numbers come again. */
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
	if (!error)
		error = read_sinks(history, &picture->sinks, failure);
	if (error)
		return error;
	picture->window_seconds = cli->config.window_seconds;
	picture->learning_until_ns = number_of(&picture->states, "learning_until");
	picture->watching = is_watching(cli, picture);
	for (size_t i = 0; i < picture->states.count; i++)
		if (is_loss(picture->states.items[i].name))
			picture->lost += strtoull(picture->states.items[i].value, NULL, 10);
	return 0;
}

/* --- for people ------------------------------------------------------------------------------ */

static void print_losses(const struct picture *picture)
{
	if (!picture->lost) {
		printf("%-12s nothing\n", "lost");
		return;
	}
	printf("%-12s %" PRIu64 ":", "lost", picture->lost);
	for (size_t i = 0; i < picture->states.count; i++) {
		const struct state *state = &picture->states.items[i];

		if (is_loss(state->name) && strtoull(state->value, NULL, 10))
			printf(" %s=%llu", state->name, strtoull(state->value, NULL, 10));
	}
	putchar('\n');
}

static void print_first_lines(const struct cli *cli, const struct picture *picture)
{
	const struct history_summary *summary = &picture->summary;
	bool colour = output_has_colour();

	fputs(!colour ? "" : picture->watching ? "\033[32m" : "\033[31m", stdout);
	fputs(picture->watching ? "watching" : "NOT watching", stdout);
	fputs(colour ? "\033[0m" : "", stdout);
	if (picture->watching) {
		char *version = output_escape(state_of(&picture->states, "version"));

		printf(", pid %" PRId64 ", version %s\n", number_of(&picture->states, "pid"),
		       version ? version : "");
		free(version);
		output_line("since", COLUMN_TIME, (union cell){.time_ns = summary->last_run_from_ns},
			    cli->now_ns);
		return;
	}
	if (!summary->last_run_from_ns)
		fputs(", no daemon has run on this history", stdout);
	else
		printf(", the last run %s", summary->last_run_ended ? "was ended" : "broke off");
	putchar('\n');
	output_line("last sign", COLUMN_TIME, (union cell){.time_ns = summary->last_run_to_ns}, cli->now_ns);
}

static void print_learning(const struct cli *cli, int64_t until_ns)
{
	char time[TEXT_TIME_MAX];

	if (!until_ns)
		printf("%-12s not begun\n", "learning");
	else if (until_ns > cli->now_ns)
		printf("%-12s until %s: nothing new is alerted yet\n", "learning",
		       text_format_time(until_ns, time));
	else
		printf("%-12s done\n", "learning");
}

/* What the history tells of them is the last run's; they went with it. */
static void print_hooks(const struct picture *picture)
{
	const struct states *states = &picture->states;

	if (!picture->watching) {
		printf("%-12s none in force\n", "hooks");
		return;
	}
	if (*state_of(states, "queue"))
		printf("%-12s %" PRId64 " rows in memory at the last hand-over\n", "queue",
		       number_of(states, "queue"));
	output_line("hooks", COLUMN_TEXT, (union cell){.text = state_of(states, "hooks")}, 0);
	show_hooks_missing(state_of(states, "hooks_missing"));
	output_line("cgroup root", COLUMN_TEXT, (union cell){.text = state_of(states, "cgroup_root")}, 0);
}

static void print_table(const struct cli *cli, const struct picture *picture)
{
	const struct history_summary *summary = &picture->summary;
	char *size = output_value(COLUMN_BYTES, (union cell){.count = (uint64_t)summary->file_bytes}, 0);
	char *coverage = output_value(COLUMN_SHARE, (union cell){.share = picture->coverage}, 0);
	char span[TEXT_SPAN_MAX];

	print_first_lines(cli, picture);
	printf("%-12s %s of the last %s\n", "coverage", coverage ? coverage : "?",
	       text_format_span(picture->window_seconds, span));
	print_losses(picture);
	print_hooks(picture);
	print_learning(cli, picture->learning_until_ns);
	if (picture->watching && number_of(&picture->states, "threat_lists_unread"))
		printf("%-12s not all could be read, see the log of firstseend: those before are in force\n",
		       "threat lists");
	printf("%-12s %s: %" PRIu64 " domains, %" PRIu64 " addresses, %" PRIu64 " hostnames, %" PRIu64
	       " applications\n",
	       "history", size ? size : "?", summary->domains, summary->addresses, summary->hostnames,
	       summary->applications);
	output_line("began", COLUMN_TIME, (union cell){.time_ns = summary->since_ns}, cli->now_ns);
	printf("%-12s %" PRIu64 ", %" PRIu64 " open, %" PRIu64 " waiting to be sent\n", "alerts",
	       summary->alerts, summary->alerts_open, summary->outbox);
	print_sinks_table(&picture->sinks, cli->now_ns);
	output_line("last alert", COLUMN_TIME, (union cell){.time_ns = summary->last_alert_ns}, cli->now_ns);
	free(size);
	free(coverage);
}

/* --- for scripts ----------------------------------------------------------------------------- */

#define FACTS 22

/* The same values for JSON and TSV; losses by kind come behind them. Returns how many. */
static size_t gather(const struct picture *picture, struct fact facts[static FACTS])
{
	const struct history_summary *summary = &picture->summary;
	int64_t pid = number_of(&picture->states, "pid");
	const struct fact all[] = {
		{{.key = "watching", .type = COLUMN_BOOLEAN}, {.count = picture->watching}},
		{{.key = "pid", .type = COLUMN_COUNT}, {.count = pid > 0 ? (uint64_t)pid : 0}},
		{{.key = "version", .type = COLUMN_TEXT}, {.text = state_of(&picture->states, "version")}},
		{{.key = "since", .type = COLUMN_TIME}, {.time_ns = summary->last_run_from_ns}},
		{{.key = "last_sign", .type = COLUMN_TIME}, {.time_ns = summary->last_run_to_ns}},
		{{.key = "history_since", .type = COLUMN_TIME}, {.time_ns = summary->since_ns}},
		{{.key = "learning_until", .type = COLUMN_TIME}, {.time_ns = picture->learning_until_ns}},
		{{.key = "window", .type = COLUMN_SPAN}, {.count = (uint64_t)picture->window_seconds}},
		{{.key = "coverage", .type = COLUMN_SHARE}, {.share = picture->coverage}},
		{{.key = "queue", .type = COLUMN_COUNT},
		 {.count = (uint64_t)number_of(&picture->states, "queue")}},
		{{.key = "hooks", .type = COLUMN_TEXT}, {.text = state_of(&picture->states, "hooks")}},
		{{.key = "cgroup_root", .type = COLUMN_TEXT},
		 {.text = state_of(&picture->states, "cgroup_root")}},
		{{.key = "threat_lists_unread", .type = COLUMN_BOOLEAN},
		 {.count = picture->watching && number_of(&picture->states, "threat_lists_unread")}},
		{{.key = "history_bytes", .type = COLUMN_BYTES}, {.count = (uint64_t)summary->file_bytes}},
		{{.key = "domains", .type = COLUMN_COUNT}, {.count = summary->domains}},
		{{.key = "addresses", .type = COLUMN_COUNT}, {.count = summary->addresses}},
		{{.key = "hostnames", .type = COLUMN_COUNT}, {.count = summary->hostnames}},
		{{.key = "applications", .type = COLUMN_COUNT}, {.count = summary->applications}},
		{{.key = "alerts", .type = COLUMN_COUNT}, {.count = summary->alerts}},
		{{.key = "alerts_open", .type = COLUMN_COUNT}, {.count = summary->alerts_open}},
		{{.key = "alerts_waiting", .type = COLUMN_COUNT}, {.count = summary->outbox}},
		{{.key = "last_alert", .type = COLUMN_TIME}, {.time_ns = summary->last_alert_ns}},
	};

	memcpy(facts, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

static int print_tsv(const struct picture *picture)
{
	struct fact facts[FACTS];
	const struct fact missing = {{.key = "hooks_missing", .type = COLUMN_TEXT},
				     {.text = state_of(&picture->states, "hooks_missing")}};
	int error = output_facts(OUTPUT_TSV, facts, gather(picture, facts), 0);

	error = error ? error : output_facts(OUTPUT_TSV, &missing, 1, 0);
	printf("lost\t%" PRIu64 "\n", picture->lost);
	for (size_t i = 0; i < picture->states.count && !error; i++) {
		const struct state *state = &picture->states.items[i];
		const struct fact loss = {{.key = state->name, .type = COLUMN_COUNT},
					  {.count = strtoull(state->value, NULL, 10)}};

		if (is_loss(state->name))
			error = output_facts(OUTPUT_TSV, &loss, 1, 0);
	}
	print_sinks_tsv(&picture->sinks);
	return error;
}

static int print_json(const struct picture *picture)
{
	struct fact facts[FACTS];
	size_t count = gather(picture, facts);
	struct json json;
	char *text = malloc(JSON_MAX);

	if (!text)
		return -ENOMEM;
	json_begin(&json, text, JSON_MAX);
	json_object_open(&json, NULL);
	for (size_t i = 0; i < count; i++)
		output_put_json(&json, &facts[i].column, facts[i].value);
	show_hooks_missing_json(&json, state_of(&picture->states, "hooks_missing"));
	json_put_unsigned(&json, "lost", picture->lost);
	json_object_open(&json, "losses");
	for (size_t i = 0; i < picture->states.count; i++) {
		const struct state *state = &picture->states.items[i];

		if (is_loss(state->name))
			json_put_unsigned(&json, state->name, strtoull(state->value, NULL, 10));
	}
	json_object_close(&json);
	print_sinks_json(&picture->sinks, &json);
	json_object_close(&json);
	json_end(&json);
	puts(text);
	free(text);
	return 0;
}

/* --- the commands ---------------------------------------------------------------------------- */

int cli_status(struct cli *cli, int argc, char **argv)
{
	static struct picture picture; /* large */
	struct history *history = cli_open_history(cli);
	struct failure failure = {{0}};
	int error;

	(void)argc;
	(void)argv;
	if (!history)
		return CLI_FAILED;
	error = look(cli, history, &picture, &failure);
	history_close(history);
	if (!error && cli->options->format == OUTPUT_JSON)
		error = print_json(&picture);
	else if (!error && cli->options->format == OUTPUT_TSV)
		error = print_tsv(&picture);
	else if (!error)
		print_table(cli, &picture);
	if (error)
		return cli_fail_with(&failure, error);
	return picture.watching ? CLI_DONE : CLI_FAILED;
}

static int print_metrics(const struct cli *cli, struct history *history, const struct states *states)
{
	static struct metric metrics[STATES_MAX];
	static char text[METRICS_TEXT_MAX];
	static struct picture picture;
	struct failure failure = {{0}};
	int error = look(cli, history, &picture, &failure);
	size_t count = 0;
	int64_t length;

	if (error)
		return cli_fail_with(&failure, error);
	for (size_t i = 0; i < states->count; i++)
		if (is_number(states->items[i].value))
			metrics[count++] = (struct metric){states->items[i].name,
							   strtoull(states->items[i].value, NULL, 10)};
	length = metrics_format(metrics, count,
				&(struct metrics_history){
					.file_bytes = (uint64_t)picture.summary.file_bytes,
					.domains = picture.summary.domains,
					.addresses = picture.summary.addresses,
					.hostnames = picture.summary.hostnames,
					.applications = picture.summary.applications,
					.alerts = picture.summary.alerts,
					.alerts_open = picture.summary.alerts_open,
					.outbox = picture.summary.outbox,
					.coverage = picture.coverage,
					.last_alert_ns = picture.summary.last_alert_ns,
				},
				state_of(&picture.states, "version"), text, sizeof(text));
	if (length < 0)
		return cli_fail("the metrics do not fit");
	fputs(text, stdout);
	return CLI_DONE;
}

int cli_stats(struct cli *cli, int argc, char **argv)
{
	static struct states states; /* large */
	static struct fact facts[STATES_MAX];
	struct history *history = cli_open_history(cli);
	struct failure failure = {{0}};
	int error;

	(void)argc;
	(void)argv;
	if (!history)
		return CLI_FAILED;
	error = history_states(history, keep_state, &states, &failure);
	if (!error && cli->options->format == OUTPUT_METRICS) {
		int status = print_metrics(cli, history, &states);

		history_close(history);
		return status;
	}
	history_close(history);
	for (size_t i = 0; i < states.count; i++) {
		const char *value = states.items[i].value;

		facts[i].column = (struct column){.key = states.items[i].name, .type = COLUMN_TEXT};
		facts[i].value = (union cell){.text = value};
		if (is_number(value)) {
			facts[i].column.type = COLUMN_COUNT;
			facts[i].value = (union cell){.count = strtoull(value, NULL, 10)};
		}
	}
	if (!error)
		error = output_facts(cli->options->format, facts, states.count, cli->now_ns);
	if (error)
		return cli_fail_with(&failure, error);
	if (states.left_out)
		cli_fail("%zu more counters than this version knows of were left out", states.left_out);
	return states.count ? CLI_DONE : cli_fail("no daemon has written into this history yet");
}
