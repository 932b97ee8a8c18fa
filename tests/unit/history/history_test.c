/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scratch.h"
#include "base/text.h"
#include "history/history.h"

#define T0 (INT64_C(1767225600) * NS_PER_SECOND)
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)

static char path[128];
static struct failure failure;

static int make_folder(void **state)
{
	int error = scratch_make(state);

	snprintf(path, sizeof(path), "%s", scratch_path("h.db"));
	return error;
}

static struct history *opened(enum history_mode mode)
{
	struct history *history = NULL;

	if (history_open(path, mode, &history, &failure))
		fail_msg("%s", failure.text);
	return history;
}

static struct batch *a_batch(void)
{
	static const struct batch_limits limits = {.accesses = 4096, .alerts = 8, .text_bytes = 1 << 20};
	struct batch *batch = NULL;

	assert_int_equal(batch_new(&limits, &batch), 0);
	return batch;
}

static void add(struct batch *batch, const char *domain, const char *hostname, const char *application,
		int64_t time_ns)
{
	struct access access = {.time_ns = time_ns,
				.domain = domain,
				.hostname = hostname,
				.application = application,
				.exe = application,
				.uid = 1000,
				.remote_port = 443,
				.protocol = 6,
				.connections = 1,
				.bytes_out = 100,
				.bytes_in = 200};

	address_parse("203.0.113.7", &access.remote);
	assert_int_equal(batch_add_access(batch, &access), 0);
}

static void write_batch(struct history *history, const struct batch *batch)
{
	if (history_begin(history, &failure) || history_write_accesses(history, batch, &failure) ||
	    history_commit(history, &failure))
		fail_msg("%s", failure.text);
}

static void remember(struct history *history, const char *domain, const char *hostname,
		     const char *application, int64_t time_ns)
{
	struct batch *batch = a_batch();

	add(batch, domain, hostname, application, time_ns);
	write_batch(history, batch);
	batch_free(batch);
}

static void what_was_written_was_seen(void **state)
{
	struct history *history = opened(HISTORY_WRITE), *reader;
	struct seen seen;

	(void)state;
	remember(history, "example.com", "www.example.com", "/usr/bin/curl", T0);
	remember(history, "example.com", "cdn.example.com", "/usr/bin/wget", T0 + DAY);
	reader = opened(HISTORY_READ); /* beside the writer */
	assert_int_equal(history_seen(reader, SUBJECT_DOMAIN, "example.com", "/usr/bin/curl", &seen), 0);
	assert_int_equal(seen.host_first_ns, T0);
	assert_int_equal(seen.host_last_ns, T0 + DAY);
	assert_int_equal(seen.application_last_ns, T0);
	assert_int_equal(history_seen(reader, SUBJECT_DOMAIN, "example.com", "", &seen), 0);
	assert_int_equal(seen.application_last_ns, 0);
	assert_int_equal(history_seen(reader, SUBJECT_DOMAIN, "nope.example", "", &seen), 0);
	assert_int_equal(seen.host_last_ns, 0);
	/* A bare address is no domain that looks like one. */
	assert_int_equal(history_seen(reader, SUBJECT_ADDRESS, "example.com", "", &seen), 0);
	assert_int_equal(seen.host_last_ns, 0);
	/* The reader sees what is written later, too. */
	remember(history, "later.example", "later.example", "/usr/bin/curl", T0);
	assert_int_equal(history_seen(reader, SUBJECT_DOMAIN, "later.example", "", &seen), 0);
	assert_int_equal(seen.host_last_ns, T0);
	history_close(history);
	history_close(reader);
	reader = opened(HISTORY_READ); /* and after it */
	assert_int_equal(history_seen(reader, SUBJECT_DOMAIN, "later.example", "", &seen), 0);
	assert_int_equal(seen.host_last_ns, T0);
	history_close(reader);
}

