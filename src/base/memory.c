/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE 64
#define LARGE_PAGE ((size_t)2 * 1024 * 1024)

/* Whole large pages, or lines where it is smaller than one. 0: too many. */
static size_t rounded(size_t count, size_t size)
{
	size_t bytes, unit;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2 || bytes == 0)
		return 0;
	unit = bytes < LARGE_PAGE ? LINE : LARGE_PAGE;
	return (bytes + unit - 1) / unit * unit;
}

/* Maps one large page more than is wanted and gives back what is before and behind the aligned part. */
static void *map_aligned(size_t bytes)
{
	uint8_t *whole = mmap(NULL, bytes + LARGE_PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (whole == MAP_FAILED)
		return NULL;
	before = (LARGE_PAGE - (uintptr_t)whole % LARGE_PAGE) % LARGE_PAGE;
	if (before)
		munmap(whole, before);
	munmap(whole + before + bytes, LARGE_PAGE - before);
	/* A kernel without large pages refuses, and the small ones serve. */
	(void)madvise(whole + before, bytes, MADV_HUGEPAGE);
	return whole + before;
}

void *memory_reserve(size_t count, size_t size)
{
	size_t bytes = rounded(count, size);
	void *memory;

	if (bytes == 0)
		return NULL;
	if (bytes >= LARGE_PAGE)
		return map_aligned(bytes);
	memory = aligned_alloc(LINE, bytes);
	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

void memory_release(void *memory, size_t count, size_t size)
{
	size_t bytes = rounded(count, size);

	if (!memory)
		return;
	if (bytes >= LARGE_PAGE)
		munmap(memory, bytes);
	else
		free(memory);
}
