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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "render/render.h"
#include "render/samples.h"

#define SIZE_MOST 9000

static struct sample sample;
static char line[SIZE_MOST];

static json_t *read_back(int64_t length, size_t size)
{
	json_error_t error;
	json_t *tree;

	assert_true(length > 0 && (size_t)length < size);
	assert_int_equal(strlen(line), length);
	assert_null(strchr(line, '\n'));
	/* Volumes over 2^63 are beyond jansson; what is asked for here are structure and texts. */
	tree = json_loads(line, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	if (!tree)
		fail_msg("%s at %d in %s", error.text, error.position, line);
	return tree;
}

static json_t *rendered(enum render_format format, size_t size)
{
	return read_back(render_alert(format, &sample.alert, &sample.dossier, line, size), size);
}

static json_t *at(json_t *tree, const char *path)
{
	char copy[128];

	text_copy(copy, sizeof(copy), path);
	for (char *part = strtok(copy, "."); part; part = strtok(NULL, "."))
		tree = json_is_array(tree) ? json_array_get(tree, (size_t)atoi(part))
					   : json_object_get(tree, part);
	return tree;
}

static const char *text_at(json_t *tree, const char *path)
{
	return json_string_value(at(tree, path));
}

static bool names(json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), name) == 0)
			return true;
	return false;
}

static void make(const char *name)
{
	for (const struct sample_row *row = sample_rows; row->name; row++) {
		if (strcmp(row->name, name) == 0) {
			row->make(&sample);
			return;
		}
	}
	fail_msg("no sample %s", name);
}

static void a_plain_alert_says_what_is_known(void **state)
{
	json_t *tree;

	(void)state;
	make("plain");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(text_at(tree, "finding_info.uid"), sample.alert.uid);
	assert_string_equal(text_at(tree, "metadata.uid"), "019b76da-a800-7abc-8def-0123456789ab:0");
	assert_string_equal(text_at(tree, "message"),
			    "an unknown program (uid 1000) contacted example.co.uk "
			    "(www.example.co.uk, 203.0.113.7:443/tcp) for the first time");
	assert_string_equal(text_at(tree, "unmapped.kind"), "new_domain");
	assert_string_equal(text_at(tree, "unmapped.new_for"), "host");
	assert_string_equal(text_at(tree, "unmapped.attribution.method"), "dns");
	assert_string_equal(text_at(tree, "unmapped.attribution.rank"), "process");
	assert_string_equal(text_at(tree, "evidences.0.dst_endpoint.hostname"), "www.example.co.uk");
	assert_true(json_is_null(at(tree, "unmapped.last_seen")));
	assert_null(at(tree, "unmapped.package"));
	json_decref(tree);
}

static void what_the_history_could_not_tell_is_not_told_as_certain(void **state)
{
	json_t *tree;

	(void)state;
	make("plain");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_null(at(tree, "unmapped.history_unread"));
	json_decref(tree);
	make("plain");
	sample.alert.seen.unread = true;
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(
		text_at(tree, "message"),
		"an unknown program (uid 1000) contacted example.co.uk "
		"(www.example.co.uk, 203.0.113.7:443/tcp) perhaps for the first time; history unreadable");
	assert_true(json_is_true(at(tree, "unmapped.history_unread")));
	json_decref(tree);
	make("threat"); /* of what is remembered without the history nothing is in doubt */
	sample.alert.seen.unread = true;
	sample.alert.seen.host_last_ns = sample.alert.time_ns - NS_PER_SECOND;
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_non_null(strstr(text_at(tree, "message"), " again; last seen "));
	json_decref(tree);
}

