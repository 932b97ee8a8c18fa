/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "source/tunnel.h"

#define INNER 20 /* bytes of an IPv4 packet without anything in it */

/* Puts an IPv4 packet behind `header` and opens it. Returns where it was found, or -1 - the result. */
static int opened_at(uint8_t protocol, const uint8_t *header, size_t length, const char *name)
{
	static const uint8_t inner[INNER] = {0x45, 0, 0, INNER};
	uint8_t bytes[256] = {0};
	struct ip_packet packet = {.protocol = protocol, .bytes = bytes, .length = length + INNER};
	struct tunnel tunnel = {0};
	enum tunnel_result result;

	memcpy(bytes, header, length);
	memcpy(bytes + length, inner, INNER);
	result = tunnel_open(&packet, &tunnel);
	if (result != TUNNEL_NONE && name)
		assert_string_equal(tunnel.name, name);
	if (result != TUNNEL_OPEN)
		return -1 - (int)result;
	assert_int_equal(tunnel.length, INNER + length - (size_t)(tunnel.bytes - bytes));
	return (int)(tunnel.bytes - bytes);
}

#define OPENED(protocol, name, ...)                                                                          \
	opened_at(protocol, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), name)
#define ETHERNET 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0
#define NOT_OPEN(result) (-1 - (int)(result))

