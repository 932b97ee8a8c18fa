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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_the_data_back),
		cmocka_unit_test(the_first_bytes_win),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests_name("core/stream", tests, NULL, NULL);
}
