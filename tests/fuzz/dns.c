/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dns.c - a DNS message of any bytes, and a name at any of its places. */
#include "dns/message.h"

#include <errno.h>
#include <string.h>

#include "support.h"

#define MESSAGE_MOST 65535
#define PLACES 64

static struct dns_message message;
static char name[DNS_TEXT_MAX];

static void check_name(const char *text)
{
	for (const char *at = text; *at; at++)
		must((*at > ' ' && *at < 0x7f) || *at == ' ');
	must(strlen(text) < DNS_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = size < MESSAGE_MOST ? size : MESSAGE_MOST;
	int error;

	memset(message.qname, 'x', sizeof(message.qname));
	memset(message.chain, 'x', sizeof(message.chain));
	error = dns_message_read(data, length, &message);
	must(error == (length < DNS_HEADER_SIZE ? -EINVAL : 0));
	must(dns_damage_name(message.damage));
	must(message.address_count <= DNS_ADDRESSES_MAX && message.chain_count <= DNS_CHAIN_MAX);
	check_name(message.qname);
	check_name(message.chain);
	for (size_t i = 0; i < length && i < PLACES; i++) {
		size_t at = i * 7 % length;
		int taken = dns_name_read(data, length, at, name);

		must(taken == -EBADMSG ? name[0] == '\0' : taken >= 1 && taken <= 256);
		must(taken < 0 || at + (size_t)taken <= length);
		check_name(name);
	}
	return 0;
}
