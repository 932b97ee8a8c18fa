/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * observe.h - from records to observations: checks every size, decodes DNS,
 * puts TCP streams together (DNS over TCP, ClientHello). Pure: no I/O, no clock.
 */
#ifndef CORE_OBSERVE_H
#define CORE_OBSERVE_H

#include "core/observation.h"

struct observer; /* opaque; one thread at a time */

struct observer_limits {
	size_t streams;      /* TCP directions put together at once; the oldest one goes first; 0: 1024 */
	size_t stream_bytes; /* memory of all of them; 0: 16 MiB */
};

struct observer_counts {
	uint64_t records[FS_RECORD_KINDS];
	uint64_t bad_records; /* unknown kind, a size that does not fit it, or a time before 1970 or after
				 2207 */
	uint64_t dns_messages;
	uint64_t dns_damaged;     /* something in it could not be read; what could be was used */
	uint64_t dns_truncated;   /* TC was set: binds nothing */
	uint64_t dns_cut;         /* more bytes on the wire than the record holds */
	uint64_t streams_evicted; /* given up for others, or over their bound */
	uint64_t streams_gapped;  /* a segment never came */
};

typedef void observe_callback(void *context, const struct observation *observation);

/* On success *out is the caller's, to be freed. 0 or -ENOMEM. */
int observer_new(const struct observer_limits *limits, observe_callback *callback, void *context,
		 struct observer **out);
void observer_free(struct observer *observer); /* NULL is fine */

/*
 * Takes one record of `size` bytes (any bytes: it is checked) and calls back for
 * every observation in it, none to many. `clock_offset_ns` is added to the record's
 * time to give UNIX time. Returns 0, or -EBADMSG for a record that is not sound.
 */
int observer_feed(struct observer *observer, const void *record, size_t size, int64_t clock_offset_ns);

const struct observer_counts *observer_counts(const struct observer *observer);

#endif
