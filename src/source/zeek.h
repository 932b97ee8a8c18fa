/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * zeek.h - Zeek's dns, conn and ssl logs as the records that the kernel programs
 * would have emitted: all lines of all files first, put in order of time, then
 * emitted. Constant memory, whatever the size of the logs.
 */
#ifndef SOURCE_ZEEK_H
#define SOURCE_ZEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "source/lines.h"
#include "source/source.h"

struct zeek_settings {
	struct source_settings source;
	int64_t oldest_ns, latest_ns; /* lines outside are left out, and counted */
	const struct digest *known;   /* borrowed: what was imported before, the shortest first */
	size_t known_count;
	size_t memory; /* for sorting; 0: 64 MiB */
};

struct zeek_counts {
	uint64_t lines; /* without headers and blank ones */
	uint64_t bad;
	uint64_t too_old;
	uint64_t in_future;
	uint64_t inbound;                /* connections from outside to a local address, as Zeek has it */
	uint64_t protocol;               /* neither TCP nor UDP */
	uint64_t other;                  /* lines of other logs */
	uint64_t known;                  /* connections that were imported before */
	uint64_t conns, answers, hellos; /* used */
};

/* What a file held. */
struct zeek_file {
	struct zeek_counts counts;
	struct digest digest;
	int64_t from_ns, to_ns; /* of its connections (its hellos, where it has no connections); 0: none */
};

struct zeek_reader {
	void *context;
	void (*bad)(void *context, uint64_t line, const char *why);
	/* Now and then: bytes of the file as it lies on the disk (size 0: not known). A value other than 0
	 * ends it. */
	int (*progress)(void *context, uint64_t done, uint64_t size, uint64_t lines);
};

struct zeek; /* opaque */

/* *settings is copied. 0 or -ENOMEM. */
int zeek_new(const struct zeek_settings *settings, struct zeek **out);
void zeek_free(struct zeek *zeek); /* NULL is fine */

/* Whether these first bytes of a file, a line at least, look like a Zeek log of any kind. */
bool zeek_is_log(const char *bytes, size_t length);

/* Reads one file whole. 0, progress's value, or -errno with *failure filled. */
int zeek_read(struct zeek *zeek, const char *path, const struct zeek_reader *reader, struct zeek_file *out,
	      struct failure *failure);

/*
 * Emits all that was read, in order of time. Connections of lines that were known are
 * left out. Without any connections (no conn.log was read) each hello stands for one.
 * 0, a callback's value, or -errno with *failure filled.
 */
int zeek_emit(struct zeek *zeek, const struct source_sink *sink, struct source_counts *counts,
	      struct failure *failure);

#endif
