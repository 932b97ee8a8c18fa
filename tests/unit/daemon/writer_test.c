/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The writer, with renderings and rows that fail and a reader that stops.
 *
 * `writer_test HISTORY COUNT PER_BATCH PAUSE_MS [SECTION.KEY=VALUE]...` is a daemon without a
 * kernel, for tests/cli/logs: it writes COUNT alerts more than the history has, then waits for SIGTERM.
 * Every fourth is hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/host.h"
#include "daemon/writer.h"
#include "review/review.h"

#define POISONED "poisoned.example"     /* can not be rendered as it is */
#define HOPELESS "hopeless.example"     /* ... nor in any form */
#define UNWRITABLE "unwritable.example" /* the history refuses it */
#define LATE "late.example"             /* the disk fails once */
#define SLOW "slow.example"             /* ... or takes longer than anybody waits at the end */

static struct config config; /* large */
static struct failure failure;
static int late_failures;
static _Atomic int rules_failures;
static _Atomic int64_t log_held; /* bytes; 0: as it is */
static _Atomic int64_t later_s;  /* added to all clocks */

/* --- calls that can be made to fail --------------------------------------------------------- */

int64_t __real_render_alert(enum render_format format, const struct alert *alert,
			    const struct dossier *dossier, char *line, size_t size);
int64_t __wrap_render_alert(enum render_format format, const struct alert *alert,
			    const struct dossier *dossier, char *line, size_t size);
int __real_history_write_alert(struct history *history, const struct alert *alert, const char *line,
			       const struct outbox_texts *queue, struct failure *why);
int __wrap_history_write_alert(struct history *history, const struct alert *alert, const char *line,
			       const struct outbox_texts *queue, struct failure *why);

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
static void pause_ms(long ms);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = __real_clock_gettime(clock, now);

	now->tv_sec += later_s;
	return result;
}

int __real_review_load(struct history *history, const struct config *set, struct allow_set **out,
		       struct failure *why);
int __wrap_review_load(struct history *history, const struct config *set, struct allow_set **out,
		       struct failure *why);

int __wrap_review_load(struct history *history, const struct config *set, struct allow_set **out,
		       struct failure *why)
{
	if (rules_failures > 0) {
		rules_failures--;
		return failure_set(why, -ENOMEM, "out of memory");
	}
	return __real_review_load(history, set, out, why);
}

int64_t __real_history_log_bytes(struct history *history);
int64_t __wrap_history_log_bytes(struct history *history);

int64_t __wrap_history_log_bytes(struct history *history)
{
	return log_held ? log_held : __real_history_log_bytes(history);
}

int64_t __wrap_render_alert(enum render_format format, const struct alert *alert,
			    const struct dossier *dossier, char *line, size_t size)
{
	if (strcmp(alert->domain, HOPELESS) == 0 ||
	    (strcmp(alert->domain, POISONED) == 0 && alert->process_known))
		return -ENOSPC;
	return __real_render_alert(format, alert, dossier, line, size);
}

int __wrap_history_write_alert(struct history *history, const struct alert *alert, const char *line,
			       const struct outbox_texts *queue, struct failure *why)
{
	if (strcmp(alert->domain, UNWRITABLE) == 0)
		return failure_set(why, -EINVAL, "refused");
	if (strcmp(alert->domain, LATE) == 0 && late_failures-- > 0)
		return failure_set(why, -EIO, "the disk failed");
	if (strcmp(alert->domain, SLOW) == 0) {
		pause_ms(2500);
		later_s = 3600;
		pause_ms(6000);
	}
	return __real_history_write_alert(history, alert, line, queue, why);
}

/* --- alerts and their writer --------------------------------------------------------------- */

static const char hostile[] =
	"/tmp/\033[31m\n'\"; $(reboot) %s%n \\ \x7f\xc2\x85\xff\xfe\xe2\x80\xae\t{\"a\":1}";

