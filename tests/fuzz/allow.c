/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* allow.c - allow rules, a line of FIELD=VALUE each, a blank line between two; then what the last line is
 * about. */
#include "core/allow.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

#define RULES 8
#define GLOB_MOST 40

/* The meaning of a pattern, without regard to time. */
static bool glob(const char *pattern, const char *text)
{
	if (!*pattern)
		return !*text;
	if (*pattern == '*')
		return glob(pattern + 1, text) || (*text && glob(pattern, text + 1));
	return *text && (*pattern == '?' || *pattern == *text) && glob(pattern + 1, text + 1);
}

static unsigned stars(const char *pattern)
{
	unsigned count = 0;

	for (; *pattern; pattern++)
		count += *pattern == '*';
	return count;
}

static void check_glob(const char *pattern, const char *text)
{
	bool fits = allow_glob(pattern, text);

	if (strlen(pattern) < GLOB_MOST && strlen(text) < GLOB_MOST && stars(pattern) < 4)
		must(fits == glob(pattern, text));
}

static void read_line(struct allow_rule *rule, char *line)
{
	char *equals = strchr(line, '=');
	const char *why = NULL;

	if (!equals)
		return;
	*equals = '\0';
	if (allow_read(rule, line, equals + 1, &why) == -22)
		must(why);
	check_glob(line, equals + 1);
	check_glob(equals + 1, line);
}

static void match(const struct allow_rule *rules, size_t count, const char *last)
{
	static struct process process;
	struct allow_case now = {.now_ns = 1,
				 .domain = last,
				 .hostname = last,
				 .process = &process,
				 .uid = 1000,
				 .remote_port = 443,
				 .entry = strlen(last) % 2 ? last : NULL};
	struct allow_set *set;

	strncpy(process.exe, last, sizeof(process.exe) - 1);
	strncpy(process.application, last, sizeof(process.application) - 1);
	must(allow_set_new(rules, count, NULL, 0, &set) == 0);
	(void)allow_match(set, &now);
	must(!allow_acknowledged(set, SUBJECT_DOMAIN, last, "", NULL));
	allow_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct allow_rule rules[RULES];
	char *text = fuzz_text(data, size), *line = text, *last = text;
	const char *why;
	size_t count = 0;

	memset(rules, 0, sizeof(rules));
	while (line && count < RULES) {
		char *next = strchr(line, '\n');

		if (next)
			*next++ = '\0';
		last = line;
		if (*line)
			read_line(&rules[count], line);
		else
			count += allow_check(&rules[count], &why) == 0;
		line = next;
	}
	match(rules, count, last);
	free(text);
	return 0;
}