static void a_full_alert_answers_the_next_questions(void **state)
{
	json_t *tree;

	(void)state;
	make("full");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_true(json_number_value(at(tree, "type_uid")) == 200402);
	assert_true(json_number_value(at(tree, "time")) == 1767225600000.0);
	assert_string_equal(text_at(tree, "metadata.uid"), "019b76da-a800-7abc-8def-0123456789ab:1");
	assert_string_equal(
		text_at(tree, "message"),
		"/usr/bin/curl (user alice) contacted example.co.uk (www.example.co.uk, "
		"203.0.113.7:443/tcp) for the first time in 90d; last seen 2025-10-02T00:00:00.000Z");
	assert_string_equal(text_at(tree, "evidences.0.query.hostname"), "www.example.co.uk");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.file.path"), "/usr/bin/curl");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.file.name"), "curl");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.cmd_line"),
			    sample.alert.process.arguments);
	assert_string_equal(text_at(tree, "evidences.0.actor.process.user.name"), "alice");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.container.uid"), "0123456789ab");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.parent_process.name"), "bash");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.ancestry.1.name"), "sixteen-bytes-xx");
	assert_string_equal(text_at(tree, "unmapped.last_seen"), "2025-10-02T00:00:00.000Z");
	assert_true(json_number_value(at(tree, "unmapped.window_days")) == 90);
	assert_string_equal(text_at(tree, "unmapped.attribution.rivals.0"), "www.rival.example");
	assert_string_equal(text_at(tree, "unmapped.attribution.chain.1"), "a1.cdn.example");
	assert_true(json_is_null(at(tree, "unmapped.package")));
	assert_string_equal(text_at(tree, "unmapped.package_absent"), "in_container");
	assert_null(at(tree, "unmapped.script_package"));
	assert_null(at(tree, "unmapped.script_package_absent"));
	assert_true(json_number_value(at(tree, "unmapped.packages_changed_7d.count")) == 5);
	assert_string_equal(text_at(tree, "unmapped.packages_changed_7d.newest.1.name"), "libssl3:amd64");
	json_decref(tree);
}

static void ecs_has_the_same_in_its_places(void **state)
{
	json_t *tree;

	(void)state;
	make("full");
	tree = rendered(RENDER_ECS, RENDER_MAX);
	assert_string_equal(text_at(tree, "event.id"), sample.alert.uid);
	assert_string_equal(text_at(tree, "event.outcome"), "success");
	assert_string_equal(text_at(tree, "destination.registered_domain"), "example.co.uk");
	assert_string_equal(text_at(tree, "dns.question.name"), "www.example.co.uk");
	assert_string_equal(text_at(tree, "process.executable"), "/usr/bin/curl");
	assert_string_equal(text_at(tree, "process.parent.name"), "bash");
	assert_null(at(tree, "package"));
	assert_string_equal(text_at(tree, "labels.firstseen.attribution.rank"), "process");
	json_decref(tree);
}

/* Of a program that reads a script, the script's package tells more; both are among the facts. */
static void packages_are_those_of_what_runs(void **state)
{
	json_t *tree;

	(void)state;
	make("on_the_host");
	tree = rendered(RENDER_ECS, RENDER_MAX);
	assert_string_equal(text_at(tree, "package.name"), "curl");
	assert_string_equal(text_at(tree, "package.version"), "7.88.1-10");
	assert_string_equal(text_at(tree, "labels.firstseen.package.upgraded"), "2025-12-30T00:00:00.000Z");
	assert_true(json_is_true(at(tree, "labels.firstseen.package.replaced")));
	assert_null(at(tree, "labels.firstseen.package_absent"));
	json_decref(tree);
	make("script");
	tree = rendered(RENDER_ECS, RENDER_MAX);
	assert_string_equal(text_at(tree, "package.name"), "unattended-upgrades");
	assert_string_equal(text_at(tree, "labels.firstseen.package.name"), "python3.11-minimal");
	assert_string_equal(text_at(tree, "labels.firstseen.script_package.name"), "unattended-upgrades");
	assert_null(at(tree, "labels.firstseen.package.replaced"));
	json_decref(tree);
	make("own_script");
	tree = rendered(RENDER_ECS, RENDER_MAX);
	assert_null(at(tree, "package"));
	assert_true(json_is_null(at(tree, "labels.firstseen.script_package")));
	assert_string_equal(text_at(tree, "labels.firstseen.script_package_absent"), "unowned");
	json_decref(tree);
}

