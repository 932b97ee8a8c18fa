/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* compose.h - the texts of an alert, as the history keeps them and the sinks send them. */
#ifndef DAEMON_COMPOSE_H
#define DAEMON_COMPOSE_H

#include "render/render.h"

struct composed {
	char line[RENDER_MAX];
	char short_line[RENDER_SYSLOG_MAX]; /* "": `line` is short enough for syslog */
	char message[RENDER_MESSAGE_MAX];
};

enum composition { COMPOSED, COMPOSED_SMALLEST };

/*
 * Renders an alert. One that can not be rendered as it is gets its smallest form: what it is
 * about, without who did it. An enum composition, or -ENOSPC where not even that can be rendered.
 */
int compose_alert(enum render_format format, const struct alert *alert, const struct dossier *dossier,
		  struct composed *out);

#endif
