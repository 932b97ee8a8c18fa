/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* uring_connect.c - connects to port 80 through io_uring: uring_connect inline|worker|polled ADDRESS */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <liburing.h>

static int connect_by(struct io_uring *ring, int fd, const struct sockaddr_in *target, unsigned flags)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(ring);
	struct io_uring_cqe *done;
	int error;

	io_uring_prep_connect(entry, fd, (const struct sockaddr *)target, sizeof(*target));
	io_uring_sqe_set_flags(entry, flags);
	io_uring_submit(ring);
	error = io_uring_wait_cqe(ring, &done);
	return error ? error : done->res;
}

int main(int argc, char **argv)
{
	struct io_uring_params parameters = {0};
	struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct io_uring ring;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int error;

	if (argc != 3 || fd < 0 || inet_pton(AF_INET, argv[2], &target.sin_addr) != 1)
		return 2;
	if (strcmp(argv[1], "polled") == 0) {
		parameters.flags = IORING_SETUP_SQPOLL;
		parameters.sq_thread_idle = 100;
	}
	error = io_uring_queue_init_params(4, &ring, &parameters);
	if (!error)
		error = connect_by(&ring, fd, &target, strcmp(argv[1], "worker") == 0 ? IOSQE_ASYNC : 0);
	if (error) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-error));
		return 1;
	}
	puts("connected");
	return 0;
}
