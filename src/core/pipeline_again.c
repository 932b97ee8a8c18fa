/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pipeline_again.c - an alert whose connection came to nothing goes on with the next one.
 *
 * What fails is often tried again: over IPv4 where IPv6 leads nowhere, or once the other side is up. By then
 * the domain is known, and nobody would be told that it was reached.
 */
#include "core/pipeline_internal.h"

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "base/text.h"

#define LOOKED_AT_MOST 256 /* of the flows used last, for one that was opened beside the one that failed */

bool pipeline_came_to_nothing(const struct flow *flow, uint64_t bytes_out, uint64_t bytes_in,
			      enum fs_outcome outcome)
{
	return outcome == FS_OUTCOME_REFUSED || outcome == FS_OUTCOME_TIMED_OUT ||
	       outcome == FS_OUTCOME_UNREACHABLE ||
	       (outcome == FS_OUTCOME_UNKNOWN && flow->key.protocol == IPPROTO_TCP && bytes_out == 0 &&
		bytes_in == 0);
}

static void go_on_with(struct flow *flow, struct alert *alert)
{
	alert->local = flow->local;
	alert->local_port = flow->local_port;
	alert->remote = flow->key.remote;
	alert->remote_port = flow->key.remote_port;
	alert->protocol = flow->key.protocol;
	flow->alert = alert;
}

bool pipeline_hand_over(struct pipeline *pipeline, struct flow *flow)
{
	struct flow *other = flows_newest(pipeline->flows);

	for (int i = 0; other && i < LOOKED_AT_MOST; i++, other = flows_older(pipeline->flows, other)) {
		if (other == flow || !other->kept || !other->domain || other->alert ||
		    other->subject != flow->subject || other->domain != flow->domain ||
		    other->owner.tgid != flow->owner.tgid ||
		    (flow->alert->threat.entry[0] && other->hostname != flow->hostname))
			continue;
		go_on_with(other, flow->alert);
		flow->alert = NULL;
		return true;
	}
	return false;
}

static struct alert *take_out(struct pipeline *pipeline, size_t place)
{
	struct alert *alert = pipeline->failed[place];

	names_drop(pipeline->texts, pipeline->failed_domains[place]);
	pipeline->failed_domains[place] = 0;
	pipeline->failed[place] = NULL;
	pipeline->failed_count--;
	return alert;
}

void pipeline_keep_failed(struct pipeline *pipeline, struct flow *flow)
{
	size_t place = pipeline->failed_next;

	if (pipeline->failed[place])
		free(take_out(pipeline, place));
	pipeline->failed_domains[place] = names_take(pipeline->texts, flow->alert->domain);
	if (!pipeline->failed_domains[place]) { /* no room for its name */
		pipeline_release_alert(pipeline, flow);
		return;
	}
	pipeline->failed[place] = flow->alert;
	pipeline->failed_count++;
	pipeline->failed_next = (place + 1) % FAILED_MOST;
	flow->alert = NULL;
	pipeline->held_alerts--;
}

void pipeline_go_on(struct pipeline *pipeline, struct flow *flow, const struct attribution *attribution,
		    const struct process *process)
{
	const char *application = process ? process->application : "";
	struct alert *alert;

	for (size_t i = 0; pipeline->failed_count && flow->domain && i < FAILED_MOST; i++) {
		if (pipeline->failed_domains[i] != flow->domain ||
		    pipeline->failed[i]->subject != (enum subject_kind)flow->subject ||
		    strcmp(pipeline->failed[i]->threat.entry, pipeline->threat.entry) != 0 ||
		    strcmp(pipeline->failed[i]->process.application, application) != 0)
			continue;
		alert = take_out(pipeline, i);
		pipeline->held_alerts++;
		alert->attribution = *attribution;
		if (process)
			alert->process = *process;
		alert->process.owner = flow->owner;
		go_on_with(flow, alert);
		return;
	}
}

void pipeline_free_failed(struct pipeline *pipeline)
{
	for (size_t i = 0; i < FAILED_MOST; i++)
		free(pipeline->failed[i]);
}
