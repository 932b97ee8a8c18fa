/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes [from, to) are here, counted from the front of the buffer. Sorted, never touching. */
struct piece {
	uint32_t from, to;
};

struct stream {
	uint32_t front; /* sequence number of buffer[0] */
	size_t size;    /* of the buffer */
	uint8_t *buffer;
	size_t pieces;
	struct piece piece[STREAM_HOLES_MAX + 1];
};

struct stream *stream_new(uint32_t sequence)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream)
		stream->front = sequence;
	return stream;
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	free(stream->buffer);
	free(stream);
}

static int grow(struct stream *stream, size_t needed)
{
	size_t size = stream->size ? stream->size : 512;
	uint8_t *buffer;

	if (needed <= stream->size)
		return 0;
	while (size < needed)
		size *= 2;
	buffer = realloc(stream->buffer, size);
	if (!buffer)
		return -ENOMEM;
	stream->buffer = buffer;
	stream->size = size;
	return 0;
}

/* Copies what is not here yet of [from, to): bytes that came first stay. */
static void copy_missing(struct stream *stream, uint32_t from, uint32_t to, const uint8_t *bytes)
{
	uint32_t at = from;

	for (size_t i = 0; i <= stream->pieces && at < to; i++) {
		uint32_t gap_end = i < stream->pieces ? stream->piece[i].from : to;

		if (gap_end > to)
			gap_end = to;
		if (at < gap_end)
			memcpy(stream->buffer + at, bytes + (at - from), gap_end - at);
		if (i < stream->pieces && at < stream->piece[i].to)
			at = stream->piece[i].to;
	}
}

/* Joins [from, to) with the pieces that it overlaps or touches. */
static int join(struct stream *stream, uint32_t from, uint32_t to)
{
	size_t first = 0, last;

	while (first < stream->pieces && stream->piece[first].to < from)
		first++;
	last = first;
	while (last < stream->pieces && stream->piece[last].from <= to)
		last++;
	if (first == last) {
		if (stream->pieces == STREAM_HOLES_MAX + 1)
			return -ENOSPC;
		memmove(&stream->piece[first + 1], &stream->piece[first],
			(stream->pieces - first) * sizeof(struct piece));
		stream->pieces++;
	} else {
		if (stream->piece[first].from < from)
			from = stream->piece[first].from;
		if (stream->piece[last - 1].to > to)
			to = stream->piece[last - 1].to;
		memmove(&stream->piece[first + 1], &stream->piece[last],
			(stream->pieces - last) * sizeof(struct piece));
		stream->pieces -= last - first - 1;
	}
	stream->piece[first] = (struct piece){from, to};
	return 0;
}

int stream_add(struct stream *stream, uint32_t sequence, const uint8_t *bytes, size_t length)
{
	/* Differences of sequence numbers are signed: they wrap at 2^32. */
	int32_t offset = (int32_t)(sequence - stream->front);
	int error;

	if (offset < 0) { /* sent again: what was consumed already is passed over */
		size_t old = (size_t) - (int64_t)offset;

		if (old >= length)
			return 0;
		bytes += old;
		length -= old;
		offset = 0;
	}
	if (length == 0)
		return 0;
	if ((size_t)offset + length > STREAM_BYTES_MAX)
		return -ENOSPC;
	error = grow(stream, (size_t)offset + length);
	if (error)
		return error;
	/* A full list of pieces refuses only what would make one more; then the copy did no harm. */
	copy_missing(stream, (uint32_t)offset, (uint32_t)offset + (uint32_t)length, bytes);
	return join(stream, (uint32_t)offset, (uint32_t)offset + (uint32_t)length);
}

int stream_begin_before(struct stream *stream, uint32_t sequence)
{
	size_t by = stream->front - sequence; /* in 32 bits: it wraps */
	size_t end = stream->pieces ? stream->piece[stream->pieces - 1].to : 0;
	int error;

	if (by > STREAM_BYTES_MAX || end + by > STREAM_BYTES_MAX)
		return -ENOSPC;
	error = grow(stream, end + by);
	if (error)
		return error;
	if (end)
		memmove(stream->buffer + by, stream->buffer, end);
	for (size_t i = 0; i < stream->pieces; i++) {
		stream->piece[i].from += (uint32_t)by;
		stream->piece[i].to += (uint32_t)by;
	}
	stream->front = sequence;
	return 0;
}

const uint8_t *stream_peek(const struct stream *stream, size_t *length)
{
	*length = stream->pieces && stream->piece[0].from == 0 ? stream->piece[0].to : 0;
	return stream->buffer;
}

void stream_consume(struct stream *stream, size_t length)
{
	uint32_t taken = (uint32_t)length;
	uint32_t end;

	if (length == 0)
		return;
	end = stream->piece[stream->pieces - 1].to;
	memmove(stream->buffer, stream->buffer + taken, end - taken);
	stream->front += taken;
	for (size_t i = 0; i < stream->pieces; i++) {
		stream->piece[i].from = stream->piece[i].from > taken ? stream->piece[i].from - taken : 0;
		stream->piece[i].to -= taken;
	}
	if (stream->piece[0].to == 0) {
		stream->pieces--;
		memmove(&stream->piece[0], &stream->piece[1], stream->pieces * sizeof(struct piece));
	}
}

size_t stream_memory(const struct stream *stream)
{
	return sizeof(*stream) + stream->size;
}

bool stream_has_holes(const struct stream *stream)
{
	return stream->pieces > 1 || (stream->pieces == 1 && stream->piece[0].from > 0);
}
