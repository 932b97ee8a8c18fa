// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/process.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
	struct fs_record_process record;
	struct process process;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	memset(&fixture->process, 0xa5, sizeof(fixture->process)); /* nothing may be left as it was */
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

#define SET(field, text)                                                                                     \
	do {                                                                                                 \
		memcpy(fixture->record.field, text, sizeof(text) - 1);                                       \
		fixture->record.field##_length = sizeof(text) - 1;                                           \
	} while (0)

static void a_process_is_read_whole(void **state)
{
	struct fixture *fixture = *state;
	struct fs_record_process *record = &fixture->record;
	struct process *process = &fixture->process;

	record->header.owner = (struct fs_owner){.start_ns = 7, .tgid = 42, .uid = 1000, .exec_id = 3};
	record->login_uid = 1001;
	record->gid = 5;
	record->pid_namespace = 11;
	record->mount_namespace = 12;
	memcpy(record->comm, "exactly16letters", 16);
	SET(exe, "python3.11\0bin\0usr\0");
	SET(cgroup, "docker-" ID ".scope\0system.slice\0");
	SET(arguments, "python3\0-m\0http server\0a\\b\n\0");
	record->ancestor_count = 1;
	record->ancestors[0].tgid = 41;
	record->ancestors[1].tgid = 99; /* not counted */
	process_read(record, process);
	assert_int_equal(process->owner.tgid, 42);
	assert_int_equal(process->owner.exec_id, 3);
	assert_int_equal(process->login_uid, 1001);
	assert_int_equal(process->gid, 5);
	assert_int_equal(process->pid_namespace, 11);
	assert_int_equal(process->mount_namespace, 12);
	assert_string_equal(process->comm, "exactly16letters");
	assert_string_equal(process->exe, "/usr/bin/python3.11");
	assert_string_equal(process->cgroup, "/system.slice/docker-" ID ".scope");
	assert_string_equal(process->arguments, "python3 -m http\\x20server a\\x5cb\\x0a");
	assert_false(process->arguments_cut);
	assert_string_equal(process->container, "docker:0123456789ab");
	assert_string_equal(process->script, "-m http server");
	assert_string_equal(process->application, "/usr/bin/python3.11 -m http server [docker:0123456789ab]");
	assert_int_not_equal(process->executable_hash, 0);
	assert_int_equal(process->ancestor_count, 1);
	assert_int_equal(process->ancestors[0].tgid, 41);
	assert_int_equal(process->ancestors[1].tgid, 0);
}

static void nothing_known_is_empty(void **state)
{
	struct fixture *fixture = *state;
	struct process *process = &fixture->process;

	process_read(&fixture->record, process);
	assert_string_equal(process->comm, "");
	assert_string_equal(process->exe, "");
	assert_string_equal(process->arguments, "");
	assert_string_equal(process->cgroup, "");
	assert_string_equal(process->container, "");
	assert_string_equal(process->script, "");
	assert_string_equal(process->application, "");
	assert_int_equal(process->executable_hash, 0);
	assert_int_equal(process->ancestor_count, 0);
	/* A container alone is no application. */
	SET(cgroup, ID "\0docker\0");
	process_read(&fixture->record, process);
	assert_string_equal(process->application, "");
	assert_int_equal(process->executable_hash, 0);
}

static void units_are_no_part_of_an_application(void **state)
{
	struct fixture *fixture = *state;

	SET(exe, "curl\0bin\0usr\0");
	SET(cgroup, "cron.service\0system.slice\0");
	process_read(&fixture->record, &fixture->process);
	assert_string_equal(fixture->process.container, "unit:cron.service");
	assert_string_equal(fixture->process.application, "/usr/bin/curl");
}

