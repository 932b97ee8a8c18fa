/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"

#define MOMENT_NS (100 * NS_PER_MS)

struct queue {
	size_t first, count;
	struct question items[QUEUE_MOST];
};

int queue_new(struct queue **out)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	*out = queue;
	return 0;
}

void queue_free(struct queue *queue)
{
	free(queue);
}

bool queue_add(struct queue *queue, const struct question *question, bool front, struct question *dropped)
{
	bool full = queue->count == QUEUE_MOST;

	if (full)
		queue_take(queue, dropped);
	if (front) {
		queue->first = (queue->first + QUEUE_MOST - 1) % QUEUE_MOST;
		queue->items[queue->first] = *question;
	} else {
		queue->items[(queue->first + queue->count) % QUEUE_MOST] = *question;
	}
	queue->count++;
	return full;
}

bool queue_take(struct queue *queue, struct question *out)
{
	if (!queue->count)
		return false;
	*out = queue->items[queue->first];
	queue->first = (queue->first + 1) % QUEUE_MOST;
	queue->count--;
	return true;
}

size_t queue_count(const struct queue *queue)
{
	return queue->count;
}

static int64_t price_of(const struct rate *bucket)
{
	return NS_PER_SECOND / bucket->rate;
}

/* What is saved up: one question, or a moment's worth, so that a late wake-up costs nothing. */
static int64_t most_of(const struct rate *bucket)
{
	return price_of(bucket) > MOMENT_NS ? price_of(bucket) : MOMENT_NS;
}

void rate_begin(struct rate *bucket, unsigned rate, int64_t now_ns)
{
	*bucket = (struct rate){.rate = rate, .last_ns = now_ns};
	bucket->saved_ns = most_of(bucket);
}

int64_t rate_take(struct rate *bucket, int64_t now_ns)
{
	int64_t passed = now_ns > bucket->last_ns ? now_ns - bucket->last_ns : 0;
	int64_t most = most_of(bucket), price = price_of(bucket);

	bucket->last_ns = now_ns;
	bucket->saved_ns = passed < most - bucket->saved_ns ? bucket->saved_ns + passed : most;
	if (bucket->saved_ns < price)
		return price - bucket->saved_ns;
	bucket->saved_ns -= price;
	return 0;
}
