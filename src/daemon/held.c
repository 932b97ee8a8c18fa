/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/held.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct item {
	struct alert *alert;
	int64_t until_ns;
	bool written;
};

struct held {
	size_t count;
	struct item items[HELD_MOST]; /* in the order in which they came */
};

int held_new(struct held **out)
{
	struct held *held = calloc(1, sizeof(*held));

	if (!held)
		return -ENOMEM;
	*out = held;
	return 0;
}

void held_free(struct held *held)
{
	if (!held)
		return;
	for (size_t i = 0; i < held->count; i++)
		free(held->items[i].alert);
	free(held);
}

bool held_has(const struct held *held, const char *uid)
{
	for (size_t i = 0; i < held->count; i++)
		if (strcmp(held->items[i].alert->uid, uid) == 0)
			return true;
	return false;
}

bool held_add(struct held *held, const struct alert *alert, int64_t until_ns)
{
	struct alert *copy;

	if (held_has(held, alert->uid))
		return true;
	copy = held->count < HELD_MOST ? malloc(sizeof(*copy)) : NULL; /* large */
	if (!copy)
		return false;
	*copy = *alert;
	held->items[held->count++] = (struct item){.alert = copy, .until_ns = until_ns};
	return true;
}

size_t held_count(const struct held *held)
{
	return held->count;
}

const struct alert *held_at(const struct held *held, size_t index, int64_t *until_ns)
{
	*until_ns = held->items[index].until_ns;
	return held->items[index].written ? NULL : held->items[index].alert;
}

void held_written(struct held *held, size_t index)
{
	held->items[index].written = true;
}

void held_forget(struct held *held)
{
	size_t kept = 0;

	for (size_t i = 0; i < held->count; i++) {
		if (held->items[i].written)
			free(held->items[i].alert);
		else
			held->items[kept++] = held->items[i];
	}
	held->count = kept;
}

void held_keep(struct held *held)
{
	for (size_t i = 0; i < held->count; i++)
		held->items[i].written = false;
}
