/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/watch_screen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/watch_line.h"

#define LABEL_WIDTH 12

/* A line of the screen that is being written. */
struct drawing {
	watch_draw_callback *draw;
	void *context;
	size_t width, height, y;
	char text[WATCH_TEXT_MAX];
};

__attribute__((format(printf, 2, 3))) static void say(struct drawing *drawing, const char *format, ...)
{
	size_t used = watch_width(drawing->text);
	char more[1200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(more, sizeof(more), format, arguments);
	va_end(arguments);
	if (used < drawing->width)
		watch_append(drawing->text, more, (struct watch_fit){.width = drawing->width - used});
}

/* The same, whole or not at all. */
__attribute__((format(printf, 2, 3))) static void say_whole(struct drawing *drawing, const char *format, ...)
{
	char more[1200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(more, sizeof(more), format, arguments);
	va_end(arguments);
	if (watch_width(drawing->text) + watch_width(more) <= drawing->width)
		say(drawing, "%s", more);
}

static void end_line(struct drawing *drawing, enum watch_style style)
{
	if (drawing->y < drawing->height)
		drawing->draw(drawing->context, drawing->y, drawing->text, style);
	drawing->y++;
	drawing->text[0] = '\0';
}

/* --- the head ------------------------------------------------------------------------- */

/* What matters most comes first: a narrow terminal leaves the end out. */
static void draw_header(const struct watch_screen *screen, struct drawing *drawing)
{
	char since[16];

	say(drawing, "firstseen");
	if (screen->alerts_open >= 0)
		say_whole(drawing, "  %ld%s open alerts", screen->alerts_open,
			  screen->alerts_open >= screen->alerts_most ? "+" : "");
	say_whole(drawing, "  lost %" PRIu64, screen->lost);
	if (screen->flows_per_second >= 0)
		say_whole(drawing, "  %.0f flows/s", screen->flows_per_second);
	say_whole(drawing, "  on %s", screen->host);
	watch_clock(screen->since_ns, since);
	if (since[0])
		say_whole(drawing, "  watching since %s", since);
	end_line(drawing, STYLE_HEADER);
}

static void draw_state(const struct watch_screen *screen, size_t newer, struct drawing *drawing)
{
	const struct watch_rows *rows = &screen->rows;

	if (screen->problem[0]) {
		say(drawing, "%s", screen->problem);
		end_line(drawing, STYLE_PROBLEM);
		return;
	}
	if (rows->paused && newer)
		say(drawing, "PAUSED, %zu newer  ", newer);
	else if (rows->paused)
		say(drawing, "PAUSED  ");
	if (screen->not_shown)
		say(drawing, "%" PRIu64 " not shown  ", screen->not_shown);
	if (rows->alerts_only)
		say(drawing, "alerts only  ");
	if (rows->new_only)
		say(drawing, "new domains only  ");
	if (rows->lookups)
		say(drawing, "with DNS  ");
	if (rows->filter[0] || screen->mode == MODE_FILTER)
		say(drawing, "filter: %s%s", rows->filter, screen->mode == MODE_FILTER ? "_" : "");
	else if (!drawing->text[0])
		say(drawing, "all flows and alerts");
	end_line(drawing, screen->mode == MODE_FILTER ? STYLE_SELECTED : STYLE_FAINT);
}

/* --- the list --------------------------------------------------------------------------- */

static enum watch_style style_of(const struct watch_event *event)
{
	if (event->type == WATCH_ALERT)
		return STYLE_ALERT;
	if (event->type == WATCH_NOTICE)
		return STYLE_PROBLEM;
	return strcmp(event->verdict, "new") == 0 ? STYLE_NEW : STYLE_PLAIN;
}

static void draw_keys(const struct watch_screen *screen, struct drawing *drawing)
{
	static const char *const keys[] = {"q quit", "? help", "p pause", "/ filter", "a alerts", "n new"};

	if (screen->mode == MODE_FILTER)
		say(drawing, "Enter keeps the filter, Esc clears it");
	else
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			say_whole(drawing, "%s%s", i ? "  " : "", keys[i]);
	drawing->y = drawing->height - 1;
	end_line(drawing, STYLE_FAINT);
}

static void draw_list(struct watch_screen *screen, struct drawing *drawing)
{
	bool has_head = drawing->height >= 6;
	struct watch_window window;
	struct watch_layout layout;

	screen->page = has_head ? drawing->height - 4 : drawing->height;
	watch_rows_window(&screen->rows, screen->page, &window);
	watch_layout(&layout, drawing->width);
	if (has_head) {
		draw_header(screen, drawing);
		draw_state(screen, window.newer, drawing);
		watch_headings(&layout, drawing->text);
		end_line(drawing, STYLE_HEADER);
	}
	for (size_t i = 0; i < window.count; i++) {
		watch_line(&layout, window.events[i], drawing->text);
		end_line(drawing, i == window.selected ? STYLE_SELECTED : style_of(window.events[i]));
	}
	if (has_head)
		draw_keys(screen, drawing);
}

/* --- other pages ------------------------------------------------------------------------- */

/* How many bytes of the value fit a line: up to a blank, where there is one. */
static size_t part_of(const char *value, size_t room)
{
	size_t length = 0, blank = 0;
	char part[WATCH_TEXT_MAX];

	while (value[length]) {
		size_t character = text_utf8_character(value + length, strnlen(value + length, 4));

		character = character ? character : 1;
		text_copy_bytes(part, sizeof(part), value, length + character);
		if (length && watch_width(part) > room)
			return blank ? blank : length;
		length += character;
		if (value[length - 1] == ' ')
			blank = length;
	}
	return length;
}

/* One label, and its value over as many lines as it takes. */
static void draw_detail(void *context, const char *label, const char *value)
{
	struct drawing *drawing = context;
	size_t indent = drawing->width > 3 * LABEL_WIDTH ? LABEL_WIDTH + 1 : 2;
	size_t room = drawing->width > indent ? drawing->width - indent : 1;
	bool first = true;

	if (indent == 2) { /* a narrow terminal has the label on a line of its own */
		say(drawing, "%s", label);
		end_line(drawing, STYLE_FAINT);
		first = false;
	}
	while (*value && drawing->y < drawing->height) {
		size_t length = part_of(value, room);
		char part[WATCH_TEXT_MAX];

		text_copy_bytes(part, sizeof(part), value, length);
		say(drawing, "%-*s%s", (int)indent, first ? label : "", part);
		end_line(drawing, STYLE_PLAIN);
		value += length;
		first = false;
	}
}

static void draw_title(struct drawing *drawing, const char *title)
{
	say(drawing, "%s", title);
	end_line(drawing, STYLE_HEADER);
}

static void draw_help(struct drawing *drawing)
{
	static const char *const keys[][2] = {
		{"q", "quit"},
		{"p, space", "pause and go on"},
		{"/", "show what has these words; Esc clears"},
		{"a", "alerts alone"},
		{"n", "new domains alone"},
		{"d", "flows to DNS resolvers, too"},
		{"up, down", "pause and choose"},
		{"PgUp, PgDn", "by a page; Home, End"},
		{"Enter", "all of the chosen row"},
		{"marks", "+ a domain not known before, ! an alert"},
		{"STATE",
		 "known, NEW: alerted, learn: while learning, allowed, crawler, ignored, dns: a lookup, "
		 "old: older than the daemon"},
	};

	draw_title(drawing, "Keys");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		draw_detail(drawing, keys[i][0], keys[i][1]);
}

void watch_screen_draw(struct watch_screen *screen, size_t width, size_t height, watch_draw_callback *draw,
		       void *context)
{
	static const char back[] = "any key goes back";
	struct drawing drawing = {.draw = draw, .context = context, .width = width, .height = height};

	if (width == 0 || height == 0)
		return;
	if (drawing.width > WATCH_WIDTH_MAX)
		drawing.width = WATCH_WIDTH_MAX;
	if (screen->mode == MODE_LIST || screen->mode == MODE_FILTER) {
		draw_list(screen, &drawing);
		return;
	}
	if (height > 1)
		drawing.height--;
	if (screen->mode == MODE_HELP) {
		draw_help(&drawing);
	} else {
		draw_title(&drawing, screen->detail.type == WATCH_ALERT ? "Alert" : "Flow");
		watch_details(&screen->detail, draw_detail, &drawing);
	}
	drawing.text[0] = '\0';
	drawing.height = height;
	drawing.y = height - 1;
	say(&drawing, "%s", back);
	end_line(&drawing, STYLE_FAINT);
}

/* --- keys --------------------------------------------------------------------------------- */

static void filter_key(struct watch_screen *screen, const struct watch_key *key)
{
	char *filter = screen->rows.filter;
	size_t length = strlen(filter);

	if (key->kind == KEY_KIND_ENTER) {
		screen->mode = MODE_LIST;
	} else if (key->kind == KEY_KIND_ESCAPE) {
		filter[0] = '\0';
		screen->mode = MODE_LIST;
	} else if (key->kind == KEY_KIND_BACKSPACE) {
		while (length && ((unsigned char)filter[length - 1] & 0xc0) == 0x80)
			filter[--length] = '\0';
		if (length)
			filter[length - 1] = '\0';
	} else if (key->kind == KEY_KIND_CHARACTER && length + strlen(key->text) < WATCH_FILTER_MAX) {
		strcat(filter, key->text);
	}
}

static void show_details(struct watch_screen *screen)
{
	const struct watch_event *event = watch_rows_selected(&screen->rows);

	if (!event)
		return;
	watch_rows_pause(&screen->rows, true);
	screen->detail = *event;
	screen->mode = MODE_DETAILS;
}

static bool character_key(struct watch_screen *screen, const char *text)
{
	struct watch_rows *rows = &screen->rows;

	switch (text[1] ? 0 : text[0]) {
	case 'q':
	case 'Q':
		return false;
	case 'p':
	case ' ':
		watch_rows_pause(rows, !rows->paused);
		return true;
	case '/':
		screen->mode = MODE_FILTER;
		return true;
	case 'a':
		rows->alerts_only = !rows->alerts_only;
		return true;
	case 'n':
		rows->new_only = !rows->new_only;
		return true;
	case 'd':
		rows->lookups = !rows->lookups;
		return true;
	case '?':
	case 'h':
		screen->mode = MODE_HELP;
		return true;
	default:
		return true;
	}
}

bool watch_screen_key(struct watch_screen *screen, const struct watch_key *key)
{
	long page = screen->page > 1 ? (long)screen->page - 1 : 1;

	if (key->kind == KEY_KIND_NONE)
		return true;
	if (screen->mode == MODE_FILTER) {
		filter_key(screen, key);
		return true;
	}
	if (screen->mode != MODE_LIST) {
		screen->mode = MODE_LIST;
		return true;
	}
	switch (key->kind) {
	case KEY_KIND_CHARACTER:
		return character_key(screen, key->text);
	case KEY_KIND_UP:
		watch_rows_move(&screen->rows, -1);
		return true;
	case KEY_KIND_DOWN:
		watch_rows_move(&screen->rows, 1);
		return true;
	case KEY_KIND_PAGE_UP:
		watch_rows_move(&screen->rows, -page);
		return true;
	case KEY_KIND_PAGE_DOWN:
		watch_rows_move(&screen->rows, page);
		return true;
	case KEY_KIND_FIRST:
		watch_rows_move(&screen->rows, -WATCH_ROWS_MAX);
		return true;
	case KEY_KIND_LAST:
		watch_rows_move(&screen->rows, WATCH_ROWS_MAX);
		return true;
	case KEY_KIND_ENTER:
		show_details(screen);
		return true;
	case KEY_KIND_ESCAPE:
		screen->rows.filter[0] = '\0';
		return true;
	default:
		return true;
	}
}
