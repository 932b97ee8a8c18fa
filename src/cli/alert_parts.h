/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * alert_parts.h - what a kept alert tells people, read back from its line, whether OCSF
 * or ECS: values by section, and what to ask next. Texts are untrusted; the visitor escapes them.
 */
#ifndef CLI_ALERT_PARTS_H
#define CLI_ALERT_PARTS_H

#include <jansson.h>

#include "history/history.h"

#define ALERT_VALUE_MAX 16384

struct alert_parts; /* opaque */

/* A value other than 0 ends the walk and is returned. */
struct alert_visitor {
	void *context;
	void (*section)(void *context, const char *title);
	int (*value)(void *context, const char *label, const char *text);
	/* `command` is for a shell to read; NULL: none. It holds nothing that would have to be escaped for
	 * a terminal. */
	int (*next)(void *context, const char *question, const char *command);
};

/* 0; -EBADMSG: the line is damaged; -ENOMEM. */
int alert_parts_new(const struct alert_row *row, struct alert_parts **out);
void alert_parts_free(struct alert_parts *parts); /* NULL is fine */

json_t *alert_top(const struct alert_parts *parts);         /* all of it; stays the parts' */
const char *alert_message(const struct alert_parts *parts); /* one sentence; "": none */

/* Sections (What, Who, Where, Why this name, When) and their values. 0, -ENOMEM or the visitor's. */
int alert_sections(const struct alert_parts *parts, const struct alert_visitor *visitor);

/* What an investigator asks next, and the command that answers it. */
int alert_next(const struct alert_parts *parts, const struct alert_row *row,
	       const struct alert_visitor *visitor);

/* A value in short: a list with commas, a process as "name (pid)", a package as "name version (time)". */
void alert_value_text(const json_t *value, char text[static ALERT_VALUE_MAX]);

#endif
