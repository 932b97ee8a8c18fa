/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "source/ip.h"
#include "source/link.h"

static void the_packet_is_found_behind_every_link(void **state)
{
	static const uint8_t ethernet[34] = {[12] = 0x08}, vlan[38] = {[12] = 0x81, [16] = 0x86, [17] = 0xdd},
			     qinq[42] = {[12] = 0x88, [13] = 0xa8, [16] = 0x81, [20] = 0x08},
			     pppoe[42] = {[12] = 0x88, [13] = 0x64, [20] = 0x00, [21] = 0x57},
			     sll[36] = {[14] = 0x08}, sll2[40] = {[0] = 0x86, [1] = 0xdd}, raw[20] = {0x45},
			     null[24] = {2, 0, 0, 0, 0x45}, arp[42] = {[12] = 0x08, [13] = 0x06};

	(void)state;
	assert_int_equal(link_find_ip(LINK_ETHERNET, ethernet, sizeof(ethernet)), 14);
	assert_int_equal(link_find_ip(LINK_ETHERNET, vlan, sizeof(vlan)), 18);
	assert_int_equal(link_find_ip(LINK_ETHERNET, qinq, sizeof(qinq)), 22);
	assert_int_equal(link_find_ip(LINK_ETHERNET, pppoe, sizeof(pppoe)), 22);
	assert_int_equal(link_find_ip(LINK_SLL, sll, sizeof(sll)), 16);
	assert_int_equal(link_find_ip(LINK_SLL2, sll2, sizeof(sll2)), 20);
	assert_int_equal(link_find_ip(LINK_RAW, raw, sizeof(raw)), 0);
	assert_int_equal(link_find_ip(LINK_NULL, null, sizeof(null)), 4);
	assert_int_equal(link_find_ip(LINK_ETHERNET, arp, sizeof(arp)), -1);
	assert_int_equal(link_find_ip(LINK_UNKNOWN, raw, sizeof(raw)), -1);
	for (size_t length = 0; length < 14; length++)
		assert_int_equal(link_find_ip(LINK_ETHERNET, vlan, length), -1);
}

/* An IPv4 packet of `length` bytes of payload, which count up from `from`. */
static size_t v4(uint8_t *bytes, unsigned fragment, unsigned from, size_t length)
{
	memset(bytes, 0, 20);
	bytes[0] = 0x45;
	bytes[2] = (uint8_t)((20 + length) >> 8);
	bytes[3] = (uint8_t)(20 + length);
	bytes[5] = 7;
	bytes[6] = (uint8_t)(fragment >> 8);
	bytes[7] = (uint8_t)fragment;
	bytes[9] = 17;
	bytes[12] = bytes[16] = 203;
	for (size_t i = 0; i < length; i++)
		bytes[20 + i] = (uint8_t)(from + i);
	return 20 + length;
}

static void plain_packets_are_read(void **state)
{
	struct ip_reader *reader = NULL;
	struct ip_packet packet;
	uint8_t bytes[200];
	size_t length = v4(bytes, 0, 0, 30);

	(void)state;
	assert_int_equal(ip_reader_new(&reader), 0);
	assert_int_equal(ip_read(reader, bytes, length + 6, &packet),
			 IP_PACKET); /* padding behind it is not its */
	assert_int_equal(packet.length, 30);
	assert_int_equal(packet.protocol, 17);
	assert_true(address_is_ipv4(&packet.source));
	assert_int_equal(ip_read(reader, bytes, length - 10, &packet), IP_PACKET); /* cut by the capture */
	assert_int_equal(packet.length, 20);
	assert_int_equal(packet.on_wire, 30);
	assert_int_equal(ip_read(reader, bytes, 10, &packet), IP_MALFORMED);
	bytes[0] = 0x42; /* a header of 8 bytes */
	assert_int_equal(ip_read(reader, bytes, length, &packet), IP_MALFORMED);
	bytes[0] = 0x95;
	assert_int_equal(ip_read(reader, bytes, length, &packet), IP_OTHER);
	ip_reader_free(reader);
}

