/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * track.h - from transport packets to the records that the kernel programs would
 * have emitted: who opened a flow, its first bytes, DNS, volumes, how it ended.
 */
#ifndef SOURCE_TRACK_H
#define SOURCE_TRACK_H

#include "source/ip.h"
#include "source/source.h"

struct tracker; /* opaque, bounded: the least recently used flow goes first */

int tracker_new(const struct source_settings *settings, const struct source_sink *sink,
		struct source_counts *counts, struct tracker **out); /* 0 or -ENOMEM */
void tracker_free(struct tracker *tracker);

/* One TCP or UDP packet. 0, or a callback's value. */
int tracker_packet(struct tracker *tracker, const struct ip_packet *packet, int64_t time_ns);

/* The capture ends: tells the volumes of the flows that are open still. 0, or a callback's value. */
int tracker_finish(struct tracker *tracker, int64_t time_ns);

#endif
