/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This very host: what dpkg itself says of every file in /usr/bin, and what the answers cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "package/index.h"
#include "package/tree.h"

#define PATHS_MAX 500000
#define ANSWERS_MAX 5000

static const struct packages_settings here = {.root = "", .proc = "/proc", .rpm = "/usr/bin/rpm"};
static char *paths[PATHS_MAX];
static size_t path_count;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static bool has_dpkg(void)
{
	if (access("/usr/bin/dpkg-query", X_OK) == 0 && access("/var/lib/dpkg/status", R_OK) == 0)
		return true;
	print_message("# skipped: no dpkg on this host\n");
	return false;
}

/* "libc6:amd64, libc6:i386" has "libc6:i386". */
static bool is_among(char *names, const char *name)
{
	char *rest = names;

	for (char *one = strtok_r(rest, ", ", &rest); one; one = strtok_r(NULL, ", ", &rest))
		if (strcmp(one, name) == 0)
			return true;
	return false;
}

/* dpkg takes patterns, and names a file only by the path that is in its list. */
static void dpkg_says_the_same_of_every_file_in_usr_bin(void **state)
{
	struct packages *packages;
	struct failure failure;
	char line[8192];
	unsigned asked = 0, wrong = 0;
	FILE *said;

	(void)state;
	if (!has_dpkg())
		skip();
	assert_int_equal(packages_open(&here, &packages, &failure), 0);
	said = popen("LC_ALL=C dpkg-query -S '/usr/bin/*' '/bin/*'", "r");
	assert_non_null(said);
	while (fgets(line, sizeof(line), said)) {
		char *path = strstr(line, ": /"), *name = path ? strrchr(path, '/') : NULL;
		struct package_answer answer;

		line[strcspn(line, "\n")] = '\0';
		if (!path || strncmp(line, "diversion ", 10) == 0 ||
		    strncmp(line, "local diversion ", 16) == 0)
			continue;
		*path = '\0';
		path += 2;
		if ((size_t)(name - path) != strlen("/usr/bin") && (size_t)(name - path) != strlen("/bin"))
			continue;
		snprintf(line + sizeof(line) / 2, sizeof(line) / 2, "/usr/bin%s", name);
		answer = tree_find(packages, line + sizeof(line) / 2);
		asked++;
		if (answer.result == PACKAGE_OWNED && is_among(line, answer.name))
			continue;
		print_error("%s: %s instead of %s\n", path, answer.name, line);
		wrong++;
	}
	assert_int_equal(pclose(said), 0);
	packages_close(packages);
	print_message("# %u files, of which dpkg-query says otherwise: %u\n", asked, wrong);
	assert_true(asked > 100);
	assert_int_equal(wrong, 0);
}

static int add_path(void *context, const char *path, size_t length)
{
	(void)context;
	if (path_count < PATHS_MAX)
		paths[path_count++] = strndup(path, length);
	return 0;
}

/* All paths of a few packages, large ones among them. */
static void gather_paths(void)
{
	struct dirent *entry;
	DIR *folder = opendir("/var/lib/dpkg/info");
	char path[512], *text;
	size_t length;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		if (!strstr(entry->d_name, ".list"))
			continue;
		snprintf(path, sizeof(path), "/var/lib/dpkg/info/%s", entry->d_name);
		text = index_read_file(path, INDEX_LIST_MAX, &length);
		if (text)
			index_each_path(text, length, add_path, NULL);
		free(text);
	}
	closedir(folder);
}

static void say_costs(const char *what, int64_t *costs, size_t count)
{
	int64_t sum = 0, most = 0;

	for (size_t i = 0; i < count; i++) {
		sum += costs[i];
		most = costs[i] > most ? costs[i] : most;
	}
	print_message("# %s: %.1f us on average of %zu, %.1f us at most\n", what,
		      (double)sum / (double)count / 1000, count, (double)most / 1000);
}

