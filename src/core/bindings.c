/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/bindings.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"

#define SPARED_MOST 64

/*
 * The index is an open-addressing table, half full at most. A slot holds the number
 * of an address's newest binding and, in the bits that are left, some of the address's
 * hash: another address in the same run of slots is seldom looked at. The binding's name
 * stands beside it, so that its text can be on its way while the binding is.
 */
struct slot {
	uint32_t value; /* 0: free */
	uint32_t name;
};

struct bindings {
	uint64_t seed;
	size_t limit, per_address, mask;
	uint32_t number_bits; /* of a slot: the binding's number */
	struct slot *slots;
	struct binding *items; /* [0] is the head of the order of use */
	uint32_t free;         /* given back */
	uint32_t touched;      /* beyond it the pool was never used: no page of it is */
};

int bindings_new(size_t limit, size_t per_address, uint64_t seed, struct bindings **out)
{
	struct bindings *bindings = calloc(1, sizeof(*bindings));

	if (!bindings || limit > UINT32_MAX / 4) {
		free(bindings);
		return -ENOMEM;
	}
	bindings->seed = seed;
	bindings->limit = limit;
	bindings->per_address = per_address;
	bindings->number_bits = (uint32_t)hash_table_size(limit + 1) - 1;
	bindings->mask = hash_table_size(2 * limit) - 1;
	bindings->slots = memory_reserve(bindings->mask + 1, sizeof(*bindings->slots));
	bindings->items = memory_reserve(limit + 1, sizeof(*bindings->items));
	if (!bindings->slots || !bindings->items) {
		bindings_free(bindings);
		return -ENOMEM;
	}
	*out = bindings;
	return 0;
}

void bindings_free(struct bindings *bindings)
{
	if (!bindings)
		return;
	memory_release(bindings->slots, bindings->mask + 1, sizeof(*bindings->slots));
	memory_release(bindings->items, bindings->limit + 1, sizeof(*bindings->items));
	free(bindings);
}

static uint32_t number_of(const struct bindings *bindings, const struct binding *binding)
{
	return (uint32_t)(binding - bindings->items);
}

static struct binding *item(const struct bindings *bindings, uint32_t number)
{
	return number ? &bindings->items[number] : NULL;
}

/* --- the index ---------------------------------------------------------------- */

static uint64_t hash_of(const struct bindings *bindings, const struct address *address)
{
	return hash_bytes(bindings->seed, address->bytes, sizeof(address->bytes));
}

static uint32_t slot_value(const struct bindings *bindings, uint64_t hash, uint32_t number)
{
	return ((uint32_t)(hash >> 32) & ~bindings->number_bits) | number;
}

/* The address's slot, or the free one where it belongs. */
static struct slot *slot_of(const struct bindings *bindings, const struct address *address, uint64_t hash)
{
	uint32_t tag = slot_value(bindings, hash, 0), value;
	size_t at = hash & bindings->mask;

	for (; (value = bindings->slots[at].value) != 0; at = (at + 1) & bindings->mask)
		if ((value & ~bindings->number_bits) == tag &&
		    address_equal(&bindings->items[value & bindings->number_bits].address, address))
			break;
	return &bindings->slots[at];
}

/* Moves back what stands behind it only because this slot was taken. */
static void free_slot(struct bindings *bindings, const struct slot *slot)
{
	size_t mask = bindings->mask, hole = (size_t)(slot - bindings->slots), at = hole, home;
	uint32_t value;

	while ((value = bindings->slots[at = (at + 1) & mask].value) != 0) {
		home = hash_of(bindings, &bindings->items[value & bindings->number_bits].address) & mask;
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		bindings->slots[hole] = bindings->slots[at];
		hole = at;
	}
	bindings->slots[hole].value = 0;
}

struct binding *bindings_find(const struct bindings *bindings, const struct address *address, uint32_t *name)
{
	const struct slot *slot = slot_of(bindings, address, hash_of(bindings, address));

	if (name)
		*name = slot->value ? slot->name : 0;
	return item(bindings, slot->value & bindings->number_bits);
}

struct binding *bindings_next(const struct bindings *bindings, const struct binding *binding)
{
	return item(bindings, binding->next);
}

/* --- those of an address ------------------------------------------------------- */

