/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* network.h - which addresses and names are inside, and so never alerted. Pure. */
#ifndef CORE_NETWORK_H
#define CORE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"

#define NETWORKS_MAX 256
#define INTERNAL_DOMAINS_MAX 256

/* Plain data, filled by the edge: the host's own networks and the settings. */
struct network_scope {
	size_t network_count;
	struct network networks[NETWORKS_MAX];
	size_t domain_count;
	char domains[INTERNAL_DOMAINS_MAX]
		    [256]; /* normalised; a name is inside when it is one or below one */
};

bool network_is_external(const struct network_scope *scope, const struct address *address);
bool network_name_is_internal(const struct network_scope *scope, const char *hostname);

#endif
