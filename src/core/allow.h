/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * allow.h - what the operator has judged already: allow rules, and alerts that were
 * acknowledged. Pure. A set never changes; a newer one takes its place whole.
 */
#ifndef CORE_ALLOW_H
#define CORE_ALLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "core/alert.h"
#include "core/process.h"

#define ALLOW_NAME_MAX 64
#define ALLOW_PATTERN_MAX 512
#define ALLOW_REASON_MAX 256
#define ALLOW_RULES_MAX 4096
#define ACKS_MAX 65536

enum allow_origin { ALLOW_FROM_CONFIG, ALLOW_FROM_COMMAND };

/*
 * A rule. All that is given must hold. `application` and `container` may have * and ?.
 * `domain`: "example.com" is that domain, or that hostname; "*.example.com" the names
 * below it; ".example.com" itself and the names below it.
 */
struct allow_rule {
	char name[ALLOW_NAME_MAX];
	char domain[HOSTNAME_MAX];           /* "": any */
	char application[ALLOW_PATTERN_MAX]; /* of the application's name, or of its executable; "": any */
	char container[PROCESS_CONTAINER_MAX];
	char user[USER_NAME_MAX]; /* as written; "": any */
	uint32_t uid;             /* of `user` */
	char network_text[64];    /* as written; "": any */
	struct network network;
	uint16_t port; /* remote; 0: any */
	char reason[ALLOW_REASON_MAX];
	char author[USER_NAME_MAX];
	int64_t created_ns; /* 0: not known */
	int64_t expires_ns; /* 0: never */
	enum allow_origin origin;
};

/* An acknowledged alert: its domain, or the entry of a threat list, for the application or ("") for the whole
 * host. */
struct ack {
	enum subject_kind kind;
	bool threat; /* it told of a threat: one that was not known then is not muted by others */
	char domain[DOMAIN_MAX];
	char application[APPLICATION_MAX];
};

/* What a flow is asked about. */
struct allow_case {
	int64_t now_ns;
	enum subject_kind subject;
	const char *domain;
	const char *hostname;
	const struct process *process; /* NULL: not known */
	uint32_t uid;                  /* FS_UID_UNKNOWN */
	struct address remote;
	uint16_t remote_port;
	const char *entry; /* of a threat list; NULL: it is no threat. A rule about something else than a
			      domain does not mute one */
};

struct allow_set; /* opaque */

/* Takes copies. On success *out is the caller's. 0, -ENOMEM, or -E2BIG for more than the bounds above. */
int allow_set_new(const struct allow_rule *rules, size_t rule_count, const struct ack *acks, size_t ack_count,
		  struct allow_set **out);
void allow_set_free(struct allow_set *set); /* NULL is fine */

/* The first rule that holds, its hit counted, or NULL. Set may be NULL: no rules. */
const struct allow_rule *allow_match(struct allow_set *set, const struct allow_case *now);

/* Whether an alert about this domain was acknowledged, for the host or for this application; `entry`: one
 * that told of this threat, whatever its domain. NULL: it is no threat. */
bool allow_acknowledged(const struct allow_set *set, enum subject_kind kind, const char *domain,
			const char *application, const char *entry);

/* Calls back for every rule that hit since the callback last took it (returned 0). */
typedef int allow_hits_callback(void *context, const struct allow_rule *rule, uint64_t hits, int64_t last_ns);
void allow_take_hits(struct allow_set *set, allow_hits_callback *callback, void *context);

/*
 * Reads a rule's field from text, as in the configuration's [allow NAME] and on the command
 * line: domain, application, container, network, port, reason, author, and user as a number. Names of users
 * and times are the edge's. 0, -ENOENT: no such field, -EINVAL with *why (static text) filled.
 */
int allow_read(struct allow_rule *rule, const char *field, const char *value, const char **why);

/* 0, or -EINVAL with *why filled: a rule that names nothing would allow all. */
int allow_check(const struct allow_rule *rule, const char **why);

/* Whether `text` fits a pattern with * (any characters) and ? (one). */
bool allow_glob(const char *pattern, const char *text);

#endif
