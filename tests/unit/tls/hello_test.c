/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
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

/* --- a hello made here, byte by byte after RFC 8446: hello_build() might share a mistake with the reader ---
 */

static uint8_t body[20000];
static size_t body_used;
static uint8_t stream[40000];

static void put(size_t value, int size)
{
	while (size--)
		body[body_used++] = (uint8_t)(value >> 8 * size);
}

static void put_text(const char *text, size_t length)
{
	memcpy(body + body_used, text, length);
	body_used += length;
}

/* The message up to its extensions; returns where their length stands. */
static size_t begin_hello(void)
{
	body_used = 0;
	put(1, 1); /* client_hello */
	put(0, 3);
	put(0x0303, 2);
	for (int i = 0; i < 32; i++)
		put(0xa0 + (size_t)i, 1);
	put(32, 1); /* session */
	for (int i = 0; i < 32; i++)
		put((size_t)i, 1);
	put(4, 2);
	put(0x1301, 2);
	put(0x1302, 2);
	put(1, 1);
	put(0, 1);
	put(0, 2);
	return body_used - 2;
}

static void put_extension(size_t type, size_t length)
{
	put(type, 2);
	put(length, 2);
	while (length--)
		put(0x5a, 1);
}

static void put_name(const char *text, size_t length)
{
	put(0, 2);
	put(length + 5, 2);
	put(length + 3, 2);
	put(0, 1);
	put(length, 2);
	put_text(text, length);
}

/* Sets the lengths and cuts the message into TLS records of at most `piece` bytes. */
static size_t end_hello(size_t extensions, size_t piece)
{
	size_t length = body_used - extensions - 2, used = 0;

	body[extensions] = (uint8_t)(length >> 8);
	body[extensions + 1] = (uint8_t)length;
	length = body_used - 4;
	body[1] = 0;
	body[2] = (uint8_t)(length >> 8);
	body[3] = (uint8_t)length;
	for (size_t at = 0; at < body_used; at += piece) {
		size_t size = body_used - at < piece ? body_used - at : piece;
		const uint8_t head[5] = {22, 3, 1, (uint8_t)(size >> 8), (uint8_t)size};

		memcpy(stream + used, head, 5);
		memcpy(stream + used + 5, body + at, size);
		used += 5 + size;
	}
	return used;
}

static size_t hello_with(const char *text, size_t length, size_t piece)
{
	size_t extensions = begin_hello();

	put_extension(43, 5);
	put_name(text, length);
	put_extension(51, 38);
	return end_hello(extensions, piece);
}

static void a_hello_made_by_hand_is_read(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 5, 44, 100, 16384};
	bool ech;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t length = hello_with("Host-1.Example_x.COM.", 21, pieces[i]);

		assert_int_equal(read_exactly(stream, length, &ech), TLS_HELLO_FOUND);
		assert_string_equal(name, "host-1.example_x.com");
		assert_false(ech);
	}
}

/* Partial up to the last byte of the name, in whatever records it comes; from there on it is found. */
static void every_beginning_in_many_records_is_partial(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 60; piece++) {
		size_t length = hello_with("www.example.com", 15, piece), first = 0;

		for (size_t cut = 0; cut <= length; cut++) {
			enum tls_hello_result result = read_exactly(stream, cut, NULL);

			if (first == 0 && result == TLS_HELLO_FOUND)
				first = cut;
			assert_int_equal(result, first ? TLS_HELLO_FOUND : TLS_HELLO_PARTIAL);
			assert_string_equal(name, first ? "www.example.com" : "");
		}
		assert_true(first > 0 && stream[first - 1] == 'm');
	}
}

static void a_hello_without_a_name_waits_for_its_end(void **state)
{
	size_t extensions = begin_hello(), length;

	(void)state;
	put_extension(43, 5);
	put_extension(51, 38);
	length = end_hello(extensions, 50);
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(read_exactly(stream, cut, NULL), TLS_HELLO_PARTIAL);
	assert_int_equal(read_exactly(stream, length, NULL), TLS_HELLO_NO_NAME);
	/* No extensions at all, as in TLS 1.0. */
	extensions = begin_hello();
	body_used -= 2;
	body[2] = (uint8_t)((body_used - 4) >> 8);
	body[3] = (uint8_t)(body_used - 4);
	memcpy(stream, (const uint8_t[]){22, 3, 1, 0, (uint8_t)body_used}, 5);
	memcpy(stream + 5, body, body_used);
	assert_int_equal(read_exactly(stream, body_used + 5, NULL), TLS_HELLO_NO_NAME);
	assert_int_equal(extensions, body_used);
}

