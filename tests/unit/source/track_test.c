/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "source/track.h"

#define FIN 1
#define SYN 2
#define RST 4
#define ACK 16
#define SECOND INT64_C(1000000000)
#define KEPT 64

/* What the tracker told. */
struct told {
	size_t count;
	struct fs_record_header headers[KEPT];
	struct fs_record_flow flows[KEPT];
	uint32_t lengths[KEPT]; /* of payloads */
};

struct bench {
	struct tracker *tracker;
	struct source_counts counts;
	struct told told;
	struct address client, server;
};

static int keep(void *context, const void *record, size_t size)
{
	struct told *told = context;
	const struct fs_record_header *header = record;

	assert_int_equal(header->size, size);
	if (told->count == KEPT)
		return 0;
	told->headers[told->count] = *header;
	if (header->kind == FS_RECORD_FLOW_OPEN || header->kind == FS_RECORD_FLOW_VOLUME)
		memcpy(&told->flows[told->count], record, sizeof(struct fs_record_flow));
	else
		told->lengths[told->count] = ((const struct fs_record_payload *)record)->length;
	told->count++;
	return 0;
}

static void set_up(struct bench *bench)
{
	struct source_settings settings = {.dns_port_count = 1, .dns_ports = {53}};
	struct source_sink sink = {.context = &bench->told, .record = keep};

	memset(bench, 0, sizeof(*bench));
	assert_int_equal(tracker_new(&settings, &sink, &bench->counts, &bench->tracker), 0);
	assert_int_equal(address_parse("192.0.2.1", &bench->client), 0);
	assert_int_equal(address_parse("203.0.113.7", &bench->server), 0);
}

/* A packet between port 40000 of the client and `port` of the server. */
static void tcp(struct bench *bench, bool out, uint16_t port, uint8_t flags, uint32_t sequence, size_t length,
		int64_t time_ns)
{
	uint8_t bytes[2048] = {[12] = 5 << 4, [13] = flags};
	uint16_t source = out ? 40000 : port, target = out ? port : 40000;
	struct ip_packet packet = {
		.source = out ? bench->client : bench->server,
		.target = out ? bench->server : bench->client,
		.protocol = IPPROTO_TCP,
		.bytes = bytes,
		.length = 20 + length,
		.on_wire = 20 + length,
	};

	bytes[0] = (uint8_t)(source >> 8);
	bytes[1] = (uint8_t)source;
	bytes[2] = (uint8_t)(target >> 8);
	bytes[3] = (uint8_t)target;
	for (int i = 0; i < 4; i++)
		bytes[4 + i] = (uint8_t)(sequence >> (24 - 8 * i));
	assert_int_equal(tracker_packet(bench->tracker, &packet, time_ns), 0);
}

static void udp(struct bench *bench, bool out, uint16_t own, uint16_t port, const uint8_t *payload,
		size_t length, int64_t time_ns)
{
	uint8_t bytes[2048] = {0};
	uint16_t source = out ? own : port, target = out ? port : own;
	struct ip_packet packet = {
		.source = out ? bench->client : bench->server,
		.target = out ? bench->server : bench->client,
		.protocol = IPPROTO_UDP,
		.bytes = bytes,
		.length = 8 + length,
		.on_wire = 8 + length,
	};

	bytes[0] = (uint8_t)(source >> 8);
	bytes[1] = (uint8_t)source;
	bytes[2] = (uint8_t)(target >> 8);
	bytes[3] = (uint8_t)target;
	bytes[4] = (uint8_t)((8 + length) >> 8);
	bytes[5] = (uint8_t)(8 + length);
	memcpy(bytes + 8, payload, length);
	assert_int_equal(tracker_packet(bench->tracker, &packet, time_ns), 0);
}

static size_t count_kind(const struct told *told, enum fs_record_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < told->count; i++)
		count += told->headers[i].kind == kind;
	return count;
}

static const struct fs_record_flow *last_volume(const struct told *told)
{
	static const struct fs_record_flow none;

	for (size_t i = told->count; i-- > 0;)
		if (told->headers[i].kind == FS_RECORD_FLOW_VOLUME)
			return &told->flows[i];
	fail_msg("no volume was told");
	return &none;
}

