/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_replay.c - captures and scenarios through the pipeline that runs live. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "core/pipeline.h"
#include "render/render.h"
#include "source/source.h"

struct replay {
	struct cli *cli;
	bool flows, alerts;
	const char *into;
	struct history *history;
	struct batch *batch;
	struct pipeline *pipeline;
	struct domain_rules *rules;
	struct network_scope *networks;
	struct failure failure;
	int64_t now_ns, written_ns;
	int error; /* the first failure, found in a callback that can not return one */
	struct source_counts counts;
};

/* --- writing ------------------------------------------------------------------------------ */

static int64_t render(struct replay *replay, const struct alert *alert, char line[static RENDER_MAX])
{
	struct dossier dossier = {.host = "replay"};

	text_copy(dossier.product_version, sizeof(dossier.product_version), FIRSTSEEN_VERSION);
	return render_alert(replay->cli->config.format, alert, &dossier, line, RENDER_MAX);
}

static int write_batch(struct replay *replay)
{
	char line[RENDER_MAX];
	int error = history_begin(replay->history, &replay->failure);

	if (error)
		return error;
	error = history_write_accesses(replay->history, replay->batch, &replay->failure);
	for (size_t i = 0; i < batch_alert_count(replay->batch) && !error; i++) {
		const struct alert *alert = batch_alert_at(replay->batch, i);

		if (render(replay, alert, line) < 0)
			error = failure_set(&replay->failure, -ENOSPC, "an alert does not fit its line");
		else
			error = history_write_alert(replay->history, alert, line, false, &replay->failure);
	}
	if (!error)
		error = history_commit(replay->history, &replay->failure);
	else
		history_rollback(replay->history);
	batch_clear(replay->batch);
	replay->written_ns = replay->now_ns;
	return error;
}

static void keep_error(struct replay *replay, int error)
{
	if (error && !replay->error)
		replay->error = error;
}

/* --- the pipeline's edges -------------------------------------------------------------------- */

/* What was decided and not written yet is in the pipeline's own cache or, past that, written first. */
static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	struct replay *replay = context;

	if (batch_access_count(replay->batch))
		keep_error(replay, write_batch(replay));
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

	if (replay->alerts && render(replay, alert, line) >= 0)
		puts(line);
	if (batch_add_alert(replay->batch, alert) == -ENOSPC) {
		keep_error(replay, write_batch(replay));
		keep_error(replay, batch_add_alert(replay->batch, alert));
	}
}

