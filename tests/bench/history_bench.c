/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a large history costs: 1,000,000 domains x 3 applications, made through the
 * writer's own functions, then asked, started on, written to, pruned.
 *
 *	history_bench FOLDER PROGRAMS [DOMAINS]
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "domain/domain.h"
#include "history/history.h"

#define APPLICATIONS 50
#define EACH 3 /* applications a domain */
#define DAYS 90
#define BATCH_DOMAINS 7000
#define LOOKUPS 100000
#define BINDINGS 16384
#define PRUNE_ROWS 128 /* as the writer prunes */
#define PRUNES 20000
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)

static unsigned domains = 1000000;
static const char *programs;
static char path[256];
static struct failure failure;
static int64_t now_ns;

static int64_t clock_now(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static double since(int64_t from)
{
	return (double)(clock_now(CLOCK_MONOTONIC) - from) / 1e6;
}

static void check(int error)
{
	if (error >= 0)
		return;
	fprintf(stderr, "history_bench: %s\n", failure.text);
	exit(EXIT_FAILURE);
}

static struct history *opened(enum history_mode mode)
{
	struct history *history;

	check(history_open(path, mode, &history, &failure));
	return history;
}

/* --- making it ------------------------------------------------------------------------------ */

static void name_of(unsigned number, char *domain, size_t size)
{
	snprintf(domain, size, "%08x-site-%u.com", number * 2654435761U, number % 97);
}

static void add_domain(struct batch *batch, unsigned number, int64_t time_ns)
{
	char domain[64], hostname[80], application[64];
	struct access access = {.time_ns = time_ns,
				.domain = domain,
				.hostname = hostname,
				.application = application,
				.exe = application,
				.remote_port = 443,
				.protocol = 6,
				.connections = 1,
				.bytes_out = 700,
				.bytes_in = 5000};

	name_of(number, domain, sizeof(domain));
	snprintf(hostname, sizeof(hostname), "www.%s", domain);
	access.remote =
		address_from_ipv4((const uint8_t[]){(uint8_t)(1 + number % 200), (uint8_t)(number >> 16),
						    (uint8_t)(number >> 8), (uint8_t)number});
	for (unsigned i = 0; i < EACH; i++) {
		snprintf(application, sizeof(application), "/usr/lib/program-%u/bin/program-%u",
			 (number + i * 7) % APPLICATIONS, (number + i * 7) % APPLICATIONS);
		access.uid = 1000 + i;
		if (batch_add_access(batch, &access))
			abort();
	}
}

static void write_batch(struct history *history, struct batch *batch)
{
	check(history_begin(history, &failure));
	check(history_write_accesses(history, batch, &failure));
	check(history_commit(history, &failure));
	batch_clear(batch);
}

/* The names that a daemon would have kept over its restart. */
static void add_bindings(struct history *history, struct batch *batch)
{
	struct kept_binding binding = {.chain = "", .learned_ns = now_ns, .expires_ns = now_ns + DAY};
	char name[80];

	for (uint32_t i = 0; i < BINDINGS; i++) {
		snprintf(name, sizeof(name), "host-%u.example.com", i);
		binding.hostname = name;
		memcpy(binding.address.bytes + 12, &i, sizeof(i));
		if (batch_add_binding(batch, &binding))
			abort();
	}
	check(history_begin(history, &failure));
	check(history_write_bindings(history, batch, "", &failure));
	check(history_commit(history, &failure));
	batch_clear(batch);
}

static void make(struct batch *batch)
{
	struct history *history = opened(HISTORY_WRITE);
	int64_t from = clock_now(CLOCK_MONOTONIC), run;
	struct stat status;

	check(history_run_start(history, now_ns - DAYS * DAY, &run, &failure));
	check(history_run_seen(history, run, now_ns, true, &failure));
	for (unsigned i = 0; i < domains; i++) {
		add_domain(batch, i, now_ns - DAYS * DAY + (int64_t)i * (DAYS * DAY / domains));
		if (batch_access_count(batch) >= (size_t)BATCH_DOMAINS * EACH || i + 1 == domains)
			write_batch(history, batch);
	}
	add_bindings(history, batch);
	history_close(history);
	stat(path, &status);
	printf("%u domains x %d applications written        %8.1f s, %.0f domains/s\n", domains, EACH,
	       since(from) / 1e3, domains / since(from) * 1e3);
	printf("file                                          %8.1f MiB, %.0f bytes a domain\n",
	       (double)status.st_size / 1048576, (double)status.st_size / domains);
}

/* --- asking it ------------------------------------------------------------------------------- */

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void told(const char *what, double *took_ms, size_t count, const char *unit, double scale)
{
	double sum = 0;

	qsort(took_ms, count, sizeof(*took_ms), order);
	for (size_t i = 0; i < count; i++)
		sum += took_ms[i];
	printf("%-44s  %8.2f %s mean, %.2f median, %.2f p99, %.2f most\n", what, sum * scale / (double)count,
	       unit, took_ms[count / 2] * scale, took_ms[count * 99 / 100] * scale,
	       took_ms[count - 1] * scale);
}

/* So that the next one reads from the disk. Others' files stay in the cache. */
static void forget_cache(void)
{
	int file = open(path, O_RDONLY);

	fdatasync(file);
	posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
	close(file);
}

static void lookups(struct history *reader, bool known, const char *what)
{
	static double took[LOOKUPS];
	uint32_t random = 7;

	for (unsigned i = 0; i < LOOKUPS; i++) {
		struct seen seen;
		char domain[64];
		int64_t from;

		random = random * 1664525 + 1013904223;
		name_of(known ? random % domains : domains + random % (1U << 30), domain, sizeof(domain));
		from = clock_now(CLOCK_MONOTONIC);
		check(history_seen(reader, SUBJECT_DOMAIN, domain, "/usr/lib/program-7/bin/program-7",
				   &seen));
		took[i] = since(from);
		if ((seen.host_last_ns != 0) != known)
			abort();
	}
	told(what, took, LOOKUPS, "us", 1e3);
}

static double run_command(char *const argv[])
{
	int64_t from = clock_now(CLOCK_MONOTONIC);
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execv(argv[0], argv);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
	    WEXITSTATUS(status) > 1) {
		fprintf(stderr, "history_bench: %s failed\n", argv[0]);
		exit(EXIT_FAILURE);
	}
	return since(from);
}

