/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns_load answer ADDRESS PORT BASE COUNT
 * dns_load ask ADDRESS PORT NAMES SECONDS RATE
 *
 * Questions and answers over UDP by many a system call, so that they leave room for
 * what is measured. NAMES names in turn, 50 of a domain; name number n is answered by
 * the address BASE + n % COUNT. The asker keeps to RATE and to questions that may wait,
 * and prints {"questions": N, "answers": N, "unanswered": N, "seconds": S}.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BATCH 64
#define MESSAGE_MAX 512
#define HEADER 12
#define NAMES_OF_A_DOMAIN 50
#define WAITING_MAX 4096
#define PATIENCE_NS 200000000 /* then a question is given up */

static uint8_t bytes[BATCH][MESSAGE_MAX];
static struct iovec vectors[BATCH];
static struct sockaddr_in peers[BATCH];
static struct mmsghdr messages[BATCH];

static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 8 * 1024 * 1024;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return fd;
}

static void prepare(int index, size_t size, struct sockaddr_in *peer)
{
	vectors[index] = (struct iovec){.iov_base = bytes[index], .iov_len = size};
	messages[index].msg_hdr = (struct msghdr){.msg_iov = &vectors[index],
						  .msg_iovlen = 1,
						  .msg_name = peer,
						  .msg_namelen = peer ? sizeof(*peer) : 0};
}

/* --- answers -------------------------------------------------------------------------- */

/* The number in the first label, which is "h" and digits. */
static uint32_t number_of(const uint8_t *message, size_t length)
{
	uint32_t number = 0;

	for (size_t i = HEADER + 2; i < length && i < HEADER + 1u + message[HEADER]; i++)
		number = number * 10 + (message[i] - '0');
	return number;
}

/* Makes its answer of a question, in place. Returns its length. */
static size_t answer(uint8_t *message, size_t length, uint32_t base, uint32_t count)
{
	static const uint8_t record[12] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4};
	uint32_t address = htonl(base + number_of(message, length) % count);

	message[2] |= 0x80;
	message[3] = 0x80;
	message[7] = 1;
	memcpy(message + length, record, sizeof(record));
	memcpy(message + length + sizeof(record), &address, 4);
	return length + sizeof(record) + 4;
}

static int answer_all(const struct sockaddr_in *address, uint32_t base, uint32_t count)
{
	int fd = open_socket();

	if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		return load_fail("bind");
	for (;;) {
		int got;

		for (int i = 0; i < BATCH; i++)
			prepare(i, MESSAGE_MAX - 32, &peers[i]);
		got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		if (got < 0)
			return load_fail("recvmmsg");
		for (int i = 0; i < got; i++)
			vectors[i].iov_len = answer(bytes[i], messages[i].msg_len, base, count);
		sendmmsg(fd, messages, (unsigned)got, 0);
	}
}

/* --- questions ------------------------------------------------------------------------- */

static size_t put_label(uint8_t *out, const char *prefix, uint32_t number)
{
	int length = snprintf((char *)out + 1, 32, "%s%u", prefix, number);

	out[0] = (uint8_t)length;
	return (size_t)length + 1;
}

static size_t question(uint8_t *message, uint16_t id, uint32_t name)
{
	static const uint8_t tail[] = {3, 'o', 'r', 'g', 0, 0, 1, 0, 1};
	size_t length = HEADER;

	memset(message, 0, HEADER);
	message[0] = (uint8_t)(id >> 8);
	message[1] = (uint8_t)id;
	message[2] = 1; /* recursion desired */
	message[5] = 1;
	length += put_label(message + length, "h", name);
	length += put_label(message + length, "bench-", name / NAMES_OF_A_DOMAIN);
	memcpy(message + length, tail, sizeof(tail));
	return length + sizeof(tail);
}

struct asking {
	int fd;
	uint32_t names;
	uint64_t asked, answered, given_up;
	int64_t last_answer_ns;
};

static void ask(struct asking *asking, uint64_t due)
{
	uint64_t waiting = asking->asked - asking->answered - asking->given_up;
	uint64_t count = due - asking->asked;
	int sent;

	if (count > BATCH)
		count = BATCH;
	if (count > WAITING_MAX - waiting)
		count = WAITING_MAX - waiting;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t number = asking->asked + i;

		prepare((int)i, question(bytes[i], (uint16_t)number, (uint32_t)(number % asking->names)),
			NULL);
	}
	sent = count ? sendmmsg(asking->fd, messages, (unsigned)count, 0) : 0;
	if (sent > 0)
		asking->asked += (uint64_t)sent;
}

static int take_answers(struct asking *asking)
{
	int got;

	for (int i = 0; i < BATCH; i++)
		prepare(i, MESSAGE_MAX, NULL);
	got = recvmmsg(asking->fd, messages, BATCH, MSG_DONTWAIT, NULL);
	if (got > 0) {
		asking->answered += (uint64_t)got;
		asking->last_answer_ns = load_now();
		if (asking->given_up > asking->asked - asking->answered) /* late, but here */
			asking->given_up = asking->asked - asking->answered;
	} else if (load_now() - asking->last_answer_ns > PATIENCE_NS) {
		asking->given_up = asking->asked - asking->answered;
	}
	return got;
}

static int ask_for(const struct sockaddr_in *address, uint32_t names, double seconds, uint64_t rate)
{
	struct asking asking = {.fd = open_socket(), .names = names, .last_answer_ns = load_now()};
	int64_t began = load_now(), end = began + (int64_t)(seconds * 1e9), now;
	double took;

	if (asking.fd < 0 || connect(asking.fd, (const struct sockaddr *)address, sizeof(*address)))
		return load_fail("connect");
	load_until_ended();
	while (!load_ended && (now = load_now()) < end) {
		uint64_t due = load_due(began, now, rate);

		if (asking.asked < due)
			ask(&asking, due);
		while (take_answers(&asking) == BATCH)
			;
		if (asking.asked >= due)
			load_rest();
	}
	took = (double)(load_now() - began) / 1e9;
	for (int i = 0; i < 200 && asking.answered < asking.asked; i++)
		if (take_answers(&asking) <= 0)
			load_rest();
	printf("{\"questions\": %llu, \"answers\": %llu, \"unanswered\": %llu, \"seconds\": %.6f}\n",
	       (unsigned long long)asking.asked, (unsigned long long)asking.answered,
	       (unsigned long long)(asking.asked - asking.answered), took);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address, base;

	if (argc == 6 && strcmp(argv[1], "answer") == 0) {
		address = load_address(argv[2], argv[3]);
		base = load_address(argv[4], "0");
		return answer_all(&address, ntohl(base.sin_addr.s_addr), (uint32_t)atoi(argv[5]));
	}
	if (argc != 7 || strcmp(argv[1], "ask") != 0) {
		fputs("usage: dns_load answer ADDRESS PORT BASE COUNT | ask ADDRESS PORT NAMES SECONDS "
		      "RATE\n",
		      stderr);
		return 2;
	}
	address = load_address(argv[2], argv[3]);
	return ask_for(&address, (uint32_t)atoi(argv[4]), atof(argv[5]), (uint64_t)atoll(argv[6]));
}
