/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "capture/cgroup.h"

static void the_root_is_found_wherever_it_is(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(
		cgroup_find_mount("24 30 0:22 / /sys rw shared:7 - sysfs sysfs rw\n"
				  "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
				  path),
		0);
	assert_string_equal(path, "/sys/fs/cgroup");
	assert_int_equal(
		cgroup_find_mount("32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
				  "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
				  path),
		0);
	assert_string_equal(path, "/sys/fs/cgroup/unified");
	assert_int_equal(cgroup_find_mount("41 31 0:38 / /mnt/my\\040cgroups rw - cgroup2 none rw\n", path),
			 0);
	assert_string_equal(path, "/mnt/my cgroups");
}

static void a_part_of_the_tree_is_not_the_root(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(
		cgroup_find_mount("41 31 0:38 /docker/abc /sys/fs/cgroup rw - cgroup2 none rw\n", path),
		-ENOENT);
	assert_int_equal(cgroup_find_mount("32 31 0:29 / /sys/fs/cgroup rw - cgroup cgroup2 rw\n", path),
			 -ENOENT);
	assert_int_equal(cgroup_find_mount("", path), -ENOENT);
	assert_int_equal(cgroup_find_mount("nonsense\n\n - cgroup2 \n", path), -ENOENT);
}

static void the_holder_of_the_lock_is_found(void **state)
{
	static const char locks[] = "1: POSIX  ADVISORY  WRITE 700 00:1a:1 0 EOF\n"
				    "2: FLOCK  ADVISORY  READ 701 00:1a:1 0 EOF\n"
				    "3: FLOCK  ADVISORY  WRITE 702 00:1a:12 0 EOF\n"
				    "4: FLOCK  ADVISORY  WRITE 703 00:1b:1 0 EOF\n"
				    "4: -> FLOCK  ADVISORY  WRITE 704 00:1c:1 0 EOF\n"
				    "5: FLOCK  ADVISORY  WRITE -1 fe:0:1 0 EOF\n"
				    "6: FLOCK  ADVISORY  WRITE 705 00:1d:18446744073709551615 0 EOF";

	(void)state;
	assert_int_equal(cgroup_find_lock(locks, 0, 0x1b, 1), 703);
	assert_int_equal(cgroup_find_lock(locks, 0, 0x1a, 12), 702);
	assert_int_equal(cgroup_find_lock(locks, 0, 0x1a, 1), 0);  /* another kind of lock, or to read */
	assert_int_equal(cgroup_find_lock(locks, 0, 0x1c, 1), 0);  /* only waits for it */
	assert_int_equal(cgroup_find_lock(locks, 0xfe, 0, 1), -1); /* in another PID namespace */
	assert_int_equal(cgroup_find_lock(locks, 0, 0x1d, UINT64_MAX), 705);
	assert_int_equal(cgroup_find_lock("", 0, 0x1b, 1), 0);
	assert_int_equal(cgroup_find_lock("\n\nnonsense", 0, 0x1b, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_root_is_found_wherever_it_is),
		cmocka_unit_test(a_part_of_the_tree_is_not_the_root),
		cmocka_unit_test(the_holder_of_the_lock_is_found),
	};

	return cmocka_run_group_tests_name("capture/cgroup", tests, NULL, NULL);
}
