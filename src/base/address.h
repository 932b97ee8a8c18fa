/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* address.h - IPv4 and IPv6 addresses as one 16-byte value; IPv4 is ::ffff:a.b.c.d. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_TEXT_MAX 46 /* with the ending NUL */

struct address {
	uint8_t bytes[16]; /* network order */
};

struct address address_from_ipv4(const uint8_t bytes[static 4]);
bool address_is_ipv4(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);

/* Reads "192.0.2.1" or "2001:db8::1". Returns 0, or -EINVAL with *out untouched. */
int address_parse(const char *text, struct address *out);

/* Writes the usual text form (IPv4 dotted, IPv6 as RFC 5952) and returns `text`. */
const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_MAX]);

/* A network: `bits` counts from the left of the 128, so 10.0.0.0/8 has 104. */
struct network {
	struct address address;
	uint8_t bits; /* 0..128 */
};

/* Reads "10.0.0.0/8", "fd00::/8" or a single address. 0, or -EINVAL with *out untouched. */
int network_parse(const char *text, struct network *out);
bool network_contains(const struct network *network, const struct address *address);

/*
 * Whether an address can never be outside: loopback, unspecified, private
 * (RFC 1918, ULA), link-local, shared (CGNAT), multicast, broadcast.
 */
bool address_is_special(const struct address *address);

/* Loopback or unspecified: what a sinkhole answers, and what must never name a flow. */
bool address_is_sinkhole(const struct address *address);

#endif
