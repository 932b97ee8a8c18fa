/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "render/html.h"

#define PIECE 256
#define CHARACTER_MOST 4

/* How many of the bytes end with a whole character; all of them where the first ones are none. */
static size_t whole_characters(const char *text, size_t length, size_t most)
{
	size_t taken = 0;

	while (taken < length) {
		size_t step = text_utf8_character(text + taken, length - taken);

		step += step == 0;
		if (taken + step > most)
			break;
		taken += step;
	}
	return taken;
}

static void put(FILE *out, const char *text, size_t length)
{
	char escaped[PIECE * HTML_ESCAPE_MOST + 1];

	while (length) {
		size_t taken = whole_characters(text, length, PIECE);

		html_escape(escaped, sizeof(escaped), text, taken);
		fputs(escaped, out);
		text += taken;
		length -= taken;
	}
}

void page_text(FILE *out, const char *text)
{
	put(out, text, strlen(text));
}

void page_text_most(FILE *out, const char *text, size_t most)
{
	size_t length = strlen(text), head, tail;

	if (length <= most) {
		put(out, text, length);
		return;
	}
	head = whole_characters(text, length, most / 2);
	for (tail = length - most / 2; tail < length && ((unsigned char)text[tail] & 0xc0) == 0x80 &&
				       tail < length - most / 2 + CHARACTER_MOST;)
		tail++;
	put(out, text, head);
	fputs("\xe2\x80\xa6", out);
	put(out, text + tail, length - tail);
}

void page_name(FILE *out, const char *text, size_t most)
{
	fputs("<bdi>", out);
	page_text_most(out, text, most);
	fputs("</bdi>", out);
}

void page_count(FILE *out, uint64_t count)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			fputc(',', out);
		fputc(digits[i], out);
	}
}

void page_short_count(FILE *out, uint64_t count)
{
	static const char units[] = "kMGTPE";
	double value = (double)count / 1000;
	size_t unit = 0;

	if (count < 1000) {
		fprintf(out, "%" PRIu64, count);
		return;
	}
	for (; value >= 999.5 && units[unit + 1]; unit++)
		value /= 1000;
	fprintf(out, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

void page_value(FILE *out, enum column_type type, union cell cell)
{
	char *text = output_value(type, cell, 0);

	page_text(out, text ? text : "");
	free(text);
}

void page_time(FILE *out, int64_t time_ns)
{
	char text[TEXT_TIME_MAX];

	if (time_ns == 0) {
		fputs("never", out);
		return;
	}
	text_format_time(time_ns, text);
	fprintf(out, "<time datetime=\"%s\">%.10s %.5s</time>", text, text, text + 11);
}

const char *page_day(int64_t day, char text[static PAGE_DAY_MAX])
{
	char time[TEXT_TIME_MAX];

	text_format_time(day * SECONDS_PER_DAY * NS_PER_SECOND, time);
	text_copy_bytes(text, PAGE_DAY_MAX, time, strcspn(time, "T"));
	return text;
}

void page_span(FILE *out, double seconds)
{
	if (seconds < 100)
		fprintf(out, "%.3g s", seconds);
	else if (seconds < 5400)
		fprintf(out, "%.0f min", seconds / 60);
	else if (seconds < 2 * (double)SECONDS_PER_DAY)
		fprintf(out, "%.1f h", seconds / 3600);
	else
		fprintf(out, "%.1f d", seconds / (double)SECONDS_PER_DAY);
}

void page_table_open(FILE *out, const char *label, const char *class)
{
	fprintf(out,
		"<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\"><table class=\"%s\">"
		"<caption>%s</caption>\n",
		label, class, label);
}

void page_table_close(FILE *out)
{
	fputs("</table></div>\n", out);
}
