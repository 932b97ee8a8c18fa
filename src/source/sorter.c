/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sorter.c - a merge sort: runs that fit into memory are sorted there and written
 * one behind the other into one file; a heap of all runs gives them back.
 */
#include "source/sorter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_SIZE (256 * 1024)
#define READ_LEAST (2 * (SORTER_RECORD_MAX + 64))
#define READ_MOST (256 * 1024)
#define ALIGN 8

/* In memory and in the file: this, then the record's bytes up to a multiple of ALIGN. */
struct entry {
	int64_t key;
	uint64_t number; /* in the order they came in */
	uint32_t rank;
	uint32_t size;
};

struct run {
	uint64_t at, end; /* in the file; what is not in the buffer yet */
	char *buffer;
	size_t filled, used;
};

struct sorter {
	char *arena;
	size_t room, used;
	struct entry **index;
	size_t count, index_room, next;
	uint64_t numbers;
	int fd; /* -1: all is in memory */
	uint64_t written;
	struct run *runs;
	size_t run_count, run_room, buffer_size;
	size_t *heap; /* numbers of runs that have a record */
	size_t heap_count;
	bool reading, started;
};

int sorter_new(size_t memory, struct sorter **out)
{
	struct sorter *sorter = calloc(1, sizeof(*sorter));

	if (!sorter)
		return -ENOMEM;
	sorter->fd = -1;
	sorter->room = memory < 4 * SORTER_RECORD_MAX ? 4 * SORTER_RECORD_MAX : memory / ALIGN * ALIGN;
	sorter->index_room = sorter->room / 64;
	sorter->arena = malloc(sorter->room);
	sorter->index = malloc(sorter->index_room * sizeof(*sorter->index));
	if (!sorter->arena || !sorter->index) {
		sorter_free(sorter);
		return -ENOMEM;
	}
	*out = sorter;
	return 0;
}

void sorter_free(struct sorter *sorter)
{
	if (!sorter)
		return;
	for (size_t i = 0; i < sorter->run_count; i++)
		free(sorter->runs[i].buffer);
	if (sorter->fd >= 0)
		close(sorter->fd);
	free(sorter->runs);
	free(sorter->heap);
	free(sorter->index);
	free(sorter->arena);
	free(sorter);
}

