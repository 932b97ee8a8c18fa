/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pipeline_internal.h - shared by the pipeline's two halves: what is observed, and what is decided. */
#ifndef CORE_PIPELINE_INTERNAL_H
#define CORE_PIPELINE_INTERNAL_H

#include "core/flows.h"
#include "core/grouping.h"
#include "core/known.h"
#include "core/names.h"
#include "core/pipeline.h"

#define FAILED_MOST 64 /* alerts of connections that came to nothing, kept for the next one */

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
	struct crawlers *crawlers;
	struct known *threats_told; /* by a list's entry and application */
	struct allow_set *allow;    /* borrowed */
	enum flows_told told;       /* FLOWS_NONE where nobody looks on */
	struct clock_steps clock;
	struct names *texts;                 /* of open flows */
	struct flow *wait_first, *wait_last; /* by the time they opened */
	size_t waiting, held_alerts;
	struct alert *failed[FAILED_MOST];    /* NULL: none; owned */
	uint32_t failed_domains[FAILED_MOST]; /* theirs, as texts; 0: none */
	size_t failed_count, failed_next;
	uint64_t alerts_made;
	int64_t tick_ns;
	int64_t learning_since_ns;
	int64_t baseline_since_ns;
	double coverage;
	struct attribution attribution; /* of the flow at hand */
	struct process process;         /* being read */
	struct threat_match threat;
	struct alert alert;
};

/* A UUID of version 7: the time in front, the rest from the seed and a number. */
void pipeline_make_uid(struct pipeline *pipeline, int64_t time_ns, char uid[static ALERT_UID_MAX]);

/* An alert without its matter: a uid where `uid` is "", and what every alert says of the baseline. */
struct alert *pipeline_blank_alert(struct pipeline *pipeline, enum alert_kind kind, int64_t time_ns,
				   const char *uid);
void pipeline_send_alert(struct pipeline *pipeline, const struct alert *alert);

/* A flow that would alert. True where it goes into a crawler's digest instead; the flow's bytes follow it. */
bool pipeline_goes_to_crawler(struct pipeline *pipeline, struct flow *flow, const char *domain,
			      const struct process *process);

/* Tells the digests that are due (all: the open ones). */
void pipeline_tick_crawlers(struct pipeline *pipeline, int64_t now_ns, bool all);

/* Gives up the alert that waits for its update. */
void pipeline_release_alert(struct pipeline *pipeline, struct flow *flow);

/* Sends the update of the flow's alert when the outcome and volume are known or the volume matters: once, or
 * again where the first one told of a connection that came to nothing. */
void pipeline_update_alert(struct pipeline *pipeline, struct flow *flow, uint64_t bytes_out,
			   uint64_t bytes_in, enum fs_outcome outcome, bool closed);

/* pipeline_again.c: whether a flow that is over reached nobody. */
bool pipeline_came_to_nothing(const struct flow *flow, uint64_t bytes_out, uint64_t bytes_in,
			      enum fs_outcome outcome);

/* Its alert goes on with another flow of the process to the same domain. False where there is none. */
bool pipeline_hand_over(struct pipeline *pipeline, struct flow *flow);

/* Keeps its alert for the next flow of the application to that domain, which takes it by pipeline_go_on. */
void pipeline_keep_failed(struct pipeline *pipeline, struct flow *flow);
/* Of a threat's only where that flow is about the same entry, pipeline->threat. */
void pipeline_go_on(struct pipeline *pipeline, struct flow *flow, const struct attribution *attribution,
		    const struct process *process);
void pipeline_free_failed(struct pipeline *pipeline);

/* One access of a flow for the history: a connection, or bytes moved. */
void pipeline_tell_access(struct pipeline *pipeline, const struct flow *flow, const char *domain,
			  const char *hostname, const char *application, const char *exe, int64_t time_ns,
			  uint32_t connections, uint64_t bytes_out, uint64_t bytes_in);

/* Counts a verdict and tells those who list flows. */
void pipeline_report(struct pipeline *pipeline, struct flow *flow, enum verdict verdict, const char *domain,
		     const struct attribution *attribution, const struct process *process);

/* Tells the bytes or the end of a flow that was told. */
void pipeline_report_progress(struct pipeline *pipeline, const struct flow *flow,
			      const struct observation *seen);

/* A flow that stays inside. */
void pipeline_settle_internal(struct pipeline *pipeline, struct flow *flow, const char *domain,
			      const struct attribution *attribution);

/* Decides by the name at hand, whatever it is. */
void pipeline_decide_flow(struct pipeline *pipeline, struct flow *flow,
			  const struct attribution *attribution);

/* Whether a name or a parent of it is on a list of threats. */
bool pipeline_is_listed(struct pipeline *pipeline, const char *hostname);

/* Takes a flow out of the line; its attribution stays the flow's. */
void pipeline_stop_waiting(struct pipeline *pipeline, struct flow *flow);

/* Takes the flow out of the line and decides with what was known when it opened. */
void pipeline_decide_waiting(struct pipeline *pipeline, struct flow *flow);

/* Puts a flow into the line. False where there is no room: then it is decided at once. */
bool pipeline_start_waiting(struct pipeline *pipeline, struct flow *flow, enum flow_wait wait,
			    const struct attribution *attribution);

/* What would name the flow better than what is known now. */
enum flow_wait pipeline_wait_for(struct pipeline *pipeline, const struct flow *flow,
				 const struct attribution *attribution);

#endif
