/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a report asks of a history. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "history/history.h"

#define T0 (INT64_C(1767225600) * NS_PER_SECOND) /* a midnight */
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)
#define DAY0 (T0 / DAY)

static struct failure failure;
static char told[1024];

static void tell(const char *text)
{
	strncat(told, text, sizeof(told) - strlen(told) - 1);
}

static void access_at(struct history *history, int64_t time_ns, enum subject_kind kind, const char *domain,
		      const char *application, uint32_t connections)
{
	const struct access access = {.time_ns = time_ns,
				      .kind = kind,
				      .domain = domain,
				      .hostname = domain,
				      .application = application,
				      .exe = application,
				      .remote_port = 443,
				      .protocol = 6,
				      .connections = connections,
				      .bytes_out = 10,
				      .bytes_in = 20};
	struct batch *batch = NULL;

	assert_int_equal(batch_new(&(struct batch_limits){.accesses = 16, .alerts = 1}, &batch), 0);
	assert_int_equal(batch_add_access(batch, &access), 0);
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_write_accesses(history, batch, &failure), 0);
	assert_int_equal(history_commit(history, &failure), 0);
	batch_free(batch);
}

static int set_up(void **state)
{
	struct history *history = NULL;

	if (history_open("", HISTORY_MEMORY, &history, &failure))
		return -1;
	access_at(history, T0 - 3 * DAY, SUBJECT_DOMAIN, "early.example", "/bin/a", 5);
	access_at(history, T0 - DAY, SUBJECT_DOMAIN, "before.example", "/bin/a", 1);
	access_at(history, T0, SUBJECT_DOMAIN, "midnight.example", "/bin/a", 9);
	access_at(history, T0 + DAY - 1000, SUBJECT_ADDRESS, "203.0.113.1", "/bin/b", 2);
	access_at(history, T0 + 2 * DAY, SUBJECT_DOMAIN, "early.example", "/bin/b", 50);
	access_at(history, T0 + 2 * DAY, SUBJECT_DOMAIN, "late.example", "/bin/b", 1);
	told[0] = '\0';
	*state = history;
	return 0;
}

static int tear_down(void **state)
{
	history_close(*state);
	return 0;
}

static int tell_day(void *context, const struct first_seen_day *day)
{
	char text[64];

	(void)context;
	snprintf(text, sizeof(text), "%d:%d+%d ", (int)(day->day - DAY0), (int)day->domains,
		 (int)day->addresses);
	tell(text);
	return 0;
}

static void days_count_what_was_seen_for_the_first_time(void **state)
{
	assert_int_equal(history_first_seen_days(*state, DAY0, T0 + 9 * DAY, tell_day, NULL, &failure), 0);
	assert_string_equal(told, "-1:2+0 0:1+1 2:1+0 ");
	told[0] = '\0';
	assert_int_equal(history_first_seen_days(*state, DAY0, T0, tell_day, NULL, &failure), 0);
	assert_string_equal(told, "-1:2+0 0:1+0 ");
}

static int tell_domain(void *context, const struct domain_row *row)
{
	char text[128];

	snprintf(text, sizeof(text), "%s=%d ", row->domain, (int)row->connections);
	tell(text);
	return context ? 7 : 0;
}

static void the_busiest_come_first(void **state)
{
	struct history_filter filter = {.busiest = true, .limit = 2};

	assert_int_equal(history_domains(*state, &filter, tell_domain, NULL, &failure), 0);
	assert_string_equal(told, "early.example=55 midnight.example=9 ");
	told[0] = '\0';
	assert_int_equal(history_busiest_of(*state, "/bin/a", 2, tell_domain, NULL, &failure), 0);
	assert_string_equal(told, "midnight.example=9 early.example=5 ");
	told[0] = '\0';
	assert_int_equal(history_busiest_of(*state, "/bin/a", 9, tell_domain, told, &failure), 7);
	assert_string_equal(told, "midnight.example=9 ");
	assert_int_equal(history_busiest_of(*state, "/bin/none", 9, tell_domain, told, &failure), 0);
}

static void a_pair_has_its_own_counts(void **state)
{
	struct detail_row row;

	assert_int_equal(history_pair(*state, "/bin/b", SUBJECT_DOMAIN, "early.example", &row, &failure), 1);
	assert_int_equal(row.connections, 50);
	assert_int_equal(row.bytes_in, 20);
	assert_int_equal(history_pair(*state, "/bin/b", SUBJECT_ADDRESS, "203.0.113.1", &row, &failure), 1);
	assert_int_equal(history_pair(*state, "/bin/b", SUBJECT_DOMAIN, "203.0.113.1", &row, &failure), 0);
	assert_int_equal(history_pair(*state, "/bin/b", SUBJECT_DOMAIN, "before.example", &row, &failure), 0);
}

static int tell_span(void *context, const struct watch_span *span)
{
	char text[128];

	(void)context;
	snprintf(text, sizeof(text), "%d-%d %s%s%d ", (int)((span->from_ns - T0) / DAY),
		 (int)((span->to_ns - T0) / DAY), span->reason, span->ended ? "ended" : "", (int)span->lost);
	tell(text);
	return 0;
}

static void spans_that_touch_come_newest_first(void **state)
{
	int64_t run;

	for (int64_t day = 0; day < 3; day++) {
		assert_int_equal(history_run_start(*state, T0 + 3 * day * DAY, &run, &failure), 0);
		assert_int_equal(history_run_seen(*state, run, T0 + (3 * day + 1) * DAY, day == 1, &failure),
				 0);
	}
	assert_int_equal(history_begin(*state, &failure), 0);
	assert_int_equal(history_write_gap(*state, T0, T0 + DAY, "clock", 0, &failure), 0);
	assert_int_equal(history_write_gap(*state, T0 + 4 * DAY, T0 + 5 * DAY, "lost", 12, &failure), 0);
	assert_int_equal(history_commit(*state, &failure), 0);
	assert_int_equal(history_runs(*state, T0 + 2 * DAY, T0 + 9 * DAY, tell_span, NULL, &failure), 0);
	assert_string_equal(told, "6-7 0 3-4 ended0 ");
	told[0] = '\0';
	assert_int_equal(history_gaps(*state, T0 + DAY, T0 + 4 * DAY, tell_span, NULL, &failure), 0);
	assert_string_equal(told, "4-5 lost12 0-1 clock0 ");
}

#define WITH_HISTORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HISTORY(days_count_what_was_seen_for_the_first_time),
		WITH_HISTORY(the_busiest_come_first),
		WITH_HISTORY(a_pair_has_its_own_counts),
		WITH_HISTORY(spans_that_touch_come_newest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