static void fill(struct alert *alert, int number, const char *domain)
{
	memset(alert, 0, sizeof(*alert));
	snprintf(alert->uid, sizeof(alert->uid), "00000000-0000-7000-8000-%012d", number);
	alert->kind = number % 8 == 7 ? ALERT_THREAT_DOMAIN : ALERT_NEW_DOMAIN;
	alert->severity = (enum alert_severity)(1 + number % 5);
	alert->time_ns = host_now();
	snprintf(alert->domain, sizeof(alert->domain), "%s", domain);
	snprintf(alert->attribution.hostname, sizeof(alert->attribution.hostname), "www.%s", domain);
	alert->attribution.method = METHOD_DNS;
	address_parse("203.0.113.7", &alert->remote);
	alert->remote_port = 443;
	alert->protocol = IPPROTO_TCP;
	alert->window_seconds = 90 * SECONDS_PER_DAY;
	alert->process_known = true;
	alert->process.owner.tgid = 4242;
	text_copy(alert->process.exe, sizeof(alert->process.exe), "/usr/bin/curl");
	text_copy(alert->process.application, sizeof(alert->process.application), "/usr/bin/curl");
	if (number % 4 != 3)
		return;
	/* Text that a terminal, a shell, a format and a parser would obey, and as much of it as there can be.
	 */
	text_copy(alert->process.exe, sizeof(alert->process.exe), hostile);
	text_copy(alert->process.application, sizeof(alert->process.application), hostile);
	for (size_t i = 0; i + sizeof(hostile) < sizeof(alert->process.arguments); i += sizeof(hostile) - 1)
		memcpy(alert->process.arguments + i, hostile, sizeof(hostile));
	alert->attribution.rival_count = alert->attribution.rivals_listed = RIVALS_MAX;
	for (size_t i = 0; i < RIVALS_MAX; i++)
		memset(alert->attribution.rivals[i], 'a' + (int)i, HOSTNAME_MAX - 1);
}

static struct history *opened(const char *path, enum history_mode mode)
{
	struct history *history = NULL;

	if (history_open(path, mode, &history, &failure)) {
		fprintf(stderr, "%s\n", failure.text);
		exit(100);
	}
	return history;
}

static struct batch *new_batch(void)
{
	static const struct batch_limits limits = {.accesses = 4096, .alerts = 1024, .text_bytes = 1 << 20};
	struct batch *batch = NULL;

	if (batch_new(&limits, &batch))
		exit(101);
	return batch;
}

static int introduce(void *context, struct history *history, struct failure *why)
{
	(void)context;
	(void)history;
	(void)why;
	return 0;
}

static struct writer *started(const char *path)
{
	struct history *history = opened(path, HISTORY_WRITE);
	struct writer *writer = NULL;
	int64_t run;

	if (history_run_start(history, host_now(), &run, &failure) ||
	    writer_start(&config, history, run, new_batch(), introduce, NULL, &writer, &failure)) {
		fprintf(stderr, "%s\n", failure.text);
		exit(102);
	}
	return writer;
}

static void pause_ms(long ms)
{
	const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&span, NULL);
}

/* Hands it over as the core does, which comes back when the writer is busy. False: it stayed busy that long.
 */
static bool hand_over(struct writer *writer, struct batch **batch, int most_ms)
{
	struct writer_states states = {.now_ns = host_now(), .keep_since_ns = INT64_MIN};
	struct batch *empty;

	while (!(empty = writer_exchange(writer, *batch, &states))) {
		if (most_ms-- <= 0)
			return false;
		pause_ms(1);
	}
	*batch = empty;
	return true;
}

static void add_access(struct batch *batch, const char *domain)
{
	struct access access = {.time_ns = host_now(),
				.domain = domain,
				.hostname = domain,
				.application = "/usr/bin/curl",
				.exe = "/usr/bin/curl",
				.remote_port = 443,
				.protocol = IPPROTO_TCP,
				.connections = 1};

	batch_add_access(batch, &access);
}

/* --- the daemon without a kernel ------------------------------------------------------------- */

static volatile sig_atomic_t end, reopen;

static void on_signal(int number)
{
	if (number == SIGHUP)
		reopen = 1;
	else
		end = 1;
}

