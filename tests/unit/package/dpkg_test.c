/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What dpkg's files say, on made-up hosts: every odd thing that is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "package/index.h"
#include "package/tree.h"

#define T INT64_C(1767225600)
#define INFO "/var/lib/dpkg/info/"
#define STATUS "/var/lib/dpkg/status"
#define DIVERSIONS "/var/lib/dpkg/diversions"

static void paths_of_a_merged_usr_are_one(void **state)
{
	struct packages *packages;
	struct package_answer answer;

	tree_list(*state, "coreutils", T, "/.\n/bin\n/bin/ls\n/usr\n/usr/bin\n/usr/bin/sort\n");
	tree_text(
		*state, STATUS,
		"Package: coreutils\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9.1-1\n\n");
	packages = tree_open(*state, "/nowhere");
	for (const char *const *path =
		     (const char *const[]){"/bin/ls", "/usr/bin/ls", "/usr/bin/sort", "/bin/sort", NULL};
	     *path; path++)
		tree_owned(packages, *path, "coreutils");
	answer = tree_find(packages, "/usr/bin/ls");
	assert_string_equal(answer.version, "9.1-1");
	assert_int_equal(answer.upgraded_ns, T * NS_PER_SECOND);
	tree_owned(packages, "/usr/binls", NULL);
	tree_owned(packages, "/usr/usr/bin/ls", NULL);
	packages_close(packages);
}

static void paths_of_a_split_usr_are_two(void **state)
{
	struct packages *packages;

	unlink(tree_path(*state, "/bin"));
	mkdir(tree_path(*state, "/bin"), 0755);
	tree_list(*state, "coreutils", T, "/.\n/bin\n/bin/ls\n");
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, "/bin/ls", "coreutils");
	tree_owned(packages, "/usr/bin/ls", NULL);
	packages_close(packages);
}

static void architectures_have_lists_and_versions_of_their_own(void **state)
{
	struct packages *packages;

	tree_list(*state, "libc6:amd64", T,
		  "/lib/x86_64-linux-gnu/libc.so.6\n/usr/share/doc/libc6/copyright\n");
	tree_list(*state, "libc6:i386", T - 9,
		  "/lib/i386-linux-gnu/libc.so.6\n/usr/share/doc/libc6/copyright\n");
	tree_text(*state, STATUS,
		  "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-8\n\n"
		  "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\n"
		  "Version: 2.36-9\n\n");
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, "/usr/lib/x86_64-linux-gnu/libc.so.6", "libc6:amd64");
	tree_owned(packages, "/lib/i386-linux-gnu/libc.so.6", "libc6:i386");
	assert_string_equal(tree_find(packages, "/lib/i386-linux-gnu/libc.so.6").version, "2.36-8");
	assert_string_equal(tree_find(packages, "/lib/x86_64-linux-gnu/libc.so.6").version, "2.36-9");
	packages_close(packages);
}

static void a_diverted_file_belongs_to_who_diverted_it(void **state)
{
	struct packages *packages;

	tree_list(*state, "bash", T, "/bin/bash\n/bin/sh\n");
	tree_list(*state, "dash:amd64", T, "/bin/dash\n/bin/sh\n");
	tree_list(*state, "nginx", T, "/usr/sbin/nginx\n");
	tree_text(*state, DIVERSIONS,
		  "/bin/sh\n/bin/sh.distrib\ndash\n/usr/sbin/nginx\n/usr/sbin/nginx.real\n:\n/cut/short\n");
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, "/usr/bin/sh", "dash:amd64");
	tree_owned(packages, "/usr/bin/sh.distrib", "bash");
	tree_owned(packages, "/usr/sbin/nginx", NULL); /* what the administrator put there */
	tree_owned(packages, "/usr/sbin/nginx.real", "nginx");
	packages_close(packages);
}

