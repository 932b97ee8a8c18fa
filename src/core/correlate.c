/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/correlate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "core/names.h"
#include "core/questions.h"

#define DEFAULT_BINDINGS 262144
#define DEFAULT_NAMES_PER_ADDRESS 128
#define DEFAULT_QUESTIONS 65536
#define DEFAULT_NAME_BYTES (16 * 1024 * 1024)
#define BINDING_TTL_CEILING (7 * SECONDS_PER_DAY)
#define ROOM_TRIES 64 /* bindings given up at most to make room for one name */

/* One hostname -> address, as one asker learned it. Index 0 is not used in either pool. */
struct binding {
	int64_t learned_ns;
	int64_t expires_ns;
	uint64_t start_ns;
	uint64_t executable;
	uint64_t cgroup_id;
	uint32_t tgid;
	uint32_t netns;
	uint32_t slot; /* its address; 0: free */
	uint32_t name;
	uint32_t chain;
	uint32_t next, previous; /* of the same address, newest first; next also links free ones */
	uint32_t newer, older;   /* use: the least recently used goes first; [0] is the head */
};

struct slot {
	struct address address;
	uint32_t first, last; /* bindings */
	uint32_t count;
	uint32_t next; /* in the bucket, or free */
};

struct correlate {
	uint64_t seed;
	size_t limit, names_per_address, bucket_mask;
	struct binding *bindings;
	struct slot *slots;
	uint32_t *buckets;
	uint32_t free_binding, free_slot; /* given back */
	uint32_t bindings_touched,
		slots_touched; /* beyond these the pools were never used: no page of theirs is */
	struct names *names;
	struct questions *questions;
	struct correlate_counts counts;
};

static size_t or_default(size_t value, size_t fallback)
{
	return value ? value : fallback;
}

int correlate_new(const struct correlate_limits *limits, struct correlate **out)
{
	struct correlate *correlate = calloc(1, sizeof(*correlate));
	size_t buckets, questions = or_default(limits->questions, DEFAULT_QUESTIONS);

	if (!correlate)
		return -ENOMEM;
	correlate->seed = limits->hash_seed;
	correlate->limit = or_default(limits->bindings, DEFAULT_BINDINGS);
	correlate->names_per_address = or_default(limits->names_per_address, DEFAULT_NAMES_PER_ADDRESS);
	buckets = hash_table_size(correlate->limit);
	correlate->bucket_mask = buckets - 1;
	correlate->bindings = calloc(correlate->limit + 1, sizeof(*correlate->bindings));
	correlate->slots = calloc(correlate->limit + 1, sizeof(*correlate->slots));
	correlate->buckets = calloc(buckets, sizeof(*correlate->buckets));
	/* Most texts are shared by many bindings; where they are not, old bindings make room. */
	if (!correlate->bindings || !correlate->slots || !correlate->buckets ||
	    names_new(correlate->limit, or_default(limits->name_bytes, DEFAULT_NAME_BYTES), limits->hash_seed,
		      &correlate->names) ||
	    questions_new(questions, limits->hash_seed, &correlate->questions)) {
		correlate_free(correlate);
		return -ENOMEM;
	}
	correlate->counts.memory = sizeof(*correlate) + (correlate->limit + 1) * sizeof(struct binding) +
				   (correlate->limit + 1) * sizeof(struct slot) + buckets * sizeof(uint32_t) +
				   names_memory(correlate->names) + questions_memory(correlate->questions);
	*out = correlate;
	return 0;
}

void correlate_free(struct correlate *correlate)
{
	if (!correlate)
		return;
	free(correlate->bindings);
	free(correlate->slots);
	free(correlate->buckets);
	names_free(correlate->names);
	questions_free(correlate->questions);
	free(correlate);
}

/* --- the pools -------------------------------------------------------------- */

static uint32_t *bucket_of(struct correlate *correlate, const struct address *address)
{
	uint64_t hash = hash_bytes(correlate->seed, address->bytes, sizeof(address->bytes));

	return &correlate->buckets[hash & correlate->bucket_mask];
}

static uint32_t find_slot(struct correlate *correlate, const struct address *address)
{
	uint32_t index = *bucket_of(correlate, address);

	while (index && !address_equal(&correlate->slots[index].address, address))
		index = correlate->slots[index].next;
	return index;
}

static bool has_free_binding(const struct correlate *correlate)
{
	return correlate->free_binding || correlate->bindings_touched < correlate->limit;
}

static uint32_t take_free_binding(struct correlate *correlate)
{
	uint32_t index = correlate->free_binding;

	if (!index)
		return ++correlate->bindings_touched;
	correlate->free_binding = correlate->bindings[index].next;
	return index;
}

