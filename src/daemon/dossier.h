/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dossier.h - what this host knows of an alert's program beyond what the kernel told. */
#ifndef DAEMON_DOSSIER_H
#define DAEMON_DOSSIER_H

#include "enrich/enrich.h"
#include "package/package.h"
#include "render/render.h"

/*
 * Fills the packages of the alert's program and script, and what changed on the host. Waits
 * some milliseconds at most; what is not known by then says so. `packages` NULL: it was not wanted.
 */
void dossier_packages(struct packages *packages, const struct alert *alert, struct dossier *dossier);

/*
 * What the DNS is known to say of the alert's address; what is not known yet is asked for: the origin, and
 * the name where nothing names the address. Waits for nothing. Returns whether more may come; `last`: nothing
 * that comes will be used, which is said. `enrich` NULL: it was not wanted.
 */
bool dossier_remote(struct enrich *enrich, const struct alert *alert, bool last, struct dossier *dossier);

#endif
