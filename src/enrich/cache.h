/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cache.h - what the DNS said of addresses, for a while: bounded, the least recently used one goes first. Who
 * shares it between threads locks it.
 */
#ifndef ENRICH_CACHE_H
#define ENRICH_CACHE_H

#include "enrich/enrich.h"

struct cache; /* opaque */

/* An answer and until when its two halves hold, in ns of the caller's clock. */
struct cache_entry {
	struct address address;
	struct enrich_answer answer;
	int64_t name_until_ns, origin_until_ns;
};

/* Room for `limit` addresses (1 or more). 0 or -ENOMEM. */
int cache_new(size_t limit, uint64_t seed, struct cache **out);
void cache_free(struct cache *cache); /* NULL is fine */

/*
 * The entry of an address, made where there is none. A half that no longer holds is unasked again; one that
 * is asked for (ENRICH_PENDING) has no end. Lives until the next call.
 */
struct cache_entry *cache_get(struct cache *cache, const struct address *address, int64_t now_ns);

size_t cache_count(const struct cache *cache);

/* How long an answer with this TTL (seconds) is kept, in ns: a minute at least, a day at most. */
int64_t cache_ttl_ns(uint32_t ttl);

#endif
