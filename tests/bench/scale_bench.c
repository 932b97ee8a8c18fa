/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How the cost of an event grows with what there is of it: open flows, processes,
 * bindings, known domains, the history's domains, entries of threat lists.
 *
 *	scale_bench FOLDER              all; a line each: WHAT SIZE NANOSECONDS, the fastest of some rounds
 *	scale_bench FOLDER WHAT SIZE    one of them, once when warm, in counted(): for valgrind to count in;
 *	                                prints the number of events. What is in the folder already is taken.
 *
 * About 1 GB in the folder.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "core/pipeline.h"
#include "history/history.h"
#include "source/record_build.h"
#include "threat/threats.h"

#define ROUNDS 7
#define LOOKUPS 60000
#define BATCH_DOMAINS 7000
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)

static const char *folder;
static const char *only_what; /* NULL: all */
static unsigned only_size;
static struct failure failure;
static struct domain_rules *rules;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void need(bool good)
{
	if (good)
		return;
	fprintf(stderr, "scale_bench: %s\n",
		failure.text[0] ? failure.text : "out of memory, or a wrong result");
	exit(EXIT_FAILURE);
}

static uint32_t next_random(uint32_t below)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)state * below) >> 32);
}

static bool wanted(const char *what, unsigned size)
{
	return !only_what || (strcmp(what, only_what) == 0 && size == only_size);
}

__attribute__((noinline)) static void counted(void (*round)(void *context), void *context)
{
	round(context);
	__asm__ volatile("" ::: "memory"); /* no jump into it, but a call that returns */
}

/* The fastest of ROUNDS, a piece. */
static void measure(const char *what, unsigned size, unsigned pieces, void (*round)(void *context),
		    void *context)
{
	double fastest = 0;

	round(context); /* warm */
	if (only_what) {
		counted(round, context);
		printf("%u\n", pieces);
		return;
	}
	for (int i = 0; i < ROUNDS; i++) {
		double from = now(), took;

		round(context);
		took = (now() - from) / pieces;
		if (!i || took < fastest)
			fastest = took;
	}
	printf("%s %u %.1f\n", what, size, fastest);
	fflush(stdout);
}

static void name_of(unsigned number, char name[static 64])
{
	snprintf(name, 64, "%08x-site-%u.com", number * 2654435761U, number % 97);
}

static struct address numbered(uint32_t number)
{
	struct address address = {.bytes = {0x20, 0x01, 0x0d, 0xb8}};

	memcpy(address.bytes + 12, &number, sizeof(number));
	return address;
}

/* --- flows through the pipeline -------------------------------------------------------------- */

struct flows {
	struct pipeline *pipeline;
	unsigned count;
	struct fs_record_flow *opens, *closes; /* in the order in which they are fed */
};

static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	(void)context;
	(void)kind;
	(void)domain;
	(void)application;
	out->host_first_ns = out->host_last_ns = 1;
	return 0;
}

/* `processes` of them, to `domains` names, each with an address; where not said there are few. */
static void flows_make(struct flows *flows, unsigned count, unsigned processes, unsigned domains)
{
	static struct network_scope networks;
	struct pipeline_settings settings = {
		.window_seconds = 1000000000, .rules = rules, .networks = &networks};
	struct pipeline_edges edges = {.seen = on_seen};
	unsigned *order = malloc(count * sizeof(*order));

	flows->count = count;
	flows->opens = malloc(count * sizeof(*flows->opens));
	flows->closes = malloc(count * sizeof(*flows->closes));
	need(order && flows->opens && flows->closes && !pipeline_new(&settings, &edges, &flows->pipeline));
	for (unsigned i = 0; i < count; i++)
		order[i] = i;
	for (unsigned i = count - 1; i; i--) {
		unsigned other = next_random(i + 1), kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned number = order[i];
		struct record_flow_spec spec = {
			.time_ns = 1000, .cookie = number + 1, .protocol = IPPROTO_TCP, .remote_port = 443};
		struct actor asker = {.tgid = 100 + number % processes, .start_ns = 7, .netns = 1};
		struct fs_record_process process;
		struct record_process_spec who = {.comm = "program", .exe = "/usr/bin/program", .cgroup = ""};
		char name[64];

		spec.owner = who.owner =
			(struct fs_owner){.tgid = asker.tgid, .start_ns = 7, .netns = 1, .exec_id = 1};
		spec.remote = numbered(number % domains);
		name_of(number % domains, name);
		need(!pipeline_bind(flows->pipeline, &spec.remote, name, "", &asker, 1, INT64_MAX));
		record_process(&process, &who);
		pipeline_feed(flows->pipeline, &process, sizeof(process), 0);
		record_flow(&flows->opens[i], FS_RECORD_FLOW_OPEN, &spec, 0, 0, FS_OUTCOME_UNKNOWN);
		spec.flags = FS_FLAG_CLOSED;
		record_flow(&flows->closes[i], FS_RECORD_FLOW_VOLUME, &spec, 100, 200,
			    FS_OUTCOME_ESTABLISHED);
	}
	free(order);
}

