/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * known.h - when a key was last seen, for the keys used lately: it spares the
 * history a query for every flow. Keys are kept as 128 bits of keyed hash.
 */
#ifndef CORE_KNOWN_H
#define CORE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known; /* opaque, bounded */

struct known_key {
	uint64_t bits[2];
};

int known_new(size_t limit, uint64_t seed, struct known **out); /* 0 or -ENOMEM */
void known_free(struct known *known);

/* `application` may be NULL: the host's key. */
struct known_key known_key(const struct known *known, unsigned kind, const char *domain,
			   const char *application);

/* Whether the key is here; then *first_ns and *last_ns are filled. */
bool known_get(struct known *known, struct known_key key, int64_t *first_ns, int64_t *last_ns);

/* Remembers, or moves on, a key; the least recently used goes. */
void known_put(struct known *known, struct known_key key, int64_t first_ns, int64_t last_ns);

/* Forgets all: the way domains are grouped has changed. */
void known_clear(struct known *known);

#endif
