/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* link.h - finds the IP packet inside a captured frame. Pure. */
#ifndef SOURCE_LINK_H
#define SOURCE_LINK_H

#include <stddef.h>
#include <stdint.h>

enum link_type { LINK_ETHERNET, LINK_SLL, LINK_SLL2, LINK_RAW, LINK_NULL, LINK_UNKNOWN };

/* The offset of the IP header in the frame, or -1 where there is none. */
int link_find_ip(enum link_type link, const uint8_t *frame, size_t length);

#endif
