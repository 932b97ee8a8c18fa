/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* load.h - what the load generators share: addresses, and a rate that is kept. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOAD_TICK_NS 250000

/* SIGTERM ends a load early, and it tells what it did. */
static volatile sig_atomic_t load_ended;

static inline void load_on_end(int number)
{
	load_ended = number;
}

static inline void load_until_ended(void)
{
	signal(SIGTERM, load_on_end);
}

static inline int64_t load_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* How many should have been begun by now; as many as one likes where `rate` is 0. */
static inline uint64_t load_due(int64_t began_ns, int64_t now_ns, uint64_t rate)
{
	return rate ? (uint64_t)((double)(now_ns - began_ns) * (double)rate / 1e9) : UINT64_MAX;
}

static inline void load_rest(void)
{
	struct timespec tick = {.tv_nsec = LOAD_TICK_NS};

	nanosleep(&tick, NULL);
}

static inline struct sockaddr_in load_address(const char *text, const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
		fprintf(stderr, "%s is no IPv4 address\n", text);
		exit(2);
	}
	return address;
}

static inline int load_fail(const char *what)
{
	perror(what);
	return 1;
}

#endif
