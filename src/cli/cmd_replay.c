/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_replay.c - captures and scenarios through the pipeline that runs live. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "cli/cli.h"
#include "core/pipeline.h"
#include "render/render.h"
#include "review/review.h"
#include "source/source.h"
#include "threat/threats.h"

static const struct column flow_columns[] = {
	{.key = "time", .type = COLUMN_TEXT},   {.key = "client", .type = COLUMN_TEXT},
	{.key = "remote", .type = COLUMN_TEXT}, {.key = "port", .type = COLUMN_COUNT},
	{.key = "proto", .type = COLUMN_TEXT},  {.key = "hostname", .type = COLUMN_NAME},
	{.key = "domain", .type = COLUMN_NAME}, {.key = "method", .type = COLUMN_TEXT},
};
#define FLOW_COLUMNS (sizeof(flow_columns) / sizeof(flow_columns[0]))

/* Rows of a transaction: with one for each new domain, the disk would take most of a replay's time. */
#define ROWS_AT_ONCE 4096

struct replay {
	struct cli *cli;
	const struct options *options;
	struct output *flows; /* --flows */
	struct column flow_columns[FLOW_COLUMNS];
	struct history *history;
	struct batch *batch;
	struct pipeline *pipeline;
	struct domain_rules *rules;
	struct threats *threats;
	struct allow_set *allow;
	bool learning_set; /* a setting of the command line or of a scenario */
	struct failure failure;
	int64_t now_ns;
	size_t rows_open; /* in the open transaction; 0: there is none */
	int error;        /* the first failure, found in a callback that can not return one */
	struct source_counts counts;
};

/* --- writing ------------------------------------------------------------------------------ */

static int64_t render(struct replay *replay, const struct alert *alert, char line[static RENDER_MAX])
{
	struct dossier dossier = {.host = "replay"};

	text_copy(dossier.product_version, sizeof(dossier.product_version), FIRSTSEEN_VERSION);
	return render_alert(replay->cli->config.format, alert, &dossier, line, RENDER_MAX);
}

static int write_alerts(struct replay *replay)
{
	char line[RENDER_MAX];
	int error = 0;

	for (size_t i = 0; i < batch_alert_count(replay->batch) && !error; i++) {
		const struct alert *alert = batch_alert_at(replay->batch, i);

		if (render(replay, alert, line) < 0)
			error = failure_set(&replay->failure, -ENOSPC, "an alert does not fit its line");
		else
			error = history_write_alert(replay->history, alert, line, false, &replay->failure);
	}
	return error;
}

/* Writes what waits, so that this handle sees it; the transaction stays open. */
static int write_batch(struct replay *replay)
{
	size_t rows = batch_access_count(replay->batch) + batch_alert_count(replay->batch);
	int error = 0;

	if (rows == 0)
		return 0;
	if (replay->rows_open == 0)
		error = history_begin(replay->history, &replay->failure);
	if (error)
		return error;
	replay->rows_open += rows;
	error = history_write_accesses(replay->history, replay->batch, &replay->failure);
	if (!error)
		error = write_alerts(replay);
	batch_clear(replay->batch);
	if (error) {
		history_rollback(replay->history);
		replay->rows_open = 0;
	}
	return error;
}

/* Writes what waits for good. */
static int commit(struct replay *replay)
{
	int error = write_batch(replay);

	if (error || replay->rows_open == 0)
		return error;
	replay->rows_open = 0;
	error = history_commit(replay->history, &replay->failure);
	if (error)
		history_rollback(replay->history);
	return error;
}

static void keep_error(struct replay *replay, int error)
{
	if (error && !replay->error)
		replay->error = error;
}

/* --- the pipeline's edges -------------------------------------------------------------------- */

/* The pipeline knows by itself what it decided lately; what it forgot must be asked, so it is written first.
 */
static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	struct replay *replay = context;

	keep_error(replay, replay->rows_open < ROWS_AT_ONCE ? write_batch(replay) : commit(replay));
	return history_seen(replay->history, kind, domain, application, out);
}

