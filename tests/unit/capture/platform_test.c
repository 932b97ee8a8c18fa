/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/capability.h>

#include "capture/platform.h"

static void the_floor_is_5_15(void **state)
{
	static const struct {
		const char *release;
		bool enough;
	} releases[] = {
		{"5.15.0-91-generic", true},
		{"5.14.0-362.el9.x86_64", false},
		{"4.19", false},
		{"6.1.0-13-amd64", true},
		{"5.15", true},
		{"10.0-rc1", true},
	};
	unsigned major = 7, minor = 8;

	(void)state;
	assert_int_equal(platform_kernel("linux", &major, &minor), -EINVAL);
	assert_int_equal(platform_kernel("", &major, &minor), -EINVAL);
	assert_int_equal(platform_kernel("6", &major, &minor), -EINVAL);
	assert_int_equal(major, 7);
	assert_int_equal(minor, 8);
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
		assert_int_equal(platform_kernel(releases[i].release, &major, &minor), 0);
		assert_int_equal(platform_kernel_is_enough(major, minor), releases[i].enough);
	}
}

static void lockdown_is_what_stands_in_brackets(void **state)
{
	char mode[PLATFORM_LOCKDOWN_MAX] = "before";

	(void)state;
	assert_int_equal(platform_lockdown("none integrity confidentiality\n", mode), -EINVAL);
	assert_int_equal(platform_lockdown("[]", mode), -EINVAL);
	assert_int_equal(platform_lockdown("", mode), -EINVAL);
	assert_string_equal(mode, "before");
	assert_int_equal(platform_lockdown("[none] integrity confidentiality\n", mode), 0);
	assert_string_equal(mode, "none");
	assert_int_equal(platform_lockdown("none integrity [confidentiality]\n", mode), 0);
	assert_string_equal(mode, "confidentiality");
	assert_int_equal(platform_lockdown("[a word that is far longer than any mode that there is]", mode),
			 0);
}

static void capabilities_are_the_effective_ones(void **state)
{
	uint64_t set = 5;

	(void)state;
	assert_int_equal(platform_capabilities("Name:\tx\nCapPrm:\t00000000000000ff\n", &set), -EINVAL);
	assert_int_equal(platform_capabilities("Name:\tx\nCapEff:\tzz\n", &set), -EINVAL);
	assert_int_equal(platform_capabilities("Name:\tx\nCapEff:\t00000000", &set), -EINVAL);
	assert_int_equal(set, 5);
	assert_int_equal(
		platform_capabilities("Name:\tx\nCapPrm:\t1\nCapEff:\t000001c000080000\nSeccomp:\t0\n", &set),
		0);
	assert_true(set == UINT64_C(0x1c000080000));
}

static void cap_sys_admin_stands_for_all_but_ptrace(void **state)
{
	size_t count = 0;

	(void)state;
	for (const struct platform_capability *need = platform_needs; need->name; need++, count++) {
		assert_true(platform_has(UINT64_C(1) << need->number, need));
		assert_false(
			platform_has(~(UINT64_C(1) << need->number | UINT64_C(1) << CAP_SYS_ADMIN), need));
		assert_int_equal(platform_has(UINT64_C(1) << CAP_SYS_ADMIN, need),
				 need->number != CAP_SYS_PTRACE);
		assert_int_equal(need->needed, need->number != CAP_SYS_PTRACE);
	}
	assert_int_equal(count, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_floor_is_5_15),
		cmocka_unit_test(lockdown_is_what_stands_in_brackets),
		cmocka_unit_test(capabilities_are_the_effective_ones),
		cmocka_unit_test(cap_sys_admin_stands_for_all_but_ptrace),
	};

	return cmocka_run_group_tests_name("capture/platform", tests, NULL, NULL);
}