static void links_lead_to_the_owner_inside_of_the_tree(void **state)
{
	struct packages *packages;

	tree_list(*state, "nano", T, "/bin/nano\n");
	tree_text(*state, "/usr/bin/nano", "");
	tree_link(*state, "/etc/alternatives/editor", "/bin/nano");
	tree_link(*state, "/usr/bin/editor", "/etc/alternatives/editor");
	tree_link(*state, "/usr/bin/loop", "/usr/bin/loop");
	tree_link(*state, "/usr/bin/out", "../../../../../../usr/bin/nano");
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, "/usr/bin/editor", "nano");
	tree_owned(packages, "/usr/bin/out", "nano");
	tree_owned(packages, "/usr/bin/loop", NULL);
	tree_owned(packages, "/opt/own/program", NULL);
	assert_int_equal(tree_find(packages, "relative").result, PACKAGE_NO_PATH);
	assert_int_equal(tree_find(packages, "").result, PACKAGE_NO_PATH);
	packages_close(packages);
}

static void a_damaged_status_costs_versions_and_nothing_else(void **state)
{
	static const char *const damaged[] = {
		"",
		"Package: tool\nVersion",
		"Version: 1\n\nPackage:\nStatus: install ok installed\n\n",
		"Package: tool\nVersion: \x01\x02\n",
		"Package: tool\nVersion: 1 2\n",
		"\n\n\n:\n: :\n \n\t\nPackage: tool",
		"Package: other\nStatus: install ok installed\nVersion: 1\n",
	};
	char garbage[5000], longest[5000];

	tree_list(*state, "tool", T, "/usr/bin/tool\n");
	srand(1);
	for (size_t i = 0; i < 40 + sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct packages *packages;
		struct package_answer answer;

		for (size_t j = 0; j < sizeof(garbage); j++)
			garbage[j] = rand() % 5 ? (char)rand() : '\n';
		if (i < sizeof(damaged) / sizeof(damaged[0]))
			tree_text(*state, STATUS, damaged[i]);
		else
			tree_write(*state, STATUS, garbage, sizeof(garbage));
		packages = tree_open(*state, "/nowhere");
		answer = tree_find(packages, "/usr/bin/tool");
		assert_int_equal(answer.result, PACKAGE_OWNED);
		assert_string_equal(answer.name, "tool");
		assert_string_equal(answer.version, "");
		packages_close(packages);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "Package: tool\nVersion: ", 23);
	longest[sizeof(longest) - 1] = '\0';
	tree_text(*state, STATUS, longest);
	{
		struct packages *packages = tree_open(*state, "/nowhere");

		assert_string_equal(tree_find(packages, "/usr/bin/tool").version, "");
		packages_close(packages);
	}
	unlink(tree_path(*state, STATUS));
	{
		struct packages *packages = tree_open(*state, "/nowhere");

		tree_owned(packages, "/usr/bin/tool", "tool");
		packages_close(packages);
	}
}

static void what_dpkg_has_done_but_not_yet_summed_up_counts(void **state)
{
	struct packages *packages;

	tree_list(*state, "tool", T, "/usr/bin/tool\n");
	tree_text(*state, STATUS, "Package: tool\nStatus: install ok installed\nVersion: 1\n");
	tree_text(*state, "/var/lib/dpkg/updates/0001",
		  "Package: tool\nStatus: install ok unpacked\nVersion: 2\n");
	tree_text(*state, "/var/lib/dpkg/updates/tmp.i", "Package: tool\nVersion: 3\n");
	packages = tree_open(*state, "/nowhere");
	assert_string_equal(tree_find(packages, "/usr/bin/tool").version, "2");
	packages_close(packages);
}

