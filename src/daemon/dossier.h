/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dossier.h - what this host knows of an alert's program beyond what the kernel told. */
#ifndef DAEMON_DOSSIER_H
#define DAEMON_DOSSIER_H

#include "package/package.h"
#include "render/render.h"

/*
 * Fills the packages of the alert's program and script, and what changed on the host. Waits
 * some milliseconds at most; what is not known by then says so. `packages` NULL: it was not wanted.
 */
void dossier_packages(struct packages *packages, const struct alert *alert, struct dossier *dossier);

#endif