static int feed(int count, char **arguments)
{
	static struct alert alert;
	int total = atoi(arguments[1]), each = atoi(arguments[2]), first;
	struct writer_states states = {.keep_since_ns = INT64_MIN};
	struct batch *batch = new_batch();
	struct history_summary summary;
	struct history *history;
	struct writer *writer;
	char domain[64];

	log_setup("feed", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, on_signal);
	signal(SIGTERM, on_signal);
	config_defaults(&config);
	for (int i = 4; i < count; i++)
		if (config_set(&config, arguments[i], &failure)) {
			fprintf(stderr, "%s\n", failure.text);
			return 2;
		}
	history = opened(arguments[0], HISTORY_WRITE);
	if (history_summary(history, &summary, &failure))
		return 3;
	history_close(history);
	first = (int)summary.alerts;
	writer = started(arguments[0]);
	for (int number = first; !end;) {
		for (int i = 0; i < each && number < first + total; i++, number++) {
			snprintf(domain, sizeof(domain), "d%d.example", number);
			fill(&alert, number, domain);
			add_access(batch, domain);
			if (batch_add_alert(batch, &alert))
				return 4;
		}
		if (reopen)
			writer_reopen(writer);
		reopen = 0;
		while (!hand_over(writer, &batch, 50) && !end)
			;
		pause_ms(number < first + total ? atoi(arguments[3]) : 50);
	}
	states.now_ns = host_now();
	writer_stop(writer, batch, &states);
	return 0;
}

/* --- tests -------------------------------------------------------------------------------- */

static int make_folder(void **state)
{
	log_setup("writer_test", (enum log_level)2);
	return scratch_make(state);
}

static void use_file_sink(const char *name)
{
	char setting[256];

	config_defaults(&config);
	snprintf(setting, sizeof(setting), "alert.sinks=file:%s", scratch_path(name));
	assert_int_equal(config_set(&config, setting, &failure), 0);
}

/* Where the writer is still at work, it may have written a part of the last line. */
static int count_lines(const char *path, const char *word, bool at_work, int *with_word)
{
	static char line[RENDER_MAX + 1];
	FILE *file = fopen(path, "r");
	int count = 0;

	*with_word = 0;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		size_t length = strlen(line);

		if (at_work && line[length - 1] != '\n')
			break;
		assert_true(length > 2 && line[0] == '{' && line[length - 2] == '}' &&
			    line[length - 1] == '\n');
		*with_word += strstr(line, word) != NULL;
		count++;
	}
	fclose(file);
	return count;
}

static int read_unwritten(void *context, const char *name, const char *value)
{
	if (strcmp(name, "alerts_unwritten") == 0)
		*(int *)context = atoi(value);
	return 0;
}

static void an_alert_that_can_not_be_written_holds_up_nobody(void **state)
{
	static const char *const domains[] = {"one.example",   POISONED,   "two.example",  HOPELESS,
					      "three.example", UNWRITABLE, "four.example", "five.example"};
	static struct alert alert;
	struct batch *batch = new_batch();
	struct history_summary summary;
	struct writer_states states = {.keep_since_ns = INT64_MIN};
	struct history *history;
	struct writer *writer;
	int unwritten = 0, found;

	(void)state;
	use_file_sink("poisoned.json");
	writer = started(scratch_path("poisoned.db"));
	for (int i = 0; i < 8; i++) {
		fill(&alert, i, domains[i]);
		assert_int_equal(batch_add_alert(batch, &alert), 0);
		add_access(batch, domains[i]);
	}
	assert_true(hand_over(writer, &batch, 5000));
	states.now_ns = host_now();
	writer_stop(writer, batch, &states);
	assert_int_equal(
		count_lines(scratch_path("poisoned.json"), "\"domain\":\"" POISONED "\"", false, &found), 6);
	assert_int_equal(found, 1); /* in its smallest form */
	history = opened(scratch_path("poisoned.db"), HISTORY_READ);
	assert_int_equal(history_summary(history, &summary, &failure), 0);
	assert_int_equal(summary.alerts, 6);
	assert_int_equal(summary.domains, 8);
	assert_int_equal(summary.outbox, 0);
	assert_int_equal(history_states(history, read_unwritten, &unwritten, &failure), 0);
	assert_int_equal(unwritten, 2);
	history_close(history);
}

static int lines_on_stderr(const char *path, const char *word)
{
	char line[1024];
	FILE *file = fopen(path, "r");
	int count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, word) != NULL;
	fclose(file);
	return count;
}