static void a_connection_is_told_from_end_to_end(void **state)
{
	struct bench bench;
	const struct fs_record_flow *closed;

	(void)state;
	set_up(&bench);
	tcp(&bench, true, 443, SYN, 1000, 0, 5);
	assert_int_equal(bench.told.count, 1);
	assert_int_equal(bench.told.headers[0].kind, FS_RECORD_FLOW_OPEN);
	assert_int_equal(bench.told.headers[0].time_ns, 5);
	assert_int_equal(bench.told.headers[0].owner.tgid, 0);
	assert_int_equal(bench.told.flows[0].endpoints.remote_port, 443);
	assert_memory_equal(bench.told.flows[0].endpoints.remote_address, bench.server.bytes, 16);
	tcp(&bench, false, 443, SYN | ACK, 9000, 0, 6);
	tcp(&bench, true, 443, ACK, 1001, 100, 7); /* its first bytes are shown */
	assert_int_equal(bench.told.headers[1].kind, FS_RECORD_SEGMENT);
	assert_int_equal(bench.told.headers[1].flags, FS_FLAG_OUT);
	assert_int_equal(bench.told.lengths[1], 100);
	tcp(&bench, false, 443, ACK, 9001, 500, 8); /* what comes back is not */
	tcp(&bench, true, 443, FIN | ACK, 1101, 0, 9);
	assert_int_equal(bench.told.count, 2);
	tcp(&bench, false, 443, FIN | ACK, 9501, 0, 10);
	closed = last_volume(&bench.told);
	assert_int_equal(closed->header.flags, FS_FLAG_CLOSED);
	assert_int_equal(closed->bytes_out, 100);
	assert_int_equal(closed->bytes_in, 500);
	assert_int_equal(closed->outcome, FS_OUTCOME_ESTABLISHED);
	assert_int_equal(closed->header.cookie, bench.told.headers[0].cookie);
	tcp(&bench, true, 443, ACK, 1102, 0, 11); /* the last word opens nothing */
	assert_int_equal(tracker_finish(bench.tracker, 12), 0);
	assert_int_equal(bench.told.count, 3);
	tracker_free(bench.tracker);
}

static void how_an_attempt_ended_is_told(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tcp(&bench, true, 25, SYN, 1000, 0, 1);
	tcp(&bench, false, 25, RST | ACK, 0, 0, 2);
	assert_int_equal(last_volume(&bench.told)->outcome, FS_OUTCOME_REFUSED);
	tcp(&bench, true, 27, SYN, 1000, 0, 2);
	tcp(&bench, true, 27, RST, 1001, 0, 2); /* it gave up itself */
	assert_int_equal(last_volume(&bench.told)->outcome, FS_OUTCOME_UNKNOWN);
	tcp(&bench, true, 26, SYN, 1000, 0, 3);
	tcp(&bench, true, 26, SYN, 1000, 0, 4); /* once more, for nothing */
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_OPEN), 3);
	assert_int_equal(tracker_finish(bench.tracker, 5), 0);
	assert_int_equal(last_volume(&bench.told)->outcome, FS_OUTCOME_UNKNOWN);
	assert_int_equal(last_volume(&bench.told)->endpoints.remote_port, 26);
	tracker_free(bench.tracker);
}

static void bytes_count_once_in_any_order(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tcp(&bench, true, 443, SYN, UINT32_MAX - 50, 0, 1); /* the numbers wrap */
	tcp(&bench, false, 443, SYN | ACK, 0, 0, 2);
	tcp(&bench, true, 443, ACK, UINT32_MAX - 49 + 100, 100, 3);
	tcp(&bench, true, 443, ACK, UINT32_MAX - 49, 100, 4);       /* late */
	tcp(&bench, true, 443, ACK, UINT32_MAX - 49 + 100, 100, 5); /* again */
	tcp(&bench, false, 443, ACK, 1001, 200, 6); /* the capture lacks the 1000 bytes before it */
	tcp(&bench, false, 443, RST, 1201, 0, 7);
	assert_int_equal(last_volume(&bench.told)->bytes_out, 200);
	assert_int_equal(last_volume(&bench.told)->bytes_in, 1200);
	tracker_free(bench.tracker);
}

