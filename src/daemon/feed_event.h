/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* feed_event.h - what those who look on are told, of one size, and its JSON. Long texts are cut. */
#ifndef DAEMON_FEED_EVENT_H
#define DAEMON_FEED_EVENT_H

#include "core/pipeline.h"

#define FEED_APPLICATION_MAX 512
#define FEED_MESSAGE_MAX 512

enum feed_kind { FEED_FLOW, FEED_NAME, FEED_BYTES, FEED_CLOSED, FEED_ALERT, FEED_STATE };

/* How it goes, once a second. */
struct feed_state {
	int64_t time_ns;
	int64_t since_ns; /* it watches */
	int64_t learning_until_ns;
	uint64_t flows, alerts, lost; /* since the daemon started */
};

struct feed_event {
	enum feed_kind kind;
	uint64_t id; /* of the flow */
	int64_t time_ns;
	struct address remote;
	uint16_t remote_port;
	uint8_t protocol;
	enum verdict verdict; /* FEED_FLOW, FEED_NAME */
	enum attribution_method method;
	enum fs_outcome outcome;
	uint64_t bytes_out, bytes_in;
	uint32_t pid, user_id; /* 0, FS_UID_UNKNOWN: not known */
	char comm[FS_COMM_SIZE + 1];
	char domain[DOMAIN_MAX];
	char hostname[HOSTNAME_MAX];
	char application[FEED_APPLICATION_MAX];
	/* FEED_ALERT */
	enum alert_kind alert_kind;
	enum alert_severity severity;
	uint32_t revision;
	char uid[ALERT_UID_MAX];
	char message[FEED_MESSAGE_MAX];
	struct feed_state state; /* FEED_STATE */
};

void feed_event_flow(struct feed_event *event, const struct flow_report *report);
void feed_event_progress(struct feed_event *event, const struct flow_progress *progress);
void feed_event_alert(struct feed_event *event, const struct alert *alert);

/* One JSON object; CONTROL_MESSAGE_MAX bytes are enough for any event. Its length. */
size_t feed_event_json(const struct feed_event *event, char *text, size_t size);

#endif
