/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/address.h"

static struct address parsed(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static void mapped_addresses_are_ipv4(void **state)
{
	struct address mapped = parsed("::ffff:203.0.113.7"), plain = parsed("203.0.113.7");
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	assert_true(address_equal(&mapped, &plain));
	assert_true(address_is_ipv4(&mapped));
	assert_string_equal(address_format(&mapped, text), "203.0.113.7");
	plain = parsed("2001:0db8::0:1");
	assert_string_equal(address_format(&plain, text), "2001:db8::1");
	assert_int_equal(address_parse("203.0.113", &plain), -EINVAL);
	assert_int_equal(address_parse("", &plain), -EINVAL);
}

static void inside_and_outside(void **state)
{
	static const char *const special[] = {
		"0.0.0.0",
		"10.1.2.3",
		"127.0.0.1",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.255",
		"192.168.1.1",
		"100.64.0.1",
		"100.127.255.255",
		"224.0.0.251",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"fe80::1",
		"fd00::1",
		"fc00::1",
		"ff02::fb",
		"fec0::1",
		"192.0.0.170",
	};
	static const char *const external[] = {
		"203.0.113.7", "198.51.100.7", "8.8.8.8",          "172.32.0.1",
		"172.15.0.1",  "100.63.0.1",   "100.128.0.1",      "192.169.0.1",
		"2001:db8::1", "2a00::1",      "64:ff9b::808:808", "223.255.255.255",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		struct address address = parsed(special[i]);

		if (!address_is_special(&address))
			fail_msg("%s is taken for an outside address", special[i]);
	}
	for (size_t i = 0; i < sizeof(external) / sizeof(external[0]); i++) {
		struct address address = parsed(external[i]);

		if (address_is_special(&address))
			fail_msg("%s is taken for an inside address", external[i]);
	}
}

static void networks_contain_what_they_say(void **state)
{
	struct network network;
	struct address inside = parsed("203.0.113.255"), outside = parsed("203.0.114.0"),
		       v6 = parsed("2001:db8:1::1");

	(void)state;
	assert_int_equal(network_parse("203.0.113.0/24", &network), 0);
	assert_true(network_contains(&network, &inside));
	assert_false(network_contains(&network, &outside));
	assert_false(network_contains(&network, &v6));
	assert_int_equal(network_parse("2001:db8::/33", &network), 0);
	assert_true(network_contains(&network, &v6));
	v6 = parsed("2001:db8:8000::1");
	assert_false(network_contains(&network, &v6));
	assert_int_equal(network_parse("203.0.113.255", &network), 0);
	assert_true(network_contains(&network, &inside));
	assert_int_equal(network_parse("::/0", &network), 0);
	assert_true(network_contains(&network, &inside));
	assert_int_equal(network_parse("203.0.113.0/33", &network), -EINVAL);
	assert_int_equal(network_parse("203.0.113.0/", &network), -EINVAL);
	assert_int_equal(network_parse("203.0.113.0/-1", &network), -EINVAL);
	assert_int_equal(network_parse("nonsense/8", &network), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_addresses_are_ipv4),
		cmocka_unit_test(inside_and_outside),
		cmocka_unit_test(networks_contain_what_they_say),
	};

	return cmocka_run_group_tests_name("base/address", tests, NULL, NULL);
}
