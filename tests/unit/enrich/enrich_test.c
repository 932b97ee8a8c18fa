/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The thread that asks, against a server of our own that counts, lies or says nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "enrich/enrich.h"

enum manner { SAYS_NOTHING, FAILS, HAS_NOTHING, LIES, TALKS_RUBBISH };

struct server {
	int fd;
	enum manner manner;
	atomic_int asked;
	pthread_t thread;
};

static struct server server;
static atomic_int told;

/* A PTR record, whatever was asked. */
static size_t lie(uint8_t *message, size_t length)
{
	static const uint8_t record[] =
		"\xc0\x0c\0\x0c\0\1\0\0\0\x3c\0\7\3lie\1x"; /* and its NUL, the root */

	message[7] = 1;
	memcpy(message + length, record, sizeof(record));
	return length + sizeof(record);
}

static void *serve(void *context)
{
	uint8_t message[1024];

	(void)context;
	for (;;) {
		struct sockaddr_in from;
		socklen_t from_length = sizeof(from);
		ssize_t length = recvfrom(server.fd, message, 512, 0, (struct sockaddr *)&from, &from_length);
		size_t answer = (size_t)length;

		if (length <= 12)
			return NULL;
		atomic_fetch_add(&server.asked, 1);
		if (server.manner == SAYS_NOTHING)
			continue;
		message[2] |= 0x80;
		if (server.manner == FAILS)
			message[3] |= 2;
		else if (server.manner == HAS_NOTHING)
			message[3] |= 3;
		else if (server.manner == LIES)
			answer = lie(message, answer);
		else
			message[6] = message[7] = 0xff;
		sendto(server.fd, message, answer, 0, (struct sockaddr *)&from, from_length);
	}
}

static void count_told(const char *text)
{
	assert_true(strstr(text, "DNS") != NULL);
	atomic_fetch_add(&told, 1);
}

static struct enrich *started(enum manner manner, unsigned rate)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct enrich_settings settings = {.names = true,
					   .origins = true,
					   .rate = rate,
					   .zones = {"origin.example", ""},
					   .tell = count_told};
	socklen_t length = sizeof(address);
	struct enrich *enrich = NULL;
	struct failure failure;

	server.manner = manner;
	atomic_store(&server.asked, 0);
	atomic_store(&told, 0);
	server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
	snprintf(settings.servers, sizeof(settings.servers), "127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(enrich_open(&settings, &enrich, &failure), 0);
	return enrich;
}

static void ended(struct enrich *enrich)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	enrich_close(enrich);
	getsockname(server.fd, (struct sockaddr *)&address, &length);
	sendto(server.fd, "", 1, 0, (struct sockaddr *)&address, length);
	pthread_join(server.thread, NULL);
	close(server.fd);
}

static struct address numbered(unsigned number)
{
	return address_from_ipv4((const uint8_t[]){198, 51, (uint8_t)(number >> 8), (uint8_t)number});
}

static void pause_ms(long ms)
{
	const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&span, NULL);
}

static void look(struct enrich *enrich, unsigned number, struct enrich_answer *answer)
{
	struct address address = numbered(number);

	for (int i = 0; i < 1000 && enrich_look(enrich, &address, true, true, answer); i++)
		pause_ms(10);
}

static void what_is_not_there_is_asked_once(void **state)
{
	struct enrich *enrich = started(HAS_NOTHING, 1000);
	struct enrich_answer answer;
	struct enrich_counts counts;

	(void)state;
	look(enrich, 1, &answer);
	assert_int_equal(answer.name_state, ENRICH_ABSENT);
	assert_int_equal(answer.origin_state, ENRICH_ABSENT);
	for (int i = 0; i < 10; i++)
		look(enrich, 1, &answer);
	enrich_counts(enrich, &counts);
	assert_int_equal(counts.asked, 3); /* with the one that tries whether it works */
	assert_int_equal(counts.answered, 3);
	assert_int_equal(counts.cached, 1);
	assert_int_equal(atomic_load(&server.asked), 3);
	assert_int_equal(atomic_load(&told), 0);
	ended(enrich);
}

static void addresses_inside_are_never_asked_for(void **state)
{
	static const char *const inside[] = {"127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.1.1",
					     "224.0.0.1", "0.0.0.0",  "::1",         "fe80::1",
					     "fd00::1",   "ff02::1"};
	struct enrich *enrich = started(HAS_NOTHING, 1000);
	struct enrich_answer answer;
	struct enrich_counts counts;
	struct address address;

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		assert_int_equal(address_parse(inside[i], &address), 0);
		assert_false(enrich_look(enrich, &address, true, true, &answer));
		assert_int_equal(answer.name_state, ENRICH_UNASKED);
	}
	for (int i = 0; i < 1000 && atomic_load(&server.asked) < 1; i++)
		pause_ms(10);
	pause_ms(100);
	assert_int_equal(atomic_load(&server.asked), 1); /* to try whether it works */
	enrich_counts(enrich, &counts);
	assert_int_equal(counts.asked, 1);
	ended(enrich);
}

