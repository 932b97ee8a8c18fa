/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* scenario.c - scenarios of any bytes, one behind the other with a NUL byte between them. */
#include <stdlib.h>
#include <string.h>

#include "core/observe.h"
#include "source/source.h"
#include "support.h"

#define RECORDS_MOST 300
#define ROUNDS_MOST 100000

static unsigned records;

static void on_observation(void *context, const struct observation *observation)
{
	(void)context;
	(void)observation;
}

static int on_record(void *context, const void *record, size_t size)
{
	must(observer_feed(context, record, size, 0) == 0);
	return ++records > RECORDS_MOST;
}

static int on_time(void *context, int64_t now_ns)
{
	(void)context;
	(void)now_ns;
	return ++records > RECORDS_MOST;
}

static int on_word(void *context, const char *word, const char *rest, const char *where,
		   struct failure *failure)
{
	(void)context;
	must(word[0] && rest && strstr(where, ":"));
	return strstr(rest, "refuse") ? failure_set(failure, -22, "%s: refused", where) : 0;
}

/* The largest number of a line, up to ROUNDS_MOST + 1; as many where one is put together from $n. */
static uint64_t largest_number(const uint8_t *at, const uint8_t *end)
{
	uint64_t number = 0, largest = 1;

	for (; at < end && *at != '\n'; at++) {
		if (*at == '$')
			return ROUNDS_MOST + 1;
		number = *at >= '0' && *at <= '9' ? number * 10 + (uint64_t)(*at - '0') : 0;
		if (number > ROUNDS_MOST)
			return ROUNDS_MOST + 1;
		if (number > largest)
			largest = number;
	}
	return largest;
}

/* Rounds of nothing may be as many as their writer likes: that is no fault. */
static bool goes_round_and_round(const uint8_t *text, size_t length)
{
	const uint8_t *end = text + length, *at = text;
	uint64_t rounds = 1;

	while (rounds <= ROUNDS_MOST && (at = memmem(at, (size_t)(end - at), "repeat", 6))) {
		at += 6;
		rounds *= largest_number(at, end);
	}
	return rounds > ROUNDS_MOST;
}

static void run(const uint8_t *text, size_t length, bool words)
{
	struct observer_limits limits = {.streams = 16, .stream_bytes = 256 * 1024};
	struct source_sink sink = {.record = on_record, .time = on_time, .word = words ? on_word : NULL};
	struct source_counts counts = {0};
	struct failure failure = {{0}};
	struct observer *observer;
	int error;

	if (goes_round_and_round(text, length))
		return;
	must(observer_new(&limits, on_observation, NULL, &observer) == 0);
	sink.context = observer;
	records = 0;
	error = source_scenario(fuzz_file(text, length), &sink, &counts, &failure);
	must(error >= 0 || failure.text[0]);
	observer_free(observer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	for (const uint8_t *at = data; at < end;) {
		const uint8_t *stop = memchr(at, 0, (size_t)(end - at));

		run(at, (size_t)((stop ? stop : end) - at), (end - at) % 2);
		at = stop ? stop + 1 : end;
	}
	return 0;
}
