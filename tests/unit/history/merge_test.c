/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "history/history.h"

#define T0 (INT64_C(1767225600) * NS_PER_SECOND)
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)

static struct failure failure;
static char listed[4096];

static struct history *opened(void)
{
	struct history *history = NULL;

	assert_int_equal(history_open("", HISTORY_MEMORY, &history, &failure), 0);
	assert_int_equal(history_stage(history, &failure), 0);
	assert_int_equal(history_begin(history, &failure), 0);
	return history;
}

static struct access_row row(const char *domain, const char *hostname, const char *application, int first,
			     int last, uint64_t connections, uint64_t out, uint64_t in)
{
	return (struct access_row){.domain = domain,
				   .hostname = hostname,
				   .application = application,
				   .exe = application,
				   .uid = 1000,
				   .first_ns = T0 + first * DAY,
				   .last_ns = T0 + last * DAY,
				   .connections = connections,
				   .bytes_out = out,
				   .bytes_in = in};
}

static void stage(struct history *history, struct access_row one)
{
	if (history_stage_access(history, &one, &failure))
		fail_msg("%s", failure.text);
}

static struct merge_counts merge(struct history *history)
{
	struct merge_counts counts;

	if (history_merge_staged(history, &counts, &failure))
		fail_msg("%s", failure.text);
	return counts;
}

static int list(void *context, const struct access_row *one)
{
	size_t used = strlen(listed);

	(void)context;
	snprintf(listed + used, sizeof(listed) - used, "%s %s %s %d %d %llu %llu %llu\n", one->domain,
		 one->hostname, one->application, (int)((one->first_ns - T0) / DAY),
		 (int)((one->last_ns - T0) / DAY), (unsigned long long)one->connections,
		 (unsigned long long)one->bytes_out, (unsigned long long)one->bytes_in);
	return 0;
}

static const char *accesses(struct history *history, struct history_filter filter)
{
	listed[0] = '\0';
	assert_int_equal(history_accesses(history, &filter, list, NULL, &failure), 0);
	return listed;
}

static void rows_are_merged_once(void **state)
{
	struct history *history = opened();
	struct merge_counts counts;
	struct domain_row domain;

	(void)state;
	stage(history, row("b.example", "www.b.example", "/bin/x", 2, 5, 10, 100, 1000));
	stage(history, row("a.example", "www.a.example", "/bin/x", 1, 1, 1, 0, 0));
	stage(history, row("b.example", "www.b.example", "/bin/x", 3, 6, 4, 200, 10)); /* the same twice */
	counts = merge(history);
	assert_int_equal(counts.fresh, 2);
	assert_string_equal(accesses(history, (struct history_filter){0}),
			    "a.example www.a.example /bin/x 1 1 1 0 0\n"
			    "b.example www.b.example /bin/x 2 6 10 200 1000\n");
	counts = merge(history);
	assert_int_equal(counts.same, 2);
	assert_int_equal(counts.fresh + counts.changed, 0);
	stage(history, row("b.example", "www.b.example", "/bin/x", 0, 4, 15, 10, 10));
	counts = merge(history);
	assert_int_equal(counts.changed, 1);
	assert_int_equal(counts.same, 1);
	assert_string_equal(accesses(history, (struct history_filter){0}),
			    "a.example www.a.example /bin/x 1 1 1 0 0\n"
			    "b.example www.b.example /bin/x 0 6 15 200 1000\n");
	/* The sums above the row are as if the daemon had seen it. */
	assert_int_equal(history_domain(history, "b.example", &domain, &failure), 1);
	assert_int_equal(domain.connections, 15);
	assert_int_equal(domain.bytes_out, 200);
	assert_int_equal(domain.bytes_in, 1000);
	assert_int_equal(domain.first_ns, T0);
	assert_int_equal(domain.last_ns, T0 + 6 * DAY);
	history_close(history);
}

static int no_places(void *context, const struct detail_row *detail)
{
	(void)context;
	assert_true(detail->detail != DETAIL_ADDRESS && detail->detail != DETAIL_DAY);
	return 0;
}

static void rows_bring_no_addresses_and_no_days(void **state)
{
	struct history *history = opened();
	struct seen seen;

	(void)state;
	stage(history, row("a.example", "www.a.example", "/bin/x", 1, 9, 1, 0, 0));
	merge(history);
	assert_int_equal(history_domain_details(history, "a.example", no_places, NULL, &failure), 0);
	assert_int_equal(history_seen(history, SUBJECT_DOMAIN, "a.example", "/bin/x", &seen), 0);
	assert_int_equal(seen.host_last_ns, T0 + 9 * DAY);
	assert_int_equal(seen.application_last_ns, T0 + 9 * DAY);
	history_close(history);
}

