/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pipeline_crawl.c - crawlers: which new domains go into a digest, and when a digest is told. */
#include "core/pipeline_internal.h"

#include <string.h>

#include "base/text.h"

static void tell_digest(struct pipeline *pipeline, struct crawler_state *state, const struct process *process,
			enum crawl_phase phase, int64_t time_ns)
{
	struct alert *alert = pipeline_blank_alert(pipeline, ALERT_CRAWLER_DIGEST, time_ns,
						   phase == CRAWL_LEFT ? "" : state->uid);

	alert->revision = phase != CRAWL_LEFT && state->told;
	/* That a program began to crawl is worth a look; how it goes on is for the record. */
	alert->severity = phase == CRAWL_ENTERED ? SEVERITY_MEDIUM : SEVERITY_INFORMATIONAL;
	alert->crawl = state->digest;
	alert->crawl.phase = (uint8_t)phase;
	if (process) {
		alert->process = *process;
		alert->process_known = true;
	}
	text_copy(alert->process.application, sizeof(alert->process.application), state->application);
	if (phase != CRAWL_LEFT) {
		alert->bytes_out = state->bytes_out;
		alert->bytes_in = state->bytes_in;
		text_copy(state->uid, sizeof(state->uid), alert->uid);
	}
	pipeline_send_alert(pipeline, alert);
}

static void add_to(struct pipeline *pipeline, struct crawler *crawler, struct flow *flow, const char *domain,
		   const struct process *process)
{
	struct crawler_state *state = crawler_state(crawler);

	crawler_add(pipeline->crawlers, crawler, &pipeline->settings.crawlers, domain, process,
		    flow->opened_ns);
	flow->crawler = crawler_id(pipeline->crawlers, crawler);
	if (state->uid[0])
		return;
	if (state->digest.phase == CRAWL_ENTERED) {
		tell_digest(pipeline, state, process, CRAWL_ENTERED, flow->opened_ns);
		state->told = true;
	} else {
		pipeline_make_uid(pipeline, flow->opened_ns, state->uid);
	}
}

bool pipeline_goes_to_crawler(struct pipeline *pipeline, struct flow *flow, const char *domain,
			      const struct process *process)
{
	const struct crawler_rule *rule = &pipeline->settings.crawlers;
	struct crawler *crawler = NULL;

	if (process && process->application[0])
		crawler = crawlers_note(pipeline->crawlers, rule, process->application, flow->opened_ns);
	if (!crawler)
		crawler = crawlers_note(pipeline->crawlers, rule, "", flow->opened_ns);
	if (!crawler)
		return false;
	add_to(pipeline, crawler, flow, domain, process);
	return true;
}

static void on_due(void *context, struct crawler_state *state, const struct process *process,
		   enum crawler_due due)
{
	struct pipeline *pipeline = context;

	if (due == CRAWLER_DUE_DIGEST)
		tell_digest(pipeline, state, process, (enum crawl_phase)state->digest.phase,
			    state->digest.to_ns);
	else
		tell_digest(pipeline, state, process, CRAWL_LEFT, pipeline->tick_ns);
}

void pipeline_tick_crawlers(struct pipeline *pipeline, int64_t now_ns, bool all)
{
	pipeline->tick_ns = now_ns;
	crawlers_tick(pipeline->crawlers, &pipeline->settings.crawlers, now_ns, all, on_due, pipeline);
}

void pipeline_tell_digests(struct pipeline *pipeline, int64_t now_ns)
{
	pipeline_tick_crawlers(pipeline, now_ns, true);
}

void pipeline_crawler_seed(struct pipeline *pipeline, const char *application, int64_t time_ns)
{
	if (application[0])
		(void)crawlers_note(pipeline->crawlers, &pipeline->settings.crawlers, application, time_ns);
	(void)crawlers_note(pipeline->crawlers, &pipeline->settings.crawlers, "", time_ns);
}

int pipeline_crawler_restore(struct pipeline *pipeline, const struct crawler_state *state)
{
	return crawlers_restore(pipeline->crawlers, state);
}

void pipeline_crawlers_changed(struct pipeline *pipeline,
			       int (*callback)(void *context, const struct crawler_state *state),
			       void *context)
{
	crawlers_changed(pipeline->crawlers, callback, context);
}
