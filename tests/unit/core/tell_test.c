/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "core/pipeline.h"
#include "source/hello_build.h"
#include "source/record_build.h"

#define NOW (INT64_C(1767225600) * NS_PER_SECOND)

static struct {
	struct pipeline *pipeline;
	struct domain_rules *rules;
	struct network_scope networks;
	unsigned reports, progresses;
	struct flow_report report;
	struct flow_progress progress;
	char domain[DOMAIN_MAX];
	char hostname[HOSTNAME_MAX]; /* of the report */
} run;

static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	(void)context, (void)kind, (void)domain, (void)application;
	*out = (struct seen){0};
	return 0;
}

static void on_flow(void *context, const struct flow_report *report)
{
	(void)context;
	run.reports++;
	run.report = *report;
	text_copy(run.hostname, sizeof(run.hostname), report->attribution->hostname);
}

static void on_progress(void *context, const struct flow_progress *progress)
{
	(void)context;
	run.progresses++;
	run.progress = *progress;
	text_copy(run.domain, sizeof(run.domain), progress->domain);
}

static int begin_with(bool sni)
{
	struct pipeline_edges edges = {.seen = on_seen, .flow = on_flow, .progress = on_progress};
	struct domain_settings grouping = {0};
	struct pipeline_settings settings = {.window_seconds = 90 * SECONDS_PER_DAY,
					     .networks = &run.networks};
	struct failure failure;

	settings.sni = sni;
	memset(&run, 0, sizeof(run));
	if (domain_rules_new(&grouping, &run.rules, &failure))
		return -1;
	settings.rules = run.rules;
	return pipeline_new(&settings, &edges, &run.pipeline);
}

static int begin(void **state)
{
	(void)state;
	return begin_with(false);
}

static int begin_with_names(void **state)
{
	(void)state;
	return begin_with(true);
}

static int end(void **state)
{
	(void)state;
	pipeline_free(run.pipeline);
	domain_rules_free(run.rules);
	return 0;
}

static struct record_flow_spec spec_of(uint64_t cookie, const uint8_t remote[static 4], uint16_t flags)
{
	return (struct record_flow_spec){.time_ns = NOW,
					 .cookie = cookie,
					 .owner = {.tgid = 7, .uid = 1000},
					 .local = address_from_ipv4((const uint8_t[]){192, 0, 2, 1}),
					 .remote = address_from_ipv4(remote),
					 .local_port = 1234,
					 .remote_port = 443,
					 .protocol = 6,
					 .flags = flags};
}

static void feed(enum fs_record_kind kind, uint64_t cookie, const uint8_t remote[static 4], uint16_t flags,
		 uint64_t bytes)
{
	struct fs_record_flow record;
	struct record_flow_spec spec = spec_of(cookie, remote, flags);

	record_flow(&record, kind, &spec, bytes, 2 * bytes,
		    bytes ? FS_OUTCOME_ESTABLISHED : FS_OUTCOME_REFUSED);
	assert_int_equal(pipeline_feed(run.pipeline, &record, sizeof(record), 0), 0);
}

static const uint8_t outside[] = {198, 51, 100, 10}, inside[] = {127, 0, 0, 1};

static void flows_are_told_by_what_is_asked_for(void **state)
{
	(void)state;
	feed(FS_RECORD_FLOW_OPEN, 1, outside, 0, 0);
	feed(FS_RECORD_FLOW_OPEN, 2, inside, 0, 0);
	assert_int_equal(run.reports, 2); /* as a replay has it */
	pipeline_tell_flows(run.pipeline, FLOWS_EXTERNAL);
	feed(FS_RECORD_FLOW_OPEN, 3, inside, 0, 0);
	assert_int_equal(run.reports, 2);
	feed(FS_RECORD_FLOW_OPEN, 4, outside, 0, 0);
	assert_int_equal(run.reports, 3);
	assert_int_equal(run.report.remote_port, 443);
	assert_false(run.report.again);
	pipeline_tell_flows(run.pipeline, FLOWS_NONE);
	feed(FS_RECORD_FLOW_OPEN, 5, outside, 0, 0);
	assert_int_equal(run.reports, 3);
	assert_int_equal(pipeline_counts(run.pipeline)->flows, 5);
	assert_int_equal(pipeline_counts(run.pipeline)->verdicts[VERDICT_INTERNAL], 2);
}

