/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* schema.h - the tables of a history, and how an older file becomes a newer one. */
#ifndef HISTORY_SCHEMA_H
#define HISTORY_SCHEMA_H

#include "history/db.h"

/* Counts anew what the triggers keep count of. */
extern const char schema_count_sql[];

int schema_version(void); /* the newest, which this program writes */

/* Makes the tables in an empty database. */
int schema_create(struct db *db, struct failure *failure);

/* The same as an earlier program made them, whose newest version was `version`. */
int schema_create_version(struct db *db, int version, struct failure *failure);

/*
 * Whether the header is that of a history of at most our version: 0, or -EPROTO
 * with *failure filled. Nothing is read but those bytes.
 */
int schema_check_header(const char *name, const uint8_t header[static DB_HEADER_SIZE],
			struct failure *failure);

/* The version of an open history. */
int schema_read_version(struct db *db, int *version, struct failure *failure);

/*
 * Whether the tables, indexes and triggers are those of the file's version, and nothing else is there.
 * 0, -EUCLEAN where they are not, or -errno.
 */
int schema_check_shape(struct db *db, struct failure *failure);

/* Brings it up to schema_version(), each step in its own transaction. -EPROTO: it is newer than we are. */
int schema_migrate(struct db *db, struct failure *failure);

#endif
