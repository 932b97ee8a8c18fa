/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST 16384
#define LINES_FIRST 256

/* All of it, in as much memory as it takes. NULL: *error tells why. */
static char *read_text(FILE *file, size_t most, size_t *length, int *error)
{
	size_t room = TEXT_FIRST, count = 1;
	char *text = malloc(room + 1);

	*error = -ENOMEM;
	if (!text)
		return NULL;
	for (*length = 0; count && *length <= most; *length += count) {
		if (*length == room) {
			char *more = realloc(text, 2 * room + 1);

			if (!more) {
				free(text);
				return NULL;
			}
			text = more;
			room *= 2;
		}
		count = fread(text + *length, 1, room - *length, file);
	}
	if (ferror(file)) {
		*error = -EIO;
		free(text);
		return NULL;
	}
	return text;
}

static int cut_lines(struct text_file *file)
{
	size_t room = 0;

	for (char *at = file->text; *at;) {
		char *end = at + strcspn(at, "\n");

		if (file->count == room) {
			char **more;

			room = room ? room * 2 : LINES_FIRST;
			more = realloc(file->lines, room * sizeof(*more));
			if (!more)
				return -ENOMEM;
			file->lines = more;
		}
		file->lines[file->count++] = at;
		at = *end ? end + 1 : end;
		*end = '\0';
	}
	return 0;
}

int text_file_read(const char *path, size_t most, struct text_file *out, struct failure *failure)
{
	size_t length = 0;
	int error;
	FILE *file = fopen(path, "re");

	if (!file)
		return failure_set(failure, -errno, "can not read %.300s: %s", path, strerror(errno));
	out->text = read_text(file, most, &length, &error);
	fclose(file);
	if (!out->text)
		return failure_set(failure, error, "can not read %.300s: %s", path, strerror(-error));
	if (length > most)
		return failure_set(failure, -EFBIG, "%.300s is larger than %zu MiB", path, most >> 20);
	if (memchr(out->text, '\0', length))
		return failure_set(failure, -EINVAL, "%.300s is neither a capture nor a text", path);
	out->text[length] = '\0';
	return cut_lines(out) ? failure_set(failure, -ENOMEM, "out of memory") : 0;
}

void text_file_free(struct text_file *file)
{
	free(file->lines);
	free(file->text);
}
