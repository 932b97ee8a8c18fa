/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The daemon's way from records to alerts without its kernel programs: pipeline, batches,
 * writer thread, outbox, sink. Visits domain N, N+1, ... (dN.com), each for the first time, with some
 * known ones in between, until it is killed or told to end.
 *
 *	load HISTORY ALERT_FILE FIRST NEW_PER_SECOND [KNOWN_PER_SECOND]
 *
 * Prints "visited N" for the last one at its end (SIGTERM).
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "core/pipeline.h"
#include "daemon/host.h"
#include "daemon/writer.h"
#include "source/dns_build.h"
#include "source/record_build.h"

#define RECORD_MAX 1024
#define CLOSES_AFTER 5 /* visits */
#define TICK_NS NS_PER_MS

struct load {
	struct domain_rules *rules;
	struct pipeline *pipeline;
	struct history *reader;
	struct writer *writer;
	struct batch *batch;
	int64_t last_ns;
	uint64_t full;
	bool urgent;
};

static volatile sig_atomic_t ended;
static struct config config;
static struct failure failure;

static void on_signal(int number)
{
	ended = number;
}

static void must(int error)
{
	if (!error)
		return;
	fprintf(stderr, "load: %s\n", failure.text[0] ? failure.text : strerror(-error));
	exit(EXIT_FAILURE);
}

static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	return history_seen(((struct load *)context)->reader, kind, domain, application, out);
}

static void on_access(void *context, const struct access *access)
{
	struct load *load = context;

	load->full += batch_add_access(load->batch, access) != 0;
}

static void on_alert(void *context, const struct alert *alert)
{
	struct load *load = context;

	load->urgent = true;
	load->full += batch_add_alert(load->batch, alert) != 0;
}

static int introduce(void *context, struct history *history, struct failure *why)
{
	(void)context;
	(void)history;
	(void)why;
	return 0;
}

/* --- records -------------------------------------------------------------------------------- */

static void feed(struct load *load, const void *record, size_t size)
{
	must(pipeline_feed(load->pipeline, record, size, 0));
}

static struct record_flow_spec spec_of(uint64_t cookie)
{
	struct record_flow_spec spec = {.time_ns = host_now(), .cookie = cookie};

	spec.owner = (struct fs_owner){.tgid = 100, .start_ns = 7, .netns = 1, .exec_id = 1};
	address_parse("10.0.0.2", &spec.local);
	spec.local_port = 40000;
	return spec;
}

static struct address address_of(unsigned number)
{
	return address_from_ipv4(
		(const uint8_t[]){11, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number});
}

static void look_up(struct load *load, unsigned number, uint64_t cookie)
{
	struct record_flow_spec spec = spec_of(cookie);
	uint8_t message[DNS_BUILD_MAX], record[RECORD_MAX];
	char name[64];
	struct dns_build build = {
		.id = (uint16_t)number, .type = 1, .name = name, .ttl = 300, .address_count = 1};
	size_t length;

	snprintf(name, sizeof(name), "www.d%u.com", number);
	build.addresses[0] = address_of(number);
	address_parse("10.0.0.1", &spec.remote);
	spec.remote_port = 53;
	spec.protocol = IPPROTO_UDP;
	spec.flags = FS_FLAG_DNS | FS_FLAG_OUT;
	length = dns_build_question(message, sizeof(message), &build);
	feed(load, record,
	     record_payload(record, sizeof(record), FS_RECORD_DATAGRAM, &spec, 0, message, length, length));
	spec.flags = FS_FLAG_DNS;
	length = dns_build_answer(message, sizeof(message), &build);
	feed(load, record,
	     record_payload(record, sizeof(record), FS_RECORD_DATAGRAM, &spec, 0, message, length, length));
}

static void flow(struct load *load, unsigned number, uint64_t cookie, bool closes)
{
	struct record_flow_spec spec = spec_of(cookie);
	struct fs_record_flow record;

	spec.remote = address_of(number);
	spec.remote_port = 443;
	spec.protocol = IPPROTO_TCP;
	spec.flags = closes ? FS_FLAG_CLOSED : 0;
	record_flow(&record, closes ? FS_RECORD_FLOW_VOLUME : FS_RECORD_FLOW_OPEN, &spec, closes ? 1000 : 0,
		    closes ? 5000 : 0, closes ? FS_OUTCOME_ESTABLISHED : FS_OUTCOME_UNKNOWN);
	feed(load, &record, sizeof(record));
}