/* First the names of what changed, then the packages; how many changed goes with the latter. */
static void packages_are_left_out_by_name(void **state)
{
	json_t *tree, *omitted;
	size_t size = RENDER_MAX;

	(void)state;
	make("on_the_host");
	do {
		tree = rendered(RENDER_OCSF, size -= 16);
		omitted = at(tree, "unmapped.omitted");
		if (names(omitted, "packages_changed_7d.newest"))
			break;
		assert_non_null(at(tree, "unmapped.packages_changed_7d.newest"));
		json_decref(tree);
	} while (size > 1000);
	assert_null(at(tree, "unmapped.packages_changed_7d.newest"));
	assert_true(json_number_value(at(tree, "unmapped.packages_changed_7d.count")) == 5);
	assert_non_null(at(tree, "unmapped.package"));
	json_decref(tree);
	make("hostile");
	tree = rendered(RENDER_OCSF, RENDER_SYSLOG_MAX);
	assert_true(names(at(tree, "unmapped.omitted"), "package"));
	assert_null(at(tree, "unmapped.package"));
	assert_null(at(tree, "unmapped.packages_changed_7d"));
	json_decref(tree);
}

/* What is not known is absent or null, never a value that looks like one. */
static void what_is_not_known_is_not_made_up(void **state)
{
	json_t *tree;

	(void)state;
	make("unnamed");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_null(at(tree, "evidences.0.src_endpoint"));
	assert_null(at(tree, "evidences.0.query"));
	assert_null(at(tree, "evidences.0.dst_endpoint.hostname"));
	assert_true(json_is_null(at(tree, "unmapped.attribution.age_ms")));
	json_decref(tree);
	make("by_sni");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(text_at(tree, "evidences.0.query.hostname"), "www.rival.example");
	assert_string_equal(text_at(tree, "evidences.0.dst_endpoint.hostname"), "www.example.co.uk");
	json_decref(tree);
	make("for_operator");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(text_at(tree, "message"), sample.alert.message);
	assert_null(at(tree, "evidences"));
	assert_null(at(tree, "unmapped.last_seen"));
	assert_null(at(tree, "unmapped.window_days"));
	json_decref(tree);
}

static void says(const char *words)
{
	json_t *tree = rendered(RENDER_OCSF, RENDER_MAX);

	if (!strstr(text_at(tree, "message"), words))
		fail_msg("\"%s\" has no \"%s\"", text_at(tree, "message"), words);
	json_decref(tree);
}

static void the_sentence_is_true_of_each_kind(void **state)
{
	json_t *tree;

	(void)state;
	make("threat");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(text_at(tree, "message"),
			    "/usr/bin/curl (user alice) contacted example.co.uk (www.example.co.uk, "
			    "203.0.113.7:443/tcp), which is on a threat list, again; last seen "
			    "2025-12-31T00:00:00.000Z");
	assert_null(at(tree, "unmapped.new_for"));
	assert_string_equal(text_at(tree, "unmapped.threat.list"), "blocklist.txt");
	assert_string_equal(text_at(tree, "osint.0.value"), "example.co.uk");
	json_decref(tree);
	says(", which is on a threat list, again");
	sample.alert.threat.class = THREAT_RECENT;
	says(", which was registered lately, again");
	text_copy(sample.alert.threat.entry, HOSTNAME_MAX, "evil.example");
	says(", at the address of a name registered lately, again");
	sample.alert.threat.class = THREAT_LISTED;
	text_copy(sample.alert.attribution.chain, CHAIN_MAX, "cdn.example notevil.example");
	says(", at the address of a name on a threat list, again");
	text_copy(sample.alert.attribution.chain, CHAIN_MAX, "cdn.example x.evil.example y.example");
	says(", which leads to a name on a threat list, again");
	sample.alert.threat.class = THREAT_RECENT;
	says(", which leads to a name registered lately, again");
	text_copy(sample.alert.attribution.dns_hostname, HOSTNAME_MAX, "evil.example");
	says(", which was registered lately, again");
	make("for_application");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(text_at(tree, "message"),
			    "/usr/bin/curl (user alice) contacted example.co.uk (www.example.co.uk, "
			    "203.0.113.7:443/tcp) for the first time for this application");
	json_decref(tree);
	sample.alert.outcome = FS_OUTCOME_REFUSED; /* as its update knows */
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_non_null(strstr(text_at(tree, "message"), "(user alice) tried example.co.uk ("));
	assert_string_equal(text_at(tree, "unmapped.new_for"), "application");
	json_decref(tree);
	make("digest");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(
		text_at(tree, "message"),
		"/usr/bin/curl [docker:0123456789ab], a crawler (more than 20 new domains in 1h), "
		"contacted 23 more new domains");
	assert_string_equal(text_at(tree, "unmapped.crawler.phase"), "continues");
	assert_string_equal(text_at(tree, "unmapped.crawler.examples.1"), "example.org");
	assert_string_equal(text_at(tree, "evidences.0.actor.process.name"), "curl");
	assert_null(at(tree, "evidences.0.dst_endpoint"));
	assert_null(at(tree, "unmapped.attribution"));
	json_decref(tree);
}

