/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* link.h - finds the IP packet inside a captured frame. Pure. */
#ifndef SOURCE_LINK_H
#define SOURCE_LINK_H

#include <stddef.h>
#include <stdint.h>

enum link_type {
	LINK_ETHERNET, /* and 802.3 with SNAP */
	LINK_SLL,      /* Linux cooked */
	LINK_SLL2,
	LINK_RAW, /* an IP packet */
	LINK_NULL,
	LINK_PPP, /* with or without its address and control bytes */
	LINK_PPPOE,
	LINK_CISCO_HDLC,
	LINK_FDDI,
	LINK_ARCNET, /* as Linux captures it */
	LINK_MPLS,   /* a stack of labels */
	LINK_UNKNOWN,
};

/* The offset of the IP header in the frame, or -1 where there is none. */
int link_find_ip(enum link_type link, const uint8_t *frame, size_t length);

#endif
