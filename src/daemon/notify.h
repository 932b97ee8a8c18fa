/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* notify.h - tells the service manager how it goes, by its documented datagrams; nothing where there is none.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

/* Reads where to tell, and how often the watchdog wants to be fed. Before privileges are dropped. */
void notify_open(void);

/* "READY=1", "STATUS=...", "STOPPING=1": lines as the protocol has them. Best effort. */
void notify_send(const char *lines);

/* Like READY=1, for a configuration that is being read anew: RELOADING=1 with the monotonic time. */
void notify_reloading(void);

/* Feeds the watchdog where half its time has passed. `moved`: everything that should move did since the last
 * call. */
void notify_watchdog(int64_t monotonic_ns, int moved);

#endif
