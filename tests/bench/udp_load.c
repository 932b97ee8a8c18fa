/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * udp_load receive ADDRESS PORT
 * udp_load send ADDRESS PORT SIZE SECONDS
 *
 * Datagrams of one size over a connected socket, 64 a system call, as fast as it goes.
 * The sender prints {"sent": N, "seconds": S}. The receiver takes and says nothing.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BATCH 64
#define SIZE_MAX_BYTES 1400

static char bytes[BATCH][SIZE_MAX_BYTES];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static void prepare(size_t size)
{
	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){.iov_base = bytes[i], .iov_len = size};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
	}
}

static int receive(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 8 * 1024 * 1024;

	if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		return load_fail("bind");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	prepare(SIZE_MAX_BYTES);
	while (recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL) > 0)
		;
	return load_fail("recvmmsg");
}

static int send_for(const struct sockaddr_in *address, size_t size, double seconds)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int64_t began = load_now(), end = began + (int64_t)(seconds * 1e9);
	uint64_t sent = 0;

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return load_fail("connect");
	prepare(size);
	while (load_now() < end) {
		int count = sendmmsg(fd, messages, BATCH, 0);

		if (count > 0)
			sent += (uint64_t)count;
	}
	printf("{\"sent\": %llu, \"seconds\": %.6f}\n", (unsigned long long)sent,
	       (double)(load_now() - began) / 1e9);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address;

	if (argc < 4 || (strcmp(argv[1], "send") == 0) != (argc == 6)) {
		fputs("usage: udp_load receive ADDRESS PORT | send ADDRESS PORT SIZE SECONDS\n", stderr);
		return 2;
	}
	address = load_address(argv[2], argv[3]);
	if (argc == 4)
		return receive(&address);
	if ((size_t)atoi(argv[4]) > SIZE_MAX_BYTES)
		return 2;
	return send_for(&address, (size_t)atoi(argv[4]), atof(argv[5]));
}
