/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an event costs: records in memory through the pipeline (observe, correlate,
 * normalise, decide on a known domain), on one core.
 */
#include <netinet/in.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "core/pipeline.h"
#include "source/dns_build.h"
#include "source/record_build.h"

#define NAMES 1000
#define ROUNDS 1000
#define RECORD_MAX 1024

struct prepared {
	uint8_t question[RECORD_MAX], answer[RECORD_MAX], open[sizeof(struct fs_record_flow)],
		close[sizeof(struct fs_record_flow)];
	size_t question_size, answer_size;
};

static struct prepared prepared[NAMES];
static uint64_t accesses;

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

static void on_access(void *context, const struct access *access)
{
	(void)context;
	accesses += access->connections;
}

static void prepare(unsigned number)
{
	struct prepared *at = &prepared[number];
	struct record_flow_spec spec = {.time_ns = 1000, .cookie = number + 1, .protocol = IPPROTO_UDP};
	char name[64];
	uint8_t message[DNS_BUILD_MAX];
	struct dns_build build = {
		.id = (uint16_t)number, .type = 1, .name = name, .ttl = 300, .address_count = 1};
	size_t length;

	spec.owner = (struct fs_owner){.tgid = 100 + number % 50, .start_ns = 7, .netns = 1, .exec_id = 1};
	address_parse("10.0.0.2", &spec.local);
	address_parse("10.0.0.1", &spec.remote);
	spec.remote_port = 53;
	snprintf(name, sizeof(name), "www.host-%u.domain-%u.com", number, number);
	build.addresses[0] =
		address_from_ipv4((const uint8_t[]){198, 51, (uint8_t)(number >> 8), (uint8_t)number});
	spec.flags = FS_FLAG_DNS | FS_FLAG_OUT;
	length = dns_build_question(message, sizeof(message), &build);
	at->question_size = record_payload(at->question, RECORD_MAX, FS_RECORD_DATAGRAM, &spec, 0, message,
					   length, length);
	spec.flags = FS_FLAG_DNS;
	length = dns_build_answer(message, sizeof(message), &build);
	at->answer_size =
		record_payload(at->answer, RECORD_MAX, FS_RECORD_DATAGRAM, &spec, 0, message, length, length);
	spec.flags = 0;
	spec.protocol = IPPROTO_TCP;
	spec.cookie += 1000000;
	spec.remote = build.addresses[0];
	spec.remote_port = 443;
	record_flow((void *)at->open, FS_RECORD_FLOW_OPEN, &spec, 0, 0, FS_OUTCOME_UNKNOWN);
	spec.flags = FS_FLAG_CLOSED;
	record_flow((void *)at->close, FS_RECORD_FLOW_VOLUME, &spec, 100, 200, FS_OUTCOME_ESTABLISHED);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *what, double from, double events, size_t heap)
{
	double took = seconds() - from;

	printf("%-34s %8.0f ns each  %10.0f /s  %zu bytes allocated\n", what, took * 1e9 / events,
	       events / took, mallinfo2().uordblks - heap);
}

static void feed(struct pipeline *pipeline, const void *record, size_t size)
{
	if (pipeline_feed(pipeline, record, size, 0))
		abort();
}

/* Naming a flow among so many bindings, each address with one name. */
static void lookups(unsigned bindings)
{
	struct correlate_limits limits = {.bindings = 1000000, .name_bytes = 64 << 20};
	struct actor actor = {.tgid = 7, .start_ns = 7, .netns = 1};
	struct correlate *correlate;
	struct attribution attribution;
	struct address address;
	char name[64], what[64];
	uint32_t random = 1;
	double from;

	if (correlate_new(&limits, &correlate))
		abort();
	for (uint32_t i = 0; i < bindings; i++) {
		address_parse("2001:db8::", &address);
		memcpy(address.bytes + 12, &i, sizeof(i));
		snprintf(name, sizeof(name), "www.host-%u.com", i % 50000);
		if (correlate_bind(correlate, &address, name, &actor, 1, INT64_MAX))
			abort();
	}
	from = seconds();
	for (unsigned i = 0; i < 1000000; i++) {
		uint32_t which;

		random = random * 1664525 + 1013904223;
		which = random % bindings;
		memcpy(address.bytes + 12, &which, sizeof(which));
		correlate_name(correlate, &actor, &address, 2, &attribution);
		if (attribution.method != METHOD_DNS)
			abort();
	}
	snprintf(what, sizeof(what), "a name among %u bindings", bindings);
	printf("%-34s %8.0f ns each  %10.0f /s\n", what, (seconds() - from) * 1e3, 1e6 / (seconds() - from));
	correlate_free(correlate);
}

int main(void)
{
	static struct network_scope networks;
	struct domain_settings grouping = {0};
	struct pipeline_settings settings = {.window_seconds = 1000000000,
					     .sni = true,
					     .networks = &networks,
					     .dns_port_count = 1,
					     .dns_ports = {53}};
	struct pipeline_edges edges = {.seen = on_seen, .access = on_access};
	struct failure failure;
	struct domain_rules *rules;
	struct pipeline *pipeline;
	size_t heap;
	double from;

	if (domain_rules_new(&grouping, &rules, &failure))
		return EXIT_FAILURE;
	settings.rules = rules;
	if (pipeline_new(&settings, &edges, &pipeline))
		return EXIT_FAILURE;
	for (unsigned i = 0; i < NAMES; i++)
		prepare(i);
	for (unsigned i = 0; i < NAMES; i++) { /* known from here on */
		feed(pipeline, prepared[i].question, prepared[i].question_size);
		feed(pipeline, prepared[i].answer, prepared[i].answer_size);
		feed(pipeline, prepared[i].open, sizeof(prepared[i].open));
		feed(pipeline, prepared[i].close, sizeof(prepared[i].close));
	}
	heap = mallinfo2().uordblks;
	from = seconds();
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < NAMES; i++) {
			feed(pipeline, prepared[i].question, prepared[i].question_size);
			feed(pipeline, prepared[i].answer, prepared[i].answer_size);
		}
	report("DNS question and answer", from, (double)NAMES * ROUNDS, heap);
	from = seconds();
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < NAMES; i++)
			feed(pipeline, prepared[i].open, sizeof(prepared[i].open));
	report("flow to a known domain, opened", from, (double)NAMES * ROUNDS, heap);
	from = seconds();
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < NAMES; i++) {
			feed(pipeline, prepared[i].open, sizeof(prepared[i].open));
			feed(pipeline, prepared[i].close, sizeof(prepared[i].close));
		}
	report("flow opened, counted and closed", from, (double)NAMES * ROUNDS, heap);
	printf("memory of names and bindings: %.1f MiB, at most\n",
	       (double)pipeline_correlate_counts(pipeline)->memory / 1048576);
	pipeline_free(pipeline);
	domain_rules_free(rules);
	for (unsigned bindings = 1000; bindings <= 1000000; bindings *= 10)
		lookups(bindings);
	return accesses ? EXIT_SUCCESS : EXIT_FAILURE;
}
