/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/observe.h"
#include "source/dns_build.h"
#include "source/hello_build.h"
#include "source/record_build.h"

#define ROOM 70000

static struct observer *observer;
static unsigned counts[8];
static char last_name[DNS_TEXT_MAX];
static int64_t last_time;
static uint8_t record[ROOM];

static void on_observation(void *context, const struct observation *seen)
{
	(void)context;
	counts[seen->kind]++;
	last_time = seen->time_ns;
	if (seen->kind == OBSERVED_QUESTION || seen->kind == OBSERVED_ANSWER)
		text_copy(last_name, sizeof(last_name), seen->message->qname);
	if (seen->kind == OBSERVED_SERVER_NAME)
		text_copy(last_name, sizeof(last_name), seen->server_name ? seen->server_name : "(none)");
}

static int begin(void **state)
{
	static const struct observer_limits limits = {.streams = 16, .stream_bytes = 256 * 1024};

	(void)state;
	memset(counts, 0, sizeof(counts));
	last_name[0] = '\0';
	return observer_new(&limits, on_observation, NULL, &observer);
}

static int end(void **state)
{
	(void)state;
	observer_free(observer);
	return 0;
}

static struct record_flow_spec spec_of(uint64_t cookie, uint8_t protocol, uint16_t flags)
{
	struct record_flow_spec spec = {
		.time_ns = 1000, .cookie = cookie, .remote_port = 53, .protocol = protocol, .flags = flags};

	address_parse("203.0.113.1", &spec.remote);
	address_parse("203.0.113.10", &spec.local);
	return spec;
}

static size_t answer(uint8_t *bytes, const char *name)
{
	struct dns_build build = {.id = 7, .type = 1, .name = name, .ttl = 60, .address_count = 1};

	address_parse("198.51.100.7", &build.addresses[0]);
	return dns_build_answer(bytes, DNS_BUILD_MAX, &build);
}

static int feed(enum fs_record_kind kind, const struct record_flow_spec *spec, uint32_t sequence,
		const uint8_t *bytes, size_t length)
{
	size_t size = record_payload(record, sizeof(record), kind, spec, sequence, bytes, length, length);

	assert_true(size > 0);
	return observer_feed(observer, record, size, 5000);
}

static void datagrams_are_questions_out_and_answers_in(void **state)
{
	struct record_flow_spec in = spec_of(1, IPPROTO_UDP, FS_FLAG_DNS),
				out = spec_of(1, IPPROTO_UDP, FS_FLAG_DNS | FS_FLAG_OUT);
	struct dns_build build = {.id = 7, .type = 1, .name = "www.example.com"};
	uint8_t bytes[DNS_BUILD_MAX];
	size_t length = dns_build_question(bytes, sizeof(bytes), &build);

	(void)state;
	assert_int_equal(feed(FS_RECORD_DATAGRAM, &out, 0, bytes, length), 0);
	assert_int_equal(counts[OBSERVED_QUESTION], 1);
	assert_int_equal(last_time, 6000);
	/* A question that comes in, and an answer that goes out, are a server's business. */
	assert_int_equal(feed(FS_RECORD_DATAGRAM, &in, 0, bytes, length), 0);
	length = answer(bytes, "www.example.com");
	assert_int_equal(feed(FS_RECORD_DATAGRAM, &out, 0, bytes, length), 0);
	assert_int_equal(counts[OBSERVED_QUESTION] + counts[OBSERVED_ANSWER], 1);
	assert_int_equal(feed(FS_RECORD_DATAGRAM, &in, 0, bytes, length), 0);
	assert_int_equal(counts[OBSERVED_ANSWER], 1);
	assert_string_equal(last_name, "www.example.com");
}

