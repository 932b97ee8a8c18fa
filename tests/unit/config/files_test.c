/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scratch.h"
#include "config/config.h"

static struct config config, before;
static char main_file[80];

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(scratch_path(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	if (scratch_make(state))
		return -1;
	snprintf(main_file, sizeof(main_file), "%s", scratch_path("f.conf"));
	config_defaults(&config);
	before = config;
	return mkdir(scratch_path("f.conf.d"), 0755);
}

static void refused(int error, const char *message)
{
	struct failure failure = {{0}};
	size_t length = strlen(scratch_path(""));

	assert_int_equal(config_read(&config, main_file, &failure), error);
	if (strncmp(failure.text, scratch_path(""), length) == 0)
		assert_string_equal(failure.text + length, message);
	else
		assert_string_equal(failure.text, message);
	assert_memory_equal(&config, &before, sizeof(config));
}

static void drop_ins_follow_by_name_and_the_last_one_wins(void **state)
{
	struct failure failure = {{0}};

	(void)state;
	write_file("f.conf", "[detect]\nwindow=10d\nlearning=1h\nscope=both\n[allow main]\nport=1\n");
	write_file("f.conf.d/20-b.conf", "[detect]\nwindow=30d\n[allow b]\nport=2\n");
	write_file("f.conf.d/10-a.conf", "[detect]\nwindow=20d\nlearning=2h\n");
	/* These are not read. */
	write_file("f.conf.d/30-c.conf.dpkg-old", "[detect]\nwindow=40d\n");
	write_file("f.conf.d/.40-d.conf", "[detect]\nwindow=50d\n");
	write_file("f.conf.d/conf", "nonsense\n");
	write_file("f.conf.d/.conf", "nonsense\n");
	assert_int_equal(config_read(&config, main_file, &failure), 0);
	assert_int_equal(config.window_seconds, 30 * 86400);
	assert_int_equal(config.learning_seconds, 2 * 3600);
	assert_int_equal(config.scope, SCOPE_BOTH);
	assert_int_equal(config.allow_count, 2);
	assert_string_equal(config.allow[1].name, "b");
}

static void upper_case_comes_first_in_every_language(void **state)
{
	struct failure failure = {{0}};

	(void)state;
	write_file("f.conf", "");
	write_file("f.conf.d/a.conf", "[detect]\nwindow=20d\n");
	write_file("f.conf.d/B.conf", "[detect]\nwindow=30d\n");
	assert_int_equal(config_read(&config, main_file, &failure), 0);
	assert_int_equal(config.window_seconds, 20 * 86400);
}

static void mistakes_name_the_drop_in_and_nothing_is_taken(void **state)
{
	(void)state;
	write_file("f.conf", "[detect]\nwindow=10d\n");
	write_file("f.conf.d/10-a.conf", "[detect]\nlearning=1h\n");
	write_file("f.conf.d/20-b.conf", "[detect]\n\nlearning=soon\n");
	refused(-EINVAL, "/f.conf.d/20-b.conf:3: learning: \"soon\" is not a span like 90d, 24h or 1h30m");
}

static void a_rule_stands_in_one_file(void **state)
{
	(void)state;
	write_file("f.conf", "");
	write_file("f.conf.d/10-a.conf", "[allow backup]\nport=1\n[allow other]\nport=2\n");
	write_file("f.conf.d/20-b.conf", "[allow more]\nport=3\n[allow backup]\ndomain=example.com\n");
	refused(-EINVAL, "/f.conf.d/20-b.conf:4: [allow backup] is in a file that was read before this one, "
			 "too; a rule "
			 "stands in one file");
}

static void what_can_not_be_read_is_told(void **state)
{
	char path[128], message[200];

	(void)state;
	write_file("f.conf", "");
	snprintf(path, sizeof(path), "%s", scratch_path("f.conf.d/a.conf"));
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(message, sizeof(message), "can not read the configuration %s: Is a directory", path);
	refused(-EISDIR, message);
}

/* Drop-ins that can not be listed are not taken for none. */
static void a_folder_that_can_not_be_read_is_told(void **state)
{
	char message[200], long_path[PATH_MAX];
	struct failure failure = {{0}};

	(void)state;
	write_file("f.conf", "");
	assert_int_equal(rmdir(scratch_path("f.conf.d")), 0);
	assert_int_equal(symlink("f.conf.d", scratch_path("f.conf.d")), 0); /* to itself */
	snprintf(message, sizeof(message),
		 "can not read the configuration's folder %s: Too many levels of symbolic links",
		 scratch_path("f.conf.d"));
	refused(-ELOOP, message);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(config_read(&config, long_path, &failure), -ENAMETOOLONG);
	assert_string_equal(failure.text, "the configuration's path is too long");
	assert_memory_equal(&config, &before, sizeof(config));
}

/* The default is none that was named: it may be missing, with the folder beside it. */
static void without_a_name_the_default_is_read_where_there_is_one(void **state)
{
	struct failure failure = {{0}};

	(void)state;
	if (access(CONFIG_DEFAULT_PATH, F_OK) == 0 || access(CONFIG_DEFAULT_FOLDER, F_OK) == 0) {
		print_message("# this host has a " CONFIG_DEFAULT_PATH " of its own\n");
		skip();
	}
	assert_int_equal(config_read(&config, NULL, &failure), 0);
	assert_memory_equal(&config, &before, sizeof(config));
	assert_int_equal(config_read(&config, CONFIG_DEFAULT_PATH, &failure), -ENOENT);
}

static void a_file_that_is_named_has_to_be_there(void **state)
{
	struct failure failure = {{0}};
	char message[200];

	(void)state;
	snprintf(message, sizeof(message), "can not read the configuration %s: No such file or directory",
		 main_file);
	refused(-ENOENT, message);
	/* Without a folder beside it. */
	assert_int_equal(config_read(&config, "/dev/null", &failure), 0);
	assert_memory_equal(&config, &before, sizeof(config));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(drop_ins_follow_by_name_and_the_last_one_wins, set_up,
						scratch_remove),
		cmocka_unit_test_setup_teardown(upper_case_comes_first_in_every_language, set_up,
						scratch_remove),
		cmocka_unit_test_setup_teardown(mistakes_name_the_drop_in_and_nothing_is_taken, set_up,
						scratch_remove),
		cmocka_unit_test_setup_teardown(a_rule_stands_in_one_file, set_up, scratch_remove),
		cmocka_unit_test_setup_teardown(what_can_not_be_read_is_told, set_up, scratch_remove),
		cmocka_unit_test_setup_teardown(a_folder_that_can_not_be_read_is_told, set_up,
						scratch_remove),
		cmocka_unit_test_setup_teardown(without_a_name_the_default_is_read_where_there_is_one, set_up,
						scratch_remove),
		cmocka_unit_test_setup_teardown(a_file_that_is_named_has_to_be_there, set_up, scratch_remove),
	};

	return cmocka_run_group_tests_name("config/files", tests, NULL, NULL);
}
