/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* questions.h - which DNS questions each socket has asked: only their answers count. */
#ifndef CORE_QUESTIONS_H
#define CORE_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"

struct questions; /* opaque, bounded */

#define QUESTION_LIFETIME_SECONDS 60 /* an answer that takes longer was given up on by every resolver */

int questions_new(size_t limit, uint64_t seed, struct questions **out); /* 0 or -ENOMEM */
void questions_free(struct questions *questions);

/* Remembers a question. Returns whether another that still waited had to be forgotten for it. */
bool questions_asked(struct questions *questions, uint64_t cookie, const struct dns_message *message,
		     int64_t now_ns);

/*
 * Whether the socket asked what the message answers. It may be answered again
 * (a resolver asks two servers with one socket), but is the first to be forgotten then.
 */
bool questions_answered(struct questions *questions, uint64_t cookie, const struct dns_message *message,
			int64_t now_ns);

size_t questions_memory(const struct questions *questions);

#endif
