/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct flows {
	uint64_t seed;
	size_t limit, bucket_mask, count;
	struct flow *items; /* [0] is the head of the circle of use */
	uint32_t *buckets;
	uint32_t free;    /* given back */
	uint32_t touched; /* beyond it the pool was never used */
};

int flows_new(size_t limit, uint64_t seed, struct flows **out)
{
	struct flows *flows = calloc(1, sizeof(*flows));
	size_t buckets = hash_table_size(limit);

	if (!flows)
		return -ENOMEM;
	flows->seed = seed;
	flows->limit = limit;
	flows->bucket_mask = buckets - 1;
	flows->items = calloc(limit + 1, sizeof(*flows->items));
	flows->buckets = calloc(buckets, sizeof(*flows->buckets));
	if (!flows->items || !flows->buckets) {
		free(flows->items);
		free(flows->buckets);
		free(flows);
		return -ENOMEM;
	}
	*out = flows;
	return 0;
}

static void free_owned(struct flow *flow)
{
	free(flow->attribution);
	free(flow->alert);
}

void flows_free(struct flows *flows)
{
	if (!flows)
		return;
	for (uint32_t i = flows->items[0].newer; i; i = flows->items[i].newer)
		free_owned(&flows->items[i]);
	free(flows->items);
	free(flows->buckets);
	free(flows);
}

static uint32_t *bucket_of(struct flows *flows, const struct flow_key *key)
{
	uint64_t hash = hash_bytes(flows->seed, key->remote.bytes, sizeof(key->remote.bytes));

	hash = hash_mix(hash_mix(hash, key->cookie), (uint64_t)key->remote_port << 8 | key->protocol);
	return &flows->buckets[hash & flows->bucket_mask];
}

static bool same_key(const struct flow_key *a, const struct flow_key *b)
{
	return a->cookie == b->cookie && a->remote_port == b->remote_port && a->protocol == b->protocol &&
	       address_equal(&a->remote, &b->remote);
}

static void unlink_used(struct flows *flows, struct flow *flow)
{
	flows->items[flow->newer].older = flow->older;
	flows->items[flow->older].newer = flow->newer;
}

static void link_newest(struct flows *flows, uint32_t index)
{
	struct flow *items = flows->items;

	items[index].newer = 0;
	items[index].older = items[0].older;
	items[items[0].older].newer = index;
	items[0].older = index;
}

struct flow *flows_find(struct flows *flows, const struct flow_key *key)
{
	uint32_t index = *bucket_of(flows, key);

	while (index && !same_key(&flows->items[index].key, key))
		index = flows->items[index].next;
	if (!index)
		return NULL;
	unlink_used(flows, &flows->items[index]);
	link_newest(flows, index);
	return &flows->items[index];
}

struct flow *flows_oldest_if_full(struct flows *flows)
{
	return flows->free || flows->touched < flows->limit ? NULL : &flows->items[flows->items[0].newer];
}

struct flow *flows_add(struct flows *flows, const struct flow_key *key)
{
	uint32_t *bucket = bucket_of(flows, key);
	uint32_t index = flows->free ? flows->free : flows->touched + 1;
	struct flow *flow = &flows->items[index];

	if (flows->free)
		flows->free = flow->next;
	else
		flows->touched++;
	*flow = (struct flow){.key = *key, .next = *bucket};
	*bucket = index;
	link_newest(flows, index);
	flows->count++;
	return flow;
}

void flows_drop(struct flows *flows, struct flow *flow)
{
	uint32_t index = (uint32_t)(flow - flows->items);
	uint32_t *link = bucket_of(flows, &flow->key);

	while (*link != index)
		link = &flows->items[*link].next;
	*link = flow->next;
	unlink_used(flows, flow);
	free_owned(flow);
	flow->attribution = NULL;
	flow->alert = NULL;
	flow->next = flows->free;
	flows->free = index;
	flows->count--;
}

struct flow *flows_newest(struct flows *flows)
{
	return flows->items[0].older ? &flows->items[flows->items[0].older] : NULL;
}

struct flow *flows_older(struct flows *flows, const struct flow *flow)
{
	return flow->older ? &flows->items[flow->older] : NULL;
}

void flows_each(struct flows *flows, void (*visit)(void *context, struct flow *flow), void *context)
{
	for (uint32_t i = flows->items[0].newer; i; i = flows->items[i].newer)
		visit(context, &flows->items[i]);
}

size_t flows_count(const struct flows *flows)
{
	return flows->count;
}
