/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/watch_internal.h"

#include "base/text.h"
#include "capture/capture.h"
#include "core/pipeline.h"
#include "daemon/feed.h"
#include "daemon/writer.h"

static void add_kernel_states(struct watch *watch, struct writer_states *states)
{
	uint64_t counters[FS_COUNTERS] = {0}, lost = 0;

	if (capture_counters(watch->capture, counters))
		return;
	for (int i = 0; i < FS_COUNTERS; i++) {
		writer_add_state(states, capture_counter_name((enum fs_counter)i), counters[i]);
		if (i < FS_COUNT_LOST + FS_RECORD_KINDS || i == FS_COUNT_STORAGE_FAILED ||
		    i == FS_COUNT_FLOW_MAP_FAILED)
			lost += counters[i];
	}
	states->lost = lost - watch->lost;
	states->unheld = watch->batch_full - watch->unheld;
}

static void add_core_states(struct watch *watch, struct writer_states *states)
{
	const struct pipeline_counts *core = pipeline_counts(watch->pipeline);
	const struct observer_counts *observer = pipeline_observer_counts(watch->pipeline);
	const struct correlate_counts *names = pipeline_correlate_counts(watch->pipeline);
	static const char *const verdicts[VERDICTS] = {
		[VERDICT_INTERNAL] = "verdict_internal",       [VERDICT_IGNORED] = "verdict_ignored",
		[VERDICT_RESOLVER] = "verdict_resolver",       [VERDICT_KNOWN] = "verdict_known",
		[VERDICT_LEARNING] = "verdict_learning",       [VERDICT_NEW] = "verdict_new",
		[VERDICT_PREEXISTING] = "verdict_preexisting", [VERDICT_ALLOWED] = "verdict_allowed",
		[VERDICT_CRAWLER] = "verdict_crawler",
	};
	static const char *const methods[] = {"method_none", "method_dns", "method_stale_dns", "method_sni"};

	writer_add_state(states, "records", watch->records);
	writer_add_state(states, "batch_full", watch->batch_full);
	writer_add_state(states, "queue", batch_access_count(watch->batch));
	writer_add_state(states, "flows", core->flows);
	writer_add_state(states, "flows_open", core->flows_open);
	writer_add_state(states, "flows_evicted", core->flows_evicted);
	for (int i = 0; i < VERDICTS; i++)
		writer_add_state(states, verdicts[i], core->verdicts[i]);
	for (int i = 0; i < 4; i++)
		writer_add_state(states, methods[i], core->methods[i]);
	writer_add_state(states, "alerts", core->alerts);
	writer_add_state(states, "alert_updates", core->alert_updates);
	writer_add_state(states, "updates_missed", core->updates_missed);
	writer_add_state(states, "memory_failures", core->memory_failures);
	writer_add_state(states, "crawlers", core->crawlers);
	writer_add_state(states, "threats", core->threats);
	writer_add_state(states, "threat_entries", threats_counts(watch->threats)->entries);
	writer_add_state(states, "threat_lines_bad", threats_counts(watch->threats)->lines_bad);
	writer_add_state(states, "threat_lists_unread", watch->lists_unread);
	writer_add_state(states, "deferred", core->deferred);
	writer_add_state(states, "deferred_late", core->deferred_late);
	writer_add_state(states, "history_queries", core->history_queries);
	writer_add_state(states, "history_failures", core->history_failures);
	writer_add_state(states, "bad_records", observer->bad_records);
	writer_add_state(states, "dns_messages", observer->dns_messages);
	writer_add_state(states, "dns_damaged", observer->dns_damaged);
	writer_add_state(states, "dns_truncated", observer->dns_truncated);
	writer_add_state(states, "dns_cut", observer->dns_cut);
	writer_add_state(states, "streams_evicted", observer->streams_evicted);
	writer_add_state(states, "streams_gapped", observer->streams_gapped);
	writer_add_state(states, "dns_questions", names->questions);
	writer_add_state(states, "dns_answers", names->answers);
	writer_add_state(states, "dns_answers_unasked", names->answers_unasked);
	writer_add_state(states, "dns_answers_empty", names->answers_empty);
	writer_add_state(states, "dns_sinkhole_addresses", names->sinkhole_answers);
	writer_add_state(states, "bindings", names->bindings);
	writer_add_state(states, "bindings_evicted", names->bindings_evicted);
	writer_add_state(states, "questions_evicted", names->questions_evicted);
}

int64_t watch_learning_until(const struct watch *watch)
{
	return watch->learning_since_ns + watch->config.learning_seconds * NS_PER_SECOND;
}

void watch_take_states(struct watch *watch, struct writer_states *states, int64_t now_ns)
{
	states->count = 0;
	states->lost = states->unheld = 0;
	states->damaged = watch->damaged;
	states->lost_from_ns = watch->last_exchange_ns;
	states->unwatched = watch->unwatched;
	states->unwatched_from_ns = watch->hooks_seen_ns;
	states->now_ns = now_ns;
	states->keep_since_ns = clock_steps_before(pipeline_clock(watch->pipeline), now_ns,
						   watch->config.retention_seconds * NS_PER_SECOND);
	states->stepped = watch->step_to_ns != 0;
	states->step_from_ns = watch->step_from_ns;
	states->step_to_ns = watch->step_to_ns;
	clock_steps_format(pipeline_clock(watch->pipeline), states->clock_steps);
	add_kernel_states(watch, states);
	add_core_states(watch, states);
	writer_add_state(states, "boottime", (uint64_t)(now_ns - watch->clock_offset_ns));
	writer_add_state(states, "learning_told", watch->notices.learning_told);
	writer_add_state(states, "learning_until", (uint64_t)watch_learning_until(watch));
}

/* Flows are told while somebody looks on, and once a second how it goes. */
void watch_tell_readers(struct watch *watch, int64_t now_ns)
{
	bool wanted = feed_wanted(watch->feed);
	struct writer_states states;

	pipeline_tell_flows(watch->pipeline, wanted ? FLOWS_EXTERNAL : FLOWS_NONE);
	if (!wanted || (now_ns - watch->last_told_ns < EXCHANGE_NS && now_ns >= watch->last_told_ns))
		return;
	watch->last_told_ns = now_ns;
	watch_take_states(watch, &states, now_ns);
	feed_state(watch->feed, &(struct feed_state){.time_ns = now_ns,
						     .since_ns = watch->started_ns,
						     .learning_until_ns = watch_learning_until(watch),
						     .flows = pipeline_counts(watch->pipeline)->flows,
						     .alerts = pipeline_counts(watch->pipeline)->alerts,
						     .lost = watch->lost + states.lost + watch->batch_full});
}