static void fragments_are_put_together_in_any_order(void **state)
{
	static const unsigned order[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};
	struct ip_packet packet;
	uint8_t bytes[200];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct ip_reader *reader = NULL;

		assert_int_equal(ip_reader_new(&reader), 0);
		for (size_t j = 0; j < 3; j++) {
			unsigned which = order[i][j];
			size_t length = v4(bytes, (which < 2 ? 0x2000u : 0u) | which * 3, which * 24,
					   which < 2 ? 24 : 10);
			enum ip_result result = ip_read(reader, bytes, length, &packet);

			assert_int_equal(result, j == 2 ? IP_PACKET : IP_FRAGMENT);
			/* The same again says nothing new. */
			if (j < 2)
				assert_int_equal(ip_read(reader, bytes, length, &packet), IP_FRAGMENT);
		}
		assert_int_equal(packet.length, 58);
		for (size_t j = 0; j < 58; j++)
			assert_int_equal(packet.bytes[j], j);
		ip_reader_free(reader);
	}
}

static void fragments_are_bounded(void **state)
{
	struct ip_reader *reader = NULL;
	struct ip_packet packet;
	uint8_t bytes[200];
	size_t length;

	(void)state;
	assert_int_equal(ip_reader_new(&reader), 0);
	length = v4(bytes, 0x3fff, 0, 24); /* would end beyond 64 KiB */
	assert_int_equal(ip_read(reader, bytes, length, &packet), IP_MALFORMED);
	length = v4(bytes, 0x2000, 0, 23); /* not a multiple of eight, and more to come */
	assert_int_equal(ip_read(reader, bytes, length, &packet), IP_MALFORMED);
	for (unsigned id = 0; id < 1000; id++) {
		length = v4(bytes, 0x2000, 0, 24);
		bytes[4] = (uint8_t)(id >> 8);
		bytes[5] = (uint8_t)id;
		assert_int_equal(ip_read(reader, bytes, length, &packet), IP_FRAGMENT);
	}
	ip_reader_free(reader);
	ip_reader_free(NULL);
}

static void extension_headers_are_stepped_over(void **state)
{
	uint8_t bytes[40 + 8 + 16 + 8 + 4] = {[0] = 0x60, [5] = 36, [6] = 0, /* hop by hop */
					      [40] = 43,                     /* then routing */
					      [48] = 44,  [49] = 1, /* 16 bytes, then a fragment header */
					      [64] = 17};           /* of a whole packet */
	struct ip_reader *reader = NULL;
	struct ip_packet packet;

	(void)state;
	assert_int_equal(ip_reader_new(&reader), 0);
	assert_int_equal(ip_read(reader, bytes, sizeof(bytes), &packet), IP_PACKET);
	assert_int_equal(packet.protocol, 17);
	assert_int_equal(packet.length, 4);
	bytes[49] = 200; /* longer than the packet */
	assert_int_equal(ip_read(reader, bytes, sizeof(bytes), &packet), IP_MALFORMED);
	ip_reader_free(reader);
}

static void random_bytes_are_survived(void **state)
{
	struct ip_reader *reader = NULL;
	struct ip_packet packet;

	(void)state;
	srand(4);
	assert_int_equal(ip_reader_new(&reader), 0);
	for (int i = 0; i < 200000; i++) {
		size_t length = (size_t)(rand() % 120);
		uint8_t *bytes = malloc(length ? length : 1);

		for (size_t j = 0; j < length; j++)
			bytes[j] = (uint8_t)(rand() % 2 ? 0 : rand());
		if (length)
			bytes[0] = (uint8_t)(rand() % 2 ? 0x45 : 0x60);
		if (ip_read(reader, bytes, length, &packet) == IP_PACKET)
			assert_true(packet.length <= 65535 && packet.bytes != NULL);
		free(bytes);
	}
	ip_reader_free(reader);
}

