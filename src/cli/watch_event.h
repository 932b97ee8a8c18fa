/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* watch_event.h - one event as the daemon tells it, ready for a terminal: its texts are escaped. */
#ifndef CLI_WATCH_EVENT_H
#define CLI_WATCH_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum watch_type {
	WATCH_FLOW,  /* opened */
	WATCH_NAME,  /* another name for an open flow, from its ClientHello */
	WATCH_BYTES, /* of an open flow */
	WATCH_CLOSED,
	WATCH_ALERT,
	WATCH_STATE,     /* how the daemon goes, once a second */
	WATCH_NOT_SHOWN, /* `count` events were dropped because we read too slowly */
	WATCH_NOTICE,    /* a line of our own: `message` */
	WATCH_OTHER,     /* of a newer daemon */
};

struct watch_event {
	enum watch_type type;
	int64_t time_ns; /* UNIX; 0: not told */
	char flow[20];   /* tells flows apart; "" for alerts */
	uint64_t pid, port, bytes_out, bytes_in;
	int64_t user_id; /* -1: not known */
	char user[64];   /* its name, where the host has one */
	char comm[72];
	char application[600]; /* or "" */
	char hostname[300];
	char domain[300];
	char address[48]; /* ""; an alert about no flow */
	char protocol[8], method[16], verdict[16], outcome[16];
	/* alerts */
	char uid[40], kind[40], severity[20], message[600];
	bool update;
	/* WATCH_STATE, WATCH_NOT_SHOWN */
	int64_t since_ns;
	uint64_t flows, alerts, lost, count;
};

/* Reads a message, which is overwritten; text[length] is, too. 0, or -EINVAL: it is none. */
int watch_event_read(char *text, size_t length, struct watch_event *event);

/* Whether every word of `words` is in one of the event's texts, in whatever case. "" fits all. */
bool watch_event_fits(const struct watch_event *event, const char *words);

/* Whether the flow's domain was not known before, or an alert says so. */
bool watch_event_is_new(const struct watch_event *event);

/* Takes over what a later message says of the same flow or alert. */
void watch_event_update(struct watch_event *event, const struct watch_event *later);

/* What to call the program, and where it went: never "". */
const char *watch_event_program(const struct watch_event *event);
const char *watch_event_target(const struct watch_event *event);

/* One line, whole: for a pipe, without a newline. `size` WATCH_LINE_MAX. */
#define WATCH_LINE_MAX 4096
void watch_event_line(const struct watch_event *event, char *text, size_t size);

/* The same as tab-separated values: time, type, flow, application, pid, user, hostname, domain, address,
 * port, protocol, method, verdict, bytes out, bytes in, outcome, then an alert's kind, severity, message,
 * uid.
 */
void watch_event_tsv(const struct watch_event *event, char *text, size_t size);

#endif
