/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scratch.h"
#include "base/text.h"
#include "sink/sink.h"

static struct failure failure;

static struct sink *opened(enum sink_kind kind, const char *path, bool cee)
{
	struct sink_setting setting = {.kind = kind};
	struct sink *sink = NULL;

	text_copy(setting.path, sizeof(setting.path), path);
	if (sink_open(&setting, cee, &sink, &failure))
		fail_msg("%s", failure.text);
	return sink;
}

static struct sink_alert alert_of(const char *line)
{
	return (struct sink_alert){.line = line,
				   .short_line = "",
				   .message = "",
				   .uid = "u",
				   .kind = "new_domain",
				   .domain = "",
				   .hostname = "",
				   .application = "",
				   .severity = SEVERITY_MEDIUM};
}

static int give(struct sink *sink, const char *line)
{
	struct sink_alert alert = alert_of(line);

	return sink_write(sink, &alert, &failure);
}

static void assert_content(const char *path, const char *wanted)
{
	static char content[32768];
	FILE *file = fopen(path, "r");
	size_t length;

	assert_non_null(file);
	length = fread(content, 1, sizeof(content) - 1, file);
	content[length] = '\0';
	fclose(file);
	assert_string_equal(content, wanted);
	assert_int_equal(length, strlen(wanted));
}

static void fill(const char *path, const char *content)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	fclose(file);
}

/* --- files ---------------------------------------------------------------------------- */

static void files_get_whole_lines_and_survive_rotation(void **state)
{
	struct stat status;
	char path[128], rotated[128];
	mode_t mask = umask(0);
	struct sink *sink;

	(void)state;
	text_copy(path, sizeof(path), scratch_path("alerts.json"));
	text_copy(rotated, sizeof(rotated), scratch_path("alerts.json.1"));
	sink = opened(SINK_FILE, path, false);
	umask(mask);
	assert_int_equal(give(sink, "{1}"), 0);
	assert_int_equal(rename(path, rotated), 0);
	assert_int_equal(give(sink, "{2}"),
			 0); /* a rotation is going on: the new file may not be there yet */
	assert_int_equal(sink_reopen(sink, &failure), 0);
	assert_int_equal(give(sink, "{3}"), 0);
	assert_content(rotated, "{1}\n{2}\n");
	assert_content(path, "{3}\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640 & ~mask);
	assert_int_equal(stat(rotated, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640); /* nobody else reads it */
	assert_int_equal(rename(path, rotated), 0);    /* without a signal, but with a new file */
	fill(path, "");
	assert_int_equal(give(sink, "{4}"), 0);
	assert_content(path, "{4}\n");
	assert_int_equal(truncate(path, 0), 0); /* copied and truncated */
	assert_int_equal(give(sink, "{5}"), 0);
	assert_content(path, "{5}\n");
	assert_int_equal(sink_flush(sink, &failure), 0);
	assert_string_equal(sink_name(sink) + 5, path);
	sink_close(sink);
}

static void a_full_disk_is_told(void **state)
{
	struct sink *sink = opened(SINK_FILE, "/dev/full", false);

	(void)state;
	assert_int_equal(give(sink, "{1}"), -ENOSPC);
	assert_string_equal(failure.text, "can not write to file:/dev/full: No space left on device");
	sink_close(sink);
}

/* A bound on the file's size tears a line as a full disk does. */
static void half_a_line_is_taken_back(void **state)
{
	struct rlimit old, little;
	char path[128], line[401], wanted[1300];
	struct sink *sink;
	int errors[4];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[0] = '{';
	line[399] = '}';
	line[400] = '\0';
	text_copy(path, sizeof(path), scratch_path("torn.json"));
	sink = opened(SINK_FILE, path, false);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	little = old;
	little.rlim_cur = 1000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	for (int i = 0; i < 4; i++)
		errors[i] = give(sink, line);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(errors[0], 0);
	assert_int_equal(errors[1], 0);
	assert_int_equal(errors[2], -EFBIG);
	assert_int_equal(errors[3], -EFBIG);
	snprintf(wanted, sizeof(wanted), "%s\n%s\n", line, line);
	assert_content(path, wanted);
	assert_int_equal(give(sink, line), 0);
	snprintf(wanted, sizeof(wanted), "%s\n%s\n%s\n", line, line, line);
	assert_content(path, wanted);
	sink_close(sink);
}

static void half_a_line_of_a_killed_process_is_cut_off(void **state)
{
	char path[128];
	struct sink *sink;

	(void)state;
	text_copy(path, sizeof(path), scratch_path("killed.json"));
	fill(path, "{1}\n{\"a\":");
	sink = opened(SINK_FILE, path, false);
	assert_int_equal(give(sink, "{\"a\":2}"), 0);
	sink_close(sink);
	assert_content(path, "{1}\n{\"a\":2}\n");
	fill(path, "{\"only");
	sink_close(opened(SINK_FILE, path, false));
	assert_content(path, "");
	fill(path, "somebody's own text"); /* not for us to cut */
	sink_close(opened(SINK_FILE, path, false));
	assert_content(path, "somebody's own text");
}

static void a_file_that_can_not_be_opened_is_told_at_once(void **state)
{
	struct sink_setting setting = {.kind = SINK_FILE, .path = "/nonexistent/a.json"};
	struct sink *sink = NULL;

	(void)state;
	assert_int_equal(sink_open(&setting, false, &sink, &failure), -ENOENT);
	assert_null(sink);
	assert_string_equal(failure.text, "can not open file:/nonexistent/a.json: No such file or directory");
}

static void a_folder_that_vanishes_is_told_and_taken_when_it_is_back(void **state)
{
	char path[128], inner[128];
	struct sink *sink;

	(void)state;
	text_copy(inner, sizeof(inner), scratch_path("inner"));
	text_copy(path, sizeof(path), scratch_path("inner/alerts.json"));
	assert_int_equal(mkdir(inner, 0750), 0);
	sink = opened(SINK_FILE, path, false);
	assert_int_equal(give(sink, "{1}"), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(inner), 0);
	assert_int_equal(give(sink, "{2}"), -ENOENT);
	assert_non_null(strstr(failure.text, "can not open file:"));
	assert_int_equal(give(sink, "{2}"), -ENOENT);
	assert_int_equal(mkdir(inner, 0750), 0);
	assert_int_equal(give(sink, "{2}"), 0);
	assert_int_equal(unlink(path), 0); /* the file alone */
	assert_int_equal(give(sink, "{3}"), 0);
	assert_content(path, "{3}\n");
	sink_close(sink);
}

/* --- standard output --------------------------------------------------------------------- */

#define LONG_LINE 6000

/* In a process of its own, with another standard output. Returns 0 where all held. */
static int with_stdout(int out, int (*test)(int reader), int reader)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		signal(SIGPIPE, SIG_IGN);
		if (dup2(out, STDOUT_FILENO) < 0)
			_exit(100);
		close(out);
		_exit(test(reader));
	}
	close(out);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static size_t take(int fd, char *to, size_t most)
{
	size_t total = 0;
	ssize_t length;

	while (total < most && (length = recv(fd, to + total, most - total, MSG_DONTWAIT)) > 0)
		total += (size_t)length;
	if (total == 0 && errno == ENOTSOCK) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		while (total < most && (length = read(fd, to + total, most - total)) > 0)
			total += (size_t)length;
	}
	return total;
}

