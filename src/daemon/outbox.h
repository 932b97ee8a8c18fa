/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * outbox.h - carries committed alerts to the sinks: each sink gets them in order,
 * at least once; one that is down holds up neither the others nor the history.
 */
#ifndef DAEMON_OUTBOX_H
#define DAEMON_OUTBOX_H

#include <stdbool.h>

#include "config/config.h"
#include "history/history.h"

struct outbox; /* opaque */

/* Opens the sinks. On success *out is the caller's. 0 or -errno with *failure filled. */
int outbox_open(const struct config *config, struct outbox **out, struct failure *failure);
void outbox_close(struct outbox *outbox); /* NULL is fine */

/* The longest line that every sink takes. */
size_t outbox_line_max(const struct outbox *outbox);

/* Sends what waits in the history. Sinks that refuse are tried again at the next call. */
void outbox_send(struct outbox *outbox, struct history *history);

/* Takes what every sink has got out of the history. Inside a transaction. */
int outbox_settle(struct outbox *outbox, struct history *history, struct failure *failure);
bool outbox_has_settled(const struct outbox *outbox); /* nothing sent waits for outbox_settle */

/* After a rotation of files. */
void outbox_reopen(struct outbox *outbox);

/* The history is another file: what waits in it is sent from its beginning. */
void outbox_restart(struct outbox *outbox);

#endif
