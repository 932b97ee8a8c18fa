/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * source.h - replays: reads a capture or a scenario and emits the records that
 * the kernel programs would have emitted.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "firstseen/record.h"

/* `record` lives until the callback returns; its times are UNIX ns. A value other than 0 ends the reading and
 * is returned. */
typedef int source_record_callback(void *context, const void *record, size_t size);

/* Time stands at `now_ns`: nothing earlier will follow. */
typedef int source_time_callback(void *context, int64_t now_ns);

/*
 * What a scenario says to its reader: `word` is "expect" or "set", `rest` the words
 * behind it, `where` FILE:LINE. 0, or -EINVAL with *failure filled.
 */
typedef int source_word_callback(void *context, const char *word, const char *rest, const char *where,
				 struct failure *failure);

struct source_sink {
	void *context;
	source_record_callback *record;
	source_time_callback *time; /* may be NULL */
	source_word_callback *word; /* may be NULL: expectations are passed over, settings refused */
};

struct source_counts {
	uint64_t packets;
	uint64_t records;
	uint64_t skipped; /* no IP, or not TCP or UDP */
	uint64_t malformed;
	uint64_t fragments_dropped;
	uint64_t tunnels; /* packets of tunnels that can not be looked into; `first_tunnel` names one */
	char first_tunnel[32];
};

struct source_settings {
	uint32_t dns_port_count;
	uint16_t dns_ports[8];
	uint32_t flow_limit; /* conversations of a capture remembered at once; 0: 65536 */
};

/* pcap or pcapng. 0, a callback's value, or -errno with *failure filled (-EPROTO: not a capture, or a link
 * type that is not read). */
int source_pcap(const char *path, const struct source_settings *settings, const struct source_sink *sink,
		struct source_counts *counts, struct failure *failure);

/* A scenario (docs/scenarios.md). -EINVAL with FILE:LINE in *failure. */
int source_scenario(const char *path, const struct source_sink *sink, struct source_counts *counts,
		    struct failure *failure);

#define SOURCE_SECONDS_MOST                                                                                  \
	INT64_C(7258118400) /* the year 2200: later times are a damaged or made-up file's */

/*
 * Whether the file begins as a capture does: 1, 0, or -errno with *failure filled. A pipe or a device is
 * refused: what is read here is read more than once.
 */
int source_is_capture(const char *path, struct failure *failure);

#endif