static void what_an_answer_costs(void **state)
{
	static int64_t costs[ANSWERS_MAX];
	struct packages *packages;
	struct package_answer program, script;
	struct package_figures figures;
	struct package_change changes[10];
	struct package_process self = {.pid = (uint32_t)getpid(), .exe = "/usr/bin/env", .script = ""};
	struct failure failure;
	size_t before = mallinfo2().uordblks, answers;
	uint32_t count = 0;
	int64_t from;

	(void)state;
	if (!has_dpkg())
		skip();
	assert_int_equal(packages_open(&here, &packages, &failure), 0);
	tree_find(packages, "/usr/bin/env");
	packages_figures(packages, &figures);
	print_message("# %zu packages, %zu paths: built in %.1f ms; %.2f MiB (%.2f bytes a path), malloc "
		      "says %.2f MiB\n",
		      figures.packages, figures.paths, (double)figures.build_ns / 1e6,
		      (double)figures.bytes / 1048576, (double)figures.bytes / (double)figures.paths,
		      (double)(mallinfo2().uordblks - before) / 1048576);
	gather_paths();
	answers = path_count < ANSWERS_MAX ? path_count : ANSWERS_MAX;
	for (size_t i = 0; i < answers; i++) {
		from = now_ns();
		packages_find(packages, paths[i * path_count / answers], 0, &program);
		costs[i] = now_ns() - from;
		assert_int_equal(program.result, PACKAGE_OWNED);
	}
	say_costs("a first answer, any file", costs, answers);
	answers = 0;
	for (size_t i = 0; i < path_count && answers < ANSWERS_MAX; i++) {
		if (strncmp(paths[i], "/usr/bin/", 9) != 0)
			continue;
		from = now_ns();
		packages_find(packages, paths[i], 0, &program);
		costs[answers++] = now_ns() - from;
	}
	say_costs("a first answer, /usr/bin", costs, answers);
	for (size_t i = 0; i < answers; i++) {
		from = now_ns();
		packages_find(packages, "/usr/bin/env", 0, &program);
		costs[i] = now_ns() - from;
	}
	say_costs("a later answer", costs, answers);
	for (size_t i = 0; i < answers; i++) {
		from = now_ns();
		packages_find_process(packages, &self, 0, &program, &script);
		packages_changed(packages, 0, 0, changes, 10, &count);
		costs[i] = now_ns() - from;
	}
	say_costs("all that an alert asks", costs, answers);
	print_message("# %u packages, of which the newest is %s %s\n", count, changes[0].name,
		      changes[0].version);
	assert_true(count > 0);
	assert_true(figures.bytes < 32 * figures.paths);
	packages_close(packages);
	for (size_t i = 0; i < path_count; i++)
		free(paths[i]);
}

/* A reading that finds nothing changed. */
static void what_an_upgrade_costs(void **state)
{
	struct package_index *index, *next;
	struct failure failure;
	int64_t from;

	(void)state;
	if (!has_dpkg())
		skip();
	assert_int_equal(index_build("", NULL, &index, &failure), 0);
	from = now_ns();
	assert_int_equal(index_build("", index, &next, &failure), 0);
	print_message("# read again, %" PRIu64 " lists of %zu: %.1f ms\n", next->lists_read,
		      next->owner_count, (double)(now_ns() - from) / 1e6);
	assert_true(next->lists_read < index->lists_read || index->owner_count == 0);
	index_free(index);
	index_free(next);
}

static void sh(const char *root, const char *command)
{
	char line[2048];

	snprintf(line, sizeof(line), "cd %s && { %s; } >log 2>&1 || { cat log; exit 1; }", root, command);
	assert_int_equal(system(line), 0);
}

/* A package is made, installed, upgraded and removed by dpkg itself, on a host of its own in a folder. */
static void what_dpkg_does_is_seen(void **state)
{
	static const char make[] =
		"rm -rf deb; mkdir -p deb/DEBIAN deb/bin; echo %s >deb/bin/made-up; "
		"printf 'Package: made-up\\nVersion: %s\\nArchitecture: all\\nMaintainer: x "
		"<x@example.org>\\n"
		"Description: x\\n' >deb/DEBIAN/control; dpkg-deb -b deb made-up.deb && "
		"dpkg --root=$PWD --force-not-root --force-script-chrootless --log=/dev/null -i made-up.deb";
	const char *const versions[] = {"1.0-1", "1:1.1~rc1-2", "2"};
	struct packages *packages;
	struct package_answer answer = {0};
	char command[1024];

	if (!has_dpkg())
		skip();
	if (geteuid() != 0) {
		print_message("# skipped: dpkg needs root to install into a folder\n");
		skip();
	}
	tree_text(*state, "/usr/bin/present", ""); /* else the link to it would be replaced */
	packages = tree_open(*state, "/nowhere");
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		snprintf(command, sizeof(command), make, versions[i], versions[i]);
		sh(*state, command);
		for (int j = 0; j < 800 && strcmp(answer.version, versions[i]) != 0; j++) {
			answer = tree_find(packages, "/usr/bin/made-up");
			usleep(10000);
		}
		assert_string_equal(answer.name, "made-up");
		assert_string_equal(answer.version, versions[i]);
		assert_true(answer.upgraded_ns / NS_PER_SECOND >= time(NULL) - 60);
	}
	sh(*state, "dpkg --root=$PWD --force-not-root --log=/dev/null -r made-up");
	for (int j = 0; j < 800 && answer.result == PACKAGE_OWNED; j++) {
		answer = tree_find(packages, "/usr/bin/made-up");
		usleep(10000);
	}
	assert_int_equal(answer.result, PACKAGE_UNOWNED);
	packages_close(packages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dpkg_says_the_same_of_every_file_in_usr_bin),
		cmocka_unit_test_setup_teardown(what_dpkg_does_is_seen, tree_make, tree_remove),
		cmocka_unit_test(what_an_answer_costs),
		cmocka_unit_test(what_an_upgrade_costs),
	};

	return cmocka_run_group_tests_name("package/host", tests, NULL, NULL);
}