static void the_executable_is_path_and_container(void **state)
{
	struct fixture *fixture = *state;
	uint64_t host;
	uint64_t container;

	SET(exe, "python3\0bin\0");
	SET(arguments, "python3\0a.py\0");
	process_read(&fixture->record, &fixture->process);
	host = fixture->process.executable_hash;
	SET(arguments, "python3\0b.py\0");
	process_read(&fixture->record, &fixture->process);
	assert_true(fixture->process.executable_hash == host);
	SET(cgroup, "session-3.scope\0");
	process_read(&fixture->record, &fixture->process);
	assert_true(fixture->process.executable_hash == host);
	SET(cgroup, ID "\0docker\0");
	process_read(&fixture->record, &fixture->process);
	container = fixture->process.executable_hash;
	assert_true(container != host);
	SET(exe, "python4\0bin\0");
	process_read(&fixture->record, &fixture->process);
	assert_true(fixture->process.executable_hash != container);
}

/* A deep folder must not pass for /usr/bin. */
static void a_cut_path_shows_it(void **state)
{
	struct fixture *fixture = *state;

	SET(exe, "curl\0bin\0usr\0");
	fixture->record.exe_cut = 1;
	process_read(&fixture->record, &fixture->process);
	assert_string_equal(fixture->process.exe, "/.../usr/bin/curl");
}

static void the_longest_texts_fit(void **state)
{
	struct fixture *fixture = *state;
	struct fs_record_process *record = &fixture->record;
	struct process *process = &fixture->process;
	char first[APPLICATION_MAX];

	memset(record->exe, 'a', sizeof(record->exe));
	memset(record->cgroup, 'b', sizeof(record->cgroup));
	memset(record->arguments, '\n', sizeof(record->arguments));
	memset(record->comm, 'c', sizeof(record->comm));
	record->exe_length = record->cgroup_length = record->arguments_length = 65535;
	record->ancestor_count = 255;
	process_read(record, process);
	assert_string_equal(process->exe, ""); /* one component that has no room */
	for (size_t i = 3; i < sizeof(record->exe); i += 4)
		record->exe[i] = '\0';
	for (size_t i = 3; i < sizeof(record->cgroup); i += 4)
		record->cgroup[i] = '\0';
	process_read(record, process);
	assert_true(strncmp(process->exe, "/.../aaa/aaa/", 13) == 0);
	assert_true(strlen(process->exe) < PROCESS_EXE_MAX && strlen(process->exe) > PROCESS_EXE_MAX - 10);
	assert_true(strncmp(process->cgroup, "/.../bbb/", 9) == 0);
	assert_true(process->arguments_cut);
	assert_int_equal(strlen(process->arguments) % 4, 0); /* no half escape */
	assert_true(strlen(process->arguments) > PROCESS_ARGUMENTS_MAX - 8);
	assert_int_equal(process->ancestor_count, FS_ANCESTORS_MAX);
	assert_int_equal(strlen(process->comm), FS_COMM_SIZE);
	/* Two applications that differ only where they do not fit stay two. */
	memcpy(record->exe, "python3\0", 8);
	memset(record->arguments, 's', sizeof(record->arguments));
	memcpy(record->arguments, "python3\0", 8);
	record->arguments[1023] = '\0';
	process_read(record, process);
	assert_true(strlen(process->application) < APPLICATION_MAX);
	memcpy(first, process->application, sizeof(first));
	record->arguments[1022] = 't';
	process_read(record, process);
	assert_string_not_equal(process->application, first);
	assert_true(strchr(process->application, '~') != NULL);
}

static void control_characters_do_not_reach_the_application(void **state)
{
	struct fixture *fixture = *state;

	SET(exe, "a\033[31m\n\xff\0tmp\0");
	process_read(&fixture->record, &fixture->process);
	assert_string_equal(fixture->process.exe, "/tmp/a\033[31m\n\xff");
	assert_string_equal(fixture->process.application, "/tmp/a\\x1b[31m\\x0a\\xff");
}

/* ---- the table ---- */

static void put(struct process_table *table, uint32_t tgid, uint64_t start, uint32_t exec_id, const char *exe)
{
	struct process *process = calloc(1, sizeof(*process));

	assert_non_null(process);
	process->owner = (struct fs_owner){.tgid = tgid, .start_ns = start, .exec_id = exec_id};
	strcpy(process->exe, exe);
	strcpy(process->application, exe);
	strcpy(process->comm, "comm");
	process->ancestor_count = 2;
	process->ancestors[1].tgid = tgid + 1;
	process->executable_hash = tgid;
	assert_int_equal(process_table_put(table, process), 0);
	free(process);
}

