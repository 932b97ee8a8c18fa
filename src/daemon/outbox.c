/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sink/sink.h"

#define SENT_MOST 512 /* lines to one sink in one go, so that the writer comes back to its queue */

struct outlet {
	struct sink *sink;
	int64_t sent; /* the last id it took */
	bool down;    /* told to the operator already */
};

struct outbox {
	uint32_t count;
	struct outlet outlets[CONFIG_SINKS_MAX];
	int64_t settled; /* up to here the history holds nothing any more */
};

int outbox_open(const struct config *config, struct outbox **out, struct failure *failure)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	int error;

	if (!outbox)
		return failure_set(failure, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < config->sink_count; i++) {
		error = sink_open(&config->sinks[i], &outbox->outlets[i].sink, failure);
		if (error) {
			outbox_close(outbox);
			return error;
		}
		outbox->count++;
	}
	*out = outbox;
	return 0;
}

void outbox_close(struct outbox *outbox)
{
	if (!outbox)
		return;
	for (uint32_t i = 0; i < outbox->count; i++)
		sink_close(outbox->outlets[i].sink);
	free(outbox);
}

size_t outbox_line_max(const struct outbox *outbox)
{
	size_t most = RENDER_MAX;

	for (uint32_t i = 0; i < outbox->count; i++)
		if (sink_line_max(outbox->outlets[i].sink) < most)
			most = sink_line_max(outbox->outlets[i].sink);
	return most;
}

static void tell_state(struct outlet *outlet, bool down, const char *why)
{
	if (down && !outlet->down)
		log_warning("alerts wait: %s: %s; they stay in the history until it takes them",
			    sink_name(outlet->sink), why);
	else if (!down && outlet->down)
		log_info("%s takes alerts again", sink_name(outlet->sink));
	outlet->down = down;
}

static void send_to(struct outlet *outlet, struct history *history)
{
	struct failure failure = {{0}};
	char line[RENDER_MAX];
	int64_t id;

	for (int i = 0; i < SENT_MOST; i++) {
		int found = history_outbox_next(history, outlet->sent, &id, line, sizeof(line), &failure);

		if (found < 0)
			log_error("%s", failure.text);
		if (found <= 0)
			return;
		if (sink_write(outlet->sink, line, strlen(line), &failure)) {
			tell_state(outlet, true, failure.text);
			return;
		}
		tell_state(outlet, false, "");
		outlet->sent = id;
	}
}

void outbox_send(struct outbox *outbox, struct history *history)
{
	for (uint32_t i = 0; i < outbox->count; i++)
		send_to(&outbox->outlets[i], history);
}

static int64_t sent_by_all(const struct outbox *outbox)
{
	int64_t least = outbox->count ? INT64_MAX : 0;

	for (uint32_t i = 0; i < outbox->count; i++)
		if (outbox->outlets[i].sent < least)
			least = outbox->outlets[i].sent;
	return least;
}

bool outbox_has_settled(const struct outbox *outbox)
{
	return sent_by_all(outbox) <= outbox->settled;
}

int outbox_settle(struct outbox *outbox, struct history *history, struct failure *failure)
{
	int64_t upto = sent_by_all(outbox), id = 0;
	char line[RENDER_MAX];
	int found = 0;

	while (!outbox_has_settled(outbox)) {
		found = history_outbox_next(history, id, &id, line, sizeof(line), failure);
		if (found <= 0 || id > upto)
			break;
		found = history_outbox_done(history, id, failure);
		if (found < 0)
			break;
	}
	if (found < 0)
		return found;
	outbox->settled = upto;
	return 0;
}

void outbox_reopen(struct outbox *outbox)
{
	struct failure failure = {{0}};

	for (uint32_t i = 0; i < outbox->count; i++)
		if (sink_reopen(outbox->outlets[i].sink, &failure))
			tell_state(&outbox->outlets[i], true, failure.text);
}

void outbox_restart(struct outbox *outbox)
{
	for (uint32_t i = 0; i < outbox->count; i++)
		outbox->outlets[i].sent = 0;
	outbox->settled = 0;
}
