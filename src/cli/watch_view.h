/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * watch_view.h - the terminal: draws a screen, reads keys, and leaves the terminal as it was, also where the
 * program crashes. One at a time.
 */
#ifndef CLI_WATCH_VIEW_H
#define CLI_WATCH_VIEW_H

#include "base/failure.h"
#include "cli/watch_screen.h"

struct view; /* opaque */

/* Takes the terminal of standard input and output. 0; -ENOTTY with *failure: it can do too little; -ENOMEM.
 */
int view_open(bool colour, struct view **out, struct failure *failure);

/* Gives it back. NULL is fine. */
void view_close(struct view *view);

/* The terminal has another size now. */
void view_resize(struct view *view);

void view_draw(struct view *view, struct watch_screen *screen);

/* The next key that was pressed; KEY_KIND_NONE: none. */
struct watch_key view_key(struct view *view);

#endif
