/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "metrics/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum type { COUNTER, GAUGE, TIME_NS };

/*
 * A family, and the states that are its samples: one of them, or all whose name begins with
 * `prefix`, the rest of it being the label's value.
 */
struct family {
	const char *name;
	const char *help;
	const char *state; /* or prefix, where label is set */
	const char *label;
	enum type type;
};

static const struct family families[] = {
	{"firstseen_records_total", "Records read from the kernel.", "records", NULL, COUNTER},
	{"firstseen_records_emitted_total", "Records that the kernel side wrote, by kind.", "emitted_",
	 "kind", COUNTER},
	{"firstseen_records_lost_total", "Records that found no room in the ring, by kind.", "lost_", "kind",
	 COUNTER},
	{"firstseen_storage_failures_total", "Sockets that the kernel side could not remember.",
	 "storage_failed", NULL, COUNTER},
	{"firstseen_flow_map_failures_total", "UDP flows that the kernel side could not remember.",
	 "flow_map_failed", NULL, COUNTER},
	{"firstseen_batch_full_total", "Accesses and alerts that found no room before the writer took them.",
	 "batch_full", NULL, COUNTER},
	{"firstseen_queue_rows", "Rows that waited in memory when the writer took them last.", "queue", NULL,
	 GAUGE},
	{"firstseen_bad_records_total", "Records that were not sound.", "bad_records", NULL, COUNTER},
	{"firstseen_flows_total", "Outbound flows opened.", "flows", NULL, COUNTER},
	{"firstseen_flows_open", "Flows that are open.", "flows_open", NULL, GAUGE},
	{"firstseen_flows_evicted_total", "Flows forgotten before they closed.", "flows_evicted", NULL,
	 COUNTER},
	{"firstseen_flows_named_total", "External flows, by how their name was learned.", "method_", "method",
	 COUNTER},
	{"firstseen_verdicts_total", "Flows, by what became of them.", "verdict_", "verdict", COUNTER},
	{"firstseen_flows_deferred_total", "Flows that waited for a TLS hello.", "deferred", NULL, COUNTER},
	{"firstseen_flows_deferred_late_total", "Flows whose TLS hello did not come in time.",
	 "deferred_late", NULL, COUNTER},
	{"firstseen_alerts_total", "Alerts raised.", "alerts", NULL, COUNTER},
	{"firstseen_alert_updates_total", "Updates of alerts.", "alert_updates", NULL, COUNTER},
	{"firstseen_alert_updates_missed_total", "Alerts without an update: too many open, or no memory.",
	 "updates_missed", NULL, COUNTER},
	{"firstseen_memory_failures_total", "Processes and waiting flows that there was no memory for.",
	 "memory_failures", NULL, COUNTER},
	{"firstseen_threats_total", "Flows to names that are on a list.", "threats", NULL, COUNTER},
	{"firstseen_threat_entries", "Domains on the lists that are loaded.", "threat_entries", NULL, GAUGE},
	{"firstseen_threat_lines_bad", "Lines of the lists that are no domains.", "threat_lines_bad", NULL,
	 GAUGE},
	{"firstseen_threat_lists_unread", "1: a threat list could not be read the last time.",
	 "threat_lists_unread", NULL, GAUGE},
	{"firstseen_crawlers", "Applications that are crawlers.", "crawlers", NULL, GAUGE},
	{"firstseen_history_queries_total", "Questions to the history by the core.", "history_queries", NULL,
	 COUNTER},
	{"firstseen_history_failures_total", "Questions to the history that failed.", "history_failures",
	 NULL, COUNTER},
	{"firstseen_dns_messages_total", "DNS messages seen.", "dns_messages", NULL, COUNTER},
	{"firstseen_dns_damaged_total", "DNS messages that could be read in part only.", "dns_damaged", NULL,
	 COUNTER},
	{"firstseen_dns_truncated_total", "DNS answers with the TC bit.", "dns_truncated", NULL, COUNTER},
	{"firstseen_dns_cut_total", "DNS messages longer than what was captured.", "dns_cut", NULL, COUNTER},
	{"firstseen_dns_questions_total", "DNS questions asked by this host.", "dns_questions", NULL,
	 COUNTER},
	{"firstseen_dns_answers_total", "DNS answers that were asked for.", "dns_answers", NULL, COUNTER},
	{"firstseen_dns_answers_unasked_total", "DNS answers that nobody asked for.", "dns_answers_unasked",
	 NULL, COUNTER},
	{"firstseen_dns_answers_empty_total", "DNS answers without an address.", "dns_answers_empty", NULL,
	 COUNTER},
	{"firstseen_dns_sinkhole_addresses_total", "Loopback and unspecified addresses in answers.",
	 "dns_sinkhole_addresses", NULL, COUNTER},
	{"firstseen_dns_streams_evicted_total", "DNS connections over TCP forgotten for want of room.",
	 "streams_evicted", NULL, COUNTER},
	{"firstseen_dns_streams_gapped_total", "DNS connections over TCP with a segment missing.",
	 "streams_gapped", NULL, COUNTER},
	{"firstseen_bindings", "Names kept for addresses.", "bindings", NULL, GAUGE},
	{"firstseen_bindings_evicted_total", "Names forgotten for want of room.", "bindings_evicted", NULL,
	 COUNTER},
	{"firstseen_questions_evicted_total", "DNS questions forgotten for want of room.",
	 "questions_evicted", NULL, COUNTER},
	{"firstseen_enrich_questions_total", "Questions asked of the DNS for alerts.", "enrich_asked", NULL,
	 COUNTER},
	{"firstseen_enrich_answers_total", "Of them, those that were answered.", "enrich_answered", NULL,
	 COUNTER},
	{"firstseen_enrich_failures_total", "Of them, those that no server answered, or with a failure.",
	 "enrich_failed", NULL, COUNTER},
	{"firstseen_enrich_dropped_total",
	 "Questions for alerts that were not asked: too many, or no server.", "enrich_dropped", NULL,
	 COUNTER},
	{"firstseen_enrich_cached", "Addresses of which it is known what the DNS says.", "enrich_cached",
	 NULL, GAUGE},
	{"firstseen_start_time_seconds", "When the daemon began to watch.", "started", NULL, TIME_NS},
	{"firstseen_heartbeat_timestamp_seconds", "The daemon's last sign of life.", "heartbeat", NULL,
	 TIME_NS},
	{"firstseen_learning_until_timestamp_seconds", "Nothing new is alerted before.", "learning_until",
	 NULL, TIME_NS},
	{"firstseen_owners_unknown_total", "Flows whose process is not known.", "owner_unknown", NULL,
	 COUNTER},
	{"firstseen_alerts_unwritten_total", "Alerts that the history does not have.", "alerts_unwritten",
	 NULL, COUNTER},
	{"firstseen_ring_bytes", "Size of the ring between kernel and daemon.", "ring_bytes", NULL, GAUGE},
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

struct writing {
	char *text;
	size_t size, length;
	bool overflow;
};

__attribute__((format(printf, 2, 3))) static void put(struct writing *writing, const char *format, ...)
{
	size_t room = writing->size - writing->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(writing->text + writing->length, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		writing->overflow = true;
	else
		writing->length += (size_t)length;
}

static void put_head(struct writing *writing, const char *name, const char *help, enum type type)
{
	put(writing, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type == COUNTER ? "counter" : "gauge");
}

static bool belongs(const struct family *family, const char *name)
{
	if (!family->label)
		return strcmp(name, family->state) == 0;
	return strncmp(name, family->state, strlen(family->state)) == 0;
}

/* Names of states are letters and underscores of our own: nothing in a label needs an escape. */
static void put_sample(struct writing *writing, const struct family *family, const struct metric *metric)
{
	if (family->type == TIME_NS)
		put(writing, "%s %" PRIu64 ".%03" PRIu64 "\n", family->name, metric->value / NS_PER_SECOND,
		    metric->value % NS_PER_SECOND / NS_PER_MS);
	else if (family->label)
		put(writing, "%s{%s=\"%s\"} %" PRIu64 "\n", family->name, family->label,
		    metric->name + strlen(family->state), metric->value);
	else
		put(writing, "%s %" PRIu64 "\n", family->name, metric->value);
}

static void put_gauge(struct writing *writing, const char *name, const char *help, double value)
{
	put_head(writing, name, help, GAUGE);
	put(writing, "%s %.17g\n", name, value);
}

static void put_history(struct writing *writing, const struct metrics_history *history)
{
	put_gauge(writing, "firstseen_history_bytes", "Size of the history's file.",
		  (double)history->file_bytes);
	put_gauge(writing, "firstseen_history_domains", "Domains in the history.", (double)history->domains);
	put_gauge(writing, "firstseen_history_addresses", "Unnamed addresses in the history.",
		  (double)history->addresses);
	put_gauge(writing, "firstseen_history_hostnames", "Hostnames in the history.",
		  (double)history->hostnames);
	put_gauge(writing, "firstseen_history_applications", "Applications in the history.",
		  (double)history->applications);
	put_gauge(writing, "firstseen_history_alerts", "Alerts in the history.", (double)history->alerts);
	put_gauge(writing, "firstseen_alerts_open", "Alerts that nobody acknowledged.",
		  (double)history->alerts_open);
	put_gauge(writing, "firstseen_alerts_waiting", "Lines that wait to be sent.",
		  (double)history->outbox);
	if (history->coverage >= 0)
		put_gauge(writing, "firstseen_coverage_ratio",
			  "Share of the window in which nothing was missed.", history->coverage);
	if (history->last_alert_ns)
		put_gauge(writing, "firstseen_last_alert_timestamp_seconds",
			  "When the last alert was raised.",
			  (double)(history->last_alert_ns / NS_PER_MS) / 1000);
}

int64_t metrics_format(const struct metric *metrics, size_t count, const struct metrics_history *history,
		       const char *version, char *text, size_t size)
{
	struct writing writing = {.text = text, .size = size};

	put_head(&writing, "firstseen_build_info", "The version of the daemon.", GAUGE);
	put(&writing, "firstseen_build_info{version=\"%.32s\"} 1\n", version);
	for (size_t i = 0; i < FAMILIES; i++) {
		bool headed = false;

		for (size_t j = 0; j < count; j++) {
			if (!belongs(&families[i], metrics[j].name))
				continue;
			if (!headed)
				put_head(&writing, families[i].name, families[i].help, families[i].type);
			headed = true;
			put_sample(&writing, &families[i], &metrics[j]);
		}
	}
	put_history(&writing, history);
	put(&writing, "# EOF\n");
	return writing.overflow ? -ENOSPC : (int64_t)writing.length;
}

int metrics_knows(const char *name)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (belongs(&families[i], name))
			return 1;
	return 0;
}

/* --- the file ----------------------------------------------------------------------- */

static int write_whole(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return fsync(fd) ? -errno : 0;
}

/* The collector reads *.prom alone, so the temporary file, which ends otherwise, is never read. */
int metrics_write(const char *path, const char *text, size_t length, struct failure *failure)
{
	char temporary[PATH_MAX];
	int fd, error;

	if (snprintf(temporary, sizeof(temporary), "%s.tmp", path) >= (int)sizeof(temporary))
		return failure_set(failure, -ENAMETOOLONG, "the metrics file's path is too long");
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	error = fd < 0 ? -errno : write_whole(fd, text, length);
	if (fd >= 0 && close(fd) && !error)
		error = -errno;
	if (!error && rename(temporary, path))
		error = -errno;
	if (error && fd >= 0)
		unlink(temporary);
	return error ? failure_set(failure, error, "can not write the metrics file %.300s: %s", path,
				   strerror(-error))
		     : 0;
}
