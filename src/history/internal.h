/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* internal.h - what the parts of the history module share. */
#ifndef HISTORY_INTERNAL_H
#define HISTORY_INTERNAL_H

#include "history/db.h"
#include "history/history.h"

/* Statements that stay prepared; see statements.c. */
enum kept_statement {
	KEEP_DOMAIN,
	FIND_DOMAIN,
	KEEP_HOSTNAME,
	FIND_HOSTNAME,
	KEEP_APPLICATION,
	FIND_APPLICATION,
	KEEP_DOMAIN_APPLICATION,
	KEEP_ACCESS,
	KEEP_ENDPOINT,
	KEEP_DAY,
	FIND_ALERT,
	ADD_ALERT,
	UPDATE_ALERT,
	ADD_OUTBOX,
	NEXT_OUTBOX,
	DONE_OUTBOX,
	KEEP_STATE,
	KEEP_BINDING,
	DROP_BINDINGS,
	ADD_RUN,
	SEEN_RUN,
	FIND_GAP,
	EXTEND_GAP,
	ADD_GAP,
	SEEN,
	KEEP_ACK,
	REVIEW_ALERT,
	KEEP_RULE,
	DROP_RULE,
	DROP_HITS,
	KEEP_HITS,
	KEEP_CRAWLER,
	DROP_CRAWLER,
	IS_CRAWLER,
	RECENT_DOMAINS,
	KNOWN_TO,
	USERS_OF,
	STAGE_ACCESS,
	BEGIN,
	COMMIT,
	KEPT_STATEMENTS,
};

struct history {
	struct db *db;
	enum history_mode mode;
	int lock; /* descriptor of the writer's lock; -1: none */
	struct statement *kept[KEPT_STATEMENTS];
	char domain[DOMAIN_MAX]; /* what history_domain gave out */
};

/* The statement, reset, prepared at its first use. It stays the history's. 0 or -errno. */
int history_kept(struct history *history, enum kept_statement which, struct statement **out,
		 struct failure *failure);
void history_drop_kept(struct history *history);

/* 0 inside a transaction, else -EINVAL with *failure filled. */
int history_need_transaction(struct history *history, struct failure *failure);

/* UNIX ns as the file keeps it, and back. Rounds down, and never overflows whatever a file holds. */
int64_t history_us(int64_t time_ns);
int64_t history_ns(int64_t time_us);

/* lock.c: the right to be the one writer. Gives a descriptor to close, or -errno with *failure filled. */
int history_lock(const char *path, struct failure *failure);
/* Whether a writer holds it now. Disturbs nobody. */
bool history_is_locked(const char *path);

#endif