static void a_failing_server_is_a_failure(void **state)
{
	struct enrich *enrich = started(FAILS, 1000);
	struct enrich_answer answer;
	struct enrich_counts counts;

	(void)state;
	look(enrich, 1, &answer);
	assert_int_equal(answer.name_state, ENRICH_FAILED);
	assert_int_equal(answer.origin_state, ENRICH_FAILED);
	enrich_counts(enrich, &counts);
	assert_int_equal(counts.failed, 3);
	/* It answers, though: others are asked about all the same. */
	for (unsigned i = 2; i < 8; i++)
		look(enrich, i, &answer);
	enrich_counts(enrich, &counts);
	assert_int_equal(counts.failed, 15);
	assert_int_equal(counts.dropped, 0);
	assert_int_equal(atomic_load(&told), 0);
	ended(enrich);
}

static void rubbish_is_survived(void **state)
{
	struct enrich *enrich = started(TALKS_RUBBISH, 1000);
	struct enrich_answer answer;

	(void)state;
	look(enrich, 1, &answer);
	assert_true(answer.name_state == ENRICH_ABSENT || answer.name_state == ENRICH_FAILED);
	assert_true(answer.origin_state == ENRICH_ABSENT || answer.origin_state == ENRICH_FAILED);
	assert_string_equal(answer.name, "");
	ended(enrich);
}

/* It gives a name for the address, and for that name's addresses the same record again. */
static void a_claim_is_not_confirmed_by_claiming(void **state)
{
	struct enrich *enrich = started(LIES, 1000);
	struct enrich_answer answer;

	(void)state;
	look(enrich, 1, &answer);
	assert_int_equal(answer.name_state, ENRICH_UNCONFIRMED);
	assert_string_equal(answer.name, "lie.x");
	assert_int_not_equal(answer.origin_state, ENRICH_KNOWN);
	ended(enrich);
}

/* What is too much is dropped, the oldest first, and can be asked again. */
static void too_many_questions_are_dropped_and_counted(void **state)
{
	struct enrich *enrich = started(HAS_NOTHING, 1);
	struct enrich_answer answer;
	struct enrich_counts counts;
	struct address first = numbered(1), last = numbered(1000);

	(void)state;
	for (unsigned i = 1; i <= 1000; i++) {
		struct address address = numbered(i);

		enrich_look(enrich, &address, true, false, &answer);
	}
	enrich_counts(enrich, &counts);
	assert_in_range(counts.dropped, 1000 - 256 - 4, 1000 - 256 + 1);
	assert_in_range(counts.asked, 0, 3);
	assert_true(enrich_look(enrich, &last, true, false, &answer));
	assert_int_equal(answer.name_state, ENRICH_PENDING);
	assert_true(enrich_look(enrich, &first, true, false, &answer)); /* again */
	ended(enrich);
}

static void silence_is_told_once_and_then_nobody_waits(void **state)
{
	struct enrich *enrich = started(SAYS_NOTHING, 1000);
	struct enrich_answer answer;
	struct enrich_counts counts;
	struct address other = numbered(2);
	int asked;

	(void)state;
	look(enrich, 1, &answer);
	assert_int_equal(answer.name_state, ENRICH_FAILED);
	pause_ms(200);
	asked = atomic_load(&server.asked);
	assert_false(enrich_look(enrich, &other, true, true, &answer));
	assert_int_equal(answer.name_state, ENRICH_FAILED);
	pause_ms(200);
	assert_int_equal(atomic_load(&server.asked), asked);
	enrich_counts(enrich, &counts);
	assert_int_equal(counts.failed, 3);
	assert_int_equal(counts.dropped, 2);
	assert_int_equal(atomic_load(&told), 1);
	ended(enrich);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_there_is_asked_once),
		cmocka_unit_test(addresses_inside_are_never_asked_for),
		cmocka_unit_test(a_failing_server_is_a_failure),
		cmocka_unit_test(rubbish_is_survived),
		cmocka_unit_test(a_claim_is_not_confirmed_by_claiming),
		cmocka_unit_test(too_many_questions_are_dropped_and_counted),
		cmocka_unit_test(silence_is_told_once_and_then_nobody_waits),
	};

	return cmocka_run_group_tests_name("enrich/enrich", tests, NULL, NULL);
}
