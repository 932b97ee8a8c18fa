/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * writer.h - the thread that owns the writing side of the history and the sinks.
 * The core thread hands it whole batches and never waits for it: while it is
 * busy, the core goes on filling the batch at hand.
 */
#ifndef DAEMON_WRITER_H
#define DAEMON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/clock_steps.h"
#include "history/history.h"

#define WRITER_STATES_MAX 112

/* Named values for `status`, as of the moment of handing over. */
struct writer_states {
	size_t count;
	struct {
		const char *name; /* static text */
		uint64_t value;
	} items[WRITER_STATES_MAX];
	bool damaged;              /* the core could not read the history: it is to be recovered */
	uint64_t lost;             /* since the last hand-over: records, by the kernel programs ... */
	uint64_t unheld;           /* ... and connections and alerts that found no room in the batch */
	int64_t lost_from_ns;      /* ... which was then */
	const char *unwatched;     /* why nothing is seen any more; NULL: it is */
	int64_t unwatched_from_ns; /* when something was the last time */
	int64_t now_ns;
	int64_t keep_since_ns; /* what was last seen before that may go */
	bool stepped;          /* the clock was set since: a run ended then, another began */
	int64_t step_from_ns, step_to_ns;
	char clock_steps[CLOCK_STEPS_TEXT_MAX];
};

#define WRITER_ANSWER_MAX 1024

struct writer; /* opaque */

/* Writes what the daemon is, into a new history; called by the writer's thread where that is after a
 * recovery. */
typedef int writer_introduce(void *context, struct history *history, struct failure *failure);

/*
 * Starts the thread. `history` (opened to write, its run begun) and `batch` (empty,
 * the spare one) become the writer's. 0 or -errno with *failure filled and nothing taken.
 */
int writer_start(const struct config *config, struct history *history, int64_t run, struct batch *batch,
		 writer_introduce *introduce, void *context, struct writer **out, struct failure *failure);

/*
 * How often the history was found damaged and recovered, by this writer. Whoever reads it opens it anew
 * when that has changed: it is another file then.
 */
unsigned writer_recoveries(struct writer *writer);

/* Adds one; those that find no room are left out. */
void writer_add_state(struct writer_states *states, const char *name, uint64_t value);

/*
 * Hands over a filled batch and the states, and gives an empty batch back; NULL
 * while the writer is still busy with the one before. Never blocks.
 */
struct batch *writer_exchange(struct writer *writer, struct batch *filled,
			      const struct writer_states *states);

/*
 * Carries out a request of the operator (see review.h) and waits until it is committed. For
 * another thread than the core's. True: done; `text` says what, or why not.
 */
bool writer_ask(struct writer *writer, size_t count, const char *const *words,
		char text[static WRITER_ANSWER_MAX]);

/* The rules of a configuration that was read anew. They are made by the thread. */
void writer_configure(struct writer *writer, const struct config *config);

/*
 * *out: the operator's rules where they changed since the last call, then the caller's; else NULL. Whether
 * those last configured are among what was taken so far. Never blocks.
 */
bool writer_take_rules(struct writer *writer, struct allow_set **out);

/*
 * Whether the thread answers: it came round within the last minute. A disk that refuses is no standstill; one
 * that never returns from a write is. `now_ns`: of a clock that is never set. Never blocks.
 */
bool writer_moves(struct writer *writer, int64_t now_ns);

/* Whether a socket, by its cookie, is one by which the daemon itself asks the DNS. Never blocks. */
bool writer_owns_socket(const struct writer *writer, uint64_t cookie);

/* Files are opened anew before the next line. */
void writer_reopen(struct writer *writer);

/* Hands over the last batch, waits until it is written and sent, ends the thread, closes the history. */
void writer_stop(struct writer *writer, struct batch *last, const struct writer_states *states);

#endif
