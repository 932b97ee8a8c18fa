/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/options.h"

#define NOW (INT64_C(1767225600) * NS_PER_SECOND) /* 2026-01-01 */
#define ARGUMENTS_MAX 16

static const struct command commands[] = {
	{"list", "", "lists", "nsualkoFAi", 0, 0, NULL},
	{"one", "NAME", "takes one", "l", 1, 1, NULL},
	{"many", "NAME...", "takes some", "", 1, -1, NULL},
	{0},
};

static struct options options;
static char message[OPTIONS_MESSAGE_MAX];
static char words[512];
static char *arguments[ARGUMENTS_MAX];

/* Reads a command line given as one text, split at blanks. */
static enum options_result read_line(const char *line)
{
	int count = 0;
	char *rest;

	memset(&options, 0, sizeof(options));
	message[0] = '\0';
	snprintf(words, sizeof(words), "firstseen %s", line);
	for (char *word = strtok_r(words, " ", &rest); word && count < ARGUMENTS_MAX - 1;
	     word = strtok_r(NULL, " ", &rest))
		arguments[count++] = word;
	arguments[count] = NULL;
	return options_read(&options, commands, count, arguments, NOW, message);
}

static void general_options_stand_on_both_sides(void **state)
{
	static const char *const lines[] = {
		"--db a.db --format json --set x.y=1 --set x.z=2 -c some.conf one --limit 3 name",
		"one name --limit 3 --db a.db --format json --set x.y=1 --set x.z=2 --config some.conf",
		"--set x.y=1 one --format json --set x.z=2 --db=a.db -csome.conf --limit=3 name",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(read_line(lines[i]), OPTIONS_RUN);
		assert_string_equal(options.command->name, "one");
		assert_string_equal(options.database, "a.db");
		assert_string_equal(options.file, "some.conf");
		assert_int_equal(options.format, OUTPUT_JSON);
		assert_int_equal(options.setting_count, 2);
		assert_string_equal(options.settings[1], "x.z=2");
		assert_int_equal(options.filter.limit, 3);
		assert_int_equal(options.argc, 1);
		assert_string_equal(options.argv[0], "name");
	}
}

static void options_of_commands_are_read(void **state)
{
	(void)state;
	assert_int_equal(read_line("list --new --since 7d --until 2026-01-01 --app /bin/x --kind new_domain "
				   "--open --limit 9"),
			 OPTIONS_RUN);
	assert_true(options.filter.fresh);
	assert_true(options.filter.open);
	assert_int_equal(options.filter.since_ns, NOW - 7 * SECONDS_PER_DAY * NS_PER_SECOND);
	assert_int_equal(options.filter.until_ns, NOW);
	assert_string_equal(options.filter.application, "/bin/x");
	assert_string_equal(options.filter.kind, "new_domain");
	assert_int_equal(options.filter.limit, 9);
	assert_int_equal(read_line("list --flows --alerts --into x.db"), OPTIONS_RUN);
	assert_true(options.flows && options.alerts);
	assert_string_equal(options.into, "x.db");
}

static void a_hyphen_and_what_follows_two_are_arguments(void **state)
{
	(void)state;
	assert_int_equal(read_line("many a - --format tsv b -- --help -x"), OPTIONS_RUN);
	assert_int_equal(options.argc, 5);
	assert_int_equal(options.format, OUTPUT_TSV);
	assert_string_equal(options.argv[1], "-");
	assert_string_equal(options.argv[3], "--help");
	assert_string_equal(options.argv[4], "-x");
}

static void help_is_given_wherever_it_is_asked_for(void **state)
{
	static const struct {
		const char *line, *command;
	} cases[] = {
		{"--help", NULL},      {"-h", NULL},           {"help", NULL},
		{"one --help", "one"}, {"one name -h", "one"}, {"help one", "one"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_line(cases[i].line), OPTIONS_HELP);
		if (cases[i].command)
			assert_string_equal(options.command->name, cases[i].command);
		else
			assert_null(options.command);
	}
	assert_int_equal(read_line("--version"), OPTIONS_VERSION);
	assert_int_equal(read_line("one --version"), OPTIONS_VERSION);
}

