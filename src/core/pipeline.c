/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "base/hash.h"
#include "base/text.h"
#include "core/decide.h"
#include "core/flows.h"
#include "core/grouping.h"
#include "core/known.h"
#include "core/names.h"

#define DEFAULT_FLOWS 65536
#define DEFAULT_PROCESSES 16384
#define DEFAULT_KNOWN 65536
#define FLOW_TEXT_BYTES (16 * 1024 * 1024)
#define WAIT_MOST_NS NS_PER_SECOND
#define WAITING_MOST 4096     /* flows that wait at once; each holds its attribution */
#define HELD_ALERTS_MOST 1024 /* alerts kept for their update */

struct pipeline {
	struct pipeline_settings settings;
	struct pipeline_edges edges;
	struct pipeline_counts counts;
	struct observer *observer;
	struct correlate *correlate;
	struct process_table *processes;
	struct flows *flows;
	struct known *known;
	struct grouping *grouping;
	struct names *texts;                 /* of open flows */
	struct flow *wait_first, *wait_last; /* by the time they opened */
	size_t waiting, held_alerts;
	uint64_t alerts_made;
	int64_t learning_since_ns;
	int64_t baseline_since_ns;
	double coverage;
	struct attribution attribution; /* of the flow at hand */
	struct process process;         /* being read */
	struct alert alert;
};

static void on_observation(void *context, const struct observation *observation);

static size_t or_default(size_t value, size_t fallback)
{
	return value ? value : fallback;
}

int pipeline_new(const struct pipeline_settings *settings, const struct pipeline_edges *edges,
		 struct pipeline **out)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
	struct correlate_limits correlate = settings->correlate;
	struct observer_limits observer = {0};
	size_t flows = or_default(settings->flow_limit, DEFAULT_FLOWS);
	uint64_t seed = settings->hash_seed;

	if (!pipeline)
		return -ENOMEM;
	correlate.hash_seed = seed;
	pipeline->settings = *settings;
	pipeline->edges = *edges;
	pipeline->coverage = -1;
	pipeline->learning_since_ns = settings->learning_since_ns;
	if (observer_new(&observer, on_observation, pipeline, &pipeline->observer) ||
	    correlate_new(&correlate, &pipeline->correlate) ||
	    process_table_new(or_default(settings->process_limit, DEFAULT_PROCESSES), &pipeline->processes) ||
	    flows_new(flows, seed, &pipeline->flows) ||
	    known_new(or_default(settings->known_limit, DEFAULT_KNOWN), seed, &pipeline->known) ||
	    grouping_new(settings->rules, seed, &pipeline->grouping) ||
	    names_new(flows, FLOW_TEXT_BYTES, seed, &pipeline->texts)) {
		pipeline_free(pipeline);
		return -ENOMEM;
	}
	*out = pipeline;
	return 0;
}

void pipeline_free(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	observer_free(pipeline->observer);
	correlate_free(pipeline->correlate);
	process_table_free(pipeline->processes);
	flows_free(pipeline->flows);
	known_free(pipeline->known);
	grouping_free(pipeline->grouping);
	names_free(pipeline->texts);
	free(pipeline);
}

/* --- the history, through the cache ------------------------------------------ */

static void ask_seen(struct pipeline *pipeline, enum subject_kind kind, const char *domain,
		     const char *application, struct seen *seen)
{
	struct known_key host = known_key(pipeline->known, kind, domain, NULL);
	struct known_key mine = known_key(pipeline->known, kind, domain, application);
	bool want_mine = pipeline->settings.scope != SCOPE_HOST && application[0];
	int64_t ignored;

	*seen = (struct seen){0};
	if (known_get(pipeline->known, host, &seen->host_first_ns, &seen->host_last_ns) &&
	    (!want_mine || known_get(pipeline->known, mine, &ignored, &seen->application_last_ns)))
		return;
	pipeline->counts.history_queries++;
	if (pipeline->edges.seen(pipeline->edges.context, kind, domain, application, seen)) {
		pipeline->counts.history_failures++;
		*seen = (struct seen){0};
	}
}

