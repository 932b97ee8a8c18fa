/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which processes' files are this host's own; others' paths say nothing about its packages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "package/tree.h"

#define OURS 4026531841u
#define ANOTHER 4026532500u
#define T INT64_C(1767225600)
#define START_NS UINT64_C(123450000000) /* 12345 ticks of 10 ms */

static struct packages *packages;
static struct package_answer program, script;

static void process(const char *root, unsigned pid, uint32_t namespace, const char *its_root, const char *exe)
{
	char path[64], link[TREE_PATH_MAX + 32], stat[128];

	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", pid);
	snprintf(link, sizeof(link), "mnt:[%u]", namespace);
	tree_link(root, path, link);
	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	tree_link(root, path, its_root);
	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	tree_link(root, path, exe);
	snprintf(path, sizeof(path), "/proc/%u/cwd", pid);
	tree_link(root, path, "/usr/share/tool");
	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	snprintf(stat, sizeof(stat), "%u (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 99 9\n",
		 pid);
	tree_text(root, path, stat);
}

static int set_up(void **state)
{
	const char *root;

	if (tree_make(state))
		return -1;
	root = *state;
	tree_list(root, "python3", T, "/usr/bin/python3\n");
	tree_list(root, "tool", T, "/usr/bin/tool\n/usr/share/tool/main.py\n/usr/share/java/tool.jar\n");
	tree_text(root, "/usr/bin/python3", "one");
	tree_text(root, "/usr/bin/tool", "two");
	tree_text(root, "/container/usr/bin/tool", "three");
	tree_link(root, "/proc/self/ns/mnt", "mnt:[4026531841]");
	tree_link(root, "/proc/1/ns/mnt", "mnt:[4026531840]");
	tree_link(root, "/proc/1/root", root);
	process(root, 42, OURS, root, tree_path(root, "/usr/bin/tool"));
	packages = tree_open(root, "/nowhere");
	return tree_find(packages, "/usr/bin/tool").result == PACKAGE_OWNED ? 0 : -1;
}

static int tear_down(void **state)
{
	packages_close(packages);
	return tree_remove(state);
}

static enum package_result ask(const struct package_process *asked)
{
	packages_find_process(packages, asked, 1000, &program, &script);
	return program.result;
}

static struct package_process a_tool(void)
{
	return (struct package_process){.pid = 42,
					.mount_namespace = OURS,
					.start_ns = START_NS,
					.exe = "/usr/bin/tool",
					.script = ""};
}

static void a_usual_program_is_found(void **state)
{
	struct package_process tool = a_tool();

	(void)state;
	assert_int_equal(ask(&tool), PACKAGE_OWNED);
	assert_string_equal(program.name, "tool");
	assert_false(program.replaced);
	assert_int_equal(script.result, PACKAGE_NO_PATH);
}

static void nothing_is_said_of_a_container(void **state)
{
	struct package_process tool = a_tool();

	tool.in_container = true;
	assert_int_equal(ask(&tool), PACKAGE_IN_CONTAINER);
	assert_string_equal(program.name, "");
	/* Not known to be one: its root folder tells. */
	tool = a_tool();
	tool.mount_namespace = ANOTHER;
	process(*state, 42, ANOTHER, tree_path(*state, "/container"),
		tree_path(*state, "/container/usr/bin/tool"));
	assert_int_equal(ask(&tool), PACKAGE_OTHER_ROOT);
	assert_string_equal(program.name, "");
	/* A changed root in the host's own mounts. */
	tool.mount_namespace = OURS;
	process(*state, 42, OURS, tree_path(*state, "/container"),
		tree_path(*state, "/container/usr/bin/tool"));
	assert_int_equal(ask(&tool), PACKAGE_OTHER_ROOT);
	/* The host's root, but another file mounted over the program's place. */
	tool.mount_namespace = ANOTHER;
	process(*state, 42, ANOTHER, *state, tree_path(*state, "/container/usr/bin/tool"));
	assert_int_equal(ask(&tool), PACKAGE_OTHER_ROOT);
}

