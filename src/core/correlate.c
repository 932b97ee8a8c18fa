/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/correlate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "core/bindings.h"
#include "core/names.h"
#include "core/questions.h"

#define DEFAULT_BINDINGS 262144
#define DEFAULT_NAMES_PER_ADDRESS 128
#define DEFAULT_QUESTIONS 65536
#define DEFAULT_NAME_BYTES (16 * 1024 * 1024)
#define BINDING_TTL_CEILING (7 * SECONDS_PER_DAY)
#define ROOM_TRIES 64 /* bindings given up at most to make room for one name */

#define OWN_NAMES 64
#define OWN_ASKED_NS (10 * NS_PER_SECOND) /* longer than we wait for an answer */
#define OWN_ANSWERED_NS NS_PER_SECOND

/* A name that we ask for ourselves, by its hash. */
struct own_name {
	uint64_t hash;
	int64_t until_ns;
};

struct correlate {
	uint64_t seed;
	struct own_name own[OWN_NAMES];
	size_t own_next;
	struct bindings *bindings;
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
	size_t count = or_default(limits->bindings, DEFAULT_BINDINGS);

	if (!correlate)
		return -ENOMEM;
	correlate->seed = limits->hash_seed;
	/* Most texts are shared by many bindings; where they are not, old bindings make room. */
	if (bindings_new(count, or_default(limits->names_per_address, DEFAULT_NAMES_PER_ADDRESS),
			 limits->hash_seed, &correlate->bindings) ||
	    names_new(or_default(limits->name_bytes, DEFAULT_NAME_BYTES), limits->hash_seed,
		      &correlate->names) ||
	    questions_new(or_default(limits->questions, DEFAULT_QUESTIONS), limits->hash_seed,
			  &correlate->questions)) {
		correlate_free(correlate);
		return -ENOMEM;
	}
	correlate->counts.memory = sizeof(*correlate) + bindings_memory(correlate->bindings) +
				   names_memory(correlate->names) + questions_memory(correlate->questions);
	*out = correlate;
	return 0;
}

void correlate_free(struct correlate *correlate)
{
	if (!correlate)
		return;
	bindings_free(correlate->bindings);
	names_free(correlate->names);
	questions_free(correlate->questions);
	free(correlate);
}

/* --- making room -------------------------------------------------------------- */

static void evict(struct correlate *correlate, struct binding *binding)
{
	names_drop(correlate->names, binding->name);
	names_drop(correlate->names, binding->chain);
	bindings_drop(correlate->bindings, binding);
	correlate->counts.bindings--;
	correlate->counts.bindings_evicted++;
}

/* Keeps a text, giving up old bindings where memory is full. 0: no room even so. */
static uint32_t take_name(struct correlate *correlate, const char *text)
{
	uint32_t id = names_take(correlate->names, text);
	struct binding *oldest;

	for (int i = 0; !id && i < ROOM_TRIES; i++) {
		oldest = bindings_least_used(correlate->bindings);
		if (!oldest)
			break;
		evict(correlate, oldest);
		id = names_take(correlate->names, text);
	}
	return id;
}

/* --- binding ---------------------------------------------------------------- */

static struct binding *find_binding(const struct correlate *correlate, const struct address *address,
				    uint32_t name, const struct actor *asker)
{
	struct binding *binding = bindings_find(correlate->bindings, address, NULL);

	for (; binding; binding = bindings_next(correlate->bindings, binding))
		if (binding->name == name && binding->tgid == asker->tgid &&
		    binding->start_ns == asker->start_ns && binding->netns == asker->netns &&
		    binding->cgroup_id == asker->cgroup_id)
			break;
	return binding;
}

static uint64_t name_hash(const struct correlate *correlate, const char *name)
{
	return hash_bytes(correlate->seed, name, strlen(name));
}

static bool is_own(const struct correlate *correlate, const char *name, int64_t now_ns)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < OWN_NAMES; i++) {
		if (correlate->own[i].until_ns < now_ns)
			continue;
		if (!hash)
			hash = name_hash(correlate, name);
		if (correlate->own[i].hash == hash)
			return true;
	}
	return false;
}

