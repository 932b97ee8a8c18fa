/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct item {
	struct known_key key;
	int64_t first_ns, last_ns;
	uint32_t next;         /* in the bucket */
	uint32_t newer, older; /* [0] is the head of the circle */
	bool used;
};

struct known {
	uint64_t seed;
	size_t limit, bucket_mask;
	struct item *items;
	uint32_t *buckets;
};

int known_new(size_t limit, uint64_t seed, struct known **out)
{
	struct known *known = calloc(1, sizeof(*known));
	size_t buckets = hash_table_size(limit);

	if (!known)
		return -ENOMEM;
	known->seed = seed;
	known->limit = limit;
	known->bucket_mask = buckets - 1;
	known->items = calloc(limit + 1, sizeof(*known->items));
	known->buckets = calloc(buckets, sizeof(*known->buckets));
	if (!known->items || !known->buckets) {
		known_free(known);
		return -ENOMEM;
	}
	known_clear(known);
	*out = known;
	return 0;
}

void known_free(struct known *known)
{
	if (!known)
		return;
	free(known->items);
	free(known->buckets);
	free(known);
}

void known_clear(struct known *known)
{
	memset(known->buckets, 0, (known->bucket_mask + 1) * sizeof(*known->buckets));
	for (size_t i = 0; i <= known->limit; i++) {
		known->items[i].used = false;
		known->items[i].newer = i == known->limit ? 0 : (uint32_t)i + 1;
		known->items[i].older = i ? (uint32_t)i - 1 : (uint32_t)known->limit;
	}
}

struct known_key known_key(const struct known *known, unsigned kind, const char *domain,
			   const char *application)
{
	struct known_key key;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t hash = hash_bytes(hash_mix(known->seed, i * 2 + (application != NULL)), domain,
					   strlen(domain));

		if (application)
			hash = hash_bytes(hash, application, strlen(application));
		key.bits[i] = hash_mix(hash, kind);
	}
	return key;
}

static uint32_t find(const struct known *known, struct known_key key)
{
	uint32_t index = known->buckets[key.bits[0] & known->bucket_mask];

	while (index && (known->items[index].key.bits[0] != key.bits[0] ||
			 known->items[index].key.bits[1] != key.bits[1]))
		index = known->items[index].next;
	return index;
}

static void make_newest(struct known *known, uint32_t index)
{
	struct item *items = known->items;

	items[items[index].newer].older = items[index].older;
	items[items[index].older].newer = items[index].newer;
	items[index].newer = 0;
	items[index].older = items[0].older;
	items[items[0].older].newer = index;
	items[0].older = index;
}

bool known_get(struct known *known, struct known_key key, int64_t *first_ns, int64_t *last_ns)
{
	uint32_t index = find(known, key);

	if (!index)
		return false;
	*first_ns = known->items[index].first_ns;
	*last_ns = known->items[index].last_ns;
	make_newest(known, index);
	return true;
}

static void forget(struct known *known, uint32_t index)
{
	uint32_t *link = &known->buckets[known->items[index].key.bits[0] & known->bucket_mask];

	while (*link != index)
		link = &known->items[*link].next;
	*link = known->items[index].next;
}

void known_put(struct known *known, struct known_key key, int64_t first_ns, int64_t last_ns)
{
	uint32_t index = find(known, key);
	struct item *item;

	if (!index) {
		uint32_t *bucket = &known->buckets[key.bits[0] & known->bucket_mask];

		index = known->items[0].newer; /* the oldest */
		item = &known->items[index];
		if (item->used)
			forget(known, index);
		item->key = key;
		item->used = true;
		item->next = *bucket;
		*bucket = index;
	}
	item = &known->items[index];
	item->first_ns = first_ns;
	item->last_ns = last_ns;
	make_newest(known, index);
}
