/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/link.h"

#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8
#define TYPE_QINQ_OLD 0x9100
#define TYPE_PPPOE 0x8864
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057
#define TAGS_MAX 4

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* Steps over tags and PPPoE; `at` is behind the type. */
static int behind_type(const uint8_t *frame, size_t length, size_t at, unsigned type)
{
	for (int tags = 0; tags < TAGS_MAX; tags++) {
		if (type == TYPE_IPV4 || type == TYPE_IPV6)
			return (int)at;
		if (type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD) {
			if (length < at + 4)
				return -1;
			type = get16(frame + at + 2);
			at += 4;
		} else if (type == TYPE_PPPOE) {
			if (length < at + 8)
				return -1;
			type = get16(frame + at + 6);
			type = type == PPP_IPV4 ? TYPE_IPV4 : type == PPP_IPV6 ? TYPE_IPV6 : 0;
			at += 8;
		} else {
			return -1;
		}
	}
	return -1;
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
	default:
		return -1;
	}
}
