/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/crawlers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

#define BUCKETS 2048 /* a power of two */
#define NONE UINT32_MAX

struct crawler {
	struct crawler_state state;
	uint64_t hash;
	bool changed;
	struct process *process; /* NULL: not known */
	uint32_t generation;
	uint32_t next;        /* in the bucket */
	int64_t last_used_ns; /* of its newest new domain */
	/* Times of its last new domains, a ring of as many as the rule allows. */
	int64_t *times;
	uint32_t size, count, head;
};

struct crawlers {
	uint64_t seed;
	size_t active;       /* crawlers */
	int64_t due_ns;      /* nothing is due before; 0: not known */
	int64_t due_from_ns; /* when due_ns was found: a clock set back makes it worthless */
	struct crawler *slots[CRAWLERS_MAX];
	uint32_t used;
	uint32_t buckets[BUCKETS];
};

int crawlers_new(uint64_t seed, struct crawlers **out)
{
	struct crawlers *crawlers = calloc(1, sizeof(*crawlers));

	if (!crawlers)
		return -ENOMEM;
	crawlers->seed = seed;
	for (size_t i = 0; i < BUCKETS; i++)
		crawlers->buckets[i] = NONE;
	*out = crawlers;
	return 0;
}

void crawlers_free(struct crawlers *crawlers)
{
	if (!crawlers)
		return;
	for (uint32_t i = 0; i < crawlers->used; i++) {
		free(crawlers->slots[i]->times);
		free(crawlers->slots[i]->process);
		free(crawlers->slots[i]);
	}
	free(crawlers);
}

/* --- the table ----------------------------------------------------------------- */

static uint32_t *bucket_of(struct crawlers *crawlers, uint64_t hash)
{
	return &crawlers->buckets[hash & (BUCKETS - 1)];
}

static void unlink_slot(struct crawlers *crawlers, uint32_t slot)
{
	uint32_t *at = bucket_of(crawlers, crawlers->slots[slot]->hash);

	while (*at != slot)
		at = &crawlers->slots[*at]->next;
	*at = crawlers->slots[slot]->next;
}

/* The one that is no crawler and was quiet for the longest, or NONE. */
static uint32_t quietest(const struct crawlers *crawlers)
{
	uint32_t found = NONE;

	for (uint32_t i = 0; i < crawlers->used; i++) {
		const struct crawler *crawler = crawlers->slots[i];

		if (crawler->state.entered_ns == 0 && !crawler->changed &&
		    (found == NONE || crawler->last_used_ns < crawlers->slots[found]->last_used_ns))
			found = i;
	}
	return found;
}

static uint32_t free_slot(struct crawlers *crawlers)
{
	uint32_t slot;

	if (crawlers->used < CRAWLERS_MAX) {
		crawlers->slots[crawlers->used] = calloc(1, sizeof(struct crawler));
		return crawlers->slots[crawlers->used] ? crawlers->used++ : NONE;
	}
	slot = quietest(crawlers);
	if (slot != NONE) {
		unlink_slot(crawlers, slot);
		free(crawlers->slots[slot]->process);
		crawlers->slots[slot]->process = NULL;
	}
	return slot;
}

static struct crawler *find(struct crawlers *crawlers, const char *application, bool make)
{
	uint64_t hash = hash_bytes(crawlers->seed, application, strlen(application));
	uint32_t *bucket = bucket_of(crawlers, hash), slot;
	struct crawler *crawler;

	for (slot = *bucket; slot != NONE; slot = crawlers->slots[slot]->next)
		if (crawlers->slots[slot]->hash == hash &&
		    strcmp(crawlers->slots[slot]->state.application, application) == 0)
			return crawlers->slots[slot];
	slot = make ? free_slot(crawlers) : NONE;
	if (slot == NONE)
		return NULL;
	crawler = crawlers->slots[slot];
	memset(&crawler->state, 0, sizeof(crawler->state));
	text_copy(crawler->state.application, sizeof(crawler->state.application), application);
	crawler->hash = hash;
	crawler->count = crawler->head = 0;
	crawler->generation++;
	crawler->next = *bucket;
	*bucket = slot;
	return crawler;
}

