/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pipeline against a history that lags behind, a clock that is set, and names that mean nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/pipeline.h"
#include "source/hello_build.h"
#include "source/record_build.h"

#define NOW (INT64_C(1767225600) * NS_PER_SECOND)
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)

static struct {
	struct pipeline *pipeline;
	struct domain_rules *rules;
	struct network_scope networks;
	struct seen written; /* what the history says of any domain */
	int broken;          /* ... or that it can not be read */
	unsigned alerts;
	struct alert alert; /* the last one */
} run;

static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	(void)context, (void)kind, (void)domain, (void)application;
	*out = run.written;
	return run.broken;
}

static void on_alert(void *context, const struct alert *alert)
{
	(void)context;
	run.alerts += alert->revision == 0;
	run.alert = *alert;
}

static int begin(void **state)
{
	struct pipeline_edges edges = {.seen = on_seen, .alert = on_alert};
	struct pipeline_settings settings = {.window_seconds = 90 * SECONDS_PER_DAY,
					     .learning_since_ns = 1,
					     .scope = SCOPE_BOTH,
					     .sni = true,
					     .networks = &run.networks};
	struct domain_settings grouping = {0};
	struct failure failure;

	(void)state;
	memset(&run, 0, sizeof(run));
	if (domain_rules_new(&grouping, &run.rules, &failure))
		return -1;
	settings.rules = run.rules;
	return pipeline_new(&settings, &edges, &run.pipeline);
}

static int end(void **state)
{
	(void)state;
	pipeline_free(run.pipeline);
	domain_rules_free(run.rules);
	return 0;
}

static const uint8_t outside[] = {198, 51, 100, 10}, elsewhere[] = {198, 51, 100, 11};

static struct record_flow_spec spec_of(uint64_t cookie, const uint8_t remote[static 4], uint32_t tgid,
				       int64_t time_ns)
{
	return (struct record_flow_spec){.time_ns = time_ns,
					 .cookie = cookie,
					 .owner = {.tgid = tgid, .start_ns = 1, .uid = 1000},
					 .local = address_from_ipv4((const uint8_t[]){192, 0, 2, 1}),
					 .remote = address_from_ipv4(remote),
					 .local_port = 1234,
					 .remote_port = 443,
					 .protocol = 6};
}

static void open_flow(uint64_t cookie, const uint8_t remote[static 4], uint32_t tgid, int64_t time_ns)
{
	struct record_flow_spec spec = spec_of(cookie, remote, tgid, time_ns);
	struct fs_record_flow record;

	record_flow(&record, FS_RECORD_FLOW_OPEN, &spec, 0, 0, FS_OUTCOME_UNKNOWN);
	assert_int_equal(pipeline_feed(run.pipeline, &record, sizeof(record), 0), 0);
}

static void hello(uint64_t cookie, const uint8_t remote[static 4], const char *name)
{
	static uint8_t record[sizeof(struct fs_record_payload) + HELLO_BUILD_MAX];
	struct record_flow_spec spec = spec_of(cookie, remote, 7, NOW);
	uint8_t bytes[HELLO_BUILD_MAX];
	size_t length = hello_build(bytes, sizeof(bytes), name), size;

	spec.flags = FS_FLAG_OUT;
	size = record_payload(record, sizeof(record), FS_RECORD_SEGMENT, &spec, 1000, bytes, length, length);
	assert_int_equal(pipeline_feed(run.pipeline, record, size, 0), 0);
}

static void a_process(uint32_t tgid, const char *exe)
{
	struct record_process_spec spec = {.time_ns = NOW,
					   .owner = {.tgid = tgid, .start_ns = 1},
					   .comm = "it",
					   .exe = exe,
					   .cgroup = ""};
	struct fs_record_process record;

	record_process(&record, &spec);
	assert_int_equal(pipeline_feed(run.pipeline, &record, sizeof(record), 0), 0);
}

static void name(const uint8_t remote[static 4], const char *hostname, int64_t now_ns)
{
	struct address address = address_from_ipv4(remote);
	struct actor asker = {.tgid = 7, .start_ns = 1};

	assert_int_equal(pipeline_bind(run.pipeline, &address, hostname, "", &asker, now_ns, now_ns + DAY),
			 0);
}