static void one_writer_at_a_time(void **state)
{
	struct history *history = opened(HISTORY_WRITE), *second = NULL;
	char pid[32];

	(void)state;
	assert_int_equal(history_open(path, HISTORY_WRITE, &second, &failure), -EBUSY);
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	assert_non_null(strstr(failure.text, pid));
	history_close(history);
	history_close(opened(HISTORY_WRITE));
}

/* As members of the files' group may. */
static void let_others_read(void)
{
	static const char *const parts[] = {"", "-wal", "-shm", ".lock"};
	char part[160];

	assert_int_equal(chmod(scratch_path(""), 0755), 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(part, sizeof(part), "%s%s", path, parts[i]);
		assert_int_equal(chmod(part, 0644), 0);
	}
}

static void a_reader_needs_no_right_to_write(void **state)
{
	struct history *history = opened(HISTORY_WRITE);
	pid_t child;
	int status;

	(void)state;
	remember(history, "example.com", "www.example.com", "/usr/bin/curl", T0);
	history_close(history);
	if (geteuid() != 0) {
		print_message("# not root: another user can not be tried\n");
		skip();
	}
	let_others_read();
	child = fork();
	if (child == 0) {
		struct seen seen = {0};

		if (setgid(65534) || setuid(65534) || history_open(path, HISTORY_READ, &history, &failure))
			_exit(1);
		_exit(history_seen(history, SUBJECT_DOMAIN, "example.com", "", &seen) ||
				      seen.host_last_ns != T0
			      ? 2
			      : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* And who may not read is told so. */
	assert_int_equal(chmod(path, 0600), 0);
	child = fork();
	if (child == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		_exit(history_open(path, HISTORY_READ, &history, &failure) == -EACCES &&
				      strstr(failure.text, "may read it")
			      ? 0
			      : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void refused(const char *content, size_t length, int error, const char *word)
{
	struct history *history = NULL;
	char after[4096];
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fwrite(content, 1, length, file);
	fclose(file);
	assert_int_equal(history_open(path, HISTORY_WRITE, &history, &failure), error);
	assert_null(history);
	if (!strstr(failure.text, word))
		fail_msg("no \"%s\" in: %s", word, failure.text);
	file = fopen(path, "r");
	assert_int_equal(fread(after, 1, sizeof(after), file), length);
	fclose(file);
	assert_memory_equal(after, content, length);
}

static void foreign_files_are_refused_and_left_alone(void **state)
{
	char random[2000], foreign[1024] = "SQLite format 3";

	(void)state;
	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (char)(i * 7);
	refused(random, sizeof(random), -EPROTO, "no SQLite database");
	refused("short", 5, -EPROTO, "no SQLite database");
	refused(foreign, sizeof(foreign), -EPROTO, "another program's database");
	memcpy(foreign + 68, "FST0", 4);
	foreign[63] = 99; /* a schema of the future */
	refused(foreign, sizeof(foreign), -EPROTO, "newer");
	unlink(path);
}

static void missing_files_are_told(void **state)
{
	struct history *history = NULL;

	(void)state;
	assert_int_equal(history_open("/nonexistent/h.db", HISTORY_READ, &history, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "has firstseend run"));
	assert_int_equal(history_open("/nonexistent/deep/h.db", HISTORY_WRITE, &history, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "make /nonexistent/deep"));
}

static struct alert an_alert(const char *uid, uint32_t revision)
{
	static struct alert alert;

	memset(&alert, 0, sizeof(alert));
	text_copy(alert.uid, sizeof(alert.uid), uid);
	alert.revision = revision;
	alert.kind = ALERT_NEW_DOMAIN;
	alert.severity = SEVERITY_MEDIUM;
	alert.time_ns = T0;
	text_copy(alert.domain, sizeof(alert.domain), "example.com");
	return alert;
}

static int write_alert(struct history *history, const char *uid, uint32_t revision, const char *line)
{
	const struct outbox_texts texts = {.short_line = "short", .message = "a sentence"};
	struct alert alert = an_alert(uid, revision);
	int error = history_begin(history, &failure);

	if (!error)
		error = history_write_alert(history, &alert, line, &texts, &failure);
	return error ? error : history_commit(history, &failure);
}

static int count_alert(void *context, const struct alert_row *row)
{
	text_copy(context, 64, row->line);
	return 0;
}

static int add_row(void *context, const struct outbox_row *row)
{
	char *lines = context;

	snprintf(lines + strlen(lines), 256 - strlen(lines), "%d %s %u %d %s %s %s|", (int)row->id, row->line,
		 row->revision, row->severity, row->domain, row->hostname, row->short_line);
	return 0;
}

static int stop_at_once(void *context, const struct outbox_row *row)
{
	(void)context;
	(void)row;
	return 7;
}

static void alerts_wait_in_order_and_are_told_once(void **state)
{
	struct history *history = opened(HISTORY_WRITE);
	char lines[256] = "", kept[64] = "";
	int64_t oldest, newest;

	(void)state;
	assert_int_equal(write_alert(history, "aaaaaaaa-1", 0, "first"), 0);
	assert_int_equal(write_alert(history, "bbbbbbbb-1", 0, "second"), 0);
	assert_int_equal(write_alert(history, "aaaaaaaa-1", 0, "again"), 0); /* a batch that is tried again */
	assert_int_equal(write_alert(history, "aaaaaaaa-1", 1, "update"), 0);
	assert_int_equal(write_alert(history, "aaaaaaaa-1", 0, "late"), 0);
	assert_int_equal(history_outbox(history, 0, 10, add_row, lines, &failure), 0);
	assert_string_equal(lines, "1 first 0 3 example.com  short|"
				   "2 second 0 3 example.com  short|"
				   "3 update 1 3 example.com  short|");
	lines[0] = '\0';
	assert_int_equal(history_outbox(history, 1, 1, add_row, lines, &failure), 0);
	assert_string_equal(lines, "2 second 0 3 example.com  short|");
	assert_int_equal(history_outbox(history, 0, 10, stop_at_once, NULL, &failure), 7);
	assert_int_equal(history_outbox_count(history, 1, 3, &failure), 2);
	assert_int_equal(history_outbox_trim(history, 2, &failure), -EINVAL); /* no transaction */
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_outbox_trim(history, 2, &failure), 0);
	assert_int_equal(history_commit(history, &failure), 0);
	assert_int_equal(history_outbox_ends(history, &oldest, &newest, &failure), 0);
	assert_int_equal(oldest, 3);
	assert_int_equal(newest, 3);
	assert_int_equal(history_alert(history, "aaaaaaaa", count_alert, kept, &failure), 1);
	assert_string_equal(kept, "update");
	assert_int_equal(history_alert(history, "cccccccc", count_alert, kept, &failure), 0);
	assert_int_equal(write_alert(history, "aaaaaaaa-2", 0, "other"), 0);
	assert_int_equal(history_alert(history, "aaaaaaaa", count_alert, kept, &failure), -ENOTUNIQ);
	history_close(history);
}

static void outside_of_a_transaction_nothing_is_written(void **state)
{
	struct history *history = opened(HISTORY_WRITE);
	struct batch *batch = a_batch();
	struct seen seen;

	(void)state;
	add(batch, "example.com", "www.example.com", "/usr/bin/curl", T0);
	assert_int_equal(history_write_accesses(history, batch, &failure), -EINVAL);
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_write_accesses(history, batch, &failure), 0);
	history_rollback(history);
	assert_int_equal(history_seen(history, SUBJECT_DOMAIN, "example.com", "", &seen), 0);
	assert_int_equal(seen.host_last_ns, 0);
	batch_free(batch);
	history_close(history);
}

static void a_transaction_that_was_left_is_not_in_the_way(void **state)
{
	struct history *history = opened(HISTORY_WRITE);
	struct batch *batch = a_batch();
	struct seen seen;

	(void)state;
	add(batch, "example.com", "www.example.com", "/usr/bin/curl", T0);
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_write_accesses(history, batch, &failure), 0);
	/* Its ROLLBACK failed. */
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_commit(history, &failure), 0);
	assert_int_equal(history_seen(history, SUBJECT_DOMAIN, "example.com", "", &seen), 0);
	assert_int_equal(seen.host_last_ns, 0);
	batch_free(batch);
	history_close(history);
}

static void coverage_is_runs_less_gaps(void **state)
{
	struct history *history = opened(HISTORY_WRITE);
	double share = -1;
	int64_t run;

	(void)state;
	assert_int_equal(history_run_start(history, T0, &run, &failure), 0);
	assert_int_equal(history_run_seen(history, run, T0 + 4 * DAY, true, &failure), 0);
	assert_int_equal(history_run_start(history, T0 + 6 * DAY, &run, &failure), 0);
	assert_int_equal(history_run_seen(history, run, T0 + 8 * DAY, false, &failure), 0);
	assert_int_equal(history_coverage(history, T0, T0 + 10 * DAY, &share, &failure), 0);
	assert_true(share > 0.599 && share < 0.601);
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_write_gap(history, T0 + DAY, T0 + 2 * DAY, "ring", 5, &failure), 0);
	assert_int_equal(history_write_gap(history, T0 + 2 * DAY, T0 + 3 * DAY, "ring", 5, &failure), 0);
	assert_int_equal(history_commit(history, &failure), 0);
	assert_int_equal(history_coverage(history, T0, T0 + 10 * DAY, &share, &failure), 0);
	assert_true(share > 0.399 && share < 0.401);
	history_close(history);
}

