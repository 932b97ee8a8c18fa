/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/crawlers.h"

#define SECOND NS_PER_SECOND
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define BEGIN (INT64_C(1767225600) * SECOND)

static const struct crawler_rule rule = {.domains = 20, .host_domains = 100, .window_seconds = 3600};
static struct crawlers *crawlers;

static int begin(void **state)
{
	(void)state;
	return crawlers_new(42, &crawlers);
}

static int end(void **state)
{
	(void)state;
	crawlers_free(crawlers);
	return 0;
}

/* One new domain; whether it goes into a digest. */
static bool note(const char *application, int64_t now_ns)
{
	struct crawler *crawler = crawlers_note(crawlers, &rule, application, now_ns);
	char domain[64];

	if (!crawler)
		return false;
	snprintf(domain, sizeof(domain), "d%lld.example", (long long)(now_ns / SECOND % 100000));
	crawler_add(crawlers, crawler, &rule, domain, NULL, now_ns);
	return true;
}

static void twenty_in_a_window_are_told_and_the_next_is_a_digest(void **state)
{
	int64_t now = BEGIN;

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_false(note("/a", now += SECOND));
	assert_true(note("/a", now += SECOND));
	assert_false(note("/b", now)); /* others are not */
	assert_int_equal(crawlers_count(crawlers), 1);
}

static void twenty_one_in_more_than_a_window_are_no_crawler(void **state)
{
	int64_t now = BEGIN;

	(void)state;
	for (int i = 0; i < 200; i++)
		assert_false(note("/a", now += 181 * SECOND)); /* 20 x 181 s is more than an hour */
	assert_int_equal(crawlers_count(crawlers), 0);
}

static void a_rule_of_zero_is_none(void **state)
{
	struct crawler_rule none = {.domains = 0, .host_domains = 1, .window_seconds = 3600};

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_null(crawlers_note(crawlers, &none, "/a", BEGIN));
		assert_null(crawlers_note(crawlers, &none, "", BEGIN));
	}
}

struct due {
	unsigned digests, left;
	struct crawler_state last;
};

static void on_due(void *context, struct crawler_state *state, const struct process *process,
		   enum crawler_due what)
{
	struct due *due = context;

	(void)process;
	due->digests += what == CRAWLER_DUE_DIGEST;
	due->left += what == CRAWLER_DUE_LEFT;
	due->last = *state;
}

static void tick(int64_t now_ns, struct due *due)
{
	crawlers_tick(crawlers, &rule, now_ns, false, on_due, due);
}

static void a_digest_is_due_at_the_end_of_its_window_and_leaving_after_a_day(void **state)
{
	struct due due = {0};
	int64_t now = BEGIN;

	(void)state;
	for (int i = 0; i < 70; i++) {
		note("/a", now += SECOND);
		tick(now, &due);
	}
	assert_int_equal(due.digests, 0);
	tick(BEGIN + 21 * SECOND + HOUR - 1, &due);
	assert_int_equal(due.digests, 0);
	tick(BEGIN + 21 * SECOND + HOUR, &due);
	assert_int_equal(due.digests, 1);
	assert_int_equal(due.last.digest.count, 50);
	assert_int_equal(due.last.digest.listed, 20);
	assert_int_equal(strncmp(due.last.digest.examples, "d", 1), 0);
	assert_int_equal(due.last.digest.phase, CRAWL_ENTERED);
	/* It stays one: the next single new domain goes to a digest as well. */
	now += 5 * HOUR;
	assert_true(note("/a", now));
	tick(now + HOUR, &due);
	assert_int_equal(due.digests, 2);
	assert_int_equal(due.last.digest.phase, CRAWL_GOES_ON);
	assert_int_equal(due.last.digest.count, 1);
	tick(BEGIN + 70 * SECOND + DAY - 1, &due);
	assert_int_equal(due.left, 0);
	tick(BEGIN + 70 * SECOND + DAY, &due);
	assert_int_equal(due.left, 1);
	assert_int_equal(crawlers_count(crawlers), 0);
	assert_false(note("/a", now + 2 * DAY));
	tick(now + 30 * DAY, &due);
	assert_int_equal(due.left, 1);
}