/* --- the rule ------------------------------------------------------------------ */

/* The ring holds as many times as the rule allows; one that changes begins anew. */
static bool fit_ring(struct crawler *crawler, uint32_t size)
{
	int64_t *times;

	if (crawler->size == size)
		return true;
	times = realloc(crawler->times, size * sizeof(*times));
	if (!times)
		return false;
	crawler->times = times;
	crawler->size = size;
	crawler->count = crawler->head = 0;
	return true;
}

/* Notes the time; true where as many as the rule allows were inside the window before. */
static bool is_over(struct crawler *crawler, int64_t window_ns, int64_t now_ns)
{
	int64_t oldest = crawler->times[crawler->head];
	bool over = crawler->count == crawler->size && now_ns - oldest <= window_ns;

	crawler->times[crawler->head] = now_ns;
	crawler->head = (crawler->head + 1) % crawler->size;
	if (crawler->count < crawler->size)
		crawler->count++;
	return over;
}

struct crawler *crawlers_note(struct crawlers *crawlers, const struct crawler_rule *rule,
			      const char *application, int64_t now_ns)
{
	uint32_t most = application[0] ? rule->domains : rule->host_domains;
	struct crawler *crawler;

	if (most == 0 || rule->domains == 0)
		return NULL;
	crawler = find(crawlers, application, true);
	if (!crawler || !fit_ring(crawler, most))
		return NULL;
	crawler->last_used_ns = now_ns;
	if (is_over(crawler, rule->window_seconds * NS_PER_SECOND, now_ns)) {
		if (crawler->state.entered_ns == 0) {
			crawler->state.entered_ns = now_ns;
			crawlers->active++;
		}
		crawler->state.last_over_ns = now_ns;
		crawler->changed = true;
	}
	return crawler->state.entered_ns ? crawler : NULL;
}

void crawler_add(struct crawlers *crawlers, struct crawler *crawler, const struct crawler_rule *rule,
		 const char *domain, const struct process *process, int64_t now_ns)
{
	struct crawl *digest = &crawler->state.digest;
	size_t used = strlen(digest->examples), length = strlen(domain);

	if (digest->from_ns == 0) {
		bool first = crawler->state.entered_ns == now_ns;

		memset(digest, 0, sizeof(*digest));
		digest->from_ns = now_ns;
		digest->phase = first ? CRAWL_ENTERED : CRAWL_GOES_ON;
		digest->rule_domains = crawler->state.application[0] ? rule->domains : rule->host_domains;
		digest->rule_seconds = rule->window_seconds;
		digest->whole_host = !crawler->state.application[0];
		digest->since_ns = crawler->state.entered_ns;
		crawler->state.told = false;
		crawler->state.uid[0] = '\0';
		crawler->state.bytes_out = crawler->state.bytes_in = 0;
		used = 0;
	}
	digest->to_ns = now_ns;
	digest->count++;
	if (digest->listed < CRAWL_EXAMPLES && used + 1 + length < sizeof(digest->examples)) {
		if (used)
			digest->examples[used++] = ' ';
		memcpy(digest->examples + used, domain, length + 1);
		digest->listed++;
	}
	if (process && !crawler->process)
		crawler->process = malloc(sizeof(*process));
	if (process && crawler->process)
		*crawler->process = *process;
	crawler->changed = true;
	crawlers->due_ns = 0;
}

uint32_t crawler_id(const struct crawlers *crawlers, const struct crawler *crawler)
{
	for (uint32_t i = 0; i < crawlers->used; i++)
		if (crawlers->slots[i] == crawler)
			return (crawler->generation & 0x1fffff) * CRAWLERS_MAX + i + 1;
	return 0;
}

