/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * correlate.h - which hostname led to an address: keeps bindings from DNS
 * answers that were asked for, and gives a flow its best one. Pure and bounded:
 * whatever a remote side sends, memory stays below the limits.
 */
#ifndef CORE_CORRELATE_H
#define CORE_CORRELATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "dns/message.h"
#include "domain/domain.h"

#define RIVALS_MAX 8
#define CHAIN_MAX 512
#define BINDING_TTL_FLOOR 60 /* seconds */

enum attribution_method { METHOD_NONE, METHOD_DNS, METHOD_STALE_DNS, METHOD_SNI };

/* Who asked, by falling closeness. 0: not applicable. */
enum attribution_rank {
	RANK_NONE = 0,
	RANK_PROCESS = 1,   /* the same process */
	RANK_RELATED = 2,   /* its parent, or the same executable */
	RANK_CONTAINER = 3, /* the same cgroup */
	RANK_NAMESPACE = 4, /* the same network namespace */
	RANK_HOST = 5,
};

struct attribution {
	enum attribution_method method;
	enum attribution_rank rank;
	int64_t age_ns;              /* from the answer to the flow */
	char hostname[HOSTNAME_MAX]; /* "": none */
	char chain[CHAIN_MAX];       /* names between the question and the address, separated by a space */
	char dns_hostname[HOSTNAME_MAX]; /* METHOD_SNI: what DNS said where that differs; else "" */
	uint32_t rival_count;            /* other hostnames that fitted; may be more than are listed */
	uint32_t rivals_listed;
	char rivals[RIVALS_MAX][HOSTNAME_MAX];
	bool ambiguous; /* a rival of the same rank and freshness: the choice was by time alone */
};

/* Who acts. executable: a hash, 0 where not known. parent_*: 0 where not known. */
struct actor {
	uint64_t start_ns;
	uint64_t parent_start_ns;
	uint64_t executable;
	uint64_t cgroup_id; /* 0 and 1 (the root) make no rank */
	uint32_t tgid;
	uint32_t parent_tgid;
	uint32_t netns;
};

struct correlate; /* opaque; one thread at a time */

struct correlate_limits {         /* 0: the default */
	size_t bindings;          /* 262144 */
	size_t names_per_address; /* 128: many processes, many names, one address of a CDN */
	size_t questions;         /* 65536 waiting for their answer */
	size_t name_bytes;        /* 16 MiB for all names and chains */
	uint64_t hash_seed;       /* secret, so that remote data can not choose its bucket */
};

struct correlate_counts {
	uint64_t questions;
	uint64_t answers;
	uint64_t answers_unasked; /* no such question from that socket: binds nothing */
	uint64_t answers_empty;   /* asked for, without an address */
	uint64_t bindings_made;
	uint64_t bindings_refreshed;
	uint64_t bindings_evicted;
	uint64_t sinkhole_answers; /* loopback and unspecified addresses, not bound */
	uint64_t questions_evicted;
	uint64_t bindings; /* now */
	uint64_t memory;   /* bytes now */
};

int correlate_new(const struct correlate_limits *limits, struct correlate **out); /* 0 or -ENOMEM */
void correlate_free(struct correlate *correlate);

/*
 * A question of our own, or an answer to us: neither binds. Until a moment after our answer, others' answers
 * for that name may be the echo of our question in a resolver of this host; they name flows of their asker
 * and its kin, and nobody else's.
 */
void correlate_own(struct correlate *correlate, const struct dns_message *message, int64_t now_ns);

/* A question left the socket `cookie`. */
void correlate_question(struct correlate *correlate, uint64_t cookie, const struct dns_message *message,
			int64_t now_ns);

/*
 * An answer reached the socket `cookie`, whose owner is `asker`. Returns the
 * number of bindings it made or refreshed: 0 where it was not asked for.
 */
unsigned correlate_answer(struct correlate *correlate, uint64_t cookie, const struct actor *asker,
			  const struct dns_message *message, int64_t now_ns);

/*
 * Binds without an answer: a name kept from an earlier run, with its chain or "". `expires_ns` may lie in
 * the past. 0, or -ENOSPC / -EINVAL.
 */
int correlate_bind(struct correlate *correlate, const struct address *address, const char *hostname,
		   const char *chain, const struct actor *asker, int64_t learned_ns, int64_t expires_ns);

/* All names that the answer which bound a hostname to an address went through, separated by a space; "":
 * there are none, or nothing is bound so. Of several answers the newest that went through any. */
void correlate_chain(const struct correlate *correlate, const struct address *address, const char *hostname,
		     char chain[static DNS_TEXT_MAX]);

/* As much of a chain as fits, in whole names. */
void correlate_shorten_chain(const char *chain, char out[static CHAIN_MAX]);

/* A binding as it is kept over a restart. `hostname` lives until the callback returns. */
struct kept_binding {
	struct address address;
	const char *hostname;
	const char *chain;  /* "": none */
	struct actor asker; /* parent_*: 0 */
	int64_t learned_ns;
	int64_t expires_ns;
};
typedef void correlate_callback(void *context, const struct kept_binding *binding);

/* Calls back for every binding learned after `since_ns`, the most recently used first. */
void correlate_each(struct correlate *correlate, int64_t since_ns, correlate_callback *callback,
		    void *context);

/* Names a flow of `actor` to `address`. Fills *out whole; METHOD_NONE where nothing fits. */
void correlate_name(struct correlate *correlate, const struct actor *actor, const struct address *address,
		    int64_t now_ns, struct attribution *out);

const struct correlate_counts *correlate_counts(struct correlate *correlate);

/* "dns", "sni", "stale_dns", "none". */
const char *attribution_method_name(enum attribution_method method);
/* "process", "related", "container", "namespace", "host", "none". */
const char *attribution_rank_name(enum attribution_rank rank);

#endif
