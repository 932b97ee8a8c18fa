/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* resolver.h - questions to DNS servers, without waiting; the one place that knows c-ares. One thread at a
 * time. */
#ifndef ENRICH_RESOLVER_H
#define ENRICH_RESOLVER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

#define RESOLVER_SOCKETS_MAX 16

enum resolver_type { RESOLVER_A = 1, RESOLVER_PTR = 12, RESOLVER_TXT = 16, RESOLVER_AAAA = 28 };

struct resolver; /* opaque */

/*
 * The end of a question. `error` 0: `bytes` is the message, until the callback returns. -ENOENT: there is no
 * such name, or nothing of that type; -ETIMEDOUT, -ECONNREFUSED: no server; -EIO: servers that fail;
 * -ECANCELED: the resolver was closed; -EINVAL: not a name.
 */
typedef void resolver_answer(void *context, int error, const uint8_t *bytes, size_t length);

/* A socket was opened, and nothing was sent by it yet. `cookie`: SO_COOKIE, the kernel's number of it. */
typedef void resolver_opened(void *context, uint64_t cookie);

/* `servers` as in enrich.h. 0 or -errno with *failure filled. */
int resolver_open(const char *servers, resolver_opened *opened, void *context, struct resolver **out,
		  struct failure *failure);

/* Ends the questions that are under way, with -ECANCELED. NULL is fine. */
void resolver_close(struct resolver *resolver);

/* May call back before it returns. */
void resolver_ask(struct resolver *resolver, const char *name, enum resolver_type type,
		  resolver_answer *answer, void *context);

/* What to wait for: fills `waits` and returns their number; lowers *timeout_ms (-1: for ever). */
size_t resolver_waits(struct resolver *resolver, struct pollfd waits[static RESOLVER_SOCKETS_MAX],
		      int *timeout_ms);

/* After the wait, also where it timed out. */
void resolver_process(struct resolver *resolver, const struct pollfd *waits, size_t count);

/* The error of the last socket that the system refused since the last call; 0: none. */
int resolver_refusal(struct resolver *resolver);

/* The system's servers are asked, and are others now than when it was opened. */
bool resolver_is_stale(const struct resolver *resolver);

#endif