/* Lines until nothing fits; the half line is completed, and not repeated, when there is room. */
static int fill_and_drain(int reader)
{
	static char lines[3][LONG_LINE + 1], out[1 << 20];
	struct sink_setting setting = {.kind = SINK_STDOUT};
	struct sink *sink;
	size_t length, whole = 0, tries = 0;
	int flags = fcntl(STDOUT_FILENO, F_GETFL), error = 0;

	for (int i = 0; i < 3; i++) {
		memset(lines[i], 'a' + i, LONG_LINE);
		lines[i][0] = '{';
		lines[i][LONG_LINE - 1] = '}';
	}
	if (sink_open(&setting, false, &sink, &failure))
		return 1;
	while (!(error = give(sink, lines[0])) && tries++ < 10000)
		whole++;
	if (error != -EAGAIN || fcntl(STDOUT_FILENO, F_GETFL) != flags)
		return 2; /* it waited, or changed what others share */
	if (give(sink, lines[0]) != -EAGAIN)
		return 3;
	length = take(reader, out, sizeof(out));
	if (give(sink, lines[0]) || give(sink, lines[1])) /* the rest of the same line; then another */
		return 4;
	length += take(reader, out + length, sizeof(out) - length);
	if (length != (whole + 2) * (LONG_LINE + 1))
		return 5;
	for (size_t i = 0; i < whole + 2; i++) {
		const char *line = out + i * (LONG_LINE + 1);

		if (memcmp(line, lines[i == whole + 1], LONG_LINE) != 0 || line[LONG_LINE] != '\n')
			return 6;
	}
	/* The half line's turn is over (its alert was dropped): it is completed before the next one. */
	while (!give(sink, lines[0]))
		;
	length = take(reader, out, sizeof(out));
	if (give(sink, lines[2]))
		return 7;
	length += take(reader, out + length, sizeof(out) - length);
	if (length % (LONG_LINE + 1) != 0 || memcmp(out + length - LONG_LINE - 1, lines[2], LONG_LINE) != 0)
		return 8;
	sink_close(sink);
	return 0;
}