static void the_end_is_told_of_flows_that_were(void **state)
{
	uint64_t first;

	(void)state;
	pipeline_tell_flows(run.pipeline, FLOWS_NONE);
	feed(FS_RECORD_FLOW_OPEN, 1, outside, 0, 0);
	pipeline_tell_flows(run.pipeline, FLOWS_EXTERNAL);
	feed(FS_RECORD_FLOW_VOLUME, 1, outside, FS_FLAG_CLOSED, 10);
	assert_int_equal(run.progresses, 0); /* its beginning was not */
	feed(FS_RECORD_FLOW_OPEN, 2, outside, 0, 0);
	first = run.report.id;
	feed(FS_RECORD_FLOW_VOLUME, 2, outside, 0, 10);
	assert_int_equal(run.progresses, 1);
	assert_false(run.progress.closed);
	feed(FS_RECORD_FLOW_OPEN, 3, outside, 0, 0);
	assert_true(run.report.id != first);
	feed(FS_RECORD_FLOW_VOLUME, 2, outside, FS_FLAG_CLOSED, 25);
	assert_int_equal(run.progresses, 2);
	assert_true(run.progress.closed);
	assert_true(run.progress.id == first);
	assert_int_equal(run.progress.bytes_out, 25);
	assert_int_equal(run.progress.bytes_in, 50);
	assert_int_equal(run.progress.outcome, FS_OUTCOME_ESTABLISHED);
	assert_int_equal(run.progress.owner.uid, 1000);
	assert_string_equal(run.domain, "198.51.100.10");
	pipeline_tell_flows(run.pipeline, FLOWS_NONE);
	feed(FS_RECORD_FLOW_VOLUME, 3, outside, FS_FLAG_CLOSED, 1);
	assert_int_equal(run.progresses, 2);
}

static void another_name_in_the_hello_is_told_as_the_same_flow(void **state)
{
	static uint8_t record[sizeof(struct fs_record_payload) + HELLO_BUILD_MAX];
	struct record_flow_spec spec = spec_of(1, outside, FS_FLAG_OUT);
	struct address address = address_from_ipv4(outside);
	struct actor asker = {.tgid = 7};
	uint8_t hello[HELLO_BUILD_MAX];
	size_t length = hello_build(hello, sizeof(hello), "www.example.org");
	size_t size =
		record_payload(record, sizeof(record), FS_RECORD_SEGMENT, &spec, 1000, hello, length, length);
	uint64_t id;

	(void)state;
	assert_int_equal(pipeline_bind(run.pipeline, &address, "www.example.com", "", &asker, NOW,
				       NOW + NS_PER_SECOND),
			 0);
	feed(FS_RECORD_FLOW_OPEN, 1, outside, 0, 0);
	assert_int_equal(run.reports, 1);
	assert_false(run.report.again);
	assert_string_equal(run.hostname, "www.example.com");
	id = run.report.id;
	assert_int_equal(pipeline_feed(run.pipeline, record, size, 0), 0);
	assert_int_equal(run.reports, 2);
	assert_true(run.report.again);
	assert_true(run.report.id == id);
	assert_string_equal(run.hostname, "www.example.org");
	feed(FS_RECORD_FLOW_VOLUME, 1, outside, FS_FLAG_CLOSED, 10);
	assert_string_equal(run.domain, "example.org");
}

static void beside_a_hidden_name_the_dns_stands(void **state)
{
	static uint8_t record[sizeof(struct fs_record_payload) + HELLO_BUILD_MAX];
	struct record_flow_spec spec = spec_of(1, outside, FS_FLAG_OUT);
	struct address address = address_from_ipv4(outside);
	struct actor asker = {.tgid = 7};
	uint8_t hello[HELLO_BUILD_MAX];
	size_t length = hello_build_ech(hello, sizeof(hello), "front.example.org");
	size_t size =
		record_payload(record, sizeof(record), FS_RECORD_SEGMENT, &spec, 1000, hello, length, length);

	(void)state;
	assert_int_equal(pipeline_bind(run.pipeline, &address, "www.example.com", "", &asker, NOW,
				       NOW + NS_PER_SECOND),
			 0);
	feed(FS_RECORD_FLOW_OPEN, 1, outside, 0, 0);
	assert_int_equal(pipeline_feed(run.pipeline, record, size, 0), 0);
	assert_int_equal(run.reports, 1);
	feed(FS_RECORD_FLOW_VOLUME, 1, outside, FS_FLAG_CLOSED, 10);
	assert_string_equal(run.domain, "example.com");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flows_are_told_by_what_is_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(the_end_is_told_of_flows_that_were, begin, end),
		cmocka_unit_test_setup_teardown(another_name_in_the_hello_is_told_as_the_same_flow,
						begin_with_names, end),
		cmocka_unit_test_setup_teardown(beside_a_hidden_name_the_dns_stands, begin_with_names, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
