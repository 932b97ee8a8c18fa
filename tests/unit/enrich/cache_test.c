/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is remembered, for how long; how many questions wait, and how many may be asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "enrich/cache.h"
#include "enrich/queue.h"

#define SECOND NS_PER_SECOND

static struct address numbered(unsigned number)
{
	return address_from_ipv4((const uint8_t[]){198, 51, (uint8_t)(number >> 8), (uint8_t)number});
}

static void remember(struct cache *cache, unsigned number, enum enrich_state state, int64_t until_ns)
{
	struct address address = numbered(number);
	struct cache_entry *entry = cache_get(cache, &address, 0);

	entry->answer.name_state = state;
	strcpy(entry->answer.name, "host.example");
	entry->name_until_ns = until_ns;
}

static enum enrich_state name_state(struct cache *cache, unsigned number, int64_t now_ns)
{
	struct address address = numbered(number);

	return cache_get(cache, &address, now_ns)->answer.name_state;
}

static void answers_last_as_long_as_they_should(void **state)
{
	struct address address = numbered(1);
	struct cache *cache;

	(void)state;
	assert_int_equal(cache_new(10, 1, &cache), 0);
	remember(cache, 1, ENRICH_CONFIRMED, 60 * SECOND);
	remember(cache, 2, ENRICH_ABSENT, 300 * SECOND); /* that there is none is remembered, too */
	remember(cache, 3, ENRICH_PENDING, 0);
	assert_int_equal(name_state(cache, 1, 59 * SECOND), ENRICH_CONFIRMED);
	assert_int_equal(name_state(cache, 1, 60 * SECOND), ENRICH_UNASKED);
	assert_string_equal(cache_get(cache, &address, 60 * SECOND)->answer.name, "");
	assert_int_equal(name_state(cache, 2, 299 * SECOND), ENRICH_ABSENT);
	assert_int_equal(name_state(cache, 2, 300 * SECOND), ENRICH_UNASKED);
	assert_int_equal(name_state(cache, 3, 9999 * SECOND), ENRICH_PENDING);
	cache_free(cache);
}

static void the_least_recently_used_one_makes_room(void **state)
{
	struct cache *cache;

	(void)state;
	assert_int_equal(cache_new(100, 1, &cache), 0);
	for (unsigned i = 0; i < 100; i++)
		remember(cache, i, ENRICH_ABSENT, 10 * SECOND);
	assert_int_equal(name_state(cache, 0, 1), ENRICH_ABSENT); /* used */
	for (unsigned i = 100; i < 150; i++)
		remember(cache, i, ENRICH_ABSENT, 10 * SECOND);
	assert_int_equal(cache_count(cache), 100);
	assert_int_equal(name_state(cache, 0, 1), ENRICH_ABSENT);
	assert_int_equal(name_state(cache, 149, 1), ENRICH_ABSENT);
	assert_int_equal(name_state(cache, 51, 1), ENRICH_ABSENT);
	assert_int_equal(name_state(cache, 50, 1), ENRICH_UNASKED);
	assert_int_equal(name_state(cache, 1, 1), ENRICH_UNASKED);
	for (unsigned i = 0; i < 5000; i++)
		remember(cache, i % 700, ENRICH_ABSENT, 10 * SECOND);
	assert_int_equal(cache_count(cache), 100);
	cache_free(cache);
}

static void a_ttl_is_kept_within_bounds(void **state)
{
	(void)state;
	assert_int_equal(cache_ttl_ns(0), 60 * SECOND);
	assert_int_equal(cache_ttl_ns(600), 600 * SECOND);
	assert_int_equal(cache_ttl_ns(INT32_MAX), 86400 * SECOND);
	assert_int_equal(cache_ttl_ns(UINT32_MAX), 60 * SECOND);
}

static void the_oldest_question_makes_room(void **state)
{
	struct question question = {.kind = QUESTION_NAME}, dropped, taken;
	struct queue *queue;

	(void)state;
	assert_int_equal(queue_new(&queue), 0);
	assert_false(queue_take(queue, &taken));
	for (unsigned i = 0; i < QUEUE_MOST; i++) {
		question.address = numbered(i);
		assert_false(queue_add(queue, &question, false, &dropped));
	}
	question.address = numbered(QUEUE_MOST);
	assert_true(queue_add(queue, &question, false, &dropped));
	assert_memory_equal(&dropped.address, numbered(0).bytes, 16);
	question.address = numbered(1000);
	assert_true(queue_add(queue, &question, true, &dropped)); /* what was begun goes first */
	assert_memory_equal(&dropped.address, numbered(1).bytes, 16);
	assert_int_equal(queue_count(queue), QUEUE_MOST);
	assert_true(queue_take(queue, &taken));
	assert_memory_equal(&taken.address, numbered(1000).bytes, 16);
	for (unsigned i = 2; i <= QUEUE_MOST; i++) {
		assert_true(queue_take(queue, &taken));
		assert_memory_equal(&taken.address, numbered(i).bytes, 16);
	}
	assert_false(queue_take(queue, &taken));
	queue_free(queue);
}

/* Asked as soon as it may, and at any later moment: never more in a second than the rate, a tenth of it and
 * one. */
static void no_second_has_more_questions_than_the_rate(void **state)
{
	static int64_t asked[20000];

	(void)state;
	for (unsigned rate = 1; rate <= 1000; rate *= 10) {
		struct rate bucket;
		int64_t now = 5 * SECOND;
		size_t count = 0;

		rate_begin(&bucket, rate, now);
		while (now < 9 * SECOND && count < 20000) {
			int64_t wait = rate_take(&bucket, now);

			if (wait == 0)
				asked[count++] = now;
			now += wait + (wait ? 300000 : 0) +
			       (count % 7 == 0 ? 900000 : 0); /* late, as clocks are */
			if (count == 3 * rate)
				now += 2 * SECOND; /* a pause saves up nothing */
		}
		assert_true(count >= rate);
		for (size_t i = 0, first = 0; i < count; i++) {
			while (asked[i] - asked[first] >= SECOND)
				first++;
			assert_true(i - first + 1 <= rate + rate / 10 + 1);
		}
	}
}

static void a_clock_that_goes_back_stops_nothing(void **state)
{
	struct rate bucket;

	(void)state;
	rate_begin(&bucket, 10, 100 * SECOND);
	assert_int_equal(rate_take(&bucket, 100 * SECOND), 0);
	assert_true(rate_take(&bucket, 50 * SECOND) > 0);
	assert_int_equal(rate_take(&bucket, 50 * SECOND + SECOND / 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_last_as_long_as_they_should),
		cmocka_unit_test(the_least_recently_used_one_makes_room),
		cmocka_unit_test(a_ttl_is_kept_within_bounds),
		cmocka_unit_test(the_oldest_question_makes_room),
		cmocka_unit_test(no_second_has_more_questions_than_the_rate),
		cmocka_unit_test(a_clock_that_goes_back_stops_nothing),
	};

	return cmocka_run_group_tests_name("enrich/cache", tests, NULL, NULL);
}
