/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show_alert.h - a kept alert for people, read back from its line, whether OCSF or ECS. */
#ifndef CLI_SHOW_ALERT_H
#define CLI_SHOW_ALERT_H

#include "history/history.h"

/* Prints all of it, grouped, and what to ask next. 0, -EBADMSG: its line is damaged, -ENOMEM. */
int show_alert(const struct alert_row *row, int64_t now_ns);

/* Prints each value: path, tab, value. */
int show_alert_rows(const struct alert_row *row);

const char *severity_name(int severity);

#endif