/* A number out of nowhere adds no gigabytes. */
static void a_wild_number_adds_its_own_bytes_alone(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tcp(&bench, true, 443, SYN, 0, 0, 1);
	tcp(&bench, true, 443, ACK, 0x70000000, 10, 2);
	assert_int_equal(tracker_finish(bench.tracker, 3), 0);
	assert_int_equal(last_volume(&bench.told)->bytes_out, 10);
	tracker_free(bench.tracker);
	/* Nor does it hide what follows it. */
	set_up(&bench);
	tcp(&bench, true, 443, SYN, 0, 0, 1);
	tcp(&bench, true, 443, ACK, 1, 100, 2);
	tcp(&bench, true, 443, ACK, 0x70000000, 10, 3);
	for (uint32_t i = 0; i < 5; i++)
		tcp(&bench, true, 443, ACK, 101 + i * 100, 100, 4);
	tcp(&bench, true, 443, ACK, 401, 100, 4); /* again */
	assert_int_equal(tracker_finish(bench.tracker, 5), 0);
	assert_int_equal(last_volume(&bench.told)->bytes_out, 610);
	tracker_free(bench.tracker);
}

static void the_same_ports_again_are_another_flow(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tcp(&bench, true, 443, SYN, 1000, 0, 1);
	tcp(&bench, false, 443, SYN | ACK, 5000, 0, 2);
	tcp(&bench, true, 443, SYN, 70000, 0, 3); /* its end was not captured */
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_OPEN), 2);
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_VOLUME), 1);
	assert_int_not_equal(bench.told.headers[0].cookie, bench.told.headers[2].cookie);
	tracker_free(bench.tracker);
	/* The capture began in the middle of the one before. */
	set_up(&bench);
	tcp(&bench, true, 443, ACK, 0x50000000, 10, 1);
	tcp(&bench, true, 443, SYN, 1000, 0, 2);
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_OPEN), 2);
	tracker_free(bench.tracker);
	/* Its SYN changed places with its first data. */
	set_up(&bench);
	tcp(&bench, true, 443, ACK, 1001, 10, 1);
	tcp(&bench, true, 443, SYN, 1000, 0, 2);
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_OPEN), 1);
	tracker_free(bench.tracker);
	/* In the middle the port misled about who is the client; the next SYN tells. */
	set_up(&bench);
	tcp(&bench, false, 50000, ACK, 5000, 10, 1);
	tcp(&bench, true, 50000, SYN, 1000, 0, 2);
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_OPEN), 2);
	assert_int_equal(bench.told.flows[bench.told.count - 1].endpoints.remote_port, 50000);
	tracker_free(bench.tracker);
}

static void who_opened_is_told_by_the_handshake_or_the_port(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tcp(&bench, false, 443, SYN | ACK, 5000, 0, 1); /* the capture begins behind the first packet */
	assert_memory_equal(bench.told.flows[0].endpoints.local_address, bench.client.bytes, 16);
	assert_int_equal(bench.told.flows[0].endpoints.remote_port, 443);
	tcp(&bench, false, 80, ACK, 5000, 10, 2); /* or in the middle */
	assert_int_equal(bench.told.flows[1].endpoints.remote_port, 80);
	tcp(&bench, false, 22, RST, 5000, 0, 3); /* nothing opens with its end */
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_OPEN), 2);
	tracker_free(bench.tracker);
}

static void questions_and_answers_share_a_socket(void **state)
{
	static const uint8_t question[12] = {0, 1, 1}, answer[12] = {0, 1, 0x81};
	struct bench bench;

	(void)state;
	set_up(&bench);
	udp(&bench, true, 5000, 53, question, sizeof(question), 1);
	udp(&bench, false, 5000, 53, answer, sizeof(answer), 2);
	assert_int_equal(bench.told.count, 3);
	assert_int_equal(bench.told.headers[0].kind, FS_RECORD_FLOW_OPEN);
	assert_int_equal(bench.told.headers[1].kind, FS_RECORD_DATAGRAM);
	assert_int_equal(bench.told.headers[1].flags, FS_FLAG_DNS | FS_FLAG_OUT);
	assert_int_equal(bench.told.headers[2].flags, FS_FLAG_DNS);
	assert_int_equal(bench.told.headers[1].cookie, bench.told.headers[2].cookie);
	assert_int_equal(bench.told.headers[1].owner.netns, bench.told.headers[2].owner.netns);
	/* From DNS port to DNS port, an answer first: its sender is no client. */
	udp(&bench, false, 53, 53, answer, sizeof(answer), 3);
	assert_int_equal(bench.told.headers[3].flags, FS_FLAG_DNS);
	tracker_free(bench.tracker);
}