static void tcp_messages_are_put_together(void **state)
{
	struct record_flow_spec in = spec_of(2, IPPROTO_TCP, FS_FLAG_DNS);
	uint8_t bytes[3 * DNS_BUILD_MAX];
	size_t used = 0, piece = 11, pieces;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char name[32];
		size_t length;

		snprintf(name, sizeof(name), "n%d.example.com", i);
		length = answer(bytes + used + 2, name);
		bytes[used] = (uint8_t)(length >> 8);
		bytes[used + 1] = (uint8_t)length;
		used += length + 2;
	}
	pieces = (used + piece - 1) / piece;
	/* Neighbours change places, and every piece comes twice; the number space wraps. */
	for (size_t i = 0; i < pieces; i++) {
		size_t which = i % 2 ? i - 1 : i + 1 < pieces ? i + 1 : i;
		size_t from = which * piece, length = used - from < piece ? used - from : piece;

		for (int twice = 0; twice < 2; twice++)
			assert_int_equal(
				feed(FS_RECORD_SEGMENT, &in, (uint32_t)from - 40, bytes + from, length), 0);
	}
	assert_int_equal(counts[OBSERVED_ANSWER], 3);
	assert_string_equal(last_name, "n2.example.com");
	assert_int_equal(observer_counts(observer)->dns_damaged, 0);
}

static void a_hello_over_two_segments_is_told_once(void **state)
{
	struct record_flow_spec out = spec_of(3, IPPROTO_TCP, FS_FLAG_OUT);
	uint8_t bytes[HELLO_BUILD_MAX];
	size_t length = hello_build(bytes, sizeof(bytes), "www.example.com");

	(void)state;
	assert_int_equal(feed(FS_RECORD_SEGMENT, &out, 100, bytes, 40), 0);
	assert_int_equal(counts[OBSERVED_SERVER_NAME], 0);
	assert_int_equal(feed(FS_RECORD_SEGMENT, &out, 140, bytes + 40, length - 40), 0);
	assert_int_equal(counts[OBSERVED_SERVER_NAME], 1);
	assert_string_equal(last_name, "www.example.com");
	assert_int_equal(feed(FS_RECORD_SEGMENT, &out, 100, bytes, length), 0);
	assert_int_equal(counts[OBSERVED_SERVER_NAME], 1);
}

static void another_protocol_is_told_to_have_no_name(void **state)
{
	struct record_flow_spec out = spec_of(4, IPPROTO_TCP, FS_FLAG_OUT);

	(void)state;
	assert_int_equal(feed(FS_RECORD_SEGMENT, &out, 1, (const uint8_t *)"GET / HTTP/1.1", 14), 0);
	assert_string_equal(last_name, "(none)");
}

/* Whatever order the segments of one answer take, the answer is read once. */
static void no_order_of_segments_loses_an_answer(void **state)
{
	uint8_t bytes[DNS_BUILD_MAX + 2];
	size_t length = answer(bytes + 2, "www.example.com"), piece;
	uint64_t cookie = 1000;
	unsigned orders = 0;

	(void)state;
	bytes[0] = (uint8_t)(length >> 8);
	bytes[1] = (uint8_t)length;
	length += 2;
	piece = (length + 4) / 5;
	for (unsigned code = 0; code < 5 * 5 * 5 * 5 * 5; code++) {
		struct record_flow_spec in = spec_of(cookie, IPPROTO_TCP, FS_FLAG_DNS);
		unsigned order[5], seen = 0, rest = code;

		for (int i = 0; i < 5; i++, rest /= 5) {
			order[i] = rest % 5;
			seen |= 1u << order[i];
		}
		if (seen != 31)
			continue;
		cookie++;
		for (int i = 0; i < 5; i++) {
			size_t from = order[i] * piece, size = length - from < piece ? length - from : piece;

			assert_int_equal(
				feed(FS_RECORD_SEGMENT, &in, (uint32_t)from - 20, bytes + from, size), 0);
		}
		if (counts[OBSERVED_ANSWER] != ++orders)
			fail_msg("lost in the order %u %u %u %u %u", order[0], order[1], order[2], order[3],
				 order[4]);
	}
	assert_int_equal(orders, 120);
	assert_int_equal(observer_counts(observer)->dns_damaged, 0);
}