static const struct process *get(struct process_table *table, uint32_t tgid, uint64_t start, uint32_t exec_id)
{
	struct fs_owner owner = {.tgid = tgid, .start_ns = start, .exec_id = exec_id};

	return process_table_get(table, &owner);
}

static struct process_table *table_of(size_t limit)
{
	struct process_table *table = NULL;

	assert_int_equal(process_table_new(limit, &table), 0);
	return table;
}

static void expect_same(const struct process *got, const struct process *put)
{
	assert_memory_equal(&got->owner, &put->owner, sizeof(got->owner));
	assert_int_equal(got->login_uid, put->login_uid);
	assert_int_equal(got->gid, put->gid);
	assert_int_equal(got->pid_namespace, put->pid_namespace);
	assert_int_equal(got->mount_namespace, put->mount_namespace);
	assert_string_equal(got->comm, put->comm);
	assert_string_equal(got->exe, put->exe);
	assert_string_equal(got->arguments, put->arguments);
	assert_int_equal(got->arguments_cut, put->arguments_cut);
	assert_string_equal(got->cgroup, put->cgroup);
	assert_string_equal(got->container, put->container);
	assert_string_equal(got->script, put->script);
	assert_string_equal(got->application, put->application);
	assert_true(got->executable_hash == put->executable_hash);
	assert_int_equal(got->ancestor_count, put->ancestor_count);
	assert_memory_equal(got->ancestors, put->ancestors, sizeof(got->ancestors));
}

static void processes_come_back_as_they_were(void **state)
{
	struct fixture *fixture = *state;
	struct process_table *table = table_of(10);
	const struct process *process;

	SET(exe, "python3\0bin\0");
	SET(cgroup, ID "\0docker\0");
	SET(arguments, "python3\0a.py\0");
	memcpy(fixture->record.comm, "python3", 7);
	fixture->record.header.owner = (struct fs_owner){.start_ns = 7, .tgid = 42, .uid = 8};
	fixture->record.login_uid = 1;
	fixture->record.gid = 2;
	fixture->record.pid_namespace = 3;
	fixture->record.mount_namespace = 4;
	fixture->record.arguments_cut = 1;
	fixture->record.ancestor_count = FS_ANCESTORS_MAX;
	for (unsigned i = 0; i < FS_ANCESTORS_MAX; i++)
		fixture->record.ancestors[i].tgid = i + 100;
	memset(&fixture->process, 0, sizeof(fixture->process));
	process_read(&fixture->record, &fixture->process);
	assert_int_equal(process_table_put(table, &fixture->process), 0);
	process = get(table, 42, 7, 0);
	assert_non_null(process);
	expect_same(process, &fixture->process);
	process_table_free(table);
}

static void a_number_used_again_is_another_process(void **state)
{
	struct process_table *table = table_of(10);

	(void)state;
	put(table, 42, 1, 0, "/bin/first");
	put(table, 42, 2, 0, "/bin/second");
	assert_string_equal(get(table, 42, 1, 0)->exe, "/bin/first");
	assert_string_equal(get(table, 42, 2, 0)->exe, "/bin/second");
	assert_null(get(table, 42, 3, 0));
	assert_null(get(table, 43, 1, 0));
	put(table, 42, 1, 0, "/bin/replaced");
	assert_string_equal(get(table, 42, 1, 0)->exe, "/bin/replaced");
	process_table_free(table);
}

static void before_and_after_an_exec(void **state)
{
	struct process_table *table = table_of(10);

	(void)state;
	put(table, 42, 1, 0, "/bin/sh");
	assert_string_equal(get(table, 42, 1, 5)->exe, "/bin/sh");
	put(table, 42, 1, 1, "/usr/bin/curl");
	assert_string_equal(get(table, 42, 1, 0)->exe, "/bin/sh");
	assert_string_equal(get(table, 42, 1, 1)->exe, "/usr/bin/curl");
	assert_string_equal(get(table, 42, 1, 9)->exe, "/usr/bin/curl");
	process_table_free(table);
}

