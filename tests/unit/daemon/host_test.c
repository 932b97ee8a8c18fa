/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/resource.h>

#include "daemon/host.h"

static struct network_scope settings, scope; /* large */

/* Else the host's own public networks would be new addresses for as long as that lasts. */
static void networks_stay_where_there_is_no_descriptor_to_ask_with(void **state)
{
	struct rlimit before, none;

	(void)state;
	scope.network_count = 3;
	settings.network_count = 1;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_true(host_networks(&settings, &scope) < 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(scope.network_count, 3);
	assert_int_equal(host_networks(&settings, &scope), 0);
	assert_true(scope.network_count >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_stay_where_there_is_no_descriptor_to_ask_with),
	};

	return cmocka_run_group_tests_name("daemon/host", tests, NULL, NULL);
}