/* Wherever the answer is cut in two, and in whatever order: what comes first is not taken for its beginning.
 */
static void no_cut_is_taken_for_a_beginning(void **state)
{
	struct dns_build build = {.id = 0x0020, .type = 1, .name = "www.example.com", .ttl = 60};
	uint8_t bytes[2 * DNS_BUILD_MAX];
	size_t length, used = 0;
	uint64_t cookie = 5000;
	unsigned answers = 0;

	(void)state;
	/* Two answers, full of bytes that could be a length: the id, counts, times, addresses. */
	build.address_count = 4;
	for (unsigned i = 0; i < 4; i++)
		build.addresses[i] = address_from_ipv4((const uint8_t[]){0, 16, 0, (uint8_t)(12 + i)});
	for (int i = 0; i < 2; i++) {
		length = dns_build_answer(bytes + used + 2, DNS_BUILD_MAX, &build);
		bytes[used] = (uint8_t)(length >> 8);
		bytes[used + 1] = (uint8_t)length;
		used += length + 2;
	}
	for (size_t cut = 1; cut < used; cut++) {
		struct record_flow_spec in = spec_of(++cookie, IPPROTO_TCP, FS_FLAG_DNS);
		unsigned before = counts[OBSERVED_ANSWER];

		assert_int_equal(feed(FS_RECORD_SEGMENT, &in, (uint32_t)cut, bytes + cut, used - cut), 0);
		/* A second answer that comes first is told at once. */
		if (cut == used / 2)
			assert_int_equal(counts[OBSERVED_ANSWER], before + 1);
		else
			assert_int_equal(counts[OBSERVED_ANSWER], before);
		assert_int_equal(feed(FS_RECORD_SEGMENT, &in, 0, bytes, cut), 0);
		/* It may be sent again. */
		assert_int_equal(feed(FS_RECORD_SEGMENT, &in, 0, bytes, cut), 0);
		assert_int_equal(feed(FS_RECORD_SEGMENT, &in, (uint32_t)cut, bytes + cut, used - cut), 0);
		answers = counts[OBSERVED_ANSWER] - before;
		if (answers != 2)
			fail_msg("%u answers when cut at %zu", answers, cut);
	}
	assert_int_equal(observer_counts(observer)->dns_damaged, 0);
}

/* A stream that waits for more, of `size` bytes of a message of 65535. */
static void feed_half(uint64_t cookie, size_t size)
{
	static uint8_t half[30000] = {0xff, 0xff};
	struct record_flow_spec in = spec_of(cookie, IPPROTO_TCP, FS_FLAG_DNS);

	assert_int_equal(feed(FS_RECORD_SEGMENT, &in, 1, half, size), 0);
}

static void streams_are_bounded_in_number(void **state)
{
	struct record_flow_spec out = spec_of(10, IPPROTO_TCP, FS_FLAG_OUT);
	uint8_t hello[HELLO_BUILD_MAX];
	size_t length = hello_build(hello, sizeof(hello), "www.example.com");

	(void)state;
	assert_int_equal(feed(FS_RECORD_SEGMENT, &out, 100, hello, 40), 0);
	for (uint64_t cookie = 11; cookie < 26; cookie++)
		feed_half(cookie, 100);
	assert_int_equal(observer_counts(observer)->streams_evicted, 0); /* 16 fit */
	/* The first one is used again, so that others go before it. */
	assert_int_equal(feed(FS_RECORD_SEGMENT, &out, 140, hello + 40, 1), 0);
	for (uint64_t cookie = 26; cookie < 41; cookie++)
		feed_half(cookie, 100);
	assert_int_equal(observer_counts(observer)->streams_evicted, 15);
	assert_int_equal(feed(FS_RECORD_SEGMENT, &out, 141, hello + 41, length - 41), 0);
	assert_string_equal(last_name, "www.example.com");
}