static void the_unknown_owner_is_nobody(void **state)
{
	struct process_table *table = table_of(10);

	(void)state;
	put(table, 0, 0, 0, "/bin/x");
	assert_null(get(table, 0, 0, 0));
	process_table_free(table);
	process_table_free(NULL);
}

static void the_least_recently_used_goes_first(void **state)
{
	struct process_table *table = table_of(3);

	(void)state;
	put(table, 1, 1, 0, "/1");
	put(table, 2, 1, 0, "/2");
	put(table, 3, 1, 0, "/3");
	assert_non_null(get(table, 1, 1, 0));
	put(table, 4, 1, 0, "/4");
	assert_null(get(table, 2, 1, 0));
	assert_non_null(get(table, 1, 1, 0));
	put(table, 1, 1, 0, "/1 again"); /* takes its own place */
	assert_non_null(get(table, 3, 1, 0));
	assert_non_null(get(table, 4, 1, 0));
	process_table_free(table);
	table = table_of(1);
	put(table, 1, 1, 0, "/1");
	put(table, 2, 1, 0, "/2");
	assert_null(get(table, 1, 1, 0));
	assert_string_equal(get(table, 2, 1, 0)->exe, "/2");
	process_table_free(table);
}

/* Several answers are in use at a time: of a flow's owner, of its asker. */
static void pointers_stay_valid_for_a_while(void **state)
{
	struct process_table *table = table_of(10);
	const struct process *processes[PROCESS_TABLE_POINTERS];

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		put(table, i + 1, 1, 0, i % 2 ? "/odd" : "/even");
	for (uint32_t i = 0; i < PROCESS_TABLE_POINTERS; i++)
		processes[i] = get(table, i + 1, 1, 0);
	for (uint32_t i = 0; i < PROCESS_TABLE_POINTERS; i++) {
		assert_int_equal(processes[i]->owner.tgid, i + 1);
		assert_ptr_equal(get(table, i + 1, 1, 0), processes[i]);
	}
	process_table_free(table);
}

static void a_process_that_execs_for_ever_is_bounded(void **state)
{
	struct process_table *table = table_of(100);

	(void)state;
	put(table, 7, 1, 0, "/bystander");
	for (uint32_t i = 0; i < 100000; i++)
		put(table, 42, 1, i, "/bin/loop");
	assert_non_null(get(table, 7, 1, 0));
	assert_int_equal(get(table, 42, 1, 99999)->owner.exec_id, 99999);
	process_table_free(table);
}

static void the_table_agrees_with_a_model(void **state)
{
	enum { PROCESSES = 200, LIMIT = 50 };
	struct process_table *table = table_of(LIMIT);
	unsigned used[PROCESSES] = {0}; /* when last, 0: never put */
	unsigned now = 0;

	(void)state;
	srand(5);
	for (int step = 0; step < 20000; step++) {
		uint32_t tgid = (uint32_t)(rand() % PROCESSES);
		unsigned newer = 0;
		bool here;

		for (unsigned i = 0; i < PROCESSES; i++)
			newer += used[i] > used[tgid];
		here = used[tgid] && newer < LIMIT;
		if (rand() % 2) {
			const struct process *process = get(table, tgid + 1, 9, 0);

			assert_int_equal(process != NULL, here);
			if (process)
				used[tgid] = ++now;
		} else {
			put(table, tgid + 1, 9, 0, "/x");
			used[tgid] = ++now;
		}
	}
	process_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_process_is_read_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_known_is_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(units_are_no_part_of_an_application, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_executable_is_path_and_container, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cut_path_shows_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_longest_texts_fit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(control_characters_do_not_reach_the_application, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(processes_come_back_as_they_were, set_up, tear_down),
		cmocka_unit_test(a_number_used_again_is_another_process),
		cmocka_unit_test(before_and_after_an_exec),
		cmocka_unit_test(the_unknown_owner_is_nobody),
		cmocka_unit_test(the_least_recently_used_goes_first),
		cmocka_unit_test(pointers_stay_valid_for_a_while),
		cmocka_unit_test(a_process_that_execs_for_ever_is_bounded),
		cmocka_unit_test(the_table_agrees_with_a_model),
	};

	return cmocka_run_group_tests_name("core/process", tests, NULL, NULL);
}
