/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pipeline_decide.c - what becomes of a flow: its domain, the history's word, the verdict, the alert; and the
 * wait for a better name. */
#include "core/pipeline_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "base/hash.h"
#include "base/text.h"
#include "core/decide.h"

#define WAITING_MOST 4096     /* flows that wait at once; each holds its attribution */
#define HELD_ALERTS_MOST 1024 /* alerts kept for their update */

/* --- the history, through the cache ------------------------------------------ */

/* What one of the two does not know yet, the other may: the history lags behind by what is not written. */
static void add_seen(struct seen *seen, const struct seen *cached)
{
	if (cached->host_first_ns && (!seen->host_first_ns || cached->host_first_ns < seen->host_first_ns))
		seen->host_first_ns = cached->host_first_ns;
	if (cached->host_last_ns > seen->host_last_ns)
		seen->host_last_ns = cached->host_last_ns;
	if (cached->application_last_ns > seen->application_last_ns)
		seen->application_last_ns = cached->application_last_ns;
}

/* The cache knows when connections opened. Where that is too long ago, the history knows of bytes moved
 * since.
 */
static void ask_seen(struct pipeline *pipeline, enum subject_kind kind, const char *domain,
		     const char *application, int64_t known_since_ns, struct seen *seen)
{
	bool want_mine = pipeline->settings.scope != SCOPE_HOST && application[0];
	struct seen cached = {0};
	int64_t ignored;

	known_get(pipeline->known, known_key(pipeline->known, kind, domain, NULL), &cached.host_first_ns,
		  &cached.host_last_ns);
	if (want_mine)
		known_get(pipeline->known, known_key(pipeline->known, kind, domain, application), &ignored,
			  &cached.application_last_ns);
	*seen = cached;
	if (cached.host_last_ns && cached.host_last_ns >= known_since_ns &&
	    (!want_mine || (cached.application_last_ns && cached.application_last_ns >= known_since_ns)))
		return;
	pipeline->counts.history_queries++;
	if (pipeline->edges.seen(pipeline->edges.context, kind, domain, application, seen)) {
		pipeline->counts.history_failures++;
		*seen = (struct seen){.unread = true};
	}
	add_seen(seen, &cached);
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

void pipeline_make_uid(struct pipeline *pipeline, int64_t time_ns, char uid[static ALERT_UID_MAX])
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
	if (pipeline->held_alerts < HELD_ALERTS_MOST)
		flow->alert = malloc(sizeof(*flow->alert));
	if (!flow->alert) {
		pipeline->counts.updates_missed++;
		return;
	}
	*flow->alert = *alert;
	pipeline->held_alerts++;
}

struct alert *pipeline_blank_alert(struct pipeline *pipeline, enum alert_kind kind, int64_t time_ns,
				   const char *uid)
{
	struct alert *alert = &pipeline->alert;

	memset(alert, 0, sizeof(*alert));
	if (!text_copy(alert->uid, sizeof(alert->uid), uid) || !uid[0])
		pipeline_make_uid(pipeline, time_ns, alert->uid);
	alert->kind = kind;
	alert->time_ns = time_ns;
	alert->window_seconds = pipeline->settings.window_seconds;
	alert->baseline_since_ns = pipeline->baseline_since_ns;
	alert->coverage = pipeline->coverage;
	return alert;
}

void pipeline_send_alert(struct pipeline *pipeline, const struct alert *alert)
{
	pipeline->counts.alerts += alert->revision == 0;
	pipeline->counts.alert_updates += alert->revision != 0;
	if (pipeline->edges.alert)
		pipeline->edges.alert(pipeline->edges.context, alert);
}

void pipeline_notice(struct pipeline *pipeline, enum alert_kind kind, enum alert_severity severity,
		     int64_t time_ns, const char *message)
{
	struct alert *alert = pipeline_blank_alert(pipeline, kind, time_ns, "");

	alert->severity = severity;
	text_copy(alert->message, sizeof(alert->message), message);
	pipeline_send_alert(pipeline, alert);
}

static enum alert_severity severity_of(const struct alert *alert)
{
	if (alert->kind == ALERT_THREAT_DOMAIN)
		return decide_threat_severity(alert->threat.class);
	return decide_severity(alert->kind, alert->bytes_out, alert->bytes_in, alert->outcome);
}

