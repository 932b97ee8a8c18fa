/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/show_sinks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/output.h"

static int keep_sink(void *context, const struct sink_row *row)
{
	struct sink_states *states = context;
	struct sink_state *state = &states->items[states->count];

	if (states->count == CONFIG_SINKS_MAX)
		return 0;
	text_copy(state->name, sizeof(state->name), row->name);
	text_copy(state->why, sizeof(state->why), row->why);
	state->waiting = row->waiting;
	state->dropped = row->dropped;
	state->refused = row->refused;
	state->down_since_ns = row->down_since_ns;
	states->count++;
	return 0;
}

int read_sinks(struct history *history, struct sink_states *states, struct failure *failure)
{
	states->count = 0;
	return history_sinks(history, keep_sink, states, failure);
}

static void print_one(const struct sink_state *state, int64_t now_ns)
{
	char *name = output_escape_name(state->name), *why = output_escape(state->why);
	char *since = output_value(COLUMN_TIME, (union cell){.time_ns = state->down_since_ns}, now_ns);

	printf("%-12s %s: %" PRIu64 " waiting", "sink", name ? name : "?", state->waiting);
	if (state->dropped)
		printf(", %" PRIu64 " dropped", state->dropped);
	if (state->refused)
		printf(", %" PRIu64 " refused", state->refused);
	if (state->down_since_ns)
		printf("; takes none since %s: %s", since ? since : "?", why ? why : "?");
	putchar('\n');
	free(name);
	free(why);
	free(since);
}

void print_sinks_table(const struct sink_states *states, int64_t now_ns)
{
	for (size_t i = 0; i < states->count; i++)
		print_one(&states->items[i], now_ns);
}

void print_sinks_tsv(const struct sink_states *states)
{
	for (size_t i = 0; i < states->count; i++) {
		const struct sink_state *state = &states->items[i];
		char *name = output_escape_name(state->name);

		printf("sink.%s.waiting\t%" PRIu64 "\n", name ? name : "?", state->waiting);
		printf("sink.%s.dropped\t%" PRIu64 "\n", name ? name : "?", state->dropped);
		printf("sink.%s.refused\t%" PRIu64 "\n", name ? name : "?", state->refused);
		free(name);
	}
}

void print_sinks_json(const struct sink_states *states, struct json *json)
{
	char time[TEXT_TIME_MAX];

	json_array_open(json, "sinks");
	for (size_t i = 0; i < states->count; i++) {
		const struct sink_state *state = &states->items[i];

		json_object_open(json, NULL);
		json_put_string(json, "name", state->name);
		json_put_unsigned(json, "waiting", state->waiting);
		json_put_unsigned(json, "dropped", state->dropped);
		json_put_unsigned(json, "refused", state->refused);
		if (state->down_since_ns) {
			json_put_string(json, "down_since", text_format_time(state->down_since_ns, time));
			json_put_string(json, "why", state->why);
		} else {
			json_put_null(json, "down_since");
			json_put_null(json, "why");
		}
		json_object_close(json);
	}
	json_array_close(json);
}