static void link_to_address(struct bindings *bindings, struct binding *binding)
{
	uint64_t hash = hash_of(bindings, &binding->address);
	struct slot *slot = slot_of(bindings, &binding->address, hash);
	uint32_t number = number_of(bindings, binding);
	struct binding *newest = item(bindings, slot->value & bindings->number_bits);

	binding->previous = 0;
	binding->next = newest ? number_of(bindings, newest) : 0;
	binding->last = newest ? newest->last : number;
	binding->count = newest ? newest->count + 1 : 1;
	if (newest)
		newest->previous = number;
	slot->value = slot_value(bindings, hash, number);
	slot->name = binding->name;
}

static void unlink_from_address(struct bindings *bindings, struct binding *binding)
{
	uint64_t hash = hash_of(bindings, &binding->address);
	struct slot *slot = slot_of(bindings, &binding->address, hash);
	struct binding *newest = &bindings->items[slot->value & bindings->number_bits];

	if (newest->count == 1) {
		free_slot(bindings, slot);
		return;
	}
	if (binding == newest) {
		struct binding *next = &bindings->items[binding->next];

		next->previous = 0;
		next->last = binding->last;
		next->count = binding->count;
		slot->value = slot_value(bindings, hash, binding->next);
		slot->name = next->name;
		newest = next;
	} else {
		bindings->items[binding->previous].next = binding->next;
		if (binding->next)
			bindings->items[binding->next].previous = binding->previous;
		else
			newest->last = binding->previous;
	}
	newest->count--;
}

/* --- order of use ---------------------------------------------------------------- */

static void link_latest(struct bindings *bindings, struct binding *binding)
{
	struct binding *items = bindings->items;
	uint32_t number = number_of(bindings, binding);

	binding->used = 0;
	binding->newer = 0;
	binding->older = items[0].older;
	items[items[0].older].newer = number;
	items[0].older = number;
}

static void unlink_used(struct bindings *bindings, const struct binding *binding)
{
	bindings->items[binding->newer].older = binding->older;
	bindings->items[binding->older].newer = binding->newer;
}

/*
 * A lookup only marks what it used: to move it at once in the order of use would touch two more
 * bindings, which are in no cache either. What is marked is moved here, when its turn to go comes.
 */
struct binding *bindings_least_used(struct bindings *bindings)
{
	struct binding *oldest = item(bindings, bindings->items[0].newer);

	for (int i = 0; oldest && oldest->used && i < SPARED_MOST; i++) {
		unlink_used(bindings, oldest);
		link_latest(bindings, oldest);
		oldest = item(bindings, bindings->items[0].newer);
	}
	return oldest;
}

struct binding *bindings_latest(const struct bindings *bindings)
{
	return item(bindings, bindings->items[0].older);
}

struct binding *bindings_before(const struct bindings *bindings, const struct binding *binding)
{
	return item(bindings, binding->older);
}

/* --- coming and going -------------------------------------------------------------- */

struct binding *bindings_in_the_way(struct bindings *bindings, const struct address *address)
{
	struct binding *newest = bindings_find(bindings, address, NULL);

	if (newest && newest->count >= bindings->per_address)
		return &bindings->items[newest->last];
	return bindings->free || bindings->touched < bindings->limit ? NULL : bindings_least_used(bindings);
}

struct binding *bindings_add(struct bindings *bindings, const struct address *address, uint32_t name)
{
	uint32_t number = bindings->free ? bindings->free : ++bindings->touched;
	struct binding *binding = &bindings->items[number];

	if (number == bindings->free)
		bindings->free = binding->next;
	*binding = (struct binding){.address = *address, .name = name};
	link_to_address(bindings, binding);
	link_latest(bindings, binding);
	return binding;
}

void bindings_renew(struct bindings *bindings, struct binding *binding)
{
	if (binding->previous) { /* else it is the newest already */
		unlink_from_address(bindings, binding);
		link_to_address(bindings, binding);
	}
	unlink_used(bindings, binding);
	link_latest(bindings, binding);
}

void bindings_drop(struct bindings *bindings, struct binding *binding)
{
	unlink_used(bindings, binding);
	unlink_from_address(bindings, binding);
	binding->next = bindings->free;
	bindings->free = number_of(bindings, binding);
}

size_t bindings_memory(const struct bindings *bindings)
{
	return sizeof(*bindings) + (bindings->mask + 1) * sizeof(*bindings->slots) +
	       (bindings->limit + 1) * sizeof(*bindings->items);
}
