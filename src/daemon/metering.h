/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* metering.h - the daemon's figures for Prometheus, written now and then by the writer. */
#ifndef DAEMON_METERING_H
#define DAEMON_METERING_H

#include "daemon/writer.h"

struct metering {
	int64_t started_ns;
	int64_t last_ns;
	uint64_t unwritten; /* alerts that the history does not have; kept up to date by the writer */
	bool failing;       /* told to the operator already */
};

/* Writes the text file where one is wanted and 15 s have passed, or at the last time. A failure is logged
 * once. */
void metering_write(struct metering *metering, const struct config *config, struct history *history,
		    const struct writer_states *states, bool last);

#endif
