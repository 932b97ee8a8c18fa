/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/hooks.h"

static void lose(struct hook_result results[static HOOKS], enum hook_id id, int error)
{
	results[id].state = hook_state_of(error);
	results[id].error = error;
}

static void every_row_is_whole(void **state)
{
	(void)state;
	for (int i = 0; i < HOOKS; i++) {
		const struct hook *hook = hook_of((enum hook_id)i);

		assert_non_null(hook->name);
		assert_null(strpbrk(hook->name, " ="));
		assert_true(hook->job[0] && hook->cost[0]);
		assert_int_equal(hook_by_name(hook->name, strlen(hook->name)), i);
		if (hook->program)
			assert_int_equal(hook_by_program(hook->program), i);
	}
	assert_int_equal(hook_by_program("none"), -ENOENT);
	assert_int_equal(hook_by_name("cgroup/connect", strlen("cgroup/connect")), -ENOENT);
}

static void only_what_sees_connections_and_names_is_needed(void **state)
{
	static const enum hook_id needed[] = {HOOK_TCP_STATE, HOOK_PACKET_OUT, HOOK_PACKET_IN};
	size_t count = 0;

	(void)state;
	for (int i = 0; i < HOOKS; i++)
		count += hook_of((enum hook_id)i)->needed;
	assert_int_equal(count, sizeof(needed) / sizeof(needed[0]));
	for (size_t i = 0; i < count; i++)
		assert_true(hook_of(needed[i])->needed);
}

static void each_alone_decides_as_its_row_says(void **state)
{
	(void)state;
	for (int i = 0; i < HOOKS; i++)
		for (int kind = HOOK_WORKS; kind <= HOOK_REFUSED; kind++) {
			struct hook_result results[HOOKS] = {0};
			enum hook_id first = HOOKS;
			bool there = kind == HOOK_WORKS || kind == HOOK_UNTRIED;
			bool needed = hook_of((enum hook_id)i)->needed;

			results[i].state = (enum hook_state)kind;
			assert_int_equal(hooks_decide(results, &first), there    ? HOOKS_ALL
									: needed ? HOOKS_TOO_FEW
										 : HOOKS_SOME);
			assert_int_equal(first, !there && needed ? i : HOOKS);
		}
}

static void all_optional_ones_may_be_missing_together(void **state)
{
	struct hook_result results[HOOKS] = {0};
	enum hook_id first = HOOKS;

	(void)state;
	assert_int_equal(hooks_decide(results, NULL), HOOKS_ALL);
	for (int i = 0; i < HOOKS; i++)
		if (!hook_of((enum hook_id)i)->needed)
			lose(results, (enum hook_id)i, -EPERM);
	assert_int_equal(hooks_decide(results, &first), HOOKS_SOME);
	assert_int_equal(first, HOOKS);
	lose(results, HOOK_PACKET_IN, -EINVAL);
	assert_int_equal(hooks_decide(results, &first), HOOKS_TOO_FEW);
	assert_int_equal(first, HOOK_PACKET_IN);
	lose(results, HOOK_TCP_STATE, -EPERM);
	assert_int_equal(hooks_decide(results, &first), HOOKS_TOO_FEW);
	assert_int_equal(first, HOOK_TCP_STATE);
}

static void an_error_tells_missing_from_refused(void **state)
{
	static const int missing[] = {EINVAL, ENOENT, ESRCH, ENOSYS, EOPNOTSUPP, 524};
	static const int refused[] = {EPERM, EACCES, EBUSY, ENOMEM, E2BIG, EIO};
	char text[HOOK_ERROR_MAX];

	(void)state;
	assert_int_equal(hook_state_of(0), HOOK_WORKS);
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
		assert_int_equal(hook_state_of(-missing[i]), HOOK_MISSING);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(hook_state_of(-refused[i]), HOOK_REFUSED);
	assert_ptr_equal(strstr(hook_error_text(-EPERM, text), "EPERM: not permitted"), text);
	assert_ptr_equal(strstr(hook_error_text(-524, text), "ENOTSUPP: "), text);
	assert_string_equal(hook_error_text(-EIO, text), "EIO: Input/output error");
	hook_error_text(-99999, text);
	assert_true(strncmp(text, "error: ", 7) == 0);
}

