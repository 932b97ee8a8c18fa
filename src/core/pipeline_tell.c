/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pipeline_tell.c - flows for those who look on: one test a flow while nobody does. */
#include "core/pipeline_internal.h"

#include "base/hash.h"

void pipeline_tell_flows(struct pipeline *pipeline, enum flows_told told)
{
	pipeline->told = pipeline->edges.flow ? told : FLOWS_NONE;
}

/* A socket's cookie is not used again, and a socket connects to a peer at one time once. */
static uint64_t id_of(const struct flow *flow)
{
	uint64_t id = hash_bytes(flow->key.cookie, &flow->key.remote, sizeof(flow->key.remote));

	return hash_mix(hash_mix(id, (uint64_t)flow->key.remote_port << 8 | flow->key.protocol),
			(uint64_t)flow->opened_ns);
}

void pipeline_report_progress(struct pipeline *pipeline, const struct flow *flow,
			      const struct observation *seen)
{
	const struct names *texts = pipeline->texts;
	char domain[HOSTNAME_MAX], hostname[HOSTNAME_MAX], application[NAMES_TEXT_MAX];
	struct flow_progress progress = {
		.id = id_of(flow),
		.time_ns = seen->time_ns,
		.remote = flow->key.remote,
		.remote_port = flow->key.remote_port,
		.protocol = flow->key.protocol,
		.owner = flow->owner,
		.bytes_out = seen->flow.bytes_out,
		.bytes_in = seen->flow.bytes_in,
		.outcome = seen->flow.outcome,
		.closed = seen->flags & FS_FLAG_CLOSED,
		.domain = names_text(texts, flow->domain, domain, sizeof(domain)),
		.hostname = names_text(texts, flow->kept ? flow->hostname : 0, hostname, sizeof(hostname)),
		.application = names_text(texts, flow->application, application, sizeof(application)),
	};

	if (pipeline->told != FLOWS_NONE && pipeline->edges.progress)
		pipeline->edges.progress(pipeline->edges.context, &progress);
}

static void tell_flow(struct pipeline *pipeline, struct flow *flow, enum verdict verdict, const char *domain,
		      const struct attribution *attribution, const struct process *process)
{
	struct flow_report report = {
		.id = id_of(flow),
		.again = flow->told,
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

	flow->told = true;
	pipeline->edges.flow(pipeline->edges.context, &report);
}

void pipeline_report(struct pipeline *pipeline, struct flow *flow, enum verdict verdict, const char *domain,
		     const struct attribution *attribution, const struct process *process)
{
	pipeline->counts.verdicts[verdict]++;
	if (pipeline->told != FLOWS_NONE)
		tell_flow(pipeline, flow, verdict, domain, attribution, process);
}
