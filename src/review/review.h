/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * review.h - the operator's judgement, carried out on a history: by the daemon's writer when it
 * is asked, by the command itself when no daemon runs. The same words in both cases:
 *
 *   ack UID author=A [note=N]
 *   allow NAME author=A field=value...      (fields as in [allow NAME])
 *   unallow NAME
 */
#ifndef REVIEW_REVIEW_H
#define REVIEW_REVIEW_H

#include "config/config.h"
#include "history/history.h"

#define REVIEW_TEXT_MAX 1024

/*
 * Carries one out, inside the caller's transaction. `count` words. `config` tells what names are taken by the
 * configuration's own rules. 1: done, `text` says what; 0: it can not be done, `text` says why; -errno with
 * *failure filled: the history failed.
 */
int review_apply(struct history *history, const struct config *config, size_t count, const char *const *words,
		 int64_t now_ns, char text[static REVIEW_TEXT_MAX], struct failure *failure);

/* The rules of the configuration and of the history, and what was acknowledged, as the core takes them. 0 or
 * -errno with *failure filled. */
int review_load(struct history *history, const struct config *config, struct allow_set **out,
		struct failure *failure);

#endif
