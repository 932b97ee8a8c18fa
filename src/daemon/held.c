/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/held.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "daemon/dossier.h"

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

static bool may_learn(struct enrich *enrich, const struct alert *alert)
{
	struct dossier ignored;

	return dossier_remote(enrich, alert, false, &ignored);
}

static bool has(const struct held *held, const char *uid)
{
	for (size_t i = 0; i < held->count; i++)
		if (strcmp(held->items[i].alert->uid, uid) == 0)
			return true;
	return false;
}

bool held_take(struct held *held, struct enrich *enrich, const struct alert *alert, bool last)
{
	struct alert *copy;

	if (alert->revision == 0)
		return false;
	if (has(held, alert->uid))
		return true;
	if (last || held->count == HELD_MOST || !may_learn(enrich, alert))
		return false;
	copy = malloc(sizeof(*copy)); /* large */
	if (!copy)
		return false;
	*copy = *alert;
	held->items[held->count++] =
		(struct item){.alert = copy, .until_ns = clock_ns(CLOCK_MONOTONIC) + HELD_NS};
	return true;
}

static bool is_due(const struct item *item, struct enrich *enrich, int64_t now_ns)
{
	return !item->written && (now_ns >= item->until_ns || !may_learn(enrich, item->alert));
}

bool held_any_due(struct held *held, struct enrich *enrich)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	for (size_t i = 0; i < held->count; i++)
		if (is_due(&held->items[i], enrich, now_ns))
			return true;
	return false;
}

const struct alert *held_next(struct held *held, struct enrich *enrich, bool last)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	for (size_t i = 0; i < held->count; i++) {
		struct item *item = &held->items[i];

		if (item->written || (!last && !is_due(item, enrich, now_ns)))
			continue;
		item->written = true;
		return item->alert;
	}
	return NULL;
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