static void mounts_of_its_own_over_the_same_files_are_the_host(void **state)
{
	struct package_process tool = a_tool();

	tool.mount_namespace = ANOTHER;
	process(*state, 42, ANOTHER, *state, tree_path(*state, "/usr/bin/tool"));
	assert_int_equal(ask(&tool), PACKAGE_OWNED);
	assert_string_equal(program.name, "tool");
	/* What was seen while it lived holds when it has ended, and for it alone. */
	assert_int_equal(rename(tree_path(*state, "/proc/42"), tree_path(*state, "/proc/43")), 0);
	assert_int_equal(ask(&tool), PACKAGE_OWNED);
	tool.start_ns += 1000000000;
	assert_int_equal(ask(&tool), PACKAGE_PROCESS_GONE);
	assert_string_equal(program.name, "");
}

static void a_process_that_ended_is_judged_by_its_mounts(void **state)
{
	struct package_process tool = a_tool();

	(void)state;
	tool.pid = 4242;
	assert_int_equal(ask(&tool), PACKAGE_OWNED);
	tool.mount_namespace = OURS - 1; /* what the host booted into */
	assert_int_equal(ask(&tool), PACKAGE_OWNED);
	tool.mount_namespace = ANOTHER;
	assert_int_equal(ask(&tool), PACKAGE_PROCESS_GONE);
	tool.mount_namespace = 0;
	assert_int_equal(ask(&tool), PACKAGE_PROCESS_GONE);
}

static void a_parent_with_the_same_mounts_speaks_for_who_ended(void **state)
{
	static const uint32_t ancestors[] = {50, 51};
	struct package_process tool = a_tool();

	tool.pid = 4242;
	tool.mount_namespace = ANOTHER;
	tool.ancestors = ancestors;
	tool.ancestor_count = 2;
	process(*state, 50, OURS, *state, "/bin/sh");
	assert_int_equal(ask(&tool), PACKAGE_PROCESS_GONE);
	process(*state, 51, ANOTHER, *state, "/bin/sh");
	assert_int_equal(ask(&tool), PACKAGE_OWNED);
	process(*state, 51, ANOTHER, tree_path(*state, "/container"), "/bin/sh");
	assert_int_equal(ask(&tool), PACKAGE_PROCESS_GONE);
}

/* Its program and its root are gone before its namespaces are: nothing there is another's file. */
static void a_process_that_is_ending_is_judged_like_one_that_ended(void **state)
{
	static const uint32_t ancestors[] = {51};
	static const char *const gone[] = {"/proc/42/exe", "/proc/42/root"};
	struct package_process tool = a_tool();

	process(*state, 51, ANOTHER, *state, "/bin/sh");
	for (int i = 0; i < 2; i++) {
		tool.mount_namespace = ANOTHER;
		process(*state, 42, ANOTHER, *state, tree_path(*state, "/usr/bin/tool"));
		assert_int_equal(unlink(tree_path(*state, gone[i])), 0);
		tool.ancestor_count = 0;
		assert_int_equal(ask(&tool), PACKAGE_PROCESS_GONE);
		tool.ancestors = ancestors;
		tool.ancestor_count = 1;
		assert_int_equal(ask(&tool), PACKAGE_OWNED);
		assert_false(program.replaced);
		tool.mount_namespace = OURS;
		process(*state, 42, OURS, *state, tree_path(*state, "/usr/bin/tool"));
		assert_int_equal(unlink(tree_path(*state, gone[i])), 0);
		assert_int_equal(ask(&tool), PACKAGE_OWNED);
		assert_false(program.replaced);
	}
}

/* The number belongs to another process by now. */
static void a_number_used_again_is_not_looked_at(void **state)
{
	struct package_process tool = a_tool();

	tool.start_ns += 3000000000;
	process(*state, 42, OURS, tree_path(*state, "/container"),
		tree_path(*state, "/container/usr/bin/tool"));
	assert_int_equal(ask(&tool), PACKAGE_OWNED); /* by its mounts */
	tool.start_ns = START_NS;
	assert_int_equal(ask(&tool), PACKAGE_OTHER_ROOT);
}

