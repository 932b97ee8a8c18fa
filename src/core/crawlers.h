/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * crawlers.h - which applications find so many new domains that telling each one
 * would be noise. The host as a whole is counted like one more application, under "".
 * Pure and bounded: applications that are no crawlers are forgotten first.
 *
 * An application with more than `domains` new domains inside a window is a crawler
 * until it has stayed below for a day. What it finds new then goes into a digest a window.
 */
#ifndef CORE_CRAWLERS_H
#define CORE_CRAWLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/alert.h"

#define CRAWLERS_MAX 1024
#define CRAWLER_DOMAINS_MAX 10000

struct crawler_rule {
	uint32_t domains;      /* of one application; 0: nothing is a crawler */
	uint32_t host_domains; /* of the host, those of crawlers left out; 0: no such rule */
	int64_t window_seconds;
};

/* What is kept of a crawler over a restart. */
struct crawler_state {
	char application[APPLICATION_MAX]; /* "": the host as a whole */
	int64_t entered_ns;                /* 0: it is none (any more) */
	int64_t last_over_ns;              /* when it was last over the rule */
	char uid[ALERT_UID_MAX];           /* of the open digest */
	bool told;                         /* that digest was sent once, when the crawler was entered */
	struct crawl digest;               /* from_ns 0: none is open */
	uint64_t bytes_out, bytes_in;
};

struct crawler; /* one application's; opaque */
struct crawlers;

int crawlers_new(uint64_t seed, struct crawlers **out); /* 0 or -ENOMEM */
void crawlers_free(struct crawlers *crawlers);

/*
 * A new domain of `application` ("": counted for the host). Returns the crawler whose digest it
 * belongs to, or NULL: it is to be alerted by itself. Never fails: without memory nothing is a crawler.
 */
struct crawler *crawlers_note(struct crawlers *crawlers, const struct crawler_rule *rule,
			      const char *application, int64_t now_ns);

/* Adds a domain to its digest; opens one where none is. `process` (NULL: not known) found it; a copy is kept.
 */
void crawler_add(struct crawlers *crawlers, struct crawler *crawler, const struct crawler_rule *rule,
		 const char *domain, const struct process *process, int64_t now_ns);

/* A number for crawlers_bytes; 0 is no crawler. */
uint32_t crawler_id(const struct crawlers *crawlers, const struct crawler *crawler);

/* Bytes of a flow whose domain went into a digest. An id that is out of date is passed over. */
void crawlers_bytes(struct crawlers *crawlers, uint32_t id, uint64_t bytes_out, uint64_t bytes_in);

/* The state, to be read and, for uid and told, written by the one who tells. */
struct crawler_state *crawler_state(struct crawler *crawler);

enum crawler_due { CRAWLER_DUE_DIGEST, CRAWLER_DUE_LEFT };

/*
 * Calls back for every digest whose window is over (with `all`: for every open one), then closes
 * it, and for every crawler that is none any more. Cheap while nothing is due.
 */
typedef void crawler_due_callback(void *context, struct crawler_state *state,
				  const struct process *process, /* that found the last one; NULL */
				  enum crawler_due due);
void crawlers_tick(struct crawlers *crawlers, const struct crawler_rule *rule, int64_t now_ns, bool all,
		   crawler_due_callback *callback, void *context);

/* Calls back for every crawler that changed since the callback last took it (returned 0). */
void crawlers_changed(struct crawlers *crawlers,
		      int (*callback)(void *context, const struct crawler_state *state), void *context);

/* Takes over what an earlier run kept. 0 or -ENOMEM. */
int crawlers_restore(struct crawlers *crawlers, const struct crawler_state *state);

size_t crawlers_count(const struct crawlers *crawlers); /* those that are crawlers now */

#endif
