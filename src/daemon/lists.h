/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lists.h - loads the threat lists: at the start at once, later in a thread of its own, so that nothing
 * waits. */
#ifndef DAEMON_LISTS_H
#define DAEMON_LISTS_H

#include "config/config.h"
#include "threat/threats.h"

struct lists; /* opaque: one load that goes on */

/* Loads all that the settings name and logs what could not be read, and *whole is false then; a default path
 * need not be there. NULL: out of memory. */
struct threats *lists_load(const struct config *config, const struct domain_rules *rules, bool *whole);

/* Begins to load in a thread. `config` is copied, `rules` borrowed until lists_end; `quiet`: it was tried
 * before, and what failed was logged then. 0 or -errno. */
int lists_begin(const struct config *config, const struct domain_rules *rules, bool quiet,
		struct lists **out);

/* Whether it is over. Then *out is the set, the caller's; NULL: not all could be read, which was logged, and
 * what was read before stays. Never blocks. */
bool lists_take(struct lists *lists, struct threats **out);

/* Waits for the thread, and frees. NULL is fine. */
void lists_end(struct lists *lists);

#endif
