/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/link.h"

#include <string.h>

#define TYPE_LEAST 1536 /* below it is a length */
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8
#define TYPE_QINQ_OLD 0x9100
#define TYPE_PPPOE 0x8864
#define TYPE_MPLS 0x8847
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057
#define PPP_MPLS 0x0281
#define ARCNET_IPV4 212
#define ARCNET_IPV6 196
#define ARCNET_IPV4_OLD 240
#define TAGS_MAX 4
#define LABELS_MAX 16

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* The last label says so; what is behind it tells itself by its version. */
static int behind_labels(const uint8_t *frame, size_t length, size_t at)
{
	for (int labels = 0; labels < LABELS_MAX && length >= at + 5; labels++, at += 4)
		if (frame[at + 2] & 1)
			return frame[at + 4] >> 4 == 4 || frame[at + 4] >> 4 == 6 ? (int)at + 4 : -1;
	return -1;
}

static int behind_ppp(const uint8_t *frame, size_t length, size_t at)
{
	unsigned protocol;
	size_t size;

	if (length >= at + 2 && frame[at] == 0xff && frame[at + 1] == 3)
		at += 2;
	if (length < at + 2)
		return -1;
	size = frame[at] & 1 ? 1 : 2; /* it may be compressed to its odd byte */
	protocol = size == 1 ? frame[at] : get16(frame + at);
	at += size;
	if (protocol == PPP_MPLS)
		return behind_labels(frame, length, at);
	return protocol == PPP_IPV4 || protocol == PPP_IPV6 ? (int)at : -1;
}

/* Steps over tags; `at` is behind the type. */
static int behind_type(const uint8_t *frame, size_t length, size_t at, unsigned type)
{
	static const uint8_t snap[] = {0xaa, 0xaa, 3, 0, 0, 0};

	for (int tags = 0; tags < TAGS_MAX; tags++) {
		if (type == TYPE_IPV4 || type == TYPE_IPV6)
			return (int)at;
		if (type == TYPE_PPPOE)
			return behind_ppp(frame, length, at + 6);
		if (type == TYPE_MPLS)
			return behind_labels(frame, length, at);
		if (type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD) {
			if (length < at + 4)
				return -1;
			type = get16(frame + at + 2);
			at += 4;
		} else if (type < TYPE_LEAST && length >= at + 8 &&
			   memcmp(frame + at, snap, sizeof(snap)) == 0) {
			type = get16(frame + at + 6);
			at += 8;
		} else {
			return -1;
		}
	}
	return -1;
}

static int behind_arcnet(const uint8_t *frame, size_t length)
{
	if (length >= 5 && frame[4] == ARCNET_IPV4_OLD)
		return 5;
	return length >= 8 && (frame[4] == ARCNET_IPV4 || frame[4] == ARCNET_IPV6) ? 8 : -1;
}

int link_find_ip(enum link_type link, const uint8_t *frame, size_t length)
{
	switch (link) {
	case LINK_ETHERNET:
		return length < 14 ? -1 : behind_type(frame, length, 14, get16(frame + 12));
	case LINK_SLL:
		return length < 16 ? -1 : behind_type(frame, length, 16, get16(frame + 14));
	case LINK_SLL2:
		return length < 20 ? -1 : behind_type(frame, length, 20, get16(frame));
	case LINK_RAW:
		return length < 1 ? -1 : 0;
	case LINK_NULL: /* four bytes of a family whose number and byte order vary; the IP version tells */
		return length < 5 || (frame[4] >> 4 != 4 && frame[4] >> 4 != 6) ? -1 : 4;
	case LINK_PPP:
		return behind_ppp(frame, length, 0);
	case LINK_PPPOE:
		return behind_ppp(frame, length, 6);
	case LINK_CISCO_HDLC:
		return length < 4 ? -1 : behind_type(frame, length, 4, get16(frame + 2));
	case LINK_FDDI:
		return behind_type(frame, length, 13, 0);
	case LINK_ARCNET:
		return behind_arcnet(frame, length);
	case LINK_MPLS:
		return behind_labels(frame, length, 0);
	default:
		return -1;
	}
}
