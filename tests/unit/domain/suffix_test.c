// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lists of public suffixes that are none, and hosts that have none. What is asked of libpsl is told here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scratch.h"
#include "domain/suffix.h"

const psl_ctx_t *__real_psl_builtin(void);
const psl_ctx_t *__wrap_psl_builtin(void);
time_t __wrap_psl_builtin_file_time(void);
const char *__wrap_psl_dist_filename(void);

static const char mine[] = "// ===BEGIN ICANN DOMAINS===\nmine\nco.mine\n// ===END ICANN DOMAINS===\n";
static const char *host_list; /* where the host has one */
static bool has_builtin;
static time_t builtin_time;

const psl_ctx_t *__wrap_psl_builtin(void)
{
	return has_builtin ? __real_psl_builtin() : NULL;
}

time_t __wrap_psl_builtin_file_time(void)
{
	return builtin_time;
}

const char *__wrap_psl_dist_filename(void)
{
	return host_list;
}

static const char *write_list(const char *name, const char *text)
{
	const char *path = scratch_path(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static int set_up(void **state)
{
	host_list = NULL;
	has_builtin = true;
	builtin_time = 1;
	return scratch_make(state);
}

static void refused(const char *path, int error, const char *word)
{
	struct suffix_list *list = NULL;
	struct failure failure = {{0}};

	assert_int_equal(suffix_list_load(path, &list, &failure), error);
	assert_null(list);
	assert_non_null(strstr(failure.text, word));
	if (path)
		assert_non_null(strstr(failure.text, path));
}

static struct suffix_list *loaded(const char *path)
{
	struct suffix_list *list = NULL;
	struct failure failure = {{0}};

	if (suffix_list_load(path, &list, &failure))
		fail_msg("%s", failure.text);
	return list;
}

static void a_list_that_is_named_is_what_counts(void **state)
{
	struct suffix_list *list = loaded(write_list("list", mine)), *other;

	(void)state;
	assert_true(suffix_list_has(list, "co.mine", false));
	assert_false(suffix_list_has(list, "x.mine", false));
	assert_false(suffix_list_has(list, "co.uk", false));
	/* The same content has the same identity, wherever it is, and another one has not. */
	other = loaded(write_list("again", mine));
	assert_string_equal(suffix_list_identity(list), suffix_list_identity(other));
	suffix_list_free(other);
	other = loaded(write_list("other", "mine\n"));
	assert_string_not_equal(suffix_list_identity(list), suffix_list_identity(other));
	suffix_list_free(other);
	suffix_list_free(list);
	suffix_list_free(NULL);
}

/* In its place no other one is taken: the operator would not know. */
static void a_list_that_is_named_and_can_not_be_had_is_told(void **state)
{
	const char *large = scratch_path("large"), *fifo = scratch_path("fifo");
	struct rlimit before, none;
	FILE *file;

	(void)state;
	refused(scratch_path("nowhere"), -ENOENT, "No such file");
	refused(scratch_path(""), -EINVAL, "give a regular file");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refused(fifo, -EINVAL, "give a regular file"); /* nor is it waited for */
	file = fopen(large, "w");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), (16 << 20) + 1), 0);
	fclose(file);
	refused(large, -EINVAL, "at most 16 MiB");
	refused("/proc/self/mem", -EIO, "can not be read"); /* its first page is no memory of ours */
	refused(write_list("empty", ""), -EINVAL, "holds no rules");
	refused(write_list("comments", "// nothing\n\n"), -EINVAL, "holds no rules");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	refused(scratch_path("empty"), -EMFILE, "Too many open files");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static bool is_builtin(void)
{
	struct suffix_list *list = loaded(NULL);
	bool builtin = strncmp(suffix_list_identity(list), "builtin-", 8) == 0;

	assert_int_equal(suffix_list_has(list, "co.uk", false), builtin);
	assert_int_equal(suffix_list_has(list, "co.mine", false), !builtin);
	suffix_list_free(list);
	return builtin;
}

static void of_the_hosts_list_and_the_builtin_one_the_newer_counts(void **state)
{
	struct stat status;

	(void)state;
	assert_true(is_builtin());
	host_list = "";
	assert_true(is_builtin());
	host_list = write_list("host", mine);
	assert_false(is_builtin());
	assert_int_equal(stat(host_list, &status), 0);
	builtin_time = status.st_mtime;
	assert_true(is_builtin());
	has_builtin = false; /* then an old one is better than none */
	assert_false(is_builtin());
}

static void a_damaged_list_of_the_host_does_not_stop_the_daemon(void **state)
{
	(void)state;
	host_list = write_list("host", "");
	assert_true(is_builtin());
	host_list = scratch_path("gone");
	assert_true(is_builtin());
	has_builtin = false;
	refused(NULL, -ENOENT, "install the package publicsuffix");
	host_list = write_list("host", "");
	refused(NULL, -ENOENT, "install the package publicsuffix");
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, scratch_remove)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_list_that_is_named_is_what_counts),
		IN_FOLDER(a_list_that_is_named_and_can_not_be_had_is_told),
		IN_FOLDER(of_the_hosts_list_and_the_builtin_one_the_newer_counts),
		IN_FOLDER(a_damaged_list_of_the_host_does_not_stop_the_daemon),
	};

	return cmocka_run_group_tests_name("domain/suffix", tests, NULL, NULL);
}
