/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names that are asked for, and what zones of origin ASes answer: right, odd and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "enrich/origin.h"

static struct address address_of(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static void an_address_is_asked_for_in_reverse(void **state)
{
	struct address four = address_of("198.51.100.7"), six = address_of("2001:db8::567:89ab");
	char name[ORIGIN_NAME_MAX], zone[200];

	(void)state;
	origin_reverse_name(&four, name);
	assert_string_equal(name, "7.100.51.198.in-addr.arpa");
	origin_reverse_name(&six, name); /* RFC 3596's example has the same form */
	assert_string_equal(name, "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	assert_int_equal(origin_name(&four, "origin.example", name), 0);
	assert_string_equal(name, "7.100.51.198.origin.example");
	memset(zone, 'a', sizeof(zone) - 1);
	zone[sizeof(zone) - 1] = '\0';
	assert_int_equal(origin_name(&six, zone, name), -ENAMETOOLONG);
}

static void an_origin_is_read(void **state)
{
	struct address address = address_of("198.51.100.7"), six = address_of("2001:db8:1::1");
	struct origin origin;

	(void)state;
	assert_int_equal(
		origin_parse("64496 64497 | 198.51.100.0/24 | ZZ | arin | 2001-02-03", &address, &origin), 0);
	assert_int_equal(origin.asn, 64496);
	assert_int_equal(origin.prefix.bits, 96 + 24);
	assert_string_equal(origin.country, "ZZ");
	assert_string_equal(origin.registry, "arin");
	assert_int_equal(origin_parse("4294967295|2001:db8::/32||ripencc|", &six, &origin), 0);
	assert_true(origin.asn == UINT32_MAX);
	assert_string_equal(origin.country, "");
	assert_string_equal(origin.registry, "ripencc");
	assert_int_equal(origin_parse("64496 | 198.51.100.0/24", &address, &origin), 0);
}

/* Whoever answers may say anything. */
static void what_is_no_origin_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"|",
		"| | | |",
		"64496",
		"AS64496 | 198.51.100.0/24 | ZZ | arin |",
		"-1 | 198.51.100.0/24 | ZZ | arin |",
		"4294967296 | 198.51.100.0/24 | ZZ | arin |",
		"99999999999999999999999999999999 | 198.51.100.0/24 | ZZ | arin |",
		"64496, 64497 | 198.51.100.0/24 | ZZ | arin |",
		"64496 | 203.0.113.0/24 | ZZ | arin |", /* another address's */
		"64496 | 198.51.100.0/33 | ZZ | arin |",
		"64496 | 198.51.100.0/24/24 | ZZ | arin |",
		"64496 | 2001:db8::/32 | ZZ | arin |",
		"64496 | <script>alert(1)</script> | ZZ | arin |",
		"1 | 198.51.100.0/24 | ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ|",
	};
	struct address address = address_of("198.51.100.7");
	struct origin origin, before;

	(void)state;
	memset(&origin, 0x5a, sizeof(origin));
	before = origin;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (origin_parse(texts[i], &address, &origin) != -EINVAL)
			fail_msg("taken: %s", texts[i]);
		assert_memory_equal(&origin, &before, sizeof(origin));
	}
}

static void a_field_that_makes_no_sense_is_left_out(void **state)
{
	struct address address = address_of("198.51.100.7");
	struct origin origin;

	(void)state;
	assert_int_equal(origin_parse("64496 | 198.51.100.0/24 | z\" | {\"a\":1} | x", &address, &origin), 0);
	assert_string_equal(origin.country, "");
	assert_string_equal(origin.registry, "");
	assert_int_equal(
		origin_parse("64496 | 198.51.100.0/24 | Z | arinarinarinarin | x", &address, &origin), 0);
	assert_string_equal(origin.country, "");
	assert_string_equal(origin.registry, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_asked_for_in_reverse),
		cmocka_unit_test(an_origin_is_read),
		cmocka_unit_test(what_is_no_origin_is_refused),
		cmocka_unit_test(a_field_that_makes_no_sense_is_left_out),
	};

	return cmocka_run_group_tests_name("enrich/origin", tests, NULL, NULL);
}
