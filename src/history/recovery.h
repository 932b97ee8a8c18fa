/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* recovery.h - one recovery of a damaged history, shared by its parts. */
#ifndef HISTORY_RECOVERY_H
#define HISTORY_RECOVERY_H

#include <limits.h>

#include "history/history.h"
#include "history/salvage.h"

#define RECOVERY_SECONDS 30 /* for reading; what is left then is left */

struct recovery {
	const char *path;
	char aside[PATH_MAX];
	char why[64];
	int64_t now_ns;
	struct salvage salvage;
	struct salvaged domains, hostnames, applications, alerts, outbox, leaves;
	uint64_t rescued; /* domains of which only the name was left */
	bool scanned;     /* the pages were read one by one */
	bool all_names;   /* ... and no name is missing */
	int64_t since_us; /* when watching began; 0: not known any more */
	bool baseline_lost;
	struct failure *failure;
};

/* restore.c: copies what can be read, inside a transaction of salvage.to; fills the counts. 0 or -errno. */
int recovery_restore(struct recovery *recovery);

/* report.c: keeps what happened in the new file, for the alert. 0 or -errno. */
int recovery_keep_report(struct recovery *recovery);

#endif
