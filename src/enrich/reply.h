/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* reply.h - what an answer of the DNS says to a question for PTR, A, AAAA or TXT. Any bytes; no I/O. */
#ifndef ENRICH_REPLY_H
#define ENRICH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

#define REPLY_TEXT_MAX 256
#define REPLY_TEXTS_MAX 8

/* Texts of one reply's records that belong to its question, by way of aliases too. */
struct reply_texts {
	unsigned count;
	uint32_t ttl; /* seconds, the least of theirs */
	char texts[REPLY_TEXTS_MAX][REPLY_TEXT_MAX];
};

/*
 * The names of PTR records: lower case, odd bytes as \DDD, none over 255 bytes; those are passed over, and so
 * is the root. 0, -ENOENT: there is none, -EBADMSG: no sound answer. *out is set on success only.
 */
int reply_names(const uint8_t *bytes, size_t length, struct reply_texts *out);

/* The texts of TXT records, each with its strings put together. Those with bytes outside of printable ASCII
 * and those over 255 bytes are passed over. Returns as above. */
int reply_strings(const uint8_t *bytes, size_t length, struct reply_texts *out);

/* Whether an answer for A or AAAA has the address, and the TTL of it. */
bool reply_has_address(const uint8_t *bytes, size_t length, const struct address *address, uint32_t *ttl);

/* Whether a name can be asked for as it is written: letters, digits, '-', '_', and labels that are not empty
 * or too long. */
bool reply_name_is_plain(const char *name);

#endif