static void on_access(void *context, const struct access *access)
{
	struct replay *replay = context;

	if (batch_add_access(replay->batch, access) == -ENOSPC) {
		keep_error(replay, write_batch(replay));
		keep_error(replay, batch_add_access(replay->batch, access));
	}
}

static void on_alert(void *context, const struct alert *alert)
{
	struct replay *replay = context;
	char line[RENDER_MAX];

	if (replay->options->alerts && render(replay, alert, line) >= 0)
		puts(line);
	if (batch_add_alert(replay->batch, alert) == -ENOSPC) {
		keep_error(replay, write_batch(replay));
		keep_error(replay, batch_add_alert(replay->batch, alert));
	}
}

static bool on_threat(void *context, const char *hostname, struct threat_match *out)
{
	struct replay *replay = context;

	return threats_find(replay->threats, hostname, out);
}

static void on_flow(void *context, const struct flow_report *flow)
{
	struct replay *replay = context;
	const char *hostname = flow->attribution->hostname;
	char time[40], client[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	union cell cells[FLOW_COLUMNS] = {
		{.text = time},
		{.text = address_format(&flow->local, client)},
		{.text = address_format(&flow->remote, remote)},
		{.count = flow->remote_port},
		{.text = protocol_name(flow->protocol)},
		{.text = hostname[0] ? hostname : "-"},
		{.text = flow->domain[0] ? flow->domain : "-"},
		{.text = attribution_method_name(flow->attribution->method)},
	};

	/* Seconds with microseconds: what other tools print of a capture. */
	snprintf(time, sizeof(time), "%" PRId64 ".%06" PRId64, flow->time_ns / NS_PER_SECOND,
		 flow->time_ns % NS_PER_SECOND / NS_PER_US);
	if (replay->options->format == OUTPUT_JSON)
		cells[0].time_ns = flow->time_ns;
	keep_error(replay, output_row(replay->flows, cells));
}

static int on_time(void *context, int64_t now_ns)
{
	struct replay *replay = context;

	replay->now_ns = now_ns;
	pipeline_tick(replay->pipeline, now_ns);
	return replay->error;
}

static int on_record(void *context, const void *record, size_t size)
{
	struct replay *replay = context;
	const struct fs_record_header *header = record;

	on_time(replay, (int64_t)header->time_ns);
	(void)pipeline_feed(replay->pipeline, record, size, 0); /* unsound records are counted */
	return replay->error;
}

/* --- settings ------------------------------------------------------------------------------ */

static void settings_of(const struct replay *replay, struct pipeline_settings *settings)
{
	const struct config *config = &replay->cli->config;

	*settings = (struct pipeline_settings){
		.window_seconds = config->window_seconds,
		/* Nothing is learned in silence, unless that is asked for. */
		.learning_seconds = replay->learning_set ? config->learning_seconds : 0,
		.scope = config->scope,
		.unnamed = config->unnamed,
		.crawlers = config->crawlers,
		.sni = config->sni,
		.rules = replay->rules,
		.networks = &config->inside,
		.dns_port_count = config->dns_port_count,
		.hash_seed = hash_seed(),
	};
	memcpy(settings->dns_ports, config->dns_ports, sizeof(settings->dns_ports));
}

static void regroup(void *context, const char *hostname, char domain[static DOMAIN_MAX])
{
	domain_of(context, hostname, domain);
}

/* What is in the history already and what comes now shall be grouped alike. */
static int rekey(struct replay *replay)
{
	return history_rekey(replay->history, domain_rules_identity(replay->rules), regroup, replay->rules,
			     &replay->failure);
}

/* Settings changed: the pipeline goes on with them. */
static int configure(struct replay *replay)
{
	struct domain_rules *old = replay->rules, *fresh;
	struct pipeline_settings settings;
	int error = cli_open_rules(replay->cli, &fresh, &replay->failure);

	if (error)
		return error;
	replay->rules = fresh;
	settings_of(replay, &settings);
	pipeline_configure(replay->pipeline, &settings);
	domain_rules_free(old);
	error = commit(replay);
	return error ? error : rekey(replay);
}

/* A scenario's own settings; what it expects is for the tests. */
static int on_word(void *context, const char *word, const char *rest, const char *where,
		   struct failure *failure)
{
	struct replay *replay = context;
	struct failure inner = {{0}};
	int error;

	if (strcmp(word, "set") != 0)
		return 0;
	error = config_set(&replay->cli->config, rest, &inner);
	if (!error)
		error = config_validate(&replay->cli->config, &inner);
	if (error)
		return failure_set(failure, -EINVAL, "%.200s: %.300s", where, inner.text);
	if (strncmp(rest, "detect.learning=", 16) == 0)
		replay->learning_set = true;
	return configure(replay);
}

/* --- the run ------------------------------------------------------------------------------------ */

static int replay_file(struct replay *replay, const char *path)
{
	const struct config *config = &replay->cli->config;
	struct source_sink sink = {.context = replay, .record = on_record, .time = on_time, .word = on_word};
	struct source_settings settings = {.dns_port_count = config->dns_port_count};
	int capture = source_is_capture(path, &replay->failure), error;

	memcpy(settings.dns_ports, config->dns_ports, sizeof(settings.dns_ports));
	if (capture < 0)
		return capture;
	if (capture)
		error = source_pcap(path, &settings, &sink, &replay->counts, &replay->failure);
	else
		error = source_scenario(path, &sink, &replay->counts, &replay->failure);
	return error;
}

static int open_history(struct replay *replay)
{
	const char *into = replay->options->into;
	int error =
		history_open(into, into ? HISTORY_WRITE : HISTORY_MEMORY, &replay->history, &replay->failure);

	return error ? error : rekey(replay);
}

static int open_pipeline(struct replay *replay)
{
	struct pipeline_edges edges = {.context = replay,
				       .seen = on_seen,
				       .access = on_access,
				       .alert = on_alert,
				       .threat = on_threat,
				       .flow = replay->flows ? on_flow : NULL};
	struct pipeline_settings settings;

	settings_of(replay, &settings);
	return pipeline_new(&settings, &edges, &replay->pipeline);
}

static int load_lists(struct replay *replay)
{
	const struct config *config = &replay->cli->config;
	int error = threats_new(replay->rules, &replay->threats);

	for (uint32_t i = 0; i < config->list_count && !error; i++) {
		error = threats_load(replay->threats, config->lists[i].class, config->lists[i].path,
				     &replay->failure);
		if (error && strcmp(config->lists[i].path, CONFIG_DEFAULT_LISTS) == 0 &&
		    threats_are_absent(config->lists[i].path))
			error = 0;
	}
	return error;
}

/* The operator's rules: of the settings, and of the history that is written into. Where a scenario sets some,
 * anew. */
static int load_rules(struct replay *replay)
{
	struct allow_set *fresh;
	int error = review_load(replay->history, &replay->cli->config, &fresh, &replay->failure);

	if (error)
		return error;
	allow_set_free(pipeline_allow(replay->pipeline, fresh));
	replay->allow = fresh;
	return 0;
}

/* A stream for scripts, as the flows are decided: it does not wait for a table's widths. */
static int open_flows(struct replay *replay)
{
	bool json = replay->options->format == OUTPUT_JSON;

	memcpy(replay->flow_columns, flow_columns, sizeof(flow_columns));
	if (json)
		replay->flow_columns[0].type = COLUMN_TIME;
	replay->flows = output_new(json ? OUTPUT_JSON : OUTPUT_TSV, replay->flow_columns, FLOW_COLUMNS,
				   replay->cli->now_ns);
	return replay->flows ? 0 : -ENOMEM;
}

static int open_replay(struct replay *replay)
{
	const struct options *options = replay->options;
	struct batch_limits limits = {0};
	int error = cli_open_rules(replay->cli, &replay->rules, &replay->failure);

	if (!error && options->flows)
		error = open_flows(replay);
	if (!error)
		error = open_history(replay);
	if (!error)
		error = batch_new(&limits, &replay->batch);
	if (!error)
		error = load_lists(replay);
	if (!error)
		error = open_pipeline(replay);
	if (!error)
		error = load_rules(replay);
	return error;
}

static void close_replay(struct replay *replay)
{
	output_end(replay->flows);
	pipeline_free(replay->pipeline);
	allow_set_free(replay->allow);
	threats_free(replay->threats);
	batch_free(replay->batch);
	history_close(replay->history);
	domain_rules_free(replay->rules);
}

static int print_summary(struct replay *replay)
{
	const struct pipeline_counts *core = pipeline_counts(replay->pipeline);
	const struct observer_counts *observer = pipeline_observer_counts(replay->pipeline);
	const struct correlate_counts *names = pipeline_correlate_counts(replay->pipeline);
	struct history_summary kept;
	int error = history_summary(replay->history, &kept, &replay->failure);
	const struct {
		const char *key;
		uint64_t count;
	} counts[] = {
		{"packets", replay->counts.packets},
		{"packets_skipped", replay->counts.skipped},
		{"packets_malformed", replay->counts.malformed},
		{"packets_tunnelled", replay->counts.tunnels},
		{"fragments_dropped", replay->counts.fragments_dropped},
		{"records", replay->counts.records},
		{"records_bad", observer->bad_records},
		{"dns_messages", observer->dns_messages},
		{"dns_damaged", observer->dns_damaged},
		{"dns_answers_unasked", names->answers_unasked},
		{"flows", core->flows},
		{"flows_internal", core->verdicts[VERDICT_INTERNAL]},
		{"flows_ignored", core->verdicts[VERDICT_IGNORED]},
		{"flows_to_resolvers", core->verdicts[VERDICT_RESOLVER]},
		{"flows_known", core->verdicts[VERDICT_KNOWN]},
		{"flows_learning", core->verdicts[VERDICT_LEARNING]},
		{"flows_preexisting", core->verdicts[VERDICT_PREEXISTING]},
		{"flows_allowed", core->verdicts[VERDICT_ALLOWED]},
		{"flows_to_digests", core->verdicts[VERDICT_CRAWLER]},
		{"flows_new", core->verdicts[VERDICT_NEW]},
		{"threats", core->threats},
		{"named_by_dns", core->methods[METHOD_DNS]},
		{"named_by_stale_dns", core->methods[METHOD_STALE_DNS]},
		{"named_by_sni", core->methods[METHOD_SNI]},
		{"unnamed", core->methods[METHOD_NONE]},
		{"alerts", core->alerts},
		{"domains_in_history", kept.domains},
		{"addresses_in_history", kept.addresses},
	};
	struct fact facts[sizeof(counts) / sizeof(counts[0])];
	size_t count = sizeof(counts) / sizeof(counts[0]);

	for (size_t i = 0; i < count; i++)
		facts[i] = (struct fact){{.key = counts[i].key, .type = COLUMN_COUNT},
					 {.count = counts[i].count}};
	return error ? error : output_facts(replay->options->format, facts, count, 0);
}

static int run(struct replay *replay, int count, char **files)
{
	int error = open_replay(replay);

	for (int i = 0; i < count && !error; i++)
		error = replay_file(replay, files[i]);
	/* Also behind a file that broke off: what was seen before is told and kept. */
	if (replay->pipeline) {
		int last;

		pipeline_finish(replay->pipeline, replay->now_ns);
		pipeline_tell_digests(replay->pipeline, replay->now_ns);
		last = replay->error ? replay->error : commit(replay);
		error = error ? error : last;
	}
	if (!error && !replay->flows && !replay->options->alerts)
		error = print_summary(replay);
	if (replay->counts.tunnels)
		cli_fail("%" PRIu64 " packets in tunnels (%s) were not looked into", replay->counts.tunnels,
			 replay->counts.first_tunnel);
	close_replay(replay);
	return error ? cli_fail_with(&replay->failure, error) : CLI_DONE;
}

int cli_replay(struct cli *cli, int argc, char **argv)
{
	static struct replay replay; /* large */

	replay.cli = cli;
	replay.options = cli->options;
	replay.learning_set = options_set(cli->options, "detect.learning");
	return run(&replay, argc, argv);
}
