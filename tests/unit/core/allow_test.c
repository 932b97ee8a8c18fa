/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "core/allow.h"

static struct process process;

static struct allow_case a_case(void)
{
	struct allow_case now = {.now_ns = 1000,
				 .subject = SUBJECT_DOMAIN,
				 .domain = "example.com",
				 .hostname = "www.example.com",
				 .process = &process,
				 .uid = 33,
				 .remote_port = 443};

	memset(&process, 0, sizeof(process));
	strcpy(process.application, "/usr/bin/python3 /opt/sync.py [docker:0123456789ab]");
	strcpy(process.exe, "/usr/bin/python3");
	strcpy(process.container, "docker:0123456789ab");
	address_parse("203.0.113.7", &now.remote);
	return now;
}

/* Whether a rule of these fields (name and value by turns, ended by NULL) holds. */
static bool holds(const struct allow_case *now, const char *const *fields)
{
	struct allow_rule rule = {.name = "r"};
	struct allow_set *set;
	const char *why;
	bool found;

	for (size_t i = 0; fields[i]; i += 2)
		if (allow_read(&rule, fields[i], fields[i + 1], &why))
			fail_msg("%s=%s: %s", fields[i], fields[i + 1], why);
	assert_int_equal(allow_set_new(&rule, 1, NULL, 0, &set), 0);
	found = allow_match(set, now) != NULL;
	allow_set_free(set);
	return found;
}

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void every_field_narrows(void **state)
{
	struct allow_case now = a_case();

	(void)state;
	assert_true(holds(&now, FIELDS("domain", "example.com")));
	assert_true(holds(&now, FIELDS("domain", "WWW.example.com.")));
	assert_true(holds(&now, FIELDS("domain", "*.example.com")));
	assert_true(holds(&now, FIELDS("domain", ".example.com")));
	assert_true(holds(&now, FIELDS("domain", ".www.example.com")));
	assert_false(holds(&now, FIELDS("domain", "*.www.example.com")));
	assert_false(holds(&now, FIELDS("domain", "ample.com")));
	assert_false(holds(&now, FIELDS("domain", ".ample.com")));
	assert_true(holds(&now, FIELDS("application", "/usr/bin/python3")));
	assert_true(holds(&now, FIELDS("application", "/usr/bin/python3 /opt/*")));
	assert_false(holds(&now, FIELDS("application", "/usr/bin/python")));
	assert_true(holds(&now, FIELDS("container", "docker:*")));
	assert_false(holds(&now, FIELDS("container", "podman:*")));
	assert_true(holds(&now, FIELDS("user", "33")));
	assert_false(holds(&now, FIELDS("user", "0")));
	assert_true(holds(&now, FIELDS("network", "203.0.113.0/24")));
	assert_false(holds(&now, FIELDS("network", "198.51.100.0/24")));
	assert_true(holds(&now, FIELDS("port", "443")));
	assert_false(holds(&now, FIELDS("port", "80")));
	assert_true(holds(&now, FIELDS("domain", "example.com", "user", "33", "port", "443")));
	assert_false(holds(&now, FIELDS("domain", "example.com", "user", "33", "port", "80")));
}

static void what_is_not_known_does_not_fit(void **state)
{
	struct allow_case now = a_case();

	(void)state;
	now.process = NULL;
	now.uid = FS_UID_UNKNOWN;
	assert_false(holds(&now, FIELDS("application", "*")));
	assert_false(holds(&now, FIELDS("container", "*")));
	assert_false(holds(&now, FIELDS("user", "33")));
	now.subject = SUBJECT_ADDRESS;
	now.domain = now.hostname = "203.0.113.7";
	assert_false(holds(&now, FIELDS("domain", "example.com")));
	assert_true(holds(&now, FIELDS("network", "203.0.113.7")));
}

static void a_threat_is_only_muted_by_a_rule_with_its_domain(void **state)
{
	struct allow_case now = a_case();

	(void)state;
	now.entry = "entry.example";
	assert_false(holds(&now, FIELDS("application", "*")));
	assert_true(holds(&now, FIELDS("domain", "example.com")));
}

static void mistakes_are_told(void **state)
{
	struct allow_rule rule = {.name = "r"};
	const char *why = NULL;

	(void)state;
	assert_int_equal(allow_check(&rule, &why), -EINVAL);
	assert_int_equal(allow_read(&rule, "colour", "red", &why), -ENOENT);
	assert_int_equal(allow_read(&rule, "port", "0", &why), -EINVAL);
	assert_int_equal(allow_read(&rule, "port", "65536", &why), -EINVAL);
	assert_int_equal(allow_read(&rule, "user", "-1", &why), -EINVAL);
	assert_int_equal(allow_read(&rule, "user", "4294967295", &why), -EINVAL);
	assert_int_equal(allow_read(&rule, "network", "203.0.113.0/33", &why), -EINVAL);
	assert_int_equal(allow_read(&rule, "domain", "*.", &why), -EINVAL);
	assert_int_equal(allow_read(&rule, "reason", "", &why), -EINVAL);
}