void crawlers_bytes(struct crawlers *crawlers, uint32_t id, uint64_t bytes_out, uint64_t bytes_in)
{
	struct crawler *crawler;

	if (id == 0 || (id - 1) % CRAWLERS_MAX >= crawlers->used)
		return;
	crawler = crawlers->slots[(id - 1) % CRAWLERS_MAX];
	if ((crawler->generation & 0x1fffff) != (id - 1) / CRAWLERS_MAX || crawler->state.digest.from_ns == 0)
		return;
	crawler->state.bytes_out += bytes_out;
	crawler->state.bytes_in += bytes_in;
	crawler->changed = true;
}

struct crawler_state *crawler_state(struct crawler *crawler)
{
	return &crawler->state;
}

/* --- time ----------------------------------------------------------------------- */

/* A clock that was set back far makes a window begin in the future: then it is over. */
static bool is_past(int64_t from_ns, int64_t span_ns, int64_t now_ns)
{
	return now_ns - from_ns >= span_ns || from_ns - now_ns > span_ns;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a == 0 || b < a ? b : a;
}

static void tick_one(struct crawlers *crawlers, struct crawler *crawler, int64_t window_ns, int64_t now_ns,
		     bool all, crawler_due_callback *callback, void *context)
{
	struct crawler_state *state = &crawler->state;
	const int64_t day = SECONDS_PER_DAY * NS_PER_SECOND;
	bool over = is_past(state->last_over_ns, day, now_ns);

	/* A window may be longer than that day: what is in its digest is told before the end. */
	if (state->digest.from_ns && (all || over || is_past(state->digest.from_ns, window_ns, now_ns))) {
		callback(context, state, crawler->process, CRAWLER_DUE_DIGEST);
		state->digest.from_ns = 0;
		crawler->changed = true;
	}
	if (over) {
		callback(context, state, crawler->process, CRAWLER_DUE_LEFT);
		state->entered_ns = 0;
		crawler->changed = true;
		crawlers->active--;
		return;
	}
	crawlers->due_ns = earlier(crawlers->due_ns, state->last_over_ns + day);
	if (state->digest.from_ns)
		crawlers->due_ns = earlier(crawlers->due_ns, state->digest.from_ns + window_ns);
}

void crawlers_tick(struct crawlers *crawlers, const struct crawler_rule *rule, int64_t now_ns, bool all,
		   crawler_due_callback *callback, void *context)
{
	if (crawlers->active == 0 ||
	    (!all && crawlers->due_ns && now_ns < crawlers->due_ns && now_ns >= crawlers->due_from_ns))
		return;
	crawlers->due_ns = 0;
	crawlers->due_from_ns = now_ns;
	for (uint32_t i = 0; i < crawlers->used; i++)
		if (crawlers->slots[i]->state.entered_ns)
			tick_one(crawlers, crawlers->slots[i], rule->window_seconds * NS_PER_SECOND, now_ns,
				 all, callback, context);
}

void crawlers_changed(struct crawlers *crawlers,
		      int (*callback)(void *context, const struct crawler_state *state), void *context)
{
	for (uint32_t i = 0; i < crawlers->used; i++)
		if (crawlers->slots[i]->changed && callback(context, &crawlers->slots[i]->state) == 0)
			crawlers->slots[i]->changed = false;
}

int crawlers_restore(struct crawlers *crawlers, const struct crawler_state *state)
{
	struct crawler *crawler = find(crawlers, state->application, true);

	if (!crawler)
		return -ENOMEM;
	if (!crawler->state.entered_ns && state->entered_ns)
		crawlers->active++;
	crawler->state = *state;
	crawler->last_used_ns = state->last_over_ns;
	crawlers->due_ns = 0;
	return 0;
}

size_t crawlers_count(const struct crawlers *crawlers)
{
	return crawlers->active;
}