static void a_reader_that_stops_never_blocks_and_gets_whole_lines(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(with_stdout(ends[1], fill_and_drain, ends[0]), 0);
	close(ends[0]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0); /* as a service's */
	assert_int_equal(with_stdout(ends[1], fill_and_drain, ends[0]), 0);
	close(ends[0]);
}

/* --- syslog ---------------------------------------------------------------------------- */

static int listen_at(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	text_copy(address.sun_path, sizeof(address.sun_path), path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static void assert_syslog_line(const char *text, const char *priority, const char *line)
{
	const char *tag = strstr(text, " firstseend[");

	assert_int_equal(strncmp(text, priority, strlen(priority)), 0);
	assert_non_null(tag);
	assert_non_null(strstr(tag, "]: "));
	assert_string_equal(strstr(tag, "]: ") + 3, line);
}

static void assert_received(int log, const char *priority, const char *line)
{
	char text[512] = "";

	assert_true(recv(log, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_syslog_line(text, priority, line);
}

static void a_log_that_is_down_is_told_and_reached_again(void **state)
{
	struct sink *sink;
	char path[128];
	int log;

	(void)state;
	text_copy(path, sizeof(path), scratch_path("log"));
	sink = opened(SINK_SYSLOG, path, false);
	assert_int_equal(give(sink, "{}"), -ENOENT);
	log = listen_at(path, SOCK_DGRAM);
	assert_int_equal(give(sink, "{\"a\":1}"), 0);
	assert_received(log, "<28>", "{\"a\":1}");
	assert_int_equal(sink_flush(sink, &failure), 0); /* it has read it */
	close(log); /* the log is stopped, and started again at the same place */
	assert_int_equal(give(sink, "{}"), -ECONNREFUSED);
	unlink(path);
	assert_int_equal(give(sink, "{}"), -ENOENT);
	log = listen_at(path, SOCK_DGRAM);
	assert_int_equal(give(sink, "{\"b\":2}"), 0);
	assert_received(log, "<28>", "{\"b\":2}");
	assert_int_equal(sink_flush(sink, &failure), 0);
	close(log);
	unlink(path);
	log = listen_at(path, SOCK_DGRAM); /* between two lines: nobody is told */
	assert_int_equal(give(sink, "{\"c\":3}"), 0);
	assert_received(log, "<28>", "{\"c\":3}");
	close(log);
	sink_close(sink);
}

static void what_a_log_did_not_read_before_it_ended_is_told(void **state)
{
	struct sink *sink;
	char path[128];
	int log;

	(void)state;
	text_copy(path, sizeof(path), scratch_path("unread"));
	log = listen_at(path, SOCK_DGRAM);
	sink = opened(SINK_SYSLOG, path, false);
	assert_int_equal(give(sink, "{1}"), 0);
	assert_true(sink_flush(sink, &failure) > 0);
	assert_received(log, "<28>", "{1}");
	assert_int_equal(sink_flush(sink, &failure), 0);
	assert_int_equal(give(sink, "{2}"), 0);
	close(log); /* nothing is left to read now, and nothing was read */
	assert_int_equal(sink_flush(sink, &failure), -ECONNRESET);
	unlink(path);
	log = listen_at(path, SOCK_DGRAM);
	assert_int_equal(give(sink, "{3}"), 0);
	close(log);
	unlink(path);
	usleep(50000);                     /* files have times as coarse as the kernel's ticks */
	log = listen_at(path, SOCK_DGRAM); /* a restart: another one listens there */
	assert_int_equal(sink_flush(sink, &failure), -ECONNRESET);
	assert_int_equal(give(sink, "{4}"), 0);
	close(log);
	unlink(path);
	log = listen_at(path, SOCK_DGRAM);
	assert_int_equal(give(sink, "{5}"),
			 -ECONNREFUSED); /* not over a new connection: {4} has to come first */
	assert_int_equal(sink_flush(sink, &failure), -ECONNRESET);
	assert_int_equal(give(sink, "{4}"), 0);
	assert_received(log, "<28>", "{4}");
	close(log);
	sink_close(sink);
}

static void a_log_gets_the_severity_the_short_line_and_the_cookie(void **state)
{
	static const struct {
		enum alert_severity severity;
		const char *priority;
	} severities[] = {
		{SEVERITY_INFORMATIONAL, "<30>"}, {SEVERITY_LOW, "<29>"},
		{SEVERITY_MEDIUM, "<28>"},        {SEVERITY_HIGH, "<27>"},
		{SEVERITY_CRITICAL, "<26>"},      {(enum alert_severity)77, "<28>"},
	};
	struct sink *plain, *cee;
	char path[128];
	int log;

	(void)state;
	text_copy(path, sizeof(path), scratch_path("cookies"));
	log = listen_at(path, SOCK_DGRAM);
	plain = opened(SINK_SYSLOG, path, false);
	cee = opened(SINK_SYSLOG, path, true);
	for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++) {
		struct sink_alert alert = alert_of("{\"long\":1}");

		alert.short_line = "{\"short\":1}";
		alert.severity = severities[i].severity;
		assert_int_equal(sink_write(plain, &alert, &failure), 0);
		assert_received(log, severities[i].priority, "{\"short\":1}");
		assert_int_equal(sink_write(cee, &alert, &failure), 0);
		assert_received(log, severities[i].priority, "@cee: {\"short\":1}");
	}
	close(log);
	sink_close(plain);
	sink_close(cee);
}

static void a_log_that_does_not_read_never_blocks(void **state)
{
	struct sink *sink;
	char path[128];
	int log, error = 0, sent = 0;

	(void)state;
	text_copy(path, sizeof(path), scratch_path("slow"));
	log = listen_at(path, SOCK_DGRAM);
	sink = opened(SINK_SYSLOG, path, false);
	for (; !error && sent < 100000; sent++)
		error = give(sink, "{}");
	assert_int_equal(error, -EAGAIN);
	assert_non_null(strstr(failure.text, "takes no more at the moment"));
	assert_received(log, "<28>", "{}");
	assert_int_equal(give(sink, "{}"), 0);
	close(log);
	sink_close(sink);
}

static void a_stream_log_gets_whole_messages(void **state)
{
	static char line[LONG_LINE + 1], out[1 << 20];
	struct sink *sink;
	char path[128];
	size_t sent = 0, length, messages = 0;
	int log, peer, error;

	(void)state;
	memset(line, 'x', LONG_LINE);
	line[0] = '{';
	line[LONG_LINE - 1] = '}';
	text_copy(path, sizeof(path), scratch_path("stream"));
	log = listen_at(path, SOCK_STREAM);
	sink = opened(SINK_SYSLOG, path, false);
	while (!(error = give(sink, line)) && sent < 10000)
		sent++;
	assert_int_equal(error, -EAGAIN); /* in the middle of a message */
	peer = accept(log, NULL, NULL);
	length = take(peer, out, sizeof(out) - 1);
	assert_int_equal(give(sink, line), 0);
	length += take(peer, out + length, sizeof(out) - 1 - length);
	for (size_t at = 0; at < length; at += strlen(out + at) + 1, messages++)
		assert_syslog_line(out + at, "<28>", line);
	assert_int_equal(messages, sent + 1);
	assert_int_equal(sink_flush(sink, &failure), 0);
	close(peer);
	assert_int_equal(give(sink, "{}"), 0); /* over a new connection */
	peer = accept(log, NULL, NULL);
	length = take(peer, out, sizeof(out) - 1);
	assert_syslog_line(out, "<28>", "{}");
	assert_int_equal(length, strlen(out) + 1);
	assert_int_equal(give(sink, "{}"), 0);
	assert_true(sink_flush(sink, &failure) > 0);
	close(peer); /* with a message that it has not read */
	assert_int_equal(sink_flush(sink, &failure), -ECONNRESET);
	close(log);
	sink_close(sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_get_whole_lines_and_survive_rotation),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(half_a_line_is_taken_back),
		cmocka_unit_test(half_a_line_of_a_killed_process_is_cut_off),
		cmocka_unit_test(a_file_that_can_not_be_opened_is_told_at_once),
		cmocka_unit_test(a_folder_that_vanishes_is_told_and_taken_when_it_is_back),
		cmocka_unit_test(a_reader_that_stops_never_blocks_and_gets_whole_lines),
		cmocka_unit_test(a_log_that_is_down_is_told_and_reached_again),
		cmocka_unit_test(what_a_log_did_not_read_before_it_ended_is_told),
		cmocka_unit_test(a_log_gets_the_severity_the_short_line_and_the_cookie),
		cmocka_unit_test(a_log_that_does_not_read_never_blocks),
		cmocka_unit_test(a_stream_log_gets_whole_messages),
	};

	return cmocka_run_group_tests_name("sink/sink", tests, scratch_make, scratch_remove);
}
