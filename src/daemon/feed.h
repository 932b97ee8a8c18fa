/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * feed.h - flows and alerts for those who look on, as they come. The thread that decides flows copies events
 * into a ring and never waits for a reader; a thread of the feed's own sends them. Who reads too slowly
 * misses the oldest ones and is told how many.
 */
#ifndef DAEMON_FEED_H
#define DAEMON_FEED_H

#include <stdbool.h>

#include "core/pipeline.h"
#include "daemon/feed_event.h"

#define FEED_READERS_MAX 4
#define FEED_EVENTS 2048 /* in the ring: a reader may be so far behind */

struct feed; /* opaque */

/* Without a thread and a ring yet. 0 or -errno. */
int feed_new(struct feed **out);

/* Begins to send. 0 or -errno. */
int feed_start(struct feed *feed);

/* Ends the thread, closes the connections. NULL is fine. */
void feed_free(struct feed *feed);

/* Takes a connection over and says so on it. The last place is for root. 0; -EBUSY: no place is left;
 * -ENOMEM. On failure it stays the caller's. Any thread. */
int feed_subscribe(struct feed *feed, int connection, bool root);

/* Whether anybody looks on. One load; false for NULL. */
bool feed_wanted(const struct feed *feed);

/* An event for all. One thread: the one that decides flows. Nothing happens where nobody looks on. */
void feed_flow(struct feed *feed, const struct flow_report *report);
void feed_progress(struct feed *feed, const struct flow_progress *progress);
void feed_alert(struct feed *feed, const struct alert *alert);
void feed_state(struct feed *feed, const struct feed_state *state);

#endif
