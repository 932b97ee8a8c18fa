/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flows.h - the outbound flows that are open, bounded; the least recently used goes first. */
#ifndef CORE_FLOWS_H
#define CORE_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "core/alert.h"
#include "core/observation.h"

struct flow_key {
	uint64_t cookie;
	struct address remote;
	uint16_t remote_port;
	uint8_t protocol;
};

enum flow_wait {
	WAIT_NONE,     /* decided */
	WAIT_HELLO,    /* its name may come with a ClientHello */
	WAIT_QUESTION, /* to a DNS port: it is a resolver if a question follows */
};

struct flow {
	struct flow_key key;
	struct fs_owner owner;
	struct address local;
	uint16_t local_port;
	uint8_t subject; /* enum subject_kind */
	uint8_t wait;    /* enum flow_wait */
	bool preexisting;
	bool told;                                   /* to those who look on */
	bool kept;                                   /* it is in the history: its bytes go there too */
	uint32_t domain, hostname, application, exe; /* texts in the pipeline's names; 0: none */
	uint32_t crawler;                            /* whose digest it is in (crawler_id); 0: none */
	int64_t opened_ns;
	uint64_t bytes_out, bytes_in;    /* told to the history so far */
	struct attribution *attribution; /* while it waits; owned */
	struct alert *alert;             /* until its update was sent; owned */
	struct flow *wait_next, *wait_previous;
	uint32_t next; /* in the bucket, or free */
	uint32_t newer, older;
};

struct flows; /* opaque */

int flows_new(size_t limit, uint64_t seed, struct flows **out); /* 0 or -ENOMEM */
void flows_free(struct flows *flows);                           /* frees what the flows own, too */

/* The flow, made the most recently used, or NULL. */
struct flow *flows_find(struct flows *flows, const struct flow_key *key);

/* The flow that must be dropped before another can be added, or NULL while there is room. */
struct flow *flows_oldest_if_full(struct flows *flows);

/* A zeroed flow with this key, which must not be there yet; there must be room. */
struct flow *flows_add(struct flows *flows, const struct flow_key *key);
void flows_drop(struct flows *flows, struct flow *flow);

/* The most recently used, and then the one used before it. NULL: no more. */
struct flow *flows_newest(struct flows *flows);
struct flow *flows_older(struct flows *flows, const struct flow *flow);

/* Walks all flows from the least recently used; `visit` must not add or drop. */
void flows_each(struct flows *flows, void (*visit)(void *context, struct flow *flow), void *context);
size_t flows_count(const struct flows *flows);

#endif
