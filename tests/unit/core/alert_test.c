/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "core/alert.h"

/* Scripts match these: a changed name is a broken interface. */
static void kinds_have_their_names(void **state)
{
	static const char *const names[] = {
		"new_domain",    "new_domain_for_application", "new_address",  "crawler_digest",
		"threat_domain", "learning_complete",          "coverage_gap", "history_recovered",
	};

	(void)state;
	assert_int_equal(sizeof(names) / sizeof(names[0]), ALERT_KINDS);
	for (int kind = 0; kind < ALERT_KINDS; kind++)
		assert_string_equal(alert_kind_name((enum alert_kind)kind), names[kind]);
}

static void severities_are_named_as_in_ocsf(void **state)
{
	(void)state;
	assert_string_equal(alert_severity_name(SEVERITY_INFORMATIONAL), "Informational");
	assert_string_equal(alert_severity_name(SEVERITY_LOW), "Low");
	assert_string_equal(alert_severity_name(SEVERITY_MEDIUM), "Medium");
	assert_string_equal(alert_severity_name(SEVERITY_HIGH), "High");
	assert_string_equal(alert_severity_name(SEVERITY_CRITICAL), "Critical");
}

static void outcomes_and_protocols_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(outcome_name(FS_OUTCOME_UNKNOWN), "unknown");
	assert_string_equal(outcome_name(FS_OUTCOME_ESTABLISHED), "established");
	assert_string_equal(outcome_name(FS_OUTCOME_REFUSED), "refused");
	assert_string_equal(outcome_name(FS_OUTCOME_TIMED_OUT), "timed_out");
	assert_string_equal(outcome_name(FS_OUTCOME_UNREACHABLE), "unreachable");
	assert_string_equal(protocol_name(IPPROTO_TCP), "tcp");
	assert_string_equal(protocol_name(IPPROTO_UDP), "udp");
	assert_string_equal(protocol_name(IPPROTO_ICMP), "other");
}

/* Numbers out of a history that was written by another version, or damaged. */
static void a_number_without_a_name_is_unknown(void **state)
{
	static const uint32_t numbers[] = {8, 9, 255, INT32_MAX, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t number = numbers[i];
		enum alert_severity severity;
		enum fs_outcome outcome;
		enum alert_kind kind;

		memcpy(&kind, &number, sizeof(kind));
		memcpy(&severity, &number, sizeof(severity));
		memcpy(&outcome, &number, sizeof(outcome));
		assert_string_equal(alert_kind_name(kind), "unknown");
		assert_string_equal(alert_severity_name(severity), "Unknown");
		assert_string_equal(outcome_name(outcome), "unknown");
	}
	assert_string_equal(alert_severity_name((enum alert_severity)0), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_their_names),
		cmocka_unit_test(severities_are_named_as_in_ocsf),
		cmocka_unit_test(outcomes_and_protocols_have_their_names),
		cmocka_unit_test(a_number_without_a_name_is_unknown),
	};

	return cmocka_run_group_tests_name("core/alert", tests, NULL, NULL);
}
