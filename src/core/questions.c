/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/questions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

struct question {
	uint64_t cookie;
	uint64_t name_hash; /* of name and type */
	int64_t asked_ns;
	uint32_t next;         /* in the bucket */
	uint32_t newer, older; /* order of forgetting */
	uint16_t id;
	bool waits;
	bool used;
};

struct questions {
	uint64_t seed;
	size_t limit, bucket_mask;
	struct question
		*items; /* [0] is the head of the circular list: newer = oldest end, older = newest end */
	uint32_t *buckets;
};

int questions_new(size_t limit, uint64_t seed, struct questions **out)
{
	struct questions *questions = calloc(1, sizeof(*questions));
	size_t buckets = hash_table_size(limit);

	if (!questions)
		return -ENOMEM;
	questions->seed = seed;
	questions->limit = limit;
	questions->bucket_mask = buckets - 1;
	questions->items = calloc(limit + 1, sizeof(*questions->items));
	questions->buckets = calloc(buckets, sizeof(*questions->buckets));
	if (!questions->items || !questions->buckets) {
		questions_free(questions);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i <= limit; i++) {
		questions->items[i].newer = i == limit ? 0 : i + 1;
		questions->items[i].older = i ? i - 1 : (uint32_t)limit;
	}
	*out = questions;
	return 0;
}

void questions_free(struct questions *questions)
{
	if (!questions)
		return;
	free(questions->items);
	free(questions->buckets);
	free(questions);
}

static uint64_t name_hash(const struct questions *questions, const struct dns_message *message)
{
	return hash_mix(hash_bytes(questions->seed, message->qname, strlen(message->qname)), message->qtype);
}

static uint32_t *bucket_of(struct questions *questions, uint64_t cookie, uint16_t id, uint64_t name)
{
	return &questions->buckets[hash_mix(hash_mix(name, cookie), id) & questions->bucket_mask];
}

static void unlink_item(struct questions *questions, uint32_t index)
{
	struct question *item = &questions->items[index];

	questions->items[item->newer].older = item->older;
	questions->items[item->older].newer = item->newer;
}

/* Puts an item behind `older_neighbour` in the order of forgetting (0: it is forgotten next). */
static void link_after(struct questions *questions, uint32_t index, uint32_t older_neighbour)
{
	struct question *item = &questions->items[index];

	item->older = older_neighbour;
	item->newer = questions->items[older_neighbour].newer;
	questions->items[item->newer].older = index;
	questions->items[older_neighbour].newer = index;
}

static uint32_t find(struct questions *questions, uint64_t cookie, uint16_t id, uint64_t name)
{
	uint32_t index = *bucket_of(questions, cookie, id, name);

	while (index) {
		const struct question *item = &questions->items[index];

		if (item->cookie == cookie && item->id == id && item->name_hash == name)
			return index;
		index = item->next;
	}
	return 0;
}

static void forget(struct questions *questions, uint32_t index)
{
	struct question *item = &questions->items[index];
	uint32_t *link = bucket_of(questions, item->cookie, item->id, item->name_hash);

	while (*link != index)
		link = &questions->items[*link].next;
	*link = item->next;
	item->used = false;
}

bool questions_asked(struct questions *questions, uint64_t cookie, const struct dns_message *message,
		     int64_t now_ns)
{
	uint64_t name = name_hash(questions, message);
	uint32_t index = find(questions, cookie, message->id, name);
	struct question *item;
	bool lost = false;

	if (!index) {
		uint32_t *bucket = bucket_of(questions, cookie, message->id, name);

		index = questions->items[0].newer; /* the oldest, or one never used */
		item = &questions->items[index];
		if (item->used) {
			lost = item->waits &&
			       now_ns - item->asked_ns < QUESTION_LIFETIME_SECONDS * NS_PER_SECOND;
			forget(questions, index);
		}
		item->cookie = cookie;
		item->id = message->id;
		item->name_hash = name;
		item->used = true;
		item->next = *bucket;
		*bucket = index;
	}
	item = &questions->items[index];
	item->asked_ns = now_ns;
	item->waits = true;
	unlink_item(questions, index);
	link_after(questions, index, questions->items[0].older);
	return lost;
}

bool questions_answered(struct questions *questions, uint64_t cookie, const struct dns_message *message,
			int64_t now_ns)
{
	uint32_t index = find(questions, cookie, message->id, name_hash(questions, message));
	struct question *item = &questions->items[index];

	if (!index || now_ns - item->asked_ns > QUESTION_LIFETIME_SECONDS * NS_PER_SECOND)
		return false;
	if (item->waits) {
		item->waits = false;
		unlink_item(questions, index);
		link_after(questions, index, 0);
	}
	return true;
}

size_t questions_memory(const struct questions *questions)
{
	return sizeof(*questions) + (questions->limit + 1) * sizeof(*questions->items) +
	       (questions->bucket_mask + 1) * sizeof(*questions->buckets);
}
