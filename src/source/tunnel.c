/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/tunnel.h"

#include <netinet/in.h>

#include "source/link.h"

#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_ETHERNET 0x6558
#define TYPE_MPLS 0x8847
#define TYPE_PPP 0x880b
#define TYPE_ERSPAN 0x88be
#define TYPE_ERSPAN_3 0x22eb

#define GRE_CHECKSUM 0x8000
#define GRE_ROUTING 0x4000
#define GRE_KEY 0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_ACKNOWLEDGE 0x0080
#define GRE_VERSION 0x0007

#define GTP_PACKET 0xff
#define GTP_EXTENSION 4
#define GTP_OPTIONAL 7 /* any of these flags: four more bytes */

#define PROTOCOL_ETHERIP 97 /* RFC 3378 */
#define ETHERIP_HEADER 2
#define PROTOCOL_L2TP 115 /* RFC 3931 */
#define PROTOCOL_MPLS 137 /* RFC 4023 */

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static enum tunnel_result found(struct tunnel *out, const uint8_t *bytes, size_t length)
{
	out->bytes = bytes;
	out->length = length;
	return TUNNEL_OPEN;
}

static enum tunnel_result found_frame(struct tunnel *out, enum link_type link, const uint8_t *bytes,
				      size_t length)
{
	int at = link_find_ip(link, bytes, length);

	return at < 0 ? TUNNEL_EMPTY : found(out, bytes + at, length - (size_t)at);
}

static enum tunnel_result found_type(struct tunnel *out, unsigned type, const uint8_t *bytes, size_t length)
{
	switch (type) {
	case TYPE_IPV4:
	case TYPE_IPV6:
		return found(out, bytes, length);
	case TYPE_ETHERNET:
		return found_frame(out, LINK_ETHERNET, bytes, length);
	case TYPE_MPLS:
		return found_frame(out, LINK_MPLS, bytes, length);
	case TYPE_PPP:
		return found_frame(out, LINK_PPP, bytes, length);
	default:
		return TUNNEL_CLOSED;
	}
}

/* RFC 2784, 2890; version 1 is PPTP's, RFC 2637; ERSPAN has a header of its own behind it. */
static enum tunnel_result open_gre(struct tunnel *out, const uint8_t *bytes, size_t length)
{
	unsigned flags, type;
	size_t at = 4;

	out->name = "GRE";
	if (length < 4)
		return TUNNEL_CLOSED;
	flags = get16(bytes);
	type = get16(bytes + 2);
	if ((flags & GRE_ROUTING) || (flags & GRE_VERSION) > 1)
		return TUNNEL_CLOSED;
	at += flags & GRE_CHECKSUM ? 4 : 0;
	at += flags & GRE_KEY ? 4 : 0;
	at += flags & GRE_SEQUENCE ? 4 : 0;
	if ((flags & GRE_VERSION) == 1)
		at += flags & GRE_ACKNOWLEDGE ? 4 : 0;
	if (type == TYPE_ERSPAN || type == TYPE_ERSPAN_3) {
		out->name = "ERSPAN";
		if (type == TYPE_ERSPAN_3) /* its last bit: eight more bytes */
			at += length >= at + 12 && (bytes[at + 11] & 1) ? 20 : 12;
		else if (flags & GRE_SEQUENCE) /* without it, it is the first version */
			at += 8;
		type = TYPE_ETHERNET;
	}
	return at > length ? TUNNEL_EMPTY : found_type(out, type, bytes + at, length - at);
}

/* RFC 7348 */
static enum tunnel_result open_vxlan(struct tunnel *out, const uint8_t *bytes, size_t length)
{
	out->name = "VXLAN";
	if (length < 8 || !(bytes[0] & 8))
		return TUNNEL_NONE;
	return found_frame(out, LINK_ETHERNET, bytes + 8, length - 8);
}

/* RFC 8926 */
static enum tunnel_result open_geneve(struct tunnel *out, const uint8_t *bytes, size_t length)
{
	size_t header = length < 8 ? 0 : 8 + (size_t)(bytes[0] & 0x3f) * 4;

	out->name = "Geneve";
	if (!header || header > length || bytes[0] >> 6 != 0)
		return TUNNEL_NONE;
	return found_type(out, get16(bytes + 2), bytes + header, length - header);
}

