/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is wrong with a scenario is told with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/source.h"

static int on_record(void *context, const void *record, size_t size)
{
	(void)context;
	(void)record;
	(void)size;
	return 0;
}

static void mistakes_are_told_with_their_line(void **state)
{
	static const char *const texts[] = {
		"process x pid=1\nresolve x a.example via=b..c -> 203.0.113.1\n",
		"process x pid=1\nresolve x a..b\n",
		"process x pid=1\nconnect x 203.0.113.1\n",
		"\nnothing\n",
		"\nat 2226-01-01T00:00:00Z\n",
		"\nat 1960-01-01T00:00:00Z\n",
		"\nat 1h\n",
		"at 2200-01-01T00:00:00Z\nafter 10000d\n",
		"at 2200-01-01T00:00:00Z\nafter 105000d\n",
		"\nrepeat 9 every=40000d {\n}\n",
		"\nrepeat 2 {\n",
	};
	struct source_sink sink = {.record = on_record};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char path[] = "/tmp/firstseen-scenario-XXXXXX";
		struct source_counts counts = {0};
		struct failure failure = {{0}};
		int file = mkstemp(path);

		assert_true(file >= 0);
		assert_int_equal(write(file, texts[i], strlen(texts[i])), strlen(texts[i]));
		close(file);
		assert_int_equal(source_scenario(path, &sink, &counts, &failure), -EINVAL);
		if (!strstr(failure.text, ":2: "))
			fail_msg("%s: told as \"%s\"", texts[i], failure.text);
		unlink(path);
	}
}

static void messages_too_long_to_be_built_are_told(void **state)
{
	char path[] = "/tmp/firstseen-scenario-XXXXXX", text[4000], *at = text;
	struct source_sink sink = {.record = on_record};
	struct source_counts counts = {0};
	struct failure failure = {{0}};
	int file = mkstemp(path);

	(void)state;
	assert_true(file >= 0);
	at += sprintf(at, "process x pid=1\nresolve x a.example -> ");
	for (int i = 0; i < 64; i++)
		at += sprintf(at, "%s2001:db8::%d", i ? "," : "", i);
	at += sprintf(at, " via=");
	for (int i = 0; i < 7; i++) {
		at += sprintf(at, "%s%d", i ? "," : "", i);
		for (int j = 0; j < 4; j++)
			at += sprintf(at, "%060d%s", j, j < 3 ? "." : "");
	}
	assert_int_equal(write(file, text, (size_t)(at - text)), at - text);
	close(file);
	if (source_scenario(path, &sink, &counts, &failure))
		assert_true(failure.text[0]);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told_with_their_line),
		cmocka_unit_test(messages_too_long_to_be_built_are_told),
	};

	return cmocka_run_group_tests_name("source/scenario", tests, NULL, NULL);
}
