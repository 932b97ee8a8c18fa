// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * process_table.c - processes by owner, least recently used out first. A struct
 * process has 6 KB, most of it empty: entries keep its texts packed, some 500
 * bytes, and a lookup unpacks into one of a few slots.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "core/process.h"

/* A process that executes itself in a loop must not make one chain long. */
#define GENERATIONS_MAX 8

struct entry {
	struct entry *chain; /* next of the same bucket, newest first */
	struct entry *newer; /* the order of use */
	struct entry *older;
	struct fs_owner owner;
	uint32_t login_uid;
	uint32_t gid;
	uint32_t pid_namespace;
	uint32_t mount_namespace;
	uint64_t executable_hash;
	bool arguments_cut;
	uint8_t ancestor_count;
	char texts[]; /* struct fs_ancestor each, then the seven texts, each with its NUL */
};

struct slot {
	const struct entry *entry; /* what is unpacked here, or NULL */
	struct process process;
};

struct process_table {
	size_t limit;
	size_t count;
	size_t mask;
	struct entry **buckets;
	struct entry *newest;
	struct entry *oldest;
	size_t next_slot;
	struct slot slots[PROCESS_TABLE_POINTERS];
};

int process_table_new(size_t limit, struct process_table **out)
{
	struct process_table *table = calloc(1, sizeof(*table));
	size_t buckets;

	if (!table)
		return -ENOMEM;
	table->limit = limit ? limit : 1;
	buckets = hash_table_size(table->limit);
	table->mask = buckets - 1;
	table->buckets = calloc(buckets, sizeof(struct entry *));
	if (!table->buckets) {
		free(table);
		return -ENOMEM;
	}
	*out = table;
	return 0;
}

void process_table_free(struct process_table *table)
{
	if (!table)
		return;
	for (struct entry *entry = table->newest; entry;) {
		struct entry *older = entry->older;

		free(entry);
		entry = older;
	}
	free(table->buckets);
	free(table);
}

static struct entry **bucket_of(struct process_table *table, const struct fs_owner *owner)
{
	return &table->buckets[hash_mix(hash_mix(0, owner->start_ns), owner->tgid) & table->mask];
}

static bool same_process(const struct fs_owner *a, const struct fs_owner *b)
{
	return a->tgid == b->tgid && a->start_ns == b->start_ns;
}

static void order_take_out(struct process_table *table, struct entry *entry)
{
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		table->newest = entry->older;
	if (entry->older)
		entry->older->newer = entry->newer;
	else
		table->oldest = entry->newer;
}

static void order_put_first(struct process_table *table, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = table->newest;
	if (table->newest)
		table->newest->newer = entry;
	else
		table->oldest = entry;
	table->newest = entry;
}

static void drop(struct process_table *table, struct entry *entry)
{
	struct entry **link = bucket_of(table, &entry->owner);

	while (*link != entry)
		link = &(*link)->chain;
	*link = entry->chain;
	order_take_out(table, entry);
	for (size_t i = 0; i < PROCESS_TABLE_POINTERS; i++)
		if (table->slots[i].entry == entry)
			table->slots[i].entry = NULL;
	free(entry);
	table->count--;
}

/* The texts of a process in the order in which they are packed. */
#define TEXTS 7
#define TEXTS_OF(process)                                                                                    \
	{                                                                                                    \
		(process)->comm, (process)->exe, (process)->arguments, (process)->cgroup,                    \
			(process)->container, (process)->script, (process)->application                      \
	}

static struct entry *pack(const struct process *process)
{
	const char *texts[TEXTS] = TEXTS_OF(process);
	size_t lengths[TEXTS];
	size_t count =
		process->ancestor_count < FS_ANCESTORS_MAX ? process->ancestor_count : FS_ANCESTORS_MAX;
	size_t size = count * sizeof(struct fs_ancestor);
	struct entry *entry;
	char *at;

