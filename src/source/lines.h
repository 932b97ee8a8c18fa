/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lines.h - a text file of any size, plain or gzipped, line by line in constant
 * memory, with a digest of all that was read. The only user of zlib.
 */
#ifndef SOURCE_LINES_H
#define SOURCE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

#define LINES_LONGEST (1024 * 1024) /* a longer line is given as one that is cut */

/* Tells a file's content apart from any other's, up to `bytes`. Not proof against a forger. */
struct digest {
	uint64_t bytes; /* unpacked */
	uint64_t hash[2];
};

struct line {
	char *text; /* without its end, terminated; may be written to; lives until the next line */
	size_t length;
	uint64_t number; /* from 1 */
	bool cut;        /* longer than LINES_LONGEST */
	bool open;       /* the last one, without a newline: someone may be writing it still */
};

struct lines; /* opaque */

/* 0, or -errno with *failure filled. On success *out is the caller's, to be closed. */
int lines_open(const char *path, struct lines **out, struct failure *failure);
void lines_close(struct lines *lines); /* NULL is fine */

/* 1: *line is filled, 0: the end, or -errno with *failure filled (-EIO, -EBADMSG: a damaged gzip file). */
int lines_next(struct lines *lines, struct line *line, struct failure *failure);

/* Of all whole lines given so far, and of the open one that was taken. */
const struct digest *lines_digest(const struct lines *lines);

/* The open line that was just given is used as it is: the digest covers it. Before it is written to. */
void lines_take_open(struct lines *lines, const struct line *line);

/* How far the file is read, in bytes as they lie on the disk, and its size (0: not known). */
void lines_progress(const struct lines *lines, uint64_t *done, uint64_t *size);

/* The first `size` bytes, unpacked: how many there are, or -errno. */
int64_t lines_peek(const char *path, void *bytes, size_t size);

/* The digest of a whole file as it lies on the disk. 0, or -errno with *failure filled. */
int lines_digest_of(const char *path, struct digest *out, struct failure *failure);

#endif