static void every_size_gives_a_whole_line_or_none(void **state)
{
	(void)state;
	for (const struct sample_row *row = sample_rows; row->name; row++) {
		row->make(&sample);
		for (size_t size = 0; size <= SIZE_MOST; size += size < 4200 ? 61 : 397) {
			for (int format = RENDER_OCSF; format <= RENDER_ECS; format++) {
				int64_t length = render_alert((enum render_format)format, &sample.alert,
							      &sample.dossier, line, size);

				if (length < 0) {
					assert_int_equal(length, -ENOSPC);
					assert_true(size < RENDER_SYSLOG_MAX);
				} else {
					json_decref(read_back(length, size));
				}
			}
		}
	}
}

/* Whatever is in the texts: controls (six bytes each), quotes, plain letters, bytes that are no UTF-8. */
static void the_worst_alert_of_every_kind_fits_syslog(void **state)
{
	static const char bytes[] = {1, 0x7f, '"', '\\', 'x', ' ', (char)0xff};
	int64_t longest = 0;

	(void)state;
	for (int kind = 0; kind < ALERT_KINDS; kind++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			sample_worst(&sample, (enum alert_kind)kind, bytes[i]);
			for (int format = RENDER_OCSF; format <= RENDER_ECS; format++) {
				size_t least = RENDER_SYSLOG_MAX;
				int64_t length = render_alert((enum render_format)format, &sample.alert,
							      &sample.dossier, line, least);

				json_decref(read_back(length, least));
				while (length > 0 && least > 1)
					length = render_alert((enum render_format)format, &sample.alert,
							      &sample.dossier, line, least -= 16);
				longest = (int64_t)least > longest ? (int64_t)least : longest;
			}
		}
	}
	print_message("# the worst alert takes %lld bytes of %d\n", (long long)longest, RENDER_SYSLOG_MAX);
}

static void what_is_left_out_is_named(void **state)
{
	json_t *tree, *omitted;

	(void)state;
	make("hostile");
	tree = rendered(RENDER_OCSF, RENDER_SYSLOG_MAX);
	omitted = at(tree, "unmapped.omitted");
	assert_string_equal(json_string_value(json_array_get(omitted, 0)), "observables");
	assert_true(names(omitted, "process.arguments"));
	assert_true(names(omitted, "process.executable (cut)"));
	assert_null(at(tree, "evidences.0.actor.process.cmd_line"));
	json_decref(tree);
	make("full");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_null(at(tree, "unmapped.omitted"));
	json_decref(tree);
}

/* The least needed first, and nothing more than has to go. */
static void parts_go_one_by_one(void **state)
{
	json_t *tree;
	int64_t whole;

	(void)state;
	make("full");
	whole = render_alert(RENDER_OCSF, &sample.alert, &sample.dossier, line, RENDER_MAX);
	tree = rendered(RENDER_OCSF, (size_t)whole + 1);
	assert_null(at(tree, "unmapped.omitted"));
	json_decref(tree);
	tree = rendered(RENDER_OCSF, (size_t)whole);
	assert_int_equal(json_array_size(at(tree, "unmapped.omitted")), 1);
	assert_null(at(tree, "observables"));
	assert_non_null(at(tree, "unmapped.attribution.rivals"));
	json_decref(tree);
}

static void a_cut_keeps_characters_whole_and_is_marked(void **state)
{
	const char *path;
	json_t *tree;

	(void)state;
	sample_worst(&sample, ALERT_NEW_DOMAIN, 1);
	for (size_t i = 0; i + 3 < PROCESS_EXE_MAX; i += 3)
		strcpy(sample.alert.process.exe + i, "\xe2\x82\xac"); /* the euro sign */
	tree = rendered(RENDER_ECS, RENDER_SYSLOG_MAX);
	path = text_at(tree, "process.executable");
	assert_true(strlen(path) > 3 && strlen(path) < 1000);
	assert_int_equal((strlen(path) - 3) % 3, 0);
	assert_string_equal(path + strlen(path) - 6, "\xe2\x82\xac...");
	json_decref(tree);
}