/* Once, and again whenever it is twice as long; then that it is over. */
static void a_log_that_a_reader_holds_up_is_told(void **state)
{
	static const struct {
		int64_t mib;
		int told, over;
	} steps[] = {{63, 0, 0}, {70, 1, 0}, {120, 1, 0}, {150, 2, 0},
		     {70, 2, 0}, {1, 2, 1},  {2, 2, 1},   {64, 3, 1}};
	struct batch *batch = new_batch();
	const char *path = scratch_path("stderr");
	struct writer *writer;
	int before = dup(STDERR_FILENO), file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	(void)state;
	config_defaults(&config);
	writer = started(scratch_path("held.db"));
	assert_true(before >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
	log_setup("writer_test", LOG_LEVEL_INFO);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		log_held = steps[i].mib << 20;
		for (int round = 0; round < 2; round++) { /* the second is taken when the first is written */
			add_access(batch, "held.example");
			assert_true(hand_over(writer, &batch, 5000));
		}
		assert_true(hand_over(writer, &batch, 5000));
		assert_int_equal(lines_on_stderr(path, "MiB, since programs read"), steps[i].told);
		assert_int_equal(lines_on_stderr(path, "short again"), steps[i].over);
	}
	log_setup("writer_test", (enum log_level)2);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	close(file);
	log_held = 0;
	writer_stop(writer, batch, &(struct writer_states){.now_ns = host_now(), .keep_since_ns = INT64_MIN});
}

struct told_gaps {
	int count;
	uint64_t lost;
	char reasons[128];
};

static int take_gap(void *context, const struct watch_span *span)
{
	struct told_gaps *gaps = context;

	gaps->count++;
	gaps->lost += span->lost;
	strcat(strcat(gaps->reasons, span->reason), ";");
	return 0;
}

/* What the kernel lost and what found no room are two gaps, each by its name, also where nothing else is new.
 */
static void what_found_no_room_is_a_gap(void **state)
{
	struct batch *batch = new_batch();
	struct writer_states states = {.keep_since_ns = INT64_MIN};
	struct told_gaps gaps = {0};
	struct history *history;
	struct writer *writer;

	(void)state;
	config_defaults(&config);
	writer = started(scratch_path("room.db"));
	for (int i = 0; i < 3; i++) {
		struct batch *empty = NULL;

		states.now_ns = host_now();
		states.lost_from_ns = states.now_ns - NS_PER_SECOND;
		states.lost = i == 1 ? 2 : 0;
		states.unheld = i ? 5 : 0;
		for (int tries = 0; !empty && tries < 5000; tries++) {
			empty = writer_exchange(writer, batch, &states);
			if (!empty)
				pause_ms(1);
		}
		assert_non_null(empty);
		batch = empty;
	}
	writer_stop(writer, batch, &(struct writer_states){.now_ns = host_now(), .keep_since_ns = INT64_MIN});
	history = opened(scratch_path("room.db"), HISTORY_READ);
	assert_int_equal(history_gaps(history, 0, INT64_MAX, take_gap, &gaps, &failure), 0);
	history_close(history);
	assert_int_equal(gaps.count, 2);
	assert_int_equal(gaps.lost, 12);
	assert_non_null(strstr(gaps.reasons, "records lost in the kernel;"));
	assert_non_null(strstr(gaps.reasons, "more was new than could be written;"));
}

/* Alerts in many batches into a pipe that nobody reads. Returns 0 where the history got all of them at once.
 */
static int write_to_stopped_reader(const char *path, int batches, int each)
{
	static struct alert alert;
	struct batch *batch = new_batch();
	struct history_summary summary;
	struct history *reader;
	struct writer *writer;
	int number = 0;

	signal(SIGPIPE, SIG_IGN);
	config_defaults(&config);
	if (config_set(&config, "alert.sinks=stdout", &failure))
		return 10;
	writer = started(path);
	reader = opened(path, HISTORY_READ);
	for (int i = 0; i < batches; i++) {
		for (int j = 0; j < each; j++, number++) {
			char domain[64];

			snprintf(domain, sizeof(domain), "d%d.example", number);
			fill(&alert, number, domain);
			add_access(batch, domain);
			if (batch_add_alert(batch, &alert))
				return 11;
		}
		if (!hand_over(writer, &batch, 5000))
			return 12; /* the core would have lost records by now */
	}
	if (!hand_over(writer, &batch, 5000) || history_summary(reader, &summary, &failure))
		return 13;
	if (summary.alerts != (uint64_t)number || summary.domains != (uint64_t)number)
		return 14;
	if (summary.outbox < (uint64_t)number / 2)
		return 15;                    /* the pipe took more than a pipe holds: this tests nothing */
	if (write(STDERR_FILENO, "", 1) != 1) /* now the other end reads */
		return 16;
	for (int i = 0; i < 5000 && summary.outbox; i++) {
		(void)hand_over(writer, &batch, 50);
		if (history_summary(reader, &summary, &failure))
			return 17;
	}
	history_close(reader);
	writer_stop(writer, batch, &(struct writer_states){.now_ns = host_now(), .keep_since_ns = INT64_MIN});
	return summary.outbox ? 18 : 0;
}

