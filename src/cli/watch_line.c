/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/watch_line.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/text.h"
#include "cli/output.h"

/* --- columns of a terminal --------------------------------------------------------------- */

/* The next character: its bytes, or "?" for what can not be counted on; its columns. Returns how many bytes
 * it took from the text, 0 at the end. */
static size_t take(const char *text, char character[static 5], size_t *columns)
{
	size_t taken = text_utf8_character(text, strnlen(text, 4));
	mbstate_t state = {0};
	wchar_t wide;
	int width;

	if (!*text)
		return 0;
	*columns = 1;
	if (taken && mbrtowc(&wide, text, taken, &state) == taken && (width = wcwidth(wide)) > 0) {
		*columns = (size_t)width;
		memcpy(character, text, taken);
		character[taken] = '\0';
		return taken;
	}
	memcpy(character, "?", 2);
	return taken ? taken : 1;
}

size_t watch_width(const char *text)
{
	size_t total = 0, columns, taken;
	char character[5];

	for (; (taken = take(text, character, &columns)) != 0; text += taken)
		total += columns;
	return total;
}

static const char *ellipsis(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "…" : "~";
}

struct target {
	char *text;
	size_t used;
};

static void put(struct target *target, const char *more)
{
	size_t length = strlen(more);

	if (target->used + length >= WATCH_TEXT_MAX)
		return;
	memcpy(target->text + target->used, more, length + 1);
	target->used += length;
}

static void put_blanks(struct target *target, size_t count)
{
	while (count--)
		put(target, " ");
}

/* What fits `room` columns from the beginning. Returns the columns it took. */
static size_t put_some(struct target *target, const char *text, size_t room)
{
	size_t used = 0, columns, taken;
	char character[5];

	for (; (taken = take(text, character, &columns)) != 0 && used + columns <= room; text += taken) {
		put(target, character);
		used += columns;
	}
	return used;
}

/* Without its first columns, at least so many of them. */
static const char *skip(const char *text, size_t columns)
{
	size_t gone = 0, width, taken;
	char character[5];

	while (gone < columns && (taken = take(text, character, &width)) != 0) {
		gone += width;
		text += taken;
	}
	return text;
}

void watch_append(char text[static WATCH_TEXT_MAX], const char *more, struct watch_fit fit)
{
	struct target target = {.text = text, .used = strlen(text)};
	size_t has = watch_width(more), used = has;

	if (fit.right && fit.pad && has < fit.width)
		put_blanks(&target, fit.width - has);
	if (has <= fit.width) {
		put_some(&target, more, has);
	} else if (fit.width && fit.tail) {
		put(&target, ellipsis());
		used = 1 + put_some(&target, skip(more, has - fit.width + 1), fit.width - 1);
	} else if (fit.width) {
		used = put_some(&target, more, fit.width - 1) + 1;
		put(&target, ellipsis());
	}
	if (!fit.right && fit.pad && used < fit.width)
		put_blanks(&target, fit.width - used);
}

/* --- columns of the list ------------------------------------------------------------------ */

enum { TIME, MARK, PROGRAM, PID, USER, HOST, DOMAIN, PORT, METHOD, STATE, BYTES, OUTCOME };

static const struct watch_column {
	const char *heading;
	size_t least, most; /* most > least: takes of the room that is left */
	unsigned spare;     /* a terminal that is too narrow goes without: the highest first; 0: never */
	bool tail, right;
} columns[WATCH_COLUMNS] = {
	[TIME] = {"TIME", 8, 8, 0, false, false},
	[MARK] = {"", 1, 1, 0, false, false},
	[PROGRAM] = {"APPLICATION", 11, 50, 0, true, false},
	[PID] = {"PID", 7, 7, 3, false, true},
	[USER] = {"USER", 8, 16, 7, false, false},
	[HOST] = {"HOST", 17, 80, 0, true, false},
	[DOMAIN] = {"DOMAIN", 14, 40, 9, true, false},
	[PORT] = {"PORT", 9, 9, 1, false, true},
	[METHOD] = {"BY", 5, 5, 6, false, false},
	[STATE] = {"STATE", 7, 7, 2, false, false},
	[BYTES] = {"OUT/IN", 11, 11, 4, false, true},
	[OUTCOME] = {"OUTCOME", 11, 11, 8, false, false},
};

static size_t total(const struct watch_layout *layout)
{
	size_t sum = 0;

	for (size_t i = 0; i < WATCH_COLUMNS; i++)
		if (layout->widths[i])
			sum += layout->widths[i] + (sum ? 1 : 0);
	return sum;
}

