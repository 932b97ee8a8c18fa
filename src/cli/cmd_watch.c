/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_watch.c - flows and alerts as they come: on a terminal a screen, else lines. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/watch_screen.h"
#include "cli/watch_view.h"
#include "control/control.h"

#define AGAIN_NS NS_PER_SECOND         /* between attempts to reach a daemon that is gone */
#define COUNT_NS (5 * NS_PER_SECOND)   /* between looks at the history for open alerts */
#define FRAME_NS (100 * NS_PER_MS)     /* the screen is drawn ten times a second at most */
#define SILENCE_NS (5 * NS_PER_SECOND) /* a daemon tells how it goes every second */
#define ALERTS_MOST 1000
#define AT_ONCE 500 /* events between two looks at the keys */
#define USERS_MAX 64

struct watching {
	struct cli *cli;
	int connection;                         /* -1: none */
	bool was_there;                         /* connected before */
	int64_t again_ns, counted_ns, heard_ns; /* when last tried, counted, heard */
	struct {
		int64_t id;
		char name[64];
	} users[USERS_MAX];
	size_t users_known;
	struct watch_event event;
	char message[CONTROL_MESSAGE_MAX];
	char line[CONTROL_MESSAGE_MAX]; /* the message as it came: reading it takes it apart */
	/* on a terminal */
	struct view *view;
	struct watch_screen screen;
	struct watch_event last_state;
	int signals, ended_by;
	bool end, dirty;
};

/* --- the daemon --------------------------------------------------------------------------- */

/* 0, or -errno with *failure filled; -EPERM: it refused. */
static int subscribe(struct watching *watching, struct failure *failure)
{
	const struct cli *cli = watching->cli;
	struct control_words request = {0};
	char path[PATH_MAX];
	int fd;

	if (!cli->config.socket_path[0])
		return failure_set(failure, -ENOENT, "there is no control socket to ask: set control.socket");
	control_add(&request, CONTROL_VERSION);
	control_add(&request, realpath(cli->database, path) ? path : cli->database);
	control_add(&request, "watch");
	fd = control_subscribe(cli->config.socket_path, &request, failure);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return failure_set(failure, fd, "no daemon answers at %s: is firstseend running?",
				   cli->config.socket_path);
	if (fd == -EACCES)
		return failure_set(failure, fd, "%s: only root and members of the group firstseen may watch",
				   cli->config.socket_path);
	if (fd <= 0)
		return fd ? fd : -EPERM;
	watching->connection = fd;
	watching->was_there = true;
	watching->heard_ns = clock_ns(CLOCK_MONOTONIC);
	return 0;
}

static const char *user_name(struct watching *watching, int64_t id)
{
	struct passwd *user;
	size_t at;
	char *escaped;

	for (size_t i = 0; i < watching->users_known; i++)
		if (watching->users[i].id == id)
			return watching->users[i].name;
	at = watching->users_known < USERS_MAX ? watching->users_known++ : (size_t)id % USERS_MAX;
	user = getpwuid((uid_t)id);
	watching->users[at].id = id;
	snprintf(watching->users[at].name, sizeof(watching->users[at].name), "%" PRId64, id);
	escaped = user ? output_escape(user->pw_name) : NULL;
	if (escaped)
		text_copy(watching->users[at].name, sizeof(watching->users[at].name), escaped);
	free(escaped);
	return watching->users[at].name;
}

/* The next event. 1; 0: none is there; -errno: the daemon is gone, and the connection closed. */
static int next_event(struct watching *watching)
{
	struct watch_event *event = &watching->event;
	ssize_t length = control_next(watching->connection, watching->message);

	if (length == -EAGAIN)
		return 0;
	if (length <= 0) {
		close(watching->connection);
		watching->connection = -1;
		return length ? (int)length : -ECONNRESET;
	}
	memcpy(watching->line, watching->message, (size_t)length + 1);
	if (watch_event_read(watching->message, (size_t)length, event))
		event->type = WATCH_OTHER;
	if (event->user_id >= 0)
		text_copy(event->user, sizeof(event->user), user_name(watching, event->user_id));
	watching->heard_ns = clock_ns(CLOCK_MONOTONIC);
	return 1;
}

/* --- lines -------------------------------------------------------------------------------- */

static void print_line(struct watching *watching)
{
	const struct watch_event *event = &watching->event;
	const struct options *options = watching->cli->options;
	char text[WATCH_LINE_MAX];

	if (event->type == WATCH_OTHER || event->type == WATCH_STATE)
		return;
	if (event->type == WATCH_NOT_SHOWN && options->format != OUTPUT_JSON) {
		cli_fail("%" PRIu64 " events not shown: they came faster than they were read", event->count);
		return;
	}
	if (event->type != WATCH_NOT_SHOWN && ((options->alerts && event->type != WATCH_ALERT) ||
					       (options->words && !watch_event_fits(event, options->words))))
		return;
	if (options->format == OUTPUT_JSON) {
		puts(watching->line);
		return;
	}
	if (options->format == OUTPUT_TSV)
		watch_event_tsv(event, text, sizeof(text));
	else
		watch_event_line(event, text, sizeof(text));
	puts(text);
}

