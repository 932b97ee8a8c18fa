/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * watch_line.h - events in lines of so many columns of a terminal. A wide character takes two; what takes
 * none, or what the locale does not have, becomes "?", so that a line is as wide as it is counted.
 */
#ifndef CLI_WATCH_LINE_H
#define CLI_WATCH_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/watch_event.h"

#define WATCH_WIDTH_MAX 1000                     /* columns; a wider terminal stays empty on the right */
#define WATCH_TEXT_MAX (4 * WATCH_WIDTH_MAX + 8) /* bytes */
#define WATCH_COLUMNS 12

struct watch_layout {
	size_t width;
	size_t widths[WATCH_COLUMNS]; /* 0: not shown */
};

/* Gives each column its width; what a narrow terminal has no room for is left out. */
void watch_layout(struct watch_layout *layout, size_t width);

/* Lines of layout->width columns at most. Times are local ones. */
void watch_headings(const struct watch_layout *layout, char text[static WATCH_TEXT_MAX]);
void watch_line(const struct watch_layout *layout, const struct watch_event *event,
		char text[static WATCH_TEXT_MAX]);

/* The columns that the text takes. */
size_t watch_width(const char *text);

/*
 * Appends the text in `width` columns, cut with a mark where it is too long: its end, or with `tail` its
 * beginning. `pad`: filled up with blanks, `right`: before it.
 */
struct watch_fit {
	size_t width;
	bool tail, pad, right;
};
void watch_append(char text[static WATCH_TEXT_MAX], const char *more, struct watch_fit fit);

/* "12:03:11", local; "" for 0. */
void watch_clock(int64_t time_ns, char text[static 16]);

/* All that is known of an event: a label and a value a line, values whole. */
typedef void watch_detail_callback(void *context, const char *label, const char *value);
void watch_details(const struct watch_event *event, watch_detail_callback *callback, void *context);

#endif
