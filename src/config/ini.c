/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "config/ini.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LINE_MAX_BYTES (INI_VALUE_MAX + 256)
#define NAME_MAX_BYTES 128

struct reader {
	const char *label;
	unsigned number;
	char section[NAME_MAX_BYTES];
	char name[NAME_MAX_BYTES];
	ini_callback *callback;
	void *context;
	struct failure *failure;
};

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		*--end = '\0';
	while (*text == ' ' || *text == '\t')
		text++;
	return text;
}

static int complain(struct reader *reader, const char *what)
{
	return failure_set(reader->failure, -EINVAL, "%s:%u: %s", reader->label, reader->number, what);
}

static int read_section(struct reader *reader, char *line)
{
	size_t length = strlen(line);
	char *inside = line + 1, *name;

	if (line[length - 1] != ']')
		return complain(reader, "a section begins with [ and ends with ]");
	line[length - 1] = '\0';
	inside = trim(inside);
	name = inside + strcspn(inside, " \t");
	if (*name)
		*name++ = '\0';
	name = trim(name);
	if (!*inside || !text_copy(reader->section, sizeof(reader->section), inside) ||
	    !text_copy(reader->name, sizeof(reader->name), name))
		return complain(reader, "a section's name is empty or too long");
	return 0;
}

static int read_key(struct reader *reader, char *line)
{
	struct failure inner = {{0}};
	char *equals = strchr(line, '='), *key, *value;

	if (!equals)
		return complain(reader, "neither [section], key=value nor a # comment");
	if (!reader->section[0])
		return complain(reader, "a key before the first [section]");
	*equals = '\0';
	key = trim(line);
	value = trim(equals + 1);
	if (!*key)
		return complain(reader, "a value without a key");
	if (strlen(value) >= INI_VALUE_MAX)
		return complain(reader, "the value is longer than 4095 bytes");
	if (reader->callback(reader->context, reader->section, reader->name, key, value, &inner))
		return complain(reader, inner.text);
	return 0;
}

static int read_line(struct reader *reader, const char *text, size_t length)
{
	char line[LINE_MAX_BYTES], *content;

	reader->number++;
	if (memchr(text, '\0', length))
		return complain(reader, "a NUL byte");
	if (length >= sizeof(line))
		return complain(reader, "the line is too long");
	memcpy(line, text, length);
	line[length] = '\0';
	content = trim(line);
	if (*content == '\0' || *content == '#' || *content == ';')
		return 0;
	if (*content == '[')
		return read_section(reader, content);
	return read_key(reader, content);
}

int ini_read(const char *label, const char *text, size_t length, ini_callback *callback, void *context,
	     struct failure *failure)
{
	struct reader reader = {.label = label, .callback = callback, .context = context, .failure = failure};
	int error = 0;

	while (length && !error) {
		const char *end = memchr(text, '\n', length);
		size_t line = end ? (size_t)(end - text) : length;

		error = read_line(&reader, text, line);
		line += end != NULL;
		text += line;
		length -= line;
	}
	return error;
}
