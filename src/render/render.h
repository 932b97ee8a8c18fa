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

#define DOSSIER_PACKAGE_MAX 128
#define DOSSIER_CHANGES_MAX 10
#define DOSSIER_REVERSE_MAX 256
#define DOSSIER_PREFIX_MAX 52

/* The package that owns a file, or why none is known. */
struct dossier_package {
	char name[DOSSIER_PACKAGE_MAX]; /* "": none, see `absent` */
	char version[DOSSIER_PACKAGE_MAX];
	int64_t upgraded_ns; /* last install or upgrade */
	bool replaced;       /* what runs is no longer the file at its path */
	char absent[24]; /* why there is no name: "unowned", "in_container", ...; "": was not looked for */
};

struct dossier_change {
	char name[DOSSIER_PACKAGE_MAX];
	char version[DOSSIER_PACKAGE_MAX];
	int64_t time_ns;
};

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
	char application_recent[1024];  /* other domains that it talked to lately, separated by a space */
	char application_users[256];    /* who runs it, likewise */
	char known_to[2048];            /* other applications that know the domain, a line each */
	struct dossier_package package; /* of the program */
	struct dossier_package script_package; /* of an interpreter's script */
	bool packages_counted;                 /* the next three are known */
	uint32_t packages_changed;             /* on the host, in the last 7 days */
	uint32_t changes_listed;
	struct dossier_change changes[DOSSIER_CHANGES_MAX]; /* the newest first */
	/* What the DNS says of the address: "": was not asked; else how it ended, see docs/alerts.md. */
	char reverse_status[16];                /* "confirmed", "unconfirmed", "absent", "no_answer" */
	char reverse_name[DOSSIER_REVERSE_MAX]; /* printable ASCII */
	char origin_status[16];                 /* "known", "absent", "no_answer" */
	uint32_t origin_asn;
	char origin_prefix[DOSSIER_PREFIX_MAX];
	char origin_country[3];
	char origin_registry[16];
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

/* The sentence that a line has as its `message`, as text that harms no terminal (text_escape). Returns
 * `text`. */
#define RENDER_MESSAGE_MAX 4096
const char *render_message(const struct alert *alert, const struct dossier *dossier,
			   char text[static RENDER_MESSAGE_MAX]);

#endif
