/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * connect_load accept ADDRESS PORT
 * connect_load connect|reset ADDRESS COUNT PORT SECONDS RATE
 *
 * Connects and closes, one after the other, to COUNT addresses from ADDRESS on by turns,
 * RATE a second (0: as fast as it goes). Prints {"connects": N, "failed": N, "seconds": S}.
 * `reset` closes by a RST, which takes the machine half the packets of a proper end.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

static int accept_all(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) || listen(fd, 65535))
		return load_fail("listen");
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (connection >= 0)
			close(connection);
	}
}

static int connect_once(const struct sockaddr_in *address, bool reset)
{
	struct linger none = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int error;

	if (fd < 0)
		return -1;
	error = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
	return error;
}

static int connect_for(struct sockaddr_in address, uint32_t count, double seconds, uint64_t rate, bool reset)
{
	int64_t began = load_now(), end = began + (int64_t)(seconds * 1e9), now;
	uint32_t first = ntohl(address.sin_addr.s_addr);
	uint64_t done = 0, failed = 0;

	load_until_ended();
	while (!load_ended && (now = load_now()) < end) {
		if (done >= load_due(began, now, rate)) {
			load_rest();
			continue;
		}
		address.sin_addr.s_addr = htonl(first + (uint32_t)(done % count));
		failed += connect_once(&address, reset) != 0;
		done++;
	}
	printf("{\"connects\": %llu, \"failed\": %llu, \"seconds\": %.6f}\n",
	       (unsigned long long)(done - failed), (unsigned long long)failed,
	       (double)(load_now() - began) / 1e9);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address;

	if (argc == 4 && strcmp(argv[1], "accept") == 0) {
		address = load_address(argv[2], argv[3]);
		return accept_all(&address);
	}
	if (argc != 7 || (strcmp(argv[1], "connect") != 0 && strcmp(argv[1], "reset") != 0) ||
	    atoi(argv[3]) < 1) {
		fputs("usage: connect_load accept ADDRESS PORT | connect|reset ADDRESS COUNT PORT SECONDS "
		      "RATE\n",
		      stderr);
		return 2;
	}
	address = load_address(argv[2], argv[4]);
	return connect_for(address, (uint32_t)atoi(argv[3]), atof(argv[5]), (uint64_t)atoll(argv[6]),
			   strcmp(argv[1], "reset") == 0);
}