static void large_counts_and_others_are_kept(void **state)
{
	struct history *history = opened();

	(void)state;
	stage(history, row("a.example", HISTORY_OTHERS, "", 1, 1, (uint64_t)5 << 32, 7, 8));
	merge(history);
	assert_string_equal(accesses(history, (struct history_filter){0}),
			    "a.example (others)  1 1 21474836480 7 8\n");
	history_close(history);
}

static void accesses_are_chosen_by_span_and_application(void **state)
{
	struct history *history = opened();

	(void)state;
	stage(history, row("a.example", "a.example", "/bin/x", 1, 5, 1, 0, 0));
	stage(history, row("b.example", "b.example", "/bin/y", 2, 9, 1, 0, 0));
	merge(history);
	assert_string_equal(accesses(history, (struct history_filter){.since_ns = T0 + 6 * DAY}),
			    "b.example b.example /bin/y 2 9 1 0 0\n");
	assert_string_equal(accesses(history, (struct history_filter){.until_ns = T0 + 6 * DAY}),
			    "a.example a.example /bin/x 1 5 1 0 0\n");
	assert_string_equal(accesses(history, (struct history_filter){.application = "/bin/y"}),
			    "b.example b.example /bin/y 2 9 1 0 0\n");
	history_close(history);
}

static int count_import(void *context, const struct history_import *import)
{
	struct history_import *found = context;

	*found = *import;
	return 0;
}

static void imports_are_remembered_and_forgotten(void **state)
{
	struct history *history = opened();
	struct history_import one = {77, {1, UINT64_MAX}, T0, T0 + DAY, T0 + 2 * DAY},
			      other = {78, {3, 4}, T0, T0 + 9 * DAY, T0};
	struct history_import found = {0};
	struct history_span spans[HISTORY_SPANS_MAX] = {{T0, T0 + DAY}, {T0 + 3 * DAY, T0 + 4 * DAY}};

	(void)state;
	assert_int_equal(history_add_import(history, &one, T0, &failure), 0);
	assert_int_equal(history_imports(history, count_import, &found, &failure), 0);
	assert_memory_equal(&found, &one, sizeof(one));
	assert_int_equal(history_add_import(history, &other, T0 + 5 * DAY, &failure), 0);
	assert_int_equal(history_imports(history, count_import, &found, &failure), 0);
	assert_memory_equal(&found, &other, sizeof(other));
	assert_int_equal(history_write_imported(history, spans, 2, &failure), 0);
	memset(spans, 0, sizeof(spans));
	assert_int_equal(history_imported(history, spans, &failure), 2);
	assert_int_equal(spans[1].from_ns, T0 + 3 * DAY);
	assert_int_equal(spans[1].to_ns, T0 + 4 * DAY);
	history_close(history);
}

static void an_import_makes_the_history_older_but_covers_nothing(void **state)
{
	struct history *history = opened();
	struct history_summary summary;
	double share = -1;
	int64_t run;

	(void)state;
	assert_int_equal(history_begins_at(history, T0 + DAY, &failure), 0);
	assert_int_equal(history_begins_at(history, T0, &failure), 0);
	assert_int_equal(history_begins_at(history, T0 + 2 * DAY, &failure), 0);
	assert_int_equal(history_summary(history, &summary, &failure), 0);
	assert_int_equal(summary.since_ns, T0);
	assert_int_equal(summary.last_run_from_ns, 0);
	assert_int_equal(history_run_start(history, T0 + 5 * DAY, &run, &failure), 0);
	assert_int_equal(history_summary(history, &summary, &failure), 0);
	assert_int_equal(summary.since_ns, T0);
	assert_int_equal(summary.last_run_from_ns, T0 + 5 * DAY);
	assert_int_equal(history_coverage(history, T0, T0 + 5 * DAY, &share, &failure), 0);
	assert_true(share == 0);
	history_close(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_merged_once),
		cmocka_unit_test(rows_bring_no_addresses_and_no_days),
		cmocka_unit_test(large_counts_and_others_are_kept),
		cmocka_unit_test(accesses_are_chosen_by_span_and_application),
		cmocka_unit_test(imports_are_remembered_and_forgotten),
		cmocka_unit_test(an_import_makes_the_history_older_but_covers_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