static uint32_t take_free_slot(struct correlate *correlate)
{
	uint32_t index = correlate->free_slot;

	if (!index)
		return ++correlate->slots_touched;
	correlate->free_slot = correlate->slots[index].next;
	return index;
}

/* There is a free slot whenever there is a free binding: a slot without bindings is freed at once. */
static uint32_t take_slot(struct correlate *correlate, const struct address *address)
{
	uint32_t *bucket = bucket_of(correlate, address);
	uint32_t index = take_free_slot(correlate);
	struct slot *slot = &correlate->slots[index];

	*slot = (struct slot){.address = *address, .next = *bucket};
	*bucket = index;
	return index;
}

static void drop_slot(struct correlate *correlate, uint32_t index)
{
	struct slot *slot = &correlate->slots[index];
	uint32_t *link = bucket_of(correlate, &slot->address);

	while (*link != index)
		link = &correlate->slots[*link].next;
	*link = slot->next;
	slot->next = correlate->free_slot;
	correlate->free_slot = index;
}

static void link_to_address(struct correlate *correlate, uint32_t index)
{
	struct binding *binding = &correlate->bindings[index];
	struct slot *slot = &correlate->slots[binding->slot];

	binding->previous = 0;
	binding->next = slot->first;
	if (slot->first)
		correlate->bindings[slot->first].previous = index;
	else
		slot->last = index;
	slot->first = index;
	slot->count++;
}

static void unlink_from_address(struct correlate *correlate, uint32_t index)
{
	struct binding *binding = &correlate->bindings[index];
	struct slot *slot = &correlate->slots[binding->slot];

	if (binding->previous)
		correlate->bindings[binding->previous].next = binding->next;
	else
		slot->first = binding->next;
	if (binding->next)
		correlate->bindings[binding->next].previous = binding->previous;
	else
		slot->last = binding->previous;
	slot->count--;
}

static void link_used(struct correlate *correlate, uint32_t index)
{
	struct binding *all = correlate->bindings;

	all[index].newer = 0;
	all[index].older = all[0].older;
	all[all[0].older].newer = index;
	all[0].older = index;
}

static void unlink_used(struct correlate *correlate, uint32_t index)
{
	struct binding *all = correlate->bindings;

	all[all[index].newer].older = all[index].older;
	all[all[index].older].newer = all[index].newer;
}

static void evict(struct correlate *correlate, uint32_t index)
{
	struct binding *binding = &correlate->bindings[index];
	uint32_t slot = binding->slot;

	unlink_used(correlate, index);
	unlink_from_address(correlate, index);
	if (correlate->slots[slot].count == 0)
		drop_slot(correlate, slot);
	names_drop(correlate->names, binding->name);
	names_drop(correlate->names, binding->chain);
	binding->slot = 0;
	binding->next = correlate->free_binding;
	correlate->free_binding = index;
	correlate->counts.bindings--;
	correlate->counts.bindings_evicted++;
}

static uint32_t least_used(const struct correlate *correlate)
{
	return correlate->bindings[0].newer;
}

/* Keeps a text, giving up old bindings where memory is full. 0: no room even so. */
static uint32_t take_name(struct correlate *correlate, const char *text)
{
	uint32_t id = names_take(correlate->names, text);

	for (int i = 0; !id && i < ROOM_TRIES && least_used(correlate); i++) {
		evict(correlate, least_used(correlate));
		id = names_take(correlate->names, text);
	}
	return id;
}

/* --- binding ---------------------------------------------------------------- */

static uint32_t find_binding(const struct correlate *correlate, uint32_t slot, uint32_t name,
			     const struct actor *asker)
{
	uint32_t index = slot ? correlate->slots[slot].first : 0;

	for (; index; index = correlate->bindings[index].next) {
		const struct binding *binding = &correlate->bindings[index];

		if (binding->name == name && binding->tgid == asker->tgid &&
		    binding->start_ns == asker->start_ns && binding->netns == asker->netns &&
		    binding->cgroup_id == asker->cgroup_id)
			return index;
	}
	return 0;
}

static uint32_t new_binding(struct correlate *correlate, const struct address *address)
{
	uint32_t slot = find_slot(correlate, address), index;

	if (slot && correlate->slots[slot].count >= correlate->names_per_address)
		evict(correlate, correlate->slots[slot].last);
	if (!has_free_binding(correlate))
		evict(correlate, least_used(correlate));
	slot = find_slot(correlate, address); /* it may have lost its last one just now */
	if (!slot)
		slot = take_slot(correlate, address);
	index = take_free_binding(correlate);
	correlate->bindings[index] = (struct binding){.slot = slot};
	correlate->counts.bindings++;
	return index;
}

