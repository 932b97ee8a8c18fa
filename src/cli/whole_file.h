/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* whole_file.h - output of a command that stands in its file whole, or not at all. */
#ifndef CLI_WHOLE_FILE_H
#define CLI_WHOLE_FILE_H

#include <stdio.h>

#include "base/failure.h"

/* Writes to `out`, which is not the callee's to close. 0, or -errno. */
typedef int whole_file_callback(void *context, FILE *out, struct failure *failure);

/*
 * Has `callback` write to `path`: under another name first, then renamed. A device or a
 * pipe is written to as it is; NULL and "-" are standard output. 0, or -errno with *failure filled; the file
 * is then as it was.
 */
int whole_file_write(const char *path, whole_file_callback *callback, void *context, struct failure *failure);

#endif