static void raise_alert(struct pipeline *pipeline, struct flow *flow, enum alert_kind kind,
			const char *domain, const struct attribution *attribution,
			const struct process *process, const struct seen *seen,
			const struct threat_match *threat)
{
	struct alert *alert = pipeline_blank_alert(pipeline, kind, flow->opened_ns, "");

	alert->threat = *threat;
	alert->severity = severity_of(alert);
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
	pipeline_send_alert(pipeline, alert);
	hold_for_update(pipeline, flow, alert);
}

void pipeline_release_alert(struct pipeline *pipeline, struct flow *flow)
{
	if (!flow->alert)
		return;
	free(flow->alert);
	flow->alert = NULL;
	pipeline->held_alerts--;
}

/* When the outcome and volume are known, or as soon as the volume matters. */
void pipeline_update_alert(struct pipeline *pipeline, struct flow *flow, uint64_t bytes_out,
			   uint64_t bytes_in, enum fs_outcome outcome, bool closed)
{
	struct alert *alert = flow->alert;
	bool failed;

	if (!alert || (!closed && bytes_out <= DECIDE_VOLUME_BYTES && bytes_in <= DECIDE_VOLUME_BYTES))
		return;
	failed = closed && pipeline_came_to_nothing(flow, bytes_out, bytes_in, outcome);
	if (failed && pipeline_hand_over(pipeline, flow))
		return;
	if (!failed || alert->revision == 0) { /* that it failed is told once */
		alert->revision++;
		alert->bytes_out = bytes_out;
		alert->bytes_in = bytes_in;
		alert->outcome = outcome;
		if (flow->local_port)
			alert->local_port = flow->local_port;
		alert->severity = severity_of(alert);
		pipeline_send_alert(pipeline, alert);
	}
	if (failed)
		pipeline_keep_failed(pipeline, flow);
	else
		pipeline_release_alert(pipeline, flow);
}

/* --- deciding ---------------------------------------------------------------- */

static void set_text(struct pipeline *pipeline, uint32_t *id, const char *text)
{
	uint32_t taken = text[0] ? names_take(pipeline->texts, text) : 0;

	names_drop(pipeline->texts, *id);
	*id = taken;
}

