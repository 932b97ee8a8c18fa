/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* origin.h - names by which the DNS is asked about an address, and the answers of zones of origin ASes. Pure.
 */
#ifndef ENRICH_ORIGIN_H
#define ENRICH_ORIGIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

#define ORIGIN_NAME_MAX 256
#define ORIGIN_COUNTRY_MAX 3
#define ORIGIN_REGISTRY_MAX 16

/* Who announces an address. */
struct origin {
	uint32_t asn;                       /* the first one, where several announce the prefix */
	struct network prefix;              /* has the address */
	char country[ORIGIN_COUNTRY_MAX];   /* of the registration; "": not said */
	char registry[ORIGIN_REGISTRY_MAX]; /* "arin", ...; "": not said */
};

/*
 * The address in reverse below a zone: 4 labels for IPv4, 32 for IPv6. 0, or -ENAMETOOLONG where the zone is
 * too long for that.
 */
int origin_name(const struct address *address, const char *zone, char name[static ORIGIN_NAME_MAX]);

/* The same below in-addr.arpa or ip6.arpa. */
void origin_reverse_name(const struct address *address, char name[static ORIGIN_NAME_MAX]);

/*
 * Reads one text of such a zone, "64496 64497 | 203.0.113.0/24 | ZZ | arin | 2001-02-03". A later field may
 * be missing. 0, or -EINVAL: it is none, or not about this address; *out is then untouched.
 */
int origin_parse(const char *text, const struct address *address, struct origin *out);

#endif
