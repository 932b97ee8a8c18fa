/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tunnel.h - finds the packet that a tunnel carries. Pure. */
#ifndef SOURCE_TUNNEL_H
#define SOURCE_TUNNEL_H

#include "source/ip.h"

enum tunnel_result {
	TUNNEL_NONE,   /* a packet that carries no other one */
	TUNNEL_OPEN,   /* out->bytes is the IP packet inside, which lives as long as the outer one */
	TUNNEL_EMPTY,  /* what it carries is no IP */
	TUNNEL_CLOSED, /* it can not be looked into: encrypted, compressed or not known */
};

struct tunnel {
	const char *name; /* all but TUNNEL_NONE */
	const uint8_t *bytes;
	size_t length;
};

enum tunnel_result tunnel_open(const struct ip_packet *packet, struct tunnel *out);

#endif
