/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "sink/sink_internal.h"

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/firstseen-sink-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static struct sink *open_file_sink(const char *path)
{
	struct sink_setting setting = {.kind = SINK_FILE};
	struct failure failure;
	struct sink *sink = NULL;

	text_copy(setting.path, sizeof(setting.path), path);
	assert_int_equal(sink_open(&setting, &sink, &failure), 0);
	return sink;
}

static void assert_content(const char *path, const char *wanted)
{
	char content[256] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_int_equal(fread(content, 1, sizeof(content) - 1, file), strlen(wanted));
	fclose(file);
	assert_string_equal(content, wanted);
}

static void files_get_whole_lines_and_survive_rotation(void **state)
{
	struct failure failure;
	struct stat status;
	char path[128], rotated[128];
	struct sink *sink;

	(void)state;
	text_copy(path, sizeof(path), in_folder("alerts.json"));
	text_copy(rotated, sizeof(rotated), in_folder("alerts.json.1"));
	sink = open_file_sink(path);
	assert_int_equal(sink_write(sink, "one", 3, &failure), 0);
	assert_int_equal(rename(path, rotated), 0);
	assert_int_equal(sink_write(sink, "two", 3, &failure), 0);
	assert_int_equal(sink_reopen(sink, &failure), 0);
	assert_int_equal(sink_write(sink, "three", 5, &failure), 0);
	assert_content(rotated, "one\ntwo\n");
	assert_content(path, "three\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0137, 0); /* nobody else reads it */
	assert_int_equal(sink_line_max(sink), RENDER_MAX);
	sink_close(sink);
}

static void a_full_disk_is_told_and_leaves_no_half_line(void **state)
{
	struct failure failure;
	struct sink *sink = open_file_sink("/dev/full");

	(void)state;
	assert_int_equal(sink_write(sink, "one", 3, &failure), -ENOSPC);
	assert_string_equal(failure.text, "can not write to file:/dev/full: No space left on device");
	sink_close(sink);
}

static void a_file_that_can_not_be_opened_is_told_at_once(void **state)
{
	struct sink_setting setting = {.kind = SINK_FILE, .path = "/nonexistent/a.json"};
	struct failure failure;
	struct sink *sink = NULL;

	(void)state;
	assert_int_equal(sink_open(&setting, &sink, &failure), -ENOENT);
	assert_null(sink);
	assert_string_equal(failure.text, "can not open file:/nonexistent/a.json: No such file or directory");
}

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

static void assert_syslog_line(const char *text, const char *line)
{
	const char *tag = strstr(text, " firstseend[");

	assert_int_equal(strncmp(text, "<28>", 4), 0);
	assert_non_null(tag);
	assert_non_null(strstr(tag, "]: "));
	assert_string_equal(strstr(tag, "]: ") + 3, line);
}

static void a_log_that_is_down_is_told_and_reached_again(void **state)
{
	struct sink_setting setting = {.kind = SINK_SYSLOG};
	struct failure failure;
	struct sink *sink = NULL;
	char path[128], text[256] = "";
	int log;

	(void)state;
	text_copy(path, sizeof(path), in_folder("log"));
	assert_int_equal(sink_open_at(&setting, path, &sink, &failure), 0);
	assert_int_equal(sink_write(sink, "{}", 2, &failure), -ENOENT);
	log = listen_at(path, SOCK_DGRAM);
	assert_int_equal(sink_write(sink, "{\"a\":1}", 7, &failure), 0);
	assert_true(recv(log, text, sizeof(text) - 1, 0) > 0);
	assert_syslog_line(text, "{\"a\":1}");
	close(log); /* the log is stopped, and started again at the same place */
	unlink(path);
	assert_int_not_equal(sink_write(sink, "{}", 2, &failure), 0);
	log = listen_at(path, SOCK_DGRAM);
	memset(text, 0, sizeof(text));
	assert_int_equal(sink_write(sink, "{\"b\":2}", 7, &failure), 0);
	assert_true(recv(log, text, sizeof(text) - 1, 0) > 0);
	assert_syslog_line(text, "{\"b\":2}");
	close(log);
	assert_int_equal(sink_line_max(sink), RENDER_SYSLOG_MAX);
	sink_close(sink);
}

static void a_log_that_does_not_read_never_blocks(void **state)
{
	struct sink_setting setting = {.kind = SINK_SYSLOG};
	struct failure failure;
	struct sink *sink = NULL;
	char path[128];
	int log, error = 0, sent = 0;

	(void)state;
	text_copy(path, sizeof(path), in_folder("slow"));
	log = listen_at(path, SOCK_DGRAM);
	assert_int_equal(sink_open_at(&setting, path, &sink, &failure), 0);
	for (; !error && sent < 100000; sent++)
		error = sink_write(sink, "{}", 2, &failure);
	assert_int_equal(error, -EAGAIN);
	close(log);
	sink_close(sink);
}

static void a_stream_log_is_spoken_to_as_well(void **state)
{
	struct sink_setting setting = {.kind = SINK_SYSLOG};
	struct failure failure;
	struct sink *sink = NULL;
	char path[128], text[256] = "";
	int log, peer;

	(void)state;
	text_copy(path, sizeof(path), in_folder("stream"));
	log = listen_at(path, SOCK_STREAM);
	assert_int_equal(sink_open_at(&setting, path, &sink, &failure), 0);
	assert_int_equal(sink_write(sink, "{}", 2, &failure), 0);
	peer = accept(log, NULL, NULL);
	assert_true(recv(peer, text, sizeof(text) - 1, 0) > 0);
	assert_syslog_line(text, "{}");
	close(peer);
	close(log);
	sink_close(sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_get_whole_lines_and_survive_rotation),
		cmocka_unit_test(a_full_disk_is_told_and_leaves_no_half_line),
		cmocka_unit_test(a_file_that_can_not_be_opened_is_told_at_once),
		cmocka_unit_test(a_log_that_is_down_is_told_and_reached_again),
		cmocka_unit_test(a_log_that_does_not_read_never_blocks),
		cmocka_unit_test(a_stream_log_is_spoken_to_as_well),
	};

	return cmocka_run_group_tests_name("sink/sink", tests, make_folder, remove_folder);
}
