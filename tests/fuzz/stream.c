/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* stream.c - segments in any order against a reading that knows no tricks: which byte came first at each
 * place. */
#include "core/stream.h"

#include <errno.h>
#include <string.h>

#include "support.h"

/* What is looked through here byte by byte shall not slow down what is tested. */
#ifdef __clang__
#define PLAIN __attribute__((no_sanitize("coverage", "address", "undefined")))
#else
#define PLAIN
#endif

static uint8_t bytes[STREAM_BYTES_MAX]; /* from the front on */
static bool here[STREAM_BYTES_MAX];
static uint8_t segment[65536];
static uint8_t fresh; /* each segment has other bytes */

PLAIN static size_t front_length(void)
{
	size_t length = 0;

	while (length < STREAM_BYTES_MAX && here[length])
		length++;
	return length;
}

PLAIN static void add(struct stream *stream, uint32_t front, int32_t offset, size_t length)
{
	int error;

	fresh += 31;
	for (size_t i = 0; i < length; i++)
		segment[i] = (uint8_t)(fresh + i);
	error = stream_add(stream, front + (uint32_t)offset, segment, length);
	must(error == 0 || error == -ENOSPC);
	if (error)
		return;
	for (size_t i = 0; i < length; i++) {
		int64_t at = (int64_t)offset + (int64_t)i;

		if (at < 0)
			continue;
		must(at < STREAM_BYTES_MAX);
		if (!here[at])
			bytes[at] = segment[i];
		here[at] = true;
	}
}

PLAIN static void check(const struct stream *stream, size_t length)
{
	size_t given;
	const uint8_t *front = stream_peek(stream, &given);
	bool holes = false;

	for (size_t i = length; i < STREAM_BYTES_MAX && !holes; i++)
		holes = here[i];
	must(given == length);
	must(length == 0 || memcmp(front, bytes, length) == 0);
	must(stream_has_holes(stream) == holes);
	must(stream_memory(stream) <= 3 * STREAM_BYTES_MAX);
}

static void consume(struct stream *stream, size_t length)
{
	stream_consume(stream, length);
	memmove(bytes, bytes + length, STREAM_BYTES_MAX - length);
	memmove(here, here + length, STREAM_BYTES_MAX - length);
	memset(here + STREAM_BYTES_MAX - length, 0, length);
}

static bool begin_before(struct stream *stream, uint32_t front, size_t by)
{
	if (stream_begin_before(stream, front - (uint32_t)by))
		return false;
	memmove(bytes + by, bytes, STREAM_BYTES_MAX - by);
	memmove(here + by, here, STREAM_BYTES_MAX - by);
	memset(here, 0, by);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint32_t front = (uint32_t)fuzz_take(&input, 4);
	struct stream *stream = stream_new(front);
	bool consumed = false;

	must(stream);
	memset(here, 0, sizeof(here));
	fresh = 0;
	while (input.left) {
		unsigned kind = (unsigned)fuzz_take(&input, 1);
		int16_t place = (int16_t)fuzz_take(&input, 2);
		size_t number = fuzz_take(&input, 1), front_size = front_length();

		check(stream, front_size);
		if (kind % 8 == 7 && front_size) {
			size_t taken = (size_t)(uint16_t)place % (front_size + 1);

			consume(stream, taken);
			front += (uint32_t)taken;
			consumed |= taken > 0;
		} else if (kind % 8 == 6 && !consumed) {
			if (begin_before(stream, front, number))
				front -= (uint32_t)number;
		} else {
			add(stream, front, place * (kind & 8 ? 16 : 1), kind & 16 ? number * 256 : number);
		}
	}
	check(stream, front_length());
	stream_free(stream);
	return 0;
}