static void a_list_of_a_megabyte_without_a_last_newline(void **state)
{
	size_t size = 1200000, length = 0;
	char *text = malloc(size);
	struct packages *packages;
	struct package_figures figures;
	unsigned lines = 0;

	assert_non_null(text);
	while (length < 1024 * 1024)
		length += (size_t)snprintf(text + length, size - length, "/usr/lib/large/file-%u\n", lines++);
	text[length - 1] = '\0';
	tree_list(*state, "large", T, text);
	tree_list(*state, "small", T, "/usr/bin/only");
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, "/usr/lib/large/file-0", "large");
	snprintf(text, size, "/usr/lib/large/file-%u", lines - 1);
	tree_owned(packages, text, "large");
	snprintf(text, size, "/lib/large/file-%u", lines - 1);
	tree_owned(packages, text, "large");
	snprintf(text, size, "/usr/lib/large/file-%u", lines);
	tree_owned(packages, text, NULL);
	tree_owned(packages, "/usr/bin/only", "small");
	packages_figures(packages, &figures);
	assert_int_equal(figures.paths, lines + 1);
	assert_true(figures.bytes < figures.paths * 9 + 4096);
	packages_close(packages);
	free(text);
}

static void damaged_lists_are_passed_over(void **state)
{
	static const char bytes[] =
		"\n\nrelative/x\n/usr/bin/with\0nul\n/\n/usr/bin/whole\n\xff\xfe\n/usr/bin/last";
	struct packages *packages;

	tree_write(*state, INFO "tool.list", bytes, sizeof(bytes) - 1);
	tree_text(*state, INFO ".list", "/usr/bin/nobody\n");
	tree_text(*state, INFO "tool.md5sums", "/usr/bin/not-a-list\n");
	mkdir(tree_path(*state, INFO "folder.list"), 0755);
	tree_link(*state, INFO "gone.list", "/nowhere");
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, "/usr/bin/whole", "tool");
	tree_owned(packages, "/usr/bin/last", "tool");
	tree_owned(packages, "/usr/bin/with", NULL);
	tree_owned(packages, "/usr/bin/nobody", NULL);
	tree_owned(packages, "/usr/bin/not-a-list", NULL);
	packages_close(packages);
}

static void what_is_left_of_a_removed_package_gives_way(void **state)
{
	struct packages *packages;
	struct package_change changes[4];
	uint32_t count;

	tree_list(*state, "a-old", T, "/etc/tool.sh\n/etc/old.sh\n");
	tree_list(*state, "b-new", T - 5, "/etc/tool.sh\n");
	tree_text(*state, STATUS,
		  "Package: a-old\nStatus: deinstall ok config-files\nVersion: 1\n\n"
		  "Package: b-new\nStatus: install ok installed\nVersion: 2\n");
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, "/etc/tool.sh", "b-new");
	tree_owned(packages, "/etc/old.sh", "a-old");
	assert_int_equal(packages_changed(packages, 0, 0, changes, 4, &count), 1);
	assert_string_equal(changes[0].name, "b-new");
	packages_close(packages);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *first = a, *second = b;

	return *first < *second ? -1 : *first > *second;
}

/* Two paths whose hashes have the same upper half: 32 bits and 300,000 tries make ten pairs. */
static void find_collision(char first[static 64], char second[static 64])
{
	enum { TRIES = 300000 };
	uint64_t *hashes = calloc(TRIES, sizeof(*hashes)), wanted = 0;

	assert_non_null(hashes);
	for (unsigned i = 0; i < TRIES; i++) {
		snprintf(first, 64, "/usr/bin/tool-%u", i);
		hashes[i] = hash_bytes(0, first, strlen(first)) >> 32;
	}
	qsort(hashes, TRIES, sizeof(*hashes), compare);
	for (unsigned i = 1; i < TRIES && !wanted; i++)
		wanted = hashes[i] == hashes[i - 1] ? hashes[i] : 0;
	free(hashes);
	assert_true(wanted != 0);
	first[0] = '\0';
	for (unsigned i = 0;; i++) {
		snprintf(second, 64, "/usr/bin/tool-%u", i);
		if (hash_bytes(0, second, strlen(second)) >> 32 != wanted)
			continue;
		if (first[0])
			return;
		strcpy(first, second);
	}
}

