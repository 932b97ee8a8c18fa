/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* record.c - records of any bytes through the whole core and into an alert's line. Input: length (2), record,
 * ... */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/hash.h"
#include "base/text.h"
#include "core/pipeline.h"
#include "render/render.h"
#include "support.h"

static struct network_scope networks;
static struct dossier dossier = {.host = "host"};
static char line[RENDER_MAX];

static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	uint64_t hash = hash_bytes(0, domain, strlen(domain));

	(void)context;
	(void)kind;
	(void)application;
	if (hash % 16 == 0)
		return -5;
	*out = (struct seen){0};
	if (hash % 4 == 0)
		*out = (struct seen){.host_first_ns = NS_PER_SECOND, .host_last_ns = 2 * NS_PER_SECOND};
	return 0;
}

static void on_access(void *context, const struct access *access)
{
	(void)context;
	must(strlen(access->domain) < DOMAIN_MAX && strlen(access->hostname) < HOSTNAME_MAX);
	must(strlen(access->application) < APPLICATION_MAX && strlen(access->exe) < PROCESS_EXE_MAX);
}

static void check_line(enum render_format format, const struct alert *alert, size_t room)
{
	int64_t length = render_alert(format, alert, &dossier, line, room);
	json_t *json;

	must(length > 0 && (size_t)length < room && strlen(line) == (size_t)length);
	for (int64_t i = 0; i < length; i++)
		must((unsigned char)line[i] >= ' ');
	json = json_loadb(line, (size_t)length, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
	must(json);
	json_decref(json);
}

static void on_alert(void *context, const struct alert *alert)
{
	static char message[RENDER_MESSAGE_MAX];

	(void)context;
	check_line(RENDER_OCSF, alert, RENDER_MAX);
	check_line(RENDER_ECS, alert, RENDER_SYSLOG_MAX);
	render_message(alert, &dossier, message);
}

static void on_flow(void *context, const struct flow_report *flow)
{
	(void)context;
	must(verdict_name(flow->verdict) && strlen(flow->domain) < DOMAIN_MAX);
}

static bool on_threat(void *context, const char *hostname, struct threat_match *out)
{
	(void)context;
	if (hash_bytes(1, hostname, strlen(hostname)) % 8)
		return false;
	*out = (struct threat_match){0};
	text_copy(out->entry, sizeof(out->entry), hostname);
	text_copy(out->list, sizeof(out->list), "list");
	return true;
}

static struct pipeline *begin(unsigned choice)
{
	struct pipeline_edges edges = {.seen = on_seen,
				       .access = on_access,
				       .alert = on_alert,
				       .flow = on_flow,
				       .threat = on_threat};
	struct pipeline_settings settings = {
		.window_seconds = 90 * SECONDS_PER_DAY,
		.learning_seconds = choice & 1 ? 3600 : 0,
		.scope = (enum scope)((choice >> 1) % 3),
		.unnamed = (enum unnamed)((choice >> 3) % 3),
		.sni = choice & 32,
		.rules = fuzz_rules(),
		.networks = &networks,
		.crawlers = {.domains = 3, .host_domains = 6, .window_seconds = 3600},
		.correlate = {.bindings = 32, .names_per_address = 4, .questions = 8, .name_bytes = 16384},
		.dns_port_count = 1,
		.dns_ports = {53},
		.flow_limit = 16,
		.process_limit = 8,
		.known_limit = 16,
	};
	struct pipeline *pipeline;

	must(pipeline_new(&settings, &edges, &pipeline) == 0);
	return pipeline;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct pipeline *pipeline = begin((unsigned)fuzz_take(&input, 1));
	int64_t now = 0;

	while (input.left) {
		size_t length = fuzz_take(&input, 2);
		void *record;

		if (length > input.left)
			length = input.left;
		record = malloc(length + !length);
		must(record);
		memcpy(record, input.at, length);
		input.at += length;
		input.left -= length;
		if (pipeline_feed(pipeline, record, length, 0) == 0)
			now = (int64_t)((const struct fs_record_header *)record)->time_ns;
		pipeline_tick(pipeline, now);
		free(record);
	}
	pipeline_finish(pipeline, now);
	pipeline_tell_digests(pipeline, now);
	(void)pipeline_counts(pipeline);
	pipeline_free(pipeline);
	return 0;
}
