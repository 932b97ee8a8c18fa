/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/grouping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define SLOTS 8192 /* a power of two; two names that fall on one slot take turns */

/* A hostname is kept as 128 bits of keyed hash. */
struct slot {
	uint64_t key[2];
	uint8_t kind;
	uint8_t note;
	bool used;
	char domain[DOMAIN_MAX];
};

struct grouping {
	const struct domain_rules *rules;
	uint64_t seed;
	struct slot *last;
	struct slot slots[SLOTS];
};

int grouping_new(const struct domain_rules *rules, uint64_t seed, struct grouping **out)
{
	struct grouping *grouping = calloc(1, sizeof(*grouping));

	if (!grouping)
		return -ENOMEM;
	grouping->rules = rules;
	grouping->seed = seed;
	grouping->last = grouping->slots;
	*out = grouping;
	return 0;
}

void grouping_free(struct grouping *grouping)
{
	free(grouping);
}

void grouping_set_rules(struct grouping *grouping, const struct domain_rules *rules)
{
	grouping->rules = rules;
	for (size_t i = 0; i < SLOTS; i++)
		grouping->slots[i].used = false;
}

enum domain_kind grouping_domain(struct grouping *grouping, const char *hostname, char out[static DOMAIN_MAX])
{
	size_t length = strlen(hostname);
	uint64_t first = hash_bytes(grouping->seed, hostname, length);
	uint64_t second = hash_bytes(~grouping->seed, hostname, length);
	struct slot *slot = &grouping->slots[first & (SLOTS - 1)];

	if (!slot->used || slot->key[0] != first || slot->key[1] != second) {
		slot->kind = (uint8_t)domain_of(grouping->rules, hostname, slot->domain);
		slot->key[0] = first;
		slot->key[1] = second;
		slot->note = 0;
		slot->used = true;
	}
	grouping->last = slot;
	memcpy(out, slot->domain, strlen(slot->domain) + 1);
	return (enum domain_kind)slot->kind;
}

uint8_t *grouping_note(struct grouping *grouping)
{
	return &grouping->last->note;
}

void grouping_clear_notes(struct grouping *grouping)
{
	for (size_t i = 0; i < SLOTS; i++)
		grouping->slots[i].note = 0;
}
