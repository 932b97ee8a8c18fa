/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/watch_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_ROW UINT64_MAX

int watch_rows_new(struct watch_rows *rows)
{
	*rows = (struct watch_rows){.events = calloc(WATCH_ROWS_MAX, sizeof(*rows->events))};
	return rows->events ? 0 : -ENOMEM;
}

void watch_rows_free(struct watch_rows *rows)
{
	free(rows->events);
	rows->events = NULL;
}

static struct watch_event *row(const struct watch_rows *rows, uint64_t number)
{
	return &rows->events[number % WATCH_ROWS_MAX];
}

static uint64_t first(const struct watch_rows *rows)
{
	return rows->head > WATCH_ROWS_MAX ? rows->head - WATCH_ROWS_MAX : 0;
}

/* The row that a later message is about, or NULL: it went out of sight, or never came. */
static struct watch_event *row_of(const struct watch_rows *rows, const struct watch_event *event)
{
	for (uint64_t number = rows->head; number-- > first(rows);) {
		struct watch_event *candidate = row(rows, number);

		if (event->type == WATCH_ALERT
			    ? candidate->type == WATCH_ALERT && strcmp(candidate->uid, event->uid) == 0
			    : candidate->type == WATCH_FLOW && strcmp(candidate->flow, event->flow) == 0)
			return candidate;
	}
	return NULL;
}

void watch_rows_add(struct watch_rows *rows, const struct watch_event *event)
{
	bool is_change = event->type == WATCH_NAME || event->type == WATCH_BYTES ||
			 event->type == WATCH_CLOSED || (event->type == WATCH_ALERT && event->update);
	struct watch_event *old = is_change ? row_of(rows, event) : NULL;

	if (old)
		watch_event_update(old, event);
	else if (event->type == WATCH_FLOW || event->type == WATCH_ALERT || event->type == WATCH_NOTICE)
		*row(rows, rows->head++) = *event;
}

/* --- what is shown ---------------------------------------------------------------------- */

static bool fits(const struct watch_rows *rows, const struct watch_event *event)
{
	if (event->type == WATCH_NOTICE)
		return true;
	if (rows->alerts_only && event->type != WATCH_ALERT)
		return false;
	if (rows->new_only && !watch_event_is_new(event))
		return false;
	if (!rows->lookups && strcmp(event->verdict, "resolver") == 0)
		return false;
	return watch_event_fits(event, rows->filter);
}

/* The next row that fits, before (step -1) or behind `number`; NO_ROW. */
static uint64_t next(const struct watch_rows *rows, uint64_t number, int step)
{
	for (;;) {
		if (step < 0 ? number <= first(rows) : number + 1 >= rows->head)
			return NO_ROW;
		number += step < 0 ? (uint64_t)-1 : 1;
		if (fits(rows, row(rows, number)))
			return number;
	}
}

/* The row itself where it fits and is still there, else one close by; NO_ROW where none fits. */
static uint64_t near(const struct watch_rows *rows, uint64_t number)
{
	uint64_t found;

	if (rows->head == 0)
		return NO_ROW;
	if (number >= rows->head)
		number = rows->head - 1;
	if (number < first(rows))
		number = first(rows);
	if (fits(rows, row(rows, number)))
		return number;
	found = next(rows, number, -1);
	return found != NO_ROW ? found : next(rows, number, 1);
}

static uint64_t newest(const struct watch_rows *rows)
{
	return near(rows, rows->head);
}

/* Brings the window to the selection, and counts from its last row up. */
static uint64_t place_bottom(struct watch_rows *rows, size_t height)
{
	uint64_t top;

	rows->selected = near(rows, rows->selected);
	rows->bottom = near(rows, rows->bottom);
	if (rows->selected == NO_ROW)
		return NO_ROW;
	if (rows->bottom < rows->selected)
		rows->bottom = rows->selected;
	top = rows->bottom;
	for (size_t i = 1; i < height && top != NO_ROW && top > rows->selected; i++)
		top = next(rows, top, -1);
	for (; top != NO_ROW && top > rows->selected; top = next(rows, top, -1))
		rows->bottom = next(rows, rows->bottom, -1);
	/* A window with room above is filled from below, by what was there at the pause. */
	top = rows->bottom;
	for (size_t i = 1; i < height; i++) {
		uint64_t above = top != NO_ROW ? next(rows, top, -1) : NO_ROW, below;

		if (above == NO_ROW) {
			below = next(rows, rows->bottom, 1);
			if (below == NO_ROW || below >= rows->frozen)
				break;
			rows->bottom = below;
			continue;
		}
		top = above;
	}
	return rows->bottom;
}

void watch_rows_window(struct watch_rows *rows, size_t height, struct watch_window *window)
{
	const size_t most = sizeof(window->events) / sizeof(window->events[0]);
	uint64_t number, bottom;

	memset(window, 0, sizeof(*window));
	height = height < most ? height : most;
	if (height == 0)
		return;
	bottom = rows->paused ? place_bottom(rows, height) : newest(rows);
	for (number = bottom; number != NO_ROW && window->count < height; number = next(rows, number, -1))
		window->events[window->count++] = row(rows, number);
	window->selected = window->count;
	for (size_t i = 0; i < window->count / 2; i++) {
		const struct watch_event *event = window->events[i];

		window->events[i] = window->events[window->count - 1 - i];
		window->events[window->count - 1 - i] = event;
	}
	for (size_t i = 0; i < window->count && rows->paused; i++)
		if (window->events[i] == row(rows, rows->selected))
			window->selected = i;
	while (bottom != NO_ROW && (bottom = next(rows, bottom, 1)) != NO_ROW)
		window->newer++;
}

/* --- keys ------------------------------------------------------------------------------- */

void watch_rows_pause(struct watch_rows *rows, bool paused)
{
	if (paused && !rows->paused) {
		rows->selected = rows->bottom = newest(rows);
		rows->frozen = rows->head;
	}
	rows->paused = paused;
}

void watch_rows_move(struct watch_rows *rows, long by)
{
	watch_rows_pause(rows, true);
	rows->selected = near(rows, rows->selected);
	for (; by && rows->selected != NO_ROW; by += by < 0 ? 1 : -1) {
		uint64_t number = next(rows, rows->selected, by < 0 ? -1 : 1);

		if (number == NO_ROW)
			return;
		rows->selected = number;
	}
}

const struct watch_event *watch_rows_selected(struct watch_rows *rows)
{
	uint64_t number = rows->paused ? near(rows, rows->selected) : newest(rows);

	return number == NO_ROW ? NULL : row(rows, number);
}
