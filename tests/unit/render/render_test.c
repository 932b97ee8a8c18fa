/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lines of both formats for plain, full and hostile alerts. With an argument, the
 * program writes the sample alerts into that folder instead (for the schema test and the manual).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "render/render.h"

#define T0 (INT64_C(1767225600) * NS_PER_SECOND)
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)

static struct alert alert;
static struct dossier dossier;
static char line[RENDER_MAX];

static void plain(void)
{
	memset(&alert, 0, sizeof(alert));
	memset(&dossier, 0, sizeof(dossier));
	strcpy(alert.uid, "019b76da-a800-7abc-8def-0123456789ab");
	alert.kind = ALERT_NEW_DOMAIN;
	alert.severity = SEVERITY_MEDIUM;
	alert.time_ns = T0;
	alert.subject = SUBJECT_DOMAIN;
	strcpy(alert.domain, "example.co.uk");
	alert.attribution.method = METHOD_DNS;
	alert.attribution.rank = RANK_PROCESS;
	alert.attribution.age_ns = 2500000;
	strcpy(alert.attribution.hostname, "www.example.co.uk");
	assert_int_equal(address_parse("203.0.113.7", &alert.remote), 0);
	assert_int_equal(address_parse("203.0.113.10", &alert.local), 0);
	alert.remote_port = 443;
	alert.protocol = IPPROTO_TCP;
	alert.process.owner =
		(struct fs_owner){.tgid = 4242, .uid = 1000, .cgroup_id = 77, .netns = 4026531840};
	alert.window_seconds = 90 * SECONDS_PER_DAY;
	alert.coverage = -1;
	strcpy(dossier.product_version, "0.1.0");
}

static void full(void)
{
	plain();
	alert.process_known = true;
	alert.process.login_uid = 1000;
	alert.process.gid = 1000;
	alert.process.pid_namespace = 4026531836;
	alert.process.mount_namespace = 4026531841;
	strcpy(alert.process.comm, "curl");
	strcpy(alert.process.exe, "/usr/bin/curl");
	strcpy(alert.process.arguments, "curl -s https://www.example.co.uk/");
	strcpy(alert.process.cgroup, "/system.slice/docker-0123456789abcdef.scope");
	strcpy(alert.process.container, "docker:0123456789ab");
	strcpy(alert.process.application, "/usr/bin/curl [docker:0123456789ab]");
	alert.process.ancestor_count = 2;
	alert.process.ancestors[0].tgid = 4200;
	strcpy(alert.process.ancestors[0].comm, "bash");
	alert.process.ancestors[1].tgid = 1;
	memcpy(alert.process.ancestors[1].comm, "sixteen-bytes-xx", FS_COMM_SIZE); /* not terminated */
	strcpy(alert.attribution.chain, "edge.cdn.example a1.cdn.example");
	alert.attribution.rival_count = 9;
	alert.attribution.rivals_listed = 2;
	strcpy(alert.attribution.rivals[0], "www.rival.example");
	strcpy(alert.attribution.rivals[1], "other.example");
	alert.local_port = 40000;
	alert.seen = (struct seen){.host_first_ns = T0 - 300 * DAY, .host_last_ns = T0 - 91 * DAY};
	alert.baseline_since_ns = T0 - 300 * DAY;
	alert.coverage = 0.9987;
	alert.revision = 1;
	alert.outcome = FS_OUTCOME_ESTABLISHED;
	alert.bytes_out = 812;
	alert.bytes_in = 20480;
	alert.severity = SEVERITY_HIGH;
	strcpy(dossier.host, "web-1");
	strcpy(dossier.host_id, "0123456789abcdef0123456789abcdef");
	strcpy(dossier.user, "alice");
	strcpy(dossier.login_user, "alice");
	dossier.application_first_ns = T0 - 200 * DAY;
	dossier.application_domains = 12;
	dossier.application_connections = 3456;
}

static void unnamed(void)
{
	full();
	alert.kind = ALERT_NEW_ADDRESS;
	alert.subject = SUBJECT_ADDRESS;
	assert_int_equal(address_parse("2001:db8::7", &alert.remote), 0);
	strcpy(alert.domain, "2001:db8::7");
	memset(&alert.attribution, 0, sizeof(alert.attribution));
}