/* `firstseen WORDS`, parted by spaces, on the history. */
static void commands(const char *what, bool cold, const char *words)
{
	char line[512], *argv[16], *rest = line;
	double took[20];
	size_t count = 0;

	snprintf(line, sizeof(line), "%s/firstseen -c /dev/null --db %s %s", programs, path, words);
	while (count < 15 && (argv[count] = strsep(&rest, " ")) != NULL)
		count++;
	argv[count] = NULL;
	for (int i = 0; i < 20; i++) {
		if (cold)
			forget_cache();
		took[i] = run_command(argv);
	}
	told(what, took, 20, "ms", 1);
}

/* --- starting on it ---------------------------------------------------------------------------- */

static void on_binding(void *context, const struct kept_binding *binding)
{
	*(size_t *)context += binding->hostname[0] != '\0';
}

static void regroup(void *context, const char *hostname, char domain[static DOMAIN_MAX])
{
	domain_of(context, hostname, domain);
}

/* What the daemon asks of the history before it watches. */
static void start(const struct domain_rules *rules, bool cold)
{
	double took[10], share;
	int64_t first;
	size_t bindings = 0;

	for (int i = 0; i < 10; i++) {
		struct history *writer, *reader;
		int64_t from, run;

		if (cold)
			forget_cache();
		from = clock_now(CLOCK_MONOTONIC);
		writer = opened(HISTORY_WRITE);
		check(history_rekey(writer, domain_rules_identity(rules), regroup, NULL, &failure));
		check(history_run_start(writer, now_ns, &run, &failure));
		check(history_since(writer, &first, &failure));
		reader = opened(HISTORY_READ);
		check(history_bindings(reader, "", on_binding, &bindings, &failure));
		check(history_coverage(reader, now_ns - DAYS * DAY, now_ns, &share, &failure));
		took[i] = since(from);
		history_close(reader);
		history_close(writer);
	}
	told(cold ? "history at the start, nothing cached" : "history at the start", took, 10, "ms", 1);
}

