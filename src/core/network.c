/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/network.h"

#include <string.h>

bool network_is_external(const struct network_scope *scope, const struct address *address)
{
	if (address_is_special(address))
		return false;
	for (size_t i = 0; i < scope->network_count; i++)
		if (network_contains(&scope->networks[i], address))
			return false;
	return true;
}

bool network_name_is_internal(const struct network_scope *scope, const char *hostname)
{
	size_t length = strlen(hostname);

	for (size_t i = 0; i < scope->domain_count; i++) {
		size_t suffix = strlen(scope->domains[i]);

		if (suffix <= length && strcmp(hostname + length - suffix, scope->domains[i]) == 0 &&
		    (suffix == length || hostname[length - suffix - 1] == '.'))
			return true;
	}
	return false;
}
