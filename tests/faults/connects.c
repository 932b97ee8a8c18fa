/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Many TCP connects at an even pace, to be refused or not.
 *
 *	connects names COUNT RATE SECONDS       to www.load-0.com, www.load-1.com, ..., looked up first
 *	connects addresses ADDRESS RATE SECONDS each to the next IPv4 address
 *
 * Prints how many it made and in how many seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 4433
#define NAMES_MOST 65536

static struct in_addr addresses[NAMES_MOST];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static unsigned look_up(unsigned count)
{
	for (unsigned i = 0; i < count && i < NAMES_MOST; i++) {
		struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
		char name[64];
		int error;

		snprintf(name, sizeof(name), "www.load-%u.com", i);
		error = getaddrinfo(name, NULL, &hints, &found);
		if (error) {
			fprintf(stderr, "connects: %s: %s\n", name, gai_strerror(error));
			exit(EXIT_FAILURE);
		}
		addresses[i] = ((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr;
		freeaddrinfo(found);
	}
	return count;
}

static void one(struct in_addr to)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = to};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || (connect(fd, (struct sockaddr *)&address, sizeof(address)) && errno != EINPROGRESS &&
		       errno != ECONNREFUSED)) {
		fprintf(stderr, "connects: %s\n", strerror(errno));
		exit(EXIT_FAILURE);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	double rate, seconds, from;
	uint64_t made = 0;
	uint32_t first = 0;
	unsigned names = 0;

	if (argc != 5)
		return 2;
	rate = strtod(argv[3], NULL);
	seconds = strtod(argv[4], NULL);
	if (strcmp(argv[1], "names") == 0)
		names = look_up((unsigned)strtoul(argv[2], NULL, 10));
	else
		first = ntohl(inet_addr(argv[2]));
	from = now();
	while (now() - from < seconds) {
		struct timespec pause = {0, 500000};

		for (; (double)made < (now() - from) * rate; made++)
			one(names ? addresses[made % names]
				  : (struct in_addr){htonl(first + (uint32_t)made)});
		nanosleep(&pause, NULL);
	}
	printf("%llu %.2f\n", (unsigned long long)made, now() - from);
	return EXIT_SUCCESS;
}