static bool hide_one(struct watch_layout *layout)
{
	size_t best = WATCH_COLUMNS;

	for (size_t i = 0; i < WATCH_COLUMNS; i++)
		if (layout->widths[i] && columns[i].spare &&
		    (best == WATCH_COLUMNS || columns[i].spare > columns[best].spare))
			best = i;
	if (best == WATCH_COLUMNS)
		return false;
	layout->widths[best] = 0;
	return true;
}

void watch_layout(struct watch_layout *layout, size_t width)
{
	size_t room;
	bool grown = true;

	layout->width = width < WATCH_WIDTH_MAX ? width : WATCH_WIDTH_MAX;
	for (size_t i = 0; i < WATCH_COLUMNS; i++)
		layout->widths[i] = columns[i].least;
	while (total(layout) > layout->width && hide_one(layout))
		;
	room = layout->width > total(layout) ? layout->width - total(layout) : 0;
	while (room && grown) {
		grown = false;
		for (size_t i = 0; i < WATCH_COLUMNS && room; i++) {
			if (!layout->widths[i] || layout->widths[i] >= columns[i].most)
				continue;
			layout->widths[i]++;
			room--;
			grown = true;
		}
	}
}

/* One column after the other; `cells` may be NULL for those that are not shown. */
static void put_cells(const struct watch_layout *layout, const char *const cells[static WATCH_COLUMNS],
		      bool headings, char text[static WATCH_TEXT_MAX])
{
	char whole[WATCH_TEXT_MAX] = "";
	bool begun = false;

	for (size_t i = 0; i < WATCH_COLUMNS; i++) {
		if (!layout->widths[i])
			continue;
		if (begun)
			strcat(whole, " ");
		begun = true;
		watch_append(whole, cells[i],
			     (struct watch_fit){.width = layout->widths[i],
						.tail = columns[i].tail && !headings,
						.pad = true,
						.right = columns[i].right});
	}
	text[0] = '\0';
	watch_append(text, whole, (struct watch_fit){.width = layout->width});
}

void watch_headings(const struct watch_layout *layout, char text[static WATCH_TEXT_MAX])
{
	const char *cells[WATCH_COLUMNS];

	for (size_t i = 0; i < WATCH_COLUMNS; i++)
		cells[i] = columns[i].heading;
	put_cells(layout, cells, true, text);
}

/* --- events ------------------------------------------------------------------------------- */

void watch_clock(int64_t time_ns, char text[static 16])
{
	time_t seconds = (time_t)(time_ns / NS_PER_SECOND);
	struct tm parts;

	text[0] = '\0';
	if (time_ns && localtime_r(&seconds, &parts))
		strftime(text, 16, "%H:%M:%S", &parts);
}

static void put_bytes(const struct watch_event *event, char text[static 32])
{
	char *out = output_value(COLUMN_BYTES, (union cell){.count = event->bytes_out}, 0);
	char *in = output_value(COLUMN_BYTES, (union cell){.count = event->bytes_in}, 0);

	snprintf(text, 32, "%.12s/%.12s", out ? out : "?", in ? in : "?");
	free(out);
	free(in);
}

