/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/hello_build.h"
#include "tls/hello.h"

static uint8_t bytes[HELLO_BUILD_MAX];
static char name[TLS_NAME_MAX];

/* Reads from memory of just that size, so that a byte too many is seen by the sanitizer. */
static enum tls_hello_result read_exactly(const uint8_t *from, size_t length, bool *ech)
{
	uint8_t *copy = malloc(length ? length : 1);
	enum tls_hello_result result;

	memcpy(copy, from, length);
	result = tls_hello_read(copy, length, name, ech);
	free(copy);
	return result;
}

static void the_name_is_found(void **state)
{
	bool ech = true;
	size_t length = hello_build(bytes, sizeof(bytes), "WWW.Example.com");

	(void)state;
	assert_true(length > 0);
	assert_int_equal(read_exactly(bytes, length, &ech), TLS_HELLO_FOUND);
	assert_string_equal(name, "www.example.com");
	assert_false(ech);
}

static void a_hello_without_a_name_says_so(void **state)
{
	size_t length = hello_build(bytes, sizeof(bytes), NULL);

	(void)state;
	assert_int_equal(read_exactly(bytes, length, NULL), TLS_HELLO_NO_NAME);
	assert_string_equal(name, "");
}

static void every_beginning_is_partial(void **state)
{
	size_t length = hello_build(bytes, sizeof(bytes), "www.example.com");
	bool found = false;

	(void)state;
	for (size_t cut = 0; cut < length; cut++) {
		enum tls_hello_result result = read_exactly(bytes, cut, NULL);

		/* Once the name is there, what follows is not waited for. */
		if (result == TLS_HELLO_FOUND) {
			found = true;
			assert_string_equal(name, "www.example.com");
		} else {
			assert_int_equal(result, TLS_HELLO_PARTIAL);
			assert_false(found);
		}
	}
}

/* The same handshake in TLS records of a few bytes each. */
static void a_hello_may_span_records(void **state)
{
	uint8_t split[HELLO_BUILD_MAX * 6];
	size_t length = hello_build(bytes, sizeof(bytes), "www.example.com"), at = 5, used = 0;

	(void)state;
	while (at < length) {
		size_t piece = length - at < 7 ? length - at : 7;

		memcpy(split + used, (const uint8_t[]){22, 3, 1, 0, (uint8_t)piece}, 5);
		memcpy(split + used + 5, bytes + at, piece);
		used += 5 + piece;
		at += piece;
	}
	assert_int_equal(read_exactly(split, used, NULL), TLS_HELLO_FOUND);
	assert_string_equal(name, "www.example.com");
}

static void names_that_are_none_count_as_none(void **state)
{
	static const char *const names[] = {"203.0.113.7", "a b.example", "x\033[2J.example",
					    ".example",    "a..b",        "1.2"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = hello_build(bytes, sizeof(bytes), names[i]);

		if (length == 0)
			continue;
		if (read_exactly(bytes, length, NULL) == TLS_HELLO_FOUND)
			fail_msg("\"%s\" is taken for a host name", names[i]);
	}
}

static void other_protocols_are_told_at_once(void **state)
{
	static const char *const starts[] = {"GET / HTTP/1.1\r\n", "SSH-2.0-OpenSSH", "\x16\x02junk",
					     "\x17\x03\x01"};

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		assert_int_equal(read_exactly((const uint8_t *)starts[i], strlen(starts[i]), NULL),
				 TLS_HELLO_NOT_TLS);
}

static void changed_bytes_are_survived(void **state)
{
	size_t length = hello_build(bytes, sizeof(bytes), "www.example.com");

	(void)state;
	srand(5);
	for (int i = 0; i < 100000; i++) {
		uint8_t copy[HELLO_BUILD_MAX];

		memcpy(copy, bytes, length);
		for (int j = 0; j < 3; j++)
			copy[(size_t)rand() % length] = (uint8_t)rand();
		read_exactly(copy, length - (size_t)(rand() % 20), NULL);
		assert_true(strlen(name) < TLS_NAME_MAX);
	}
}

/* What `openssl s_client` really sends, over the loopback. */
static void a_real_hello_is_read(void **state)
{
	static uint8_t stream[32768];
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	char target[64];
	size_t length = 0;
	ssize_t got;
	pid_t child;

	(void)state;
	if (access("/usr/bin/openssl", X_OK) != 0) {
		print_message("# openssl is not installed\n");
		skip();
	}
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	snprintf(target, sizeof(target), "127.0.0.1:%u", ntohs(address.sin_port));
	child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout) ||
		    !freopen("/dev/null", "w", stderr))
			_exit(1);
		execl("/usr/bin/openssl", "openssl", "s_client", "-connect", target, "-servername",
		      "real.example.com", (char *)NULL);
		_exit(1);
	}
	peer = accept(listener, NULL, NULL);
	do {
		got = recv(peer, stream + length, sizeof(stream) - length, 0);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0 && read_exactly(stream, length, NULL) == TLS_HELLO_PARTIAL);
	assert_int_equal(read_exactly(stream, length, NULL), TLS_HELLO_FOUND);
	assert_string_equal(name, "real.example.com");
	close(peer);
	close(listener);
	waitpid(child, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_found),
		cmocka_unit_test(a_hello_without_a_name_says_so),
		cmocka_unit_test(every_beginning_is_partial),
		cmocka_unit_test(a_hello_may_span_records),
		cmocka_unit_test(names_that_are_none_count_as_none),
		cmocka_unit_test(other_protocols_are_told_at_once),
		cmocka_unit_test(changed_bytes_are_survived),
		cmocka_unit_test(a_real_hello_is_read),
	};

	return cmocka_run_group_tests_name("tls/hello", tests, NULL, NULL);
}
