/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* host.h - what the edge knows of this host: its networks, its name, its users. */
#ifndef DAEMON_HOST_H
#define DAEMON_HOST_H

#include <stdint.h>

#include "core/network.h"
#include "render/render.h"

/* Puts the settings' networks and names, and then the host's own addresses and connected networks, into
 * *scope. 0, or -errno with *scope as it was. */
int host_networks(const struct network_scope *settings, struct network_scope *scope);

/* The host's name and machine id, once. */
void host_identity(struct dossier *dossier);

/* The name of a user, or "" where there is none. May block on the name service: not for the core thread. */
void host_user_name(uint32_t uid, char name[static USER_NAME_MAX]);

/* UNIX time in ns, and what turns CLOCK_BOOTTIME into it. */
int64_t host_now(void);
int64_t host_clock_offset(void);

/* Tells one boot from another. Lives for ever. */
const char *host_boot(void);

/* A number that nobody outside can guess. */
uint64_t host_random(void);

#endif
