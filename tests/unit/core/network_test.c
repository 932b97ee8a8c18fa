// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/network.h"

static struct network_scope scope;

static bool external(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return network_is_external(&scope, &address);
}

static int set_up(void **state)
{
	static const char *const networks[] = {"198.51.100.0/24", "2001:db8:1::/48", "203.0.113.7"};
	static const char *const domains[] = {"corp.example", "intranet"};

	(void)state;
	memset(&scope, 0, sizeof(scope));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(network_parse(networks[i], &scope.networks[scope.network_count++]), 0);
	for (size_t i = 0; i < 2; i++)
		strcpy(scope.domains[scope.domain_count++], domains[i]);
	return 0;
}

static void what_can_never_be_outside(void **state)
{
	static const char *const inside[] = {
		"127.0.0.1",       "127.255.0.1", "10.1.2.3",    "172.16.0.1",
		"172.31.255.255",  "192.168.1.1", "169.254.1.1", "100.64.0.1",
		"100.127.255.255", "224.0.0.251", "239.1.1.1",   "255.255.255.255",
		"0.0.0.0",         "::",          "::1",         "fe80::1",
		"fc00::1",         "fdff::1",     "ff02::fb",    "::ffff:10.0.0.1",
		"::ffff:127.0.0.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		if (external(inside[i]))
			fail_msg("%s is taken for external", inside[i]);
}

static void what_is_outside(void **state)
{
	static const char *const outside[] = {"8.8.8.8",        "172.15.255.255",  "172.32.0.1",
					      "100.63.255.255", "100.128.0.1",     "192.167.1.1",
					      "11.0.0.1",       "2606:4700::1111", "203.0.113.8",
					      "2001:db8:2::1",  "::ffff:8.8.8.8"};

	(void)state;
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		if (!external(outside[i]))
			fail_msg("%s is taken for internal", outside[i]);
}

static void networks_of_the_host_and_the_settings(void **state)
{
	(void)state;
	assert_false(external("198.51.100.0"));
	assert_false(external("198.51.100.255"));
	assert_true(external("198.51.101.0"));
	assert_false(external("::ffff:198.51.100.9"));
	assert_false(external("2001:db8:1:ffff::1"));
	assert_false(external("203.0.113.7"));
	scope.networks[0].bits = 0; /* everything */
	assert_false(external("8.8.8.8"));
	scope.network_count = 0;
	assert_true(external("198.51.100.9"));
}

static void names_at_or_below_a_domain(void **state)
{
	(void)state;
	assert_true(network_name_is_internal(&scope, "corp.example"));
	assert_true(network_name_is_internal(&scope, "a.b.corp.example"));
	assert_true(network_name_is_internal(&scope, "intranet"));
	assert_false(network_name_is_internal(&scope, "notcorp.example"));
	assert_false(network_name_is_internal(&scope, "example"));
	assert_false(network_name_is_internal(&scope, "corp.example.com"));
	assert_false(network_name_is_internal(&scope, ".corp.example"));
	assert_false(network_name_is_internal(&scope, "x\\.corp.example"));
	assert_false(network_name_is_internal(&scope, ""));
}

static void an_empty_domain_is_no_domain(void **state)
{
	(void)state;
	scope.domains[0][0] = '\0';
	assert_false(network_name_is_internal(&scope, ""));
	assert_false(network_name_is_internal(&scope, "evil.com"));
	assert_false(network_name_is_internal(&scope, "evil.com."));
	scope.domain_count = 0;
	assert_false(network_name_is_internal(&scope, "intranet"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_can_never_be_outside, set_up),
		cmocka_unit_test_setup(what_is_outside, set_up),
		cmocka_unit_test_setup(networks_of_the_host_and_the_settings, set_up),
		cmocka_unit_test_setup(names_at_or_below_a_domain, set_up),
		cmocka_unit_test_setup(an_empty_domain_is_no_domain, set_up),
	};

	return cmocka_run_group_tests_name("core/network", tests, NULL, NULL);
}
