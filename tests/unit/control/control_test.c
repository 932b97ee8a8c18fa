/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control.h"

static char folder[] = "/tmp/control-test-XXXXXX";
static char path[64];

static int begin(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static struct control_words words_of(const char *bytes, size_t size)
{
	struct control_words words = {.size = size};

	memcpy(words.bytes, bytes, size);
	return words;
}

static void words_are_whole_or_refused(void **state)
{
	struct control_words words = {0};

	(void)state;
	assert_int_equal(control_add(&words, "a"), 0);
	assert_int_equal(control_add(&words, ""), 0);
	assert_int_equal(control_add(&words, "c d"), 0);
	assert_int_equal(control_parse(&words), 0);
	assert_int_equal(words.count, 3);
	assert_string_equal(words.words[2], "c d");
	words = words_of("", 0);
	assert_int_equal(control_parse(&words), -EBADMSG);
	words = words_of("abc", 3);
	assert_int_equal(control_parse(&words), -EBADMSG);
	words.size = CONTROL_WORDS_MAX + 1; /* so many empty words */
	memset(words.bytes, 0, words.size);
	assert_int_equal(control_parse(&words), -EBADMSG);
	words.size = 0;
	words.count = CONTROL_WORDS_MAX;
	assert_int_equal(control_add(&words, "x"), -E2BIG);
}

struct serving {
	int listener;
	int received; /* what control_receive gave */
	uid_t uid;
};

static void *serve(void *context)
{
	struct serving *serving = context;
	struct control_words request = {0};
	int connection = accept(serving->listener, NULL, NULL);
	pid_t pid;

	serving->received = control_receive(connection, &request, CONTROL_PATIENCE_MS);
	if (control_peer(connection, &serving->uid, &pid) || pid != getpid())
		serving->received = -EPERM;
	control_reply(connection, request.count == 2, request.count == 2 ? request.words[1] : "no");
	close(connection);
	return NULL;
}

static int ask(struct serving *serving, const struct control_words *request, char *text,
	       struct failure *failure)
{
	pthread_t thread;
	int result;

	assert_int_equal(pthread_create(&thread, NULL, serve, serving), 0);
	result = control_ask(path, request, text, 100, failure);
	pthread_join(thread, NULL);
	return result;
}

static void a_request_is_answered(void **state)
{
	struct control_words request = {0};
	struct failure failure = {{0}};
	struct serving serving = {0};
	struct stat status;
	char text[100];

	(void)state;
	control_add(&request, CONTROL_VERSION);
	control_add(&request, "hello");
	assert_int_equal(control_ask(path, &request, text, sizeof(text), &failure), -ENOENT);
	serving.listener = control_listen(path, (gid_t)-1, &failure);
	assert_true(serving.listener >= 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0177, 0); /* nobody else's */
	assert_int_equal(ask(&serving, &request, text, &failure), 1);
	assert_string_equal(text, "hello");
	assert_int_equal(serving.uid, getuid());
	control_add(&request, "more");
	assert_int_equal(ask(&serving, &request, text, &failure), 0);
	assert_string_equal(failure.text, "no");
	close(serving.listener);
	assert_int_equal(control_ask(path, &request, text, sizeof(text), &failure), -ECONNREFUSED);
}

static void a_dead_daemons_socket_is_taken_over_and_a_living_ones_is_not(void **state)
{
	struct failure failure = {{0}};
	int first, second;

	(void)state;
	first = control_listen(path, (gid_t)-1, &failure); /* the test before left the file */
	assert_true(first >= 0);
	second = control_listen(path, (gid_t)-1, &failure);
	assert_int_equal(second, -EADDRINUSE);
	assert_non_null(strstr(failure.text, "another daemon listens"));
	close(first);
	unlink(path);
	fclose(fopen(path, "w"));
	assert_int_equal(control_listen(path, (gid_t)-1, &failure), -EEXIST);
	unlink(path);
}

static int connected(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void packets_that_are_no_request_are_refused(void **state)
{
	static char large[CONTROL_BYTES_MAX + 1];
	struct failure failure = {{0}};
	int listener = control_listen(path, (gid_t)-1, &failure);
	struct control_words request;

	(void)state;
	assert_true(listener >= 0);
	for (int i = 0; i < 3; i++) {
		int client = connected(), server = accept(listener, NULL, NULL);

		if (i == 0)
			assert_int_equal(send(client, large, sizeof(large), 0), sizeof(large));
		else if (i == 1)
			assert_int_equal(send(client, "abc", 3, 0), 3);
		close(client);
		memset(&request, 0, sizeof(request));
		assert_int_equal(control_receive(server, &request, CONTROL_PATIENCE_MS), -EBADMSG);
		control_reply(server, false, "gone"); /* to nobody */
		close(server);
	}
	close(listener);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_whole_or_refused),
		cmocka_unit_test(a_request_is_answered),
		cmocka_unit_test(a_dead_daemons_socket_is_taken_over_and_a_living_ones_is_not),
		cmocka_unit_test(packets_that_are_no_request_are_refused),
	};

	return cmocka_run_group_tests_name("control/control", tests, begin, end);
}