static int count_span(void *context, const struct watch_span *span)
{
	int *spans = context;

	if (span->reason[0]) {
		++*spans;
		assert_int_equal(span->lost, 10);
		assert_int_equal(span->to_ns - span->from_ns, 10 * NS_PER_SECOND);
	}
	return 0;
}

static void gaps_of_one_reason_that_follow_each_other_are_one(void **state)
{
	struct history *history = opened(HISTORY_WRITE);
	int spans = 0;

	(void)state;
	assert_int_equal(history_begin(history, &failure), 0);
	for (int64_t from = T0; from < T0 + 10 * NS_PER_SECOND; from += NS_PER_SECOND)
		for (int reason = 0; reason < 2; reason++)
			assert_int_equal(history_write_gap(history, from, from + NS_PER_SECOND,
							   reason ? "ring" : "room", 1, &failure),
					 0);
	assert_int_equal(history_commit(history, &failure), 0);
	assert_int_equal(history_gaps(history, T0, T0 + DAY, count_span, &spans, &failure), 0);
	assert_int_equal(spans, 2);
	history_close(history);
}

static void old_rows_go_and_new_ones_stay(void **state)
{
	struct history *history = opened(HISTORY_WRITE);
	struct history_summary summary;
	struct seen seen;
	int64_t gone;

	(void)state;
	remember(history, "old.example", "old.example", "/usr/bin/old", T0);
	remember(history, "new.example", "new.example", "/usr/bin/new", T0 + 100 * DAY);
	gone = history_prune(history, T0 + 50 * DAY, 3, &failure);
	assert_int_equal(gone, 3); /* no more than asked for */
	while ((gone = history_prune(history, T0 + 50 * DAY, 500, &failure)) > 0)
		;
	assert_int_equal(gone, 0);
	assert_int_equal(history_seen(history, SUBJECT_DOMAIN, "old.example", "", &seen), 0);
	assert_int_equal(seen.host_last_ns, 0);
	assert_int_equal(history_seen(history, SUBJECT_DOMAIN, "new.example", "/usr/bin/new", &seen), 0);
	assert_true(seen.application_last_ns != 0);
	assert_int_equal(history_summary(history, &summary, &failure), 0);
	assert_int_equal(summary.domains, 1);
	assert_int_equal(summary.hostnames, 1);
	assert_int_equal(summary.applications, 1);
	history_close(history);
}

