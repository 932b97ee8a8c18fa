/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * held.h - updates of alerts that wait a moment for what the DNS has to say. Bounded; in memory only: the
 * alerts that they are about are in the history already. One thread.
 */
#ifndef DAEMON_HELD_H
#define DAEMON_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/alert.h"

#define HELD_MOST 256

struct held; /* opaque */

int held_new(struct held **out);   /* 0 or -ENOMEM */
void held_free(struct held *held); /* NULL is fine */

/* Keeps a copy until `until_ns`, unless one of that uid is kept. False: there is no room for it. */
bool held_add(struct held *held, const struct alert *alert, int64_t until_ns);
bool held_has(const struct held *held, const char *uid);

size_t held_count(const struct held *held);

/* The one at `index` below held_count, unless it is written: then NULL. *until_ns as it was added. */
const struct alert *held_at(const struct held *held, size_t index, int64_t *until_ns);

/* It is in the transaction at hand: committed, it goes with held_forget; rolled back, it is kept by
 * held_keep. */
void held_written(struct held *held, size_t index);
void held_forget(struct held *held);
void held_keep(struct held *held);

#endif
