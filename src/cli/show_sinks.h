/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show_sinks.h - what waits for each sink, for `status`. */
#ifndef CLI_SHOW_SINKS_H
#define CLI_SHOW_SINKS_H

#include "base/json.h"
#include "config/config.h"
#include "history/history.h"

struct sink_states {
	size_t count;
	struct sink_state {
		char name[256]; /* a long path is cut */
		char why[160];
		uint64_t waiting, dropped, refused;
		int64_t down_since_ns;
	} items[CONFIG_SINKS_MAX];
};

int read_sinks(struct history *history, struct sink_states *states, struct failure *failure);

void print_sinks_table(const struct sink_states *states, int64_t now_ns);
void print_sinks_tsv(const struct sink_states *states); /* "sink.NAME.waiting<TAB>0", ... */
void print_sinks_json(const struct sink_states *states, struct json *json); /* an array "sinks" */

#endif
