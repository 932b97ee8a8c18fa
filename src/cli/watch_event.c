/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/watch_event.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "base/text.h"
#include "cli/output.h"

static const char *const types[] = {
	[WATCH_FLOW] = "flow",           [WATCH_NAME] = "name",    [WATCH_BYTES] = "bytes",
	[WATCH_CLOSED] = "closed",       [WATCH_ALERT] = "alert",  [WATCH_STATE] = "state",
	[WATCH_NOT_SHOWN] = "not_shown", [WATCH_NOTICE] = "notice"};

/* --- reading ------------------------------------------------------------------------- */

struct text_field {
	const char *key;
	size_t offset, size;
};
#define FIELD(name)                                                                                          \
	{                                                                                                    \
#name, offsetof(struct watch_event, name), sizeof(((struct watch_event *)0)->name)           \
	}
static const struct text_field texts[] = {
	FIELD(flow),    FIELD(comm),   FIELD(application), FIELD(hostname), FIELD(domain),
	FIELD(address), FIELD(method), FIELD(verdict),     FIELD(protocol), FIELD(outcome),
	FIELD(uid),     FIELD(kind),   FIELD(severity),    FIELD(message),
};
static const struct text_field numbers[] = {
	FIELD(pid),   FIELD(port),   FIELD(bytes_out), FIELD(bytes_in),
	FIELD(flows), FIELD(alerts), FIELD(lost),      FIELD(count),
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_text(char *target, size_t size, const char *value)
{
	char *escaped = output_escape_name(value);

	text_copy(target, size, escaped ? escaped : "?");
	free(escaped);
}

static enum watch_type type_of(const char *name)
{
	for (size_t i = 0; i < WATCH_NOTICE; i++)
		if (strcmp(types[i], name) == 0)
			return (enum watch_type)i;
	return WATCH_OTHER;
}

static void take_text(struct watch_event *event, const char *key, const char *value)
{
	if (strcmp(key, "type") == 0)
		event->type = type_of(value);
	else if (strcmp(key, "time") == 0)
		(void)text_parse_time(value, 0, &event->time_ns);
	else if (strcmp(key, "since") == 0)
		(void)text_parse_time(value, 0, &event->since_ns);
	for (size_t i = 0; i < COUNT(texts); i++)
		if (strcmp(texts[i].key, key) == 0)
			put_text((char *)event + texts[i].offset, texts[i].size, value);
}

static void take_number(struct watch_event *event, const char *key, const char *value)
{
	uint64_t number = strtoull(value, NULL, 10);

	if (strcmp(key, "user_id") == 0)
		event->user_id = (int64_t)(number & UINT32_MAX);
	for (size_t i = 0; i < COUNT(numbers); i++)
		if (strcmp(numbers[i].key, key) == 0)
			memcpy((char *)event + numbers[i].offset, &number, sizeof(number));
}

static int take(void *context, const char *key, const struct json_value *value)
{
	struct watch_event *event = context;

	if (value->kind == JSON_STRING)
		take_text(event, key, value->text);
	else if (value->kind == JSON_NUMBER)
		take_number(event, key, value->text);
	else if (strcmp(key, "update") == 0)
		event->update = value->kind == JSON_TRUE;
	return 0;
}

int watch_event_read(char *text, size_t length, struct watch_event *event)
{
	*event = (struct watch_event){.type = WATCH_OTHER, .user_id = -1};
	return json_read_object(text, length, take, event);
}

/* --- what it is about ------------------------------------------------------------------ */

const char *watch_event_program(const struct watch_event *event)
{
	if (event->application[0])
		return event->application;
	return event->comm[0] ? event->comm : "?";
}

const char *watch_event_target(const struct watch_event *event)
{
	if (event->hostname[0])
		return event->hostname;
	if (event->domain[0])
		return event->domain;
	return event->address[0] ? event->address : "?";
}

static bool has_word(const struct watch_event *event, const char *word)
{
	const char *const all[] = {event->application, event->comm,    event->user,     event->hostname,
				   event->domain,      event->address, event->method,   event->verdict,
				   event->kind,        event->uid,     event->severity, event->message,
				   event->outcome,     event->protocol};
	char number[24];

	for (size_t i = 0; i < COUNT(all); i++)
		if (strcasestr(all[i], word))
			return true;
	snprintf(number, sizeof(number), "%" PRIu64, event->pid);
	if (event->pid && strcmp(number, word) == 0)
		return true;
	snprintf(number, sizeof(number), "%" PRIu64, event->port);
	return event->port && strcmp(number, word) == 0;
}

bool watch_event_fits(const struct watch_event *event, const char *words)
{
	char word[128];

	if (event->type == WATCH_NOTICE)
		return true;
	for (; *words; words += strcspn(words, " ")) {
		words += strspn(words, " ");
		text_copy_bytes(word, sizeof(word), words, strcspn(words, " "));
		if (word[0] && !has_word(event, word))
			return false;
	}
	return true;
}

bool watch_event_is_new(const struct watch_event *event)
{
	static const char *const verdicts[] = {"new", "learning", "allowed", "crawler"};

	if (event->type == WATCH_NOTICE)
		return true;
	if (event->type == WATCH_ALERT)
		return strncmp(event->kind, "new_", 4) == 0 || strcmp(event->kind, "threat_domain") == 0 ||
		       strcmp(event->kind, "crawler_digest") == 0;
	for (size_t i = 0; i < COUNT(verdicts); i++)
		if (strcmp(event->verdict, verdicts[i]) == 0)
			return true;
	return false;
}

void watch_event_update(struct watch_event *event, const struct watch_event *later)
{
	if (later->type == WATCH_NAME) {
		memcpy(event->hostname, later->hostname, sizeof(event->hostname));
		memcpy(event->domain, later->domain, sizeof(event->domain));
		memcpy(event->method, later->method, sizeof(event->method));
		memcpy(event->verdict, later->verdict, sizeof(event->verdict));
		return;
	}
	event->bytes_out = later->bytes_out;
	event->bytes_in = later->bytes_in;
	memcpy(event->outcome, later->outcome, sizeof(event->outcome));
	if (later->type == WATCH_ALERT) {
		memcpy(event->severity, later->severity, sizeof(event->severity));
		memcpy(event->message, later->message, sizeof(event->message));
	}
}

/* --- lines for a pipe ------------------------------------------------------------------- */

struct line {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
	va_end(arguments);
	if (length > 0)
		line->used += (size_t)length < line->size - line->used ? (size_t)length
								       : line->size - line->used - 1;
}

static void add_time(struct line *line, const struct watch_event *event)
{
	char time[TEXT_TIME_MAX];

	add(line, "%s", event->time_ns ? text_format_time(event->time_ns, time) : "-");
}

static void add_who(struct line *line, const struct watch_event *event)
{
	add(line, "%s", watch_event_program(event));
	if (event->pid)
		add(line, " pid %" PRIu64, event->pid);
	if (event->user[0])
		add(line, " user %s", event->user);
}

static void add_where(struct line *line, const struct watch_event *event)
{
	add(line, "%s", watch_event_target(event));
	if (event->domain[0] && strcmp(event->domain, watch_event_target(event)) != 0)
		add(line, " (%s)", event->domain);
	if (event->address[0])
		add(line, " %s port %" PRIu64 "/%s", event->address, event->port, event->protocol);
}

static void add_bytes(struct line *line, const struct watch_event *event)
{
	add(line, ", %" PRIu64 " bytes out, %" PRIu64 " in, %s", event->bytes_out, event->bytes_in,
	    event->outcome[0] ? event->outcome : "unknown");
}

static void add_alert(struct line *line, const struct watch_event *event)
{
	add(line, " ! ALERT %s %s%s", event->kind, event->severity, event->update ? " (update)" : "");
	if (event->domain[0] || event->address[0]) {
		add(line, ": ");
		add_where(line, event);
	}
	if (event->pid || event->application[0]) {
		add(line, " by ");
		add_who(line, event);
	}
	if (event->message[0])
		add(line, ": %s", event->message);
	if (event->update)
		add_bytes(line, event);
	add(line, " [%s]", event->uid);
}

void watch_event_line(const struct watch_event *event, char *text, size_t size)
{
	struct line line = {.text = text, .size = size};

	add_time(&line, event);
	if (event->type == WATCH_ALERT) {
		add_alert(&line, event);
		return;
	}
	add(&line, "   %-6s ", event->type <= WATCH_NOTICE ? types[event->type] : "?");
	if (event->type == WATCH_NOTICE) {
		add(&line, "%s", event->message);
		return;
	}
	add_who(&line, event);
	add(&line, " -> ");
	add_where(&line, event);
	if (event->type == WATCH_FLOW || event->type == WATCH_NAME)
		add(&line, " by %s: %s", event->method, event->verdict);
	else
		add_bytes(&line, event);
}

void watch_event_tsv(const struct watch_event *event, char *text, size_t size)
{
	struct line line = {.text = text, .size = size};
	bool moved = event->type == WATCH_BYTES || event->type == WATCH_CLOSED || event->type == WATCH_ALERT;

	add_time(&line, event);
	add(&line, "\t%s\t%s\t%s\t", event->type <= WATCH_NOTICE ? types[event->type] : "?", event->flow,
	    event->application[0] ? event->application : event->comm);
	if (event->pid)
		add(&line, "%" PRIu64, event->pid);
	add(&line, "\t%s\t%s\t%s\t%s\t", event->user, event->hostname, event->domain, event->address);
	if (event->address[0])
		add(&line, "%" PRIu64, event->port);
	add(&line, "\t%s\t%s\t%s\t", event->protocol, event->method, event->verdict);
	if (moved)
		add(&line, "%" PRIu64 "\t%" PRIu64, event->bytes_out, event->bytes_in);
	else
		add(&line, "\t");
	add(&line, "\t%s\t%s\t%s\t%s\t%s", event->outcome, event->kind, event->severity, event->message,
	    event->uid);
}