/* The operator is told what it means: by its name, and in words that fit it. */
static void each_error_has_its_own_words(void **state)
{
	static const struct {
		int error;
		const char *text;
	} rows[] = {
		{EPERM, "EPERM: not permitted"},
		{EACCES, "EACCES: the kernel's verifier or a security module"},
		{EINVAL, "EINVAL: this kernel does not know it"},
		{ENOENT, "ENOENT: this kernel, or its BTF, does not have it"},
		{ESRCH, "ESRCH: this kernel, or its BTF, does not have it"},
		{ENOSYS, "ENOSYS: this kernel has no bpf()"},
		{EOPNOTSUPP, "EOPNOTSUPP: this kernel was built without it"},
		{524, "ENOTSUPP: this kernel was built without it"},
		{EBUSY, "EBUSY: another program holds this place alone"},
		{EEXIST, "EEXIST: another program holds this place alone"},
		{ENOMEM, "ENOMEM: no memory for it"},
		{E2BIG, "E2BIG: this kernel's verifier finds the program too long"},
	};
	static const enum hook_state states[] = {HOOK_WORKS, HOOK_UNTRIED, HOOK_SILENT, HOOK_MISSING,
						 HOOK_REFUSED};
	static const char *const names[] = {"works", "untried", "silent", "missing", "refused"};
	char text[HOOK_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strncmp(hook_error_text(-rows[i].error, text), rows[i].text, strlen(rows[i].text)) != 0)
			fail_msg("%d: %s", rows[i].error, text);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		assert_string_equal(hook_state_name(states[i]), names[i]);
}

