/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * history.c - a history opened from a file of any bytes, read, written and recovered. Input: what to do (1),
 * then either the file itself, or changes of a sound one: place (3), length (1), bytes, ...
 */
#include "history/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "history/schema.h"
#include "support.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)
#define ROWS_MOST 2000

enum { CHANGES = 1, TO_WRITE = 2, WITH_LOG = 4 };

static uint8_t *sound;
static size_t sound_size;
static struct batch *batch;
static char path[512];
static unsigned rows;

/* --- an empty one ------------------------------------------------------------------------------- */

/*
 * What is recovered gets its tables first, which takes longer than all the rest and is the same each time:
 * the file that it led to is kept. The linker puts this in the place of the true one.
 */
int __real_schema_create(struct db *db, struct failure *failure);
int __wrap_schema_create(struct db *db, struct failure *failure);

static void write_file(const char *name, const void *bytes, size_t size)
{
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(file >= 0 && write(file, bytes, size) == (ssize_t)size);
	close(file);
}

static uint8_t *read_file(const char *name, size_t *size)
{
	FILE *file = fopen(name, "re");
	uint8_t *bytes;

	must(file && fseek(file, 0, SEEK_END) == 0);
	*size = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(*size);
	must(bytes && fread(bytes, 1, *size, file) == *size);
	fclose(file);
	return bytes;
}

static uint8_t *empty;
static size_t empty_size;

int __wrap_schema_create(struct db *db, struct failure *failure)
{
	if (!empty)
		return __real_schema_create(db, failure);
	write_file(db_name(db), empty, empty_size);
	return 0;
}

static void make_empty(void)
{
	struct failure failure = {{0}};
	struct db *db;

	snprintf(path, sizeof(path), "%s/empty.db", fuzz_folder());
	write_file(path, "", 0);
	must(db_open(path, DB_WRITE, &db, &failure) == 0 && db_configure(db, &failure) == 0);
	must(__real_schema_create(db, &failure) == 0);
	db_close(db);
	empty = read_file(path, &empty_size);
}

/* --- a sound one ------------------------------------------------------------------------------- */

static void fill_batch(void)
{
	static const char *const domains[] = {"example.com", "example.net", "example.org"};
	struct access access = {.time_ns = NOW,
				.exe = "/usr/bin/curl",
				.uid = 1000,
				.remote_port = 443,
				.protocol = 6,
				.connections = 1,
				.bytes_out = 100,
				.bytes_in = 2000};

	address_parse("203.0.113.7", &access.remote);
	for (size_t i = 0; i < 12; i++) {
		char hostname[64], application[64];

		snprintf(hostname, sizeof(hostname), "www%zu.%s", i, domains[i % 3]);
		snprintf(application, sizeof(application), "/usr/bin/program%zu", i % 4);
		access.time_ns = NOW - (int64_t)i * SECONDS_PER_DAY * NS_PER_SECOND;
		access.domain = domains[i % 3];
		access.hostname = hostname;
		access.application = application;
		must(batch_add_access(batch, &access) == 0);
	}
}

static void write_all(struct history *history, struct failure *failure, bool sure)
{
	static const struct outbox_texts queue = {.short_line = "", .message = "message"};
	struct alert alert = {.kind = ALERT_NEW_DOMAIN, .revision = 1, .time_ns = NOW, .coverage = -1};
	struct allow_rule rule = {.name = "rule", .domain = "example.net", .origin = ALLOW_FROM_COMMAND};
	struct ack ack;
	int64_t run = 0;
	int error = history_run_start(history, NOW, &run, failure);

	strcpy(alert.uid, "0123456789abcdef");
	strcpy(alert.domain, "example.com");
	if (!error)
		error = history_begin(history, failure);
	if (!error)
		error = history_write_accesses(history, batch, failure);
	if (!error)
		error = history_write_alert(history, &alert, "{}", &queue, failure);
	if (!error)
		error = history_allow(history, &rule, failure);
	if (!error)
		error = history_write_state(history, "pid", "1", failure);
	if (!error)
		error = history_write_gap(history, NOW, NOW + 1, "stopped", 1, failure);
	if (!error && history_acknowledge(history, alert.uid, NOW, "author", "note", &ack, failure) < 0)
		error = -EIO;
	if (!error)
		error = history_run_seen(history, run, NOW, true, failure);
	error = error ? error : history_commit(history, failure);
	if (error)
		history_rollback(history);
	must(!error || !sure);
	(void)history_prune(history, NOW - SECONDS_PER_DAY * NS_PER_SECOND, 100, failure);
}

static void make_sound(void)
{
	struct failure failure = {{0}};
	struct history *history;

	make_empty();
	snprintf(path, sizeof(path), "%s/history.db", fuzz_folder());
	must(batch_new(NULL, &batch) == 0);
	fill_batch();
	must(history_open(path, HISTORY_WRITE, &history, &failure) == 0);
	write_all(history, &failure, true);
	history_close(history);
	sound = read_file(path, &sound_size);
}

/* --- reading all there is ------------------------------------------------------------------------ */

