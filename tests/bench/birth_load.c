/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * birth_load births FOLDER PORT SECONDS RATE NEW_EVERY THREAT_EVERY
 * birth_load crawl PORT SECONDS RATE
 * birth_load visit NAME PORT
 *
 * births: RATE processes a second, each of which looks up one name, connects to it once, and ends.
 * They go to www.known-N.com, N < 100, in turn; every NEW_EVERY-th one goes to www.new-N.net or, each
 * THREAT_EVERY-th of those, to www.bad-N.net, where nobody was before (0: none does). A program finds 10
 * new domains; the next 10 are found by another one, a link of this file in FOLDER.
 * crawl: RATE domains a second, www.crawl-N.net, all by this one process.
 *
 * Both keep a book on standard output, a line each for what was visited first:
 *	new|bad|crawl NAME PID PROGRAM STARTED_US ENDED_US
 * where the name was looked up, "failed" in front where it was not, and at the end (SIGTERM, or after
 *SECONDS) births N FAILED SECONDS
 */
#include <errno.h>
#include <netdb.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

#define KNOWN 100
#define NEW_OF_A_PROGRAM 10
#define CHILDREN_MAX 512
#define NAME_MAX_BYTES 64
#define PATH_MAX_BYTES 512

extern char **environ;

struct child {
	pid_t pid;
	bool is_first; /* nobody was there before */
	const char *kind;
	char name[NAME_MAX_BYTES], program[PATH_MAX_BYTES];
	int64_t started_us;
};

static struct child children[CHILDREN_MAX];
static unsigned alive;
static uint64_t failed;

static int64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* --- a visit ---------------------------------------------------------------------------- */

enum visited { VISITED, NOT_LOOKED_UP, NO_SOCKET };

static enum visited visit(const char *name, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	int fd;

	if (getaddrinfo(name, port, &hints, &found))
		return NOT_LOOKED_UP;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return NO_SOCKET;
	if (connect(fd, found->ai_addr, found->ai_addrlen) == 0)
		shutdown(fd, SHUT_WR);
	close(fd);
	freeaddrinfo(found);
	return VISITED;
}

static void write_down(const struct child *child, bool did)
{
	failed += !did;
	if (child->is_first)
		printf("%s%s %s %d %s %lld %lld\n", did ? "" : "failed ", child->kind, child->name,
		       (int)child->pid, child->program, (long long)child->started_us, (long long)wall_us());
}

/* --- births ------------------------------------------------------------------------------ */

struct births {
	const char *folder, *port;
	uint64_t new_every, threat_every;
	uint64_t first_visits;
	char self[PATH_MAX_BYTES], program[PATH_MAX_BYTES];
};

static void find_self(struct births *births)
{
	ssize_t length = readlink("/proc/self/exe", births->self, sizeof(births->self) - 1);

	births->self[length > 0 ? length : 0] = '\0';
}

static void next_program(struct births *births)
{
	snprintf(births->program, sizeof(births->program), "%s/program-%llu", births->folder,
		 (unsigned long long)(births->first_visits / NEW_OF_A_PROGRAM));
	if (link(births->self, births->program) && errno != EEXIST) {
		perror(births->program);
		exit(1);
	}
}

static void choose(struct births *births, uint64_t number, struct child *child)
{
	uint64_t first = births->first_visits;

	child->is_first = births->new_every && number % births->new_every == births->new_every - 1;
	if (child->is_first) {
		if (first % NEW_OF_A_PROGRAM == 0)
			next_program(births);
		births->first_visits++;
		child->kind = births->threat_every && first % births->threat_every == births->threat_every - 1
				      ? "bad"
				      : "new";
		snprintf(child->name, sizeof(child->name), "www.%s-%llu.net", child->kind,
			 (unsigned long long)first);
	} else {
		snprintf(child->name, sizeof(child->name), "www.known-%llu.com",
			 (unsigned long long)(number % KNOWN));
	}
	snprintf(child->program, sizeof(child->program), "%s",
		 child->is_first ? births->program : births->self);
}

