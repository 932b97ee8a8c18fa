/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/output.h"

#define DRAW_NS (NS_PER_SECOND / 5)
#define NAME_SHOWN 40

static struct {
	const char *what;
	int64_t begun_ns, drawn_ns;
	bool shown;
} line;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

void progress_begin(const char *what)
{
	progress_clear();
	line.what = what;
	line.begun_ns = now_ns();
	line.drawn_ns = 0; /* what is large enough to tell of is told at once */
}

void progress_show(uint64_t done, uint64_t size, uint64_t count, const char *kind)
{
	int64_t now = now_ns();
	double seconds = (double)(now - line.begun_ns) / (double)NS_PER_SECOND;
	char share[16] = "", *name;

	if (now - line.drawn_ns < DRAW_NS || !isatty(STDERR_FILENO))
		return;
	line.drawn_ns = now;
	name = output_escape(line.what);
	if (size)
		snprintf(share, sizeof(share), " %3d%%", (int)(done >= size ? 100 : done * 100 / size));
	/* To the line's beginning, and what was longer before is wiped off. */
	fprintf(stderr, "\r%.*s%s  %" PRIu64 " %s, %.0f/s\033[K", NAME_SHOWN, name ? name : "", share, count,
		kind, (double)count / (seconds > 0 ? seconds : 1));
	fflush(stderr);
	free(name);
	line.shown = true;
}

void progress_clear(void)
{
	if (line.shown)
		fputs("\r\033[K", stderr);
	line.shown = false;
}
