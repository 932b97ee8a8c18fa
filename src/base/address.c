/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct address address_from_ipv4(const uint8_t bytes[static 4])
{
	struct address address;

	memcpy(address.bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(address.bytes + 12, bytes, 4);
	return address;
}

bool address_is_ipv4(const struct address *address)
{
	return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int address_parse(const char *text, struct address *out)
{
	uint8_t v4[4];
	struct address v6;

	if (inet_pton(AF_INET, text, v4) == 1) {
		*out = address_from_ipv4(v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, v6.bytes) != 1)
		return -EINVAL;
	*out = v6;
	return 0;
}

const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_MAX])
{
	const char *done;

	if (address_is_ipv4(address))
		done = inet_ntop(AF_INET, address->bytes + 12, text, ADDRESS_TEXT_MAX);
	else
		done = inet_ntop(AF_INET6, address->bytes, text, ADDRESS_TEXT_MAX);
	if (!done)
		text[0] = '\0';
	return text;
}

int network_parse(const char *text, struct network *out)
{
	char address[ADDRESS_TEXT_MAX], *end;
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct network network;
	unsigned long most, bits;

	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (address_parse(address, &network.address))
		return -EINVAL;
	most = strchr(address, ':') ? 128 : 32;
	bits = most;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > most)
			return -EINVAL;
	}
	network.bits = (uint8_t)(bits + 128 - most);
	*out = network;
	return 0;
}

bool network_contains(const struct network *network, const struct address *address)
{
	size_t whole = network->bits / 8;
	unsigned rest = network->bits % 8;

	if (memcmp(network->address.bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || ((network->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

static bool special_ipv4(const uint8_t a[static 4])
{
	return a[0] == 0 || a[0] == 10 || a[0] == 127 || a[0] >= 224 || /* multicast, reserved, broadcast */
	       (a[0] == 100 && (a[1] & 0xc0) == 64) ||                  /* shared (CGNAT) */
	       (a[0] == 169 && a[1] == 254) || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
	       (a[0] == 192 && a[1] == 168) ||
	       (a[0] == 192 && a[1] == 0 && a[2] == 0); /* protocol assignments */
}

bool address_is_special(const struct address *address)
{
	const uint8_t *a = address->bytes;

	if (address_is_ipv4(address))
		return special_ipv4(a + 12);
	return address_is_sinkhole(address) || a[0] == 0xff || (a[0] & 0xfe) == 0xfc ||
	       (a[0] == 0xfe && (a[1] & 0x80) == 0x80); /* link-local and the old site-local */
}

bool address_is_sinkhole(const struct address *address)
{
	static const uint8_t zeros[15];
	const uint8_t *a = address->bytes;

	if (address_is_ipv4(address))
		return a[12] == 0 || a[12] == 127;
	return memcmp(a, zeros, sizeof(zeros)) == 0 && a[15] <= 1;
}
