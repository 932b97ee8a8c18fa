/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/feed_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

static void put_owner(struct feed_event *event, const struct fs_owner *owner)
{
	event->pid = owner->tgid;
	event->user_id = owner->tgid ? owner->uid : FS_UID_UNKNOWN;
}

static void put_process(struct feed_event *event, const struct process *process)
{
	text_copy(event->comm, sizeof(event->comm), process->comm);
	text_copy(event->application, sizeof(event->application), process->application);
}

void feed_event_flow(struct feed_event *event, const struct flow_report *report)
{
	*event = (struct feed_event){
		.kind = report->again ? FEED_NAME : FEED_FLOW,
		.id = report->id,
		.time_ns = report->time_ns,
		.remote = report->remote,
		.remote_port = report->remote_port,
		.protocol = report->protocol,
		.verdict = report->verdict,
		.method = report->attribution->method,
	};
	put_owner(event, &report->owner);
	text_copy(event->domain, sizeof(event->domain), report->domain);
	text_copy(event->hostname, sizeof(event->hostname), report->attribution->hostname);
	if (report->process)
		put_process(event, report->process);
}

void feed_event_progress(struct feed_event *event, const struct flow_progress *progress)
{
	*event = (struct feed_event){
		.kind = progress->closed ? FEED_CLOSED : FEED_BYTES,
		.id = progress->id,
		.time_ns = progress->time_ns,
		.remote = progress->remote,
		.remote_port = progress->remote_port,
		.protocol = progress->protocol,
		.bytes_out = progress->bytes_out,
		.bytes_in = progress->bytes_in,
		.outcome = progress->outcome,
	};
	put_owner(event, &progress->owner);
	text_copy(event->domain, sizeof(event->domain), progress->domain);
	text_copy(event->hostname, sizeof(event->hostname), progress->hostname);
	text_copy(event->application, sizeof(event->application), progress->application);
}

static void put_message(struct feed_event *event, const struct alert *alert)
{
	const struct crawl *crawl = &alert->crawl;

	if (alert->kind == ALERT_CRAWLER_DIGEST)
		snprintf(event->message, sizeof(event->message), "%" PRIu32 " new domains: %.400s",
			 crawl->count, crawl->examples);
	else if (alert->threat.entry[0])
		snprintf(event->message, sizeof(event->message), "%.250s is on the list %.120s",
			 alert->threat.entry, alert->threat.list);
	else
		text_copy(event->message, sizeof(event->message), alert->message);
}

void feed_event_alert(struct feed_event *event, const struct alert *alert)
{
	*event = (struct feed_event){
		.kind = FEED_ALERT,
		.time_ns = alert->time_ns,
		.remote = alert->remote,
		.remote_port = alert->remote_port,
		.protocol = alert->protocol,
		.method = alert->attribution.method,
		.outcome = alert->outcome,
		.bytes_out = alert->bytes_out,
		.bytes_in = alert->bytes_in,
		.alert_kind = alert->kind,
		.severity = alert->severity,
		.revision = alert->revision,
	};
	put_owner(event, &alert->process.owner);
	text_copy(event->uid, sizeof(event->uid), alert->uid);
	text_copy(event->domain, sizeof(event->domain), alert->domain);
	text_copy(event->hostname, sizeof(event->hostname), alert->attribution.hostname);
	if (alert->process_known)
		put_process(event, &alert->process);
	put_message(event, alert);
}

/* --- JSON ------------------------------------------------------------------------- */

static void put_time(struct json *json, const char *key, int64_t time_ns)
{
	char time[TEXT_TIME_MAX];

	json_put_string(json, key, text_format_time(time_ns, time));
}

static void put_text(struct json *json, const char *key, const char *text)
{
	if (text[0])
		json_put_string(json, key, text);
}

static void put_state(struct json *json, const struct feed_state *state)
{
	put_time(json, "time", state->time_ns);
	json_put_unsigned(json, "flows", state->flows);
	json_put_unsigned(json, "alerts", state->alerts);
	json_put_unsigned(json, "lost", state->lost);
	put_time(json, "since", state->since_ns);
	put_time(json, "learning_until", state->learning_until_ns);
}

static void put_who(struct json *json, const struct feed_event *event)
{
	if (event->pid)
		json_put_unsigned(json, "pid", event->pid);
	if (event->user_id != FS_UID_UNKNOWN)
		json_put_unsigned(json, "user_id", event->user_id);
	put_text(json, "comm", event->comm);
	put_text(json, "application", event->application);
}

static void put_where(struct json *json, const struct feed_event *event)
{
	char address[ADDRESS_TEXT_MAX];

	put_text(json, "hostname", event->hostname);
	put_text(json, "domain", event->domain);
	if (!event->remote_port && event->kind == FEED_ALERT)
		return; /* it is about no flow */
	json_put_string(json, "address", address_format(&event->remote, address));
	json_put_unsigned(json, "port", event->remote_port);
	json_put_string(json, "protocol", protocol_name(event->protocol));
}

static void put_alert(struct json *json, const struct feed_event *event)
{
	json_put_string(json, "uid", event->uid);
	json_put_string(json, "kind", alert_kind_name(event->alert_kind));
	json_put_string(json, "severity", alert_severity_name(event->severity));
	json_put_boolean(json, "update", event->revision != 0);
	put_text(json, "message", event->message);
}

static void put_event(struct json *json, const struct feed_event *event)
{
	char id[17];

	put_time(json, "time", event->time_ns);
	if (event->kind == FEED_ALERT) {
		put_alert(json, event);
	} else {
		snprintf(id, sizeof(id), "%016" PRIx64, event->id);
		json_put_string(json, "flow", id);
	}
	put_who(json, event);
	put_where(json, event);
	if (event->kind == FEED_FLOW || event->kind == FEED_NAME)
		json_put_string(json, "verdict", verdict_name(event->verdict));
	if (event->kind == FEED_FLOW || event->kind == FEED_NAME || event->kind == FEED_ALERT)
		json_put_string(json, "method", attribution_method_name(event->method));
	if (event->kind == FEED_FLOW || event->kind == FEED_NAME)
		return;
	json_put_unsigned(json, "bytes_out", event->bytes_out);
	json_put_unsigned(json, "bytes_in", event->bytes_in);
	json_put_string(json, "outcome", outcome_name(event->outcome));
}

size_t feed_event_json(const struct feed_event *event, char *text, size_t size)
{
	static const char *const types[] = {
		[FEED_FLOW] = "flow",     [FEED_NAME] = "name",   [FEED_BYTES] = "bytes",
		[FEED_CLOSED] = "closed", [FEED_ALERT] = "alert", [FEED_STATE] = "state"};
	struct json json;
	int64_t length;

	json_begin(&json, text, size);
	json_object_open(&json, NULL);
	json_put_string(&json, "type", types[event->kind]);
	if (event->kind == FEED_STATE)
		put_state(&json, &event->state);
	else
		put_event(&json, event);
	json_object_close(&json);
	length = json_end(&json);
	return length < 0 ? 0 : (size_t)length;
}