static void wait_for_daemon(struct watching *watching)
{
	const struct timespec pause = {.tv_nsec = AGAIN_NS / 2};
	struct failure failure = {{0}};

	cli_fail("the daemon ended; waiting for it");
	while (subscribe(watching, &failure))
		nanosleep(&pause, NULL);
	cli_fail("watching again");
}

/* Until a signal, which ends a program that has nothing to clean up. */
static int print_lines(struct watching *watching)
{
	struct pollfd waits[2] = {{.events = POLLIN}, {.fd = STDOUT_FILENO}};

	for (;;) {
		int got = 1;

		waits[0].fd = watching->connection;
		if (poll(waits, 2, -1) < 0 && errno != EINTR)
			return cli_fail("can not wait for events: %s", strerror(errno));
		if (waits[1].revents & (POLLERR | POLLHUP))
			return CLI_DONE; /* nobody reads any more */
		for (int i = 0; i < AT_ONCE && (got = next_event(watching)) > 0; i++)
			print_line(watching);
		if (fflush(stdout))
			return errno == EPIPE ? CLI_DONE : CLI_FAILED;
		if (got < 0)
			wait_for_daemon(watching);
	}
}

/* --- the screen ---------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void notice(struct watching *watching, const char *format, ...)
{
	struct watch_event event = {.type = WATCH_NOTICE, .user_id = -1, .time_ns = clock_ns(CLOCK_REALTIME)};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(event.message, sizeof(event.message), format, arguments);
	va_end(arguments);
	watch_rows_add(&watching->screen.rows, &event);
	watching->dirty = true;
}

static void take_state(struct watching *watching)
{
	struct watch_screen *screen = &watching->screen;
	const struct watch_event *now = &watching->event, *before = &watching->last_state;

	screen->lost = now->lost;
	screen->since_ns = now->since_ns;
	if (before->time_ns && now->time_ns > before->time_ns && now->flows >= before->flows)
		screen->flows_per_second = (double)(now->flows - before->flows) * (double)NS_PER_SECOND /
					   (double)(now->time_ns - before->time_ns);
	watching->last_state = *now;
}

static void take_event(struct watching *watching)
{
	const struct watch_event *event = &watching->event;

	watching->dirty = true;
	watching->screen.problem[0] = '\0';
	if (event->type == WATCH_STATE) {
		take_state(watching);
	} else if (event->type == WATCH_NOT_SHOWN) {
		watching->screen.not_shown += event->count;
		notice(watching, "%" PRIu64 " not shown: they came faster than they were read", event->count);
	} else {
		watch_rows_add(&watching->screen.rows, event);
		if (event->type == WATCH_ALERT)
			watching->counted_ns = 0;
	}
}

static void take_events(struct watching *watching)
{
	int got = 0;

	for (int i = 0; i < AT_ONCE && (got = next_event(watching)) > 0; i++)
		take_event(watching);
	if (got >= 0)
		return;
	watching->screen.flows_per_second = -1;
	watching->last_state.time_ns = 0;
	snprintf(watching->screen.problem, sizeof(watching->screen.problem),
		 "the daemon ended; waiting for it");
	notice(watching, "the daemon ended");
}

static void connect_again(struct watching *watching, int64_t now_ns)
{
	struct failure failure = {{0}};
	char *escaped;
	int error;

	if (watching->connection >= 0 || now_ns - watching->again_ns < AGAIN_NS)
		return;
	watching->again_ns = now_ns;
	watching->dirty = true;
	error = subscribe(watching, &failure);
	if (!error) {
		watching->screen.problem[0] = '\0';
		notice(watching, "the daemon is there again");
		return;
	}
	if (error == -ENOENT || error == -ECONNREFUSED)
		return;
	escaped = output_escape(failure.text);
	text_copy(watching->screen.problem, sizeof(watching->screen.problem), escaped ? escaped : "");
	free(escaped);
}

static int count_alert(void *context, const struct alert_row *row)
{
	long *count = context;

	(void)row;
	(*count)++;
	return 0;
}

/* The history is opened anew each time: it may be another file by now. */
static void count_alerts(struct watching *watching, int64_t now_ns)
{
	struct history_filter filter = {.open = true, .limit = ALERTS_MOST};
	struct history *history = NULL;
	struct failure failure;
	long count = 0;

	if (watching->counted_ns && now_ns - watching->counted_ns < COUNT_NS)
		return;
	watching->counted_ns = now_ns;
	if (history_open(watching->cli->database, HISTORY_READ, &history, &failure) ||
	    history_alerts(history, &filter, count_alert, &count, &failure))
		count = -1;
	history_close(history);
	watching->dirty = watching->dirty || watching->screen.alerts_open != count;
	watching->screen.alerts_open = count;
}