static void regroup(void *context, const char *hostname, char domain[static DOMAIN_MAX])
{
	(void)context;
	text_copy(domain, DOMAIN_MAX, strchr(hostname, '.') + 1);
}

static void a_changed_list_groups_anew_and_loses_nothing(void **state)
{
	struct history *history = opened(HISTORY_WRITE);
	struct history_summary summary;
	struct domain_row row;
	struct seen seen;

	(void)state;
	assert_int_equal(history_rekey(history, "list 1", regroup, NULL, &failure), 0);
	remember(history, "github.io", "a.one.github.io", "/usr/bin/curl", T0);
	remember(history, "github.io", "b.one.github.io", "/usr/bin/curl", T0 + DAY);
	remember(history, "github.io", "c.two.github.io", "/usr/bin/wget", T0 + 2 * DAY);
	assert_int_equal(history_rekey(history, "list 1", regroup, NULL, &failure), 0);
	assert_int_equal(history_domain(history, "github.io", &row, &failure), 1);
	assert_int_equal(history_rekey(history, "list 2", regroup, NULL, &failure), 0);
	assert_int_equal(history_domain(history, "github.io", &row, &failure), 0);
	assert_int_equal(history_domain(history, "one.github.io", &row, &failure), 1);
	assert_int_equal(row.first_ns, T0);
	assert_int_equal(row.last_ns, T0 + DAY);
	assert_int_equal(row.connections, 2);
	assert_int_equal(history_seen(history, SUBJECT_DOMAIN, "two.github.io", "/usr/bin/wget", &seen), 0);
	assert_int_equal(seen.application_last_ns, T0 + 2 * DAY);
	assert_int_equal(history_summary(history, &summary, &failure), 0);
	assert_int_equal(summary.domains, 2);
	assert_int_equal(summary.hostnames, 3);
	history_close(history);
}

