/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * held.h - updates of alerts that wait a moment for what the DNS has to say. Bounded; in memory only: the
 * alerts that they are about are in the history already. One thread. `enrich` NULL: the DNS is not asked, and
 * nothing is held.
 */
#ifndef DAEMON_HELD_H
#define DAEMON_HELD_H

#include <stdbool.h>

#include "core/alert.h"
#include "enrich/enrich.h"

#define HELD_MOST 256
#define HELD_NS (3 * INT64_C(1000000000)) /* an update waits no longer */

struct held; /* opaque */

int held_new(struct held **out);   /* 0 or -ENOMEM */
void held_free(struct held *held); /* NULL is fine */

/*
 * Whether the alert is held: it is an update, and the DNS may have something to say, or it is held already (a
 * batch may be written a second time). Else it is to be written now. `last`: there is no later.
 */
bool held_take(struct held *held, struct enrich *enrich, const struct alert *alert, bool last);

/* Whether any is due: its time is over, or nothing more will be known. */
bool held_any_due(struct held *held, struct enrich *enrich);

/*
 * The next one that is due (`last`: any) for the transaction at hand; NULL: no more. Committed, they go with
 * held_forget; rolled back, they are kept by held_keep and come again.
 */
const struct alert *held_next(struct held *held, struct enrich *enrich, bool last);
void held_forget(struct held *held);
void held_keep(struct held *held);

#endif
