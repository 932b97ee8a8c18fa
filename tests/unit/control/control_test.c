/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/control.h"

#define SHORT_MS 100

static char folder[] = "/tmp/control-test-XXXXXX";
static char path[64];
static int longest_ms; /* that anything was waited for */
static int most_ms = INT_MAX;

/* Nobody has half a minute: how long was meant to be waited is kept, and no more than most_ms of it waited.
 */
int __real_poll(struct pollfd *descriptors, nfds_t count, int patience_ms);
int __wrap_poll(struct pollfd *descriptors, nfds_t count, int patience_ms);
int __wrap_poll(struct pollfd *descriptors, nfds_t count, int patience_ms)
{
	if (patience_ms > longest_ms)
		longest_ms = patience_ms;
	return __real_poll(descriptors, count, patience_ms > most_ms ? most_ms : patience_ms);
}

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

/* --- a daemon that is none ------------------------------------------------------------------ */

struct rude {
	int listener;
	const char *bytes; /* what it says, once it has been asked */
	size_t size;
	bool deaf;   /* it closes without having read */
	bool silent; /* it says nothing before the other side has gone */
};

static void *be_rude(void *context)
{
	const struct rude *rude = context;
	int connection = accept(rude->listener, NULL, NULL);
	char request[CONTROL_BYTES_MAX];

	while (!rude->deaf && recv(connection, request, sizeof(request), 0) > 0 && rude->silent)
		;
	if (rude->size)
		send(connection, rude->bytes, rude->size, MSG_NOSIGNAL);
	close(connection);
	return NULL;
}

/* What the command makes of it: the result of control_ask, and of control_subscribe. */
static int asked(struct rude rude, char text[static 100], struct failure *failure)
{
	struct control_words request = {0};
	pthread_t thread;
	int results[2] = {0};

	control_add(&request, CONTROL_VERSION);
	rude.listener = control_listen(path, (gid_t)-1, failure);
	assert_true(rude.listener >= 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&thread, NULL, be_rude, &rude), 0);
		results[i] = i ? control_subscribe(path, &request, failure)
			       : control_ask(path, &request, text, 100, failure);
		pthread_join(thread, NULL);
		if (i && results[i] > 0)
			close(results[i]);
	}
	close(rude.listener);
	unlink(path);
	assert_int_equal(results[0] > 0, results[1] > 0);
	if (results[0] <= 0)
		assert_int_equal(results[0], results[1]);
	return results[0];
}

static void what_the_daemon_says_is_an_answer_or_none(void **state)
{
	static char large[CONTROL_BYTES_MAX + 1];
	static const struct rude none[] = {
		{.bytes = "", .size = 0},
		{.bytes = "ok", .size = 2},              /* not ended */
		{.bytes = "ok", .size = 3},              /* one word */
		{.bytes = "ok\0a\0b", .size = 7},        /* three */
		{.bytes = large, .size = sizeof(large)}, /* cut */
	};
	struct failure failure = {{0}};
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		memset(&failure, 0, sizeof(failure));
		assert_int_equal(asked(none[i], text, &failure), -EBADMSG);
		assert_string_equal(failure.text, "the daemon closed the connection without an answer");
	}
	assert_int_equal(asked((struct rude){.bytes = "ok\0fine", .size = 8}, text, &failure), 1);
	assert_string_equal(text, "fine");
	/* Who is refused before he is heard reads why, all the same. */
	assert_int_equal(
		asked((struct rude){.bytes = "failed\0not you", .size = 15, .deaf = true}, text, &failure),
		0);
	assert_string_equal(failure.text, "not you");
}

static void a_daemon_that_is_silent_is_not_waited_for_without_end(void **state)
{
	struct control_words request = {0};
	struct failure failure = {{0}};
	struct rude rude = {.silent = true};
	pthread_t thread;
	char text[100];

	(void)state;
	control_add(&request, CONTROL_VERSION);
	rude.listener = control_listen(path, (gid_t)-1, &failure);
	assert_int_equal(pthread_create(&thread, NULL, be_rude, &rude), 0);
	longest_ms = 0;
	most_ms = SHORT_MS;
	assert_int_equal(control_ask(path, &request, text, sizeof(text), &failure), -ETIMEDOUT);
	most_ms = INT_MAX;
	assert_string_equal(failure.text, "the daemon does not answer; see its log");
	assert_in_range(longest_ms, 1000, 60000);
	pthread_join(thread, NULL); /* control_ask has closed its side */
	close(rude.listener);
	unlink(path);
}

static void a_stream_is_read_message_by_message(void **state)
{
	static char large[CONTROL_MESSAGE_MAX], text[CONTROL_MESSAGE_MAX];
	int ends[2];

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(control_next(ends[0], text), -EAGAIN);
	assert_int_equal(send(ends[1], "{}", 2, 0), 2);
	assert_int_equal(send(ends[1], large, sizeof(large) - 1, 0), sizeof(large) - 1);
	assert_int_equal(send(ends[1], large, sizeof(large), 0), sizeof(large));
	assert_int_equal(control_next(ends[0], text), 2);
	assert_string_equal(text, "{}");
	assert_int_equal(control_next(ends[0], text), sizeof(large) - 1); /* the longest */
	assert_int_equal(strlen(text), sizeof(large) - 1);
	assert_int_equal(control_next(ends[0], text), -EBADMSG); /* not a part of one */
	assert_int_equal(send(ends[0], "x", 1, 0), 1);
	close(ends[1]); /* which had something to read still: the connection is reset */
	assert_int_equal(control_next(ends[0], text), 0);
	assert_int_equal(control_next(ends[0], text), 0);
	close(ends[0]);
	assert_int_equal(control_next(ends[0], text), -EBADF);
}

