/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* suffix.h - the list of public suffixes; the one place that knows libpsl. */
#ifndef DOMAIN_SUFFIX_H
#define DOMAIN_SUFFIX_H

#include <stdbool.h>

#include "base/failure.h"

#define SUFFIX_IDENTITY_MAX 64 /* with the ending NUL */

struct suffix_list; /* opaque: one loaded list */

/*
 * Loads the list at `path` (text or DAFSA). NULL: the system's list where it is
 * newer than the one built into the library, else that one. On success *out is
 * the caller's. 0, or -errno with *failure filled and *out untouched.
 */
int suffix_list_load(const char *path, struct suffix_list **out, struct failure *failure);
void suffix_list_free(struct suffix_list *list); /* NULL is fine */

/* A hash of the list's content, as text; lives as long as the list. */
const char *suffix_list_identity(const struct suffix_list *list);

/*
 * Whether `name` (lower case, A-label form) is a public suffix by the ICANN
 * section, or by either section. A single label that no rule names is one.
 */
bool suffix_list_has(const struct suffix_list *list, const char *name, bool private_section);

#endif
