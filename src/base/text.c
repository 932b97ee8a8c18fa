/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool text_copy(char *target, size_t size, const char *source)
{
	size_t length = strnlen(source, size);
	bool fits = length < size;

	if (!fits)
		length = size - 1;
	memcpy(target, source, length);
	target[length] = '\0';
	return fits;
}

bool text_copy_bytes(char *target, size_t size, const char *source, size_t length)
{
	size_t used = strnlen(source, length);
	bool fits = used < size;

	if (!fits)
		used = size - 1;
	memcpy(target, source, used);
	target[used] = '\0';
	return fits;
}

void text_lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text + 32);
}

static bool follows(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t text_utf8_character(const char *source, size_t length)
{
	const unsigned char *b = (const unsigned char *)source;

	if (length >= 1 && b[0] < 0x80)
		return 1;
	if (length >= 2 && b[0] >= 0xc2 && b[0] <= 0xdf && follows(b + 1, 1))
		return 2;
	if (length >= 3 && (b[0] & 0xf0) == 0xe0 && follows(b + 1, 2)) {
		unsigned code = (unsigned)(b[0] & 15) << 12 | (unsigned)(b[1] & 63) << 6 | (b[2] & 63);

		return code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 3 : 0;
	}
	if (length >= 4 && b[0] >= 0xf0 && b[0] <= 0xf4 && follows(b + 1, 3)) {
		unsigned high = (unsigned)(b[0] & 7) << 6 | (b[1] & 63);

		return high >= 0x10 && high < 0x110 ? 4 : 0;
	}
	return 0;
}

/* Marks that change the direction of what follows, so that a text looks like another one: U+202A-E, U+2066-9.
 */
static bool is_direction_mark(const unsigned char *bytes, size_t character)
{
	return character == 3 && bytes[0] == 0xe2 &&
	       ((bytes[1] == 0x80 && bytes[2] >= 0xaa && bytes[2] <= 0xae) ||
		(bytes[1] == 0x81 && bytes[2] >= 0xa6 && bytes[2] <= 0xa9));
}

/* C0, DEL, and C1 (which a terminal obeys as well), direction marks, and our own escape character. */
static bool must_escape(const unsigned char *bytes, size_t character)
{
	if (character == 0)
		return true;
	if (character == 1)
		return bytes[0] < 0x20 || bytes[0] == 0x7f || bytes[0] == '\\';
	if (is_direction_mark(bytes, character))
		return true;
	return character == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0;
}

bool text_escape(char *target, size_t size, const char *source, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0;

	while (length) {
		size_t character = text_utf8_character(source, length);
		size_t taken = character ? character : 1;
		const unsigned char *bytes = (const unsigned char *)source;
		bool escape = must_escape(bytes, character);
		size_t needed = escape ? taken * 4 : taken;

		if (used + needed >= size) {
			target[used] = '\0';
			return false;
		}
		for (size_t i = 0; i < taken; i++) {
			if (!escape) {
				target[used++] = source[i];
				continue;
			}
			target[used++] = '\\';
			target[used++] = 'x';
			target[used++] = digits[bytes[i] >> 4];
			target[used++] = digits[bytes[i] & 15];
		}
		source += taken;
		length -= taken;
	}
	target[used] = '\0';
	return true;
}

static int64_t unit_seconds(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return SECONDS_PER_DAY;
	case 'w':
		return 7 * SECONDS_PER_DAY;
	default:
		return 0;
	}
}

/* Digits, without sign or space; -1 on overflow or none. */
static int64_t read_number(const char **at)
{
	int64_t value = 0;

	if (**at < '0' || **at > '9')
		return -1;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (value > (INT64_MAX - 9) / 10)
			return -1;
		value = value * 10 + (**at - '0');
	}
	return value;
}

int text_parse_span(const char *text, int64_t *seconds)
{
	int64_t total = 0;

	if (strcmp(text, "0") == 0) {
		*seconds = 0;
		return 0;
	}
	if (!*text)
		return -EINVAL;
	while (*text) {
		int64_t number = read_number(&text), unit = unit_seconds(*text);

		/* Spans are turned into nanoseconds: 200 years is the most that anybody means. */
		if (number < 0 || unit == 0 || number > 200 * 365 * SECONDS_PER_DAY / unit)
			return -EINVAL;
		total += number * unit;
		text++;
	}
	if (total > 200 * 365 * SECONDS_PER_DAY)
		return -EINVAL;
	*seconds = total;
	return 0;
}