/* A hole must never be filled with what an earlier datagram left there. */
static void fragments_that_disagree_on_the_end_make_no_packet(void **state)
{
	struct ip_reader *reader = NULL;
	struct ip_packet packet;
	uint8_t bytes[200];

	(void)state;
	assert_int_equal(ip_reader_new(&reader), 0);
	/* A block far behind, then a last fragment before it: two blocks are here, but not the first one. */
	assert_int_equal(ip_read(reader, bytes, v4(bytes, 0x2000 | 10, 0, 8), &packet), IP_FRAGMENT);
	assert_int_equal(ip_read(reader, bytes, v4(bytes, 1, 0, 8), &packet), IP_DROPPED);
	/* The end first, then something behind it; then another end. */
	assert_int_equal(ip_read(reader, bytes, v4(bytes, 2, 0, 8), &packet), IP_FRAGMENT);
	assert_int_equal(ip_read(reader, bytes, v4(bytes, 0x2000 | 3, 0, 8), &packet), IP_DROPPED);
	assert_int_equal(ip_read(reader, bytes, v4(bytes, 2, 0, 8), &packet), IP_FRAGMENT);
	assert_int_equal(ip_read(reader, bytes, v4(bytes, 1, 0, 8), &packet), IP_DROPPED);
	/* The end twice is no contradiction. */
	assert_int_equal(ip_read(reader, bytes, v4(bytes, 1, 8, 8), &packet), IP_FRAGMENT);
	assert_int_equal(ip_read(reader, bytes, v4(bytes, 1, 8, 8), &packet), IP_FRAGMENT);
	assert_int_equal(ip_read(reader, bytes, v4(bytes, 0x2000, 0, 8), &packet), IP_PACKET);
	assert_int_equal(packet.length, 16);
	assert_int_equal(packet.bytes[15], 15);
	ip_reader_free(reader);
}

static void rarer_links_are_read(void **state)
{
	static const uint8_t snap[42] = {
		[12] = 0, [13] = 28, [14] = 0xaa, [15] = 0xaa, [16] = 3, [20] = 0x08};
	static const uint8_t mpls[42] = {[12] = 0x88, [13] = 0x47, [20] = 1, [22] = 0x60},
			     ppp[24] = {0xff, 3, 0, 0x21}, bare[24] = {0, 0x57}, odd[24] = {0x21},
			     hdlc[24] = {0x0f, 0, 0x08, 0},
			     fddi[41] = {[13] = 0xaa, [14] = 0xaa, [15] = 3, [19] = 0x86, [20] = 0xdd},
			     arcnet[28] = {[4] = 212}, arcnet_old[25] = {[4] = 240}, lcp[24] = {0xc0, 0x21};

	(void)state;
	assert_int_equal(link_find_ip(LINK_ETHERNET, snap, sizeof(snap)), 22);
	assert_int_equal(link_find_ip(LINK_ETHERNET, mpls, sizeof(mpls)), 22); /* two labels */
	assert_int_equal(link_find_ip(LINK_PPP, ppp, sizeof(ppp)), 4);
	assert_int_equal(link_find_ip(LINK_PPP, bare, sizeof(bare)), 2);
	assert_int_equal(link_find_ip(LINK_PPP, odd, sizeof(odd)), 1);
	assert_int_equal(link_find_ip(LINK_PPP, lcp, sizeof(lcp)), -1);
	assert_int_equal(link_find_ip(LINK_CISCO_HDLC, hdlc, sizeof(hdlc)), 4);
	assert_int_equal(link_find_ip(LINK_FDDI, fddi, sizeof(fddi)), 21);
	assert_int_equal(link_find_ip(LINK_ARCNET, arcnet, sizeof(arcnet)), 8);
	assert_int_equal(link_find_ip(LINK_ARCNET, arcnet_old, sizeof(arcnet_old)), 5);
	for (size_t length = 0; length < 13; length++)
		for (int link = LINK_PPP; link <= LINK_UNKNOWN; link++)
			assert_true(link_find_ip((enum link_type)link, mpls, length) <= (int)length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_that_disagree_on_the_end_make_no_packet),
		cmocka_unit_test(rarer_links_are_read),
		cmocka_unit_test(the_packet_is_found_behind_every_link),
		cmocka_unit_test(plain_packets_are_read),
		cmocka_unit_test(fragments_are_put_together_in_any_order),
		cmocka_unit_test(fragments_are_bounded),
		cmocka_unit_test(extension_headers_are_stepped_over),
		cmocka_unit_test(random_bytes_are_survived),
	};

	return cmocka_run_group_tests_name("source/ip", tests, NULL, NULL);
}