static void paths_of_one_hash_are_told_apart(void **state)
{
	char first[64], second[64];
	struct packages *packages;

	find_collision(first, second);
	tree_list(*state, "one", T, first);
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, first, "one");
	tree_owned(packages, second, NULL);
	packages_close(packages);
	tree_list(*state, "two", T, second);
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, first, "one");
	tree_owned(packages, second, "two");
	packages_close(packages);
}

static void the_newest_changes_come_first(void **state)
{
	struct package_change changes[10];
	struct packages *packages;
	char name[16], path[32];
	uint32_t count;

	for (int i = 0; i < 25; i++) {
		snprintf(name, sizeof(name), "p%02d", i);
		snprintf(path, sizeof(path), "/usr/bin/p%02d\n", i);
		tree_list(*state, name, T + (i * 7) % 25, path);
	}
	tree_text(*state, STATUS, "Package: p07\nStatus: install ok installed\nVersion: 7.7\n");
	packages = tree_open(*state, "/nowhere");
	tree_owned(packages, "/usr/bin/p07", "p07");
	assert_int_equal(packages_changed(packages, (T + 5) * NS_PER_SECOND, 0, changes, 10, &count), 10);
	assert_int_equal(count, 20);
	for (int i = 0; i < 10; i++)
		assert_int_equal(changes[i].time_ns, (T + 24 - i) * NS_PER_SECOND);
	assert_string_equal(changes[0].name, "p07"); /* 49 = 25 + 24 */
	assert_string_equal(changes[0].version, "7.7");
	assert_string_equal(changes[1].version, "");
	assert_int_equal(packages_changed(packages, (T + 24) * NS_PER_SECOND, 0, changes, 10, &count), 1);
	assert_int_equal(packages_changed(packages, (T + 25) * NS_PER_SECOND, 0, changes, 10, &count), 0);
	assert_int_equal(count, 0);
	packages_close(packages);
}

static void wait_for_version(struct packages *packages, const char *path, const char *version)
{
	struct package_answer answer = {0};

	for (int i = 0; i < 800; i++) {
		answer = tree_find(packages, path);
		if (strcmp(answer.version, version) == 0)
			return;
		usleep(10000);
	}
	fail_msg("%s: \"%s\" instead of \"%s\"", path, answer.version, version);
}

static void an_upgrade_is_seen_and_only_its_list_is_read(void **state)
{
	struct packages *packages;
	struct package_figures figures;
	struct package_change changes[10];
	char name[16], path[64];
	uint32_t count;

	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "p%02d", i);
		snprintf(path, sizeof(path), "/usr\n/usr/bin\n/usr/bin/p%02d\n", i);
		tree_list(*state, name, T, path);
	}
	tree_text(*state, STATUS, "Package: p07\nStatus: install ok installed\nVersion: 1\n");
	usleep(150000); /* a tree that has just been made is read twice */
	packages = tree_open(*state, "/nowhere");
	wait_for_version(packages, "/usr/bin/p07", "1");
	packages_figures(packages, &figures);
	assert_int_equal(figures.lists_read, 50);
	usleep(200000);
	tree_list(*state, "p07", T + 60, "/usr\n/usr/bin\n/usr/bin/p07\n/usr/bin/p07-more\n");
	tree_text(*state, STATUS, "Package: p07\nStatus: install ok installed\nVersion: 2\n");
	wait_for_version(packages, "/usr/bin/p07", "2");
	tree_owned(packages, "/usr/bin/p07-more", "p07");
	tree_owned(packages, "/usr/bin/p08", "p08");
	assert_int_equal(tree_find(packages, "/usr/bin/p07").upgraded_ns, (T + 60) * NS_PER_SECOND);
	assert_int_equal(packages_changed(packages, (T + 1) * NS_PER_SECOND, 0, changes, 10, &count), 1);
	packages_figures(packages, &figures);
	assert_true(figures.lists_read <= 1 && figures.refreshes >= 2);
	packages_close(packages);
}

