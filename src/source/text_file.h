/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_file.h - a small text file whole in memory, cut into its lines, for those who go over them more than
 * once. */
#ifndef SOURCE_TEXT_FILE_H
#define SOURCE_TEXT_FILE_H

#include <stddef.h>

#include "base/failure.h"

struct text_file {
	char *text;   /* what the lines lie in */
	char **lines; /* without their ends; a last one without a newline counts */
	size_t count;
};

/*
 * Reads all of it into *out, which is {0} before and then text_file_free()'s, also on failure. 0, or -errno
 * with *failure filled: -EFBIG where there are more than `most` bytes, -EINVAL where it is no text (has a
 * NUL).
 */
int text_file_read(const char *path, size_t most, struct text_file *out, struct failure *failure);
void text_file_free(struct text_file *file);

#endif
