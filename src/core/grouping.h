/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* grouping.h - domain_of, remembered: a look into the suffix list costs more than all else of a known flow.
 */
#ifndef CORE_GROUPING_H
#define CORE_GROUPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/domain.h"

struct grouping; /* opaque; of a fixed size */

int grouping_new(const struct domain_rules *rules, uint64_t seed, struct grouping **out); /* 0 or -ENOMEM */
void grouping_free(struct grouping *grouping);                                            /* NULL is fine */

/* As domain_of with the rules given. */
enum domain_kind grouping_domain(struct grouping *grouping, const char *hostname,
				 char out[static DOMAIN_MAX]);

/*
 * A byte of the caller's that is remembered beside the hostname asked for last; 0 until it
 * is set. Valid until the next question.
 */
uint8_t *grouping_note(struct grouping *grouping);
void grouping_clear_notes(struct grouping *grouping);

/* Other rules from now on: forgets all. */
void grouping_set_rules(struct grouping *grouping, const struct domain_rules *rules);

#endif