static void a_mend_is_of_its_reason(void **state)
{
	static const struct {
		enum hook_id hook;
		struct hook_result result;
		const char *word;
	} rows[] = {
		{HOOK_CONNECT4, {.state = HOOK_SILENT}, "outside of containers"},
		{HOOK_KERNEL_MEMORY, {.state = HOOK_REFUSED, .error = -EPERM}, "lockdown=confidentiality"},
		{HOOK_CONNECT4, {.state = HOOK_REFUSED, .error = -EPERM}, "CAP_BPF"},
		{HOOK_CONNECT4, {.state = HOOK_REFUSED, .error = -EACCES}, "denials of a security module"},
		{HOOK_CONNECT4, {.state = HOOK_REFUSED, .error = -EBUSY}, "bpftool cgroup tree"},
		{HOOK_CONNECT4, {.state = HOOK_REFUSED, .error = -EEXIST}, "bpftool cgroup tree"},
		{HOOK_CONNECT4, {.state = HOOK_REFUSED, .error = -ENOMEM}, "memory limit"},
		{HOOK_CONNECT4, {.state = HOOK_MISSING, .error = -EINVAL}, "boot Linux 5.15"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_non_null(strstr(hook_mend(rows[i].hook, &rows[i].result), rows[i].word));
}

static void there_is_a_mend_for_whatever_is_not_there(void **state)
{
	(void)state;
	for (int kind = HOOK_WORKS; kind <= HOOK_REFUSED; kind++)
		for (int error = 0; error < 530; error++) {
			const struct hook_result result = {.state = (enum hook_state)kind, .error = -error};

			assert_int_equal(hook_mend(HOOK_CONNECT4, &result)[0] == '\0',
					 hook_is_there((enum hook_state)kind));
		}
}

static void the_daemons_line_is_read_as_it_was_written(void **state)
{
	struct hook_result results[HOOKS] = {0};
	char text[512];
	const char *line = text;
	enum hook_id id;
	int error;

	(void)state;
	hooks_write_missing(results, text, sizeof(text));
	assert_string_equal(text, "");
	assert_int_equal(hooks_read_missing(&line, &id, &error), 0);
	lose(results, HOOK_SEND6, -EINVAL);
	lose(results, HOOK_SOCKETS, -EPERM);
	hooks_write_missing(results, text, sizeof(text));
	assert_string_equal(text, "cgroup/sendmsg6=22 iter/task_file=1");
	assert_int_equal(hooks_read_missing(&line, &id, &error), 1);
	assert_int_equal(id, HOOK_SEND6);
	assert_int_equal(error, -EINVAL);
	assert_int_equal(hooks_read_missing(&line, &id, &error), 1);
	assert_int_equal(id, HOOK_SOCKETS);
	assert_int_equal(error, -EPERM);
	assert_int_equal(hooks_read_missing(&line, &id, &error), 0);
}

static void all_of_them_fit_and_a_short_line_ends_between_two(void **state)
{
	struct hook_result results[HOOKS] = {0};
	char text[512], small[24];
	const char *line = text;
	enum hook_id id;
	int error, count = 0;

	(void)state;
	for (int i = 0; i < HOOKS; i++)
		lose(results, (enum hook_id)i, -EOPNOTSUPP);
	hooks_write_missing(results, text, sizeof(text));
	while (hooks_read_missing(&line, &id, &error))
		assert_int_equal(id, count++);
	assert_int_equal(count, HOOKS);
	memset(results, 0, sizeof(results));
	lose(results, HOOK_CONNECT4, -EPERM);
	lose(results, HOOK_CONNECT6, -EPERM);
	hooks_write_missing(results, small, sizeof(small));
	assert_string_equal(small, "cgroup/connect4=1");
}

static void what_another_version_wrote_is_passed_over(void **state)
{
	const char *line = "  fentry/new=1 iter/task_file cgroup/connect4=x= =3 cgroup/sendmsg4=38 ";
	enum hook_id id;
	int error;

	(void)state;
	assert_int_equal(hooks_read_missing(&line, &id, &error), 1);
	assert_int_equal(id, HOOK_CONNECT4);
	assert_int_equal(error, 0);
	assert_int_equal(hooks_read_missing(&line, &id, &error), 1);
	assert_int_equal(id, HOOK_SEND4);
	assert_int_equal(error, -ENOSYS);
	assert_int_equal(hooks_read_missing(&line, &id, &error), 0);
	assert_int_equal(hooks_read_missing(&line, &id, &error), 0);
}

static void what_is_no_error_is_none(void **state)
{
	static const char *const words[] = {"2147483648", "2147483649", "-2147483648",         "4294967297",
					    "-1",         "4096",       "99999999999999999999"};
	char text[64];
	enum hook_id id;
	int error;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *line = text;

		snprintf(text, sizeof(text), "kernel_memory=%s", words[i]);
		assert_int_equal(hooks_read_missing(&line, &id, &error), 1);
		assert_int_equal(id, HOOK_KERNEL_MEMORY);
		assert_int_equal(error, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(only_what_sees_connections_and_names_is_needed),
		cmocka_unit_test(each_alone_decides_as_its_row_says),
		cmocka_unit_test(all_optional_ones_may_be_missing_together),
		cmocka_unit_test(an_error_tells_missing_from_refused),
		cmocka_unit_test(each_error_has_its_own_words),
		cmocka_unit_test(a_mend_is_of_its_reason),
		cmocka_unit_test(there_is_a_mend_for_whatever_is_not_there),
		cmocka_unit_test(the_daemons_line_is_read_as_it_was_written),
		cmocka_unit_test(all_of_them_fit_and_a_short_line_ends_between_two),
		cmocka_unit_test(what_another_version_wrote_is_passed_over),
		cmocka_unit_test(what_is_no_error_is_none),
	};

	return cmocka_run_group_tests_name("capture/hooks", tests, NULL, NULL);
}