static unsigned bindings_seen;

static void on_binding(void *context, const struct kept_binding *binding)
{
	bindings_seen++;
	assert_string_equal(binding->hostname, "www.example.com");
	assert_string_equal(binding->chain, "cdn.example.net");
	assert_int_equal(binding->asker.tgid, *(uint32_t *)context);
	assert_int_equal(binding->learned_ns, T0);
}

static void bindings_are_kept_and_forget_who_asked_after_a_boot(void **state)
{
	struct kept_binding binding = {.hostname = "www.example.com",
				       .chain = "cdn.example.net",
				       .asker = {.tgid = 7, .start_ns = 9, .executable = UINT64_MAX},
				       .learned_ns = T0,
				       .expires_ns = T0 + DAY};
	struct history *history = opened(HISTORY_WRITE);
	struct batch *batch = a_batch();
	uint32_t asker = 7;

	(void)state;
	address_parse("203.0.113.7", &binding.address);
	assert_int_equal(batch_add_binding(batch, &binding), 0);
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_write_bindings(history, batch, "boot 1", &failure), 0);
	assert_int_equal(history_commit(history, &failure), 0);
	assert_int_equal(history_bindings(history, "boot 1", on_binding, &asker, &failure), 0);
	asker = 0;
	assert_int_equal(history_bindings(history, "boot 2", on_binding, &asker, &failure), 0);
	assert_int_equal(bindings_seen, 2);
	batch_free(batch);
	history_close(history);
}

static void on_visited(void *context, const struct kept_binding *binding)
{
	char *text = context;

	assert_int_equal(binding->asker.tgid, 0);
	assert_string_equal(binding->chain, "");
	assert_int_equal(binding->expires_ns, binding->learned_ns);
	strcat(strcat(text, binding->hostname), " ");
}

