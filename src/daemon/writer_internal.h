/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* writer_internal.h - what the parts of the writer share. For writer*.c alone. */
#ifndef DAEMON_WRITER_INTERNAL_H
#define DAEMON_WRITER_INTERNAL_H

#include <pthread.h>

#include "daemon/dossier.h"
#include "daemon/held.h"
#include "daemon/metering.h"
#include "daemon/outbox.h"
#include "daemon/writer.h"

/* A request of the operator, while its thread waits. */
struct request {
	size_t count;
	const char *const *words;
	char *text;
	bool done, finished;
};

struct writer {
	struct config config;
	struct history *history; /* NULL: damaged, and not recovered yet */
	struct outbox *outbox;
	writer_introduce *introduce;
	void *context;
	struct alert alert; /* about a recovery */
	struct dossier host;
	struct packages *packages; /* NULL: not wanted */
	struct enrich *enrich;     /* NULL: the DNS is not asked */
	struct held *held;
	int64_t run;
	int64_t last_write_ns, last_prune_ns;
	int64_t log_told;   /* bytes: how long the history's log was when it was last told to be too long */
	bool failing;       /* told to the operator already */
	uint64_t unwritten; /* alerts that the history does not have ... */
	uint64_t unwritten_now; /* ... and those of the transaction at hand */
	struct metering metering;
	bool untold; /* a recovery may not have been told */

	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct batch *spare; /* empty, for the core; NULL while the writer is busy */
	struct batch *work;  /* filled, for the writer */
	struct writer_states states;
	struct request *request;
	struct config fresh;     /* its window and allow rules, to be taken over */
	struct allow_set *rules; /* fresh, for the core */
	uint64_t rounds;         /* of the thread */
	bool reopen, reload, stop;
	bool unpublished; /* rules that were configured are not made yet */
	bool stuck;       /* the last attempt failed */
	unsigned recoveries;
	/* the core's */
	uint64_t rounds_seen;
	int64_t rounds_seen_ns;
};

/* One transaction: all of the batch and the states, or nothing. 0, or -errno with *failure filled. */
int writer_write_batch(struct writer *writer, const struct batch *batch, const struct writer_states *states,
		       bool last, struct failure *failure);

/* Nothing happened that would have to be written now. */
bool writer_is_idle(struct writer *writer, const struct batch *batch, const struct writer_states *states);

/* Forgets a little of what was last seen before `before`, at most once a minute. 0, or -errno with *failure
 * filled. */
int writer_prune(struct writer *writer, int64_t now_ns, int64_t before, struct failure *failure);

#endif
