/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * batch.h - what the core hands to the writer at once: accesses summed up,
 * alerts, gaps. Pure and bounded; filled by one thread, then read by another.
 */
#ifndef HISTORY_BATCH_H
#define HISTORY_BATCH_H

#include "core/alert.h"
#include "core/crawlers.h"

struct batch; /* opaque */

struct batch_limits {      /* 0: the default */
	size_t accesses;   /* distinct rows: 262144, ten seconds of 20,000 new ones each */
	size_t alerts;     /* 4096 */
	size_t bindings;   /* 16384 */
	size_t text_bytes; /* 64 MiB */
};

/* One row: all accesses of one (day, kind, domain, hostname, application, uid, remote, port, protocol). */
struct batch_access {
	int64_t first_ns;
	int64_t last_ns;
	const char *domain; /* these live in the batch */
	const char *hostname;
	const char *application;
	const char *exe;
	uint64_t connections;
	uint64_t bytes_out;
	uint64_t bytes_in;
	struct address remote;
	uint32_t uid;
	uint16_t remote_port;
	uint8_t protocol;
	uint8_t kind; /* enum subject_kind */
};

int batch_new(const struct batch_limits *limits, struct batch **out); /* 0 or -ENOMEM */
void batch_free(struct batch *batch);

/* Adds to a row, or makes one; no allocation per call. 0, or -ENOSPC: nothing was added; the caller counts
 * it. */
int batch_add_access(struct batch *batch, const struct access *access);
int batch_add_alert(struct batch *batch, const struct alert *alert);

/* A name learned for an address, to be kept over a restart. 0, or -ENOSPC. */
int batch_add_binding(struct batch *batch, const struct kept_binding *binding);

/* A crawler's state, and the hits of an allow rule since the last batch. 0, or -ENOSPC: keep it for the next.
 */
#define BATCH_CRAWLERS 64
#define BATCH_HITS 512
int batch_add_crawler(struct batch *batch, const struct crawler_state *state);
int batch_add_hits(struct batch *batch, const char *rule, uint64_t hits, int64_t last_ns);

struct batch_hits {
	char rule[64];
	uint64_t hits;
	int64_t last_ns;
};
size_t batch_crawler_count(const struct batch *batch);
const struct crawler_state *batch_crawler_at(const struct batch *batch, size_t index);
size_t batch_hits_count(const struct batch *batch);
const struct batch_hits *batch_hits_at(const struct batch *batch, size_t index);

size_t batch_access_count(const struct batch *batch);
const struct batch_access *batch_access_at(const struct batch *batch, size_t index);
size_t batch_alert_count(const struct batch *batch);
const struct alert *batch_alert_at(const struct batch *batch, size_t index);

size_t batch_binding_count(const struct batch *batch);
/* Fills *out; its hostname lives in the batch. */
void batch_binding_at(const struct batch *batch, size_t index, struct kept_binding *out);

/* Empties it and keeps its memory. */
void batch_clear(struct batch *batch);

#endif
