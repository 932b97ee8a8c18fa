/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every file of tests/scenario through the pipeline, with a history in memory; what
 * the file expects is held against what came out. See docs/scenarios.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "config/config.h"
#include "core/pipeline.h"
#include "history/history.h"
#include "source/source.h"

#define ALERTS_MAX 4096

struct run {
	struct config config;
	struct network_scope networks;
	struct history *history;
	struct batch *batch;
	struct pipeline *pipeline;
	struct domain_rules *rules;
	int64_t now_ns;
	size_t alert_count, alert_next; /* told and not yet expected */
	struct alert *alerts;
	bool has_flow;
	char flow_domain[DOMAIN_MAX];
	struct attribution flow;
	enum verdict verdict;
	unsigned expectations;
};

static int write_batch(struct run *run)
{
	struct failure failure = {{0}};
	int error = history_begin(run->history, &failure);

	if (!error)
		error = history_write_accesses(run->history, run->batch, &failure);
	for (size_t i = 0; i < batch_alert_count(run->batch) && !error; i++)
		error = history_write_alert(run->history, batch_alert_at(run->batch, i), "{}", false,
					    &failure);
	if (!error)
		error = history_commit(run->history, &failure);
	if (error)
		fail_msg("%s", failure.text);
	batch_clear(run->batch);
	return error;
}

static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	struct run *run = context;

	write_batch(run);
	return history_seen(run->history, kind, domain, application, out);
}

static void on_access(void *context, const struct access *access)
{
	struct run *run = context;

	if (batch_add_access(run->batch, access) == -ENOSPC) {
		write_batch(run);
		assert_int_equal(batch_add_access(run->batch, access), 0);
	}
}

static void on_alert(void *context, const struct alert *alert)
{
	struct run *run = context;

	assert_true(run->alert_count < ALERTS_MAX);
	run->alerts[run->alert_count++] = *alert;
	assert_int_equal(batch_add_alert(run->batch, alert), 0);
	write_batch(run);
}

static void on_flow(void *context, const struct flow_report *flow)
{
	struct run *run = context;

	run->has_flow = true;
	run->flow = *flow->attribution;
	run->verdict = flow->verdict;
	text_copy(run->flow_domain, sizeof(run->flow_domain), flow->domain);
}

static int on_time(void *context, int64_t now_ns)
{
	struct run *run = context;

	run->now_ns = now_ns;
	if (run->pipeline)
		pipeline_tick(run->pipeline, now_ns);
	return 0;
}

/* Settings come before the first record: then the pipeline is made. */
static int begin(struct run *run, struct failure *failure)
{
	struct domain_settings grouping = {.private_suffixes = run->config.private_suffixes,
					   .aws_buckets = run->config.aws_buckets};
	struct pipeline_edges edges = {
		.context = run, .seen = on_seen, .access = on_access, .alert = on_alert, .flow = on_flow};
	struct pipeline_settings settings = {
		.window_seconds = run->config.window_seconds,
		.learning_seconds = run->config.learning_seconds,
		.scope = run->config.scope,
		.unnamed = run->config.unnamed,
		.crawlers = run->config.crawlers,
		.sni = run->config.sni,
		.networks = &run->networks,
		.dns_port_count = 1,
		.dns_ports = {53},
	};
	struct batch_limits limits = {.alerts = 16, .accesses = 4096};

	run->networks = run->config.inside;
	if (domain_rules_new(&grouping, &run->rules, failure) ||
	    history_open(NULL, HISTORY_MEMORY, &run->history, failure))
		return -EINVAL;
	settings.rules = run->rules;
	assert_int_equal(batch_new(&limits, &run->batch), 0);
	assert_int_equal(pipeline_new(&settings, &edges, &run->pipeline), 0);
	return 0;
}

static int on_record(void *context, const void *record, size_t size)
{
	struct run *run = context;
	struct failure failure = {{0}};

	if (!run->pipeline && begin(run, &failure))
		fail_msg("%s", failure.text);
	return pipeline_feed(run->pipeline, record, size, 0);
}

