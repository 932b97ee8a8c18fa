/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * outbox.h - carries committed alerts to the sinks: each sink gets them in order, at least
 * once; one that is down holds up neither the others nor the history. How far each got is
 * kept in the history, so that after a restart, however it came, few come twice.
 */
#ifndef DAEMON_OUTBOX_H
#define DAEMON_OUTBOX_H

#include <stdbool.h>

#include "config/config.h"
#include "history/history.h"

struct outbox; /* opaque */

/* After a kill a sink gets at most so many of the last alerts again. */
#define OUTBOX_CHUNK 64

/*
 * Opens the sinks and reads how far each got. A sink that is new begins with what waits. On
 * success *out is the caller's. 0 or -errno with *failure filled.
 */
int outbox_open(const struct config *config, struct history *history, struct outbox **out,
		struct failure *failure);
void outbox_close(struct outbox *outbox); /* NULL is fine */

enum outbox_progress {
	OUTBOX_IDLE, /* nothing waits, or only for sinks that take nothing now */
	OUTBOX_SLOW, /* a sink took some and is full: in a moment it may take more */
	OUTBOX_MORE, /* more waits than fits one call */
};

/* Sends each sink at most OUTBOX_CHUNK of what waits for it. Sinks that refuse are tried again at the next
 * call. Does not block. */
enum outbox_progress outbox_send(struct outbox *outbox, struct history *history, int64_t now_ns);

/*
 * Keeps how far each sink got, takes out of the history what every sink has, and drops the
 * oldest where more waits than the setting allows. Inside a transaction; outbox_settled says that it was
 * committed.
 */
int outbox_settle(struct outbox *outbox, struct history *history, struct failure *failure);
void outbox_settled(struct outbox *outbox);
bool outbox_has_settled(const struct outbox *outbox); /* there is nothing to settle */

/* After a rotation of files. */
void outbox_reopen(struct outbox *outbox, int64_t now_ns);

/* The history is another file: marks beyond what it ever held are those of the old one. */
void outbox_restart(struct outbox *outbox, struct history *history);

#endif