static void streams_are_bounded_in_memory(void **state)
{
	(void)state;
	/* 30000 bytes take 32 KiB and the stream's own state: 7 of them stay below 256 KiB. */
	for (uint64_t cookie = 10; cookie < 22; cookie++)
		feed_half(cookie, 30000);
	assert_int_equal(observer_counts(observer)->streams_evicted, 5);
	assert_int_equal(counts[OBSERVED_ANSWER], 0);
}

static void a_closed_flow_gives_its_stream_back(void **state)
{
	(void)state;
	for (uint64_t cookie = 10; cookie < 200; cookie++) {
		struct record_flow_spec in = spec_of(cookie, IPPROTO_TCP, FS_FLAG_DNS);
		struct fs_record_flow flow;
		uint8_t byte = 0;

		feed_half(cookie, 30000);
		if (cookie % 2) /* a hole that is never filled */
			assert_int_equal(feed(FS_RECORD_SEGMENT, &in, 40000, &byte, 1), 0);
		in.flags = FS_FLAG_CLOSED;
		record_flow(&flow, FS_RECORD_FLOW_VOLUME, &in, 1, 2, FS_OUTCOME_ESTABLISHED);
		assert_int_equal(observer_feed(observer, &flow, sizeof(flow), 0), 0);
	}
	assert_int_equal(observer_counts(observer)->streams_evicted, 0);
	assert_int_equal(observer_counts(observer)->streams_gapped, 95);
	assert_int_equal(counts[OBSERVED_FLOW_VOLUME], 190);
}

static void what_can_not_be_used_is_counted(void **state)
{
	struct record_flow_spec in = spec_of(6, IPPROTO_UDP, FS_FLAG_DNS | FS_FLAG_CUT);
	uint8_t bytes[DNS_BUILD_MAX];
	size_t length = answer(bytes, "www.example.com");

	(void)state;
	/* Cut by the source: counted, and what is there is read. */
	assert_int_equal(feed(FS_RECORD_DATAGRAM, &in, 0, bytes, length - 3), 0);
	assert_int_equal(observer_counts(observer)->dns_cut, 1);
	assert_int_equal(observer_counts(observer)->dns_damaged, 1);
	assert_int_equal(counts[OBSERVED_ANSWER], 1);
	in.flags = FS_FLAG_DNS;
	bytes[2] |= 2; /* TC */
	assert_int_equal(feed(FS_RECORD_DATAGRAM, &in, 0, bytes, length), 0);
	assert_int_equal(observer_counts(observer)->dns_truncated, 1);
	bytes[2] = 0x80 | 5 << 3; /* the response to an UPDATE answers no question */
	assert_int_equal(feed(FS_RECORD_DATAGRAM, &in, 0, bytes, length), 0);
	assert_int_equal(counts[OBSERVED_ANSWER], 2);
	assert_int_equal(feed(FS_RECORD_DATAGRAM, &in, 0, bytes, 11), 0);
	assert_int_equal(observer_counts(observer)->dns_messages, 4);
	assert_int_equal(observer_counts(observer)->dns_damaged, 2);
	assert_int_equal(observer_counts(observer)->dns_cut, 1);
	assert_int_equal(observer_counts(observer)->records[FS_RECORD_DATAGRAM], 4);
}