static void encrypted_hellos_are_flagged(void **state)
{
	bool ech = false;
	size_t extensions, length;

	(void)state;
	for (int after = 0; after < 2; after++) {
		extensions = begin_hello();
		if (!after)
			put_extension(0xfe0d, 200);
		put_name("public.example.com", 18);
		if (after)
			put_extension(0xfe0d, 200);
		length = end_hello(extensions, 16384);
		assert_int_equal(read_exactly(stream, length, &ech), TLS_HELLO_FOUND);
		assert_string_equal(name, "public.example.com");
		assert_true(ech);
	}
	extensions = begin_hello();
	put_extension(0xfe0d, 200);
	length = end_hello(extensions, 16384);
	assert_int_equal(read_exactly(stream, length, &ech), TLS_HELLO_NO_NAME);
	assert_true(ech);
}

static void bad_names_made_by_hand_are_none(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} bad[] = {
		{"203.0.113.7", 11},
		{"2001:db8::1", 11},
		{"[2001:db8::1]", 13},
		{"www.example.com\0.evil.net", 25},
		{"a b.example", 11},
		{"a\n.example", 10},
		{".example", 8},
		{"a..b", 4},
		{"", 0},
		{".", 1},
		{"..", 2},
		{"a..", 3},
		{"b\xc3\xbc"
		 "cher.example",
		 15},
		{"1.2", 3},
		{"a/b.example", 11},
	};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t length = hello_with(bad[i].text, bad[i].length, 16384);

		if (read_exactly(stream, length, NULL) != TLS_HELLO_NO_NAME)
			fail_msg("name %zu, \"%s\", is not none", i, bad[i].text);
		assert_string_equal(name, "");
	}
	memset(longest, 'a', sizeof(longest));
	for (size_t length = 250; length < sizeof(longest); length++) {
		enum tls_hello_result result = read_exactly(stream, hello_with(longest, length, 16384), NULL);

		assert_int_equal(result, length < TLS_NAME_MAX ? TLS_HELLO_FOUND : TLS_HELLO_NO_NAME);
		assert_int_equal(strlen(name), length < TLS_NAME_MAX ? length : 0);
	}
}

/* Lengths that lie: whatever is read stays within the message. */
static void lengths_that_lie_are_not_believed(void **state)
{
	size_t extensions = begin_hello(), length;

	(void)state;
	put_extension(43, 5);
	length = end_hello(extensions, 16384);
	stream[5 + extensions] = 0xff; /* more extensions than the message holds */
	assert_int_equal(read_exactly(stream, length, NULL), TLS_HELLO_NOT_TLS);
	length = end_hello(extensions, 16384);
	stream[5 + extensions + 4] = 0xff; /* an extension longer than all of them */
	assert_int_equal(read_exactly(stream, length, NULL), TLS_HELLO_NOT_TLS);
	length = end_hello(extensions, 16384);
	stream[3] = stream[4] = 0; /* an empty record */
	assert_int_equal(read_exactly(stream, length, NULL), TLS_HELLO_NOT_TLS);
	/* More than TLS_HELLO_MAX bytes without an end is given up, not waited for. */
	extensions = begin_hello();
	put_extension(43, 18000);
	length = end_hello(extensions, 4000);
	assert_int_equal(read_exactly(stream, TLS_HELLO_MAX - 1, NULL), TLS_HELLO_PARTIAL);
	assert_int_equal(read_exactly(stream, TLS_HELLO_MAX, NULL), TLS_HELLO_NOT_TLS);
	assert_true(length > TLS_HELLO_MAX);
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

		assert_true(length > 0);
		if (read_exactly(bytes, length, NULL) != TLS_HELLO_NO_NAME)
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
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	const struct timeval patience = {.tv_sec = 20};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	char target[64];
	size_t length = 0;
	ssize_t got;
	pid_t child;

	(void)state;
	if (access("/usr/bin/openssl", X_OK) != 0) {
		print_message("# skipped: openssl is not installed\n");
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
	assert_true(child > 0);
	if (poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, 20000) != 1) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		fail_msg("openssl did not connect to %s", target);
	}
	peer = accept(listener, NULL, NULL);
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
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
		cmocka_unit_test(a_hello_made_by_hand_is_read),
		cmocka_unit_test(every_beginning_in_many_records_is_partial),
		cmocka_unit_test(a_hello_without_a_name_waits_for_its_end),
		cmocka_unit_test(encrypted_hellos_are_flagged),
		cmocka_unit_test(bad_names_made_by_hand_are_none),
		cmocka_unit_test(lengths_that_lie_are_not_believed),
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
