/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* desk.h - answers the command's requests on the control socket, one after the other, in a thread of its own.
 */
#ifndef DAEMON_DESK_H
#define DAEMON_DESK_H

#include "base/failure.h"
#include "daemon/feed.h"
#include "daemon/writer.h"

struct desk; /* opaque */

/*
 * Opens the socket (not its thread: privileges may be dropped in between). Where its folder does not
 * exist and can not be made, 0 with *out NULL: the daemon watches without it. 0, or -errno with *failure
 * filled.
 */
int desk_open(const char *path, struct desk **out, struct failure *failure);

/* Begins to answer for the history at `path`, which is there. `writer` and `feed` are borrowed until
 * desk_close. 0 or -errno. */
int desk_start(struct desk *desk, struct writer *writer, struct feed *feed, const char *path);

/* Ends the thread and removes the socket. NULL is fine. */
void desk_close(struct desk *desk);

#endif
