/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink.h - where alert lines go: standard output, a file, the system's log. */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include <stddef.h>

#include "base/failure.h"
#include "config/config.h"

struct sink; /* opaque */

/* Opens what the setting names. A log that is down is no failure: sink_write tells. 0 or -errno. */
int sink_open(const struct sink_setting *setting, struct sink **out, struct failure *failure);
void sink_close(struct sink *sink); /* NULL is fine */

/* Writes one whole line (a newline is added where the sink has them). Does not block. 0, -EAGAIN: try again
 * later, or -errno. */
int sink_write(struct sink *sink, const char *line, size_t length, struct failure *failure);

/* Closes and opens a file anew (after rotation); nothing for the others. */
int sink_reopen(struct sink *sink, struct failure *failure);

/* The longest line that it takes. */
size_t sink_line_max(const struct sink *sink);

/* "stdout", "syslog", "file:/var/log/firstseen.json". */
const char *sink_name(const struct sink *sink);

#endif
