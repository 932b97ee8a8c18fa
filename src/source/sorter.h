/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sorter.h - puts any number of small records in order, in bounded memory: what
 * does not fit lies in a nameless file in $TMPDIR (/var/tmp).
 */
#ifndef SOURCE_SORTER_H
#define SOURCE_SORTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

#define SORTER_RECORD_MAX 32768

struct sorter; /* opaque */

/* `memory` bytes hold the records of one run. 0 or -ENOMEM. */
int sorter_new(size_t memory, struct sorter **out);
void sorter_free(struct sorter *sorter); /* NULL is fine */

/* Copies a record of 1..SORTER_RECORD_MAX bytes. Records of equal `key` and `rank` stay in the order they
 * came in. 0, or -errno with *failure filled. */
int sorter_add(struct sorter *sorter, int64_t key, uint32_t rank, const void *record, size_t size,
	       struct failure *failure);

/* After the first call nothing may be added. 1: *record lives until the next call, 0: that was all, or
 * -errno. */
int sorter_next(struct sorter *sorter, int64_t *key, const void **record, size_t *size,
		struct failure *failure);

uint64_t sorter_count(const struct sorter *sorter);

#endif
