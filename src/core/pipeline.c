/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pipeline.c - the way in: records become observations, observations become flows and names. */
#include "core/pipeline_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "base/text.h"

#define DEFAULT_FLOWS 65536
#define DEFAULT_PROCESSES 16384
#define DEFAULT_KNOWN 65536
#define DEFAULT_TOLD 4096 /* threats told lately */
#define FLOW_TEXT_BYTES (16 * 1024 * 1024)
#define FLOW_TEXT_LEAST (256 * 1024)
#define FLOW_TEXT_EACH 256
#define WAIT_MOST_NS NS_PER_SECOND
/* A TCP connection to a resolver asks once it is made: its SYN may have to be sent up to three times. */
#define WAIT_TCP_QUESTION_NS (4 * NS_PER_SECOND)

static void on_observation(void *context, const struct observation *seen);

static size_t or_default(size_t value, size_t fallback)
{
	return value ? value : fallback;
}

static size_t least(size_t one, size_t other)
{
	return one < other ? one : other;
}

int pipeline_new(const struct pipeline_settings *settings, const struct pipeline_edges *edges,
		 struct pipeline **out)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
	struct correlate_limits correlate = settings->correlate;
	struct observer_limits observer = {0};
	size_t flows = or_default(settings->flow_limit, DEFAULT_FLOWS);
	size_t known = or_default(settings->known_limit, DEFAULT_KNOWN);
	uint64_t seed = settings->hash_seed;

	if (!pipeline)
		return -ENOMEM;
	correlate.hash_seed = seed;
	pipeline->settings = *settings;
	pipeline->edges = *edges;
	pipeline->coverage = -1;
	pipeline->told = edges->flow ? FLOWS_ALL : FLOWS_NONE;
	pipeline->learning_since_ns = settings->learning_since_ns;
	if (observer_new(&observer, on_observation, pipeline, &pipeline->observer) ||
	    correlate_new(&correlate, &pipeline->correlate) ||
	    process_table_new(or_default(settings->process_limit, DEFAULT_PROCESSES), &pipeline->processes) ||
	    flows_new(flows, seed, &pipeline->flows) || known_new(known, seed, &pipeline->known) ||
	    known_new(least(known, DEFAULT_TOLD), seed, &pipeline->threats_told) ||
	    crawlers_new(seed, &pipeline->crawlers) ||
	    grouping_new(settings->rules, seed, &pipeline->grouping) ||
	    names_new(least(FLOW_TEXT_LEAST + flows * FLOW_TEXT_EACH, FLOW_TEXT_BYTES), seed,
		      &pipeline->texts)) {
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
	known_free(pipeline->threats_told);
	crawlers_free(pipeline->crawlers);
	grouping_free(pipeline->grouping);
	names_free(pipeline->texts);
	pipeline_free_failed(pipeline);
	free(pipeline);
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
		pipeline_decide_waiting(pipeline, flow);
	pipeline_release_alert(pipeline, flow);
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
	if (!external && pipeline->told != FLOWS_ALL) {
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
		pipeline_settle_internal(pipeline, flow, domain, attribution);
		return;
	}
	wait = pipeline_wait_for(pipeline, flow, attribution);
	if (wait == WAIT_NONE || !pipeline_start_waiting(pipeline, flow, wait, attribution))
		pipeline_decide_flow(pipeline, flow, attribution);
}

static void on_question(struct pipeline *pipeline, const struct observation *seen)
{
	struct flow_key key = key_of(seen);
	struct flow *flow = flows_find(pipeline->flows, &key);

	correlate_question(pipeline->correlate, seen->cookie, seen->message, seen->time_ns);
	if (flow && flow->wait == WAIT_QUESTION) {
		struct attribution *attribution = flow->attribution;

		flow->attribution = NULL;
		pipeline_stop_waiting(pipeline, flow);
		pipeline_report(pipeline, flow, VERDICT_RESOLVER, "", attribution,
				process_table_get(pipeline->processes, &flow->owner));
		free(attribution);
	}
}

/*
 * Names of the inside are given inside. A server outside that gives one would keep every flow to its address
 * from everyone's eyes, and any program may ask its own server. A domain that the operator set may be served
 * outside.
 */
static bool is_disguise(struct pipeline *pipeline, const struct observation *seen)
{
	const char *name = seen->message->qname;
	char domain[DOMAIN_MAX];

	return network_is_external(pipeline->settings.networks, &seen->remote) &&
	       grouping_domain(pipeline->grouping, name, domain) == DOMAIN_INTERNAL &&
	       !network_name_is_internal(pipeline->settings.networks, name);
}

static void on_answer(struct pipeline *pipeline, const struct observation *seen)
{
	struct actor asker;

	if (is_disguise(pipeline, seen))
		return;
	if (seen->flags & FS_FLAG_WRAPPED) /* the kernel's policy lets in no answer but by IPsec */
		on_question(pipeline, seen);
	actor_of(pipeline, &seen->owner, &asker);
	correlate_answer(pipeline->correlate, seen->cookie, &asker, seen->message, seen->time_ns);
}