static void a_program_that_was_deleted_or_upgraded_is_marked(void **state)
{
	struct package_process tool = a_tool();

	tool.exe = "/usr/bin/tool (deleted)";
	tool.pid = 4242;
	assert_int_equal(ask(&tool), PACKAGE_OWNED);
	assert_string_equal(program.name, "tool");
	assert_true(program.replaced);
	tool = a_tool();
	process(*state, 42, OURS, *state, tree_path(*state, "/container/usr/bin/tool"));
	assert_int_equal(ask(&tool), PACKAGE_OWNED);
	assert_true(program.replaced);
	tool.exe = " (deleted)";
	assert_int_equal(ask(&tool), PACKAGE_NO_PATH);
	tool.exe = "/usr/bin/gone (deleted)";
	assert_int_equal(ask(&tool), PACKAGE_UNOWNED);
}

static void a_path_that_is_not_whole_is_none(void **state)
{
	struct package_process tool = a_tool();

	(void)state;
	tool.exe = "/.../usr/bin/tool";
	assert_int_equal(ask(&tool), PACKAGE_NO_PATH);
	tool.exe = "";
	assert_int_equal(ask(&tool), PACKAGE_NO_PATH);
	assert_int_equal(script.result, PACKAGE_NO_PATH);
}

static void the_script_has_a_package_of_its_own(void **state)
{
	static const struct {
		const char *script;
		enum package_result result;
	} rows[] = {
		{"/usr/bin/tool", PACKAGE_OWNED},
		{"main.py", PACKAGE_OWNED},
		{"./main.py", PACKAGE_OWNED},
		{"../tool/./main.py", PACKAGE_OWNED},
		{"-jar /usr/share/java/tool.jar", PACKAGE_OWNED},
		{"-jar ../java/tool.jar", PACKAGE_OWNED},
		{"/usr/bin/../bin//tool", PACKAGE_OWNED},
		{"/opt/own.py", PACKAGE_UNOWNED},
		{"own.py", PACKAGE_UNOWNED},
		{"../../../../../../..", PACKAGE_NO_PATH},
		{"-m http.server", PACKAGE_NO_PATH},
		{"-c", PACKAGE_NO_PATH},
		{"", PACKAGE_NO_PATH},
	};
	struct package_process python = a_tool();

	process(*state, 42, OURS, *state, tree_path(*state, "/usr/bin/python3"));
	python.exe = "/usr/bin/python3";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		python.script = rows[i].script;
		assert_int_equal(ask(&python), PACKAGE_OWNED);
		assert_string_equal(program.name, "python3");
		if (script.result != rows[i].result)
			fail_msg("%s: %s", rows[i].script, package_result_name(script.result));
		assert_string_equal(script.name, rows[i].result == PACKAGE_OWNED ? "tool" : "");
	}
	python.script = "/usr/bin/tool";
	python.in_container = true;
	assert_int_equal(ask(&python), PACKAGE_IN_CONTAINER);
	assert_int_equal(script.result, PACKAGE_IN_CONTAINER);
}

/* A folder that is known only while the process lives. */
static void a_relative_script_is_remembered(void **state)
{
	struct package_process python = a_tool();

	process(*state, 42, OURS, *state, tree_path(*state, "/usr/bin/python3"));
	python.exe = "/usr/bin/python3";
	python.script = "main.py";
	ask(&python);
	assert_int_equal(rename(tree_path(*state, "/proc/42"), tree_path(*state, "/proc/43")), 0);
	ask(&python);
	assert_int_equal(script.result, PACKAGE_OWNED);
	python.pid = 44;
	ask(&python);
	assert_int_equal(script.result, PACKAGE_NO_PATH);
}

int main(void)
{
#define IN_TREE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_TREE(a_usual_program_is_found),
		IN_TREE(nothing_is_said_of_a_container),
		IN_TREE(mounts_of_its_own_over_the_same_files_are_the_host),
		IN_TREE(a_process_that_ended_is_judged_by_its_mounts),
		IN_TREE(a_parent_with_the_same_mounts_speaks_for_who_ended),
		IN_TREE(a_process_that_is_ending_is_judged_like_one_that_ended),
		IN_TREE(a_number_used_again_is_not_looked_at),
		IN_TREE(a_program_that_was_deleted_or_upgraded_is_marked),
		IN_TREE(a_path_that_is_not_whole_is_none),
		IN_TREE(the_script_has_a_package_of_its_own),
		IN_TREE(a_relative_script_is_remembered),
	};

	return cmocka_run_group_tests_name("package/place", tests, NULL, NULL);
}