static void by_sni(void)
{
	full();
	alert.attribution.method = METHOD_SNI;
	strcpy(alert.attribution.dns_hostname, "www.rival.example");
}

static void for_operator(void)
{
	plain();
	alert.kind = ALERT_LEARNING_COMPLETE;
	alert.severity = SEVERITY_INFORMATIONAL;
	alert.domain[0] = '\0';
	memset(&alert.process, 0, sizeof(alert.process));
	strcpy(alert.message, "learning is complete: 42 domains are known");
}

/* Every text as long as can be, of bytes that take six characters each. */
static void hostile(void)
{
	full();
#define FILL(field) (memset(field, 1, sizeof(field) - 1), (field)[sizeof(field) - 1] = '\0')
	FILL(alert.process.comm);
	FILL(alert.process.exe);
	FILL(alert.process.arguments);
	FILL(alert.process.cgroup);
	FILL(alert.process.application);
	FILL(alert.process.script);
	FILL(alert.attribution.chain);
	FILL(dossier.host);
	FILL(dossier.host_id);
	FILL(dossier.user);
	FILL(dossier.login_user);
#undef FILL
	alert.process.ancestor_count = FS_ANCESTORS_MAX;
	for (int i = 0; i < FS_ANCESTORS_MAX; i++)
		memset(alert.process.ancestors[i].comm, 1, FS_COMM_SIZE);
	alert.attribution.rivals_listed = RIVALS_MAX;
	for (int i = 0; i <= RIVALS_MAX;
	     i++) { /* names hold letters and backslashes alone, whoever sends them */
		char *name = i < RIVALS_MAX ? alert.attribution.rivals[i] : alert.attribution.hostname;

		memset(name, '\\', HOSTNAME_MAX - 1);
		name[HOSTNAME_MAX - 1] = '\0';
	}
	strcpy(alert.attribution.dns_hostname, alert.attribution.hostname);
	strcpy(alert.domain, alert.attribution.hostname);
}

static json_t *rendered(enum render_format format, size_t size)
{
	int64_t length = render_alert(format, &alert, &dossier, line, size);
	json_t *tree;

	assert_true(length > 0 && (size_t)length < size);
	assert_int_equal(strlen(line), length);
	assert_null(strchr(line, '\n'));
	tree = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(tree);
	return tree;
}

static const char *text_at(json_t *tree, const char *path)
{
	char copy[128];

	text_copy(copy, sizeof(copy), path);
	for (char *part = strtok(copy, "."); part; part = strtok(NULL, "."))
		tree = json_is_array(tree) ? json_array_get(tree, (size_t)atoi(part))
					   : json_object_get(tree, part);
	return json_string_value(tree);
}

static void a_plain_alert_says_what_is_known(void **state)
{
	json_t *tree;

	(void)state;
	plain();
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(text_at(tree, "finding_info.uid"), alert.uid);
	assert_string_equal(text_at(tree, "message"),
			    "an unknown program (uid 1000) contacted example.co.uk "
			    "(www.example.co.uk, 203.0.113.7:443/tcp) for the first time");
	assert_string_equal(text_at(tree, "unmapped.kind"), "new_domain");
	assert_string_equal(text_at(tree, "unmapped.attribution.method"), "dns");
	assert_string_equal(text_at(tree, "unmapped.attribution.rank"), "process");
	assert_string_equal(text_at(tree, "evidences.0.dst_endpoint.hostname"), "www.example.co.uk");
	assert_true(json_is_null(json_object_get(json_object_get(tree, "unmapped"), "last_seen")));
	json_decref(tree);
}