static void take_signal(struct watching *watching)
{
	struct signalfd_siginfo info;

	if (read(watching->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		view_resize(watching->view);
		watching->dirty = true;
		return;
	}
	watching->end = true;
	watching->ended_by = (int)info.ssi_signo;
}

static void take_keys(struct watching *watching)
{
	struct watch_key key;

	while (!watching->end && (key = view_key(watching->view)).kind != KEY_KIND_NONE) {
		watching->end = !watch_screen_key(&watching->screen, &key);
		watching->dirty = true;
	}
}

static void look_for_silence(struct watching *watching, int64_t now_ns)
{
	struct watch_screen *screen = &watching->screen;

	if (watching->connection < 0 || screen->problem[0] || now_ns - watching->heard_ns < SILENCE_NS)
		return;
	snprintf(screen->problem, sizeof(screen->problem), "the daemon says nothing");
	watching->dirty = true;
}

static void run_screen(struct watching *watching)
{
	struct pollfd waits[3] = {{.fd = STDIN_FILENO, .events = POLLIN},
				  {.fd = watching->signals, .events = POLLIN},
				  {.events = POLLIN}};
	int64_t drawn_ns = 0;

	watching->dirty = true;
	while (!watching->end) {
		int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

		count_alerts(watching, now_ns);
		connect_again(watching, now_ns);
		look_for_silence(watching, now_ns);
		if (watching->dirty && now_ns - drawn_ns >= FRAME_NS) {
			view_draw(watching->view, &watching->screen);
			watching->dirty = false;
			drawn_ns = now_ns;
		}
		waits[2].fd = watching->connection;
		if (poll(waits, 3, watching->dirty ? (int)(FRAME_NS / NS_PER_MS) : 1000) < 0)
			continue; /* stopped and continued, most likely */
		if (waits[1].revents)
			take_signal(watching);
		if (waits[2].fd >= 0 && waits[2].revents)
			take_events(watching);
		if (waits[0].revents & POLLIN)
			take_keys(watching);
		if (waits[0].revents & (POLLHUP | POLLERR)) /* the terminal is gone */
			watching->end = true;
	}
}

static int block_signals(sigset_t *before)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGWINCH);
	sigprocmask(SIG_BLOCK, &signals, before);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void fill_screen(struct watching *watching)
{
	const struct options *options = watching->cli->options;
	struct watch_screen *screen = &watching->screen;
	char host[256] = "", *escaped;

	if (gethostname(host, sizeof(host) - 1) == 0) {
		escaped = output_escape(host);
		text_copy(screen->host, sizeof(screen->host), escaped ? escaped : "?");
		free(escaped);
	}
	screen->flows_per_second = -1;
	screen->alerts_open = -1;
	screen->alerts_most = ALERTS_MOST;
	screen->rows.alerts_only = options->alerts;
	if (options->words)
		text_copy(screen->rows.filter, sizeof(screen->rows.filter), options->words);
}

/* A signal that ends us still does, once the terminal is as it was. Ctrl-C is a way to leave. */
static int end_by(int number, const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
	if (number == 0 || number == SIGINT)
		return CLI_DONE;
	signal(number, SIG_DFL);
	raise(number);
	return CLI_FAILED;
}

static int show_screen(struct watching *watching)
{
	struct failure failure = {{0}};
	sigset_t before;
	int error;

	if (watch_rows_new(&watching->screen.rows))
		return cli_fail("out of memory");
	fill_screen(watching);
	watching->signals = block_signals(&before);
	error = watching->signals < 0 ? -errno : view_open(output_has_colour(), &watching->view, &failure);
	if (!error)
		run_screen(watching);
	view_close(watching->view);
	watch_rows_free(&watching->screen.rows);
	if (watching->signals >= 0)
		close(watching->signals);
	if (error)
		return cli_fail_with(&failure, error);
	return end_by(watching->ended_by, &before);
}

int cli_watch(struct cli *cli, int argc, char **argv)
{
	static struct watching watching; /* large */
	struct failure failure = {{0}};
	int error, status;

	(void)argc;
	(void)argv;
	watching.cli = cli;
	watching.connection = -1;
	if (cli->options->words && strlen(cli->options->words) >= WATCH_FILTER_MAX)
		return cli_fail("--filter has at most %d bytes", WATCH_FILTER_MAX - 1);
	error = subscribe(&watching, &failure);
	if (error)
		return cli_fail_with(&failure, error);
	setlocale(LC_CTYPE, "");
	if (cli->options->format == OUTPUT_TABLE && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		status = show_screen(&watching);
	else
		status = print_lines(&watching);
	if (watching.connection >= 0)
		close(watching.connection);
	return status;
}
