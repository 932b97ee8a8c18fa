/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/scratch.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/outbox.h"

#define T0 (INT64_C(1767225600) * NS_PER_SECOND)

static char database[128], file[128], other[128], log_path[128];
static struct failure failure;
static struct config config; /* large */
static struct history *history;
static struct outbox *outbox;
static int written;

static int make_folder(void **state)
{
	log_setup("outbox_test", (enum log_level)2); /* its warnings are what is tested */
	if (scratch_make(state))
		return -1;
	snprintf(database, sizeof(database), "%s", scratch_path("h.db"));
	snprintf(file, sizeof(file), "%s", scratch_path("alerts.json"));
	snprintf(other, sizeof(other), "%s", scratch_path("other.json"));
	snprintf(log_path, sizeof(log_path), "%s", scratch_path("log"));
	written = 0;
	config_defaults(&config);
	config.sink_count = 0;
	return history_open(database, HISTORY_WRITE, &history, &failure);
}

static int remove_folder(void **state)
{
	outbox_close(outbox);
	outbox = NULL;
	history_close(history);
	history = NULL;
	return scratch_remove(state);
}

static void use_sinks(const char *sinks, int most)
{
	char setting[512];

	snprintf(setting, sizeof(setting), "alert.sinks=%s", sinks);
	assert_int_equal(config_set(&config, setting, &failure), 0);
	config.waiting_most = (uint32_t)most;
	outbox_close(outbox);
	outbox = NULL;
	if (outbox_open(&config, history, &outbox, &failure))
		fail_msg("%s", failure.text);
}

static void add_line(int number, const char *line)
{
	static struct alert alert;
	const struct outbox_texts texts = {.short_line = "", .message = "a sentence"};

	alert = (struct alert){.kind = ALERT_NEW_DOMAIN, .severity = SEVERITY_MEDIUM, .time_ns = T0};
	snprintf(alert.uid, sizeof(alert.uid), "00000000-0000-7000-8000-%012d", number);
	assert_int_equal(history_begin(history, &failure), 0);
	if (history_write_alert(history, &alert, line, &texts, &failure))
		fail_msg("%s", failure.text);
	assert_int_equal(history_commit(history, &failure), 0);
}

/* {"n":0}, {"n":1}, ... */
static void add_alerts(int count)
{
	char line[64];

	for (int i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "{\"n\":%d}", written);
		add_line(written++, line);
	}
}

static void settle(void)
{
	if (history_begin(history, &failure) || outbox_settle(outbox, history, &failure) ||
	    history_commit(history, &failure))
		fail_msg("%s", failure.text);
	outbox_settled(outbox);
}

static void send_all(void)
{
	while (outbox_send(outbox, history, T0) != OUTBOX_IDLE)
		settle();
	settle();
	assert_true(outbox_has_settled(outbox));
}

