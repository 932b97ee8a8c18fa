/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/origin.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define FIELD_MAX 64

static void put_reverse(const struct address *address, char name[static ORIGIN_NAME_MAX])
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = address->bytes;

	if (address_is_ipv4(address)) {
		snprintf(name, ORIGIN_NAME_MAX, "%u.%u.%u.%u", bytes[15], bytes[14], bytes[13], bytes[12]);
		return;
	}
	for (int i = 15; i >= 0; i--) {
		*name++ = digits[bytes[i] & 15];
		*name++ = '.';
		*name++ = digits[bytes[i] >> 4];
		*name++ = i ? '.' : '\0';
	}
}

int origin_name(const struct address *address, const char *zone, char name[static ORIGIN_NAME_MAX])
{
	char reverse[ORIGIN_NAME_MAX];

	put_reverse(address, reverse);
	if (strlen(reverse) + 1 + strlen(zone) > 253)
		return -ENAMETOOLONG;
	snprintf(name, ORIGIN_NAME_MAX, "%.64s.%.190s", reverse, zone);
	return 0;
}

void origin_reverse_name(const struct address *address, char name[static ORIGIN_NAME_MAX])
{
	(void)origin_name(address, address_is_ipv4(address) ? "in-addr.arpa" : "ip6.arpa", name);
}

/* Copies the next field without the spaces around it and moves *text behind its "|". False: too long. */
static bool next_field(const char **text, char field[static FIELD_MAX])
{
	size_t length = strcspn(*text, "|"), used = length;
	const char *from = *text;

	while (used && *from == ' ') {
		from++;
		used--;
	}
	while (used && from[used - 1] == ' ')
		used--;
	*text += length + ((*text)[length] == '|');
	return text_copy_bytes(field, FIELD_MAX, from, used);
}

/* The first number of a list; all of it has to be numbers. */
static bool read_numbers(const char *field, uint32_t *first)
{
	bool any = false;

	while (*field) {
		uint64_t number = 0;
		size_t digits = strspn(field, "0123456789");

		if (digits == 0 || digits > 10)
			return false;
		for (size_t i = 0; i < digits; i++)
			number = number * 10 + (uint64_t)(field[i] - '0');
		if (number > UINT32_MAX || (field[digits] && field[digits] != ' '))
			return false;
		if (!any)
			*first = (uint32_t)number;
		any = true;
		field += digits + strspn(field + digits, " ");
	}
	return any;
}

static bool is_word(const char *field, size_t most, char from, char to)
{
	size_t length = strlen(field);

	for (size_t i = 0; i < length; i++)
		if (field[i] < from || field[i] > to)
			return false;
	return length <= most;
}

int origin_parse(const char *text, const struct address *address, struct origin *out)
{
	char number[FIELD_MAX], prefix[FIELD_MAX], country[FIELD_MAX], registry[FIELD_MAX];
	struct origin origin;

	memset(&origin, 0, sizeof(origin));
	if (!next_field(&text, number) || !next_field(&text, prefix) || !next_field(&text, country) ||
	    !next_field(&text, registry))
		return -EINVAL;
	if (!read_numbers(number, &origin.asn) || network_parse(prefix, &origin.prefix) ||
	    !network_contains(&origin.prefix, address))
		return -EINVAL;
	/* A field that is not what it should be says nothing; the others do. */
	if (strlen(country) == 2 && is_word(country, 2, 'A', 'Z'))
		text_copy(origin.country, sizeof(origin.country), country);
	if (is_word(registry, sizeof(origin.registry) - 1, 'a', 'z'))
		text_copy(origin.registry, sizeof(origin.registry), registry);
	*out = origin;
	return 0;
}