/* Of each kind: every size but its own is refused, and nothing is told. */
static void expect_one_size(const void *sound, size_t size)
{
	static uint8_t copy[sizeof(struct fs_record_process) + 64];
	struct fs_record_header *header = (void *)copy;
	uint64_t bad = observer_counts(observer)->bad_records;

	assert_true(size + 8 <= sizeof(copy));
	memset(copy, 0, sizeof(copy));
	memcpy(copy, sound, size);
	assert_int_equal(observer_feed(observer, copy, size, 0), 0);
	assert_int_equal(observer_feed(observer, copy, size + 8, 0), 0); /* the ring rounds up */
	memset(counts, 0, sizeof(counts));
	for (size_t wrong = 0; wrong < size + 8; wrong++) {
		if (wrong == size)
			continue;
		header->size = (uint32_t)wrong;
		assert_int_equal(observer_feed(observer, copy, size + 8, 0), -EBADMSG);
		bad++;
	}
	for (size_t given = 0; given < size; given++) {
		uint8_t *exact = malloc(given ? given : 1);

		header->size = (uint32_t)size;
		memcpy(exact, copy, given);
		assert_int_equal(observer_feed(observer, exact, given, 0), -EBADMSG);
		free(exact);
		bad++;
	}
	assert_int_equal(observer_counts(observer)->bad_records, bad);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		assert_int_equal(counts[i], 0);
}

static void each_kind_has_one_size(void **state)
{
	struct record_flow_spec udp = spec_of(5, IPPROTO_UDP, FS_FLAG_DNS);
	struct record_flow_spec tcp = spec_of(6, IPPROTO_TCP, FS_FLAG_DNS);
	static struct fs_record_process process;
	struct record_process_spec who = {
		.owner = {.tgid = 5, .start_ns = 1}, .exe = "/bin/x", .cgroup = "", .comm = "x"};
	struct fs_record_flow flow;
	uint8_t bytes[DNS_BUILD_MAX];
	size_t length = answer(bytes, "a.example"), size;

	(void)state;
	size = record_payload(record, sizeof(record), FS_RECORD_DATAGRAM, &udp, 0, bytes, length, length);
	expect_one_size(record, size);
	size = record_payload(record, sizeof(record), FS_RECORD_SEGMENT, &tcp, 0, bytes, length, length);
	expect_one_size(record, size);
	record_flow(&flow, FS_RECORD_FLOW_OPEN, &udp, 0, 0, FS_OUTCOME_UNKNOWN);
	expect_one_size(&flow, sizeof(flow));
	record_flow(&flow, FS_RECORD_FLOW_VOLUME, &udp, 1, 2, FS_OUTCOME_ESTABLISHED);
	expect_one_size(&flow, sizeof(flow));
	record_process(&process, &who);
	expect_one_size(&process, sizeof(process));
}

static void sizes_are_checked(void **state)
{
	struct record_flow_spec in = spec_of(5, IPPROTO_UDP, FS_FLAG_DNS);
	struct fs_record_flow flow;
	static struct fs_record_process process;
	struct record_process_spec who = {
		.owner = {.tgid = 5, .start_ns = 1}, .exe = "/bin/x", .cgroup = "", .comm = "x"};
	uint8_t bytes[DNS_BUILD_MAX];
	size_t size = record_payload(record, sizeof(record), FS_RECORD_DATAGRAM, &in, 0, bytes,
				     answer(bytes, "a.example"), 40);
	struct fs_record_payload *payload = (void *)record;

	(void)state;
	assert_int_equal(observer_feed(observer, record, size - 1, 0), -EBADMSG);
	assert_int_equal(observer_feed(observer, record, 10, 0), -EBADMSG);
	payload->length++;
	assert_int_equal(observer_feed(observer, record, size, 0), -EBADMSG);
	payload->length--;
	payload->header.kind = 99;
	assert_int_equal(observer_feed(observer, record, size, 0), -EBADMSG);
	record_flow(&flow, FS_RECORD_FLOW_OPEN, &in, 0, 0, FS_OUTCOME_UNKNOWN);
	assert_int_equal(observer_feed(observer, &flow, sizeof(flow), 0), 0);
	flow.outcome = 77;
	assert_int_equal(observer_feed(observer, &flow, sizeof(flow), 0), -EBADMSG);
	record_process(&process, &who);
	assert_int_equal(observer_feed(observer, &process, sizeof(process), 0), 0);
	process.exe_length = FS_PATH_SIZE + 1;
	assert_int_equal(observer_feed(observer, &process, sizeof(process), 0), -EBADMSG);
	process.exe_length = 0;
	process.ancestor_count = FS_ANCESTORS_MAX + 1;
	assert_int_equal(observer_feed(observer, &process, sizeof(process), 0), -EBADMSG);
	assert_int_equal(observer_counts(observer)->bad_records, 7);
}

