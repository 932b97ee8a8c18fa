/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/text.h"
#include "control/control.h"
#include "daemon/feed.h"

static const struct attribution unnamed;
static struct attribution named = {.method = METHOD_DNS, .hostname = "www.example.com"};

static struct flow_report report_of(uint64_t id, const struct attribution *attribution)
{
	return (struct flow_report){.id = id,
				    .time_ns = INT64_C(1772366400) * NS_PER_SECOND,
				    .remote = address_from_ipv4((const uint8_t[]){198, 51, 100, 10}),
				    .remote_port = 443,
				    .protocol = 6,
				    .verdict = VERDICT_KNOWN,
				    .domain = "example.com",
				    .attribution = attribution};
}

static struct feed *begin(void)
{
	struct feed *feed;

	assert_int_equal(feed_new(&feed), 0);
	assert_int_equal(feed_start(feed), 0);
	return feed;
}

/* A reader's end of a connection. */
static int subscribe(struct feed *feed)
{
	char text[CONTROL_MESSAGE_MAX];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(feed_subscribe(feed, ends[0], true), 0);
	assert_int_equal(control_next(ends[1], text), sizeof("ok") + sizeof("watching"));
	assert_string_equal(text, "ok");
	return ends[1];
}

/* The next message; false: none within `patience_ms`. */
static bool next(int reader, char text[static CONTROL_MESSAGE_MAX], int patience_ms)
{
	struct pollfd wait = {.fd = reader, .events = POLLIN};

	return poll(&wait, 1, patience_ms) == 1 && control_next(reader, text) > 0;
}

static json_t *expect(int reader)
{
	char text[CONTROL_MESSAGE_MAX];
	json_t *message;

	assert_true(next(reader, text, 5000));
	message = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(message);
	return message;
}

static const char *text_in(const json_t *message, const char *key)
{
	return json_string_value(json_object_get(message, key));
}

static void a_flow_is_told_to_everyone_until_he_leaves(void **state)
{
	struct feed *feed = begin();
	struct flow_report report = report_of(0x1234, &named);
	int readers[2];
	char text[CONTROL_MESSAGE_MAX];

	(void)state;
	assert_false(feed_wanted(NULL));
	assert_false(feed_wanted(feed));
	feed_flow(feed, &report); /* nobody hears */
	for (int i = 0; i < 2; i++)
		readers[i] = subscribe(feed);
	assert_true(feed_wanted(feed));
	feed_flow(feed, &report);
	for (int i = 0; i < 2; i++) {
		json_t *message = expect(readers[i]);

		assert_string_equal(text_in(message, "type"), "flow");
		assert_string_equal(text_in(message, "flow"), "0000000000001234");
		assert_string_equal(text_in(message, "hostname"), "www.example.com");
		assert_string_equal(text_in(message, "address"), "198.51.100.10");
		assert_string_equal(text_in(message, "verdict"), "known");
		assert_null(json_object_get(message, "pid"));
		json_decref(message);
		assert_false(next(readers[i], text, 0));
	}
	close(readers[0]);
	feed_flow(feed, &report);
	assert_true(next(readers[1], text, 5000)); /* the other one goes on */
	close(readers[1]);
	for (int i = 0; i < 500 && feed_wanted(feed); i++)
		poll(NULL, 0, 10);
	assert_false(feed_wanted(feed));
	feed_free(feed);
}

static void there_is_room_for_some_readers(void **state)
{
	struct feed *feed = begin();
	int readers[FEED_READERS_MAX], ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	for (int i = 0; i < FEED_READERS_MAX; i++) {
		if (i == FEED_READERS_MAX - 1) /* the last place is root's */
			assert_int_equal(feed_subscribe(feed, ends[0], false), -EBUSY);
		readers[i] = subscribe(feed);
	}
	assert_int_equal(feed_subscribe(feed, ends[0], true), -EBUSY);
	assert_int_equal(write(ends[0], "x", 1), 1); /* it is still ours */
	close(readers[1]);
	for (int i = 0; i < 500 && feed_subscribe(feed, ends[0], true); i++)
		poll(NULL, 0, 10);
	assert_int_equal(feed_subscribe(feed, ends[1], true), -EBUSY);
	feed_free(feed);
	close(ends[1]);
	for (int i = 0; i < FEED_READERS_MAX; i++)
		if (i != 1)
			close(readers[i]);
}

static void who_reads_too_slowly_misses_the_oldest_and_hears_how_many(void **state)
{
	enum { TOLD = 20000 };
	struct feed *feed = begin();
	int slow = subscribe(feed);
	char text[CONTROL_MESSAGE_MAX];
	uint64_t shown = 0, missed = 0, just_missed = 0, last = 0;
	struct timespec begun, ended;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (uint64_t i = 1; i <= TOLD; i++) {
		struct flow_report report = report_of(i, &unnamed);

		feed_flow(feed, &report);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_true(ended.tv_sec - begun.tv_sec < 10); /* it waited for nobody */
	while (last != TOLD) {
		json_t *message = expect(slow);

		if (strcmp(text_in(message, "type"), "not_shown") == 0) {
			just_missed = (uint64_t)json_integer_value(json_object_get(message, "count"));
			missed += just_missed;
		} else {
			uint64_t id = strtoull(text_in(message, "flow"), NULL, 16);

			assert_int_equal(id, last + just_missed + 1); /* no gap that was not told */
			just_missed = 0;
			shown++;
			last = id;
		}
		json_decref(message);
	}
	assert_int_equal(shown + missed, TOLD);
	assert_true(missed > TOLD / 2);
	assert_true(shown >= FEED_EVENTS);
	assert_false(next(slow, text, 50));
	feed_free(feed);
	close(slow);
}

static void what_came_before_the_end_is_sent(void **state)
{
	struct feed *feed = begin();
	struct flow_report report = report_of(7, &named);
	int reader = subscribe(feed);
	char text[CONTROL_MESSAGE_MAX];

	(void)state;
	feed_flow(feed, &report);
	feed_free(feed);
	assert_true(next(reader, text, 0));
	assert_int_equal(control_next(reader, text), 0); /* the daemon ended */
	close(reader);
	feed_free(NULL);
}

static void any_event_fits_a_message(void **state)
{
	static struct alert alert;
	struct feed_event event;
	char text[CONTROL_MESSAGE_MAX];
	json_t *message;

	(void)state;
	alert.kind = ALERT_COVERAGE_GAP;
	alert.severity = SEVERITY_MEDIUM;
	alert.process_known = true;
	alert.remote_port = 65535;
	memset(alert.domain, 1, sizeof(alert.domain) - 1); /* \u0001: a byte becomes six */
	memset(alert.attribution.hostname, 1, sizeof(alert.attribution.hostname) - 1);
	memset(alert.process.application, 1, sizeof(alert.process.application) - 1);
	memset(alert.process.comm, 1, sizeof(alert.process.comm) - 1);
	memset(alert.message, 1, sizeof(alert.message) - 1);
	memset(alert.uid, 1, sizeof(alert.uid) - 1);
	feed_event_alert(&event, &alert);
	assert_in_range(feed_event_json(&event, text, sizeof(text)), 6000, CONTROL_MESSAGE_MAX - 1);
	message = json_loads(text, 0, NULL);
	assert_non_null(message);
	json_decref(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_told_to_everyone_until_he_leaves),
		cmocka_unit_test(there_is_room_for_some_readers),
		cmocka_unit_test(who_reads_too_slowly_misses_the_oldest_and_hears_how_many),
		cmocka_unit_test(what_came_before_the_end_is_sent),
		cmocka_unit_test(any_event_fits_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
