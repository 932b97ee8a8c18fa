/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* zeek.c - reads the logs. */
#include "source/zeek.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/zeek_internal.h"

#define DEFAULT_MEMORY ((size_t)64 * 1024 * 1024)
#define PROGRESS_LINES 4096

/* One file being read. */
struct reading {
	struct zeek *zeek;
	struct lines *lines;
	const struct zeek_reader *reader;
	struct zeek_file *file;
	struct failure *failure;
	struct zeek_fields fields;
	union any_event event;
	size_t next_known; /* in settings.known: the first one that is longer than what was read */
	int64_t hello_from_ns, hello_to_ns;
};

int zeek_new(const struct zeek_settings *settings, struct zeek **out)
{
	struct zeek *zeek = calloc(1, sizeof(*zeek));

	if (!zeek)
		return -ENOMEM;
	zeek->settings = *settings;
	if (sorter_new(settings->memory ? settings->memory : DEFAULT_MEMORY, &zeek->sorter)) {
		free(zeek);
		return -ENOMEM;
	}
	*out = zeek;
	return 0;
}

void zeek_free(struct zeek *zeek)
{
	if (!zeek)
		return;
	sorter_free(zeek->sorter);
	free(zeek->files);
	free(zeek);
}

bool zeek_is_log(const char *bytes, size_t length)
{
	static const char *const heads[] = {"#separator", "#fields", "#path"};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (length > strlen(heads[i]) && memcmp(bytes, heads[i], strlen(heads[i])) == 0)
			return true;
	return length && bytes[0] == '{' && memmem(bytes, length, "\"ts\"", 4) != NULL;
}

static void bad(struct reading *reading, uint64_t line, const char *why)
{
	reading->file->counts.bad++;
	if (reading->reader->bad)
		reading->reader->bad(reading->reader->context, line, why);
}

static void widen(int64_t *from_ns, int64_t *to_ns, int64_t first_ns, int64_t last_ns)
{
	if (*from_ns == 0 || first_ns < *from_ns)
		*from_ns = first_ns;
	if (last_ns > *to_ns)
		*to_ns = last_ns;
}

static int keep(struct reading *reading, enum zeek_log log, size_t size, int64_t key_ns, int64_t end_ns,
		uint64_t line)
{
	struct zeek_counts *counts = &reading->file->counts;
	struct event *event = &reading->event.event;

	event->file = (uint32_t)(reading->zeek->file_count - 1);
	event->line = line;
	if (log == ZEEK_CONN) {
		counts->conns++;
		reading->zeek->conns++;
		widen(&reading->file->from_ns, &reading->file->to_ns, key_ns, end_ns);
	} else if (log == ZEEK_DNS) {
		counts->answers++;
	} else {
		counts->hellos++;
		widen(&reading->hello_from_ns, &reading->hello_to_ns, key_ns, end_ns);
	}
	return sorter_add(reading->zeek->sorter, key_ns, event->kind, &reading->event, size,
			  reading->failure);
}

static int take(struct reading *reading, const struct line *line)
{
	struct zeek_counts *counts = &reading->file->counts;
	int64_t key_ns, end_ns;
	enum zeek_log log;
	const char *why = zeek_fields_line(&reading->fields, line->text, line->length, &log);
	size_t size;

	counts->lines++;
	if (why || log == ZEEK_OTHER) {
		if (why)
			bad(reading, line->number, why);
		else
			counts->other++;
		return 0;
	}
	switch (zeek_event(&reading->zeek->settings, &reading->fields, log, &reading->event, &size, &key_ns,
			   &end_ns, &why)) {
	case EVENT_USED:
		return keep(reading, log, size, key_ns, end_ns, line->number);
	case EVENT_UNUSED:
		break;
	case EVENT_TOO_OLD:
		counts->too_old++;
		break;
	case EVENT_IN_FUTURE:
		counts->in_future++;
		break;
	case EVENT_INBOUND:
		counts->inbound++;
		break;
	case EVENT_PROTOCOL:
		counts->protocol++;
		break;
	case EVENT_BAD:
		bad(reading, line->number, why);
		break;
	}
	return 0;
}

/* Whether all up to here is what was imported once: a log that has grown since begins with it. */
static void compare_known(struct reading *reading, uint64_t line)
{
	const struct zeek_settings *settings = &reading->zeek->settings;
	const struct digest *read = lines_digest(reading->lines);
	struct zeek_counts *counts = &reading->file->counts;

	for (; reading->next_known < settings->known_count; reading->next_known++) {
		const struct digest *known = &settings->known[reading->next_known];

		if (known->bytes > read->bytes)
			return;
		if (known->bytes == read->bytes &&
		    memcmp(known->hash, read->hash, sizeof(known->hash)) == 0) {
			reading->zeek->files[reading->zeek->file_count - 1].known_lines = line;
			counts->known = counts->conns ? counts->conns : counts->hellos;
		}
	}
}

static int read_line(struct reading *reading, const struct line *line)
{
	const char *why;

	if (line->cut) {
		reading->file->counts.lines++;
		bad(reading, line->number, "longer than 1 MiB");
		return 0;
	}
	/* What is written still is left for the next time. */
	if (line->open) {
		if (line->text[0] != '#') {
			reading->file->counts.lines++;
			bad(reading, line->number, "the last line has no end yet");
		}
		return 0;
	}
	if (line->length == 0)
		return 0;
	if (line->text[0] != '#')
		return take(reading, line);
	why = zeek_fields_head(&reading->fields, line->text);
	if (why)
		bad(reading, line->number, why);
	return 0;
}

static int read_all(struct reading *reading)
{
	struct line line;
	int found, error = 0;

	while (!error && (found = lines_next(reading->lines, &line, reading->failure)) == 1) {
		error = read_line(reading, &line);
		compare_known(reading, line.number);
		if (!error && reading->reader->progress && line.number % PROGRESS_LINES == 0) {
			uint64_t done, size;

			lines_progress(reading->lines, &done, &size);
			error = reading->reader->progress(reading->reader->context, done, size, line.number);
		}
	}
	return error ? error : found;
}

static int add_file(struct zeek *zeek, struct failure *failure)
{
	struct zeek_part *files = realloc(zeek->files, (zeek->file_count + 1) * sizeof(*files));

	if (!files)
		return failure_set(failure, -ENOMEM, "out of memory");
	zeek->files = files;
	zeek->files[zeek->file_count++] = (struct zeek_part){0};
	return 0;
}

int zeek_read(struct zeek *zeek, const char *path, const struct zeek_reader *reader, struct zeek_file *out,
	      struct failure *failure)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	int error;

	if (!reading)
		return failure_set(failure, -ENOMEM, "out of memory");
	error = lines_open(path, &reading->lines, failure);
	if (!error)
		error = add_file(zeek, failure);
	if (!error) {
		memset(out, 0, sizeof(*out));
		reading->zeek = zeek;
		reading->reader = reader;
		reading->file = out;
		reading->failure = failure;
		zeek_fields_init(&reading->fields);
		error = read_all(reading);
		out->digest = *lines_digest(reading->lines);
		if (out->counts.conns == 0) {
			out->from_ns = reading->hello_from_ns;
			out->to_ns = reading->hello_to_ns;
		}
	}
	lines_close(reading->lines);
	free(reading);
	return error;
}