static void on_flow(void *context, const struct flow_report *flow)
{
	const char *hostname = flow->attribution->hostname;
	char client[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX], name[4 * HOSTNAME_MAX],
		domain[4 * DOMAIN_MAX];

	(void)context;
	text_escape(name, sizeof(name), hostname, strlen(hostname));
	text_escape(domain, sizeof(domain), flow->domain, strlen(flow->domain));
	printf("%" PRId64 ".%06" PRId64 "\t%s\t%s\t%u\t%s\t%s\t%s\t%s\n", flow->time_ns / NS_PER_SECOND,
	       flow->time_ns % NS_PER_SECOND / NS_PER_US, address_format(&flow->local, client),
	       address_format(&flow->remote, remote), (unsigned)flow->remote_port,
	       protocol_name(flow->protocol), name[0] ? name : "-", domain[0] ? domain : "-",
	       attribution_method_name(flow->attribution->method));
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

static void settings_of(const struct replay *replay, struct pipeline_settings *settings);

/* A scenario's own settings; what it expects is for the tests. */
static int on_word(void *context, const char *word, const char *rest, const char *where,
		   struct failure *failure)
{
	struct replay *replay = context;
	struct pipeline_settings settings;
	struct failure inner = {{0}};

	if (strcmp(word, "set") != 0)
		return 0;
	if (config_set(&replay->cli->config, rest, &inner))
		return failure_set(failure, -EINVAL, "%.200s: %.300s", where, inner.text);
	if (strncmp(rest, "detect.learning=", 16) == 0)
		replay->cli->learning_set = true;
	*replay->networks = replay->cli->config.inside;
	settings_of(replay, &settings);
	pipeline_configure(replay->pipeline, &settings);
	return 0;
}

/* --- the run ------------------------------------------------------------------------------------ */

static int replay_file(struct replay *replay, const char *path)
{
	const struct config *config = &replay->cli->config;
	struct source_sink sink = {.context = replay, .record = on_record, .time = on_time, .word = on_word};
	struct source_settings settings = {.dns_port_count = config->dns_port_count};
	int capture = source_is_capture(path), error;

	memcpy(settings.dns_ports, config->dns_ports, sizeof(settings.dns_ports));
	if (capture < 0)
		return failure_set(&replay->failure, capture, "can not read %.300s: %s", path,
				   strerror(-capture));
	if (capture)
		error = source_pcap(path, &settings, &sink, &replay->counts, &replay->failure);
	else
		error = source_scenario(path, &sink, &replay->counts, &replay->failure);
	return error;
}

static void settings_of(const struct replay *replay, struct pipeline_settings *settings)
{
	const struct config *config = &replay->cli->config;

	*settings = (struct pipeline_settings){
		.window_seconds = config->window_seconds,
		.learning_seconds = replay->cli->learning_set ? config->learning_seconds : 0,
		.scope = config->scope,
		.unnamed = config->unnamed,
		.sni = config->sni,
		.rules = replay->rules,
		.networks = replay->networks,
		.dns_port_count = config->dns_port_count,
	};
	memcpy(settings->dns_ports, config->dns_ports, sizeof(settings->dns_ports));
}

static int open_replay(struct replay *replay)
{
	const struct config *config = &replay->cli->config;
	struct domain_settings grouping = {.private_suffixes = config->private_suffixes,
					   .aws_buckets = config->aws_buckets};
	struct pipeline_edges edges = {.context = replay,
				       .seen = on_seen,
				       .access = on_access,
				       .alert = on_alert,
				       .flow = replay->flows ? on_flow : NULL};
	struct pipeline_settings settings;
	struct batch_limits limits = {0};
	int error = domain_rules_new(&grouping, &replay->rules, &replay->failure);

	*replay->networks = config->inside;
	settings_of(replay, &settings);
	if (!error)
		error = history_open(replay->into, replay->into ? HISTORY_WRITE : HISTORY_MEMORY,
				     &replay->history, &replay->failure);
	if (!error &&
	    (batch_new(&limits, &replay->batch) || pipeline_new(&settings, &edges, &replay->pipeline)))
		error = failure_set(&replay->failure, -ENOMEM, "out of memory");
	return error;
}

static void close_replay(struct replay *replay)
{
	pipeline_free(replay->pipeline);
	batch_free(replay->batch);
	history_close(replay->history);
	domain_rules_free(replay->rules);
}

static void print_summary(struct replay *replay)
{
	static const struct column columns[] = {{"what", COLUMN_TEXT}, {"count", COLUMN_COUNT}};
	const struct pipeline_counts *core = pipeline_counts(replay->pipeline);
	const struct observer_counts *observer = pipeline_observer_counts(replay->pipeline);
	const struct correlate_counts *names = pipeline_correlate_counts(replay->pipeline);
	const struct {
		const char *what;
		uint64_t count;
	} rows[] = {
		{"packets", replay->counts.packets},
		{"packets_skipped", replay->counts.skipped},
		{"packets_malformed", replay->counts.malformed},
		{"records", replay->counts.records},
		{"dns_messages", observer->dns_messages},
		{"dns_damaged", observer->dns_damaged},
		{"dns_answers_unasked", names->answers_unasked},
		{"flows", core->flows},
		{"flows_internal", core->verdicts[VERDICT_INTERNAL]},
		{"flows_known", core->verdicts[VERDICT_KNOWN]},
		{"flows_new", core->verdicts[VERDICT_NEW]},
		{"named_by_dns", core->methods[METHOD_DNS]},
		{"named_by_stale_dns", core->methods[METHOD_STALE_DNS]},
		{"named_by_sni", core->methods[METHOD_SNI]},
		{"unnamed", core->methods[METHOD_NONE]},
		{"alerts", core->alerts},
	};
	struct output *output = output_new(replay->cli->format, columns, 2, 0);

	for (size_t i = 0; output && i < sizeof(rows) / sizeof(rows[0]); i++)
		output_row(output, (union cell[2]){{.text = rows[i].what}, {.count = rows[i].count}});
	if (output)
		output_end(output);
	if (replay->counts.tunnels)
		cli_fail("%" PRIu64 " packets in tunnels (%s) were not looked into", replay->counts.tunnels,
			 replay->counts.first_tunnel);
}

static int run(struct replay *replay, int count, char **files)
{
	static struct network_scope networks; /* large */
	int error;

	replay->networks = &networks;
	error = open_replay(replay);

	for (int i = 0; i < count && !error; i++)
		error = replay_file(replay, files[i]);
	if (!error) {
		pipeline_finish(replay->pipeline, replay->now_ns);
		error = write_batch(replay);
	}
	if (!error)
		error = replay->error;
	if (!error && !replay->flows && !replay->alerts)
		print_summary(replay);
	close_replay(replay);
	return error ? cli_fail("%s", replay->failure.text[0] ? replay->failure.text : strerror(-error))
		     : CLI_DONE;
}

int cli_replay(struct cli *cli, const struct command *command, int argc, char **argv)
{
	static const struct option known[] = {
		{"flows", no_argument, NULL, 'f'},
		{"alerts", no_argument, NULL, 'a'},
		{"into", required_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	static struct replay replay; /* large */
	int option;

	replay.cli = cli;
	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'f':
			replay.flows = true;
			break;
		case 'a':
			replay.alerts = true;
			break;
		case 'i':
			replay.into = optarg;
			break;
		case 'h':
			cli_help(command);
			return CLI_DONE;
		default:
			return cli_misuse(command, "\"%s\" is not an option of replay, or lacks its value",
					  argv[optind - 1]);
		}
	}
	if (optind == argc)
		return cli_misuse(command, "replay takes captures or scenarios");
	return run(&replay, argc - optind, argv + optind);
}
