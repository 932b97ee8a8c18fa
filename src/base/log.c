/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static const char *log_program = "firstseen";
static enum log_level log_most = LOG_LEVEL_INFO;
static bool log_to_journal;

void log_setup(const char *program, enum log_level most)
{
	log_program = program;
	log_most = most;
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[1024], escaped[2048], line[2200];
	va_list arguments;
	int length;

	if (level > log_most)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_escape(escaped, sizeof(escaped), text, strlen(text));
	if (log_to_journal)
		length = snprintf(line, sizeof(line), "<%d>%s\n", (int)level, escaped);
	else
		length = snprintf(line, sizeof(line), "%s: %s%s\n", log_program,
				  level == LOG_LEVEL_WARNING ? "warning: " : "", escaped);
	/* Nothing is left to tell it to where stderr can not be written. */
	if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0)
		return;
}
