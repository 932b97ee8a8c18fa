/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* salvage.h - reads what can be read of a damaged database, table by table, into a new one. */
#ifndef HISTORY_SALVAGE_H
#define HISTORY_SALVAGE_H

#include "history/db.h"

struct salvage {
	struct db *from;     /* DB_DAMAGED */
	struct db *to;       /* with its tables, in a transaction */
	int64_t deadline_ns; /* CLOCK_MONOTONIC; then the rest is left */
	bool late;           /* ... which happened */
};

/* Whether the time is up; then `late` is set. */
bool salvage_is_late(struct salvage *salvage);

struct salvaged {
	uint64_t rows;
	uint64_t holes;   /* runs of keys that could not be read */
	uint64_t missing; /* keys in them that may have been rows */
	bool endless; /* behind the last of them nothing could be read: how much is missing is not known */
};

/*
 * Copies the rows of `table` that can be read; columns are matched by name. Around a page
 * that can not be read the walk goes on behind it. 0 and *out filled, or -errno with *failure
 * filled where `to` can not be written. A table that `from` does not have gives no rows.
 */
int salvage_table(struct salvage *salvage, const char *table, struct salvaged *out, struct failure *failure);

/*
 * Runs `select` on the damaged one and hands its rows to `insert` on the new one, column by
 * column, up to the first that can not be read. *rows counts those that were new; returns 1 where the end was
 * reached, 0 where not, or -errno as above.
 */
int salvage_rows(struct salvage *salvage, const char *select, const char *insert, uint64_t *rows,
		 struct failure *failure);

#endif
