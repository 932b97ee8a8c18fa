/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an event costs: records in memory through the pipeline (observe, correlate,
 * normalise, decide on a known domain), on one core. Each is measured in rounds: on a machine that
 * others use as well the fastest round is what the code costs, the median what it got.
 */
#include <netinet/in.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/pipeline.h"
#include "source/dns_build.h"
#include "source/record_build.h"

#define NAMES 1000
#define ROUNDS 20
#define ROUND_EVENTS 50000
#define ROUND_LOOKUPS 100000
#define LOOKUP_BINDINGS 1000000
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

static int compare(const void *a, const void *b)
{
	const double *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

/* Runs `round` of so many events ROUNDS times. */
static void measure(const char *what, unsigned events, void (*round)(void *context), void *context)
{
	size_t heap = mallinfo2().uordblks;
	double took[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		double from = seconds();

		round(context);
		took[i] = (seconds() - from) * 1e9 / events;
	}
	qsort(took, ROUNDS, sizeof(took[0]), compare);
	printf("%-42s %6.0f ns fastest %6.0f median %10.0f /s  %zd bytes allocated\n", what, took[0],
	       took[ROUNDS / 2], 1e9 / took[0], (ssize_t)(mallinfo2().uordblks - heap));
}

static void feed(struct pipeline *pipeline, const void *record, size_t size)
{
	if (pipeline_feed(pipeline, record, size, 0))
		abort();
}

static void ask(void *context)
{
	for (unsigned i = 0; i < ROUND_EVENTS; i++) {
		feed(context, prepared[i % NAMES].question, prepared[i % NAMES].question_size);
		feed(context, prepared[i % NAMES].answer, prepared[i % NAMES].answer_size);
	}
}

static void open_flows(void *context)
{
	for (unsigned i = 0; i < ROUND_EVENTS; i++)
		feed(context, prepared[i % NAMES].open, sizeof(prepared[0].open));
}

static void open_and_close(void *context)
{
	for (unsigned i = 0; i < ROUND_EVENTS; i++) {
		feed(context, prepared[i % NAMES].open, sizeof(prepared[0].open));
		feed(context, prepared[i % NAMES].close, sizeof(prepared[0].close));
	}
}

/* --- naming a flow among many bindings ------------------------------------------------ */

struct lookups {
	struct correlate *correlate;
	uint32_t addresses, next, random;
};

static const struct actor actor = {.tgid = 7, .start_ns = 7, .netns = 1};

static struct address numbered(uint32_t number)
{
	struct address address = {.bytes = {0x20, 0x01, 0x0d, 0xb8}};

	memcpy(address.bytes + 12, &number, sizeof(number));
	return address;
}

static void bind_next(struct lookups *lookups)
{
	struct address address = numbered(lookups->next % lookups->addresses);
	char name[64];

	snprintf(name, sizeof(name), "www.host-%u.example.com", lookups->next++);
	if (correlate_bind(lookups->correlate, &address, name, "", &actor, 1, INT64_MAX))
		abort();
}

static void bind_round(void *context)
{
	for (unsigned i = 0; i < ROUND_LOOKUPS; i++)
		bind_next(context);
}

static void look_up(void *context)
{
	struct lookups *lookups = context;
	struct attribution attribution;

	for (unsigned i = 0; i < ROUND_LOOKUPS; i++) {
		struct address address;

		lookups->random = lookups->random * 1664525 + 1013904223;
		address = numbered((uint32_t)(((uint64_t)lookups->random * lookups->addresses) >> 32));
		correlate_name(lookups->correlate, &actor, &address, 2, &attribution);
		if (attribution.method != METHOD_DNS)
			abort();
	}
}

/* What is asked of each flow with a name where there are threat lists. */
static void look_up_chain(void *context)
{
	struct lookups *lookups = context;
	char chain[DNS_TEXT_MAX], name[64];

	for (unsigned i = 0; i < ROUND_LOOKUPS; i++) {
		struct address address;

		lookups->random = lookups->random * 1664525 + 1013904223;
		address = numbered((uint32_t)(((uint64_t)lookups->random * lookups->addresses) >> 32));
		snprintf(name, sizeof(name), "www.host-%u.example.com", i);
		correlate_chain(lookups->correlate, &address, name, chain);
		if (chain[0])
			abort();
	}
}

/* So many bindings, each of a name of its own, spread over so many addresses. */
static void names_among(unsigned bindings, unsigned addresses, bool full)
{
	struct correlate_limits limits = {.bindings = full ? bindings : LOOKUP_BINDINGS,
					  .name_bytes = 128 << 20};
	struct lookups lookups = {.addresses = addresses, .random = 1};
	char what[64];

	if (correlate_new(&limits, &lookups.correlate))
		abort();
	while (lookups.next < bindings)
		bind_next(&lookups);
	snprintf(what, sizeof(what), "a name among %u bindings%s", bindings, full ? ", full" : "");
	if (addresses < bindings)
		snprintf(what, sizeof(what), "a name among %u of its address", bindings / addresses);
	measure(what, ROUND_LOOKUPS, look_up, &lookups);
	if (addresses < bindings) {
		snprintf(what, sizeof(what), "its chain, among %u of its address", bindings / addresses);
		measure(what, ROUND_LOOKUPS, look_up_chain, &lookups);
	}
	if (full)
		measure("a binding that drives out the oldest one", ROUND_LOOKUPS, bind_round, &lookups);
	correlate_free(lookups.correlate);
}

/* What a look into so much memory costs at the least on this machine: each says where the next one is. */
struct chase {
	uint32_t *next;
	uint32_t at;
};

#define CHASE_BYTES (128 << 20)
#define CHASE_STEP (64 / sizeof(uint32_t))

static void follow(void *context)
{
	struct chase *chase = context;

	for (unsigned i = 0; i < ROUND_LOOKUPS; i++)
		chase->at = chase->next[chase->at];
}

static void cache_miss(void)
{
	uint32_t count = CHASE_BYTES / 64, random = 1;
	struct chase chase = {.next = memory_reserve(count, 64)};
	uint32_t *order = malloc(count * sizeof(*order));

	if (!chase.next || !order)
		abort();
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	for (uint32_t i = count - 1; i; i--) {
		uint32_t other, kept = order[i];

		random = random * 1664525 + 1013904223;
		other = (uint32_t)(((uint64_t)random * (i + 1)) >> 32);
		order[i] = order[other];
		order[other] = kept;
	}
	for (uint32_t i = 0; i < count; i++)
		chase.next[order[i] * CHASE_STEP] = order[(i + 1) % count] * CHASE_STEP;
	free(order);
	measure("(one cache miss on this machine)", ROUND_LOOKUPS, follow, &chase);
	memory_release(chase.next, count, 64);
}

/* A list that has none of the names: each is asked for once, by way of which others its address was found
 * each time. */
static bool on_threat(void *context, const char *hostname, struct threat_match *match)
{
	(void)context, (void)hostname, (void)match;
	return false;
}

static struct pipeline *pipeline_with(const struct domain_rules *rules, bool lists)
{
	static struct network_scope networks;
	struct pipeline_settings settings = {.window_seconds = 1000000000,
					     .sni = true,
					     .rules = rules,
					     .networks = &networks,
					     .dns_port_count = 1,
					     .dns_ports = {53}};
	struct pipeline_edges edges = {
		.seen = on_seen, .access = on_access, .threat = lists ? on_threat : NULL};
	struct pipeline *pipeline;

	if (pipeline_new(&settings, &edges, &pipeline))
		abort();
	for (unsigned i = 0; i < NAMES; i++)
		prepare(i);
	ask(pipeline); /* known from here on */
	open_and_close(pipeline);
	return pipeline;
}

int main(void)
{
	struct domain_settings grouping = {0};
	struct failure failure;
	struct domain_rules *rules;
	struct pipeline *pipeline;

	if (domain_rules_new(&grouping, &rules, &failure))
		return EXIT_FAILURE;
	pipeline = pipeline_with(rules, false);
	measure("DNS question and answer", ROUND_EVENTS, ask, pipeline);
	measure("flow to a known domain, opened", ROUND_EVENTS, open_flows, pipeline);
	measure("flow opened, counted and closed", ROUND_EVENTS, open_and_close, pipeline);
	printf("memory of names and bindings: %.1f MiB, at most\n",
	       (double)pipeline_correlate_counts(pipeline)->memory / 1048576);
	pipeline_free(pipeline);
	pipeline = pipeline_with(rules, true);
	measure("flow to a known domain, opened, with lists", ROUND_EVENTS, open_flows, pipeline);
	pipeline_free(pipeline);
	domain_rules_free(rules);
	for (unsigned bindings = 1000; bindings <= LOOKUP_BINDINGS; bindings *= 10)
		names_among(bindings, bindings, false);
	names_among(262144, 262144, true);
	names_among(8000, 1000, false);
	names_among(128000, 1000, false);
	cache_miss();
	return accesses ? EXIT_SUCCESS : EXIT_FAILURE;
}
