/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* internal.h - what the parts of the history module share. */
#ifndef HISTORY_INTERNAL_H
#define HISTORY_INTERNAL_H

#include "history/db.h"
#include "history/history.h"

/* Statements that stay prepared; see statements.c. */
enum kept_statement {
	FIND_DOMAIN,
	ADD_DOMAIN,
	UPDATE_DOMAIN,
	FIND_HOSTNAME,
	ADD_HOSTNAME,
	UPDATE_HOSTNAME,
	FIND_APPLICATION,
	ADD_APPLICATION,
	UPDATE_APPLICATION,
	KEEP_DOMAIN_APPLICATION,
	KEEP_ACCESS,
	ADD_ENDPOINT,
	UPDATE_ENDPOINT,
	KEEP_DAY,
	FIND_ALERT,
	ADD_ALERT,
	UPDATE_ALERT,
	ADD_OUTBOX,
	LIST_OUTBOX,
	COUNT_OUTBOX,
	TRIM_OUTBOX,
	KEEP_SINK,
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
	PAIR,
	STAGE_ACCESS,
	BEGIN,
	COMMIT,
	KEPT_STATEMENTS,
};

struct history {
	struct db *db;
	enum history_mode mode;
	bool damaged; /* marked so: nothing of it is written any more */
	int lock;     /* descriptor of the writer's lock; -1: none */
	struct statement *kept[KEPT_STATEMENTS];
	char domain[DOMAIN_MAX]; /* what history_domain gave out */
};

/* The name in the file of the hostname that sums up what is over the bound: no hostname is empty. Its
 * endpoints over the bound have the address ::, port 0 and protocol 0. */
#define HISTORY_OTHERS_NAME ""

/* The statement, reset, prepared at its first use. It stays the history's. 0 or -errno. */
int history_kept(struct history *history, enum kept_statement which, struct statement **out,
		 struct failure *failure);
void history_drop_kept(struct history *history);

/* 0 inside a transaction, else -EINVAL with *failure filled. */
int history_need_transaction(struct history *history, struct failure *failure);

/* UNIX ns as the file keeps it, and back. Rounds down, and never overflows whatever a file holds. */
int64_t history_us(int64_t time_ns);
int64_t history_ns(int64_t time_us);

/* Creates an empty file with a history's mode. 0, or -errno with *failure filled. */
int history_create_file(const char *path, struct failure *failure);

/*
 * recover.c. Marks the file as damaged, so that the next one to open it recovers it; then sets it
 * aside and makes a new one of what can be read. The lock is held; nobody has it open to write.
 */
int history_mark_file(const char *path, const char *why);
bool history_is_marked(const char *path);
int history_recover(const char *path, struct failure *failure);

/* lock.c: the right to be the one writer. Gives a descriptor to close, or -errno with *failure filled. */
int history_lock(const char *path, struct failure *failure);
/* Whether a writer holds it now. Disturbs nobody. */
bool history_is_locked(const char *path);

#endif