	for (size_t i = 0; i < TEXTS; i++) {
		lengths[i] = strlen(texts[i]) + 1;
		size += lengths[i];
	}
	entry = malloc(sizeof(*entry) + size);
	if (!entry)
		return NULL;
	*entry = (struct entry){
		.owner = process->owner,
		.login_uid = process->login_uid,
		.gid = process->gid,
		.pid_namespace = process->pid_namespace,
		.mount_namespace = process->mount_namespace,
		.executable_hash = process->executable_hash,
		.arguments_cut = process->arguments_cut,
		.ancestor_count = (uint8_t)count,
	};
	memcpy(entry->texts, process->ancestors, count * sizeof(struct fs_ancestor));
	at = entry->texts + count * sizeof(struct fs_ancestor);
	for (size_t i = 0; i < TEXTS; i++) {
		memcpy(at, texts[i], lengths[i]);
		at += lengths[i];
	}
	return entry;
}

static void unpack(const struct entry *entry, struct process *process)
{
	char *texts[TEXTS] = TEXTS_OF(process);
	size_t ancestors = entry->ancestor_count * sizeof(struct fs_ancestor);
	const char *at = entry->texts + ancestors;

	process->owner = entry->owner;
	process->login_uid = entry->login_uid;
	process->gid = entry->gid;
	process->pid_namespace = entry->pid_namespace;
	process->mount_namespace = entry->mount_namespace;
	process->executable_hash = entry->executable_hash;
	process->arguments_cut = entry->arguments_cut;
	process->ancestor_count = entry->ancestor_count;
	memset(process->ancestors, 0, sizeof(process->ancestors));
	memcpy(process->ancestors, entry->texts, ancestors);
	for (size_t i = 0; i < TEXTS; i++) {
		size_t length = strlen(at) + 1;

		memcpy(texts[i], at, length);
		at += length;
	}
}

/* Makes room: the same generation goes, and the oldest where a process has too many. */
static void drop_generations(struct process_table *table, const struct fs_owner *owner)
{
	struct entry *last = NULL;
	struct entry *equal = NULL;
	size_t generations = 0;

	for (struct entry *entry = *bucket_of(table, owner); entry; entry = entry->chain) {
		if (!same_process(&entry->owner, owner))
			continue;
		if (entry->owner.exec_id == owner->exec_id)
			equal = entry;
		last = entry;
		generations++;
	}
	if (equal)
		drop(table, equal);
	else if (generations >= GENERATIONS_MAX)
		drop(table, last);
}

int process_table_put(struct process_table *table, const struct process *process)
{
	struct entry *entry = pack(process);
	struct entry **bucket;

	if (!entry)
		return -ENOMEM;
	drop_generations(table, &process->owner);
	if (table->count >= table->limit)
		drop(table, table->oldest);
	bucket = bucket_of(table, &entry->owner);
	entry->chain = *bucket;
	*bucket = entry;
	order_put_first(table, entry);
	table->count++;
	return 0;
}

static const struct process *unpacked(struct process_table *table, const struct entry *entry)
{
	struct slot *slot;

	for (size_t i = 0; i < PROCESS_TABLE_POINTERS; i++)
		if (table->slots[i].entry == entry)
			return &table->slots[i].process;
	slot = &table->slots[table->next_slot];
	table->next_slot = (table->next_slot + 1) % PROCESS_TABLE_POINTERS;
	unpack(entry, &slot->process);
	slot->entry = entry;
	return &slot->process;
}

const struct process *process_table_get(struct process_table *table, const struct fs_owner *owner)
{
	struct entry *found = NULL;

	if (owner->tgid == 0 && owner->start_ns == 0)
		return NULL;
	for (struct entry *entry = *bucket_of(table, owner); entry; entry = entry->chain) {
		if (!same_process(&entry->owner, owner))
			continue;
		if (!found || entry->owner.exec_id == owner->exec_id)
			found = entry;
	}
	if (!found)
		return NULL;
	order_take_out(table, found);
	order_put_first(table, found);
	return unpacked(table, found);
}
