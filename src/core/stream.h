/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stream.h - puts TCP segments in order: out of order, overlapping, repeated.
 * Bounded: a stream keeps at most STREAM_BYTES_MAX bytes that nobody consumed.
 */
#ifndef CORE_STREAM_H
#define CORE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_BYTES_MAX (66 * 1024) /* one DNS message of 64 KiB, its length and some slack */
#define STREAM_HOLES_MAX 32

struct stream; /* opaque */

/* `sequence` is that of the first byte of the stream. NULL when out of memory. */
struct stream *stream_new(uint32_t sequence);
void stream_free(struct stream *stream);

/* Adds a segment. 0; -ENOSPC when it lies beyond the bound or makes too many holes; -ENOMEM. First bytes win.
 */
int stream_add(struct stream *stream, uint32_t sequence, const uint8_t *bytes, size_t length);

/*
 * Moves the beginning back to `sequence`, before the one it has; all bytes stay. 0; -ENOSPC
 * when they would lie beyond the bound; -ENOMEM. Only before anything was consumed.
 */
int stream_begin_before(struct stream *stream, uint32_t sequence);

/* The contiguous bytes at the front, valid until the next call. */
const uint8_t *stream_peek(const struct stream *stream, size_t *length);
void stream_consume(struct stream *stream, size_t length); /* <= what stream_peek said */

size_t stream_memory(const struct stream *stream); /* bytes held now */
bool stream_has_holes(const struct stream *stream);

#endif
