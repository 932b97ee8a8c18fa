/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

#define TTL_FLOOR 60
#define TTL_CEILING SECONDS_PER_DAY

/* Index 0 is the head of the order of use. */
struct slot {
	struct cache_entry entry;
	uint32_t next; /* in the bucket */
	uint32_t newer, older;
	bool used;
};

struct cache {
	size_t limit, count, bucket_mask;
	uint64_t seed;
	struct slot *slots;
	uint32_t *buckets;
};

int cache_new(size_t limit, uint64_t seed, struct cache **out)
{
	struct cache *cache = calloc(1, sizeof(*cache));
	size_t buckets = hash_table_size(limit);

	if (!cache)
		return -ENOMEM;
	cache->limit = limit;
	cache->seed = seed;
	cache->bucket_mask = buckets - 1;
	cache->slots = calloc(limit + 1, sizeof(*cache->slots));
	cache->buckets = calloc(buckets, sizeof(*cache->buckets));
	if (!cache->slots || !cache->buckets) {
		cache_free(cache);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i <= limit; i++) {
		cache->slots[i].newer = i == limit ? 0 : i + 1;
		cache->slots[i].older = i ? i - 1 : (uint32_t)limit;
	}
	*out = cache;
	return 0;
}

void cache_free(struct cache *cache)
{
	if (!cache)
		return;
	free(cache->slots);
	free(cache->buckets);
	free(cache);
}

static uint32_t *bucket_of(struct cache *cache, const struct address *address)
{
	uint64_t hash = hash_bytes(cache->seed, address->bytes, sizeof(address->bytes));

	return &cache->buckets[hash & cache->bucket_mask];
}

/* Makes it the most recently used one. */
static void touch(struct cache *cache, uint32_t index)
{
	struct slot *slots = cache->slots;

	slots[slots[index].newer].older = slots[index].older;
	slots[slots[index].older].newer = slots[index].newer;
	slots[index].older = slots[0].older;
	slots[index].newer = 0;
	slots[slots[index].older].newer = index;
	slots[0].older = index;
}

static void drop(struct cache *cache, uint32_t index)
{
	uint32_t *link = bucket_of(cache, &cache->slots[index].entry.address);

	while (*link != index)
		link = &cache->slots[*link].next;
	*link = cache->slots[index].next;
	cache->slots[index].used = false;
	cache->count--;
}

static uint32_t add(struct cache *cache, const struct address *address)
{
	uint32_t index = cache->slots[0].newer; /* never used, or not for the longest time */
	struct slot *slot = &cache->slots[index];
	uint32_t *bucket;

	if (slot->used)
		drop(cache, index);
	memset(&slot->entry, 0, sizeof(slot->entry));
	slot->entry.address = *address;
	slot->used = true;
	bucket = bucket_of(cache, address);
	slot->next = *bucket;
	*bucket = index;
	cache->count++;
	return index;
}

static void expire(struct cache_entry *entry, int64_t now_ns)
{
	struct enrich_answer *answer = &entry->answer;

	if (answer->name_state != ENRICH_PENDING && now_ns >= entry->name_until_ns) {
		answer->name_state = ENRICH_UNASKED;
		answer->name[0] = '\0';
	}
	if (answer->origin_state != ENRICH_PENDING && now_ns >= entry->origin_until_ns)
		answer->origin_state = ENRICH_UNASKED;
}

struct cache_entry *cache_get(struct cache *cache, const struct address *address, int64_t now_ns)
{
	uint32_t index = *bucket_of(cache, address);

	while (index && !address_equal(&cache->slots[index].entry.address, address))
		index = cache->slots[index].next;
	if (!index)
		index = add(cache, address);
	touch(cache, index);
	expire(&cache->slots[index].entry, now_ns);
	return &cache->slots[index].entry;
}

size_t cache_count(const struct cache *cache)
{
	return cache->count;
}

int64_t cache_ttl_ns(uint32_t ttl)
{
	int64_t seconds = ttl > INT32_MAX ? 0 : ttl; /* RFC 2181: a set top bit means zero */

	if (seconds < TTL_FLOOR)
		seconds = TTL_FLOOR;
	if (seconds > TTL_CEILING)
		seconds = TTL_CEILING;
	return seconds * NS_PER_SECOND;
}
