/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/clock_steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void drop(struct clock_steps *steps, size_t index)
{
	steps->count--;
	memmove(&steps->steps[index], &steps->steps[index + 1],
		(steps->count - index) * sizeof(steps->steps[0]));
}

/* What lies above a time has not happened yet, the spans left out neither. */
static void take_back(struct clock_steps *steps, int64_t above_ns)
{
	while (steps->count && steps->steps[steps->count - 1].from_ns >= above_ns)
		steps->count--;
	if (steps->count && steps->steps[steps->count - 1].to_ns > above_ns)
		steps->steps[steps->count - 1].to_ns = above_ns;
}

/* Makes one of the two that lie closest together: the little between them is left out as well. */
static void make_room(struct clock_steps *steps)
{
	size_t nearest = 0;

	for (size_t i = 1; i + 1 < steps->count; i++)
		if (steps->steps[i + 1].from_ns - steps->steps[i].to_ns <
		    steps->steps[nearest + 1].from_ns - steps->steps[nearest].to_ns)
			nearest = i;
	steps->steps[nearest].to_ns = steps->steps[nearest + 1].to_ns;
	drop(steps, nearest + 1);
}

void clock_steps_add(struct clock_steps *steps, int64_t from_ns, int64_t to_ns)
{
	take_back(steps, from_ns < to_ns ? from_ns : to_ns);
	if (to_ns <= from_ns)
		return;
	if (steps->count == CLOCK_STEPS_MAX)
		make_room(steps);
	steps->steps[steps->count].from_ns = from_ns;
	steps->steps[steps->count++].to_ns = to_ns;
}

int64_t clock_steps_before(const struct clock_steps *steps, int64_t now_ns, int64_t span_ns)
{
	int64_t before = now_ns - span_ns;

	for (size_t i = steps->count; i-- > 0;) {
		int64_t from = steps->steps[i].from_ns, to = steps->steps[i].to_ns;

		if (to <= before || from >= now_ns)
			continue;
		before -= (to < now_ns ? to : now_ns) - from;
	}
	return before;
}

void clock_steps_prune(struct clock_steps *steps, int64_t before_ns)
{
	while (steps->count && steps->steps[0].to_ns < before_ns)
		drop(steps, 0);
}

void clock_steps_format(const struct clock_steps *steps, char text[static CLOCK_STEPS_TEXT_MAX])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < steps->count; i++)
		used += (size_t)snprintf(text + used, CLOCK_STEPS_TEXT_MAX - used, "%s%" PRId64 "-%" PRId64,
					 i ? "," : "", steps->steps[i].from_ns, steps->steps[i].to_ns);
}

void clock_steps_parse(const char *text, struct clock_steps *steps)
{
	struct clock_steps read = {0};
	int64_t last = 0; /* nothing was before 1970, and sums of spans after it stay in bounds */

	while (*text) {
		int used = 0;
		int64_t from, to;

		if (read.count == CLOCK_STEPS_MAX ||
		    sscanf(text, "%" SCNd64 "-%" SCNd64 "%n", &from, &to, &used) < 2 || used == 0 ||
		    from < last || to <= from || (text[used] && text[used] != ',')) {
			read.count = 0;
			break;
		}
		read.steps[read.count].from_ns = from;
		read.steps[read.count++].to_ns = to;
		last = to;
		text += used + (text[used] == ',');
	}
	*steps = read;
}