static void visit(struct load *load, unsigned number, unsigned first)
{
	look_up(load, number, 2 * (uint64_t)number);
	flow(load, number, 2 * (uint64_t)number + 1, false);
	if (number >= first + CLOSES_AFTER)
		flow(load, number - CLOSES_AFTER, 2 * (uint64_t)(number - CLOSES_AFTER) + 1, true);
}

/* --- the loop --------------------------------------------------------------------------------- */

/* As the daemon does: once a second, or as soon as there is an alert. */
static void exchange(struct load *load)
{
	struct writer_states states = {.now_ns = host_now(), .lost_from_ns = load->last_ns};
	struct batch *empty;

	if (!load->urgent && states.now_ns - load->last_ns < NS_PER_SECOND)
		return;
	empty = writer_exchange(load->writer, load->batch, &states);
	if (!empty)
		return;
	load->batch = empty;
	load->urgent = false;
	load->last_ns = states.now_ns;
}

static unsigned run(struct load *load, unsigned first, unsigned new, unsigned known)
{
	int64_t from = host_now();
	unsigned visited = first, again = 0;
	uint64_t cookie = UINT64_C(1) << 40;

	while (!ended) {
		struct timespec pause = {0, TICK_NS};
		int64_t passed = host_now() - from;

		while (visited < first + (uint64_t) new *(uint64_t)passed / NS_PER_SECOND)
			visit(load, visited++, first);
		for (; visited > first && again < (uint64_t)known * (uint64_t)passed / NS_PER_SECOND;
		     again++) {
			unsigned number = first + again % (visited - first);

			flow(load, number, ++cookie, false);
			flow(load, number, cookie, true);
		}
		pipeline_tick(load->pipeline, host_now());
		exchange(load);
		nanosleep(&pause, NULL);
	}
	return visited;
}

static void start(struct load *load, struct history **history)
{
	static struct network_scope networks;
	struct domain_settings grouping = {0};
	struct pipeline_settings settings = {.window_seconds = 90 * SECONDS_PER_DAY,
					     .networks = &networks,
					     .dns_port_count = 1,
					     .dns_ports = {53},
					     .uid_seed = host_random(),
					     .hash_seed = host_random()};
	struct pipeline_edges edges = {
		.context = load, .seen = on_seen, .access = on_access, .alert = on_alert};
	struct batch *spare;
	int64_t id;

	must(domain_rules_new(&grouping, &load->rules, &failure));
	settings.rules = load->rules;
	must(pipeline_new(&settings, &edges, &load->pipeline));
	must(history_open(config.history_path, HISTORY_WRITE, history, &failure));
	must(history_run_start(*history, host_now(), &id, &failure));
	must(history_open(config.history_path, HISTORY_READ, &load->reader, &failure));
	must(batch_new(NULL, &load->batch));
	must(batch_new(NULL, &spare));
	must(writer_start(&config, *history, id, spare, introduce, load, &load->writer, &failure));
}

int main(int argc, char **argv)
{
	struct writer_states states = {0};
	struct history *history;
	struct load load = {0};
	char setting[512];
	unsigned visited;

	if (argc < 5)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_setup("load", LOG_LEVEL_INFO);
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	config_defaults(&config);
	snprintf(setting, sizeof(setting), "history.path=%s", argv[1]);
	must(config_set(&config, setting, &failure));
	snprintf(setting, sizeof(setting), "alert.sinks=file:%s", argv[2]);
	must(config_set(&config, setting, &failure));
	start(&load, &history);
	puts("started");
	fflush(stdout);
	visited = run(&load, (unsigned)strtoul(argv[3], NULL, 10), (unsigned)strtoul(argv[4], NULL, 10),
		      argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 0);
	pipeline_finish(load.pipeline, host_now());
	states.now_ns = host_now();
	writer_stop(load.writer, load.batch, &states);
	history_close(load.reader);
	pipeline_free(load.pipeline);
	domain_rules_free(load.rules);
	printf("visited %u\nnot kept %llu\n", visited, (unsigned long long)load.full);
	return EXIT_SUCCESS;
}