static struct child *free_child(void)
{
	for (unsigned i = 0; i < CHILDREN_MAX; i++)
		if (!children[i].pid)
			return &children[i];
	return NULL;
}

static void bear(struct births *births, uint64_t number)
{
	struct child *child = free_child();
	char *arguments[] = {NULL, (char[]){"visit"}, NULL, NULL, NULL};
	char port[16];

	choose(births, number, child);
	snprintf(port, sizeof(port), "%s", births->port);
	arguments[0] = child->program;
	arguments[2] = child->name;
	arguments[3] = port;
	child->started_us = wall_us();
	if (posix_spawn(&child->pid, child->program, NULL, NULL, arguments, environ)) {
		perror(child->program);
		exit(1);
	}
	alive++;
}

static void reap(bool wait)
{
	pid_t pid;
	int status;

	while (alive && (pid = waitpid(-1, &status, wait ? 0 : WNOHANG)) > 0) {
		for (unsigned i = 0; i < CHILDREN_MAX; i++) {
			if (children[i].pid != pid)
				continue;
			write_down(&children[i], WIFEXITED(status) && WEXITSTATUS(status) == VISITED);
			children[i].pid = 0;
			alive--;
			break;
		}
	}
}

static uint64_t births_for(struct births *births, double seconds, uint64_t rate)
{
	int64_t began = load_now(), end = began + (int64_t)(seconds * 1e9), now;
	uint64_t number = 0;

	find_self(births);
	while (!load_ended && (now = load_now()) < end) {
		reap(false);
		if (alive >= CHILDREN_MAX || number >= load_due(began, now, rate))
			load_rest();
		else
			bear(births, number++);
	}
	reap(true);
	return number;
}

/* --- a crawler ----------------------------------------------------------------------------- */

static uint64_t crawl_for(const char *port, double seconds, uint64_t rate, const char *program)
{
	int64_t began = load_now(), end = began + (int64_t)(seconds * 1e9), now;
	struct child self = {.pid = getpid(), .is_first = true, .kind = "crawl"};
	uint64_t number = 0;

	snprintf(self.program, sizeof(self.program), "%s", program);
	while (!load_ended && (now = load_now()) < end) {
		if (number >= load_due(began, now, rate)) {
			load_rest();
			continue;
		}
		self.started_us = wall_us();
		snprintf(self.name, sizeof(self.name), "www.crawl-%llu.net", (unsigned long long)number++);
		write_down(&self, visit(self.name, port) == VISITED);
	}
	return number;
}

int main(int argc, char **argv)
{
	int64_t began = load_now();
	uint64_t done;

	if (argc == 4 && strcmp(argv[1], "visit") == 0)
		return (int)visit(argv[2], argv[3]);
	load_until_ended();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 8 && strcmp(argv[1], "births") == 0) {
		struct births births = {.folder = argv[2],
					.port = argv[3],
					.new_every = strtoull(argv[6], NULL, 10),
					.threat_every = strtoull(argv[7], NULL, 10)};

		done = births_for(&births, strtod(argv[4], NULL), strtoull(argv[5], NULL, 10));
	} else if (argc == 5 && strcmp(argv[1], "crawl") == 0) {
		done = crawl_for(argv[2], strtod(argv[3], NULL), strtoull(argv[4], NULL, 10), argv[0]);
	} else {
		fputs("usage: birth_load births FOLDER PORT SECONDS RATE NEW_EVERY THREAT_EVERY | crawl PORT "
		      "SECONDS "
		      "RATE | visit NAME PORT\n",
		      stderr);
		return 2;
	}
	printf("births %llu %llu %.3f\n", (unsigned long long)done, (unsigned long long)failed,
	       (double)(load_now() - began) / 1e9);
	return 0;
}
