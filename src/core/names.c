/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define CLASSES 7
#define SMALLEST 32 /* class c holds texts of 32 << c bytes, their NUL included */

struct entry {
	uint64_t hash;
	uint32_t next; /* in the bucket, or in the list of free entries */
	uint32_t references;
	uint32_t offset; /* in units of SMALLEST */
	uint8_t class;
};

struct names {
	uint64_t seed;
	size_t entry_count, bucket_mask, arena_size, arena_used;
	struct entry *entries; /* [0] is not used */
	uint32_t *buckets;
	char *arena;
	uint32_t free_entry;          /* given back */
	uint32_t touched;             /* entries beyond it were never used */
	uint32_t free_block[CLASSES]; /* offset + 1; a free block begins with the next one's */
};

int names_new(size_t count, size_t bytes, uint64_t seed, struct names **out)
{
	struct names *names = calloc(1, sizeof(*names));
	size_t buckets = hash_table_size(count);

	if (!names)
		return -ENOMEM;
	names->seed = seed;
	names->entry_count = count + 1;
	names->bucket_mask = buckets - 1;
	names->arena_size = bytes / SMALLEST * SMALLEST;
	names->entries = calloc(names->entry_count, sizeof(*names->entries));
	names->buckets = calloc(buckets, sizeof(*names->buckets));
	names->arena = calloc(1, names->arena_size);
	if (!names->entries || !names->buckets || !names->arena) {
		names_free(names);
		return -ENOMEM;
	}
	*out = names;
	return 0;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	free(names->entries);
	free(names->buckets);
	free(names->arena);
	free(names);
}

static char *block_at(const struct names *names, uint32_t offset)
{
	return names->arena + (size_t)offset * SMALLEST;
}

static uint32_t take_block(struct names *names, uint8_t class)
{
	size_t size = (size_t)SMALLEST << class;
	uint32_t found = names->free_block[class];

	if (found) {
		memcpy(&names->free_block[class], block_at(names, found - 1), sizeof(uint32_t));
		return found;
	}
	if (names->arena_size - names->arena_used < size)
		return 0;
	found = (uint32_t)(names->arena_used / SMALLEST) + 1;
	names->arena_used += size;
	return found;
}

uint32_t names_take(struct names *names, const char *text)
{
	size_t length = strnlen(text, ((size_t)SMALLEST << (CLASSES - 1)) - 1);
	uint64_t hash = hash_bytes(names->seed, text, length);
	uint32_t *bucket = &names->buckets[hash & names->bucket_mask];
	struct entry *entry;
	uint32_t id, block;
	uint8_t class = 0;

	for (id = *bucket; id; id = entry->next) {
		entry = &names->entries[id];
		if (entry->hash == hash && strncmp(block_at(names, entry->offset), text, length) == 0 &&
		    block_at(names, entry->offset)[length] == '\0') {
			entry->references++;
			return id;
		}
	}
	while (((size_t)SMALLEST << class) <= length)
		class ++;
	id = names->free_entry;
	if (!id && names->touched + 1 < names->entry_count)
		id = names->touched + 1;
	block = id ? take_block(names, class) : 0;
	if (!block)
		return 0;
	entry = &names->entries[id];
	if (names->free_entry)
		names->free_entry = entry->next;
	else
		names->touched++;
	*entry = (struct entry){
		.hash = hash, .next = *bucket, .references = 1, .offset = block - 1, .class = class};
	*bucket = id;
	memcpy(block_at(names, block - 1), text, length);
	block_at(names, block - 1)[length] = '\0';
	return id;
}

void names_drop(struct names *names, uint32_t id)
{
	struct entry *entry = &names->entries[id];
	uint32_t *link;

	if (id == 0 || --entry->references > 0)
		return;
	link = &names->buckets[entry->hash & names->bucket_mask];
	while (*link != id)
		link = &names->entries[*link].next;
	*link = entry->next;
	memcpy(block_at(names, entry->offset), &names->free_block[entry->class], sizeof(uint32_t));
	names->free_block[entry->class] = entry->offset + 1;
	entry->next = names->free_entry;
	names->free_entry = id;
}

const char *names_text(const struct names *names, uint32_t id)
{
	return id ? block_at(names, names->entries[id].offset) : "";
}

size_t names_memory(const struct names *names)
{
	return sizeof(*names) + names->entry_count * sizeof(*names->entries) +
	       (names->bucket_mask + 1) * sizeof(*names->buckets) + names->arena_size;
}
