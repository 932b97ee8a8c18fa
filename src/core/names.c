/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

#define HEAD_TEXT 48
#define MORE_TEXT 60
#define BLOCKS_MOST (UINT32_MAX / 4)

/*
 * A text is in one block, which is a cache line, or goes on in others. As blocks
 * have one size, none is ever left that is too small to be used.
 */
struct head {
	uint32_t more; /* the next block, or 0; of a free block too */
	uint32_t hash; /* its low bits are the bucket */
	uint32_t next; /* in the bucket */
	uint32_t references;
	char text[HEAD_TEXT]; /* ends with a NUL where it is not full */
};

struct more {
	uint32_t more;
	char text[MORE_TEXT];
};

union block {
	struct head head;
	struct more more;
};
_Static_assert(sizeof(union block) == NAMES_BLOCK, "a block is a cache line");

struct names {
	uint64_t seed;
	uint32_t count, bucket_mask;
	union block *blocks; /* [0] is not used */
	uint32_t *buckets;
	uint32_t free;    /* given back */
	uint32_t touched; /* blocks beyond it were never used */
	uint32_t left;    /* blocks that can be taken */
};

int names_new(size_t bytes, uint64_t seed, struct names **out)
{
	struct names *names = calloc(1, sizeof(*names));
	size_t count = bytes / NAMES_BLOCK < BLOCKS_MOST ? bytes / NAMES_BLOCK : BLOCKS_MOST;

	if (!names)
		return -ENOMEM;
	names->seed = seed;
	names->left = (uint32_t)count;
	names->count = (uint32_t)count + 1;
	names->bucket_mask = (uint32_t)hash_table_size(count) - 1;
	names->blocks = memory_reserve(names->count, sizeof(*names->blocks));
	names->buckets = memory_reserve((size_t)names->bucket_mask + 1, sizeof(*names->buckets));
	if (!names->blocks || !names->buckets) {
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
	memory_release(names->blocks, names->count, sizeof(*names->blocks));
	memory_release(names->buckets, (size_t)names->bucket_mask + 1, sizeof(*names->buckets));
	free(names);
}

static uint32_t take_block(struct names *names)
{
	uint32_t id = names->free;

	names->left--;
	if (!id)
		return ++names->touched;
	names->free = names->blocks[id].head.more;
	return id;
}

/* One piece of a text: how much of `length` fits into the block at hand. */
static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool is_text(const struct names *names, uint32_t id, const char *text, size_t length)
{
	const union block *block = &names->blocks[id];
	const char *piece = block->head.text;
	size_t room = HEAD_TEXT;

	while (length >= room && memcmp(piece, text, room) == 0) {
		text += room;
		length -= room;
		if (block->more.more == 0)
			return length == 0;
		block = &names->blocks[block->more.more];
		piece = block->more.text;
		room = MORE_TEXT;
	}
	return length < room && memcmp(piece, text, length) == 0 && piece[length] == '\0';
}

static uint32_t blocks_for(size_t length)
{
	return length <= HEAD_TEXT ? 1 : 1 + (uint32_t)((length - HEAD_TEXT + MORE_TEXT - 1) / MORE_TEXT);
}

static void write_text(struct names *names, uint32_t id, const char *text, size_t length)
{
	union block *block = &names->blocks[id];
	size_t size = least(length, HEAD_TEXT);

	memset(block->head.text, 0, HEAD_TEXT);
	memcpy(block->head.text, text, size);
	block->head.more = 0;
	while (length > size) {
		text += size;
		length -= size;
		size = least(length, MORE_TEXT);
		id = take_block(names);
		block->more.more = id;
		block = &names->blocks[id];
		block->more.more = 0;
		memset(block->more.text, 0, MORE_TEXT);
		memcpy(block->more.text, text, size);
	}
}

uint32_t names_take(struct names *names, const char *text)
{
	size_t length = strnlen(text, NAMES_TEXT_MAX - 1);
	uint32_t hash = (uint32_t)hash_bytes(names->seed, text, length), id;
	uint32_t *bucket = &names->buckets[hash & names->bucket_mask];
	struct head *head;

	for (id = *bucket; id; id = head->next) {
		head = &names->blocks[id].head;
		if (head->hash == hash && is_text(names, id, text, length)) {
			head->references++;
			return id;
		}
	}
	if (names->left < blocks_for(length))
		return 0;
	id = take_block(names);
	write_text(names, id, text, length);
	head = &names->blocks[id].head;
	head->hash = hash;
	head->references = 1;
	head->next = *bucket;
	*bucket = id;
	return id;
}

void names_drop(struct names *names, uint32_t id)
{
	struct head *head = &names->blocks[id].head;
	uint32_t *link, next;

	if (id == 0 || --head->references > 0)
		return;
	link = &names->buckets[head->hash & names->bucket_mask];
	while (*link != id)
		link = &names->blocks[*link].head.next;
	*link = head->next;
	for (; id; id = next) {
		next = names->blocks[id].head.more;
		names->blocks[id].head.more = names->free;
		names->free = id;
		names->left++;
	}
}

char *names_text(const struct names *names, uint32_t id, char *out, size_t size)
{
	const char *piece = names->blocks[id].head.text; /* [0] is all zero */
	size_t room = HEAD_TEXT, used = 0, length;

	for (;;) {
		length = strnlen(piece, least(room, size - 1 - used));
		memcpy(out + used, piece, length);
		used += length;
		id = names->blocks[id].more.more;
		if (!id)
			break;
		piece = names->blocks[id].more.text;
		room = MORE_TEXT;
	}
	out[used] = '\0';
	return out;
}

void names_expect(const struct names *names, uint32_t id)
{
	__builtin_prefetch(&names->blocks[id]);
}

bool names_equal(const struct names *names, uint32_t id, const char *text)
{
	return id ? is_text(names, id, text, strlen(text)) : text[0] == '\0';
}

size_t names_memory(const struct names *names)
{
	return sizeof(*names) + names->count * sizeof(*names->blocks) +
	       ((size_t)names->bucket_mask + 1) * sizeof(*names->buckets);
}