static void a_socket_at_rest_is_another_conversation(void **state)
{
	static const uint8_t payload[10] = {0};
	struct bench bench;

	(void)state;
	set_up(&bench);
	udp(&bench, true, 5000, 123, payload, 10, SECOND);
	udp(&bench, false, 5000, 123, payload, 10, 2 * SECOND);
	udp(&bench, true, 5000, 123, payload, 10, 100 * SECOND);
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_OPEN), 1);
	udp(&bench, true, 5000, 123, payload, 10, 1000 * SECOND);
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_OPEN), 2);
	assert_int_equal(last_volume(&bench.told)->bytes_out, 20);
	assert_int_equal(last_volume(&bench.told)->bytes_in, 10);
	tracker_free(bench.tracker);
}

/* More flows than there is room for: the quietest one ends, and its bytes are told. */
static void memory_is_bounded(void **state)
{
	static const uint8_t payload[10] = {0};
	struct bench bench;

	(void)state;
	set_up(&bench);
	for (uint32_t own = 0; own < 65536; own++) {
		udp(&bench, true, (uint16_t)own, 1000, payload, 10, own);
		assert_int_equal(bench.told.count, 1);
		bench.told.count = 0;
	}
	udp(&bench, true, 0, 1000, payload, 10, 65536); /* the first one is in use again */
	for (uint16_t own = 0; own < 3; own++)
		udp(&bench, true, own, 2000, payload, 10, 65537);
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_OPEN), 3);
	assert_int_equal(count_kind(&bench.told, FS_RECORD_FLOW_VOLUME), 3);
	assert_int_equal(bench.told.headers[0].kind, FS_RECORD_FLOW_VOLUME);
	assert_int_equal(bench.told.flows[0].endpoints.local_port, 1);
	assert_int_equal(bench.told.flows[0].bytes_out, 10);
	tracker_free(bench.tracker);
}

static void short_and_odd_headers_are_counted(void **state)
{
	struct bench bench;
	uint8_t bytes[40] = {0};
	struct ip_packet packet = {.protocol = IPPROTO_TCP, .bytes = bytes, .length = 19, .on_wire = 19};

	(void)state;
	set_up(&bench);
	assert_int_equal(tracker_packet(bench.tracker, &packet, 1), 0);
	packet.length = packet.on_wire = 40;
	bytes[12] = 1 << 4; /* a header of four bytes */
	assert_int_equal(tracker_packet(bench.tracker, &packet, 1), 0);
	bytes[12] = 15 << 4; /* one that is longer than the packet */
	assert_int_equal(tracker_packet(bench.tracker, &packet, 1), 0);
	packet.protocol = IPPROTO_UDP;
	packet.length = 7;
	assert_int_equal(tracker_packet(bench.tracker, &packet, 1), 0);
	assert_int_equal(bench.counts.malformed, 4);
	assert_int_equal(bench.told.count, 0);
	tracker_free(bench.tracker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_told_from_end_to_end),
		cmocka_unit_test(how_an_attempt_ended_is_told),
		cmocka_unit_test(bytes_count_once_in_any_order),
		cmocka_unit_test(a_wild_number_adds_its_own_bytes_alone),
		cmocka_unit_test(the_same_ports_again_are_another_flow),
		cmocka_unit_test(who_opened_is_told_by_the_handshake_or_the_port),
		cmocka_unit_test(questions_and_answers_share_a_socket),
		cmocka_unit_test(a_socket_at_rest_is_another_conversation),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(short_and_odd_headers_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