static int take_hits(void *context, const struct allow_rule *rule, uint64_t hits, int64_t last_ns)
{
	uint64_t *seen = context;

	assert_string_equal(rule->name, "second");
	assert_int_equal(last_ns, 1000);
	*seen = hits;
	return *seen == 2 ? -ENOSPC : 0;
}

static void hits_are_counted_until_they_are_taken(void **state)
{
	struct allow_case now = a_case();
	struct allow_rule rules[2] = {{.name = "first", .expires_ns = 1000}, {.name = "second"}};
	struct allow_set *set;
	uint64_t seen = 0;

	(void)state;
	strcpy(rules[0].domain, "example.com");
	strcpy(rules[1].domain, "example.com");
	assert_int_equal(allow_set_new(rules, 2, NULL, 0, &set), 0);
	assert_string_equal(allow_match(set, &now)->name, "second"); /* the first has expired */
	assert_non_null(allow_match(set, &now));
	allow_take_hits(set, take_hits, &seen);
	assert_int_equal(seen, 2);
	assert_non_null(allow_match(set, &now));
	allow_take_hits(set, take_hits, &seen);
	assert_int_equal(seen, 3); /* those that were refused came again */
	seen = 0;
	allow_take_hits(set, take_hits, &seen);
	assert_int_equal(seen, 0);
	allow_set_free(set);
	assert_null(allow_match(NULL, &now));
}

static void acknowledged_is_for_the_host_or_one_application(void **state)
{
	struct ack acks[2] = {{.kind = SUBJECT_DOMAIN, .domain = "host.example"},
			      {.kind = SUBJECT_DOMAIN, .domain = "app.example", .application = "/a"}};
	struct allow_set *set;

	(void)state;
	assert_int_equal(allow_set_new(NULL, 0, acks, 2, &set), 0);
	assert_true(allow_acknowledged(set, SUBJECT_DOMAIN, "host.example", "/b", NULL));
	assert_true(allow_acknowledged(set, SUBJECT_DOMAIN, "host.example", "", NULL));
	assert_false(allow_acknowledged(set, SUBJECT_ADDRESS, "host.example", "", NULL));
	assert_true(allow_acknowledged(set, SUBJECT_DOMAIN, "app.example", "/a", NULL));
	assert_false(allow_acknowledged(set, SUBJECT_DOMAIN, "app.example", "/b", NULL));
	assert_false(allow_acknowledged(set, SUBJECT_DOMAIN, "app.example", "", NULL));
	assert_false(allow_acknowledged(NULL, SUBJECT_DOMAIN, "host.example", "", NULL));
	allow_set_free(set);
}

/* Listed after it was reviewed, it is another matter. */
static void a_threat_is_only_muted_by_an_acknowledged_threat(void **state)
{
	struct ack acks[2] = {{.kind = SUBJECT_DOMAIN, .domain = "new.example"},
			      {.kind = SUBJECT_DOMAIN, .domain = "evil.example", .threat = true}};
	struct allow_set *set;

	(void)state;
	assert_int_equal(allow_set_new(NULL, 0, acks, 2, &set), 0);
	assert_true(allow_acknowledged(set, SUBJECT_DOMAIN, "new.example", "/a", NULL));
	assert_false(allow_acknowledged(set, SUBJECT_DOMAIN, "new.example", "/a", "new.example"));
	assert_true(allow_acknowledged(set, SUBJECT_DOMAIN, "good.example", "/a", "evil.example"));
	assert_false(allow_acknowledged(set, SUBJECT_DOMAIN, "evil.example", "/a", "x.evil.example"));
	assert_true(allow_acknowledged(set, SUBJECT_DOMAIN, "evil.example", "/a", NULL));
	assert_false(allow_acknowledged(set, SUBJECT_ADDRESS, "evil.example", "/a", NULL));
	allow_set_free(set);
}

static void globs_end(void **state)
{
	char pattern[400], text[4000];

	(void)state;
	assert_true(allow_glob("*", ""));
	assert_true(allow_glob("a*b?d", "axxbcd"));
	assert_false(allow_glob("a*b?d", "axxbd"));
	assert_true(allow_glob("*.py", "a.pyx.py"));
	assert_false(allow_glob("", "a"));
	/* Nothing that backs up again and again. */
	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[sizeof(pattern) - 2] = 'b';
	pattern[sizeof(pattern) - 1] = '\0';
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(allow_glob(pattern, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_narrows),
		cmocka_unit_test(what_is_not_known_does_not_fit),
		cmocka_unit_test(a_threat_is_only_muted_by_a_rule_with_its_domain),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(hits_are_counted_until_they_are_taken),
		cmocka_unit_test(acknowledged_is_for_the_host_or_one_application),
		cmocka_unit_test(a_threat_is_only_muted_by_an_acknowledged_threat),
		cmocka_unit_test(globs_end),
	};

	return cmocka_run_group_tests_name("core/allow", tests, NULL, NULL);
}