/* The file holds these numbers, in order. */
static void assert_file(const char *path, int from, int to)
{
	FILE *stream = fopen(path, "r");
	int number, next = from;

	assert_non_null(stream);
	while (fscanf(stream, "{\"n\":%d}\n", &number) == 1)
		assert_int_equal(number, next++);
	assert_true(feof(stream));
	fclose(stream);
	assert_int_equal(next, to);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	text_copy(address.sun_path, sizeof(address.sun_path), path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Reads until nothing is left; the numbers go on from *next. */
static void read_log(int log, int *next)
{
	char text[256];
	ssize_t length;

	while ((length = recv(log, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
		int number = -1;

		text[length] = '\0';
		assert_non_null(strstr(text, "{\"n\":"));
		assert_int_equal(sscanf(strstr(text, "{\"n\":"), "{\"n\":%d}", &number), 1);
		assert_int_equal(number, *next);
		++*next;
	}
}

struct wanted {
	const char *name;
	struct sink_row row;
	char why[160];
	int found, all;
};

static int find_sink(void *context, const struct sink_row *row)
{
	struct wanted *wanted = context;

	wanted->all++;
	if (strcmp(row->name, wanted->name) != 0)
		return 0;
	wanted->row = *row;
	text_copy(wanted->why, sizeof(wanted->why), row->why);
	wanted->found++;
	return 0;
}

static struct wanted sink_called(const char *kind, const char *path)
{
	struct wanted wanted = {0};
	char name[256];

	snprintf(name, sizeof(name), "%s:%s", kind, path);
	wanted.name = name;
	assert_int_equal(history_sinks(history, find_sink, &wanted, &failure), 0);
	assert_int_equal(wanted.found, 1);
	wanted.name = NULL;
	return wanted;
}

/* --- tests -------------------------------------------------------------------------------- */

static void one_that_is_down_holds_up_nobody_and_gets_all_in_order(void **state)
{
	char sinks[512];
	struct wanted wanted;
	int log, next = 0;

	(void)state;
	snprintf(sinks, sizeof(sinks), "file:%s, syslog:%s, file:%s", file, log_path, other);
	use_sinks(sinks, 10000);
	add_alerts(100);
	send_all();
	assert_file(file, 0, 100);
	assert_file(other, 0, 100);
	wanted = sink_called("syslog", log_path);
	assert_int_equal(wanted.row.waiting, 100);
	assert_int_equal(wanted.row.down_since_ns, T0);
	assert_non_null(strstr(wanted.why, "can not reach syslog:"));
	wanted = sink_called("file", file);
	assert_int_equal(wanted.row.waiting, 0);
	assert_int_equal(wanted.row.down_since_ns, 0);
	assert_int_equal(wanted.all, 3);
	log = listen_at(log_path);
	for (int i = 0; i < 1000 && next < 100; i++) { /* its queue is short */
		send_all();
		read_log(log, &next);
	}
	assert_int_equal(next, 100);
	add_alerts(5);
	send_all();
	read_log(log, &next);
	assert_int_equal(next, 105);
	assert_int_equal(sink_called("syslog", log_path).row.waiting,
			 5); /* it may have been stopped unread */
	send_all();
	assert_file(file, 0, 105);
	wanted = sink_called("syslog", log_path);
	assert_int_equal(wanted.row.waiting, 0);
	assert_int_equal(wanted.row.down_since_ns, 0);
	assert_string_equal(wanted.why, "");
	assert_int_equal(history_outbox_count(history, 0, INT64_MAX, &failure), 0);
	close(log);
}

static void after_a_restart_nobody_gets_again_what_it_has(void **state)
{
	char sinks[512];
	int log, next = 0;

	(void)state;
	snprintf(sinks, sizeof(sinks), "file:%s,syslog:%s", file, log_path);
	use_sinks(sinks, 10000);
	add_alerts(40);
	send_all();
	for (int i = 0; i < 3; i++) { /* the log is down through all of them */
		history_close(history);
		assert_int_equal(history_open(database, HISTORY_WRITE, &history, &failure), 0);
		use_sinks(sinks, 10000);
		add_alerts(1);
		send_all();
	}
	assert_file(file, 0, 43);
	log = listen_at(log_path);
	for (int i = 0; i < 1000 && next < 43; i++) {
		send_all();
		read_log(log, &next);
	}
	assert_int_equal(next, 43);
	close(log);
}

static void what_a_log_took_and_did_not_read_comes_again_when_it_ends(void **state)
{
	char sinks[512];
	int log, next = 0;

	(void)state;
	snprintf(sinks, sizeof(sinks), "syslog:%s", log_path);
	log = listen_at(log_path);
	use_sinks(sinks, 10000);
	add_alerts(5);
	send_all();
	read_log(log, &next);
	assert_int_equal(next, 5);
	add_alerts(3);
	send_all();
	close(log);
	unlink(log_path);
	send_all();
	assert_int_equal(sink_called("syslog", log_path).row.waiting, 3);
	for (int i = 0; i < 3; i++) { /* and again, however often it ends */
		log = listen_at(log_path);
		send_all();
		close(log);
		unlink(log_path);
		send_all();
	}
	log = listen_at(log_path);
	send_all();
	read_log(log, &next);
	assert_int_equal(next, 8);
	send_all();
	assert_int_equal(sink_called("syslog", log_path).row.waiting, 0);
	assert_int_equal(sink_called("syslog", log_path).row.down_since_ns, 0);
	close(log);
}

static void a_kill_before_the_mark_repeats_one_chunk_at_most(void **state)
{
	FILE *stream;
	char sinks[512];
	int number, count = 0, last = -1;

	(void)state;
	snprintf(sinks, sizeof(sinks), "file:%s", file);
	use_sinks(sinks, 10000);
	add_alerts(200);
	assert_int_equal(outbox_send(outbox, history, T0), OUTBOX_MORE);
	settle();
	assert_int_equal(outbox_send(outbox, history, T0), OUTBOX_MORE);
	use_sinks(sinks, 10000); /* as if killed here: nothing was settled */
	send_all();
	stream = fopen(file, "r");
	assert_non_null(stream);
	while (fscanf(stream, "{\"n\":%d}\n", &number) == 1) {
		assert_true(number == last + 1 || (number == OUTBOX_CHUNK && last == 2 * OUTBOX_CHUNK - 1));
		last = number;
		count++;
	}
	fclose(stream);
	assert_int_equal(last, 199);
	assert_int_equal(count, 200 + OUTBOX_CHUNK);
}

static void a_sink_that_stays_down_loses_the_oldest_and_it_is_counted(void **state)
{
	char sinks[512];
	struct wanted wanted;
	int log, next = 190;

	(void)state;
	snprintf(sinks, sizeof(sinks), "file:%s,syslog:%s", file, log_path);
	use_sinks(sinks, 10);
	add_alerts(200); /* more at once than may wait: who takes them gets all */
	send_all();
	assert_file(file, 0, 200);
	assert_int_equal(history_outbox_count(history, 0, INT64_MAX, &failure), 10);
	wanted = sink_called("syslog", log_path);
	assert_int_equal(wanted.row.waiting, 10);
	assert_int_equal(wanted.row.dropped, 190);
	assert_int_equal(sink_called("file", file).row.dropped, 0);
	log = listen_at(log_path);
	use_sinks(sinks, 10); /* the count outlives a restart */
	for (int i = 0; i < 100 && next < 200; i++) {
		send_all();
		read_log(log, &next);
	}
	assert_int_equal(next, 200);
	send_all();
	wanted = sink_called("syslog", log_path);
	assert_int_equal(wanted.row.waiting, 0);
	assert_int_equal(wanted.row.dropped, 190);
	assert_file(file, 0, 200);
	close(log);
}

static void a_lower_bound_holds_for_what_waits_already(void **state)
{
	char sinks[512];
	int rounds = 0;

	(void)state;
	snprintf(sinks, sizeof(sinks), "syslog:%s", log_path);
	use_sinks(sinks, 1000000);
	add_alerts(300);
	send_all();
	assert_int_equal(history_outbox_count(history, 0, INT64_MAX, &failure), 300);
	use_sinks(sinks, 100); /* the setting was lowered */
	(void)outbox_send(outbox, history, T0);
	while (!outbox_has_settled(outbox) && rounds++ < 10)
		settle();
	assert_int_equal(history_outbox_count(history, 0, INT64_MAX, &failure), 100);
	assert_int_equal(sink_called("syslog", log_path).row.dropped, 200);
}

static void a_poisoned_row_holds_up_nobody(void **state)
{
	static char too_long[RENDER_MAX + 10];
	static const char *const poison[] = {"", "half a line", "{\"n\":", "{\"n\":\n1}", "[1]"};
	char sinks[512];

	(void)state;
	snprintf(sinks, sizeof(sinks), "file:%s", file);
	use_sinks(sinks, 1000);
	add_alerts(1);
	for (size_t i = 0; i < sizeof(poison) / sizeof(poison[0]); i++) {
		add_line(1000 + (int)i, poison[i]);
		add_alerts(1);
	}
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[0] = '{';
	too_long[sizeof(too_long) - 2] = '}';
	add_line(2000, too_long);
	add_alerts(1);
	send_all();
	assert_file(file, 0, 7);
	assert_int_equal(sink_called("file", file).row.refused, 6);
	assert_int_equal(history_outbox_count(history, 0, INT64_MAX, &failure), 0);
}

static void a_new_sink_begins_with_what_waits_and_a_former_one_is_forgotten(void **state)
{
	char sinks[512];
	struct wanted wanted;

	(void)state;
	snprintf(sinks, sizeof(sinks), "syslog:%s", log_path);
	use_sinks(sinks, 1000);
	add_alerts(7);
	send_all();
	snprintf(sinks, sizeof(sinks), "file:%s", file); /* instead of the log that was always down */
	use_sinks(sinks, 1000);
	send_all();
	assert_file(file, 0, 7);
	wanted = sink_called("file", file);
	assert_int_equal(wanted.all, 1);
	snprintf(sinks, sizeof(sinks), "file:%s,file:%s", file, other);
	use_sinks(sinks, 1000);
	add_alerts(2);
	send_all();
	assert_file(file, 0, 9);
	assert_file(other, 7, 9);
}

static void a_file_that_vanished_gets_what_came_meanwhile(void **state)
{
	char sinks[512], inner[128], path[160];

	(void)state;
	snprintf(inner, sizeof(inner), "%s", scratch_path("inner"));
	snprintf(path, sizeof(path), "%s/a.json", inner);
	assert_int_equal(mkdir(inner, 0750), 0);
	snprintf(sinks, sizeof(sinks), "file:%s,file:%s", path, other);
	use_sinks(sinks, 1000);
	add_alerts(3);
	send_all();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(inner), 0);
	add_alerts(4);
	send_all();
	assert_file(other, 0, 7);
	assert_int_equal(sink_called("file", path).row.waiting, 4);
	outbox_reopen(outbox, T0); /* a signal changes nothing */
	assert_int_equal(mkdir(inner, 0750), 0);
	send_all();
	assert_file(path, 3, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define EACH(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
		EACH(one_that_is_down_holds_up_nobody_and_gets_all_in_order),
		EACH(after_a_restart_nobody_gets_again_what_it_has),
		EACH(what_a_log_took_and_did_not_read_comes_again_when_it_ends),
		EACH(a_kill_before_the_mark_repeats_one_chunk_at_most),
		EACH(a_sink_that_stays_down_loses_the_oldest_and_it_is_counted),
		EACH(a_lower_bound_holds_for_what_waits_already),
		EACH(a_poisoned_row_holds_up_nobody),
		EACH(a_new_sink_begins_with_what_waits_and_a_former_one_is_forgotten),
		EACH(a_file_that_vanished_gets_what_came_meanwhile),
	};

	return cmocka_run_group_tests_name("daemon/outbox", tests, NULL, NULL);
}