/* The longest real hostname is whole even where nearly everything else had to go. */
static void a_hostname_of_usual_characters_is_never_cut(void **state)
{
	json_t *tree;

	(void)state;
	sample_worst(&sample, ALERT_NEW_DOMAIN_FOR_APPLICATION, 1);
	strcpy(sample.alert.uid, "019b76da-a800-7abc-8def-0123456789ab");
	memset(sample.alert.attribution.hostname, 'a', 253);
	sample.alert.attribution.hostname[253] = '\0';
	strcpy(sample.alert.domain, sample.alert.attribution.hostname);
	tree = rendered(RENDER_OCSF, RENDER_SYSLOG_MAX);
	assert_string_equal(text_at(tree, "evidences.0.dst_endpoint.hostname"),
			    sample.alert.attribution.hostname);
	assert_string_equal(text_at(tree, "unmapped.domain"), sample.alert.domain);
	json_decref(tree);
}

static void bytes_that_are_no_text_never_lose_an_alert(void **state)
{
	json_t *tree;

	(void)state;
	make("full");
	strcpy(sample.alert.process.comm, "\xff\xfe\x01\"");
	strcpy(sample.alert.process.arguments, "%s%n\xf0\x28 \xed\xa0\x80");
	tree = rendered(RENDER_OCSF, RENDER_MAX);
	assert_string_equal(text_at(tree, "evidences.0.actor.process.name"),
			    "\xef\xbf\xbd\xef\xbf\xbd\x01\"");
	assert_memory_equal(text_at(tree, "evidences.0.actor.process.cmd_line"), "%s%n\xef\xbf\xbd(", 8);
	json_decref(tree);
}

static int write_sample(const char *folder, const struct sample_row *row, enum render_format format,
			size_t size)
{
	char path[512];
	FILE *file;

	row->make(&sample);
	if (render_alert(format, &sample.alert, &sample.dossier, line, size) < 0)
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/%s.%zu.%s.json", folder, row->name, size,
		 format == RENDER_OCSF ? "ocsf" : "ecs");
	file = fopen(path, "w");
	if (!file)
		return EXIT_FAILURE;
	fprintf(file, "%s\n", line);
	return fclose(file) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int write_samples(const char *folder)
{
	int failed = 0;

	for (const struct sample_row *row = sample_rows; row->name; row++)
		for (int format = RENDER_OCSF; format <= RENDER_ECS; format++)
			failed |= write_sample(folder, row, (enum render_format)format, RENDER_MAX) |
				  write_sample(folder, row, (enum render_format)format, RENDER_SYSLOG_MAX);
	return failed;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_alert_says_what_is_known),
		cmocka_unit_test(what_the_history_could_not_tell_is_not_told_as_certain),
		cmocka_unit_test(a_full_alert_answers_the_next_questions),
		cmocka_unit_test(ecs_has_the_same_in_its_places),
		cmocka_unit_test(packages_are_those_of_what_runs),
		cmocka_unit_test(packages_are_left_out_by_name),
		cmocka_unit_test(what_is_not_known_is_not_made_up),
		cmocka_unit_test(the_sentence_is_true_of_each_kind),
		cmocka_unit_test(every_size_gives_a_whole_line_or_none),
		cmocka_unit_test(the_worst_alert_of_every_kind_fits_syslog),
		cmocka_unit_test(what_is_left_out_is_named),
		cmocka_unit_test(parts_go_one_by_one),
		cmocka_unit_test(a_cut_keeps_characters_whole_and_is_marked),
		cmocka_unit_test(a_hostname_of_usual_characters_is_never_cut),
		cmocka_unit_test(bytes_that_are_no_text_never_lose_an_alert),
	};

	if (argc > 1)
		return write_samples(argv[1]);
	return cmocka_run_group_tests_name("render/render", tests, NULL, NULL);
}
