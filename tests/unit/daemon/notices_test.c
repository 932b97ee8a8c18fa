/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the operator is told of losses: what was lost, since when, what to do, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "daemon/notices.h"

#define T0 (INT64_C(1767225600) * NS_PER_SECOND)
#define HOUR_NS (3600 * NS_PER_SECOND)

static int told;
static char message[512];

void __wrap_pipeline_notice(struct pipeline *pipeline, enum alert_kind kind, enum alert_severity severity,
			    int64_t time_ns, const char *text);

void __wrap_pipeline_notice(struct pipeline *pipeline, enum alert_kind kind, enum alert_severity severity,
			    int64_t time_ns, const char *text)
{
	(void)pipeline;
	(void)time_ns;
	assert_int_equal(kind, ALERT_COVERAGE_GAP);
	assert_int_equal(severity, SEVERITY_MEDIUM);
	assert_true(text_copy(message, sizeof(message), text));
	told++;
}

static void lose(struct notices *notices, uint64_t records, uint64_t unheld, int64_t now_ns)
{
	notices_lost(notices, NULL, records, unheld, now_ns - NS_PER_SECOND, now_ns);
}

static void each_loss_is_told_as_what_it_is(void **state)
{
	struct notices notices = {0};

	(void)state;
	told = 0;
	lose(&notices, 0, 0, T0);
	assert_int_equal(told, 0);
	lose(&notices, 7, 0, T0);
	assert_int_equal(told, 1);
	assert_string_equal(message, "7 records were lost from 2025-12-31T23:59:59.000Z to "
				     "2026-01-01T00:00:00.000Z: connections of that time may be missing; see "
				     "firstseen status for which, and capture.ring_size");
	memset(&notices, 0, sizeof(notices));
	lose(&notices, 0, 8, T0);
	assert_int_equal(told, 2);
	assert_non_null(strstr(message, "8 connections and alerts for which there was no room were lost from "
					"2025-12-31T23:59:59.000Z to 2026-01-01T00:00:00.000Z"));
	assert_non_null(strstr(message, "the disk of the history was slow"));
	assert_null(strstr(message, "ring_size"));
	memset(&notices, 0, sizeof(notices));
	lose(&notices, 9, 10, T0);
	assert_non_null(strstr(message, "9 records and 10 connections and alerts for which"));
	assert_non_null(strstr(message, "capture.ring_size"));
}

static void what_is_lost_within_an_hour_is_told_together(void **state)
{
	struct notices notices = {0};

	(void)state;
	told = 0;
	lose(&notices, 1, 0, T0);
	for (int second = 1; second < 3600; second++)
		lose(&notices, second == 10, second == 20, T0 + second * NS_PER_SECOND);
	assert_int_equal(told, 1);
	lose(&notices, 2, 3, T0 + HOUR_NS);
	assert_int_equal(told, 2);
	assert_non_null(strstr(message,
			       "3 records and 4 connections and alerts for which there was no room were "
			       "lost from 2026-01-01T00:00:09.000Z to 2026-01-01T01:00:00.000Z"));
	lose(&notices, 0, 0, T0 + 3 * HOUR_NS);
	assert_int_equal(told, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_loss_is_told_as_what_it_is),
		cmocka_unit_test(what_is_lost_within_an_hour_is_told_together),
	};

	return cmocka_run_group_tests_name("daemon/notices", tests, NULL, NULL);
}
