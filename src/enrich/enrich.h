/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * enrich.h - asks the DNS about addresses: their names (PTR, confirmed by asking for the name's addresses)
 * and who announces them (origin AS, from a zone of TXT records). A thread of its own asks; who wants to know
 * never waits. Cached, limited in rate; what fails is counted, and alerts go without it.
 */
#ifndef ENRICH_ENRICH_H
#define ENRICH_ENRICH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/failure.h"
#include "enrich/origin.h"

#define ENRICH_NAME_MAX 256
#define ENRICH_SERVERS_MAX 512
#define ENRICH_ZONE_MAX 192

enum enrich_state {
	ENRICH_UNASKED,
	ENRICH_PENDING,     /* an answer may come */
	ENRICH_CONFIRMED,   /* a name that has the address */
	ENRICH_UNCONFIRMED, /* a name that does not: whoever has the address may claim any */
	ENRICH_KNOWN,       /* an origin */
	ENRICH_ABSENT,      /* the DNS has none */
	ENRICH_FAILED,      /* no answer, or none that makes sense */
};

/* The two halves of what is known of an address. */
struct enrich_answer {
	enum enrich_state name_state;
	char name[ENRICH_NAME_MAX]; /* printable ASCII; odd bytes as \DDD */
	enum enrich_state origin_state;
	struct origin origin;
};

struct enrich_settings {
	bool names, origins;              /* what may be asked for */
	char servers[ENRICH_SERVERS_MAX]; /* "192.0.2.53,[2001:db8::53]:5353"; "": those of resolv.conf */
	unsigned rate;                    /* questions a second, 1 or more */
	char zones[2][ENRICH_ZONE_MAX];   /* of origins, for IPv4 and IPv6; "": not asked */
	void (*tell)(const char *text);   /* a line for the operator, from the thread; once a trouble */
};

struct enrich_counts {
	uint64_t asked, answered; /* questions; an answer may be that there is nothing */
	uint64_t failed;          /* no answer in time, or a server's failure */
	uint64_t dropped;         /* too many waited, or no server answers for now */
	uint64_t cached;          /* addresses, now */
};

struct enrich; /* opaque */

/*
 * Starts the thread. Whether servers can be asked at all is tried at once, by a question that every
 * server answers by itself, and told. On success *out is the caller's. 0 or -errno with *failure filled.
 */
int enrich_open(const struct enrich_settings *settings, struct enrich **out, struct failure *failure);
void enrich_close(struct enrich *enrich); /* NULL is fine */

/* Other settings from now on. What is cached stays. Never waits. */
void enrich_configure(struct enrich *enrich, const struct enrich_settings *settings);

/*
 * What is known of an address by now; what is wanted, may be asked for and is not known gets asked for.
 * Addresses that are never outside are not. Never waits. Returns whether more may come.
 */
bool enrich_look(struct enrich *enrich, const struct address *address, bool name, bool origin,
		 struct enrich_answer *out);

/* Whether a socket, by its cookie (SO_COOKIE), is one of the last that questions were sent by. Never waits.
 */
bool enrich_owns_socket(const struct enrich *enrich, uint64_t cookie);

void enrich_counts(struct enrich *enrich, struct enrich_counts *out);

#endif
