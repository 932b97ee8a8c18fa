/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* progress.h - one line on a terminal that tells how far a long work is; nothing anywhere else. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdint.h>

/* The line is about `what` from now on (borrowed; a file's name). Several times a second at most it is drawn.
 */
void progress_begin(const char *what);
/* `size` 0: not known. `count` things of this `kind` ("lines") were done. */
void progress_show(uint64_t done, uint64_t size, uint64_t count, const char *kind);
/* Takes the line away: before other output, and at the end. */
void progress_clear(void);

#endif
