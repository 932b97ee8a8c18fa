/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/control.h"

#define BATCH_MS 20 /* a thread that is woken for every single flow costs more than the events */

struct reader {
	int connection;  /* -1: none */
	uint64_t next;   /* the number of the event it gets next */
	uint64_t missed; /* and was not told so yet */
	bool full;       /* its socket is */
};

struct feed {
	atomic_uint readers_now;
	int wake;
	pthread_t thread;
	bool running;
	char text[CONTROL_MESSAGE_MAX]; /* the thread's */
	struct feed_event event;        /* likewise */
	struct feed_event draft;        /* of the thread that decides flows */
	/* What follows is under the lock, which is held for as long as an event takes to copy. */
	pthread_mutex_t lock;
	bool end, woken;
	struct reader readers[FEED_READERS_MAX];
	uint64_t head;           /* events so far; the ring holds the last FEED_EVENTS */
	struct feed_event *ring; /* NULL while nobody looks on */
};

int feed_new(struct feed **out)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return -ENOMEM;
	feed->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (feed->wake < 0) {
		free(feed);
		return -errno;
	}
	pthread_mutex_init(&feed->lock, NULL);
	for (size_t i = 0; i < FEED_READERS_MAX; i++)
		feed->readers[i].connection = -1;
	*out = feed;
	return 0;
}

static void wake(struct feed *feed)
{
	uint64_t one = 1;

	/* A counter that is full wakes as well. */
	if (write(feed->wake, &one, sizeof(one)) < 0)
		return;
}

bool feed_wanted(const struct feed *feed)
{
	return feed && atomic_load_explicit(&feed->readers_now, memory_order_relaxed) != 0;
}

/* --- in ----------------------------------------------------------------------------- */

int feed_subscribe(struct feed *feed, int connection, bool root)
{
	const size_t places = root ? FEED_READERS_MAX : FEED_READERS_MAX - 1;
	int error = -EBUSY;

	pthread_mutex_lock(&feed->lock);
	for (size_t i = 0; i < places && error == -EBUSY; i++) {
		struct reader *reader = &feed->readers[i];

		if (reader->connection >= 0)
			continue;
		if (!feed->ring)
			feed->ring = calloc(FEED_EVENTS, sizeof(*feed->ring));
		error = feed->ring ? 0 : -ENOMEM;
		if (error)
			break;
		atomic_fetch_add(&feed->readers_now, 1);
		control_reply(connection, true, "watching");
		*reader = (struct reader){.connection = connection, .next = feed->head};
	}
	pthread_mutex_unlock(&feed->lock);
	wake(feed);
	return error;
}

/* The draft into the ring. */
static void put(struct feed *feed)
{
	bool must_wake;

	pthread_mutex_lock(&feed->lock);
	must_wake = feed->ring && !feed->woken;
	if (feed->ring) {
		feed->ring[feed->head++ % FEED_EVENTS] = feed->draft;
		feed->woken = true;
	}
	pthread_mutex_unlock(&feed->lock);
	if (must_wake)
		wake(feed);
}

void feed_flow(struct feed *feed, const struct flow_report *report)
{
	if (!feed_wanted(feed))
		return;
	feed_event_flow(&feed->draft, report);
	put(feed);
}

void feed_progress(struct feed *feed, const struct flow_progress *progress)
{
	if (!feed_wanted(feed))
		return;
	feed_event_progress(&feed->draft, progress);
	put(feed);
}

void feed_alert(struct feed *feed, const struct alert *alert)
{
	if (!feed_wanted(feed))
		return;
	feed_event_alert(&feed->draft, alert);
	put(feed);
}

void feed_state(struct feed *feed, const struct feed_state *state)
{
	if (!feed_wanted(feed))
		return;
	feed->draft = (struct feed_event){.kind = FEED_STATE, .state = *state};
	put(feed);
}

/* --- out ---------------------------------------------------------------------------- */

static void drop(struct feed *feed, struct reader *reader)
{
	pthread_mutex_lock(&feed->lock);
	close(reader->connection);
	reader->connection = -1;
	if (atomic_fetch_sub(&feed->readers_now, 1) == 1) {
		free(feed->ring);
		feed->ring = NULL;
	}
	pthread_mutex_unlock(&feed->lock);
}

