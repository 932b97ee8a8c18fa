/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * threats.h - lists of domains that are threats, or were registered lately: read from
 * files, looked up by a hostname and its parents. A set never changes once it is loaded.
 *
 * A list has an entry a line: a domain, "*.domain", ".domain", "||domain^", a URL, or a line of a
 * hosts file ("0.0.0.0 domain ..."). Comments begin with #, !, ; or //.
 */
#ifndef THREAT_THREATS_H
#define THREAT_THREATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "core/alert.h"
#include "domain/domain.h"

#define THREATS_ENTRIES_MAX 8000000
#define THREATS_FILES_MAX 255

struct threats; /* opaque */

struct threats_counts {
	uint32_t files;
	uint64_t entries;
	uint64_t lines_bad;  /* neither an entry nor a comment; a public suffix like "com" counts as one */
	uint64_t bytes;      /* of memory */
	char first_bad[128]; /* "FILE:LINE" of the first of them, or "" */
};

/* On success *out is the caller's. 0 or -ENOMEM. `rules` tells public suffixes; borrowed until the last load.
 */
int threats_new(const struct domain_rules *rules, struct threats **out);
void threats_free(struct threats *threats); /* NULL is fine */

/*
 * Adds a file, or every file of a folder whose name begins with no dot. 0, or -errno with
 * *failure filled: -ENOENT it is not there, -E2BIG there is no room for all. Of a folder the first failure is
 * told, and the other files are added; what was added before a failure stays.
 */
int threats_load(struct threats *threats, enum threat_class class, const char *path, struct failure *failure);

/* Whether there is nothing at the path, not even a link that leads nowhere. */
bool threats_are_absent(const char *path);

/* Whether the name, or a parent, has an entry: the longest one, a threat before a new registration. Any
 * thread. */
bool threats_find(const struct threats *threats, const char *hostname, struct threat_match *out);

const struct threats_counts *threats_counts(const struct threats *threats);

#endif