static void remember_seen(struct pipeline *pipeline, enum subject_kind kind, const char *domain,
			  const char *application, const struct seen *before, int64_t now_ns)
{
	int64_t first = before->host_first_ns ? before->host_first_ns : now_ns;
	int64_t last = before->host_last_ns > now_ns ? before->host_last_ns : now_ns;

	known_put(pipeline->known, known_key(pipeline->known, kind, domain, NULL), first, last);
	if (pipeline->settings.scope != SCOPE_HOST && application[0])
		known_put(pipeline->known, known_key(pipeline->known, kind, domain, application), now_ns,
			  now_ns);
}

/* --- alerts ------------------------------------------------------------------ */

/* A UUID of version 7: the time in front, the rest from the seed and a number. */
static void make_uid(struct pipeline *pipeline, int64_t time_ns, char uid[static ALERT_UID_MAX])
{
	uint64_t ms = (uint64_t)(time_ns / NS_PER_MS) & UINT64_C(0xffffffffffff);
	uint64_t a = hash_mix(hash_mix(pipeline->settings.uid_seed, ++pipeline->alerts_made), ms);
	uint64_t b = hash_mix(a, pipeline->alerts_made);

	snprintf(uid, ALERT_UID_MAX, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(ms >> 16),
		 (unsigned)(ms & 0xffff), (unsigned)(a & 0xfff), (unsigned)(0x8000 | (a >> 16 & 0x3fff)),
		 (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

static void hold_for_update(struct pipeline *pipeline, struct flow *flow, const struct alert *alert)
{
	if (flow->alert) { /* a second domain of the same flow: the newer one gets the update */
		*flow->alert = *alert;
		return;
	}
	if (pipeline->held_alerts == HELD_ALERTS_MOST)
		return;
	flow->alert = malloc(sizeof(*flow->alert));
	if (!flow->alert)
		return;
	*flow->alert = *alert;
	pipeline->held_alerts++;
}

static void raise_alert(struct pipeline *pipeline, struct flow *flow, enum alert_kind kind,
			const char *domain, const struct attribution *attribution,
			const struct process *process, const struct seen *seen)
{
	struct alert *alert = &pipeline->alert;

	memset(alert, 0, sizeof(*alert));
	make_uid(pipeline, flow->opened_ns, alert->uid);
	alert->kind = kind;
	alert->severity = decide_severity(kind, 0, 0, FS_OUTCOME_UNKNOWN);
	alert->time_ns = flow->opened_ns;
	alert->subject = flow->subject;
	text_copy(alert->domain, sizeof(alert->domain), domain);
	alert->attribution = *attribution;
	alert->local = flow->local;
	alert->remote = flow->key.remote;
	alert->local_port = flow->local_port;
	alert->remote_port = flow->key.remote_port;
	alert->protocol = flow->key.protocol;
	alert->process_known = process != NULL;
	if (process)
		alert->process = *process;
	alert->process.owner = flow->owner;
	alert->seen = *seen;
	alert->window_seconds = pipeline->settings.window_seconds;
	alert->baseline_since_ns = pipeline->baseline_since_ns;
	alert->coverage = pipeline->coverage;
	pipeline->counts.alerts++;
	if (pipeline->edges.alert)
		pipeline->edges.alert(pipeline->edges.context, alert);
	hold_for_update(pipeline, flow, alert);
}

static void release_alert(struct pipeline *pipeline, struct flow *flow)
{
	if (!flow->alert)
		return;
	free(flow->alert);
	flow->alert = NULL;
	pipeline->held_alerts--;
}

/* Once, when the outcome and volume are known, or as soon as the volume matters. */
static void update_alert(struct pipeline *pipeline, struct flow *flow, uint64_t bytes_out, uint64_t bytes_in,
			 enum fs_outcome outcome, bool closed)
{
	struct alert *alert = flow->alert;

	if (!alert || (!closed && bytes_out <= DECIDE_VOLUME_BYTES && bytes_in <= DECIDE_VOLUME_BYTES))
		return;
	alert->revision = 1;
	alert->bytes_out = bytes_out;
	alert->bytes_in = bytes_in;
	alert->outcome = outcome;
	if (flow->local_port)
		alert->local_port = flow->local_port;
	alert->severity = decide_severity(alert->kind, bytes_out, bytes_in, outcome);
	pipeline->counts.alert_updates++;
	if (pipeline->edges.alert)
		pipeline->edges.alert(pipeline->edges.context, alert);
	release_alert(pipeline, flow);
}

/* --- deciding ---------------------------------------------------------------- */

static void set_text(struct pipeline *pipeline, uint32_t *id, const char *text)
{
	uint32_t taken = text[0] ? names_take(pipeline->texts, text) : 0;

	names_drop(pipeline->texts, *id);
	*id = taken;
}

static void tell_access(struct pipeline *pipeline, const struct flow *flow, const char *domain,
			const char *hostname, const char *application, const char *exe, int64_t time_ns,
			uint32_t connections, uint64_t bytes_out, uint64_t bytes_in)
{
	struct access access = {
		.time_ns = time_ns,
		.kind = flow->subject,
		.domain = domain,
		.hostname = hostname,
		.application = application,
		.exe = exe,
		.uid = flow->owner.tgid ? flow->owner.uid : FS_UID_UNKNOWN,
		.remote = flow->key.remote,
		.remote_port = flow->key.remote_port,
		.protocol = flow->key.protocol,
		.connections = connections,
		.bytes_out = bytes_out,
		.bytes_in = bytes_in,
	};

	if (pipeline->edges.access)
		pipeline->edges.access(pipeline->edges.context, &access);
}

static void report(struct pipeline *pipeline, const struct flow *flow, enum verdict verdict,
		   const char *domain, const struct attribution *attribution, const struct process *process)
{
	struct flow_report report = {
		.time_ns = flow->opened_ns,
		.local = flow->local,
		.remote = flow->key.remote,
		.local_port = flow->local_port,
		.remote_port = flow->key.remote_port,
		.protocol = flow->key.protocol,
		.verdict = verdict,
		.domain = domain,
		.attribution = attribution,
		.process = process,
		.owner = flow->owner,
	};

	pipeline->counts.verdicts[verdict]++;
	if (pipeline->edges.flow)
		pipeline->edges.flow(pipeline->edges.context, &report);
}

/* A flow whose domain, or bare address, is settled: history, verdict, alert. */
static void settle(struct pipeline *pipeline, struct flow *flow, const char *domain,
		   const struct attribution *attribution)
{
	const struct process *process = process_table_get(pipeline->processes, &flow->owner);
	const char *application = process ? process->application : "";
	const char *exe = process ? process->exe : "";
	const char *hostname = attribution->hostname[0] ? attribution->hostname : domain;
	enum alert_kind kind = ALERT_NEW_DOMAIN;
	struct decide_case now = {
		.now_ns = flow->opened_ns,
		.window_seconds = pipeline->settings.window_seconds,
		.learning_until_ns =
			pipeline->learning_since_ns + pipeline->settings.learning_seconds * NS_PER_SECOND,
		.scope = pipeline->settings.scope,
		.unnamed = pipeline->settings.unnamed,
		.subject = flow->subject,
		.preexisting = flow->preexisting,
		.application_known = application[0] != '\0',
	};
	enum verdict verdict;

	ask_seen(pipeline, flow->subject, domain, application, &now.seen);
	verdict = decide(&now, &kind);
	flow->kept = verdict != VERDICT_IGNORED;
	if (flow->kept) {
		tell_access(pipeline, flow, domain, hostname, application, exe, flow->opened_ns, 1, 0, 0);
		remember_seen(pipeline, flow->subject, domain, application, &now.seen, flow->opened_ns);
		set_text(pipeline, &flow->domain, domain);
		set_text(pipeline, &flow->hostname, hostname);
		set_text(pipeline, &flow->application, application);
		set_text(pipeline, &flow->exe, exe);
	}
	report(pipeline, flow, verdict, flow->subject == SUBJECT_DOMAIN ? domain : "", attribution, process);
	if (verdict == VERDICT_NEW)
		raise_alert(pipeline, flow, kind, domain, attribution, process, &now.seen);
}

static void settle_internal(struct pipeline *pipeline, struct flow *flow, const char *domain,
			    const struct attribution *attribution)
{
	report(pipeline, flow, VERDICT_INTERNAL, domain, attribution,
	       process_table_get(pipeline->processes, &flow->owner));
}

/* Decides by the name at hand, whatever it is. */
static void decide_flow(struct pipeline *pipeline, struct flow *flow, const struct attribution *attribution)
{
	char domain[DOMAIN_MAX];
	enum domain_kind kind = DOMAIN_INVALID;

	if (attribution->method != METHOD_NONE)
		kind = grouping_domain(pipeline->grouping, attribution->hostname, domain);
	pipeline->counts.methods[attribution->method]++;
	if (kind == DOMAIN_INTERNAL ||
	    (kind != DOMAIN_INVALID &&
	     network_name_is_internal(pipeline->settings.networks, attribution->hostname))) {
		settle_internal(pipeline, flow, domain, attribution);
	} else if (kind != DOMAIN_INVALID) {
		flow->subject = SUBJECT_DOMAIN;
		settle(pipeline, flow, domain, attribution);
	} else {
		char text[ADDRESS_TEXT_MAX];

		flow->subject = SUBJECT_ADDRESS;
		settle(pipeline, flow, address_format(&flow->key.remote, text), attribution);
	}
}

/* --- waiting for a better name ------------------------------------------------ */

static void stop_waiting(struct pipeline *pipeline, struct flow *flow)
{
	if (flow->wait_previous)
		flow->wait_previous->wait_next = flow->wait_next;
	else
		pipeline->wait_first = flow->wait_next;
	if (flow->wait_next)
		flow->wait_next->wait_previous = flow->wait_previous;
	else
		pipeline->wait_last = flow->wait_previous;
	flow->wait_next = flow->wait_previous = NULL;
	flow->wait = WAIT_NONE;
	pipeline->waiting--;
}

/* Takes the flow out of the line and decides with what was known when it opened. */
static void decide_waiting(struct pipeline *pipeline, struct flow *flow)
{
	struct attribution *attribution = flow->attribution;

	flow->attribution = NULL;
	stop_waiting(pipeline, flow);
	decide_flow(pipeline, flow, attribution);
	free(attribution);
}

static bool start_waiting(struct pipeline *pipeline, struct flow *flow, enum flow_wait wait,
			  const struct attribution *attribution)
{
	if (pipeline->waiting == WAITING_MOST)
		return false;
	flow->attribution = malloc(sizeof(*flow->attribution));
	if (!flow->attribution)
		return false;
	*flow->attribution = *attribution;
	flow->wait = (uint8_t)wait;
	flow->wait_previous = pipeline->wait_last;
	if (pipeline->wait_last)
		pipeline->wait_last->wait_next = flow;
	else
		pipeline->wait_first = flow;
	pipeline->wait_last = flow;
	pipeline->waiting++;
	pipeline->counts.deferred++;
	return true;
}

/* Whether a rival that fits as well would mean another domain. */
static bool domain_is_open(struct pipeline *pipeline, const struct attribution *attribution)
{
	char domain[DOMAIN_MAX], other[DOMAIN_MAX];

	if (attribution->method == METHOD_NONE)
		return true;
	if (!attribution->ambiguous)
		return false;
	grouping_domain(pipeline->grouping, attribution->hostname, domain);
	for (uint32_t i = 0; i < attribution->rivals_listed; i++) {
		grouping_domain(pipeline->grouping, attribution->rivals[i], other);
		if (strcmp(domain, other) != 0)
			return true;
	}
	return attribution->rival_count > attribution->rivals_listed;
}

static bool is_dns_port(const struct pipeline *pipeline, uint16_t port)
{
	for (uint32_t i = 0; i < pipeline->settings.dns_port_count; i++)
		if (pipeline->settings.dns_ports[i] == port)
			return true;
	return false;
}

static enum flow_wait what_to_wait_for(struct pipeline *pipeline, const struct flow *flow,
				       const struct attribution *attribution)
{
	if (flow->preexisting)
		return WAIT_NONE;
	if (is_dns_port(pipeline, flow->key.remote_port))
		return attribution->method == METHOD_NONE ? WAIT_QUESTION : WAIT_NONE;
	if (pipeline->settings.sni && flow->key.protocol == IPPROTO_TCP &&
	    domain_is_open(pipeline, attribution))
		return WAIT_HELLO;
	return WAIT_NONE;
}

/* --- observations ------------------------------------------------------------- */

static void actor_of(struct pipeline *pipeline, const struct fs_owner *owner, struct actor *actor)
{
	const struct process *process = process_table_get(pipeline->processes, owner);

	*actor = (struct actor){
		.tgid = owner->tgid,
		.start_ns = owner->start_ns,
		.cgroup_id = owner->cgroup_id,
		.netns = owner->netns,
	};
	if (!process)
		return;
	actor->executable = process->executable_hash;
	if (process->ancestor_count) {
		actor->parent_tgid = process->ancestors[0].tgid;
		actor->parent_start_ns = process->ancestors[0].start_ns;
	}
}

static void forget_flow(struct pipeline *pipeline, struct flow *flow)
{
	if (flow->wait != WAIT_NONE)
		decide_waiting(pipeline, flow);
	release_alert(pipeline, flow);
	names_drop(pipeline->texts, flow->domain);
	names_drop(pipeline->texts, flow->hostname);
	names_drop(pipeline->texts, flow->application);
	names_drop(pipeline->texts, flow->exe);
	flows_drop(pipeline->flows, flow);
}

static struct flow_key key_of(const struct observation *seen)
{
	return (struct flow_key){
		.cookie = seen->cookie,
		.remote = seen->remote,
		.remote_port = seen->remote_port,
		.protocol = seen->protocol,
	};
}

static struct flow *add_flow(struct pipeline *pipeline, const struct observation *seen)
{
	struct flow_key key = key_of(seen);
	struct flow *flow = flows_find(pipeline->flows, &key);

	if (flow) /* a socket that connects again to the same peer */
		forget_flow(pipeline, flow);
	flow = flows_oldest_if_full(pipeline->flows);
	if (flow) {
		pipeline->counts.flows_evicted++;
		forget_flow(pipeline, flow);
	}
	flow = flows_add(pipeline->flows, &key);
	flow->owner = seen->owner;
	flow->local = seen->local;
	flow->local_port = seen->local_port;
	flow->opened_ns = seen->time_ns;
	flow->preexisting = seen->flags & FS_FLAG_PREEXISTING;
	return flow;
}

static void on_open(struct pipeline *pipeline, const struct observation *seen)
{
	bool external = network_is_external(pipeline->settings.networks, &seen->remote);
	struct attribution *attribution = &pipeline->attribution;
	enum flow_wait wait;
	struct flow *flow;
	struct actor actor;

	pipeline->counts.flows++;
	if (!external && !pipeline->edges.flow) {
		pipeline->counts.verdicts[VERDICT_INTERNAL]++;
		return;
	}
	actor_of(pipeline, &seen->owner, &actor);
	correlate_name(pipeline->correlate, &actor, &seen->remote, seen->time_ns, attribution);
	flow = add_flow(pipeline, seen);
	if (!external) {
		char domain[DOMAIN_MAX] = "";

		if (attribution->method != METHOD_NONE)
			grouping_domain(pipeline->grouping, attribution->hostname, domain);
		settle_internal(pipeline, flow, domain, attribution);
		return;
	}
	wait = what_to_wait_for(pipeline, flow, attribution);
	if (wait == WAIT_NONE || !start_waiting(pipeline, flow, wait, attribution))
		decide_flow(pipeline, flow, attribution);
}

static void on_question(struct pipeline *pipeline, const struct observation *seen)
{
	struct flow_key key = key_of(seen);
	struct flow *flow = flows_find(pipeline->flows, &key);

	correlate_question(pipeline->correlate, seen->cookie, seen->message, seen->time_ns);
	if (flow && flow->wait == WAIT_QUESTION) {
		struct attribution *attribution = flow->attribution;

		flow->attribution = NULL;
		stop_waiting(pipeline, flow);
		report(pipeline, flow, VERDICT_RESOLVER, "", attribution,
		       process_table_get(pipeline->processes, &flow->owner));
		free(attribution);
	}
}

static void on_answer(struct pipeline *pipeline, const struct observation *seen)
{
	struct actor asker;

	actor_of(pipeline, &seen->owner, &asker);
	correlate_answer(pipeline->correlate, seen->cookie, &asker, seen->message, seen->time_ns);
}

/* The flow's name by SNI; what DNS said stays beside it where it differs. */
static void name_by_sni(const char *server_name, const struct attribution *by_dns, const char *dns_hostname,
			struct attribution *out)
{
	if (by_dns)
		*out = *by_dns;
	else
		memset(out, 0, sizeof(*out));
	out->dns_hostname[0] = '\0';
	if (strcmp(dns_hostname, server_name) != 0) {
		text_copy(out->dns_hostname, sizeof(out->dns_hostname), dns_hostname);
		out->chain[0] = '\0';
	}
	text_copy(out->hostname, sizeof(out->hostname), server_name);
	out->method = METHOD_SNI;
	out->ambiguous = false;
}

static bool is_rival(const struct attribution *attribution, const char *name)
{
	for (uint32_t i = 0; i < attribution->rivals_listed; i++)
		if (strcmp(attribution->rivals[i], name) == 0)
			return true;
	return false;
}

/* SNI and DNS disagree where DNS never gave this name for the address at all. */
static void decide_by_sni(struct pipeline *pipeline, struct flow *flow, const char *server_name)
{
	struct attribution *by_dns = flow->attribution;
	const char *dns_hostname = by_dns->hostname;

	if (is_rival(by_dns, server_name))
		dns_hostname = server_name; /* DNS knew it too: no disagreement */
	name_by_sni(server_name, by_dns, dns_hostname, &pipeline->attribution);
	flow->attribution = NULL;
	stop_waiting(pipeline, flow);
	decide_flow(pipeline, flow, &pipeline->attribution);
	free(by_dns);
}

/* The flow was decided already: another domain in its hello is an access of its own. */
static void correct_by_sni(struct pipeline *pipeline, struct flow *flow, const char *server_name)
{
	const char *by_dns =
		flow->subject == SUBJECT_DOMAIN ? names_text(pipeline->texts, flow->hostname) : "";
	char domain[DOMAIN_MAX];
	enum domain_kind kind = grouping_domain(pipeline->grouping, server_name, domain);

	if (!flow->kept || kind == DOMAIN_INVALID || kind == DOMAIN_INTERNAL ||
	    strcmp(domain, names_text(pipeline->texts, flow->domain)) == 0)
		return;
	name_by_sni(server_name, NULL, by_dns, &pipeline->attribution);
	decide_flow(pipeline, flow, &pipeline->attribution);
}

static void on_server_name(struct pipeline *pipeline, const struct observation *seen)
{
	struct flow_key key = key_of(seen);
	struct flow *flow = flows_find(pipeline->flows, &key);
	char name[HOSTNAME_MAX];

	if (!flow || !pipeline->settings.sni)
		return;
	if (!flow->local_port)
		flow->local_port = seen->local_port;
	if (!seen->server_name || hostname_normalise(seen->server_name, name)) {
		if (flow->wait == WAIT_HELLO)
			decide_waiting(pipeline, flow);
	} else if (flow->wait == WAIT_HELLO) {
		decide_by_sni(pipeline, flow, name);
	} else if (flow->wait == WAIT_NONE) {
		correct_by_sni(pipeline, flow, name);
	}
}

static void on_volume(struct pipeline *pipeline, const struct observation *seen)
{
	struct flow_key key = key_of(seen);
	struct flow *flow = flows_find(pipeline->flows, &key);
	bool closed = seen->flags & FS_FLAG_CLOSED;

	if (!flow)
		return;
	if (seen->local_port)
		flow->local_port = seen->local_port;
	if (flow->wait != WAIT_NONE && closed)
		decide_waiting(pipeline, flow);
	if (flow->kept && (seen->flow.bytes_out > flow->bytes_out || seen->flow.bytes_in > flow->bytes_in)) {
		uint64_t out =
			seen->flow.bytes_out > flow->bytes_out ? seen->flow.bytes_out - flow->bytes_out : 0;
		uint64_t in = seen->flow.bytes_in > flow->bytes_in ? seen->flow.bytes_in - flow->bytes_in : 0;

		tell_access(pipeline, flow, names_text(pipeline->texts, flow->domain),
			    names_text(pipeline->texts, flow->hostname),
			    names_text(pipeline->texts, flow->application),
			    names_text(pipeline->texts, flow->exe), seen->time_ns, 0, out, in);
		flow->bytes_out += out;
		flow->bytes_in += in;
	}
	update_alert(pipeline, flow, seen->flow.bytes_out, seen->flow.bytes_in, seen->flow.outcome, closed);
	if (closed)
		forget_flow(pipeline, flow);
}

static void on_process(struct pipeline *pipeline, const struct observation *seen)
{
	process_read(seen->process, &pipeline->process);
	/* Out of memory: the process stays unknown, and the alert says so. */
	(void)process_table_put(pipeline->processes, &pipeline->process);
}

static void on_observation(void *context, const struct observation *seen)
{
	struct pipeline *pipeline = context;

	if (pipeline->learning_since_ns == 0)
		pipeline->learning_since_ns = seen->time_ns;
	switch (seen->kind) {
	case OBSERVED_PROCESS:
		on_process(pipeline, seen);
		break;
	case OBSERVED_QUESTION:
		on_question(pipeline, seen);
		break;
	case OBSERVED_ANSWER:
		on_answer(pipeline, seen);
		break;
	case OBSERVED_FLOW_OPEN:
		on_open(pipeline, seen);
		break;
	case OBSERVED_FLOW_VOLUME:
		on_volume(pipeline, seen);
		break;
	case OBSERVED_SERVER_NAME:
		on_server_name(pipeline, seen);
		break;
	}
}

/* --- the outside --------------------------------------------------------------- */

int pipeline_feed(struct pipeline *pipeline, const void *record, size_t size, int64_t clock_offset_ns)
{
	return observer_feed(pipeline->observer, record, size, clock_offset_ns);
}

void pipeline_tick(struct pipeline *pipeline, int64_t now_ns)
{
	while (pipeline->wait_first && now_ns - pipeline->wait_first->opened_ns >= WAIT_MOST_NS) {
		pipeline->counts.deferred_late++;
		decide_waiting(pipeline, pipeline->wait_first);
	}
}

void pipeline_finish(struct pipeline *pipeline, int64_t now_ns)
{
	(void)now_ns;
	while (pipeline->wait_first)
		decide_waiting(pipeline, pipeline->wait_first);
}

void pipeline_configure(struct pipeline *pipeline, const struct pipeline_settings *settings)
{
	bool regrouped = settings->rules != pipeline->settings.rules;
	uint64_t uid_seed = pipeline->settings.uid_seed, hash_seed = pipeline->settings.hash_seed;

	pipeline->settings = *settings;
	pipeline->settings.uid_seed = uid_seed;
	pipeline->settings.hash_seed = hash_seed;
	if (settings->learning_since_ns)
		pipeline->learning_since_ns = settings->learning_since_ns;
	if (regrouped) {
		known_clear(pipeline->known);
		grouping_set_rules(pipeline->grouping, settings->rules);
	}
}

void pipeline_baseline(struct pipeline *pipeline, int64_t since_ns, double coverage)
{
	pipeline->baseline_since_ns = since_ns;
	pipeline->coverage = coverage;
}

int pipeline_bind(struct pipeline *pipeline, const struct address *address, const char *hostname,
		  const struct actor *asker, int64_t learned_ns, int64_t expires_ns)
{
	return correlate_bind(pipeline->correlate, address, hostname, asker, learned_ns, expires_ns);
}

void pipeline_bindings(struct pipeline *pipeline, int64_t since_ns, correlate_callback *callback,
		       void *context)
{
	correlate_each(pipeline->correlate, since_ns, callback, context);
}

const struct pipeline_counts *pipeline_counts(struct pipeline *pipeline)
{
	pipeline->counts.flows_open = flows_count(pipeline->flows);
	return &pipeline->counts;
}

const struct observer_counts *pipeline_observer_counts(struct pipeline *pipeline)
{
	return observer_counts(pipeline->observer);
}

const struct correlate_counts *pipeline_correlate_counts(struct pipeline *pipeline)
{
	return correlate_counts(pipeline->correlate);
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[VERDICTS] = {
		[VERDICT_INTERNAL] = "internal", [VERDICT_IGNORED] = "ignored",
		[VERDICT_RESOLVER] = "resolver", [VERDICT_KNOWN] = "known",
		[VERDICT_LEARNING] = "learning", [VERDICT_PREEXISTING] = "preexisting",
		[VERDICT_NEW] = "new",
	};

	return names[verdict];
}
