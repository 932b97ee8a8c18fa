/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* packaging/firstseen.conf says what the defaults are. The tests are run at the top of the sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "config/config.h"

#define SAMPLE "packaging/firstseen.conf"

static struct config config, defaults;

static size_t read_sample(char *text, size_t size)
{
	FILE *file = fopen(SAMPLE, "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, size - 1, file);
	assert_true(length > 0 && length < size - 1);
	fclose(file);
	text[length] = '\0';
	return length;
}

/* "#key=value" is a default; "# words" is for people. */
static size_t uncomment(char *text)
{
	size_t keys = 0;

	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z') {
			line[0] = ' ';
			keys++;
		}
	}
	return keys;
}

static void as_it_comes_it_changes_nothing(void **state)
{
	struct failure failure = {{0}};

	(void)state;
	config_defaults(&defaults);
	config_defaults(&config);
	assert_int_equal(config_read_file(&config, SAMPLE, &failure), 0);
	assert_memory_equal(&config, &defaults, sizeof(config));
}

static void what_it_calls_defaults_are_the_defaults(void **state)
{
	struct failure failure = {{0}};
	static char text[65536];

	(void)state;
	read_sample(text, sizeof(text));
	assert_true(uncomment(text) > 20);
	config_defaults(&defaults);
	config_defaults(&config);
	if (config_read_text(&config, SAMPLE, text, &failure))
		fail_msg("%s", failure.text);
	assert_memory_equal(&config, &defaults, sizeof(config));
	assert_int_equal(config_validate(&config, &failure), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_it_comes_it_changes_nothing),
		cmocka_unit_test(what_it_calls_defaults_are_the_defaults),
	};

	return cmocka_run_group_tests_name("config/sample", tests, NULL, NULL);
}