static void what_is_inside_is_found(void **state)
{
	static const uint8_t none[1];

	(void)state;
	assert_int_equal(opened_at(IPPROTO_IPIP, none, 0, "IP in IP"), 0);
	assert_int_equal(opened_at(IPPROTO_IPV6, none, 0, "6in4"), 0);
	assert_int_equal(OPENED(IPPROTO_GRE, "GRE", 0, 0, 8, 0), 4);
	/* checksum, key and sequence number */
	assert_int_equal(OPENED(IPPROTO_GRE, "GRE", 0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 16);
	assert_int_equal(OPENED(IPPROTO_GRE, "GRE", 0, 0, 0x65, 0x58, ETHERNET), 18);
	assert_int_equal(OPENED(IPPROTO_GRE, "GRE", 0x30, 0x81, 0x88, 0x0b, 0, 24, 0, 1, 0, 0, 0, 1, 0, 0, 0,
				1, 0xff, 3, 0, 0x21),
			 20);
	assert_int_equal(OPENED(IPPROTO_GRE, "ERSPAN", 0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0,
				0, 0, ETHERNET),
			 30);
	assert_int_equal(OPENED(IPPROTO_UDP, "VXLAN", 0xc0, 0, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0,
				ETHERNET),
			 30);
	assert_int_equal(OPENED(IPPROTO_UDP, "Geneve", 0xc0, 0, 0x17, 0xc1, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 1,
				0, 9, 9, 9, 9),
			 20);
	assert_int_equal(
		OPENED(IPPROTO_UDP, "GTP-U", 8, 0x68, 8, 0x68, 0, 0, 0, 0, 0x30, 0xff, 0, 20, 0, 0, 0, 1),
		16);
	/* an extension header of four bytes */
	assert_int_equal(OPENED(IPPROTO_UDP, "GTP-U", 8, 0x68, 8, 0x68, 0, 0, 0, 0, 0x34, 0xff, 0, 28, 0, 0,
				0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0),
			 24);
	assert_int_equal(OPENED(IPPROTO_UDP, "GRE", 0xc0, 0, 0x12, 0x92, 0, 0, 0, 0, 0, 0, 8, 0), 12);
}

static void rarer_tunnels_are_opened(void **state)
{
	static const uint8_t labels[] = {0, 0, 0x10, 0x40, 0, 0, 0x21, 0x40};

	(void)state;
	assert_int_equal(OPENED(97, "EtherIP", 0x30, 0, ETHERNET), 16);
	assert_int_equal(OPENED(97, "EtherIP", 0x30), NOT_OPEN(TUNNEL_EMPTY));
	assert_int_equal(opened_at(137, labels, sizeof(labels), "MPLS in IP"), 8);
	/* ERSPAN's third version, without and with what its last bit announces */
	assert_int_equal(OPENED(IPPROTO_GRE, "ERSPAN", 0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0,
				0, 0, 0, 0, 0, 0, ETHERNET),
			 34);
	assert_int_equal(OPENED(IPPROTO_GRE, "ERSPAN", 0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0,
				0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, ETHERNET),
			 42);
}

static void teredo_is_found_behind_its_indications(void **state)
{
	static const uint8_t origin[8] = {0}, authentication[13] = {0, 1};
	uint8_t bytes[128] = {0x0d, 0xd8, 0x0d, 0xd8};
	struct ip_packet packet = {.protocol = IPPROTO_UDP, .bytes = bytes};
	struct tunnel tunnel;
	size_t at = 8;

	(void)state;
	memcpy(bytes + at, authentication, sizeof(authentication));
	at += sizeof(authentication);
	memcpy(bytes + at, origin, sizeof(origin));
	at += sizeof(origin);
	bytes[at] = 0x60;
	packet.length = at + 40;
	assert_int_equal(tunnel_open(&packet, &tunnel), TUNNEL_OPEN);
	assert_ptr_equal(tunnel.bytes, bytes + at);
	packet.length = at + 39;
	assert_int_equal(tunnel_open(&packet, &tunnel), TUNNEL_NONE);
}

static void what_can_not_be_opened_is_named(void **state)
{
	(void)state;
	assert_int_equal(OPENED(IPPROTO_ESP, "ESP", 0, 0, 0, 1), NOT_OPEN(TUNNEL_CLOSED));
	assert_int_equal(OPENED(IPPROTO_AH, "AH", 4, 4, 0, 0), NOT_OPEN(TUNNEL_CLOSED));
	assert_int_equal(OPENED(115, "L2TP", 0, 0, 0, 1), NOT_OPEN(TUNNEL_CLOSED));
	assert_int_equal(OPENED(IPPROTO_UDP, "L2TP", 6, 0xa5, 6, 0xa5, 0, 0, 0, 0), NOT_OPEN(TUNNEL_CLOSED));
	assert_int_equal(OPENED(IPPROTO_GRE, "GRE", 0x40, 0, 8, 0), NOT_OPEN(TUNNEL_CLOSED)); /* routing */
	assert_int_equal(OPENED(IPPROTO_GRE, "GRE", 0, 0, 0x12, 0x34), NOT_OPEN(TUNNEL_CLOSED));
	/* PPP's own messages carry no packet. */
	assert_int_equal(OPENED(IPPROTO_GRE, "GRE", 0x20, 1, 0x88, 0x0b, 0, 4, 0, 1, 0xff, 3, 0xc0, 0x21),
			 NOT_OPEN(TUNNEL_EMPTY));
}

/* A program may use such a port by chance. */
static void a_port_alone_makes_no_tunnel(void **state)
{
	uint8_t bytes[64] = {0xc0, 0, 0x12, 0xb5, 0, 0, 0, 0, 8};
	struct ip_packet packet = {.protocol = IPPROTO_UDP, .bytes = bytes, .length = sizeof(bytes)};
	struct tunnel tunnel;

	(void)state;
	bytes[28] = 8; /* Ethernet says IPv4, but there is none */
	assert_int_equal(tunnel_open(&packet, &tunnel), TUNNEL_NONE);
	bytes[8] = 0;
	assert_int_equal(tunnel_open(&packet, &tunnel), TUNNEL_NONE);
	packet.protocol = IPPROTO_TCP;
	assert_int_equal(tunnel_open(&packet, &tunnel), TUNNEL_NONE);
}

/* Whatever the bytes: what is found lies inside. The heap's end is watched by the sanitizer. */
static void hostile_bytes_stay_inside(void **state)
{
	static const uint16_t ports[] = {4789, 8472, 6081, 2152, 4754, 1701, 3544, 80};
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_UDP, IPPROTO_UDP, IPPROTO_GRE, 97, 137};
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		size_t length = (random >> 8) % 64;
		uint8_t *bytes = malloc(length ? length : 1);
		struct ip_packet packet = {
			.protocol = protocols[round % 6], .bytes = bytes, .length = length};
		struct tunnel tunnel = {0};

		assert_non_null(bytes);
		for (size_t i = 0; i < length; i++) {
			random = random * 1664525 + 1013904223;
			bytes[i] = random >> 30 ? (uint8_t)(random >> 16) & 0x3c : (uint8_t)(random >> 16);
		}
		if (packet.protocol == IPPROTO_UDP && length >= 4) {
			bytes[2] = (uint8_t)(ports[round / 4 % 8] >> 8);
			bytes[3] = (uint8_t)ports[round / 4 % 8];
		}
		if (tunnel_open(&packet, &tunnel) == TUNNEL_OPEN) {
			assert_true(tunnel.bytes >= bytes && tunnel.bytes <= bytes + length);
			assert_int_equal(tunnel.length, (size_t)(bytes + length - tunnel.bytes));
		}
		random = random * 1664525 + 1013904223;
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_inside_is_found),
		cmocka_unit_test(rarer_tunnels_are_opened),
		cmocka_unit_test(teredo_is_found_behind_its_indications),
		cmocka_unit_test(what_can_not_be_opened_is_named),
		cmocka_unit_test(a_port_alone_makes_no_tunnel),
		cmocka_unit_test(hostile_bytes_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
