/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"

#define SIZE 5000
#define PIECES 200

struct piece {
	size_t from, length;
};

/* Cuts [0, SIZE) into pieces that overlap, some of them twice, and shuffles near ones. */
static size_t cut(struct piece pieces[static 2 * PIECES])
{
	size_t count = 0, at = 0;

	while (at < SIZE && count < 2 * PIECES - 2) {
		size_t back = at ? (size_t)rand() % (at < 20 ? at : 20) : 0;
		size_t length = 1 + (size_t)rand() % 80;

		if (at - back + length > SIZE)
			length = SIZE - (at - back);
		pieces[count++] = (struct piece){at - back, length};
		if (rand() % 5 == 0)
			pieces[count++] = (struct piece){at - back, length};
		if (at - back + length > at)
			at += length - back;
	}
	for (size_t i = 0; i + 1 < count; i++) {
		size_t other = i + (size_t)rand() % (count - i < 5 ? count - i : 5);
		struct piece swap = pieces[i];

		pieces[i] = pieces[other];
		pieces[other] = swap;
	}
	return at >= SIZE ? count : 0;
}

static void any_order_gives_the_data_back(void **state)
{
	static uint8_t data[SIZE], out[SIZE];
	static struct piece pieces[2 * PIECES];
	unsigned tried = 0;

	(void)state;
	srand(9);
	for (int round = 0; round < 400; round++) {
		uint32_t base = round % 2 ? (uint32_t)-2000 : (uint32_t)rand(); /* half of them wrap */
		struct stream *stream = stream_new(base);
		size_t count = cut(pieces), got = 0;

		assert_non_null(stream);
		for (size_t i = 0; i < SIZE; i++)
			data[i] = (uint8_t)rand();
		for (size_t i = 0; i < count; i++) {
			size_t length;
			const uint8_t *front;

			assert_int_equal(stream_add(stream, base + (uint32_t)pieces[i].from,
						    data + pieces[i].from, pieces[i].length),
					 0);
			front = stream_peek(stream, &length);
			if (length > 300 || i + 1 == count) {
				memcpy(out + got, front, length);
				stream_consume(stream, length);
				got += length;
			}
		}
		if (count) {
			tried++;
			assert_int_equal(got, SIZE);
			assert_memory_equal(out, data, SIZE);
			assert_false(stream_has_holes(stream));
		}
		stream_free(stream);
	}
	assert_true(tried > 100);
}

static void the_first_bytes_win(void **state)
{
	struct stream *stream = stream_new(0);
	size_t length;

	(void)state;
	assert_int_equal(stream_add(stream, 2, (const uint8_t *)"cd", 2), 0);
	assert_int_equal(stream_add(stream, 0, (const uint8_t *)"XXXXXX", 6), 0);
	assert_memory_equal(stream_peek(stream, &length), "XXcdXX", 6);
	assert_int_equal(length, 6);
	stream_free(stream);
}

static void memory_is_bounded(void **state)
{
	static uint8_t block[1000];
	struct stream *stream = stream_new(0);
	int error = 0;

	(void)state;
	assert_int_equal(stream_add(stream, STREAM_BYTES_MAX, block, 1), -ENOSPC);
	for (uint32_t i = 0; !error && i < 200; i++)
		error = stream_add(stream, i * 1000, block, sizeof(block));
	assert_int_equal(error, -ENOSPC);
	assert_true(stream_memory(stream) < 2 * 128 * 1024);
	stream_free(stream);
	stream = stream_new(0);
	error = 0;
	for (uint32_t i = 0; !error && i < 1000; i++)
		error = stream_add(stream, 1 + i * 3, block, 1);
	assert_int_equal(error, -ENOSPC); /* too many holes */
	assert_true(stream_has_holes(stream));
	stream_free(stream);
	stream_free(NULL);
}

/* Thirty pieces in any order at all, with the beginning not known before. */
static void the_beginning_may_come_last(void **state)
{
	static uint8_t data[3000];
	unsigned moved = 0;

	(void)state;
	srand(21);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand();
	for (int round = 0; round < 300; round++) {
		uint32_t base = round % 2 ? (uint32_t)-1500 : (uint32_t)rand(), first;
		unsigned order[30];
		struct stream *stream;
		size_t length;

		for (unsigned i = 0; i < 30; i++) {
			unsigned other = (unsigned)rand() % (i + 1);

			order[i] = order[other];
			order[other] = i;
		}
		first = base + order[0] * 100;
		stream = stream_new(first);
		assert_non_null(stream);
		for (unsigned i = 0; i < 30; i++) {
			uint32_t at = base + order[i] * 100;

			if ((int32_t)(at - first) < 0) {
				assert_int_equal(stream_begin_before(stream, at), 0);
				first = at;
				moved++;
			}
			assert_int_equal(stream_add(stream, at, data + order[i] * 100, 100), 0);
		}
		assert_memory_equal(stream_peek(stream, &length), data, sizeof(data));
		assert_int_equal(length, sizeof(data));
		assert_false(stream_has_holes(stream));
		stream_free(stream);
	}
	assert_true(moved > 300);
}

static void the_beginning_moves_within_the_bound(void **state)
{
	struct stream *stream = stream_new(100);
	size_t length, memory;

	(void)state;
	assert_int_equal(stream_add(stream, 100, (const uint8_t *)"tail", 4), 0);
	memory = stream_memory(stream);
	assert_int_equal(stream_begin_before(stream, UINT32_C(100) - (STREAM_BYTES_MAX - 3)), -ENOSPC);
	assert_int_equal(stream_begin_before(stream, 0x80000000), -ENOSPC);
	assert_int_equal(stream_memory(stream), memory); /* refused: all is as it was */
	assert_memory_equal(stream_peek(stream, &length), "tail", 4);
	assert_int_equal(length, 4);
	assert_int_equal(stream_begin_before(stream, UINT32_C(100) - (STREAM_BYTES_MAX - 4)), 0);
	stream_peek(stream, &length);
	assert_int_equal(length, 0);
	assert_true(stream_has_holes(stream));
	stream_free(stream);
}

/* What was consumed and comes again, alone or with new bytes behind it, is passed over. */
static void what_was_consumed_does_not_come_back(void **state)
{
	struct stream *stream = stream_new((uint32_t)-2);
	size_t length;

	(void)state;
	assert_int_equal(stream_add(stream, (uint32_t)-2, (const uint8_t *)"abcd", 4), 0);
	stream_consume(stream, 3);
	assert_int_equal(stream_add(stream, (uint32_t)-2, (const uint8_t *)"XYZ", 3), 0);
	assert_int_equal(stream_add(stream, (uint32_t)-2, (const uint8_t *)"XYZWef", 6), 0);
	assert_memory_equal(stream_peek(stream, &length), "def", 3);
	assert_int_equal(length, 3);
	assert_int_equal(stream_add(stream, 4, NULL, 0), 0);
	stream_free(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_the_data_back),
		cmocka_unit_test(the_first_bytes_win),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(the_beginning_may_come_last),
		cmocka_unit_test(the_beginning_moves_within_the_bound),
		cmocka_unit_test(what_was_consumed_does_not_come_back),
	};

	return cmocka_run_group_tests_name("core/stream", tests, NULL, NULL);
}
