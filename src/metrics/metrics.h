/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * metrics.h - the daemon's counters and gauges as text for Prometheus: read by node_exporter's
 * textfile collector, and printed by `firstseen stats --format openmetrics`. Never a domain, a
 * program or an address in it: the number of lines does not depend on what the host does.
 */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

#define METRICS_TEXT_MAX 65536

/* A named number of the daemon, as kept in the history's states. */
struct metric {
	const char *name;
	uint64_t value;
};

/* What is asked from the history itself. */
struct metrics_history {
	uint64_t file_bytes, domains, addresses, hostnames, applications, alerts, alerts_open, outbox;
	double coverage; /* 0..1; < 0: not known */
	int64_t last_alert_ns;
};

/* Writes the text, terminated. Names that it does not know are passed over. Returns its length, or -ENOSPC.
 */
int64_t metrics_format(const struct metric *metrics, size_t count, const struct metrics_history *history,
		       const char *version, char *text, size_t size);

/*
 * Puts the text in place of `path` in one step: a reader sees the old or the new one, whole, also after a
 * crash. 0 or -errno with *failure filled.
 */
int metrics_write(const char *path, const char *text, size_t length, struct failure *failure);

/* Whether a state is told as a metric: each number that the daemon counts is. */
int metrics_knows(const char *name);

#endif
