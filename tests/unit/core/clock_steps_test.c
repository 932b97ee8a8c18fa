/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "core/clock_steps.h"

#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)

static void ages_leave_out_what_never_happened(void **state)
{
	struct clock_steps steps = {0};

	(void)state;
	assert_true(clock_steps_before(&steps, 100 * DAY, 90 * DAY) == 10 * DAY);
	clock_steps_add(&steps, 1000 * DAY, 1100 * DAY); /* forward by 100 days */
	assert_true(clock_steps_before(&steps, 1100 * DAY, 90 * DAY) == 910 * DAY);
	assert_true(clock_steps_before(&steps, 1110 * DAY, 90 * DAY) == 920 * DAY);
	/* Once the window lies behind the step, the step is past. */
	assert_true(clock_steps_before(&steps, 1190 * DAY, 90 * DAY) == 1100 * DAY);
	assert_true(clock_steps_before(&steps, 1195 * DAY, 90 * DAY) == 1105 * DAY);
}

static void a_clock_that_is_put_right_takes_it_back(void **state)
{
	struct clock_steps steps = {0};

	(void)state;
	clock_steps_add(&steps, 1000 * DAY, 1100 * DAY);
	clock_steps_add(&steps, 1101 * DAY, 1001 * DAY);
	assert_int_equal(steps.count, 1);
	assert_true(clock_steps_before(&steps, 1001 * DAY, 90 * DAY) == 910 * DAY);
	clock_steps_add(&steps, 1001 * DAY, 999 * DAY);
	assert_int_equal(steps.count, 0);
}

static void the_number_of_steps_is_bounded(void **state)
{
	struct clock_steps steps = {0}, read;
	char text[CLOCK_STEPS_TEXT_MAX];

	(void)state;
	for (int64_t i = 0; i < 100; i++)
		clock_steps_add(&steps, (1000 + 10 * i) * DAY, (1005 + 10 * i) * DAY);
	assert_int_equal(steps.count, CLOCK_STEPS_MAX);
	for (size_t i = 1; i < steps.count; i++)
		assert_true(steps.steps[i].from_ns > steps.steps[i - 1].to_ns);
	clock_steps_format(&steps, text);
	clock_steps_parse(text, &read);
	assert_memory_equal(&steps, &read, sizeof(steps));
	clock_steps_prune(&steps, 2000 * DAY);
	assert_int_equal(steps.count, 0);
}

static void texts_that_are_no_list_give_none(void **state)
{
	static const char *const texts[] = {"",
					    "x",
					    "1",
					    "1-",
					    "2-1",
					    "1-2,",
					    "1-2;3-4",
					    "3-4,1-2",
					    "1-2x",
					    "-5-6",
					    "-9223372036854775808-5,10-20",
					    NULL};
	struct clock_steps steps;

	(void)state;
	for (size_t i = 0; texts[i]; i++) {
		clock_steps_parse(texts[i], &steps);
		assert_int_equal(steps.count, strcmp(texts[i], "1-2,") == 0 ? 1 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ages_leave_out_what_never_happened),
		cmocka_unit_test(a_clock_that_is_put_right_takes_it_back),
		cmocka_unit_test(the_number_of_steps_is_bounded),
		cmocka_unit_test(texts_that_are_no_list_give_none),
	};

	return cmocka_run_group_tests_name("core/clock_steps", tests, NULL, NULL);
}
