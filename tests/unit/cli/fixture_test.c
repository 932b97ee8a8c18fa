/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A history for the tests of the command, tests/cli/commands: `fixture_test FILE PID NOW` writes
 * it, as a daemon of that pid that gave its last sign at NOW (UNIX seconds). Without arguments: what
 * those tests rely on is in there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "history/history.h"
#include "render/render.h"

#define HOUR (3600 * NS_PER_SECOND)
#define DAY (24 * HOUR)

/* What a terminal would obey, what a shell would, a tab, a line break, and bytes that are no text. */
#define HOSTILE_APPLICATION "/tmp/\033[31m'; echo pwned; '\t\n\xff\\x41"
#define HOSTILE_HOSTNAME "\033[2J\033]0;title\007evil\\009.bad.example"

struct fixture {
	struct history *history;
	struct batch *batch;
	struct failure failure;
	int64_t now_ns;
	int error;
};

static struct address address(const char *text)
{
	struct address parsed = {{0}};

	address_parse(text, &parsed);
	return parsed;
}

static void keep(struct fixture *fixture, int error)
{
	if (error && !fixture->error)
		fixture->error = error;
}

static void accessed(struct fixture *fixture, int64_t ago, const char *domain, const char *hostname,
		     const char *application, uint32_t uid, const char *remote, uint64_t bytes)
{
	struct access access = {
		.time_ns = fixture->now_ns - ago,
		.kind = strcmp(domain, remote) == 0 ? SUBJECT_ADDRESS : SUBJECT_DOMAIN,
		.domain = domain,
		.hostname = hostname,
		.application = application,
		.exe = application,
		.uid = uid,
		.remote = address(remote),
		.remote_port = 443,
		.protocol = IPPROTO_TCP,
		.connections = 1,
		.bytes_out = bytes,
		.bytes_in = 2 * bytes,
	};

	keep(fixture, batch_add_access(fixture->batch, &access));
}

static void fill_alert(struct alert *alert, const struct fixture *fixture, int64_t ago, unsigned number)
{
	memset(alert, 0, sizeof(*alert));
	alert->time_ns = fixture->now_ns - ago;
	snprintf(alert->uid, sizeof(alert->uid), "01890a5d-ac9%u-7abc-8def-0123456789a%u", number % 10,
		 number % 10);
	alert->kind = ALERT_NEW_DOMAIN;
	alert->severity = SEVERITY_MEDIUM;
	alert->subject = SUBJECT_DOMAIN;
	alert->attribution.method = METHOD_DNS;
	alert->attribution.rank = RANK_PROCESS;
	alert->attribution.age_ns = 12 * NS_PER_MS;
	alert->local = address("203.0.113.1");
	alert->local_port = 40000;
	alert->remote = address("203.0.113.7");
	alert->remote_port = 443;
	alert->protocol = IPPROTO_TCP;
	alert->bytes_out = 2048;
	alert->outcome = FS_OUTCOME_ESTABLISHED;
	alert->process_known = true;
	alert->process.owner = (struct fs_owner){.tgid = 4242, .uid = 0, .netns = 1};
	alert->process.login_uid = 1000;
	alert->process.ancestor_count = 1;
	alert->process.ancestors[0].tgid = 99;
	strcpy(alert->process.ancestors[0].comm, "bash");
	alert->window_seconds = 90 * SECONDS_PER_DAY;
	alert->coverage = 0.75;
}

static void alerted(struct fixture *fixture, const struct alert *alert, enum render_format format)
{
	struct dossier dossier = {.host = "fixture"};
	char line[RENDER_MAX];

	strcpy(dossier.user, "root");
	if (render_alert(format, alert, &dossier, line, sizeof(line)) < 0)
		keep(fixture, -ENOSPC);
	else
		keep(fixture, history_write_alert(fixture->history, alert, line, false, &fixture->failure));
}

static void write_alerts(struct fixture *fixture)
{
	static struct alert alert;

	fill_alert(&alert, fixture, 5 * DAY, 1);
	strcpy(alert.domain, "example.com");
	strcpy(alert.attribution.hostname, "www.example.com");
	strcpy(alert.process.application, "/usr/bin/curl");
	strcpy(alert.process.exe, "/usr/bin/curl");
	strcpy(alert.process.arguments, "curl https://www.example.com/");
	alerted(fixture, &alert, RENDER_OCSF);
	fill_alert(&alert, fixture, 2 * HOUR, 2);
	alert.severity = SEVERITY_HIGH;
	strcpy(alert.domain, "bad.example");
	strcpy(alert.attribution.hostname, HOSTILE_HOSTNAME);
	strcpy(alert.process.application, HOSTILE_APPLICATION);
	strcpy(alert.process.exe, HOSTILE_APPLICATION);
	alerted(fixture, &alert, RENDER_ECS);
	fill_alert(&alert, fixture, 90 * NS_PER_SECOND, 3);
	alert.kind = ALERT_LEARNING_COMPLETE;
	alert.severity = SEVERITY_INFORMATIONAL;
	strcpy(alert.message, "learning is complete");
	alerted(fixture, &alert, RENDER_OCSF);
}