const char *text_format_span(int64_t seconds, char text[static TEXT_SPAN_MAX])
{
	static const char units[] = "dhms";

	for (size_t i = 0; i < 4; i++) {
		int64_t unit = unit_seconds(units[i]);

		if (unit == 1 || (seconds != 0 && seconds % unit == 0)) {
			snprintf(text, TEXT_SPAN_MAX, "%" PRId64 "%c", seconds / unit, units[i]);
			break;
		}
	}
	return text;
}

static bool read_fixed(const char **at, int digits, int *value)
{
	*value = 0;
	for (int i = 0; i < digits; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return true;
}

static bool read_char(const char **at, char wanted)
{
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

static bool is_date(const struct tm *date)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return date->tm_mon >= 0 && date->tm_mon < 12 && date->tm_mday >= 1 &&
	       date->tm_mday <= days[date->tm_mon] && date->tm_hour < 24 && date->tm_min < 60 &&
	       date->tm_sec < 61;
}

static bool read_fraction(const char **at, int64_t *ns)
{
	int64_t scale = NS_PER_SECOND / 10;

	*ns = 0;
	if (**at != '.')
		return true;
	(*at)++;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
		*ns += (**at - '0') * scale;
	return true;
}

/* "Z", "+hh:mm" or "-hh:mm". */
static bool read_offset(const char **at, int64_t *seconds)
{
	int hours, minutes, sign;

	*seconds = 0;
	if (**at == 'Z' || **at == 'z') {
		(*at)++;
		return true;
	}
	if (**at != '+' && **at != '-')
		return false;
	sign = **at == '+' ? 1 : -1;
	(*at)++;
	if (!read_fixed(at, 2, &hours) || !read_char(at, ':') || !read_fixed(at, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static int parse_point(const char *text, int64_t *out_ns)
{
	struct tm date = {0};
	int64_t offset = 0, fraction = 0;

	if (!read_fixed(&text, 4, &date.tm_year) || !read_char(&text, '-') ||
	    !read_fixed(&text, 2, &date.tm_mon) || !read_char(&text, '-') ||
	    !read_fixed(&text, 2, &date.tm_mday))
		return -EINVAL;
	if (*text == 'T' || *text == 't' || *text == ' ') {
		text++;
		if (!read_fixed(&text, 2, &date.tm_hour) || !read_char(&text, ':') ||
		    !read_fixed(&text, 2, &date.tm_min) || !read_char(&text, ':') ||
		    !read_fixed(&text, 2, &date.tm_sec) || !read_fraction(&text, &fraction) ||
		    !read_offset(&text, &offset))
			return -EINVAL;
	}
	date.tm_year -= 1900;
	date.tm_mon -= 1;
	/* Nanoseconds in 64 bits reach from 1677 to 2262. */
	if (*text || !is_date(&date) || date.tm_year < 70 || date.tm_year > 350)
		return -EINVAL;
	*out_ns = (timegm(&date) - offset) * NS_PER_SECOND + fraction;
	return 0;
}

int text_parse_time(const char *text, int64_t now_ns, int64_t *out_ns)
{
	int64_t span;

	if (text_parse_span(text, &span) == 0) {
		*out_ns = now_ns - span * NS_PER_SECOND;
		return 0;
	}
	return parse_point(text, out_ns);
}

const char *text_format_time(int64_t time_ns, char text[static TEXT_TIME_MAX])
{
	time_t seconds = time_ns / NS_PER_SECOND;
	int64_t rest = time_ns % NS_PER_SECOND;
	struct tm date;
	char day[24];

	if (rest < 0) {
		rest += NS_PER_SECOND;
		seconds--;
	}
	gmtime_r(&seconds, &date);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &date);
	snprintf(text, TEXT_TIME_MAX, "%s.%03dZ", day, (int)(rest / NS_PER_MS));
	return text;
}

int text_parse_bytes(const char *text, uint64_t *bytes)
{
	int64_t number = read_number(&text);
	unsigned shift = 0;

	if (number < 0)
		return -EINVAL;
	if (*text == 'K')
		shift = 10;
	else if (*text == 'M')
		shift = 20;
	else if (*text == 'G')
		shift = 30;
	if (shift)
		text++;
	if (*text || (uint64_t)number > (UINT64_MAX >> 1 >> shift))
		return -EINVAL;
	*bytes = (uint64_t)number << shift;
	return 0;
}

bool text_is_below(const char *name, const char *parent)
{
	size_t length = strlen(name), of_parent = strlen(parent);

	return length > of_parent + 1 && name[length - of_parent - 1] == '.' &&
	       strcmp(name + length - of_parent, parent) == 0;
}
