/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/decide.h"

#define NOW (INT64_C(1767225600) * NS_PER_SECOND)
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)

static struct decide_case a_case(int64_t host_last_ns)
{
	return (struct decide_case){
		.now_ns = NOW,
		.known_since_ns = NOW - 90 * DAY,
		.subject = SUBJECT_DOMAIN,
		.application_known = true,
		.seen = {.host_last_ns = host_last_ns, .application_last_ns = host_last_ns},
	};
}

static void the_window_decides(void **state)
{
	enum alert_kind kind;
	struct decide_case now = a_case(0);

	(void)state;
	assert_int_equal(decide(&now, &kind), VERDICT_NEW);
	assert_int_equal(kind, ALERT_NEW_DOMAIN);
	now = a_case(NOW - 89 * DAY);
	assert_int_equal(decide(&now, &kind), VERDICT_KNOWN);
	now = a_case(NOW - 90 * DAY);
	assert_int_equal(decide(&now, &kind), VERDICT_KNOWN);
	now = a_case(NOW - 90 * DAY - 1);
	assert_int_equal(decide(&now, &kind), VERDICT_NEW);
	now = a_case(NOW + DAY); /* the clock was set back */
	assert_int_equal(decide(&now, &kind), VERDICT_KNOWN);
}

static void learning_and_old_sockets_never_alert(void **state)
{
	enum alert_kind kind;
	struct decide_case now = a_case(0);

	(void)state;
	now.learning_until_ns = NOW + 1;
	assert_int_equal(decide(&now, &kind), VERDICT_LEARNING);
	now.learning_until_ns = NOW;
	assert_int_equal(decide(&now, &kind), VERDICT_NEW);
	now.preexisting = true;
	assert_int_equal(decide(&now, &kind), VERDICT_PREEXISTING);
}

static void a_threat_alerts_whatever_is_known(void **state)
{
	enum alert_kind kind;
	struct decide_case now = a_case(NOW - DAY);

	(void)state;
	now.threat = now.preexisting = true;
	now.learning_until_ns = NOW + 1;
	assert_int_equal(decide(&now, &kind), VERDICT_NEW);
	assert_int_equal(kind, ALERT_THREAT_DOMAIN);
	assert_int_equal(decide_threat_severity(THREAT_LISTED), SEVERITY_CRITICAL);
	assert_int_equal(decide_threat_severity(THREAT_RECENT), SEVERITY_HIGH);
}

static void scope_says_for_whom(void **state)
{
	enum alert_kind kind;
	struct decide_case now = a_case(NOW - DAY);

	(void)state;
	now.seen.application_last_ns = 0;
	assert_int_equal(decide(&now, &kind), VERDICT_KNOWN);
	now.scope = SCOPE_APPLICATION;
	assert_int_equal(decide(&now, &kind), VERDICT_NEW);
	assert_int_equal(kind, ALERT_NEW_DOMAIN_FOR_APPLICATION);
	now.scope = SCOPE_BOTH;
	assert_int_equal(decide(&now, &kind), VERDICT_NEW);
	assert_int_equal(kind, ALERT_NEW_DOMAIN_FOR_APPLICATION);
	now.seen.host_last_ns = 0;
	assert_int_equal(decide(&now, &kind), VERDICT_NEW);
	assert_int_equal(kind, ALERT_NEW_DOMAIN);
	/* Without an application there is only the host to ask for. */
	now = a_case(NOW - DAY);
	now.scope = SCOPE_APPLICATION;
	now.application_known = false;
	now.seen.application_last_ns = 0;
	assert_int_equal(decide(&now, &kind), VERDICT_KNOWN);
}

static void unnamed_addresses_follow_their_setting(void **state)
{
	enum alert_kind kind;
	struct decide_case now = a_case(0);

	(void)state;
	now.subject = SUBJECT_ADDRESS;
	assert_int_equal(decide(&now, &kind), VERDICT_NEW);
	assert_int_equal(kind, ALERT_NEW_ADDRESS);
	now.unnamed = UNNAMED_RECORD;
	assert_int_equal(decide(&now, &kind), VERDICT_KNOWN);
	now.unnamed = UNNAMED_IGNORE;
	assert_int_equal(decide(&now, &kind), VERDICT_IGNORED);
}

static void severity_follows_its_table(void **state)
{
	(void)state;
	assert_int_equal(decide_severity(ALERT_NEW_DOMAIN, 0, 0, FS_OUTCOME_UNKNOWN), SEVERITY_MEDIUM);
	assert_int_equal(decide_severity(ALERT_NEW_DOMAIN, 10240, 10240, FS_OUTCOME_ESTABLISHED),
			 SEVERITY_MEDIUM);
	assert_int_equal(decide_severity(ALERT_NEW_DOMAIN, 10241, 0, FS_OUTCOME_ESTABLISHED), SEVERITY_HIGH);
	assert_int_equal(decide_severity(ALERT_NEW_DOMAIN, 0, 10241, FS_OUTCOME_ESTABLISHED), SEVERITY_HIGH);
	assert_int_equal(decide_severity(ALERT_NEW_DOMAIN, 0, 0, FS_OUTCOME_REFUSED), SEVERITY_LOW);
	assert_int_equal(decide_severity(ALERT_NEW_DOMAIN_FOR_APPLICATION, 0, 0, FS_OUTCOME_TIMED_OUT),
			 SEVERITY_INFORMATIONAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_decides),
		cmocka_unit_test(learning_and_old_sockets_never_alert),
		cmocka_unit_test(a_threat_alerts_whatever_is_known),
		cmocka_unit_test(scope_says_for_whom),
		cmocka_unit_test(unnamed_addresses_follow_their_setting),
		cmocka_unit_test(severity_follows_its_table),
	};

	return cmocka_run_group_tests_name("core/decide", tests, NULL, NULL);
}
