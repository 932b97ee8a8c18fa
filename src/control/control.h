/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control.h - how the command asks the daemon to change what only its writer may change.
 * A request is one packet on a local socket (SOCK_SEQPACKET): words (words.h),
 * the first two CONTROL_VERSION and the path of the history that is meant. The reply is one packet: "ok" or
 * "failed", then a line for the user. "watch" begins a stream: after "ok" come messages, one JSON object a
 * packet, until one side closes.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/failure.h"
#include "control/words.h"

#define CONTROL_VERSION "firstseen/1"
#define CONTROL_MESSAGE_MAX 16384 /* of a stream, with its NUL */
#define CONTROL_PATIENCE_MS 2000  /* for a peer that connects and says nothing */

/*
 * Client: sends the words (version first) and waits for the reply. 1: done; 0: the daemon refused or
 * failed, *failure says why; -ENOENT or -ECONNREFUSED: no daemon; another -errno. `text` gets the reply's
 * line.
 */
int control_ask(const char *path, const struct control_words *request, char *text, size_t size,
		struct failure *failure);

/*
 * Client: the same for a request that begins a stream. The connection, from which control_next reads; or 0:
 * refused, *failure says why; or -errno.
 */
int control_subscribe(const char *path, const struct control_words *request, struct failure *failure);

/* The next message that is there, terminated. Its length; 0: the daemon ended; -EAGAIN: none yet; or -errno.
 */
ssize_t control_next(int connection, char text[static CONTROL_MESSAGE_MAX]);

/*
 * Server. The socket, listening, with mode 0600, or 0660 where there is a group (not -1) that it could be
 * given to; what a dead daemon left at `path` is removed. A descriptor or -errno.
 */
int control_listen(const char *path, gid_t group, struct failure *failure);

/* Who is on the other side of a connection. 0 or -errno. */
int control_peer(int connection, uid_t *uid, pid_t *pid);

/* Whether the other side is of the group, by its first one or another. */
bool control_peer_is_of(int connection, gid_t group);

/* Waits so long for the request of a connection. 0, -ETIMEDOUT, -EBADMSG, or another -errno. */
int control_receive(int connection, struct control_words *request, int patience_ms);

/* Best effort: a peer that is gone misses it. */
void control_reply(int connection, bool ok, const char *text);

#endif