/* Starts the daemon and ends it again. Milliseconds until it said that it watches, < 0: it did not. */
static double daemon_once(const char *program, const char *history, char *line, int size)
{
	int64_t from = clock_now(CLOCK_MONOTONIC);
	bool watching = false;
	double took;
	FILE *log;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		abort();
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execl(program, program, "-c", "/dev/null", "--set", history, "--set", "alert.sinks=stdout",
		      "--set", "control.socket=", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	log = fdopen(ends[0], "r");
	while (!watching && fgets(line, size, log))
		watching = strstr(line, "watching:") != NULL;
	took = since(from);
	kill(child, SIGTERM);
	while (watching && fgets(line, size, log))
		;
	fclose(log);
	waitpid(child, NULL, 0);
	return watching ? took : -1;
}

static void daemon_start(const char *what, const char *file)
{
	char program[256], history[300], line[1024] = "needs root\n";
	double took[5];

	snprintf(program, sizeof(program), "%s/firstseend", programs);
	snprintf(history, sizeof(history), "history.path=%s", file);
	for (int i = 0; i < 5; i++) {
		took[i] = geteuid() == 0 ? daemon_once(program, history, line, sizeof(line)) : -1;
		if (took[i] < 0) {
			printf("%-44s  not measured: %s", what, line);
			return;
		}
	}
	told(what, took, 5, "ms", 1);
}

/* --- writing and pruning -------------------------------------------------------------------------- */

static void second_of_work(struct history *history, struct batch *batch, bool new, const char *what)
{
	double took[10];

	for (unsigned i = 0; i < 10; i++) {
		int64_t from;

		for (unsigned j = 0; j < 1000; j++)
			add_domain(batch, (new ? domains : 0) + (i * 1000 + j) * (new ? 1 : 97), now_ns);
		from = clock_now(CLOCK_MONOTONIC);
		write_batch(history, batch);
		took[i] = since(from);
		check(history_checkpoint(history, &failure));
	}
	told(what, took, 10, "ms", 1);
}

/* As the writer does it: a small transaction, and the log written into the file when it has grown long. */
static void prune(struct history *history)
{
	static double took[PRUNES], log[PRUNES];
	int64_t rows = 0, gone = 1, from = clock_now(CLOCK_MONOTONIC);
	size_t count = 0, over = 0;

	/* A third of all is old, as after a long stop. */
	while (gone > 0 && count < PRUNES) {
		int64_t begin = clock_now(CLOCK_MONOTONIC);

		gone = history_prune(history, now_ns - DAYS * 2 / 3 * DAY, PRUNE_ROWS, &failure);
		check((int)(gone < 0 ? gone : 0));
		took[count] = since(begin);
		over += took[count] > 50;
		begin = clock_now(CLOCK_MONOTONIC);
		check(history_checkpoint(history, &failure));
		log[count++] = since(begin);
		rows += gone;
	}
	printf("pruned                                        %" PRId64
	       " rows in %zu transactions, %.0f rows/s; %zu over 50 ms\n",
	       rows, count, (double)rows / since(from) * 1e3, over);
	told("a transaction of pruning", took, count, "ms", 1);
	told("the log moved into the file, if long", log, count, "ms", 1);
}

static void rekey(struct history *history, struct domain_rules *rules)
{
	int64_t from = clock_now(CLOCK_MONOTONIC);

	check(history_rekey(history, "another list", regroup, rules, &failure));
	printf("all hostnames grouped by a changed list       %8.1f s\n", since(from) / 1e3);
}

int main(int argc, char **argv)
{
	struct batch_limits limits = {.text_bytes = 64 << 20};
	struct domain_settings grouping = {0};
	struct domain_rules *rules;
	struct history *history;
	struct batch *batch;
	char known[64], question[80], empty[256];

	if (argc < 3) {
		fprintf(stderr, "usage: history_bench FOLDER PROGRAMS [DOMAINS]\n");
		return EXIT_FAILURE;
	}
	programs = argv[2];
	if (argc > 3)
		domains = (unsigned)strtoul(argv[3], NULL, 10);
	snprintf(path, sizeof(path), "%s/history-bench.db", argv[1]);
	now_ns = clock_now(CLOCK_REALTIME);
	if (access(path, F_OK) == 0) {
		fprintf(stderr, "history_bench: %s is there already\n", path);
		return EXIT_FAILURE;
	}
	if (batch_new(&limits, &batch) || domain_rules_new(&grouping, &rules, &failure))
		return EXIT_FAILURE;
	setvbuf(stdout, NULL, _IOLBF, 0);
	make(batch);
	history = opened(HISTORY_READ);
	lookups(history, false, "lookup of an unknown domain");
	lookups(history, true, "lookup of a known domain");
	history_close(history);
	name_of(domains / 2, known, sizeof(known));
	snprintf(question, sizeof(question), "history %s", known);
	commands("firstseen history DOMAIN", false, question);
	commands("firstseen history DOMAIN, nothing cached", true, question);
	commands("firstseen domains --new --since 24h", false, "domains --new --since 24h");
	commands("firstseen domains --new, nothing cached", true, "domains --new --since 24h");
	commands("firstseen domains --new --limit 100", false, "domains --new --limit 100");
	commands("firstseen status", false, "status");
	start(rules, false);
	start(rules, true);
	snprintf(empty, sizeof(empty), "%s/empty.db", argv[1]);
	daemon_start("start of firstseend", path);
	daemon_start("... with an empty history", empty);
	history = opened(HISTORY_WRITE);
	second_of_work(history, batch, false, "1,000 known domains x 3 applications written");
	second_of_work(history, batch, true, "1,000 new domains x 3 applications written");
	rekey(history, rules);
	prune(history);
	history_close(history);
	batch_free(batch);
	domain_rules_free(rules);
	return EXIT_SUCCESS;
}