/* --- who is on the other side ----------------------------------------------------------------- */

/* Connects as a member of the group alone, and not by its first one. */
static void connect_as_member(gid_t group)
{
	int fd;

	if (setgroups(1, &group) || setgid(65534) || setuid(65534))
		_exit(1);
	fd = connected();
	_exit(fd >= 0 && read(fd, &fd, 1) == 0 ? 0 : 2);
}

static void the_kernel_tells_who_asks(void **state)
{
	struct failure failure = {{0}};
	int listener = control_listen(path, getegid(), &failure), client, server, status;
	uid_t uid = (uid_t)-1;
	pid_t child, pid;
	struct stat file;

	(void)state;
	assert_true(listener >= 0);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0660); /* where there is a group, its members may connect */
	assert_int_equal(file.st_gid, getegid());
	client = connected();
	server = accept(listener, NULL, NULL);
	assert_int_equal(control_peer(server, &uid, &pid), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(pid, getpid());
	assert_true(control_peer_is_of(server, getegid()));
	assert_false(control_peer_is_of(server, (gid_t)-1)); /* no group is no reason to let anybody in */
	assert_false(control_peer_is_of(server, 64991));
	close(server);
	close(client);
	assert_int_equal(control_peer(listener + 100, &uid, &pid), -EBADF);
	assert_false(control_peer_is_of(listener + 100, getegid()));
	if (geteuid() != 0) {
		close(listener);
		unlink(path);
		print_message("# not root: another user can not be tried\n");
		skip();
	}
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chown(path, (uid_t)-1, 64991), 0);
	child = fork();
	if (child == 0)
		connect_as_member(64991);
	server = accept(listener, NULL, NULL);
	assert_int_equal(control_peer(server, &uid, &pid), 0);
	assert_int_equal(uid, 65534);
	assert_int_equal(pid, child);
	assert_true(control_peer_is_of(server, 64991));
	assert_true(control_peer_is_of(server, 65534));
	assert_false(control_peer_is_of(server, 0));
	close(server);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(listener);
	unlink(path);
}

/* --- what the system refuses -------------------------------------------------------------------- */

/* So many descriptors more than there are. Returns the limit before. */
static struct rlimit leave_descriptors(int more)
{
	struct rlimit before, now;
	int next = dup(0);

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	now.rlim_cur = (rlim_t)(next + more);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	return before;
}

static void what_can_not_be_had_is_told(void **state)
{
	struct control_words request = {0};
	struct failure failure = {{0}};
	struct rlimit before;
	char text[100], name[200];

	(void)state;
	control_add(&request, CONTROL_VERSION);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(control_ask(name, &request, text, sizeof(text), &failure), -ENAMETOOLONG);
	assert_non_null(strstr(failure.text, "can not reach the daemon at xxx"));
	assert_int_equal(control_subscribe(name, &request, &failure), -ENAMETOOLONG);
	assert_int_equal(control_listen(name, (gid_t)-1, &failure), -ENAMETOOLONG);
	snprintf(name, sizeof(name), "%s/none/s", folder);
	assert_int_equal(control_listen(name, (gid_t)-1, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "can not make the control socket"));
	assert_non_null(strstr(failure.text, name));
	assert_int_equal(control_listen("/dev/null/s", (gid_t)-1, &failure), -ENOTDIR);
	before = leave_descriptors(0);
	assert_int_equal(control_ask(path, &request, text, sizeof(text), &failure), -EMFILE);
	assert_int_equal(control_listen(path, (gid_t)-1, &failure), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_non_null(strstr(failure.text, "can not make the control socket: Too many open files"));
	assert_int_equal(access(path, F_OK), -1);
}

/* A socket at the path stays where it is not known that nobody listens there. */
static void anothers_socket_stays(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int other = socket(AF_UNIX, SOCK_STREAM, 0);
	struct failure failure = {{0}};
	struct rlimit before;

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(other, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(other, 1), 0);
	assert_int_equal(control_listen(path, (gid_t)-1, &failure), -EPROTOTYPE); /* of another kind */
	assert_int_equal(access(path, F_OK), 0);
	before = leave_descriptors(1); /* enough for the socket, not to look who is there */
	assert_int_equal(control_listen(path, (gid_t)-1, &failure), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(access(path, F_OK), 0);
	close(other);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_whole_or_refused),
		cmocka_unit_test(a_request_is_answered),
		cmocka_unit_test(a_dead_daemons_socket_is_taken_over_and_a_living_ones_is_not),
		cmocka_unit_test(packets_that_are_no_request_are_refused),
		cmocka_unit_test(what_the_daemon_says_is_an_answer_or_none),
		cmocka_unit_test(a_daemon_that_is_silent_is_not_waited_for_without_end),
		cmocka_unit_test(a_stream_is_read_message_by_message),
		cmocka_unit_test(the_kernel_tells_who_asks),
		cmocka_unit_test(what_can_not_be_had_is_told),
		cmocka_unit_test(anothers_socket_stays),
	};

	return cmocka_run_group_tests_name("control/control", tests, begin, end);
}