static void what_is_not_written_yet_is_known_all_the_same(void **state)
{
	(void)state;
	a_process(7, "/usr/bin/a");
	a_process(8, "/usr/bin/b");
	name(outside, "www.example.com", NOW);
	open_flow(1, outside, 7, NOW);
	assert_int_equal(run.alerts, 1);
	assert_int_equal(run.alert.kind, ALERT_NEW_DOMAIN);
	open_flow(2, outside, 8, NOW + NS_PER_MS); /* the history has not heard of the first one */
	assert_int_equal(run.alerts, 2);
	assert_int_equal(run.alert.kind, ALERT_NEW_DOMAIN_FOR_APPLICATION);
	assert_int_equal(run.alert.seen.host_last_ns, NOW);
	assert_false(run.alert.seen.unread);
	run.broken = -EIO;
	a_process(9, "/usr/bin/c");
	open_flow(3, outside, 9, NOW + 2 * NS_PER_MS);
	assert_int_equal(run.alert.kind, ALERT_NEW_DOMAIN_FOR_APPLICATION);
	assert_true(run.alert.seen.unread);
	name(elsewhere, "www.example.org", NOW);
	open_flow(4, elsewhere, 9, NOW + 3 * NS_PER_MS);
	assert_int_equal(run.alert.kind, ALERT_NEW_DOMAIN);
	assert_true(run.alert.seen.unread && !run.alert.seen.host_last_ns);
}

/* Bytes go into the history alone. */
static void a_connection_that_lasts_keeps_its_domain_known(void **state)
{
	(void)state;
	name(outside, "www.example.com", NOW);
	open_flow(1, outside, 7, NOW);
	assert_int_equal(run.alerts, 1);
	run.written = (struct seen){.host_first_ns = NOW, .host_last_ns = NOW + 99 * DAY};
	open_flow(2, outside, 7, NOW + 100 * DAY);
	assert_int_equal(run.alerts, 1);
	open_flow(3, outside, 7, NOW + 200 * DAY);
	assert_int_equal(run.alerts, 2);
	assert_int_equal(run.alert.seen.host_last_ns, NOW + 100 * DAY);
}

static void a_clock_set_back_does_not_hold_up_what_waits(void **state)
{
	(void)state;
	open_flow(1, outside, 7, NOW);
	pipeline_tick(run.pipeline, NOW);
	assert_int_equal(run.alerts, 0); /* for its hello */
	pipeline_tick(run.pipeline, NOW - 3600 * NS_PER_SECOND);
	assert_int_equal(run.alerts, 1);
	open_flow(2, elsewhere, 7, NOW - 3600 * NS_PER_SECOND);
	pipeline_tick(run.pipeline, NOW - 3600 * NS_PER_SECOND);
	assert_int_equal(run.alerts, 1);
	pipeline_tick(run.pipeline, NOW - 3599 * NS_PER_SECOND);
	assert_int_equal(run.alerts, 2);
}

static void an_internal_name_hides_no_other_in_the_hello(void **state)
{
	(void)state;
	name(outside, "x.local", NOW);
	open_flow(1, outside, 7, NOW);
	assert_int_equal(run.alerts, 0);
	hello(1, outside, "evil.example.com");
	assert_int_equal(run.alerts, 1);
	assert_string_equal(run.alert.domain, "example.com");
	assert_string_equal(run.alert.attribution.dns_hostname, "x.local");
	text_copy(run.networks.domains[run.networks.domain_count++], HOSTNAME_MAX, "corp.example");
	name(elsewhere, "db.corp.example", NOW);
	open_flow(2, elsewhere, 7, NOW);
	hello(2, elsewhere, "www.corp.example");
	assert_int_equal(run.alerts, 1); /* inside by both */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_written_yet_is_known_all_the_same, begin, end),
		cmocka_unit_test_setup_teardown(a_connection_that_lasts_keeps_its_domain_known, begin, end),
		cmocka_unit_test_setup_teardown(a_clock_set_back_does_not_hold_up_what_waits, begin, end),
		cmocka_unit_test_setup_teardown(an_internal_name_hides_no_other_in_the_hello, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