static void write_accesses(struct fixture *fixture)
{
	accessed(fixture, 5 * DAY, "example.com", "www.example.com", "/usr/bin/curl", 0, "203.0.113.7", 1000);
	accessed(fixture, 3 * HOUR, "example.com", "cdn.example.com", "/usr/bin/wget", 65533, "203.0.113.8",
		 3000000);
	accessed(fixture, 2 * HOUR, "bad.example", HOSTILE_HOSTNAME, HOSTILE_APPLICATION, 0, "203.0.113.9",
		 10);
	accessed(fixture, 40 * NS_PER_SECOND, "2001:db8::1", "2001:db8::1", "", FS_UID_UNKNOWN, "2001:db8::1",
		 0);
	keep(fixture, history_write_accesses(fixture->history, fixture->batch, &fixture->failure));
}

static void write_states(struct fixture *fixture, const char *pid)
{
	char number[24], later[24];
	const char *const states[][2] = {
		{"pid", pid},
		{"heartbeat", number},
		{"version", "9.8.7"},
		{"learning_until", later},
		{"hooks", "one two"},
		{"queue", "12"},
		{"flows", "1234"},
		{"lost_process", "0"},
		{"lost_flow_open", "3"},
		{"hooks_missing", "cgroup/sendmsg6=95 iter/none=1 iter/task_file=1"},
	};

	snprintf(number, sizeof(number), "%" PRId64, fixture->now_ns);
	snprintf(later, sizeof(later), "%" PRId64, fixture->now_ns + DAY);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		keep(fixture,
		     history_write_state(fixture->history, states[i][0], states[i][1], &fixture->failure));
}

static void write_sinks(struct fixture *fixture)
{
	const struct sink_row rows[] = {
		{.name = "syslog", .why = ""},
		{.name = "file:" HOSTILE_APPLICATION,
		 .dropped = 7,
		 .refused = 2,
		 .down_since_ns = fixture->now_ns - HOUR,
		 .why = "can not open it: \033[31m"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		keep(fixture, history_keep_sink(fixture->history, &rows[i], &fixture->failure));
}

/* 0 or -errno. The last run is left open, as a daemon that watches has it. */
static int make(const char *path, const char *pid, int64_t now_ns)
{
	struct fixture fixture = {.now_ns = now_ns};
	struct batch_limits limits = {0};
	int64_t run;

	fixture.error = history_open(path, HISTORY_WRITE, &fixture.history, &fixture.failure);
	if (fixture.error || batch_new(&limits, &fixture.batch)) {
		fprintf(stderr, "%s\n", fixture.failure.text);
		return -EIO;
	}
	keep(&fixture, history_run_start(fixture.history, now_ns - 9 * DAY, &run, &fixture.failure));
	keep(&fixture, history_begin(fixture.history, &fixture.failure));
	write_accesses(&fixture);
	write_alerts(&fixture);
	write_states(&fixture, pid);
	write_sinks(&fixture);
	keep(&fixture, history_run_seen(fixture.history, run, now_ns, false, &fixture.failure));
	keep(&fixture, history_commit(fixture.history, &fixture.failure));
	history_close(fixture.history);
	batch_free(fixture.batch);
	if (fixture.error)
		fprintf(stderr, "%s\n", fixture.failure.text);
	return fixture.error;
}

static void the_fixture_is_a_history(void **state)
{
	char folder[] = "/tmp/firstseen-fixture-XXXXXX", path[64];
	struct history_summary summary;
	struct failure failure;
	struct history *history;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/history.db", folder);
	assert_int_equal(make(path, "1", INT64_C(1767225600) * NS_PER_SECOND), 0);
	assert_int_equal(history_open(path, HISTORY_READ, &history, &failure), 0);
	assert_int_equal(history_summary(history, &summary, &failure), 0);
	assert_int_equal(summary.domains, 2);
	assert_int_equal(summary.addresses, 1);
	assert_int_equal(summary.alerts, 3);
	history_close(history);
	snprintf(path, sizeof(path), "rm -r %s", folder);
	assert_int_equal(system(path), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_fixture_is_a_history)};

	if (argc == 4)
		return make(argv[1], argv[2], strtoll(argv[3], NULL, 10) * NS_PER_SECOND) ? EXIT_FAILURE
											  : EXIT_SUCCESS;
	return cmocka_run_group_tests_name("cli/fixture", tests, NULL, NULL);
}
