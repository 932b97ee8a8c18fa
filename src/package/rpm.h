/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rpm.h - asks the program `rpm`, where the host has an rpm database. Blocks up to its limit. */
#ifndef PACKAGE_RPM_H
#define PACKAGE_RPM_H

#include "package/package.h"

#define RPM_DATABASE_MAX 512

/* The folder of rpm's database below `root`; false where there is none. *changed_ns (may be NULL): when it
 * changed last.
 */
bool rpm_database(const char *root, char folder[static RPM_DATABASE_MAX], int64_t *changed_ns);

/* Fills *out. What can not be asked is PACKAGE_UNREADABLE, what takes too long PACKAGE_TIMED_OUT. */
void rpm_find(const char *program, const char *folder, const char *path, int limit_ms,
	      struct package_answer *out);

/*
 * All packages with the times they were installed at, in any order: *out is the caller's. Returns how many,
 * or -errno (-ETIMEDOUT: the limit).
 */
int64_t rpm_changes(const char *program, const char *folder, int limit_ms, struct package_change **out);

#endif
