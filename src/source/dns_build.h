/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dns_build.h - writes DNS messages on the wire, for scenarios and tests. */
#ifndef SOURCE_DNS_BUILD_H
#define SOURCE_DNS_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

#define DNS_BUILD_ADDRESSES_MAX 64
#define DNS_BUILD_CHAIN_MAX 16
#define DNS_BUILD_MAX 8192 /* bytes that hold any message built here */

struct dns_build {
	uint16_t id;
	uint16_t type;    /* of the question: A, AAAA or HTTPS */
	const char *name; /* of the question: dotted, ASCII */
	/* Answers alone: */
	bool truncated;
	uint8_t rcode;
	uint32_t ttl;
	size_t chain_count; /* CNAMEs from the question's name to the addresses' owner */
	const char *chain[DNS_BUILD_CHAIN_MAX];
	size_t address_count;
	struct address addresses[DNS_BUILD_ADDRESSES_MAX];
};

/* Whether `name` can be written: labels of 1..63 bytes, 253 characters, "." for the root. */
bool dns_build_name_fits(const char *name);

/* Both return the bytes written to buffer[0..size), or 0: it does not fit, or a name is none. */
size_t dns_build_question(uint8_t *buffer, size_t size, const struct dns_build *message);
size_t dns_build_answer(uint8_t *buffer, size_t size, const struct dns_build *message);

#endif