static void a_reader_that_stops_does_not_stop_the_history(void **state)
{
	enum { BATCHES = 20, EACH = 25 };
	char path[128], line[RENDER_MAX + 1], wanted[64], byte;
	int out[2], sign[2], status, number = 0;
	FILE *stream;
	pid_t child;

	(void)state;
	text_copy(path, sizeof(path), scratch_path("stopped.db"));
	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(sign), 0);
	child = fork();
	if (child == 0) {
		close(out[0]);
		close(sign[0]);
		if (dup2(out[1], STDOUT_FILENO) < 0 || dup2(sign[1], STDERR_FILENO) < 0)
			_exit(9);
		close(out[1]);
		close(sign[1]);
		_exit(write_to_stopped_reader(path, BATCHES, EACH));
	}
	close(out[1]);
	close(sign[1]);
	if (read(sign[0], &byte, 1) == 1) { /* all of it is in the history: read at last */
		stream = fdopen(out[0], "r");
		assert_non_null(stream);
		while (fgets(line, sizeof(line), stream)) {
			snprintf(wanted, sizeof(wanted), "\"uid\":\"00000000-0000-7000-8000-%012d\"",
				 number++);
			assert_non_null(strstr(line, wanted)); /* whole lines, in order, once */
			assert_string_equal(line + strlen(line) - 2, "}\n");
		}
		fclose(stream);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(number, BATCHES * EACH);
	close(sign[0]);
}