/* What was made piece by piece is what would be made at once. */
static void an_index_brought_up_to_date_is_a_new_one(void **state)
{
	struct package_index *index = NULL, *next, *whole;
	struct failure failure;
	char name[16], text[200];

	srand(7);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 5; i++) {
			int number = rand() % 30;

			snprintf(name, sizeof(name), "p%02d", number);
			snprintf(text, sizeof(text), "/usr/bin/a%d\n/lib/b%d\n/usr/share/c%d/x%d",
				 rand() % 50, number, number, rand() % 9);
			tree_list(*state, name, T + round, text);
		}
		snprintf(text, sizeof(text), INFO "p%02d.list", rand() % 30);
		unlink(tree_path(*state, text));
		assert_int_equal(index_build(*state, index, &next, &failure), 0);
		assert_int_equal(index_build(*state, NULL, &whole, &failure), 0);
		assert_true(next->lists_read <= 5 || round == 0);
		assert_int_equal(next->owner_count, whole->owner_count);
		assert_int_equal(next->entry_count, whole->entry_count);
		for (size_t i = 0; i + 1 < next->entry_count; i++)
			assert_true(next->entries[i] >> 32 <= next->entries[i + 1] >> 32);
		qsort(next->entries, next->entry_count, sizeof(uint64_t), compare);
		assert_memory_equal(next->entries, whole->entries, whole->entry_count * sizeof(uint64_t));
		index_free(whole);
		index_free(index);
		index = next;
	}
	index_free(index);
}

static void without_a_database_it_says_so_until_there_is_one(void **state)
{
	struct packages *packages;
	struct package_change change;
	uint32_t count;

	assert_int_equal(rename(tree_path(*state, "/var/lib/dpkg"), tree_path(*state, "/var/lib/away")), 0);
	packages = tree_open(*state, "/nowhere");
	assert_int_equal(tree_find(packages, "/usr/bin/tool").result, PACKAGE_NO_DATABASE);
	assert_int_equal(packages_changed(packages, 0, 0, &change, 1, &count), -ENOENT);
	tree_list(*state, "tool", T, "/usr/bin/tool\n");
	for (int i = 0; i < 500 && tree_find(packages, "/usr/bin/tool").result != PACKAGE_OWNED; i++)
		usleep(10000);
	tree_owned(packages, "/usr/bin/tool", "tool");
	packages_close(packages);
}

int main(void)
{
#define IN_TREE(test) cmocka_unit_test_setup_teardown(test, tree_make, tree_remove)
	const struct CMUnitTest tests[] = {
		IN_TREE(paths_of_a_merged_usr_are_one),
		IN_TREE(paths_of_a_split_usr_are_two),
		IN_TREE(architectures_have_lists_and_versions_of_their_own),
		IN_TREE(a_diverted_file_belongs_to_who_diverted_it),
		IN_TREE(links_lead_to_the_owner_inside_of_the_tree),
		IN_TREE(a_damaged_status_costs_versions_and_nothing_else),
		IN_TREE(what_dpkg_has_done_but_not_yet_summed_up_counts),
		IN_TREE(a_list_of_a_megabyte_without_a_last_newline),
		IN_TREE(damaged_lists_are_passed_over),
		IN_TREE(what_is_left_of_a_removed_package_gives_way),
		IN_TREE(paths_of_one_hash_are_told_apart),
		IN_TREE(the_newest_changes_come_first),
		IN_TREE(an_upgrade_is_seen_and_only_its_list_is_read),
		IN_TREE(an_index_brought_up_to_date_is_a_new_one),
		IN_TREE(without_a_database_it_says_so_until_there_is_one),
	};

	return cmocka_run_group_tests_name("package/dpkg", tests, NULL, NULL);
}