/* Puts the name by SNI over what DNS said, which stays beside it where it differs. */
static void name_by_sni(const char *server_name, const char *dns_hostname, struct attribution *out)
{
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

	pipeline->attribution = *by_dns;
	if (is_rival(by_dns, server_name)) { /* DNS knew it too: no disagreement */
		char chain[DNS_TEXT_MAX];

		dns_hostname = server_name;
		correlate_chain(pipeline->correlate, &flow->key.remote, server_name, chain);
		correlate_shorten_chain(chain, pipeline->attribution.chain);
	}
	name_by_sni(server_name, dns_hostname, &pipeline->attribution);
	flow->attribution = NULL;
	pipeline_stop_waiting(pipeline, flow);
	pipeline_decide_flow(pipeline, flow, &pipeline->attribution);
	free(by_dns);
}

/* Whether DNS gave that name for the flow's address, too. */
static bool dns_gave(const struct flow *flow, const char *name)
{
	return flow->wait == WAIT_HELLO &&
	       (strcmp(flow->attribution->hostname, name) == 0 || is_rival(flow->attribution, name));
}

/* A name of the inside would keep the flow from everyone's eyes, and a program may say in its hello what it
 * likes. */
static bool is_inside(struct pipeline *pipeline, const char *name)
{
	char domain[DOMAIN_MAX];

	return grouping_domain(pipeline->grouping, name, domain) == DOMAIN_INTERNAL ||
	       network_name_is_internal(pipeline->settings.networks, name);
}

/*
 * A flow that is not kept goes outside all the same where DNS gave its address an internal name, which
 * anybody may who answers one question.
 */
static bool may_be_corrected(const struct pipeline *pipeline, const struct flow *flow)
{
	return flow->kept || network_is_external(pipeline->settings.networks, &flow->key.remote);
}

/* Another listed name of the domain that is known already, as another bucket of a service, is another threat.
 */
static bool is_another_threat(struct pipeline *pipeline, const struct flow *flow, const char *server_name)
{
	return !names_equal(pipeline->texts, flow->hostname, server_name) &&
	       pipeline_is_listed(pipeline, server_name);
}

/* The flow was decided already: another domain in its hello is an access of its own. */
static void correct_by_sni(struct pipeline *pipeline, struct flow *flow, const char *server_name)
{
	char by_dns[HOSTNAME_MAX] = "", domain[DOMAIN_MAX];

	if (!may_be_corrected(pipeline, flow) ||
	    grouping_domain(pipeline->grouping, server_name, domain) == DOMAIN_INVALID ||
	    (names_equal(pipeline->texts, flow->domain, domain) &&
	     !is_another_threat(pipeline, flow, server_name)))
		return;
	if (flow->subject == SUBJECT_DOMAIN)
		names_text(pipeline->texts, flow->hostname, by_dns, sizeof(by_dns));
	memset(&pipeline->attribution, 0, sizeof(pipeline->attribution));
	name_by_sni(server_name, by_dns, &pipeline->attribution);
	pipeline_decide_flow(pipeline, flow, &pipeline->attribution);
}

/*
 * With ECH the name in the open is that of the front, and DNS stands. Browsers send a hello that only seems
 * to have it, so a name that DNS gave as well is taken.
 */
static bool is_front(const struct pipeline *pipeline, const struct flow *flow, const char *server_name)
{
	char hostname[HOSTNAME_MAX];

	if (flow->wait == WAIT_HELLO)
		return flow->attribution->hostname[0] && !dns_gave(flow, server_name);
	return flow->kept && flow->subject == SUBJECT_DOMAIN &&
	       strcmp(names_text(pipeline->texts, flow->hostname, hostname, sizeof(hostname)), server_name) !=
		       0;
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
	if (!seen->server_name || hostname_normalise(seen->server_name, name) ||
	    (seen->has_ech && is_front(pipeline, flow, name)) ||
	    (!dns_gave(flow, name) && is_inside(pipeline, name))) {
		if (flow->wait == WAIT_HELLO)
			pipeline_decide_waiting(pipeline, flow);
	} else if (flow->wait == WAIT_HELLO) {
		decide_by_sni(pipeline, flow, name);
	} else if (flow->wait == WAIT_NONE) {
		correct_by_sni(pipeline, flow, name);
	}
}