/* --- expectations ----------------------------------------------------------------------------- */

static const char *alert_fact(const struct alert *alert, const char *key, char text[static 64])
{
	if (strcmp(key, "domain") == 0)
		return alert->domain;
	if (strcmp(key, "hostname") == 0)
		return alert->attribution.hostname;
	if (strcmp(key, "application") == 0)
		return alert->process.application;
	if (strcmp(key, "exe") == 0)
		return alert->process.exe;
	if (strcmp(key, "method") == 0)
		return attribution_method_name(alert->attribution.method);
	if (strcmp(key, "rank") == 0)
		return attribution_rank_name(alert->attribution.rank);
	if (strcmp(key, "dns_hostname") == 0)
		return alert->attribution.dns_hostname;
	if (strcmp(key, "rival") == 0)
		return alert->attribution.rivals_listed ? alert->attribution.rivals[0] : "";
	if (strcmp(key, "severity") == 0)
		return alert_severity_name(alert->severity);
	if (strcmp(key, "outcome") == 0)
		return outcome_name(alert->outcome);
	if (strcmp(key, "last_seen") == 0)
		return alert->seen.host_last_ns ? text_format_time(alert->seen.host_last_ns, text) : "never";
	if (strcmp(key, "pid") == 0)
		snprintf(text, 64, "%u", alert->process.owner.tgid);
	else if (strcmp(key, "uid") == 0)
		snprintf(text, 64, "%u", alert->process.owner.uid);
	else if (strcmp(key, "out") == 0)
		snprintf(text, 64, "%llu", (unsigned long long)alert->bytes_out);
	else if (strcmp(key, "in") == 0)
		snprintf(text, 64, "%llu", (unsigned long long)alert->bytes_in);
	else
		return NULL;
	return text;
}

static const char *flow_fact(const struct run *run, const char *key)
{
	if (strcmp(key, "hostname") == 0)
		return run->flow.hostname[0] ? run->flow.hostname : "-";
	if (strcmp(key, "domain") == 0)
		return run->flow_domain[0] ? run->flow_domain : "-";
	if (strcmp(key, "method") == 0)
		return attribution_method_name(run->flow.method);
	if (strcmp(key, "rank") == 0)
		return attribution_rank_name(run->flow.rank);
	if (strcmp(key, "verdict") == 0)
		return verdict_name(run->verdict);
	return NULL;
}

/* Each KEY=VALUE of the rest must hold. */
static int check_facts(const struct run *run, const struct alert *alert, char *rest, const char *where,
		       struct failure *failure)
{
	char *save, *word;

