/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* watch_rows.h - the flows and alerts that came last, which of them are shown, and where the reader stands.
 */
#ifndef CLI_WATCH_ROWS_H
#define CLI_WATCH_ROWS_H

#include "cli/watch_event.h"

#define WATCH_ROWS_MAX 2000
#define WATCH_FILTER_MAX 128

struct watch_rows {
	struct watch_event *events; /* a ring of WATCH_ROWS_MAX; owned */
	uint64_t head;              /* rows so far; a row's number is its place in this count */
	char filter[WATCH_FILTER_MAX];
	bool alerts_only, new_only;
	bool lookups;      /* show flows to resolvers, too */
	bool paused;       /* rows go on coming, below what is shown */
	uint64_t frozen;   /* head, when it was paused */
	uint64_t selected; /* numbers of rows, while paused */
	uint64_t bottom;
};

int watch_rows_new(struct watch_rows *rows); /* 0 or -ENOMEM */
void watch_rows_free(struct watch_rows *rows);

/* A new row, or a change to the row of the same flow or alert. */
void watch_rows_add(struct watch_rows *rows, const struct watch_event *event);

/* What is to be seen in so many lines. */
struct watch_window {
	size_t count;    /* rows shown */
	size_t selected; /* of these; count: none */
	size_t newer;    /* rows that fit the filter, below the window */
	const struct watch_event *events[512];
};
void watch_rows_window(struct watch_rows *rows, size_t height, struct watch_window *window);

void watch_rows_pause(struct watch_rows *rows, bool paused);

/* Moves the selection among the rows that fit (< 0: up) and pauses. */
void watch_rows_move(struct watch_rows *rows, long by);

/* The selected row, or the newest one; NULL: there is none. */
const struct watch_event *watch_rows_selected(struct watch_rows *rows);

#endif