/* Every text that is handed out must be there, and end. */
static int look(const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		must(texts[i] && strlen(texts[i]) < (1 << 24));
	return ++rows > ROWS_MOST;
}
#define LOOK(...)                                                                                            \
	look((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static int on_domain(void *context, const struct domain_row *row)
{
	(void)context;
	return LOOK(row->domain);
}

static int on_access(void *context, const struct access_row *row)
{
	(void)context;
	return LOOK(row->domain, row->hostname, row->application, row->exe);
}

static int on_application(void *context, const struct application_row *row)
{
	(void)context;
	return LOOK(row->application, row->exe);
}

static int on_alert(void *context, const struct alert_row *row)
{
	(void)context;
	return LOOK(row->uid, row->kind, row->domain, row->hostname, row->application, row->state, row->line,
		    row->author, row->note);
}

static int on_detail(void *context, const struct detail_row *row)
{
	(void)context;
	return LOOK(row->name);
}

static int on_state(void *context, const char *name, const char *value)
{
	(void)context;
	return LOOK(name, value);
}

static int on_outbox(void *context, const struct outbox_row *row)
{
	(void)context;
	return LOOK(row->uid, row->kind, row->message, row->short_line, row->line);
}

static int on_sink(void *context, const struct sink_row *row)
{
	(void)context;
	return LOOK(row->name, row->why);
}

static int on_span(void *context, const struct watch_span *span)
{
	(void)context;
	return LOOK(span->reason);
}

static int on_day(void *context, const struct first_seen_day *day)
{
	(void)context;
	(void)day;
	return ++rows > ROWS_MOST;
}

static void on_binding(void *context, const struct kept_binding *binding)
{
	(void)context;
	(void)LOOK(binding->hostname);
}

static int on_rule(void *context, const struct allow_rule *rule)
{
	(void)context;
	return LOOK(rule->name, rule->domain, rule->application);
}

static int on_ack(void *context, const struct ack *ack)
{
	(void)context;
	return LOOK(ack->domain, ack->application);
}

static void read_all(struct history *history, struct failure *failure)
{
	static struct history_span spans[HISTORY_SPANS_MAX];
	struct history_filter all = {0};
	struct history_summary summary;
	struct history_recovery recovery;
	struct domain_row domain;
	struct seen seen;
	double share;

	rows = 0;
	(void)history_seen(history, SUBJECT_DOMAIN, "example.com", "/usr/bin/program0", &seen);
	(void)history_summary(history, &summary, failure);
	(void)history_coverage(history, NOW - 1000, NOW, &share, failure);
	(void)history_domains(history, &all, on_domain, NULL, failure);
	(void)history_accesses(history, &all, on_access, NULL, failure);
	(void)history_applications(history, &all, on_application, NULL, failure);
	(void)history_alerts(history, &all, on_alert, NULL, failure);
	(void)history_alert(history, "01234567", on_alert, NULL, failure);
	if (history_domain(history, "example.com", &domain, failure) == 1)
		must(domain.domain);
	(void)history_domain_details(history, "example.com", on_detail, NULL, failure);
	(void)history_states(history, on_state, NULL, failure);
	(void)history_outbox(history, 0, 100, on_outbox, NULL, failure);
	(void)history_sinks(history, on_sink, NULL, failure);
	(void)history_runs(history, 0, NOW, on_span, NULL, failure);
	(void)history_gaps(history, 0, NOW, on_span, NULL, failure);
	(void)history_first_seen_days(history, 0, NOW, on_day, NULL, failure);
	(void)history_bindings(history, "boot", on_binding, NULL, failure);
	(void)history_imported(history, spans, failure);
	(void)history_recovery(history, &recovery, failure);
	(void)history_allowed(history, on_rule, NULL, failure);
	(void)history_acks(history, on_ack, NULL, failure);
}

/* --- the input ------------------------------------------------------------------------------------ */

static void write_changed(struct fuzz_input *input)
{
	uint8_t *copy = malloc(sound_size);

	must(copy);
	memcpy(copy, sound, sound_size);
	while (input->left) {
		size_t place = fuzz_take(input, 3) % sound_size, length = fuzz_take(input, 1);

		for (; length && input->left && place < sound_size; length--)
			copy[place++] = (uint8_t)fuzz_take(input, 1);
	}
	write_file(path, copy, sound_size);
	free(copy);
}

static void write_files(unsigned choice, struct fuzz_input *input)
{
	char log[600];

	if (choice & WITH_LOG) {
		size_t size = fuzz_take(input, 2);

		size = size < input->left ? size : input->left;
		snprintf(log, sizeof(log), "%s-wal", path);
		write_file(log, input->at, size);
		input->at += size;
		input->left -= size;
	}
	if (choice & CHANGES)
		write_changed(input);
	else
		write_file(path, input->at, input->left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	unsigned choice = (unsigned)fuzz_take(&input, 1);
	enum history_mode mode = choice & TO_WRITE ? HISTORY_WRITE : HISTORY_READ;
	struct failure failure = {{0}};
	struct history *history;

	if (!sound)
		make_sound();
	fuzz_empty_folder();
	write_files(choice, &input);
	if (history_open(path, mode, &history, &failure)) {
		must(failure.text[0]);
		return 0;
	}
	read_all(history, &failure);
	if (mode == HISTORY_WRITE) {
		write_all(history, &failure, false);
		if (choice & 8) {
			(void)history_mark_damaged(history, "to be recovered");
			history_close(history);
			if (history_open(path, HISTORY_WRITE, &history, &failure))
				return 0;
			read_all(history, &failure);
		}
	}
	history_close(history);
	return 0;
}
