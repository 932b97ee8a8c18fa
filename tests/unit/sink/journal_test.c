/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The journal's protocol, read exactly. `journal_test SOCKET` sends its alerts to a real journal
 * instead, for tests/cli/logs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/scratch.h"
#include "base/text.h"
#include "sink/sink_internal.h"

#define LITTLE_BUFFER 1 /* the kernel makes it 4.5 KiB, the least */

static char path[128];
static struct failure failure;

static int make_folder(void **state)
{
	int error = scratch_make(state);

	snprintf(path, sizeof(path), "%s", scratch_path("socket"));
	return error;
}

static int listening(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	unlink(path);
	text_copy(address.sun_path, sizeof(address.sun_path), path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct sink *opened(const char *socket_path)
{
	struct sink_setting setting = {.kind = SINK_JOURNAL};
	struct sink *sink = NULL;

	text_copy(setting.path, sizeof(setting.path), socket_path);
	if (sink_open(&setting, false, &sink, &failure))
		return NULL;
	return sink;
}

static const struct sink_alert plain = {
	.line = "{\"a\":1}",
	.short_line = "{}",
	.message = "curl contacted example.com",
	.uid = "019b76da-a800-7abc-8def-0123456789ab",
	.kind = "new_domain",
	.domain = "example.com",
	.hostname = "www.example.com",
	.application = "/usr/bin/curl",
	.severity = SEVERITY_HIGH,
	.revision = 1,
};

static const struct sink_alert hostile = {
	.line = "{\"b\":\"\\n\"}",
	.short_line = "",
	.message = "two\nlines\n",
	.uid = "019b76da-a800-7abc-8def-0123456789ac",
	.kind = "threat_domain",
	.domain = "\nPRIORITY=0",
	.hostname = "",
	.application = "/tmp/a\nMESSAGE=forged\n\xff=\x01",
	.severity = SEVERITY_CRITICAL,
};

/* --- a reader of the protocol -------------------------------------------------------------- */

struct fields {
	size_t count;
	struct field {
		char name[65];
		char value[9000];
		size_t length;
		bool binary;
	} items[32];
};

/* Reads all of it, or fails the test. */
static void parse(const char *bytes, size_t length, struct fields *fields)
{
	size_t at = 0;

	fields->count = 0;
	while (at < length) {
		struct field *field = &fields->items[fields->count++];
		size_t name = at;

		while (at < length && bytes[at] != '=' && bytes[at] != '\n') {
			/* Names: capitals, digits and underscores, not beginning with an underscore or digit.
			 */
			assert_true(
				(bytes[at] >= 'A' && bytes[at] <= 'Z') ||
				(at > name && (bytes[at] == '_' || (bytes[at] >= '0' && bytes[at] <= '9'))));
			at++;
		}
		assert_true(at < length && at - name > 0 && at - name < sizeof(field->name));
		text_copy_bytes(field->name, sizeof(field->name), bytes + name, at - name);
		field->binary = bytes[at++] == '\n';
		if (field->binary) {
			uint64_t size;

			assert_true(length - at >= sizeof(size));
			memcpy(&size, bytes + at, sizeof(size));
			at += sizeof(size);
			field->length = le64toh(size);
		} else {
			const char *end = memchr(bytes + at, '\n', length - at);

			assert_non_null(end);
			field->length = (size_t)(end - (bytes + at));
		}
		assert_true(field->length < sizeof(field->value) && field->length < length - at);
		memcpy(field->value, bytes + at, field->length);
		field->value[field->length] = '\0';
		at += field->length;
		assert_int_equal(bytes[at], '\n');
		at++;
	}
}

static void receive(int socket_fd, struct fields *fields, bool *as_file)
{
	static char bytes[65536];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	assert_true(length >= 0);
	*as_file = header != NULL;
	if (header) {
		int fd, seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

		assert_int_equal(length, 0);
		assert_int_equal(header->cmsg_type, SCM_RIGHTS);
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
		assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
		length = pread(fd, bytes, sizeof(bytes), 0);
		close(fd);
	}
	parse(bytes, (size_t)length, fields);
}

static const struct field *field_of(const struct fields *fields, const char *name)
{
	const struct field *found = NULL;

	for (size_t i = 0; i < fields->count; i++) {
		if (strcmp(fields->items[i].name, name) != 0)
			continue;
		assert_null(found); /* each one once */
		found = &fields->items[i];
	}
	return found;
}

static void assert_field(const struct fields *fields, const char *name, const char *value)
{
	const struct field *field = field_of(fields, name);

	if (!field)
		fail_msg("no field %s", name);
	assert_int_equal(field->length, strlen(value));
	assert_string_equal(field->value, value);
	assert_int_equal(field->binary, strchr(value, '\n') != NULL);
}

/* --- tests -------------------------------------------------------------------------------- */

static struct fields fields;

static void an_alert_has_fields_of_its_own(void **state)
{
	int journal = listening();
	struct sink *sink = opened(path);
	char pid[16];
	bool as_file;

	(void)state;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(sink_write(sink, &plain, &failure), 0);
	receive(journal, &fields, &as_file);
	assert_false(as_file);
	assert_int_equal(fields.count, 14);
	assert_field(&fields, "MESSAGE", plain.message);
	assert_field(&fields, "PRIORITY", "3");
	assert_field(&fields, "SYSLOG_FACILITY", "3");
	assert_field(&fields, "SYSLOG_IDENTIFIER", "firstseend");
	assert_field(&fields, "SYSLOG_PID", pid);
	assert_field(&fields, "MESSAGE_ID", "cca76e44aa794cd9b55bd413c539fc27");
	assert_field(&fields, "FIRSTSEEN_UID", plain.uid);
	assert_field(&fields, "FIRSTSEEN_REVISION", "1");
	assert_field(&fields, "FIRSTSEEN_KIND", "new_domain");
	assert_field(&fields, "FIRSTSEEN_SEVERITY", "High");
	assert_field(&fields, "FIRSTSEEN_DOMAIN", "example.com");
	assert_field(&fields, "FIRSTSEEN_HOSTNAME", "www.example.com");
	assert_field(&fields, "FIRSTSEEN_APPLICATION", "/usr/bin/curl");
	assert_field(&fields, "FIRSTSEEN_JSON", "{\"a\":1}"); /* whole: a journal takes long lines */
	sink_close(sink);
	close(journal);
}

static void no_value_makes_fields(void **state)
{
	int journal = listening();
	struct sink *sink = opened(path);
	bool as_file;

	(void)state;
	assert_int_equal(sink_write(sink, &hostile, &failure), 0);
	receive(journal, &fields, &as_file);
	assert_int_equal(fields.count, 13); /* no hostname */
	assert_field(&fields, "MESSAGE", hostile.message);
	assert_field(&fields, "PRIORITY", "2");
	assert_field(&fields, "FIRSTSEEN_DOMAIN", hostile.domain);
	assert_field(&fields, "FIRSTSEEN_APPLICATION", hostile.application);
	assert_null(field_of(&fields, "FIRSTSEEN_HOSTNAME"));
	sink_close(sink);
	close(journal);
}

static void make_long(struct sink_alert *alert, char line[static RENDER_MAX])
{
	memset(line, 'x', RENDER_MAX - 1);
	memcpy(line, "{\"c\":\"", 6);
	memcpy(line + RENDER_MAX - 3, "\"}", 3);
	*alert = plain;
	alert->uid = "019b76da-a800-7abc-8def-0123456789ad";
	alert->line = line;
}

static int use_little_buffer(const struct sink *sink)
{
	int size = LITTLE_BUFFER;

	return setsockopt(sink->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void what_is_too_large_goes_as_a_file(void **state)
{
	int journal = listening();
	struct sink *sink = opened(path);
	struct sink_alert alert;
	char line[RENDER_MAX];
	bool as_file;

	(void)state;
	make_long(&alert, line);
	assert_int_equal(sink_write(sink, &alert, &failure), 0);
	receive(journal, &fields, &as_file);
	assert_false(as_file);
	assert_field(&fields, "FIRSTSEEN_JSON", line);
	assert_int_equal(use_little_buffer(sink), 0);
	assert_int_equal(sink_write(sink, &alert, &failure), 0);
	receive(journal, &fields, &as_file);
	assert_true(as_file);
	assert_int_equal(fields.count, 14);
	assert_field(&fields, "FIRSTSEEN_JSON", line);
	assert_field(&fields, "FIRSTSEEN_UID", alert.uid);
	sink_close(sink);
	close(journal);
}

static void a_journal_that_is_down_or_slow_is_told(void **state)
{
	struct sink *sink;
	int journal, error = 0, sent = 0;
	bool as_file;

	(void)state;
	unlink(path);
	sink = opened(path);
	assert_non_null(sink); /* it may come up later */
	assert_int_equal(sink_write(sink, &plain, &failure), -ENOENT);
	journal = listening();
	for (; !error && sent < 100000; sent++)
		error = sink_write(sink, &plain, &failure);
	assert_int_equal(error, -EAGAIN);
	receive(journal, &fields, &as_file);
	assert_int_equal(sink_write(sink, &plain, &failure), 0);
	close(journal); /* it is restarted */
	assert_int_equal(sink_write(sink, &plain, &failure), -ECONNREFUSED);
	journal = listening();
	assert_int_equal(sink_write(sink, &hostile, &failure), 0);
	receive(journal, &fields, &as_file);
	assert_field(&fields, "FIRSTSEEN_UID", hostile.uid);
	sink_close(sink);
	close(journal);
}

static int send_to_real(const char *socket_path)
{
	struct sink *sink = opened(socket_path);
	struct sink_alert alert;
	char line[RENDER_MAX];
	int error;

	make_long(&alert, line);
	error = !sink || sink_write(sink, &plain, &failure) || sink_write(sink, &hostile, &failure) ||
		use_little_buffer(sink) || sink_write(sink, &alert, &failure);
	if (error)
		fprintf(stderr, "%s\n", failure.text);
	sink_close(sink);
	return error;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_has_fields_of_its_own),
		cmocka_unit_test(no_value_makes_fields),
		cmocka_unit_test(what_is_too_large_goes_as_a_file),
		cmocka_unit_test(a_journal_that_is_down_or_slow_is_told),
	};

	if (argc > 1)
		return send_to_real(argv[1]);
	return cmocka_run_group_tests_name("sink/journal", tests, make_folder, scratch_remove);
}