static void what_was_visited_of_late_is_given_as_old_bindings(void **state)
{
	struct history *history = opened(HISTORY_WRITE);
	struct batch *batch = a_batch();
	struct access access = {.domain = "example.com",
				.application = "/usr/bin/curl",
				.exe = "/usr/bin/curl",
				.remote_port = 443,
				.protocol = 6,
				.connections = 1};
	char text[256] = "";

	(void)state;
	address_parse("203.0.113.7", &access.remote);
	access.hostname = "new.example.com";
	access.time_ns = T0 + DAY;
	assert_int_equal(batch_add_access(batch, &access), 0);
	access.hostname = "old.example.com";
	access.time_ns = T0;
	assert_int_equal(batch_add_access(batch, &access), 0);
	access.hostname = "older.example.com";
	access.time_ns = T0 - 7 * DAY;
	assert_int_equal(batch_add_access(batch, &access), 0);
	access.kind = SUBJECT_ADDRESS;
	access.hostname = access.domain = "203.0.113.7";
	access.time_ns = T0;
	assert_int_equal(batch_add_access(batch, &access), 0);
	assert_int_equal(history_begin(history, &failure), 0);
	assert_int_equal(history_write_accesses(history, batch, &failure), 0);
	assert_int_equal(history_commit(history, &failure), 0);
	assert_int_equal(history_visited(history, T0 - DAY, on_visited, text, &failure), 0);
	assert_string_equal(text, "old.example.com new.example.com ");
	batch_free(batch);
	history_close(history);
}

static int add_connections(void *context, const struct domain_row *row)
{
	*(uint64_t *)context += row->connections;
	return 0;
}

/* Writes batches of ten rows for ever, until it is killed; tells each one that is written. */
static void write_until_killed(int told)
{
	struct history *history = opened(HISTORY_WRITE);

	for (int64_t round = 0;; round++) {
		struct batch *batch = a_batch();
		char domain[64];

		for (int i = 0; i < 10; i++) {
			snprintf(domain, sizeof(domain), "d%d.example", i);
			add(batch, domain, domain, "/usr/bin/curl", T0 + round);
		}
		write_batch(history, batch);
		batch_free(batch);
		if (write(told, "", 1) != 1)
			return;
	}
}

static void a_killed_writer_leaves_a_sound_file_of_whole_batches(void **state)
{
	uint64_t before = 0;

	(void)state;
	history_close(opened(HISTORY_WRITE));
	for (int i = 0; i < 20; i++) {
		struct history_filter filter = {0};
		struct history *history;
		uint64_t connections = 0;
		int status, ends[2];
		pid_t child;
		char byte;

		assert_int_equal(pipe(ends), 0);
		child = fork();
		if (child == 0) {
			write_until_killed(ends[1]);
			_exit(0);
		}
		close(ends[1]);
		assert_int_equal(read(ends[0], &byte, 1), 1);
		usleep((useconds_t)(i * 3000));
		kill(child, SIGKILL);
		close(ends[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		history = opened(HISTORY_WRITE);
		assert_int_equal(history_domains(history, &filter, add_connections, &connections, &failure),
				 0);
		assert_int_equal(connections % 10, 0);
		assert_true(connections >= before);
		before = connections;
		history_close(history);
	}
	print_message("# 20 writers killed, %llu rows written by them\n", (unsigned long long)before);
	assert_true(before > 0);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, scratch_remove)
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(what_was_written_was_seen),
		WITH_FOLDER(one_writer_at_a_time),
		WITH_FOLDER(a_reader_needs_no_right_to_write),
		WITH_FOLDER(foreign_files_are_refused_and_left_alone),
		WITH_FOLDER(missing_files_are_told),
		WITH_FOLDER(alerts_wait_in_order_and_are_told_once),
		WITH_FOLDER(outside_of_a_transaction_nothing_is_written),
		WITH_FOLDER(a_transaction_that_was_left_is_not_in_the_way),
		WITH_FOLDER(coverage_is_runs_less_gaps),
		WITH_FOLDER(gaps_of_one_reason_that_follow_each_other_are_one),
		WITH_FOLDER(old_rows_go_and_new_ones_stay),
		WITH_FOLDER(a_changed_list_groups_anew_and_loses_nothing),
		WITH_FOLDER(what_was_visited_of_late_is_given_as_old_bindings),
		WITH_FOLDER(bindings_are_kept_and_forget_who_asked_after_a_boot),
		WITH_FOLDER(a_killed_writer_leaves_a_sound_file_of_whole_batches),
	};

	return cmocka_run_group_tests_name("history/history", tests, NULL, NULL);
}
