/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * domain.h - from a hostname to the domain that history is kept by: the
 * registrable domain, or for AWS the service.
 */
#ifndef DOMAIN_DOMAIN_H
#define DOMAIN_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/failure.h"

#define DOMAIN_MAX 256 /* with the ending NUL */
#define HOSTNAME_MAX 256

struct domain_rules; /* opaque: a loaded suffix list and the two settings */

struct domain_settings {
	bool private_suffixes; /* the PRIVATE section of the list counts too */
	bool aws_buckets;      /* tenant-named AWS hosts stay apart */
	const char *
		list_path; /* a public suffix list (text or DAFSA); NULL: psl_latest, else the built-in one */
};

/* Loads the list. On success *out is the caller's, to be freed. 0 or -errno with *failure filled. */
int domain_rules_new(const struct domain_settings *settings, struct domain_rules **out,
		     struct failure *failure);
void domain_rules_free(struct domain_rules *rules); /* NULL is fine */

/* Identifies the loaded list and the settings (changes exactly when keys may change). Lives as long as
 * `rules`. */
const char *domain_rules_identity(const struct domain_rules *rules);

enum domain_kind {
	DOMAIN_REGISTRABLE, /* eTLD+1, or the name itself where it is a public suffix */
	DOMAIN_SERVICE,     /* an AWS service */
	DOMAIN_INTERNAL, /* single label, .local, .internal, .localhost, .home.arpa, .cluster.local, reverse
			    zones */
	DOMAIN_INVALID,  /* empty, an IP literal, over 255 bytes, empty labels */
};

/*
 * Groups `hostname`, which may be upper case, have a trailing dot, or be an IDN
 * in U-label form (UTF-8): out is in lower case and A-label form. For
 * DOMAIN_INTERNAL out is the normalised hostname; for DOMAIN_INVALID out is "".
 */
enum domain_kind domain_of(const struct domain_rules *rules, const char *hostname,
			   char out[static DOMAIN_MAX]);

/* Whether a normalised name is a public suffix by these rules: a name that many owners share. */
bool domain_is_public_suffix(const struct domain_rules *rules, const char *name);

/* The end of a name that is too long to be kept, from a label on: its domain is on the right. */
const char *hostname_tail(const char *name);

/* Lower case, no trailing dot, A-label form, at most 253 characters. 0, or -EINVAL with out "". */
int hostname_normalise(const char *hostname, char out[static HOSTNAME_MAX]);

#endif