/* `name` and `chain` are references that the binding takes over. */
static void keep_binding(struct correlate *correlate, const struct address *address, uint32_t name,
			 uint32_t chain, const struct actor *asker, int64_t learned_ns, int64_t expires_ns)
{
	uint32_t index = find_binding(correlate, find_slot(correlate, address), name, asker);
	struct binding *binding;

	if (index) {
		binding = &correlate->bindings[index];
		names_drop(correlate->names, binding->name);
		names_drop(correlate->names, binding->chain);
		unlink_used(correlate, index);
		unlink_from_address(correlate, index);
		correlate->counts.bindings_refreshed++;
	} else {
		index = new_binding(correlate, address);
		binding = &correlate->bindings[index];
		correlate->counts.bindings_made++;
	}
	binding->learned_ns = learned_ns;
	binding->expires_ns = expires_ns;
	binding->start_ns = asker->start_ns;
	binding->executable = asker->executable;
	binding->cgroup_id = asker->cgroup_id;
	binding->tgid = asker->tgid;
	binding->netns = asker->netns;
	binding->name = name;
	binding->chain = chain;
	link_to_address(correlate, index);
	link_used(correlate, index);
}

/* A name too long to be kept loses labels on the left: its domain is on the right. */
static const char *name_tail(const char *name)
{
	size_t length = strlen(name);
	const char *from;

	if (length < HOSTNAME_MAX)
		return name;
	from = strchr(name + (length - HOSTNAME_MAX), '.');
	return from ? from + 1 : name + (length - HOSTNAME_MAX + 1);
}

static int64_t expiry(int64_t now_ns, uint32_t ttl)
{
	int64_t seconds = ttl > INT32_MAX ? 0 : ttl; /* RFC 2181: a set top bit means zero */

	if (seconds < BINDING_TTL_FLOOR)
		seconds = BINDING_TTL_FLOOR;
	if (seconds > BINDING_TTL_CEILING)
		seconds = BINDING_TTL_CEILING;
	return now_ns + seconds * NS_PER_SECOND;
}

void correlate_question(struct correlate *correlate, uint64_t cookie, const struct dns_message *message,
			int64_t now_ns)
{
	if (!message->has_question)
		return;
	correlate->counts.questions++;
	if (questions_asked(correlate->questions, cookie, message, now_ns))
		correlate->counts.questions_evicted++;
}

static bool bind_one(struct correlate *correlate, const struct dns_address *found, const char *hostname,
		     const char *chain_text, const struct actor *asker, int64_t now_ns)
{
	struct address address;
	uint32_t name, chain = 0;

	memcpy(address.bytes, found->bytes, sizeof(address.bytes));
	if (address_is_sinkhole(&address)) {
		correlate->counts.sinkhole_answers++;
		return false;
	}
	name = take_name(correlate, hostname);
	if (!name)
		return false;
	if (chain_text[0])
		chain = take_name(correlate, chain_text); /* evidence only: it may be missing */
	keep_binding(correlate, &address, name, chain, asker, now_ns, expiry(now_ns, found->ttl));
	return true;
}

unsigned correlate_answer(struct correlate *correlate, uint64_t cookie, const struct actor *asker,
			  const struct dns_message *message, int64_t now_ns)
{
	const char *hostname = name_tail(message->qname);
	unsigned bound = 0;

	correlate->counts.answers++;
	if (!message->has_question || !questions_answered(correlate->questions, cookie, message, now_ns)) {
		correlate->counts.answers_unasked++;
		return 0;
	}
	if (message->truncated || message->rcode != 0 || message->address_count == 0) {
		correlate->counts.answers_empty++;
		return 0;
	}
	for (unsigned i = 0; i < message->address_count; i++)
		bound += bind_one(correlate, &message->addresses[i], hostname, message->chain, asker, now_ns);
	return bound;
}

int correlate_bind(struct correlate *correlate, const struct address *address, const char *hostname,
		   const struct actor *asker, int64_t learned_ns, int64_t expires_ns)
{
	uint32_t name;

	if (!hostname[0] || address_is_sinkhole(address))
		return -EINVAL;
	name = take_name(correlate, name_tail(hostname));
	if (!name)
		return -ENOSPC;
	keep_binding(correlate, address, name, 0, asker, learned_ns, expires_ns);
	return 0;
}

void correlate_each(struct correlate *correlate, int64_t since_ns, correlate_callback *callback,
		    void *context)
{
	uint32_t index = correlate->bindings[0].older;

	for (; index; index = correlate->bindings[index].older) {
		const struct binding *binding = &correlate->bindings[index];
		struct kept_binding kept = {
			.address = correlate->slots[binding->slot].address,
			.hostname = names_text(correlate->names, binding->name),
			.asker = {.start_ns = binding->start_ns,
				  .executable = binding->executable,
				  .cgroup_id = binding->cgroup_id,
				  .tgid = binding->tgid,
				  .netns = binding->netns},
			.learned_ns = binding->learned_ns,
			.expires_ns = binding->expires_ns,
		};

		if (binding->learned_ns > since_ns)
			callback(context, &kept);
	}
}