static void a_full_alert_answers_the_next_questions(void **state)
{
	json_t *tree;

	(void)state;
	full();
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_int_equal(json_integer_value(json_object_get(tree, "type_uid")), 200402);
	assert_string_equal(
		text_at(tree, "message"),
		"/usr/bin/curl (user alice) contacted example.co.uk (www.example.co.uk, "
		"203.0.113.7:443/tcp) for the first time in 90d; last seen 2025-10-02T00:00:00.000Z");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.file.path"), "/usr/bin/curl");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.cmd_line"), alert.process.arguments);
	assert_string_equal(text_at(tree, "evidences.0.actor.process.user.name"), "alice");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.container.uid"), "0123456789ab");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.parent_process.name"), "bash");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.ancestry.1.name"), "sixteen-bytes-xx");
	assert_string_equal(text_at(tree, "unmapped.last_seen"), "2025-10-02T00:00:00.000Z");
	assert_string_equal(text_at(tree, "unmapped.attribution.rivals.0"), "www.rival.example");
	assert_string_equal(text_at(tree, "unmapped.attribution.chain.1"), "a1.cdn.example");
	json_decref(tree);
	tree = rendered(RENDER_ECS, RENDER_MAX);
	assert_string_equal(text_at(tree, "event.id"), alert.uid);
	assert_string_equal(text_at(tree, "destination.registered_domain"), "example.co.uk");
	assert_string_equal(text_at(tree, "process.executable"), "/usr/bin/curl");
	assert_string_equal(text_at(tree, "labels.firstseen.attribution.rank"), "process");
	json_decref(tree);
}

static void every_size_gives_a_whole_line_or_none(void **state)
{
	static void (*const makers[])(void) = {plain, full, unnamed, by_sni, for_operator, hostile};

	(void)state;
	for (size_t maker = 0; maker < sizeof(makers) / sizeof(makers[0]); maker++) {
		makers[maker]();
		for (size_t size = 1; size <= RENDER_MAX; size += size < 4200 ? 61 : 397) {
			for (int format = RENDER_OCSF; format <= RENDER_ECS; format++) {
				int64_t length = render_alert((enum render_format)format, &alert, &dossier,
							      line, size);
				json_t *tree;

				if (length < 0) {
					assert_int_equal(length, -ENOSPC);
					assert_true(size < RENDER_SYSLOG_MAX);
					continue;
				}
				assert_true((size_t)length < size);
				tree = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
				assert_non_null(tree);
				json_decref(tree);
			}
		}
	}
}

static void what_is_left_out_is_named(void **state)
{
	json_t *tree, *omitted;

	(void)state;
	hostile();
	tree = rendered(RENDER_OCSF, RENDER_SYSLOG_MAX);
	omitted = json_object_get(json_object_get(tree, "unmapped"), "omitted");
	assert_true(json_array_size(omitted) > 0);
	assert_string_equal(json_string_value(json_array_get(omitted, 0)), "observables");
	json_decref(tree);
	full();
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_null(json_object_get(json_object_get(tree, "unmapped"), "omitted"));
	json_decref(tree);
}

static void bytes_that_are_no_text_never_lose_an_alert(void **state)
{
	json_t *tree;

	(void)state;
	full();
	strcpy(alert.process.comm, "\xff\xfe\x01\"");
	strcpy(alert.process.arguments, "%s%n\xf0\x28 \xed\xa0\x80");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(text_at(tree, "evidences.0.actor.process.name"),
			    "\xef\xbf\xbd\xef\xbf\xbd\x01\"");
	json_decref(tree);
}

static int write_samples(const char *folder)
{
	static const struct {
		const char *name;
		void (*make)(void);
	} samples[] = {{"plain", plain},
		       {"full", full},
		       {"unnamed", unnamed},
		       {"by_sni", by_sni},
		       {"for_operator", for_operator},
		       {"hostile", hostile}};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		for (int format = RENDER_OCSF; format <= RENDER_ECS; format++) {
			char path[512];
			FILE *file;

			samples[i].make();
			if (render_alert((enum render_format)format, &alert, &dossier, line, RENDER_MAX) < 0)
				return EXIT_FAILURE;
			snprintf(path, sizeof(path), "%s/%s.%s.json", folder, samples[i].name,
				 format == RENDER_OCSF ? "ocsf" : "ecs");
			file = fopen(path, "w");
			if (!file)
				return EXIT_FAILURE;
			fprintf(file, "%s\n", line);
			fclose(file);
		}
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_alert_says_what_is_known),
		cmocka_unit_test(a_full_alert_answers_the_next_questions),
		cmocka_unit_test(every_size_gives_a_whole_line_or_none),
		cmocka_unit_test(what_is_left_out_is_named),
		cmocka_unit_test(bytes_that_are_no_text_never_lose_an_alert),
	};

	if (argc > 1)
		return write_samples(argv[1]);
	return cmocka_run_group_tests_name("render/render", tests, NULL, NULL);
}
