/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* zeek_internal.h - an event of a Zeek log as it is sorted; shared by what reads and what emits. */
#ifndef SOURCE_ZEEK_INTERNAL_H
#define SOURCE_ZEEK_INTERNAL_H

#include "base/address.h"
#include "source/sorter.h"
#include "source/zeek.h"
#include "source/zeek_fields.h"

/* Their order among events of one moment: an answer comes before the connection that it caused. */
enum event_kind { EVENT_ANSWER, EVENT_CONN, EVENT_HELLO };

struct event {
	uint8_t kind; /* enum event_kind */
	uint8_t protocol;
	uint8_t outcome; /* EVENT_CONN: enum fs_outcome */
	bool asks;       /* EVENT_CONN: Zeek saw DNS in it */
	uint16_t local_port, remote_port;
	uint32_t file; /* number of its file, and its line there */
	uint64_t line;
	uint64_t cookie; /* of its uid */
	struct address local, remote;
};

struct conn_event {
	struct event event;
	int64_t duration_ns;
	uint64_t bytes_out, bytes_in;
};

#define ANSWER_ADDRESSES 64
#define ANSWER_NAMES 16
#define EVENT_NAME_MAX 254

struct answer_event {
	struct event event;
	uint32_t ttl;
	uint16_t id;
	uint8_t address_count, chain_count;
	struct address addresses[ANSWER_ADDRESSES];
	/* Then the question's name and those of the chain, each ended by NUL; only what is used is sorted. */
	char names[(1 + ANSWER_NAMES) * EVENT_NAME_MAX];
};

struct hello_event {
	struct event event;
	char name[EVENT_NAME_MAX]; /* "": none */
};

/* Any of them, aligned. */
union any_event {
	struct event event;
	struct conn_event conn;
	struct answer_event answer;
	struct hello_event hello;
};

struct zeek_part {
	uint64_t known_lines; /* up to there it was imported before */
};

struct zeek {
	struct zeek_settings settings;
	struct sorter *sorter;
	struct zeek_part *files;
	size_t file_count;
	uint64_t conns; /* of all files */
};

/* zeek_event.c: from the fields of a line to an event. */
enum event_result {
	EVENT_USED,
	EVENT_UNUSED,
	EVENT_TOO_OLD,
	EVENT_IN_FUTURE,
	EVENT_INBOUND,
	EVENT_PROTOCOL,
	EVENT_BAD
};

/* EVENT_USED: *event, of *size bytes, stands at *key_ns, and *end_ns is when it was over. EVENT_BAD: *why
 * says why. */
enum event_result zeek_event(const struct zeek_settings *settings, struct zeek_fields *fields,
			     enum zeek_log log, union any_event *event, size_t *size, int64_t *key_ns,
			     int64_t *end_ns, const char **why);

#endif