void pipeline_tell_access(struct pipeline *pipeline, const struct flow *flow, const char *domain,
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

/* --- threats ------------------------------------------------------------------ */

#define THREAT_AGAIN_NS (SECONDS_PER_DAY * NS_PER_SECOND) /* a beacon a minute is one alert a day */

enum threat_note { THREAT_UNASKED, THREAT_NONE, THREAT_FOUND };

/* The lists are asked once for a hostname that the grouping remembers. */
static bool is_listed(struct pipeline *pipeline, const char *hostname, struct threat_match *threat)
{
	char domain[DOMAIN_MAX];
	uint8_t *note;

	if (!pipeline->edges.threat || !hostname[0])
		return false;
	grouping_domain(pipeline->grouping, hostname, domain);
	note = grouping_note(pipeline->grouping);
	if (*note == THREAT_NONE)
		return false;
	*note = pipeline->edges.threat(pipeline->edges.context, hostname, threat) ? THREAT_FOUND
										  : THREAT_NONE;
	return *note == THREAT_FOUND;
}

/* By the entry: two listed names of one domain, buckets of one service, are two threats. */
static struct known_key threat_key(const struct pipeline *pipeline, const char *entry,
				   const char *application)
{
	return known_key(pipeline->threats_told, SUBJECT_DOMAIN, entry, application);
}

static bool was_told(struct pipeline *pipeline, const char *entry, const char *application, int64_t now_ns)
{
	int64_t first, last;

	return known_get(pipeline->threats_told, threat_key(pipeline, entry, application), &first, &last) &&
	       now_ns - last < THREAT_AGAIN_NS;
}

void pipeline_threat_told(struct pipeline *pipeline, const char *entry, const char *application,
			  int64_t time_ns)
{
	known_put(pipeline->threats_told, threat_key(pipeline, entry, application), time_ns, time_ns);
}

enum told { NOT_TOLD, ACKNOWLEDGED, TOLD_LATELY };

/* A search for the gravest of what is listed, and of what the operator does not know yet. */
struct threat_search {
	struct pipeline *pipeline;
	const struct flow *flow;
	const char *application;
	bool known; /* the domain, inside the window */
	enum told told;
	struct threat_match *found; /* entry "": none */
};

static enum told how_told(const struct threat_search *search, const char *entry)
{
	struct pipeline *pipeline = search->pipeline;

	if (was_told(pipeline, entry, search->application, search->flow->opened_ns))
		return TOLD_LATELY;
	return search->known && allow_acknowledged(pipeline->allow, SUBJECT_DOMAIN, "", "", entry)
		       ? ACKNOWLEDGED
		       : NOT_TOLD;
}

static void consider(struct threat_search *search, const char *name)
{
	struct threat_match match;
	enum told told;

	if (!is_listed(search->pipeline, hostname_tail(name), &match))
		return;
	told = how_told(search, match.entry);
	if (search->found->entry[0] &&
	    (told > search->told || (told == search->told && match.class >= search->found->class)))
		return;
	*search->found = match;
	search->told = told;
}

/* Whoever is listed may well have a harmless name point to a listed one. */
static void consider_with_chain(struct threat_search *search, const char *hostname)
{
	char chain[DNS_TEXT_MAX], *name, *rest;

	if (!hostname[0])
		return;
	consider(search, hostname);
	correlate_chain(search->pipeline->correlate, &search->flow->key.remote, hostname, chain);
	for (name = strtok_r(chain, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		consider(search, name);
}

/* Fills *found, and tells whether it is to be told. */
static bool is_threat(struct pipeline *pipeline, const struct flow *flow, const char *hostname,
		      const char *dns_hostname, const char *application, bool known,
		      struct threat_match *found)
{
	struct threat_search search = {.pipeline = pipeline,
				       .flow = flow,
				       .application = application,
				       .known = known,
				       .found = found};

	found->entry[0] = '\0';
	if (flow->subject != SUBJECT_DOMAIN || !pipeline->edges.threat)
		return false;
	consider_with_chain(&search, hostname);
	consider_with_chain(&search, dns_hostname);
	pipeline->counts.threats += found->entry[0] != '\0';
	return found->entry[0] && search.told != TOLD_LATELY;
}

bool pipeline_is_listed(struct pipeline *pipeline, const char *hostname)
{
	struct threat_match ignored;

	return is_listed(pipeline, hostname, &ignored);
}

void pipeline_threats_changed(struct pipeline *pipeline)
{
	grouping_clear_notes(pipeline->grouping);
}

/* --- the verdict --------------------------------------------------------------- */

/* What keeps a flow from being alerted by itself: a rule, an acknowledged alert, a crawler. */
static enum verdict narrow(struct pipeline *pipeline, struct flow *flow, enum alert_kind kind,
			   const char *domain, const char *hostname, const struct process *process,
			   const struct decide_case *now)
{
	struct allow_case asked = {
		.now_ns = flow->opened_ns,
		.subject = flow->subject,
		.domain = domain,
		.hostname = hostname,
		.process = process,
		.uid = flow->owner.tgid ? flow->owner.uid : FS_UID_UNKNOWN,
		.remote = flow->key.remote,
		.remote_port = flow->key.remote_port,
		.entry = kind == ALERT_THREAT_DOMAIN ? pipeline->threat.entry : NULL,
	};
	bool known = decide_is_known(now);

	if (allow_match(pipeline->allow, &asked) ||
	    (known && allow_acknowledged(pipeline->allow, flow->subject, domain,
					 process ? process->application : "", asked.entry)))
		return VERDICT_ALLOWED;
	if (kind != ALERT_THREAT_DOMAIN && pipeline_goes_to_crawler(pipeline, flow, domain, process))
		return VERDICT_CRAWLER;
	return VERDICT_NEW;
}

/* What the history is to keep of the flow, now and when it moves bytes. */
static void keep_flow(struct pipeline *pipeline, struct flow *flow, const char *domain, const char *hostname,
		      const struct process *process, const struct seen *seen)
{
	const char *application = process ? process->application : "";
	const char *exe = process ? process->exe : "";

	pipeline_tell_access(pipeline, flow, domain, hostname, application, exe, flow->opened_ns, 1, 0, 0);
	remember_seen(pipeline, flow->subject, domain, application, seen, flow->opened_ns);
	set_text(pipeline, &flow->domain, domain);
	set_text(pipeline, &flow->hostname, hostname);
	set_text(pipeline, &flow->application, application);
	set_text(pipeline, &flow->exe, exe);
}

/* A flow whose domain, or bare address, is settled: history, verdict, alert. */
static void settle(struct pipeline *pipeline, struct flow *flow, const char *domain,
		   const struct attribution *attribution)
{
	const struct process *process = process_table_get(pipeline->processes, &flow->owner);
	const char *application = process ? process->application : "";
	const char *hostname = attribution->hostname[0] ? attribution->hostname : domain;
	enum alert_kind kind = ALERT_NEW_DOMAIN;
	struct threat_match *threat = &pipeline->threat;
	struct decide_case now = {
		.now_ns = flow->opened_ns,
		.known_since_ns = clock_steps_before(&pipeline->clock, flow->opened_ns,
						     pipeline->settings.window_seconds * NS_PER_SECOND),
		.learning_until_ns =
			pipeline->learning_since_ns + pipeline->settings.learning_seconds * NS_PER_SECOND,
		.scope = pipeline->settings.scope,
		.unnamed = pipeline->settings.unnamed,
		.subject = flow->subject,
		.preexisting = flow->preexisting,
		.application_known = application[0] != '\0',
	};
	enum verdict verdict;

	ask_seen(pipeline, flow->subject, domain, application, now.known_since_ns, &now.seen);
	now.threat = is_threat(pipeline, flow, hostname, attribution->dns_hostname, application,
			       decide_is_known(&now), threat);
	verdict = decide(&now, &kind);
	if (verdict == VERDICT_NEW)
		verdict = narrow(pipeline, flow, kind, domain, hostname, process, &now);
	flow->kept = verdict != VERDICT_IGNORED;
	if (flow->kept)
		keep_flow(pipeline, flow, domain, hostname, process, &now.seen);
	pipeline_report(pipeline, flow, verdict, flow->subject == SUBJECT_DOMAIN ? domain : "", attribution,
			process);
	if (verdict == VERDICT_NEW)
		raise_alert(pipeline, flow, kind, domain, attribution, process, &now.seen, threat);
	else if (verdict == VERDICT_KNOWN && !flow->alert && pipeline->held_alerts < HELD_ALERTS_MOST)
		pipeline_go_on(pipeline, flow, attribution, process);
	if (verdict == VERDICT_NEW && kind == ALERT_THREAT_DOMAIN)
		pipeline_threat_told(pipeline, threat->entry, application, flow->opened_ns);
}

void pipeline_settle_internal(struct pipeline *pipeline, struct flow *flow, const char *domain,
			      const struct attribution *attribution)
{
	pipeline_report(pipeline, flow, VERDICT_INTERNAL, domain, attribution,
			process_table_get(pipeline->processes, &flow->owner));
}

/* Decides by the name at hand, whatever it is. */
void pipeline_decide_flow(struct pipeline *pipeline, struct flow *flow, const struct attribution *attribution)
{
	char domain[DOMAIN_MAX];
	enum domain_kind kind = DOMAIN_INVALID;

	if (attribution->method != METHOD_NONE)
		kind = grouping_domain(pipeline->grouping, attribution->hostname, domain);
	pipeline->counts.methods[attribution->method]++;
	if (kind == DOMAIN_INTERNAL ||
	    (kind != DOMAIN_INVALID &&
	     network_name_is_internal(pipeline->settings.networks, attribution->hostname))) {
		flow->subject = SUBJECT_DOMAIN;
		set_text(pipeline, &flow->hostname, attribution->hostname); /* beside another in its hello */
		pipeline_settle_internal(pipeline, flow, domain, attribution);
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

void pipeline_stop_waiting(struct pipeline *pipeline, struct flow *flow)
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
void pipeline_decide_waiting(struct pipeline *pipeline, struct flow *flow)
{
	struct attribution *attribution = flow->attribution;

	flow->attribution = NULL;
	pipeline_stop_waiting(pipeline, flow);
	pipeline_decide_flow(pipeline, flow, attribution);
	free(attribution);
}

bool pipeline_start_waiting(struct pipeline *pipeline, struct flow *flow, enum flow_wait wait,
			    const struct attribution *attribution)
{
	if (pipeline->waiting == WAITING_MOST)
		return false;
	flow->attribution = malloc(sizeof(*flow->attribution));
	if (!flow->attribution) {
		pipeline->counts.memory_failures++;
		return false;
	}
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

enum flow_wait pipeline_wait_for(struct pipeline *pipeline, const struct flow *flow,
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
