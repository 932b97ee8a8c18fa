/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* notices.h - what the operator is told of the watching itself: the end of learning, gaps. */
#ifndef DAEMON_NOTICES_H
#define DAEMON_NOTICES_H

#include "core/pipeline.h"
#include "history/history.h"

struct notices {
	bool learning_told;
	/* Of the run before; 0: there was none. */
	int64_t before_to_ns;
	bool before_ended;
	int64_t before_heartbeat_ns, before_boottime_ns;
	char before_boot[64];
	/* Losses that were not told yet. */
	uint64_t lost, unheld;
	int64_t lost_from_ns, lost_told_ns;
};

/* Reads what the run before left. Before this run begins. `learning_seconds` 0: there is no end of learning
 * to tell. */
void notices_before(struct notices *notices, struct history *history, int64_t learning_seconds);

/* The time that it should be by the clock of the run before; 0: not known (another boot, or no run before).
 */
int64_t notices_expected_now(const struct notices *notices, const char *boot, int64_t boottime_ns);

/* Tells how long nobody watched, where that is worth it. `until_ns`: now, by the clock of the run before. */
void notices_start(struct notices *notices, struct pipeline *pipeline, int64_t until_ns, int64_t now_ns);

/* Tells once that learning is over. */
void notices_learning(struct notices *notices, struct pipeline *pipeline, struct history *reader,
		      int64_t until_ns, int64_t now_ns);

/* Tells what was taken away (capture_taken_away) after `from_ns`, and that the daemon ends for it. */
void notices_taken_away(struct pipeline *pipeline, const char *what, int64_t from_ns, int64_t now_ns);

/* Tells of records lost, and of connections and alerts that found no room on their way to the history, at
 * once and then at most every hour. */
void notices_lost(struct notices *notices, struct pipeline *pipeline, uint64_t lost, uint64_t unheld,
		  int64_t from_ns, int64_t now_ns);

#endif
