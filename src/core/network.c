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

/* A dot behind a backslash is part of a label: "x\.corp.example" is not below corp.example. */
static bool is_at_or_below(const char *hostname, size_t length, const char *domain)
{
	size_t tail = strlen(domain);

	if (tail == 0 || tail > length || memcmp(hostname + length - tail, domain, tail) != 0)
		return false;
	if (tail == length)
		return true;
	return length >= tail + 2 && hostname[length - tail - 1] == '.' &&
	       hostname[length - tail - 2] != '\\';
}

bool network_name_is_internal(const struct network_scope *scope, const char *hostname)
{
	size_t length = strlen(hostname);

	for (size_t i = 0; i < scope->domain_count; i++)
		if (is_at_or_below(hostname, length, scope->domains[i]))
			return true;
	return false;
}