/* --- naming ----------------------------------------------------------------- */

static enum attribution_rank rank_of(const struct binding *binding, const struct actor *actor)
{
	if (binding->tgid && binding->tgid == actor->tgid && binding->start_ns == actor->start_ns)
		return RANK_PROCESS;
	if (binding->tgid && binding->tgid == actor->parent_tgid &&
	    binding->start_ns == actor->parent_start_ns)
		return RANK_RELATED;
	if (binding->executable && binding->executable == actor->executable)
		return RANK_RELATED;
	if (binding->cgroup_id > 1 && binding->cgroup_id == actor->cgroup_id)
		return RANK_CONTAINER;
	if (binding->netns && binding->netns == actor->netns)
		return RANK_NAMESPACE;
	return RANK_HOST;
}

/* Rank, then freshness, as one number; time decides among equals. Smaller is better. */
static unsigned standing(const struct binding *binding, const struct actor *actor, int64_t now_ns)
{
	return (unsigned)rank_of(binding, actor) * 2 + (binding->expires_ns < now_ns);
}

static bool chain_has(const char *chain, const char *name)
{
	size_t length = strlen(name);

	while (*chain) {
		size_t part = strcspn(chain, " ");

		if (part == length && memcmp(chain, name, length) == 0)
			return true;
		chain += part + (chain[part] == ' ');
	}
	return false;
}

static bool is_listed(const struct attribution *attribution, const char *name)
{
	for (uint32_t i = 0; i < attribution->rivals_listed; i++)
		if (strcmp(attribution->rivals[i], name) == 0)
			return true;
	return false;
}

/* The other names, newest first. A name of the chain is the same journey, not a rival. */
static void list_rivals(const struct correlate *correlate, const struct slot *slot, uint32_t best,
			unsigned best_standing, const struct actor *actor, int64_t now_ns,
			struct attribution *out)
{
	uint32_t index;

	for (index = slot->first; index; index = correlate->bindings[index].next) {
		const struct binding *binding = &correlate->bindings[index];
		const char *name = names_text(correlate->names, binding->name);

		if (binding->name == correlate->bindings[best].name || chain_has(out->chain, name))
			continue;
		if (standing(binding, actor, now_ns) <= best_standing)
			out->ambiguous = true;
		if (out->rivals_listed == RIVALS_MAX) {
			out->rival_count++;
		} else if (!is_listed(out, name)) {
			text_copy(out->rivals[out->rivals_listed++], HOSTNAME_MAX, name);
			out->rival_count++;
		}
	}
}

void correlate_name(struct correlate *correlate, const struct actor *actor, const struct address *address,
		    int64_t now_ns, struct attribution *out)
{
	uint32_t slot = find_slot(correlate, address), best = 0, index;
	unsigned best_standing = 0;
	const struct binding *binding;

	out->method = METHOD_NONE;
	out->rank = RANK_NONE;
	out->age_ns = 0;
	out->hostname[0] = out->chain[0] = out->dns_hostname[0] = '\0';
	out->rival_count = out->rivals_listed = 0;
	out->ambiguous = false;
	for (index = slot ? correlate->slots[slot].first : 0; index;
	     index = correlate->bindings[index].next) {
		unsigned this_one = standing(&correlate->bindings[index], actor, now_ns);

		/* The list is newest first: among equals the first one met stays. */
		if (!best || this_one < best_standing) {
			best = index;
			best_standing = this_one;
		}
	}
	if (!best)
		return;
	binding = &correlate->bindings[best];
	out->method = binding->expires_ns < now_ns ? METHOD_STALE_DNS : METHOD_DNS;
	out->rank = rank_of(binding, actor);
	out->age_ns = now_ns > binding->learned_ns ? now_ns - binding->learned_ns : 0;
	text_copy(out->hostname, sizeof(out->hostname), names_text(correlate->names, binding->name));
	text_copy(out->chain, sizeof(out->chain), names_text(correlate->names, binding->chain));
	if (correlate->slots[slot].count > 1)
		list_rivals(correlate, &correlate->slots[slot], best, best_standing, actor, now_ns, out);
	unlink_used(correlate, best);
	link_used(correlate, best);
}

const struct correlate_counts *correlate_counts(struct correlate *correlate)
{
	return &correlate->counts;
}

const char *attribution_method_name(enum attribution_method method)
{
	static const char *const names[] = {"none", "dns", "stale_dns", "sni"};

	return names[method];
}

const char *attribution_rank_name(enum attribution_rank rank)
{
	static const char *const names[] = {"none", "process", "related", "container", "namespace", "host"};

	return names[rank];
}