static void what_was_found_just_before_it_leaves_is_told(void **state)
{
	struct due due = {0};
	int64_t over = BEGIN + 29 * SECOND;

	(void)state;
	for (int i = 0; i < 30; i++)
		note("/a", BEGIN + i * SECOND);
	tick(BEGIN + 2 * HOUR, &due);
	assert_int_equal(due.digests, 1);
	assert_true(note("/a", over + DAY - HOUR / 2)); /* its window would be over half an hour too late */
	tick(over + DAY - SECOND, &due);
	assert_int_equal(due.digests, 1);
	tick(over + DAY, &due);
	assert_int_equal(due.digests, 2);
	assert_int_equal(due.left, 1);
	assert_int_equal(due.last.digest.count, 1);
}

static void a_clock_set_far_back_ends_the_window_instead_of_stretching_it(void **state)
{
	struct due due = {0};

	(void)state;
	for (int i = 0; i < 30; i++)
		note("/a", BEGIN + i * SECOND);
	tick(BEGIN + 30 * SECOND, &due);
	tick(BEGIN - 100 * DAY, &due);
	assert_int_equal(due.digests, 1);
	assert_int_equal(due.left, 1);
}

static struct crawler_state kept;

static int keep(void *context, const struct crawler_state *state)
{
	int *calls = context;

	kept = *state;
	(*calls)++;
	return *calls == 1 ? -1 : 0; /* no room at first */
}

static void the_state_survives(void **state)
{
	struct due due = {0};
	int calls = 0;

	(void)state;
	for (int i = 0; i < 25; i++)
		note("/a", BEGIN + i * SECOND);
	crawlers_changed(crawlers, keep, &calls);
	crawlers_changed(crawlers, keep, &calls);
	crawlers_changed(crawlers, keep, &calls);
	assert_int_equal(calls, 2); /* told again after it was refused, and then no more */
	crawlers_free(crawlers);
	assert_int_equal(crawlers_new(7, &crawlers), 0);
	strcpy(kept.uid, "u");
	assert_int_equal(crawlers_restore(crawlers, &kept), 0);
	assert_int_equal(crawlers_count(crawlers), 1);
	assert_true(note("/a", BEGIN + 100 * SECOND));
	tick(BEGIN + 20 * SECOND + HOUR, &due);
	assert_int_equal(due.last.digest.count, 6);
	assert_string_equal(due.last.uid, "u");
}

static void bytes_go_to_the_digest_that_is_open(void **state)
{
	struct crawler *crawler;
	struct due due = {0};
	uint32_t id;

	(void)state;
	for (int i = 0; i < 21; i++)
		note("/a", BEGIN);
	crawler = crawlers_note(crawlers, &rule, "/a", BEGIN);
	assert_non_null(crawler);
	id = crawler_id(crawlers, crawler);
	crawlers_bytes(crawlers, id, 10, 20);
	crawlers_bytes(crawlers, 0, 1, 1);
	crawlers_bytes(crawlers, id + 1, 1, 1);
	crawlers_bytes(crawlers, UINT32_MAX, 1, 1);
	tick(BEGIN + HOUR, &due);
	assert_int_equal(due.last.bytes_out, 10);
	assert_int_equal(due.last.bytes_in, 20);
	crawlers_bytes(crawlers, id, 10, 20); /* none is open: nothing to add to */
	assert_int_equal(crawler_state(crawler)->bytes_out, 10);
}

/* More applications than there is room for: those that are no crawlers go. */
static void the_number_of_applications_is_bounded(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 30; i++)
		note("/crawler", BEGIN + i);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "/bin/a%d", i);
		assert_false(note(name, BEGIN + SECOND + i));
	}
	assert_true(note("/crawler", BEGIN + 2 * SECOND));
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "/bin/c%d", i);
		for (int j = 0; j < 21; j++)
			note(name, BEGIN + 3 * SECOND);
	}
	assert_true(crawlers_count(crawlers) <= CRAWLERS_MAX);
	assert_true(note("/crawler", BEGIN + 4 * SECOND));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(twenty_in_a_window_are_told_and_the_next_is_a_digest),
		TEST(twenty_one_in_more_than_a_window_are_no_crawler),
		TEST(a_rule_of_zero_is_none),
		TEST(a_digest_is_due_at_the_end_of_its_window_and_leaving_after_a_day),
		TEST(what_was_found_just_before_it_leaves_is_told),
		TEST(a_clock_set_far_back_ends_the_window_instead_of_stretching_it),
		TEST(the_state_survives),
		TEST(bytes_go_to_the_digest_that_is_open),
		TEST(the_number_of_applications_is_bounded),
	};

	return cmocka_run_group_tests_name("core/crawlers", tests, NULL, NULL);
}
