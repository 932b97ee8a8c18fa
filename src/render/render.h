/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* render.h - an alert as one line of JSON: OCSF Detection Finding or ECS. Pure. */
#ifndef RENDER_RENDER_H
#define RENDER_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/alert.h"

#define RENDER_MAX 8192 /* bytes of a line, its NUL included */
#define RENDER_SYSLOG_MAX 4096

enum render_format { RENDER_OCSF, RENDER_ECS };

/* What the edge adds to an alert before it is written. Empty strings and 0: not known. */
struct dossier {
	char host[256];   /* the host's name */
	char host_id[64]; /* machine id */
	char user[USER_NAME_MAX];
	char login_user[USER_NAME_MAX];
	int64_t application_first_ns;
	uint64_t application_domains; /* distinct domains in the history */
	uint64_t application_connections;
	bool application_crawler;
	char application_recent[1024]; /* other domains that it talked to lately, separated by a space */
	char application_users[256];   /* who runs it, likewise */
	char known_to[2048];           /* other applications that know the domain, a line each */
	char package[128];
	char package_version[128];
	int64_t package_upgraded_ns;
	uint32_t packages_changed; /* on the host, in the last 7 days */
	char product_version[32];
};

/*
 * Writes the alert as one line (no newline) of at most `size` bytes with its NUL.
 * What does not fit is left out whole, the least needed first, and named in the
 * line ("omitted": ["process.arguments", ...]). Returns the line's length, or
 * -ENOSPC where not even the required parts fit (never with RENDER_SYSLOG_MAX or more).
 */
int64_t render_alert(enum render_format format, const struct alert *alert, const struct dossier *dossier,
		     char *line, size_t size);

#endif
