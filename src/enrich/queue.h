/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* queue.h - questions that wait to be asked, and how many may be asked now. No clock of its own; who shares
 * it between threads locks it. */
#ifndef ENRICH_QUEUE_H
#define ENRICH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "enrich/reply.h"

#define QUEUE_MOST 256
#define QUESTION_NAMES_MAX 3 /* of an address, that are asked for their addresses */

enum question_kind { QUESTION_PROBE, QUESTION_NAME, QUESTION_FORWARD, QUESTION_ORIGIN };

struct question {
	enum question_kind kind;
	struct address address;
	/* QUESTION_FORWARD: the names found, and which one is to be asked for now. */
	uint32_t ttl;
	uint8_t name_count, name_at;
	char names[QUESTION_NAMES_MAX][REPLY_TEXT_MAX];
};

struct queue; /* opaque */

int queue_new(struct queue **out);    /* 0 or -ENOMEM */
void queue_free(struct queue *queue); /* NULL is fine */

/*
 * Adds a question: at the end, or at the front for one that goes on with what was begun. Where QUEUE_MOST
 * wait already, the one that waits for the longest goes into *dropped, and true is returned.
 */
bool queue_add(struct queue *queue, const struct question *question, bool front, struct question *dropped);

/* The next one. False: there is none. */
bool queue_take(struct queue *queue, struct question *out);
size_t queue_count(const struct queue *queue);

/* Time that is saved up, and spent on questions: each costs a second / rate. */
struct rate {
	unsigned rate;
	int64_t saved_ns, last_ns;
};

void rate_begin(struct rate *bucket, unsigned rate, int64_t now_ns);

/* Spends for one question. 0: it may be asked; else how many ns to wait. In any second no more than `rate`
 * and a tenth, and one. */
int64_t rate_take(struct rate *bucket, int64_t now_ns);

#endif