static int compare(const struct entry *a, const struct entry *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static int compare_indexed(const void *a, const void *b)
{
	return compare(*(struct entry *const *)a, *(struct entry *const *)b);
}

static size_t size_of(const struct entry *entry)
{
	return sizeof(*entry) + (entry->size + ALIGN - 1) / ALIGN * ALIGN;
}

/* --- runs ---------------------------------------------------------------------------------- */

static int no_file(int error, const char *folder, struct failure *failure)
{
	return failure_set(failure, error,
			   "sorting needs room in %.200s: %s; TMPDIR names another folder for it", folder,
			   strerror(-error));
}

static const char *folder(void)
{
	const char *named = getenv("TMPDIR");

	return named && named[0] ? named : "/var/tmp";
}

/* Nobody else sees the file, and it goes with the process. */
static int open_file(struct failure *failure)
{
	char path[4096];
	size_t length = strlen(folder());
	int fd = open(folder(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

	if (fd >= 0)
		return fd;
	if (length + sizeof("/firstseen-XXXXXX") > sizeof(path))
		return no_file(-ENAMETOOLONG, folder(), failure);
	memcpy(path, folder(), length);
	memcpy(path + length, "/firstseen-XXXXXX", sizeof("/firstseen-XXXXXX"));
	fd = mkostemp(path, O_CLOEXEC); /* a file system without O_TMPFILE */
	if (fd < 0)
		return no_file(-errno, folder(), failure);
	unlink(path);
	return fd;
}

static int write_all(struct sorter *sorter, const char *bytes, size_t size, struct failure *failure)
{
	while (size) {
		ssize_t count = write(sorter->fd, bytes, size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return no_file(count < 0 ? -errno : -EIO, folder(), failure);
		bytes += count;
		size -= (size_t)count;
		sorter->written += (uint64_t)count;
	}
	return 0;
}

static int write_entries(struct sorter *sorter, struct failure *failure)
{
	char *buffer = malloc(WRITE_SIZE);
	size_t used = 0;
	int error = 0;

	if (!buffer)
		return failure_set(failure, -ENOMEM, "out of memory");
	for (size_t i = 0; i < sorter->count && !error; i++) {
		size_t size = size_of(sorter->index[i]);

		if (used + size > WRITE_SIZE) {
			error = write_all(sorter, buffer, used, failure);
			used = 0;
		}
		memcpy(buffer + used, sorter->index[i], size);
		used += size;
	}
	if (!error)
		error = write_all(sorter, buffer, used, failure);
	free(buffer);
	return error;
}

/* Puts what is in memory into the file, as one run. */
static int write_run(struct sorter *sorter, struct failure *failure)
{
	uint64_t start = sorter->written;
	int error;

	if (sorter->run_count == sorter->run_room) {
		size_t room = sorter->run_room ? 2 * sorter->run_room : 16;
		struct run *runs = realloc(sorter->runs, room * sizeof(*runs));

		if (!runs)
			return failure_set(failure, -ENOMEM, "out of memory");
		sorter->runs = runs;
		sorter->run_room = room;
	}
	if (sorter->fd < 0)
		sorter->fd = open_file(failure);
	if (sorter->fd < 0)
		return -EIO;
	qsort(sorter->index, sorter->count, sizeof(*sorter->index), compare_indexed);
	error = write_entries(sorter, failure);
	if (error)
		return error;
	sorter->runs[sorter->run_count++] = (struct run){.at = start, .end = sorter->written};
	sorter->used = sorter->count = 0;
	return 0;
}

int sorter_add(struct sorter *sorter, int64_t key, uint32_t rank, const void *record, size_t size,
	       struct failure *failure)
{
	struct entry entry = {.key = key, .rank = rank, .size = (uint32_t)size};
	char *place;

	if (size == 0 || size > SORTER_RECORD_MAX || sorter->reading)
		return failure_set(failure, -EINVAL, "a record that can not be sorted");
	if (sorter->used + size_of(&entry) > sorter->room || sorter->count == sorter->index_room) {
		int error = write_run(sorter, failure);

		if (error)
			return error;
	}
	entry.number = sorter->numbers++;
	place = sorter->arena + sorter->used;
	memcpy(place, &entry, sizeof(entry));
	memcpy(place + sizeof(entry), record, size);
	/* The gap to the next one goes into the file, too. */
	memset(place + sizeof(entry) + size, 0, size_of(&entry) - sizeof(entry) - size);
	sorter->index[sorter->count++] = (struct entry *)(void *)place;
	sorter->used += size_of(&entry);
	return 0;
}

/* --- merging --------------------------------------------------------------------------------- */

static const struct entry *first_of(const struct sorter *sorter, size_t run)
{
	return (const struct entry *)(const void *)(sorter->runs[run].buffer + sorter->runs[run].used);
}

static bool is_whole(const struct run *run)
{
	size_t left = run->filled - run->used;

	return left >= sizeof(struct entry) &&
	       left >= size_of((const struct entry *)(const void *)(run->buffer + run->used));
}

/* Sees to it that the run's next record is in its buffer. 1, 0 at the run's end, or -errno. */
static int load(struct sorter *sorter, struct run *run, struct failure *failure)
{
	if (is_whole(run))
		return 1;
	memmove(run->buffer, run->buffer + run->used, run->filled - run->used);
	run->filled -= run->used;
	run->used = 0;
	while (run->at < run->end && run->filled < sorter->buffer_size) {
		size_t wanted = sorter->buffer_size - run->filled;
		ssize_t count;

		if (wanted > run->end - run->at)
			wanted = (size_t)(run->end - run->at);
		count = pread(sorter->fd, run->buffer + run->filled, wanted, (off_t)run->at);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return no_file(count < 0 ? -errno : -EIO, folder(), failure);
		run->filled += (size_t)count;
		run->at += (uint64_t)count;
	}
	return is_whole(run);
}

static void sift_down(struct sorter *sorter, size_t at)
{
	size_t *heap = sorter->heap;

	for (;;) {
		size_t child = 2 * at + 1, other;

		if (child >= sorter->heap_count)
			return;
		other = child + 1;
		if (other < sorter->heap_count &&
		    compare(first_of(sorter, heap[other]), first_of(sorter, heap[child])) < 0)
			child = other;
		if (compare(first_of(sorter, heap[at]), first_of(sorter, heap[child])) <= 0)
			return;
		other = heap[at];
		heap[at] = heap[child];
		heap[child] = other;
		at = child;
	}
}

static int begin_merge(struct sorter *sorter, struct failure *failure)
{
	int error = sorter->count ? write_run(sorter, failure) : 0, found;

	if (error)
		return error;
	/* The runs share the memory that the last one was made in. */
	sorter->buffer_size = sorter->room / sorter->run_count;
	if (sorter->buffer_size < READ_LEAST)
		sorter->buffer_size = READ_LEAST;
	if (sorter->buffer_size > READ_MOST)
		sorter->buffer_size = READ_MOST;
	free(sorter->arena);
	sorter->arena = NULL;
	sorter->heap = calloc(sorter->run_count, sizeof(*sorter->heap));
	if (!sorter->heap)
		return failure_set(failure, -ENOMEM, "out of memory");
	for (size_t i = 0; i < sorter->run_count; i++) {
		sorter->runs[i].buffer = malloc(sorter->buffer_size);
		if (!sorter->runs[i].buffer)
			return failure_set(failure, -ENOMEM, "out of memory");
		found = load(sorter, &sorter->runs[i], failure);
		if (found < 0)
			return found;
		if (found)
			sorter->heap[sorter->heap_count++] = i;
	}
	for (size_t i = sorter->heap_count; i-- > 0;)
		sift_down(sorter, i);
	return 0;
}

static void give(const struct entry *entry, int64_t *key, const void **record, size_t *size)
{
	*key = entry->key;
	*record = entry + 1;
	*size = entry->size;
}

static int next_merged(struct sorter *sorter, int64_t *key, const void **record, size_t *size,
		       struct failure *failure)
{
	if (sorter->started && sorter->heap_count) { /* past the one that was given before */
		struct run *run = &sorter->runs[sorter->heap[0]];
		int found;

		run->used += size_of(first_of(sorter, sorter->heap[0]));
		found = load(sorter, run, failure);
		if (found < 0)
			return found;
		if (!found)
			sorter->heap[0] = sorter->heap[--sorter->heap_count];
		sift_down(sorter, 0);
	}
	sorter->started = true;
	if (!sorter->heap_count)
		return 0;
	give(first_of(sorter, sorter->heap[0]), key, record, size);
	return 1;
}

int sorter_next(struct sorter *sorter, int64_t *key, const void **record, size_t *size,
		struct failure *failure)
{
	if (!sorter->reading) {
		int error = 0;

		sorter->reading = true;
		if (sorter->run_count)
			error = begin_merge(sorter, failure);
		else
			qsort(sorter->index, sorter->count, sizeof(*sorter->index), compare_indexed);
		if (error)
			return error;
	}
	if (sorter->run_count)
		return next_merged(sorter, key, record, size, failure);
	if (sorter->next == sorter->count)
		return 0;
	give(sorter->index[sorter->next++], key, record, size);
	return 1;
}

uint64_t sorter_count(const struct sorter *sorter)
{
	return sorter->numbers;
}
