/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/metering.h"

#include "base/log.h"
#include "base/text.h"
#include "metrics/metrics.h"

#define METRICS_SECONDS 15

/* What the history holds is asked from it; a failure is told once. */
void metering_write(struct metering *metering, const struct config *config, struct history *history,
		    const struct writer_states *states, bool last)
{
	struct metric metrics[WRITER_STATES_MAX + 4];
	struct metrics_history known = {.coverage = -1};
	struct history_summary summary;
	struct failure failure = {{0}};
	char text[METRICS_TEXT_MAX];
	int64_t length, window = config->window_seconds * NS_PER_SECOND;
	int error;

	if (!config->metrics_path[0] ||
	    (!last && states->now_ns - metering->last_ns < METRICS_SECONDS * NS_PER_SECOND &&
	     states->now_ns >= metering->last_ns))
		return;
	metering->last_ns = states->now_ns;
	for (size_t i = 0; i < states->count; i++)
		metrics[i] = (struct metric){states->items[i].name, states->items[i].value};
	metrics[states->count] = (struct metric){"heartbeat", (uint64_t)states->now_ns};
	metrics[states->count + 1] = (struct metric){"started", (uint64_t)metering->started_ns};
	metrics[states->count + 2] = (struct metric){"ring_bytes", config->ring_bytes};
	metrics[states->count + 3] = (struct metric){"alerts_unwritten", metering->unwritten};
	error = history_summary(history, &summary, &failure);
	if (!error)
		error = history_coverage(history, states->now_ns - window, states->now_ns, &known.coverage,
					 &failure);
	if (!error) {
		known.file_bytes = (uint64_t)summary.file_bytes;
		known.domains = summary.domains;
		known.addresses = summary.addresses;
		known.hostnames = summary.hostnames;
		known.applications = summary.applications;
		known.alerts = summary.alerts;
		known.alerts_open = summary.alerts_open;
		known.outbox = summary.outbox;
		known.last_alert_ns = summary.last_alert_ns;
		length = metrics_format(metrics, states->count + 4, &known, FIRSTSEEN_VERSION, text,
					sizeof(text));
		error = length < 0 ? failure_set(&failure, (int)length, "the metrics do not fit")
				   : metrics_write(config->metrics_path, text, (size_t)length, &failure);
	}
	if (error && !metering->failing)
		log_warning("%s", failure.text);
	metering->failing = error != 0;
}
