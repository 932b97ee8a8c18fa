/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink.h - where alerts go: standard output, a file, the system's log, the journal. */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "config/config.h"
#include "core/alert.h"

struct sink; /* opaque */

/* One revision of an alert, as it goes out. Texts are the caller's; "" where there is none. */
struct sink_alert {
	const char *line;       /* JSON: one line without its newline, shorter than RENDER_MAX */
	const char *short_line; /* the same in less than RENDER_SYSLOG_MAX; "": `line` is short enough */
	const char *message;    /* one sentence */
	const char *uid;
	const char *kind;
	const char *domain;
	const char *hostname;
	const char *application;
	enum alert_severity severity;
	unsigned revision;
};

/*
 * Opens what the setting names; `cee`: syslog lines get the cookie "@cee:". A log that is
 * down is no failure: sink_write tells. A file that can not be opened is one. 0 or -errno.
 */
int sink_open(const struct sink_setting *setting, bool cee, struct sink **out, struct failure *failure);
void sink_close(struct sink *sink); /* NULL is fine */

/*
 * Hands over one alert. Does not wait for the other side: what is full or not there is
 * told. 0: taken; -EMSGSIZE: the sink will never take this alert; another -errno: not now, try this
 * same alert again (the part of a line that went out already is then completed), -EAGAIN where the
 * other side is only slow.
 */
int sink_write(struct sink *sink, const struct sink_alert *alert, struct failure *failure);

/*
 * Whether what was written stays: a file is brought to the disk, a log must have read it, which a log that
 * is stopped does not. 0: all of it does; > 0: the log has so many bytes to read yet, ask again; -errno: what
 * was written since it was 0 may be lost, and has to be written again.
 */
int64_t sink_flush(struct sink *sink, struct failure *failure);

/* Closes and opens a file anew (after rotation); nothing for the others. */
int sink_reopen(struct sink *sink, struct failure *failure);

/* As in the setting: "stdout", "syslog", "journal", "file:/var/log/firstseen.json". */
const char *sink_name(const struct sink *sink);

#endif
