/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* watch_screen.h - what `firstseen watch` shows on a screen of any size, line by line, and what keys do to
 * it. */
#ifndef CLI_WATCH_SCREEN_H
#define CLI_WATCH_SCREEN_H

#include "cli/watch_rows.h"

enum watch_style {
	STYLE_PLAIN,
	STYLE_HEADER,
	STYLE_FAINT,
	STYLE_ALERT,
	STYLE_NEW,
	STYLE_SELECTED,
	STYLE_PROBLEM
};

enum watch_key_kind {
	KEY_KIND_NONE,
	KEY_KIND_CHARACTER, /* `text`: one, in UTF-8 */
	KEY_KIND_UP,
	KEY_KIND_DOWN,
	KEY_KIND_PAGE_UP,
	KEY_KIND_PAGE_DOWN,
	KEY_KIND_FIRST,
	KEY_KIND_LAST,
	KEY_KIND_ENTER,
	KEY_KIND_ESCAPE,
	KEY_KIND_BACKSPACE,
};
struct watch_key {
	enum watch_key_kind kind;
	char text[8];
};

enum watch_mode { MODE_LIST, MODE_FILTER, MODE_DETAILS, MODE_HELP };

struct watch_screen {
	struct watch_rows rows;
	enum watch_mode mode;
	char host[256];          /* escaped */
	char problem[600];       /* why nothing comes; "": it does */
	int64_t since_ns;        /* 0: not known */
	double flows_per_second; /* < 0: not known */
	uint64_t lost, not_shown;
	long alerts_open; /* < 0: not known */
	long alerts_most; /* so many were counted at most */
	size_t page;      /* rows of the list, as drawn last */
	struct watch_event detail;
};

/* `text` is as wide as the screen at most, and may hold what a terminal shows alone. */
typedef void watch_draw_callback(void *context, size_t y, const char *text, enum watch_style style);
void watch_screen_draw(struct watch_screen *screen, size_t width, size_t height, watch_draw_callback *draw,
		       void *context);

/* False: the user wants to leave. */
bool watch_screen_key(struct watch_screen *screen, const struct watch_key *key);

#endif