	for (word = strtok_r(rest, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *equals = strchr(word, '=');
		char text[64];
		const char *found;

		if (!equals)
			return failure_set(failure, -EINVAL, "%s: \"%s\" is not KEY=VALUE", where, word);
		*equals = '\0';
		found = alert ? alert_fact(alert, word, text) : flow_fact(run, word);
		if (!found)
			return failure_set(failure, -EINVAL, "%s: \"%s\" can not be expected", where, word);
		if (strcmp(found, equals + 1) != 0)
			return failure_set(failure, -EINVAL, "%s: %s is \"%s\", expected \"%s\"", where, word,
					   found, equals + 1);
	}
	return 0;
}

static const struct alert *next_alert(const struct run *run)
{
	return run->alert_next < run->alert_count ? &run->alerts[run->alert_next] : NULL;
}

static int expect_none(const struct run *run, const char *where, struct failure *failure)
{
	const struct alert *alert = next_alert(run);

	if (!alert)
		return 0;
	return failure_set(failure, -EINVAL, "%s: expected no alert, there is %s%s %s (%s)", where,
			   alert->revision ? "an update of " : "", alert_kind_name(alert->kind),
			   alert->domain, alert->attribution.hostname);
}

static int expect_alert(struct run *run, char *rest, bool update, const char *where, struct failure *failure)
{
	const struct alert *alert = next_alert(run);
	char *kind = rest;

	if (!alert)
		return failure_set(failure, -EINVAL, "%s: expected an alert, there is none", where);
	if (update != (alert->revision > 0))
		return failure_set(failure, -EINVAL, "%s: expected %s, there is %s", where,
				   update ? "an update" : "a new alert",
				   update ? "a new alert" : "an update");
	if (!update) {
		rest += strcspn(rest, " ");
		if (*rest)
			*rest++ = '\0';
		if (strcmp(kind, alert_kind_name(alert->kind)) != 0)
			return failure_set(failure, -EINVAL, "%s: expected %s, there is %s of %s", where,
					   kind, alert_kind_name(alert->kind), alert->domain);
	}
	run->alert_next++;
	return check_facts(run, alert, rest, where, failure);
}

static int expect(struct run *run, char *rest, const char *where, struct failure *failure)
{
	run->expectations++;
	if (strcmp(rest, "no alert") == 0)
		return expect_none(run, where, failure);
	if (strncmp(rest, "alert ", 6) == 0)
		return expect_alert(run, rest + 6, false, where, failure);
	if (strncmp(rest, "update ", 7) == 0)
		return expect_alert(run, rest + 7, true, where, failure);
	if (strncmp(rest, "flow ", 5) == 0) {
		if (!run->has_flow)
			return failure_set(failure, -EINVAL, "%s: expected a flow, none was decided", where);
		run->has_flow = false;
		return check_facts(run, NULL, rest + 5, where, failure);
	}
	return failure_set(failure, -EINVAL, "%s: expect alert KIND, no alert, update or flow", where);
}

static int on_word(void *context, const char *word, const char *rest, const char *where,
		   struct failure *failure)
{
	struct run *run = context;
	char copy[4096];

	text_copy(copy, sizeof(copy), rest);
	if (strcmp(word, "expect") == 0)
		return expect(run, copy, where, failure);
	if (run->pipeline)
		return failure_set(failure, -EINVAL, "%s: settings come before the first event", where);
	return config_set(&run->config, rest, failure);
}

static void scenario_holds(void **state)
{
	const char *path = *state;
	struct source_counts counts = {0};
	struct failure failure = {{0}};
	struct run *run = calloc(1, sizeof(*run));
	struct source_sink sink = {.context = run, .record = on_record, .time = on_time, .word = on_word};
	struct timespec from, to;
	double seconds;
	int error;

	assert_non_null(run);
	run->alerts = calloc(ALERTS_MAX, sizeof(*run->alerts));
	config_defaults(&run->config);
	run->config.learning_seconds = 0;
	clock_gettime(CLOCK_MONOTONIC, &from);
	error = source_scenario(path, &sink, &counts, &failure);
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	if (!error)
		error = expect_none(run, path, &failure);
	if (error)
		fail_msg("%s", failure.text[0] ? failure.text : strerror(-error));
	assert_true(run->expectations > 0);
	print_message("# %s: %llu records, %u expectations, %.2f s\n", path,
		      (unsigned long long)counts.records, run->expectations, seconds);
	pipeline_free(run->pipeline);
	batch_free(run->batch);
	history_close(run->history);
	domain_rules_free(run->rules);
	free(run->alerts);
	free(run);
}

int main(void)
{
	struct CMUnitTest *tests;
	glob_t files;
	int failed;

	if (glob("tests/scenario/*.txt", 0, NULL, &files) != 0) {
		fprintf(stderr, "no tests/scenario/*.txt here: run from the project's top folder\n");
		return EXIT_FAILURE;
	}
	tests = calloc(files.gl_pathc, sizeof(*tests));
	for (size_t i = 0; i < files.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){.name = files.gl_pathv[i],
					       .test_func = scenario_holds,
					       .initial_state = files.gl_pathv[i]};
	failed = _cmocka_run_group_tests("scenario", tests, files.gl_pathc, NULL, NULL);
	free(tests);
	globfree(&files);
	return failed;
}
