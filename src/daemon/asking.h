/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* asking.h - whether and how the daemon asks the DNS for its alerts, by its settings; and what it counts. */
#ifndef DAEMON_ASKING_H
#define DAEMON_ASKING_H

#include "config/config.h"
#include "daemon/writer.h"
#include "enrich/enrich.h"

/* NULL where the settings do not want it, or where it can not be: that is only logged. */
struct enrich *asking_open(const struct config *config);

/* New settings; NULL is fine. */
void asking_configure(struct enrich *enrich, const struct config *config);

/* Adds its counters; NULL: nothing. */
void asking_states(struct enrich *enrich, struct writer_states *states);

#endif