void correlate_own(struct correlate *correlate, const struct dns_message *message, int64_t now_ns)
{
	uint64_t hash = name_hash(correlate, message->qname);
	int64_t until_ns = now_ns + (message->response ? OWN_ANSWERED_NS : OWN_ASKED_NS);
	size_t at = 0;

	if (!message->has_question)
		return;
	while (at < OWN_NAMES && correlate->own[at].hash != hash)
		at++;
	if (at == OWN_NAMES) {
		at = correlate->own_next;
		correlate->own_next = (at + 1) % OWN_NAMES;
	}
	correlate->own[at] = (struct own_name){.hash = hash, .until_ns = until_ns};
}

static struct binding *new_binding(struct correlate *correlate, const struct address *address, uint32_t name)
{
	struct binding *binding;

	while ((binding = bindings_in_the_way(correlate->bindings, address)))
		evict(correlate, binding);
	correlate->counts.bindings++;
	correlate->counts.bindings_made++;
	return bindings_add(correlate->bindings, address, name);
}

/* `name` and `chain` are references that the binding takes over. */
static struct binding *keep_binding(struct correlate *correlate, const struct address *address, uint32_t name,
				    uint32_t chain, const struct actor *asker, int64_t learned_ns,
				    int64_t expires_ns)
{
	struct binding *binding = find_binding(correlate, address, name, asker);

	if (binding) {
		names_drop(correlate->names, binding->name);
		names_drop(correlate->names, binding->chain);
		bindings_renew(correlate->bindings, binding);
		correlate->counts.bindings_refreshed++;
	} else {
		binding = new_binding(correlate, address, name);
		binding->echo = true; /* until the caller knows better */
	}
	binding->learned_ns = learned_ns;
	binding->expires_ns = expires_ns;
	binding->start_ns = asker->start_ns;
	binding->executable = asker->executable;
	binding->cgroup_id = asker->cgroup_id;
	binding->tgid = asker->tgid;
	binding->netns = asker->netns;
	binding->chain = chain;
	return binding;
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
		     const char *chain_text, const struct actor *asker, bool echo, int64_t now_ns)
{
	struct address address;
	struct binding *binding;
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
	binding = keep_binding(correlate, &address, name, chain, asker, now_ns, expiry(now_ns, found->ttl));
	if (!echo)
		binding->echo = false;
	return true;
}

unsigned correlate_answer(struct correlate *correlate, uint64_t cookie, const struct actor *asker,
			  const struct dns_message *message, int64_t now_ns)
{
	const char *hostname = hostname_tail(message->qname);
	unsigned bound = 0;
	bool echo;

	correlate->counts.answers++;
	if (!message->has_question || !questions_answered(correlate->questions, cookie, message, now_ns)) {
		correlate->counts.answers_unasked++;
		return 0;
	}
	if (message->truncated || message->rcode != 0 || message->address_count == 0) {
		correlate->counts.answers_empty++;
		return 0;
	}
	echo = is_own(correlate, message->qname, now_ns);
	for (unsigned i = 0; i < message->address_count; i++)
		bound += bind_one(correlate, &message->addresses[i], hostname, message->chain, asker, echo,
				  now_ns);
	return bound;
}

int correlate_bind(struct correlate *correlate, const struct address *address, const char *hostname,
		   const char *chain, const struct actor *asker, int64_t learned_ns, int64_t expires_ns)
{
	uint32_t name, through;

	if (!hostname[0] || address_is_sinkhole(address))
		return -EINVAL;
	name = take_name(correlate, hostname_tail(hostname));
	if (!name)
		return -ENOSPC;
	through = chain[0] ? take_name(correlate, chain) : 0;
	keep_binding(correlate, address, name, through, asker, learned_ns, expires_ns)->echo = false;
	return 0;
}

