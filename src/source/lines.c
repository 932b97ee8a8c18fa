/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/hash.h"

#define BUFFER_SIZE (64 * 1024)
#define GZIP_BUFFER (32 * 1024)
#define SEED_1 UINT64_C(0x66697273747365)
#define SEED_2 UINT64_C(0x64696765737432)

struct lines {
	gzFile file;
	uint64_t size;
	char *buffer; /* BUFFER_SIZE at first; grows up to LINES_LONGEST */
	size_t room, start, filled;
	uint64_t number;
	struct digest digest;
	const char *path; /* borrowed */
	bool end, skipping;
};

static int open_file(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
		return fd;
	error = S_ISDIR(status.st_mode) ? -EISDIR : -errno;
	close(fd);
	return error;
}

static int can_not(const char *path, int error, struct failure *failure)
{
	return failure_set(failure, error, "can not read %.300s: %s", path, strerror(-error));
}

int lines_open(const char *path, struct lines **out, struct failure *failure)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	struct stat status;
	int fd;

	if (!lines)
		return failure_set(failure, -ENOMEM, "out of memory");
	fd = open_file(path);
	if (fd < 0) {
		free(lines);
		return can_not(path, fd, failure);
	}
	lines->path = path;
	lines->room = BUFFER_SIZE;
	lines->buffer = malloc(lines->room + 1);
	lines->file = gzdopen(fd, "rb");
	if (!lines->buffer || !lines->file || gzbuffer(lines->file, GZIP_BUFFER)) {
		if (!lines->file)
			close(fd);
		lines_close(lines);
		return failure_set(failure, -ENOMEM, "out of memory");
	}
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		lines->size = (uint64_t)status.st_size;
	*out = lines;
	return 0;
}

void lines_close(struct lines *lines)
{
	if (!lines)
		return;
	if (lines->file)
		gzclose_r(lines->file);
	free(lines->buffer);
	free(lines);
}

/* --- lines ----------------------------------------------------------------------------- */

static int make_room(struct lines *lines)
{
	char *buffer;

	if (lines->start) {
		memmove(lines->buffer, lines->buffer + lines->start, lines->filled - lines->start);
		lines->filled -= lines->start;
		lines->start = 0;
	}
	if (lines->filled < lines->room || lines->room >= LINES_LONGEST)
		return 0;
	buffer = realloc(lines->buffer, 2 * lines->room + 1);
	if (!buffer)
		return -ENOMEM;
	lines->buffer = buffer;
	lines->room *= 2;
	return 0;
}

/* Reads on behind what there is. 0, or -errno. */
static int fill(struct lines *lines, struct failure *failure)
{
	int error = make_room(lines), count;

	if (error)
		return failure_set(failure, error, "out of memory");
	count = gzread(lines->file, lines->buffer + lines->filled, (unsigned)(lines->room - lines->filled));
	if (count < 0) {
		int code = 0;
		const char *text = gzerror(lines->file, &code);

		if (code == Z_ERRNO)
			return can_not(lines->path, -(errno ? errno : EIO), failure);
		return failure_set(failure, -EBADMSG, "%.300s: the gzip file is damaged: %.100s", lines->path,
				   text ? text : "");
	}
	if (count == 0 && !gzeof(lines->file))
		return failure_set(failure, -EBADMSG, "%.300s: the gzip file is damaged", lines->path);
	/* A gzip file that breaks off gives what it holds, and then an error at its end. */
	if (count == 0) {
		int code = 0;

		gzerror(lines->file, &code);
		if (code != Z_OK && code != Z_STREAM_END)
			return failure_set(failure, -EBADMSG, "%.300s: the gzip file breaks off",
					   lines->path);
		lines->end = true;
	}
	lines->filled += (size_t)count;
	return 0;
}

static void add_to_digest(struct digest *digest, const char *bytes, size_t length)
{
	digest->bytes += length;
	digest->hash[0] = hash_mix(digest->hash[0], hash_bytes(SEED_1, bytes, length));
	digest->hash[1] = hash_mix(digest->hash[1], hash_bytes(SEED_2, bytes, length));
}

/* `length` bytes from start on are a line, whose newline is at [length] where there is one. */
static int give(struct lines *lines, struct line *line, size_t length, bool open)
{
	char *text = lines->buffer + lines->start;

	if (!open)
		add_to_digest(&lines->digest, text, length + 1);
	text[length] = '\0';
	*line = (struct line){.text = text,
			      .length = length,
			      .number = ++lines->number,
			      .cut = lines->skipping,
			      .open = open};
	if (length && text[length - 1] == '\r' && !open)
		text[--line->length] = '\0';
	lines->skipping = false;
	lines->start += length + !open;
	return 1;
}

int lines_next(struct lines *lines, struct line *line, struct failure *failure)
{
	size_t looked = 0;

	for (;;) {
		size_t length = lines->filled - lines->start;
		char *newline = memchr(lines->buffer + lines->start + looked, '\n', length - looked);
		int error;

		if (newline)
			return give(lines, line, (size_t)(newline - lines->buffer) - lines->start, false);
		if (lines->end)
			return length ? give(lines, line, length, true) : 0;
		if (length == lines->room && lines->room >= LINES_LONGEST) {
			add_to_digest(&lines->digest, lines->buffer + lines->start, length);
			lines->skipping = true;
			lines->start = lines->filled = 0;
			length = 0;
		}
		looked = length;
		error = fill(lines, failure);
		if (error)
			return error;
	}
}

const struct digest *lines_digest(const struct lines *lines)
{
	return &lines->digest;
}

void lines_take_open(struct lines *lines, const struct line *line)
{
	add_to_digest(&lines->digest, line->text, line->length);
}

void lines_progress(const struct lines *lines, uint64_t *done, uint64_t *size)
{
	z_off_t at = gzoffset(lines->file);

	*done = at > 0 ? (uint64_t)at : 0;
	*size = lines->size;
}

/* --- whole files ------------------------------------------------------------------------ */

int64_t lines_peek(const char *path, void *bytes, size_t size)
{
	int fd = open_file(path), count;
	gzFile file;

	if (fd < 0)
		return fd;
	file = gzdopen(fd, "rb");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	count = gzread(file, bytes, (unsigned)size);
	gzclose_r(file);
	return count < 0 ? -EIO : count;
}

int lines_digest_of(const char *path, struct digest *out, struct failure *failure)
{
	struct digest digest = {0};
	char *buffer = malloc(BUFFER_SIZE);
	int fd = open_file(path), error = 0;
	ssize_t count = 1;

	if (fd < 0 || !buffer) {
		error = fd < 0 ? can_not(path, fd, failure) : failure_set(failure, -ENOMEM, "out of memory");
		if (fd >= 0)
			close(fd);
		free(buffer);
		return error;
	}
	while (count > 0) {
		count = read(fd, buffer, BUFFER_SIZE);
		if (count > 0)
			add_to_digest(&digest, buffer, (size_t)count);
		else if (count < 0 && errno == EINTR)
			count = 1;
		else if (count < 0)
			error = can_not(path, -errno, failure);
	}
	close(fd);
	free(buffer);
	if (!error)
		*out = digest;
	return error;
}