static void flows_free(struct flows *flows)
{
	pipeline_free(flows->pipeline);
	free(flows->opens);
	free(flows->closes);
}

/* All of them open before the first one closes. */
static void together(void *context)
{
	struct flows *flows = context;
	unsigned times = LOOKUPS / flows->count;

	for (unsigned time = 0; time < times; time++) {
		for (unsigned i = 0; i < flows->count; i++)
			pipeline_feed(flows->pipeline, &flows->opens[i], sizeof(flows->opens[i]), 0);
		for (unsigned i = 0; i < flows->count; i++)
			pipeline_feed(flows->pipeline, &flows->closes[i], sizeof(flows->closes[i]), 0);
	}
}

/* One after the other. */
static void in_turn(void *context)
{
	struct flows *flows = context;

	for (unsigned i = 0; i < flows->count; i++) {
		pipeline_feed(flows->pipeline, &flows->opens[i], sizeof(flows->opens[i]), 0);
		pipeline_feed(flows->pipeline, &flows->closes[i], sizeof(flows->closes[i]), 0);
	}
}

static void measure_flows(void)
{
	struct flows flows;

	for (unsigned size = 60; size <= LOOKUPS; size *= 10) {
		if (!wanted("open_flows", size))
			continue;
		flows_make(&flows, size, 16, 60);
		measure("open_flows", size, LOOKUPS, together, &flows);
		flows_free(&flows);
	}
	for (unsigned size = 16; size <= 16000; size *= 10) {
		if (!wanted("processes", size))
			continue;
		flows_make(&flows, LOOKUPS, size, 60);
		measure("processes", size, LOOKUPS, in_turn, &flows);
		flows_free(&flows);
	}
	for (unsigned size = 60; size <= LOOKUPS; size *= 10) {
		if (!wanted("domains_in_memory", size))
			continue;
		flows_make(&flows, LOOKUPS, 16, size);
		measure("domains_in_memory", size, LOOKUPS, in_turn, &flows);
		flows_free(&flows);
	}
}

/* --- bindings -------------------------------------------------------------------------------- */

struct bindings {
	struct correlate *correlate;
	unsigned count;
};

static const struct actor asker = {.tgid = 7, .start_ns = 7, .netns = 1};

static void name_flows(void *context)
{
	struct bindings *bindings = context;

	for (unsigned i = 0; i < LOOKUPS; i++) {
		struct address address = numbered(next_random(bindings->count));
		struct attribution attribution;

		correlate_name(bindings->correlate, &asker, &address, 2, &attribution);
		need(attribution.method == METHOD_DNS);
	}
}

static void measure_bindings(void)
{
	for (unsigned size = 1000; size <= 1000000; size *= 10) {
		struct correlate_limits limits = {.bindings = size, .name_bytes = 128 << 20};
		struct bindings bindings = {.count = size};

		if (!wanted("bindings", size))
			continue;
		need(!correlate_new(&limits, &bindings.correlate));
		for (unsigned i = 0; i < size; i++) {
			struct address address = numbered(i);
			char name[64];

			name_of(i, name);
			need(!correlate_bind(bindings.correlate, &address, name, "", &asker, 1, INT64_MAX));
		}
		measure("bindings", size, LOOKUPS, name_flows, &bindings);
		correlate_free(bindings.correlate);
	}
}