void correlate_each(struct correlate *correlate, int64_t since_ns, correlate_callback *callback,
		    void *context)
{
	const struct binding *binding = bindings_latest(correlate->bindings);
	char hostname[HOSTNAME_MAX], chain[DNS_TEXT_MAX];

	for (; binding; binding = bindings_before(correlate->bindings, binding)) {
		struct kept_binding kept = {
			.address = binding->address,
			.hostname = hostname,
			.chain = chain,
			.asker = {.start_ns = binding->start_ns,
				  .executable = binding->executable,
				  .cgroup_id = binding->cgroup_id,
				  .tgid = binding->tgid,
				  .netns = binding->netns},
			.learned_ns = binding->learned_ns,
			.expires_ns = binding->expires_ns,
		};

		if (binding->learned_ns <= since_ns || binding->echo)
			continue;
		names_text(correlate->names, binding->name, hostname, sizeof(hostname));
		names_text(correlate->names, binding->chain, chain, sizeof(chain));
		callback(context, &kept);
	}
}

void correlate_shorten_chain(const char *chain, char out[static CHAIN_MAX])
{
	char *space;

	if (text_copy(out, CHAIN_MAX, chain) || chain[CHAIN_MAX - 1] == ' ')
		return;
	space = strrchr(out, ' ');
	*(space ? space : out) = '\0';
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

/* An echo of our own question is no word on what others want there. */
static bool may_name(const struct binding *binding, const struct actor *actor)
{
	return !binding->echo || rank_of(binding, actor) <= RANK_RELATED;
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
static void list_rivals(const struct correlate *correlate, const struct binding *best, unsigned best_standing,
			const struct actor *actor, int64_t now_ns, struct attribution *out)
{
	const struct binding *binding = bindings_find(correlate->bindings, &best->address, NULL);
	char name[HOSTNAME_MAX];

	for (; binding; binding = bindings_next(correlate->bindings, binding)) {
		if (binding->name == best->name || !may_name(binding, actor))
			continue;
		if (out->rivals_listed < RIVALS_MAX || out->chain[0]) {
			names_text(correlate->names, binding->name, name, sizeof(name));
			if (chain_has(out->chain, name))
				continue;
		}
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

/* The best of an address. The list is newest first: among equals the first one met stays. */
static struct binding *best_of(const struct correlate *correlate, const struct address *address,
			       const struct actor *actor, int64_t now_ns, unsigned *best_standing)
{
	uint32_t name;
	struct binding *binding = bindings_find(correlate->bindings, address, &name), *best = NULL;

	names_expect(correlate->names, name);
	for (; binding; binding = bindings_next(correlate->bindings, binding)) {
		unsigned this_one = standing(binding, actor, now_ns);

		if (!may_name(binding, actor))
			continue;
		if (!best || this_one < *best_standing) {
			best = binding;
			*best_standing = this_one;
		}
	}
	return best;
}

void correlate_name(struct correlate *correlate, const struct actor *actor, const struct address *address,
		    int64_t now_ns, struct attribution *out)
{
	unsigned best_standing = 0;
	struct binding *best = best_of(correlate, address, actor, now_ns, &best_standing);
	char whole[DNS_TEXT_MAX];

	out->method = METHOD_NONE;
	out->rank = RANK_NONE;
	out->age_ns = 0;
	out->hostname[0] = out->chain[0] = out->dns_hostname[0] = '\0';
	out->rival_count = out->rivals_listed = 0;
	out->ambiguous = false;
	if (!best)
		return;
	best->used = 1;
	out->method = best->expires_ns < now_ns ? METHOD_STALE_DNS : METHOD_DNS;
	out->rank = rank_of(best, actor);
	out->age_ns = now_ns > best->learned_ns ? now_ns - best->learned_ns : 0;
	names_text(correlate->names, best->name, out->hostname, sizeof(out->hostname));
	if (best->chain)
		correlate_shorten_chain(names_text(correlate->names, best->chain, whole, sizeof(whole)),
					out->chain);
	if (best->previous || best->next)
		list_rivals(correlate, best, best_standing, actor, now_ns, out);
}

void correlate_chain(const struct correlate *correlate, const struct address *address, const char *hostname,
		     char chain[static DNS_TEXT_MAX])
{
	const struct binding *binding = bindings_find(correlate->bindings, address, NULL);

	chain[0] = '\0';
	for (; binding && !chain[0]; binding = bindings_next(correlate->bindings, binding))
		if (binding->chain && names_equal(correlate->names, binding->name, hostname))
			names_text(correlate->names, binding->chain, chain, DNS_TEXT_MAX);
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
