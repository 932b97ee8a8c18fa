/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* import_flows.c - captures and Zeek logs: their flows go the way of live ones, and into the history. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "cli/import.h"
#include "cli/progress.h"

#define LEARNING_SECONDS (INT64_C(100) * 365 * SECONDS_PER_DAY) /* what is imported alerts nobody */
#define PROGRESS_RECORDS 8192

static void keep_error(struct import *import, int error)
{
	if (error && !import->error)
		import->error = error;
}

/* --- the pipeline's edges ---------------------------------------------------------------------- */

/* Whether a domain is known decides about alerts alone. */
static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	(void)context;
	(void)kind;
	(void)domain;
	(void)application;
	*out = (struct seen){0};
	return 0;
}

static int write_batch(struct import *import)
{
	int error = history_write_accesses(import->history, import->batch, &import->failure);

	batch_clear(import->batch);
	return error;
}

static void on_access(void *context, const struct access *access)
{
	struct import *import = context;

	if (access->time_ns < import->oldest_ns || access->time_ns > import->latest_ns) {
		import->counts.too_old += access->time_ns < import->oldest_ns ? access->connections : 0;
		import->counts.in_future += access->time_ns > import->latest_ns ? access->connections : 0;
		return;
	}
	import->counts.flows += access->connections;
	if (import->from_ns == 0 || access->time_ns < import->from_ns)
		import->from_ns = access->time_ns;
	if (access->time_ns > import->to_ns)
		import->to_ns = access->time_ns;
	if (batch_add_access(import->batch, access) == -ENOSPC) {
		keep_error(import, write_batch(import));
		keep_error(import, batch_add_access(import->batch, access));
	}
}

static int on_time(void *context, int64_t now_ns)
{
	struct import *import = context;

	import->now_ns = now_ns;
	import_saw(import, now_ns);
	pipeline_tick(import->pipeline, now_ns);
	return import->error;
}

static bool is_wanted(struct import *import, const struct fs_record_header *header)
{
	const struct fs_record_flow *flow = (const void *)header; /* endpoints come first in a payload, too */
	struct address local;

	if (import->client_count == 0 || header->kind == FS_RECORD_PROCESS || (header->flags & FS_FLAG_DNS))
		return true;
	memcpy(local.bytes, flow->endpoints.local_address, sizeof(local.bytes));
	for (size_t i = 0; i < import->client_count; i++)
		if (network_contains(&import->clients[i], &local))
			return true;
	import->counts.clients += header->kind == FS_RECORD_FLOW_OPEN;
	return false;
}

static int on_record(void *context, const void *record, size_t size)
{
	struct import *import = context;

	if (import->source.records % PROGRESS_RECORDS == 0)
		progress_show(0, 0, import->source.records, "events");
	if (is_wanted(import, record))
		(void)pipeline_feed(import->pipeline, record, size, 0);
	return import->error;
}

/* --- begin and end ------------------------------------------------------------------------------ */

int import_flows_open(struct import *import)
{
	const struct config *config = &import->cli->config;
	struct batch_limits limits = {.alerts = 1, .bindings = 1};
	struct pipeline_edges edges = {.context = import, .seen = on_seen, .access = on_access};
	struct pipeline_settings settings = {
		.window_seconds = config->window_seconds,
		.learning_seconds = LEARNING_SECONDS,
		.scope = SCOPE_HOST,
		.unnamed = config->unnamed,
		.sni = config->sni,
		.rules = import->rules,
		.networks = &config->inside,
		.dns_port_count = config->dns_port_count,
		.hash_seed = hash_seed(),
		.flow_limit = 2 * 65536, /* more than a source has open at once */
	};
	struct zeek_settings zeek = {
		.source.dns_port_count = config->dns_port_count,
		.oldest_ns = import->oldest_ns,
		.latest_ns = import->latest_ns,
		.known = import->known,
		.known_count = import->known_count,
	};

	memcpy(settings.dns_ports, config->dns_ports, sizeof(settings.dns_ports));
	memcpy(zeek.source.dns_ports, config->dns_ports, sizeof(zeek.source.dns_ports));
	if (batch_new(&limits, &import->batch) || pipeline_new(&settings, &edges, &import->pipeline) ||
	    zeek_new(&zeek, &import->zeek))
		return failure_set(&import->failure, -ENOMEM, "out of memory");
	return 0;
}