/* Copies the reader's next event, and counts what it missed. False where there is none. */
static bool next_event(struct feed *feed, struct reader *reader)
{
	bool found;

	pthread_mutex_lock(&feed->lock);
	if (feed->head - reader->next > FEED_EVENTS) {
		reader->missed += feed->head - reader->next - FEED_EVENTS;
		reader->next = feed->head - FEED_EVENTS;
	}
	found = reader->next != feed->head;
	if (found)
		feed->event = feed->ring[reader->next % FEED_EVENTS];
	pthread_mutex_unlock(&feed->lock);
	return found;
}

/* 0, -EAGAIN, or another -errno: the reader is gone. */
static int send_text(const struct reader *reader, const char *text, size_t length)
{
	return send(reader->connection, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int send_missed(struct reader *reader)
{
	char text[64];
	int error, length;

	if (!reader->missed)
		return 0;
	length = snprintf(text, sizeof(text), "{\"type\":\"not_shown\",\"count\":%" PRIu64 "}",
			  reader->missed);
	error = send_text(reader, text, (size_t)length);
	if (!error)
		reader->missed = 0;
	return error;
}

/* Sends what fits. Only this thread takes readers away, so that a reader that is there stays. False: it is
 * gone. */
static bool serve(struct feed *feed, struct reader *reader)
{
	int error = 0;

	while (!error && next_event(feed, reader)) {
		error = send_missed(reader);
		if (!error)
			error = send_text(reader, feed->text,
					  feed_event_json(&feed->event, feed->text, sizeof(feed->text)));
		if (!error)
			reader->next++;
	}
	reader->full = error == -EAGAIN;
	if (!error || error == -EAGAIN)
		return true;
	drop(feed, reader);
	return false;
}

/* What to wait for. Returns false at the end. */
static bool arm(struct feed *feed, struct pollfd waits[static FEED_READERS_MAX])
{
	bool go_on;

	pthread_mutex_lock(&feed->lock);
	feed->woken = false;
	go_on = !feed->end;
	for (size_t i = 0; i < FEED_READERS_MAX; i++)
		waits[i] = (struct pollfd){.fd = feed->readers[i].connection};
	pthread_mutex_unlock(&feed->lock);
	return go_on;
}

static void *run(void *context)
{
	struct feed *feed = context;
	struct pollfd waits[FEED_READERS_MAX + 1];
	uint64_t count;

	for (;;) {
		bool go_on = arm(feed, waits);

		/* What came before the end is sent. */
		for (size_t i = 0; i < FEED_READERS_MAX; i++) {
			if (waits[i].fd >= 0 && !serve(feed, &feed->readers[i]))
				waits[i].fd = -1;
			else if (waits[i].fd >= 0)
				waits[i].events = feed->readers[i].full ? POLLOUT : 0;
		}
		if (!go_on)
			return NULL;
		waits[FEED_READERS_MAX] = (struct pollfd){.fd = feed->wake, .events = POLLIN};
		if (poll(waits, FEED_READERS_MAX + 1, -1) < 0 && errno != EINTR)
			return NULL;
		for (size_t i = 0; i < FEED_READERS_MAX; i++)
			if (waits[i].fd >= 0 && waits[i].revents & (POLLHUP | POLLERR))
				drop(feed, &feed->readers[i]);
		if (read(feed->wake, &count, sizeof(count)) > 0)
			poll(NULL, 0, BATCH_MS);
	}
}

/* --- begin and end -------------------------------------------------------------------- */

int feed_start(struct feed *feed)
{
	int error = pthread_create(&feed->thread, NULL, run, feed);

	feed->running = error == 0;
	return -error;
}

void feed_free(struct feed *feed)
{
	if (!feed)
		return;
	pthread_mutex_lock(&feed->lock);
	feed->end = true;
	pthread_mutex_unlock(&feed->lock);
	wake(feed);
	if (feed->running)
		pthread_join(feed->thread, NULL);
	for (size_t i = 0; i < FEED_READERS_MAX; i++)
		if (feed->readers[i].connection >= 0)
			drop(feed, &feed->readers[i]);
	pthread_mutex_destroy(&feed->lock);
	close(feed->wake);
	free(feed);
}