static const char *state_word(const struct watch_event *event)
{
	static const char *const words[][2] = {{"new", "NEW"},
					       {"learning", "learn"},
					       {"preexisting", "old"},
					       {"resolver", "dns"},
					       {"internal", "inside"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(event->verdict, words[i][0]) == 0)
			return words[i][1];
	return event->verdict;
}

static const char *method_word(const struct watch_event *event)
{
	if (strcmp(event->method, "stale_dns") == 0)
		return "stale";
	return strcmp(event->method, "none") == 0 ? "-" : event->method;
}

static void flow_line(const struct watch_layout *layout, const struct watch_event *event,
		      char text[static WATCH_TEXT_MAX])
{
	char clock[16], pid[24] = "", port[40], bytes[32] = "";
	bool moved = event->bytes_out || event->bytes_in;
	bool failed = event->outcome[0] && strcmp(event->outcome, "established") != 0 &&
		      strcmp(event->outcome, "unknown") != 0;
	const char *cells[WATCH_COLUMNS] = {
		[TIME] = clock,
		[MARK] = watch_event_is_new(event) ? "+" : "",
		[PROGRAM] = watch_event_program(event),
		[PID] = pid,
		[USER] = event->user,
		[HOST] = watch_event_target(event),
		[DOMAIN] = event->domain[0] ? event->domain : "-",
		[PORT] = port,
		[METHOD] = method_word(event),
		[STATE] = state_word(event),
		[BYTES] = bytes,
		[OUTCOME] = event->outcome,
	};

	watch_clock(event->time_ns, clock);
	if (event->pid)
		snprintf(pid, sizeof(pid), "%" PRIu64, event->pid);
	snprintf(port, sizeof(port), "%" PRIu64 "/%s", event->port, event->protocol);
	if (event->outcome[0])
		put_bytes(event, bytes);
	if (failed && !moved && !layout->widths[OUTCOME])
		cells[BYTES] = event->outcome;
	put_cells(layout, cells, false, text);
}

struct writing {
	char *text;
	size_t width;
};

__attribute__((format(printf, 2, 3))) static void say(struct writing *writing, const char *format, ...)
{
	size_t used = watch_width(writing->text);
	char more[1400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(more, sizeof(more), format, arguments);
	va_end(arguments);
	if (used < writing->width)
		watch_append(writing->text, more, (struct watch_fit){.width = writing->width - used});
}

static void alert_line(const struct watch_layout *layout, const struct watch_event *event,
		       char text[static WATCH_TEXT_MAX])
{
	struct writing writing = {.text = text, .width = layout->width};
	char clock[16];

	text[0] = '\0';
	watch_clock(event->time_ns, clock);
	say(&writing, "%-8s ! ALERT %s", clock, event->kind);
	if (event->domain[0] || event->address[0])
		say(&writing, " %s", event->domain[0] ? event->domain : watch_event_target(event));
	say(&writing, " (%s)", event->severity);
	if (event->message[0])
		say(&writing, ": %s", event->message);
	if (event->application[0] || event->comm[0])
		say(&writing, " by %s", watch_event_program(event));
	if (event->pid)
		say(&writing, " pid %" PRIu64, event->pid);
	if (event->user[0])
		say(&writing, " user %s", event->user);
	if (event->address[0])
		say(&writing, " to %s %" PRIu64 "/%s", watch_event_target(event), event->port,
		    event->protocol);
}

void watch_line(const struct watch_layout *layout, const struct watch_event *event,
		char text[static WATCH_TEXT_MAX])
{
	struct writing writing = {.text = text, .width = layout->width};
	char clock[16];

	if (event->type == WATCH_ALERT) {
		alert_line(layout, event, text);
	} else if (event->type == WATCH_NOTICE) {
		text[0] = '\0';
		watch_clock(event->time_ns, clock);
		say(&writing, "%-8s - %s", clock, event->message);
	} else {
		flow_line(layout, event, text);
	}
}

/* --- all of one event ----------------------------------------------------------------------- */

static void tell(watch_detail_callback *callback, void *context, const char *label, const char *value)
{
	if (value[0])
		callback(context, label, value);
}

static void tell_traffic(const struct watch_event *event, watch_detail_callback *callback, void *context)
{
	char text[128] = "";

	tell(callback, context, "application", event->application);
	tell(callback, context, "command", event->comm);
	if (event->pid)
		snprintf(text, sizeof(text), "%" PRIu64, event->pid);
	tell(callback, context, "pid", text);
	tell(callback, context, "user", event->user);
	tell(callback, context, "hostname", event->hostname);
	tell(callback, context, "domain", event->domain);
	if (!event->address[0])
		return;
	snprintf(text, sizeof(text), "%s port %" PRIu64 "/%s", event->address, event->port, event->protocol);
	tell(callback, context, "address", text);
	tell(callback, context, "named by", event->method);
	tell(callback, context, "state", event->verdict);
	snprintf(text, sizeof(text), "%" PRIu64 " out, %" PRIu64 " in", event->bytes_out, event->bytes_in);
	tell(callback, context, "bytes", event->outcome[0] ? text : "not told yet");
	tell(callback, context, "outcome", event->outcome);
}

void watch_details(const struct watch_event *event, watch_detail_callback *callback, void *context)
{
	char text[128];

	tell(callback, context, "time", text_format_time(event->time_ns, text));
	if (event->type == WATCH_ALERT) {
		tell(callback, context, "alert", event->kind);
		tell(callback, context, "severity", event->severity);
	}
	tell(callback, context, "message", event->message);
	if (event->type == WATCH_NOTICE)
		return;
	tell_traffic(event, callback, context);
	if (event->type != WATCH_ALERT)
		return;
	tell(callback, context, "uid", event->uid);
	snprintf(text, sizeof(text), "firstseen alert %s", event->uid);
	tell(callback, context, "more by", text);
}