static void misuse_is_one_line_that_names_the_help(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{"", "a command is needed; see firstseen --help"},
		{"--db x", "a command is needed; see firstseen --help"},
		{"none", "none is not a command; see firstseen --help"},
		{"help none", "none is not a command; see firstseen --help"},
		{"--wrong list", "--wrong is not an option; see firstseen --help"},
		{"list --wrong", "--wrong is not an option; see firstseen list --help"},
		{"list -x", "-x is not an option; see firstseen list --help"},
		{"list -hx", NULL}, /* the help comes first */
		{"list -xh", "-x is not an option; see firstseen list --help"},
		{"one --open x", "--open is not an option; see firstseen one --help"},
		{"list --new=1", "--new takes no value; see firstseen list --help"},
		{"list --since", "--since lacks its value; see firstseen list --help"},
		{"list -c", "-c lacks its value; see firstseen list --help"},
		{"list --limit 0", "--limit 0: not a number from 1 on; see firstseen list --help"},
		{"list --limit -1", "--limit -1: not a number from 1 on; see firstseen list --help"},
		{"list --limit 1x", "--limit 1x: not a number from 1 on; see firstseen list --help"},
		{"list --limit 9223372036854775808",
		 "--limit 9223372036854775808: not a number from 1 on; see firstseen list --help"},
		{"list --kind x", "--kind x: no alert is of that kind; see firstseen list --help"},
		{"list --format xml", "--format xml: not table, json or tsv; see firstseen list --help"},
		{"list --since 1d --until 2d", "--since lies behind --until; see firstseen list --help"},
		{"list x", "unexpected argument x; see firstseen list --help"},
		{"one", "one needs NAME; see firstseen one --help"},
		{"one a b", "unexpected argument b; see firstseen one --help"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_line(cases[i].line), cases[i].message ? OPTIONS_MISUSE : OPTIONS_HELP);
		assert_string_equal(message, cases[i].message ? cases[i].message : "");
	}
	assert_int_equal(read_line("list --since yesterday"), OPTIONS_MISUSE);
	assert_non_null(strstr(message, "--since yesterday: not a time"));
}

static void more_settings_than_fit_are_refused(void **state)
{
	char *line[2 * (OPTIONS_SETTINGS_MAX + 1) + 3];
	char program[] = "firstseen", set[] = "--set", setting[] = "a.b=c", list[] = "list";
	int count = 0;

	(void)state;
	memset(&options, 0, sizeof(options));
	line[count++] = program;
	for (int i = 0; i < OPTIONS_SETTINGS_MAX; i++) {
		line[count++] = set;
		line[count++] = setting;
	}
	line[count] = list;
	line[count + 1] = NULL;
	assert_int_equal(options_read(&options, commands, count + 1, line, NOW, message), OPTIONS_RUN);
	memset(&options, 0, sizeof(options));
	line[count++] = set;
	line[count++] = setting;
	line[count++] = list;
	assert_int_equal(options_read(&options, commands, count, line, NOW, message), OPTIONS_MISUSE);
}

static void settings_are_told_apart_by_their_whole_name(void **state)
{
	(void)state;
	assert_int_equal(read_line("list --set detect.learning_more=1 --set detect.learn=2"), OPTIONS_RUN);
	assert_false(options_set(&options, "detect.learning"));
	assert_int_equal(read_line("list --set detect.learning=0s"), OPTIONS_RUN);
	assert_true(options_set(&options, "detect.learning"));
}

static void the_help_names_every_option_of_a_command(void **state)
{
	static const char *const wanted[] = {"list", "--new ", "--since T", "--into DB", "--format FORMAT"};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	options_command_usage(out, &commands[0]);
	fclose(out);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_non_null(strstr(text, wanted[i]));
	free(text);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	options_command_usage(out, &commands[2]);
	fclose(out);
	assert_null(strstr(text, "--since"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(general_options_stand_on_both_sides),
		cmocka_unit_test(options_of_commands_are_read),
		cmocka_unit_test(a_hyphen_and_what_follows_two_are_arguments),
		cmocka_unit_test(help_is_given_wherever_it_is_asked_for),
		cmocka_unit_test(misuse_is_one_line_that_names_the_help),
		cmocka_unit_test(more_settings_than_fit_are_refused),
		cmocka_unit_test(settings_are_told_apart_by_their_whole_name),
		cmocka_unit_test(the_help_names_every_option_of_a_command),
	};

	return cmocka_run_group_tests_name("cli/options", tests, NULL, NULL);
}