void import_flows_close(struct import *import)
{
	pipeline_free(import->pipeline);
	batch_free(import->batch);
	zeek_free(import->zeek);
}

int import_flows_finish(struct import *import)
{
	struct source_sink sink = {.context = import, .record = on_record, .time = on_time};
	int error;

	import->source.records = 0;
	progress_begin("putting flows and names together");
	error = zeek_emit(import->zeek, &sink, &import->source, &import->failure);
	if (import->conns == 0) /* each hello stood for a connection */
		import->counts.imported_before += import->hellos_before;
	if (!error)
		pipeline_finish(import->pipeline, import->now_ns);
	if (!error)
		error = import->error ? import->error : write_batch(import);
	progress_clear();
	return error;
}

/* --- files ----------------------------------------------------------------------------------------- */

int import_capture(struct import *import, const char *path)
{
	struct source_sink sink = {.context = import, .record = on_record, .time = on_time};
	struct source_settings settings = {.dns_port_count = import->cli->config.dns_port_count};
	const struct history_import *before;
	struct digest digest;
	char time[TEXT_TIME_MAX];
	int error = lines_digest_of(path, &digest, &import->failure);

	if (error)
		return error;
	before = import_find(import, &digest);
	if (before && import->known_count) {
		import->counts.imported_before++;
		cli_fail("%s was imported already, %s; --again counts it once more", path,
			 text_format_time(before->when_ns, time));
		return 0;
	}
	memcpy(settings.dns_ports, import->cli->config.dns_ports, sizeof(settings.dns_ports));
	progress_begin(path);
	import->from_ns = import->to_ns = 0;
	import->source.records = 0;
	error = source_pcap(path, &settings, &sink, &import->source, &import->failure);
	if (!error)
		pipeline_finish(import->pipeline, import->now_ns);
	progress_clear();
	if (error == -EPROTO) { /* told as one bad file, as a log is told as bad lines */
		cli_fail("%s", import->failure.text);
		import->failure.text[0] = '\0';
		return 0;
	}
	return error ? error : import_done(import, &digest, import->from_ns, import->to_ns);
}

struct zeek_context {
	struct import *import;
	const char *path;
};

static void on_bad(void *context, uint64_t line, const char *why)
{
	struct zeek_context *reading = context;

	import_bad(reading->import, reading->path, line, why);
}

static int on_progress(void *context, uint64_t done, uint64_t size, uint64_t lines)
{
	(void)context;
	progress_show(done, size, lines, "lines");
	return 0;
}

static void add_counts(struct import_counts *counts, const struct zeek_counts *more)
{
	counts->lines += more->lines;
	counts->too_old += more->too_old;
	counts->in_future += more->in_future;
	counts->inbound += more->inbound;
	counts->protocol += more->protocol;
	if (more->conns)
		counts->imported_before += more->known;
}

int import_zeek(struct import *import, const char *path)
{
	struct zeek_context context = {import, path};
	struct zeek_reader reader = {.context = &context, .bad = on_bad, .progress = on_progress};
	struct zeek_file file;
	int error;

	progress_begin(path);
	error = zeek_read(import->zeek, path, &reader, &file, &import->failure);
	progress_clear();
	if (error)
		return error;
	if (file.counts.lines && file.counts.other == file.counts.lines)
		cli_fail("%s: not one of Zeek's conn, dns and ssl logs: nothing in it is used", path);
	else
		add_counts(&import->counts, &file.counts);
	import->conns += file.counts.conns;
	import->hellos_before += file.counts.conns ? 0 : file.counts.known;
	/* Only what opens flows may not count twice. Without a conn log that is the ssl log: see zeek_emit.
	 */
	return file.from_ns ? import_done(import, &file.digest, file.from_ns, file.to_ns) : 0;
}
