/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * message.h - reads one DNS message: bounded, without allocation, from any bytes.
 *
 * What precedes a damage is kept: a message that breaks off in its third record
 * still gives its question and two records. Names come out in lower case,
 * without the trailing dot; a byte outside letters, digits, '-', '_' is written
 * as \DDD (decimal), a dot inside a label as \. ; the root is ".".
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_TEXT_MAX 1024 /* a 255-byte name with every byte escaped, and its NUL */
#define DNS_ADDRESSES_MAX 256
#define DNS_CHAIN_MAX 16     /* CNAMEs, DNAMEs and alias-mode targets followed */
#define DNS_RECORDS_MAX 1024 /* records of one message that are looked at */
#define DNS_HEADER_SIZE 12

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
};

enum dns_damage {
	DNS_INTACT = 0,
	DNS_SHORT_HEADER, /* fewer than 12 bytes: nothing was read */
	DNS_BAD_QUESTION, /* not exactly one question, or it can not be read */
	DNS_BAD_NAME,     /* an owner or target name: pointer forward or loop, over 255 bytes, bad label */
	DNS_BAD_RECORD,   /* a record or its data is longer than the message, or has the wrong size */
	DNS_TOO_MANY,     /* more records or addresses than the limits above; what fits was kept */
};

struct dns_address {
	uint8_t bytes[16]; /* network order; IPv4 as ::ffff:a.b.c.d */
	uint32_t ttl;      /* seconds: the least along the chain that led to it */
	bool hint;         /* from an SVCB/HTTPS address hint */
};

struct dns_message {
	uint16_t id;
	bool response;
	bool truncated; /* TC */
	uint8_t opcode;
	uint8_t rcode;
	uint16_t qtype;
	uint16_t qclass;
	enum dns_damage damage;
	bool has_question;
	char qname[DNS_TEXT_MAX];
	/*
	 * Addresses that the answer section proves for the question: those whose owner
	 * is the question's name, or is reached from it over CNAME, DNAME or alias-mode
	 * SVCB/HTTPS records of this message, in any order of the records. Records of
	 * other owners are not taken. A and AAAA, and the hints of SVCB/HTTPS records.
	 */
	uint16_t address_count;
	struct dns_address addresses[DNS_ADDRESSES_MAX];
	/* The names followed from the question, in order, separated by one space. */
	uint16_t chain_count;
	char chain[DNS_TEXT_MAX];
	bool chain_cut;
};

/*
 * Reads `length` bytes (0..65535). Fills *out whole, whatever the bytes are, and
 * returns 0; out->damage tells what was wrong. -EINVAL only where not even the
 * header is there; then out->damage is DNS_SHORT_HEADER. Only the counted
 * elements of addresses[] are written: the caller need not clear *out.
 */
int dns_message_read(const uint8_t *bytes, size_t length, struct dns_message *out);

/*
 * Reads the name at `offset` of the message into `text`. Returns the bytes that
 * the name takes at `offset` (1..256: 254 of labels, and a pointer to the root), or -EBADMSG with text[0] =
 * 0. Pointers must go strictly backwards, 32 of them at most.
 */
int dns_name_read(const uint8_t *bytes, size_t length, size_t offset, char text[static DNS_TEXT_MAX]);

/* A word for operators: "intact", "bad name", ... */
const char *dns_damage_name(enum dns_damage what);

#endif
