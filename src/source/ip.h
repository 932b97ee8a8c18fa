/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ip.h - reads IP packets, puts fragments together. No I/O. */
#ifndef SOURCE_IP_H
#define SOURCE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/* A whole transport packet. `bytes` live until the next call. */
struct ip_packet {
	struct address source, target;
	uint8_t protocol;
	const uint8_t *bytes;
	size_t length;  /* bytes here */
	size_t on_wire; /* what the IP header says there were */
};

enum ip_result {
	IP_PACKET,   /* *out is filled */
	IP_FRAGMENT, /* kept until the others come */
	IP_DROPPED,  /* a fragment that can not be kept */
	IP_MALFORMED,
	IP_OTHER, /* neither IPv4 nor IPv6 */
};

struct ip_reader; /* opaque, bounded */

int ip_reader_new(struct ip_reader **out); /* 0 or -ENOMEM */
void ip_reader_free(struct ip_reader *reader);

enum ip_result ip_read(struct ip_reader *reader, const uint8_t *bytes, size_t length, struct ip_packet *out);

#endif
