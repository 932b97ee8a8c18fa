/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock_steps.h - spans of wall-clock time that never happened, because the clock
 * was set forward over them. Ages are counted without them: a clock that is put right must not make
 * everything known a stranger. Pure.
 */
#ifndef CORE_CLOCK_STEPS_H
#define CORE_CLOCK_STEPS_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_STEPS_MAX 16
#define CLOCK_STEP_LEAST_NS (60 * NS_PER_SECOND) /* smaller ones are the daily work of NTP */

struct clock_steps {
	size_t count;
	struct {
		int64_t from_ns, to_ns;
	} steps[CLOCK_STEPS_MAX]; /* by time, apart from each other */
};

/*
 * The clock went from one time to another. Forward: the span between is left out from
 * now on; where there is no room the two nearest ones become one. Backward: what was left out above `to_ns`
 * is taken back.
 */
void clock_steps_add(struct clock_steps *steps, int64_t from_ns, int64_t to_ns);

/* The time `span_ns` before `now_ns`, spans that never happened left out. */
int64_t clock_steps_before(const struct clock_steps *steps, int64_t now_ns, int64_t span_ns);

/* Forgets those that end before `before_ns`. */
void clock_steps_prune(struct clock_steps *steps, int64_t before_ns);

/* As text, "FROM-TO,FROM-TO" in ns, to be kept; and back. A text that is no such list gives no steps. */
#define CLOCK_STEPS_TEXT_MAX (CLOCK_STEPS_MAX * 42 + 1)
void clock_steps_format(const struct clock_steps *steps, char text[static CLOCK_STEPS_TEXT_MAX]);
void clock_steps_parse(const char *text, struct clock_steps *steps);

#endif
