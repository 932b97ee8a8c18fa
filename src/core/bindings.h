/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bindings.h - the table behind correlate.h: bindings by address, bounded, laid
 * out so that finding those of an address costs one look into a small index and one at the binding.
 */
#ifndef CORE_BINDINGS_H
#define CORE_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/* One hostname -> address, as one asker learned it. What a lookup reads comes first. */
struct binding {
	struct address address;
	int64_t learned_ns;
	int64_t expires_ns;
	uint64_t start_ns;
	uint64_t executable;
	uint64_t cgroup_id;
	uint32_t tgid;
	uint32_t netns;
	/* In names.h: */
	uint32_t name;
	uint32_t chain;
	/* The table's own: */
	uint32_t next, previous; /* of the same address, newest first; next also links free ones */
	uint32_t last;           /* in the newest one of an address: the oldest, and how many there are */
	uint32_t count : 30;
	uint32_t used : 1;     /* since it was put where it is in the order of use */
	uint32_t echo : 1;     /* learned while we asked for that name ourselves */
	uint32_t newer, older; /* order of use; [0] is the head */
};

struct bindings; /* opaque */

/* `limit` bindings, `per_address` of one address. 0 or -ENOMEM. */
int bindings_new(size_t limit, size_t per_address, uint64_t seed, struct bindings **out);
void bindings_free(struct bindings *bindings);

/*
 * The newest one of an address, and the one before it. NULL: none. They live until the next add or drop.
 * *name (NULL is fine) is the newest one's name, or 0, known before the binding itself is in a cache.
 */
struct binding *bindings_find(const struct bindings *bindings, const struct address *address, uint32_t *name);
struct binding *bindings_next(const struct bindings *bindings, const struct binding *binding);

/*
 * The one to be given up to make room for one more: of the address where that has its number already,
 * else of all where the table is full. NULL: there is room.
 */
struct binding *bindings_in_the_way(struct bindings *bindings, const struct address *address);

/*
 * The one that was not used for the longest time: of those used since they were looked at
 * here before, none but where 64 in a row were. NULL: there is none at all.
 */
struct binding *bindings_least_used(struct bindings *bindings);

/* Adds one, the newest of its address, while nothing is in the way. Its address and name are set, all else is
 * 0. */
struct binding *bindings_add(struct bindings *bindings, const struct address *address, uint32_t name);
/* It was learned again: the newest of its address. */
void bindings_renew(struct bindings *bindings, struct binding *binding);
void bindings_drop(struct bindings *bindings, struct binding *binding);

/* The one that was added, renewed or spared last, and then the one before it. NULL: no more. */
struct binding *bindings_latest(const struct bindings *bindings);
struct binding *bindings_before(const struct bindings *bindings, const struct binding *binding);

size_t bindings_memory(const struct bindings *bindings); /* bytes reserved */

#endif