static void times_that_can_not_be_counted_with_are_refused(void **state)
{
	static const struct {
		uint64_t time_ns;
		int64_t offset_ns;
		int error;
	} cases[] = {{0, 0, 0},
		     {UINT64_C(7258118400) * 1000000000, 0, 0},
		     {5, -6, -EBADMSG},
		     {UINT64_C(1) << 63, 0, -EBADMSG},
		     {UINT64_MAX, 0, -EBADMSG},
		     {INT64_MAX, 0, -EBADMSG},
		     {INT64_MAX, INT64_MAX, -EBADMSG}};
	struct record_flow_spec spec = spec_of(5, IPPROTO_TCP, 0);
	struct fs_record_flow flow;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		record_flow(&flow, FS_RECORD_FLOW_OPEN, &spec, 0, 0, FS_OUTCOME_UNKNOWN);
		flow.header.time_ns = cases[i].time_ns;
		assert_int_equal(observer_feed(observer, &flow, sizeof(flow), cases[i].offset_ns),
				 cases[i].error);
	}
	assert_int_equal(observer_counts(observer)->bad_records, 5);
}

static void random_bytes_are_survived(void **state)
{
	(void)state;
	srand(3);
	for (int i = 0; i < 100000; i++) {
		size_t size = (size_t)(rand() % 400);
		uint8_t *copy = malloc(size ? size : 1);
		struct fs_record_header *header = (void *)copy;

		for (size_t j = 0; j < size; j++)
			copy[j] = (uint8_t)(rand() % 3 ? 0 : rand());
		if (size >= sizeof(*header)) {
			struct fs_record_payload *payload = (void *)copy;

			header->kind = (uint16_t)(rand() % 7);
			header->flags = (uint16_t)(rand() % 64);
			header->size = (uint32_t)(rand() % 3 ? size : (size_t)rand());
			if (size >= sizeof(*payload) && rand() % 2)
				payload->length = (uint32_t)(size - sizeof(*payload));
		}
		observer_feed(observer, copy, size, 0);
		free(copy);
	}
	assert_true(observer_counts(observer)->bad_records > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(datagrams_are_questions_out_and_answers_in, begin, end),
		cmocka_unit_test_setup_teardown(tcp_messages_are_put_together, begin, end),
		cmocka_unit_test_setup_teardown(a_hello_over_two_segments_is_told_once, begin, end),
		cmocka_unit_test_setup_teardown(another_protocol_is_told_to_have_no_name, begin, end),
		cmocka_unit_test_setup_teardown(no_order_of_segments_loses_an_answer, begin, end),
		cmocka_unit_test_setup_teardown(no_cut_is_taken_for_a_beginning, begin, end),
		cmocka_unit_test_setup_teardown(streams_are_bounded_in_number, begin, end),
		cmocka_unit_test_setup_teardown(streams_are_bounded_in_memory, begin, end),
		cmocka_unit_test_setup_teardown(a_closed_flow_gives_its_stream_back, begin, end),
		cmocka_unit_test_setup_teardown(what_can_not_be_used_is_counted, begin, end),
		cmocka_unit_test_setup_teardown(each_kind_has_one_size, begin, end),
		cmocka_unit_test_setup_teardown(sizes_are_checked, begin, end),
		cmocka_unit_test_setup_teardown(times_that_can_not_be_counted_with_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(random_bytes_are_survived, begin, end),
	};

	return cmocka_run_group_tests_name("core/observe", tests, NULL, NULL);
}