/* A server that says nothing. Its port goes into the settings. */
static int silent_server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char setting[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	snprintf(setting, sizeof(setting), "enrich.dns_servers=127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(config_set(&config, setting, &failure), 0);
	assert_int_equal(config_set(&config, "enrich.asn=yes", &failure), 0);
	assert_int_equal(config_set(&config, "enrich.packages=no", &failure), 0);
	return fd;
}

static void add_alert(struct batch *batch, int number, const char *domain, unsigned revision)
{
	static struct alert alert;

	fill(&alert, number, domain);
	alert.revision = revision;
	address_parse("198.51.100.7", &alert.remote);
	assert_int_equal(batch_add_alert(batch, &alert), 0);
}

/* The disk fails, so that the batch is written twice; the updates wait for the DNS all the same, and come
 * once. */
static void an_update_that_waits_for_the_dns_comes_once(void **state)
{
	struct batch *batch = new_batch();
	struct writer_states states = {.keep_since_ns = INT64_MIN};
	struct writer *writer;
	int server, found, lines = 0;

	(void)state;
	use_file_sink("held.json");
	server = silent_server();
	writer = started(scratch_path("held.db"));
	for (int i = 0; i < 3; i++)
		add_alert(batch, i, "held.example", 0);
	for (int i = 0; i < 3; i++)
		add_alert(batch, i, "held.example", 1);
	add_alert(batch, 4, LATE, 0);
	late_failures = 1;
	assert_true(hand_over(writer, &batch, 5000));
	assert_true(hand_over(writer, &batch, 5000)); /* so the first one is written */
	assert_int_equal(late_failures, -1);
	for (int waited = 0; waited < 10000 && lines < 4; waited += 50) {
		pause_ms(50);
		lines = count_lines(scratch_path("held.json"), "\"revision\":1", true, &found);
	}
	assert_int_equal(lines, 4);
	assert_int_equal(found, 0);
	for (int waited = 0; waited < 8000 && found < 3; waited += 200) {
		pause_ms(200);
		assert_true(hand_over(writer, &batch, 5000));
		count_lines(scratch_path("held.json"), "\"revision\":1", true, &found);
	}
	states.now_ns = host_now();
	writer_stop(writer, batch, &states);
	assert_int_equal(count_lines(scratch_path("held.json"), "\"status\":\"no_answer\"", false, &found),
			 7);
	assert_int_equal(found, 3);
	close(server);
}

static void the_end_waits_for_no_dns(void **state)
{
	struct batch *batch = new_batch();
	struct writer_states states = {.keep_since_ns = INT64_MIN};
	struct writer *writer;
	int64_t before;
	int server, found;

	(void)state;
	use_file_sink("end.json");
	server = silent_server();
	writer = started(scratch_path("end.db"));
	add_alert(batch, 1, "end.example", 0);
	add_alert(batch, 1, "end.example", 1);
	assert_true(hand_over(writer, &batch, 5000));
	before = clock_ns(CLOCK_MONOTONIC);
	add_alert(batch, 2, "end.example", 0);
	add_alert(batch, 2, "end.example", 1);
	states.now_ns = host_now();
	writer_stop(writer, batch, &states);
	assert_true(clock_ns(CLOCK_MONOTONIC) - before < 3 * NS_PER_SECOND);
	assert_int_equal(count_lines(scratch_path("end.json"), "\"revision\":1", false, &found), 4);
	assert_int_equal(found, 2);
	close(server);
}

/* "The old ones stay until they can": then they do not. */
static void rules_that_could_not_be_read_are_read_again(void **state)
{
	static const char *const words[] = {"allow", "ours", "domain=ours.example", "reason=a test"};
	struct batch *batch = new_batch();
	struct writer_states states = {.now_ns = host_now(), .keep_since_ns = INT64_MIN};
	char text[WRITER_ANSWER_MAX];
	struct allow_set *rules = NULL;
	struct writer *writer;

	(void)state;
	use_file_sink("rules.json");
	writer = started(scratch_path("rules.db"));
	rules_failures = 1;
	assert_true(writer_ask(writer, 4, words, text));
	writer_take_rules(writer, &rules);
	assert_null(rules);
	for (int i = 0; i < 100 && !rules; i++) {
		assert_true(hand_over(writer, &batch, 5000)); /* the next round */
		pause_ms(10);
		writer_take_rules(writer, &rules);
	}
	assert_non_null(rules);
	allow_set_free(rules);
	writer_stop(writer, batch, &states);
}

/* Longer than the end waits for it: the last batch is lost, which is said, but the end comes. */
static void a_disk_that_is_slow_at_the_end_does_not_hold_it_up_for_ever(void **state)
{
	struct batch *batch = new_batch();
	struct writer_states states = {.now_ns = host_now(), .keep_since_ns = INT64_MIN};
	struct history_summary summary;
	struct history *history;
	struct writer *writer;

	(void)state;
	use_file_sink("slow.json");
	writer = started(scratch_path("slow.db"));
	add_alert(batch, 1, SLOW, 0);
	assert_true(hand_over(writer, &batch, 5000));
	add_alert(batch, 2, "end.example", 0);
	alarm(20);
	writer_stop(writer, batch, &states);
	alarm(0);
	later_s = 0;
	history = opened(scratch_path("slow.db"), HISTORY_READ);
	assert_int_equal(history_summary(history, &summary, &failure), 0);
	assert_int_equal(summary.alerts, 1);
	history_close(history);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_update_that_waits_for_the_dns_comes_once),
		cmocka_unit_test(the_end_waits_for_no_dns),
		cmocka_unit_test(rules_that_could_not_be_read_are_read_again),
		cmocka_unit_test(a_disk_that_is_slow_at_the_end_does_not_hold_it_up_for_ever),
		cmocka_unit_test(an_alert_that_can_not_be_written_holds_up_nobody),
		cmocka_unit_test(a_log_that_a_reader_holds_up_is_told),
		cmocka_unit_test(what_found_no_room_is_a_gap),
		cmocka_unit_test(a_reader_that_stops_does_not_stop_the_history),
	};

	if (argc > 4)
		return feed(argc - 1, argv + 1);
	return cmocka_run_group_tests_name("daemon/writer", tests, make_folder, scratch_remove);
}
