/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * memory.h - memory for large tables that are read at random: large pages where
 * the kernel gives them, so that a look into the table costs one cache miss and
 * not the walk to its page as well.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/*
 * `count` zeroed items of `size` bytes, aligned to a cache line at least. No page is taken
 * before it is touched. NULL when out of memory. Freed with memory_release() and the same numbers.
 */
void *memory_reserve(size_t count, size_t size);
void memory_release(void *memory, size_t count, size_t size); /* NULL is fine */

#endif