static void tell_bytes(struct pipeline *pipeline, const struct flow *flow, int64_t time_ns, uint64_t out,
		       uint64_t in)
{
	const struct names *texts = pipeline->texts;
	char domain[HOSTNAME_MAX], hostname[HOSTNAME_MAX], application[NAMES_TEXT_MAX], exe[NAMES_TEXT_MAX];

	pipeline_tell_access(pipeline, flow, names_text(texts, flow->domain, domain, sizeof(domain)),
			     names_text(texts, flow->hostname, hostname, sizeof(hostname)),
			     names_text(texts, flow->application, application, sizeof(application)),
			     names_text(texts, flow->exe, exe, sizeof(exe)), time_ns, 0, out, in);
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
		pipeline_decide_waiting(pipeline, flow);
	if (flow->kept && (seen->flow.bytes_out > flow->bytes_out || seen->flow.bytes_in > flow->bytes_in)) {
		uint64_t out =
			seen->flow.bytes_out > flow->bytes_out ? seen->flow.bytes_out - flow->bytes_out : 0;
		uint64_t in = seen->flow.bytes_in > flow->bytes_in ? seen->flow.bytes_in - flow->bytes_in : 0;

		tell_bytes(pipeline, flow, seen->time_ns, out, in);
		crawlers_bytes(pipeline->crawlers, flow->crawler, out, in);
		flow->bytes_out += out;
		flow->bytes_in += in;
	}
	pipeline_update_alert(pipeline, flow, seen->flow.bytes_out, seen->flow.bytes_in, seen->flow.outcome,
			      closed);
	if (flow->told)
		pipeline_report_progress(pipeline, flow, seen);
	if (closed)
		forget_flow(pipeline, flow);
}

static void on_process(struct pipeline *pipeline, const struct observation *seen)
{
	process_read(seen->process, &pipeline->process);
	/* Out of memory: the process stays unknown, and the alert says so. */
	if (process_table_put(pipeline->processes, &pipeline->process))
		pipeline->counts.memory_failures++;
}

/* What the daemon asks the DNS for alerts must not become one, nor name what others do. */
static bool is_own(const struct pipeline *pipeline, const struct observation *seen)
{
	return (seen->kind == OBSERVED_FLOW_OPEN || seen->kind == OBSERVED_QUESTION ||
		seen->kind == OBSERVED_ANSWER) &&
	       pipeline->edges.own && pipeline->edges.own(pipeline->edges.context, seen->cookie);
}

static void on_own(struct pipeline *pipeline, const struct observation *seen)
{
	if (seen->kind == OBSERVED_FLOW_OPEN) {
		pipeline->counts.flows++;
		pipeline->counts.verdicts[VERDICT_IGNORED]++;
	} else {
		correlate_own(pipeline->correlate, seen->message, seen->time_ns);
	}
}

static void on_observation(void *context, const struct observation *seen)
{
	struct pipeline *pipeline = context;

	if (pipeline->learning_since_ns == 0)
		pipeline->learning_since_ns = seen->time_ns;
	if (is_own(pipeline, seen)) {
		on_own(pipeline, seen);
		return;
	}
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

/* A clock that was set back makes a flow open in the future: then its wait is over. */
static bool has_waited(const struct flow *flow, int64_t span_ns, int64_t now_ns)
{
	return now_ns - flow->opened_ns >= span_ns || flow->opened_ns - now_ns > span_ns;
}

void pipeline_tick(struct pipeline *pipeline, int64_t now_ns)
{
	struct flow *flow = pipeline->wait_first, *next;

	for (; flow && has_waited(flow, WAIT_MOST_NS, now_ns); flow = next) {
		bool tcp_question = flow->wait == WAIT_QUESTION && flow->key.protocol == IPPROTO_TCP;

		next = flow->wait_next;
		if (tcp_question && !has_waited(flow, WAIT_TCP_QUESTION_NS, now_ns))
			continue;
		pipeline->counts.deferred_late++;
		pipeline_decide_waiting(pipeline, flow);
	}
	pipeline_tick_crawlers(pipeline, now_ns, false);
}

void pipeline_finish(struct pipeline *pipeline, int64_t now_ns)
{
	(void)now_ns;
	while (pipeline->wait_first)
		pipeline_decide_waiting(pipeline, pipeline->wait_first);
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

struct allow_set *pipeline_allow(struct pipeline *pipeline, struct allow_set *set)
{
	struct allow_set *before = pipeline->allow;

	pipeline->allow = set;
	return before;
}

void pipeline_clock_step(struct pipeline *pipeline, int64_t from_ns, int64_t to_ns)
{
	clock_steps_add(&pipeline->clock, from_ns, to_ns);
}

void pipeline_clock_steps(struct pipeline *pipeline, const struct clock_steps *steps)
{
	pipeline->clock = *steps;
}

const struct clock_steps *pipeline_clock(const struct pipeline *pipeline)
{
	return &pipeline->clock;
}

int pipeline_bind(struct pipeline *pipeline, const struct address *address, const char *hostname,
		  const char *chain, const struct actor *asker, int64_t learned_ns, int64_t expires_ns)
{
	return correlate_bind(pipeline->correlate, address, hostname, chain, asker, learned_ns, expires_ns);
}

void pipeline_bindings(struct pipeline *pipeline, int64_t since_ns, correlate_callback *callback,
		       void *context)
{
	correlate_each(pipeline->correlate, since_ns, callback, context);
}

const struct pipeline_counts *pipeline_counts(struct pipeline *pipeline)
{
	pipeline->counts.flows_open = flows_count(pipeline->flows);
	pipeline->counts.crawlers = crawlers_count(pipeline->crawlers);
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
		[VERDICT_ALLOWED] = "allowed",   [VERDICT_CRAWLER] = "crawler",
		[VERDICT_NEW] = "new",
	};

	return names[verdict];
}