/* 3GPP TS 29.281 */
static enum tunnel_result open_gtp(struct tunnel *out, const uint8_t *bytes, size_t length)
{
	size_t at = 8;
	unsigned next = 0;

	out->name = "GTP-U";
	if (length < 8 || bytes[0] >> 4 != 3 || bytes[1] != GTP_PACKET)
		return TUNNEL_NONE;
	if (bytes[0] & GTP_OPTIONAL) {
		if (length < 12)
			return TUNNEL_EMPTY;
		next = bytes[0] & GTP_EXTENSION ? bytes[11] : 0;
		at = 12;
	}
	while (next) {
		size_t size = at < length ? (size_t)bytes[at] * 4 : 0;

		if (size == 0 || length - at < size)
			return TUNNEL_EMPTY;
		at += size;
		next = bytes[at - 1];
	}
	return found(out, bytes + at, length - at);
}

/* RFC 4380: an authentication and an origin indication may come first. */
static enum tunnel_result open_teredo(struct tunnel *out, const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	out->name = "Teredo";
	if (length >= 4 && get16(bytes) == 1)
		at = 13 + (size_t)bytes[2] + bytes[3];
	if (length >= at + 8 && get16(bytes + at) == 0)
		at += 8;
	if (length < at + 40 || bytes[at] >> 4 != 6)
		return TUNNEL_NONE;
	return found(out, bytes + at, length - at);
}

static enum tunnel_result open_port(struct tunnel *out, const uint8_t *bytes, size_t length)
{
	unsigned source, target;

	if (length < 8)
		return TUNNEL_NONE;
	source = get16(bytes);
	target = get16(bytes + 2);
	bytes += 8;
	length -= 8;
	switch (target) {
	case 4789:
	case 8472: /* Linux before there was a number */
		return open_vxlan(out, bytes, length);
	case 6081:
		return open_geneve(out, bytes, length);
	case 2152:
		return open_gtp(out, bytes, length);
	case 4754: /* RFC 8086 */
		return open_gre(out, bytes, length);
	case 1701:
		out->name = "L2TP";
		return TUNNEL_CLOSED;
	default:
		return source == 3544 || target == 3544 ? open_teredo(out, bytes, length) : TUNNEL_NONE;
	}
}

/* A port alone makes no tunnel: what is inside has to look like an IP packet, too. */
static bool is_ip(const uint8_t *bytes, size_t length)
{
	if (length >= 20 && bytes[0] >> 4 == 4)
		return (bytes[0] & 15) >= 5 && get16(bytes + 2) >= 20;
	return length >= 40 && bytes[0] >> 4 == 6;
}

static enum tunnel_result open_udp(struct tunnel *out, const uint8_t *bytes, size_t length)
{
	enum tunnel_result result = open_port(out, bytes, length);

	return result == TUNNEL_OPEN && !is_ip(out->bytes, out->length) ? TUNNEL_NONE : result;
}

enum tunnel_result tunnel_open(const struct ip_packet *packet, struct tunnel *out)
{
	switch (packet->protocol) {
	case IPPROTO_IPIP:
		out->name = "IP in IP";
		return found(out, packet->bytes, packet->length);
	case IPPROTO_IPV6:
		out->name = "6in4";
		return found(out, packet->bytes, packet->length);
	case IPPROTO_GRE:
		return open_gre(out, packet->bytes, packet->length);
	case IPPROTO_UDP:
		return open_udp(out, packet->bytes, packet->length);
	case PROTOCOL_ETHERIP:
		out->name = "EtherIP";
		return packet->length < ETHERIP_HEADER
			       ? TUNNEL_EMPTY
			       : found_frame(out, LINK_ETHERNET, packet->bytes + ETHERIP_HEADER,
					     packet->length - ETHERIP_HEADER);
	case PROTOCOL_MPLS:
		out->name = "MPLS in IP";
		return found_frame(out, LINK_MPLS, packet->bytes, packet->length);
	case IPPROTO_ESP:
		out->name = "ESP";
		return TUNNEL_CLOSED;
	case IPPROTO_AH:
		out->name = "AH";
		return TUNNEL_CLOSED;
	case PROTOCOL_L2TP:
		out->name = "L2TP";
		return TUNNEL_CLOSED;
	default:
		return TUNNEL_NONE;
	}
}