/* --- the history ------------------------------------------------------------------------------- */

struct kept {
	struct history *history;
	unsigned count;
};

static void ask_history(void *context)
{
	struct kept *kept = context;

	for (unsigned i = 0; i < LOOKUPS / 10; i++) {
		struct seen seen;
		char name[64];

		name_of(next_random(kept->count), name);
		need(!history_seen(kept->history, SUBJECT_DOMAIN, name, "/usr/bin/program", &seen));
		need(seen.host_last_ns != 0);
	}
}

static void fill_history(const char *path, unsigned from, unsigned to)
{
	struct history *history;
	struct batch *batch;
	int64_t time_ns = 100 * DAY;

	need(!history_open(path, HISTORY_WRITE, &history, &failure) &&
	     !batch_new(&(struct batch_limits){0}, &batch));
	for (unsigned i = from; i < to; i++) {
		char name[64];
		struct access access = {.time_ns = time_ns,
					.domain = name,
					.hostname = name,
					.application = "/usr/bin/program",
					.exe = "/usr/bin/program",
					.remote = numbered(i),
					.remote_port = 443,
					.protocol = IPPROTO_TCP,
					.connections = 1};

		name_of(i, name);
		need(!batch_add_access(batch, &access));
		if (batch_access_count(batch) < BATCH_DOMAINS && i + 1 < to)
			continue;
		need(!history_begin(history, &failure) && !history_write_accesses(history, batch, &failure) &&
		     !history_commit(history, &failure));
		batch_clear(batch);
	}
	batch_free(batch);
	history_close(history);
}

static void measure_history(void)
{
	char path[4096];
	unsigned had = 0;

	snprintf(path, sizeof(path), "%s/scale.db", folder);
	for (unsigned size = 1000; size <= 1000000; size *= 10) {
		struct kept kept = {.count = size};

		if (!wanted("domains_in_history", size))
			continue;
		if (access(path, F_OK) != 0 || had)
			fill_history(path, had, size);
		had = size;
		need(!history_open(path, HISTORY_READ, &kept.history, &failure));
		measure("domains_in_history", size, LOOKUPS / 10, ask_history, &kept);
		history_close(kept.history);
	}
}

/* --- threats ------------------------------------------------------------------------------------ */

struct listed {
	struct threats *threats;
	unsigned count;
};

/* Names that are on no list, as nearly all are. */
static void ask_threats(void *context)
{
	struct listed *listed = context;

	for (unsigned i = 0; i < LOOKUPS; i++) {
		struct threat_match match;
		char name[64];

		name_of(listed->count + next_random(1U << 24), name);
		need(!threats_find(listed->threats, name, &match));
	}
}

static void measure_threats(void)
{
	char path[4096], name[64];

	snprintf(path, sizeof(path), "%s/scale.list", folder);
	for (unsigned size = 1000; size <= 1000000; size *= 10) {
		struct listed listed = {.count = size};
		FILE *file;

		if (!wanted("threat_entries", size))
			continue;
		file = fopen(path, "w");
		need(file != NULL);
		for (unsigned i = 0; i < size; i++) {
			name_of(i, name);
			fprintf(file, "%s\n", name);
		}
		fclose(file);
		need(!threats_new(rules, &listed.threats) &&
		     !threats_load(listed.threats, THREAT_LISTED, path, &failure));
		measure("threat_entries", size, LOOKUPS, ask_threats, &listed);
		threats_free(listed.threats);
	}
}

int main(int argc, char **argv)
{
	struct domain_settings grouping = {0};

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: scale_bench FOLDER [WHAT SIZE]\n");
		return EXIT_FAILURE;
	}
	folder = argv[1];
	if (argc == 4) {
		only_what = argv[2];
		only_size = (unsigned)strtoul(argv[3], NULL, 10);
	}
	need(!domain_rules_new(&grouping, &rules, &failure));
	measure_flows();
	measure_bindings();
	measure_history();
	measure_threats();
	domain_rules_free(rules);
	return EXIT_SUCCESS;
}
