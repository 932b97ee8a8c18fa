/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pipeline.h - the way of every event: record, observation, name, domain,
 * history, decision, alert. Pure: the clock comes with the records, the history
 * is asked through a callback. One thread at a time.
 */
#ifndef CORE_PIPELINE_H
#define CORE_PIPELINE_H

#include "core/alert.h"
#include "core/allow.h"
#include "core/clock_steps.h"
#include "core/crawlers.h"
#include "core/correlate.h"
#include "core/network.h"
#include "core/observe.h"
#include "domain/domain.h"

enum scope { SCOPE_HOST, SCOPE_APPLICATION, SCOPE_BOTH };
enum unnamed { UNNAMED_ALERT, UNNAMED_RECORD, UNNAMED_IGNORE };

struct pipeline_settings {
	int64_t window_seconds;
	int64_t learning_seconds;
	int64_t learning_since_ns; /* when the history began; 0: with the first record */
	enum scope scope;
	enum unnamed unnamed;
	bool sni;           /* wait for a ClientHello where the name is unknown or ambiguous */
	uint64_t hash_seed; /* secret: keys the tables that remote data fills */
	uint64_t uid_seed;  /* makes alert uids unique between runs; replays give 0 and get the same again */
	const struct domain_rules *rules;     /* borrowed, must outlive the pipeline */
	const struct network_scope *networks; /* likewise */
	struct crawler_rule crawlers;
	struct correlate_limits correlate;
	uint32_t dns_port_count;
	uint16_t dns_ports[8];
	size_t flow_limit;    /* flows remembered until they close; 0: 65536 */
	size_t process_limit; /* 0: 16384 */
	size_t known_limit;   /* domains remembered as known, sparing the history; 0: 65536 */
};

enum verdict {
	VERDICT_INTERNAL,    /* address or name is inside: counted, not kept */
	VERDICT_IGNORED,     /* a setting says so, or it is our own: counted, not kept */
	VERDICT_RESOLVER,    /* an unnamed address that is asked DNS questions: counted, not kept */
	VERDICT_KNOWN,       /* kept in the history */
	VERDICT_LEARNING,    /* new, kept in the history, not alerted */
	VERDICT_PREEXISTING, /* older than the daemon: kept in the history, not alerted */
	VERDICT_ALLOWED, /* would alert, but a rule or an acknowledged alert says no: kept in the history */
	VERDICT_CRAWLER, /* would alert, but its application finds too many: kept, and in a digest */
	VERDICT_NEW,     /* kept and alerted */
	VERDICTS,
};

/* A decided outbound flow, for those who list flows. Lives until the callback returns. */
struct flow_report {
	uint64_t id;     /* of this flow, for as long as it is open */
	bool again;      /* it was told before, and its ClientHello has another name */
	int64_t time_ns; /* when it opened */
	struct address local;
	struct address remote;
	uint16_t local_port;
	uint16_t remote_port;
	uint8_t protocol;
	enum verdict verdict;
	const char *domain; /* "": none */
	const struct attribution *attribution;
	const struct process *process; /* NULL: not known */
	struct fs_owner owner;
};

/* What became of a flow that was told, for those who look on. Lives until the callback returns. */
struct flow_progress {
	uint64_t id;
	int64_t time_ns;
	struct address remote;
	uint16_t remote_port;
	uint8_t protocol;
	struct fs_owner owner;
	uint64_t bytes_out; /* since it opened */
	uint64_t bytes_in;
	enum fs_outcome outcome;
	bool closed;
	const char *domain, *hostname, *application; /* "" where the history does not keep the flow */
};

/* Which flows `flow` and `progress` are called for. */
enum flows_told { FLOWS_NONE, FLOWS_EXTERNAL, FLOWS_ALL };

/* The edges. `context` is handed to each. access and alert may be NULL. */
struct pipeline_edges {
	void *context;
	/* Fills *out with what the history knows. 0, or -errno: then the domain counts as never seen. */
	int (*seen)(void *context, enum subject_kind kind, const char *domain, const char *application,
		    struct seen *out);
	void (*access)(void *context, const struct access *access);
	void (*alert)(void *context, const struct alert *alert);
	/* May be NULL; else all flows are told until pipeline_tell_flows. */
	void (*flow)(void *context, const struct flow_report *flow);
	/* Bytes and the end of a flow that was told. May be NULL. */
	void (*progress)(void *context, const struct flow_progress *progress);
	/* Whether a name or a parent of it is on a list of threats; then *out is filled. May be NULL. */
	bool (*threat)(void *context, const char *hostname, struct threat_match *out);
	/* Whether a socket is the daemon's own: its flows are counted only, its questions name nothing. May
	 * be NULL. */
	bool (*own)(void *context, uint64_t cookie);
};

struct pipeline_counts {
	uint64_t flows; /* outbound flows opened */
	uint64_t verdicts[VERDICTS];
	uint64_t methods[4]; /* by enum attribution_method, external flows */
	uint64_t alerts;
	uint64_t alert_updates;
	uint64_t updates_missed;  /* alerts whose flow's end is not told: too many are open, or no memory */
	uint64_t memory_failures; /* processes and waiting flows that there was no memory for */
	uint64_t flows_evicted;   /* forgotten before they closed */
	uint64_t deferred;        /* waited for a ClientHello */
	uint64_t deferred_late;   /* it did not come in time */
	uint64_t history_queries;
	uint64_t history_failures;
	uint64_t flows_open; /* now */
	uint64_t threats;    /* flows to names on a list, told or not */
	uint64_t crawlers;   /* applications that are crawlers, now */
};

struct pipeline; /* opaque */

/* On success *out is the caller's, to be freed. 0 or -ENOMEM. */
int pipeline_new(const struct pipeline_settings *settings, const struct pipeline_edges *edges,
		 struct pipeline **out);
void pipeline_free(struct pipeline *pipeline);

/* One record, any bytes. Returns 0, or -EBADMSG for a record that is not sound (counted, nothing else
 * happens). */
int pipeline_feed(struct pipeline *pipeline, const void *record, size_t size, int64_t clock_offset_ns);

/* Time passes: decides what waited too long. Call at least every 100 ms, and before reading results. */
void pipeline_tick(struct pipeline *pipeline, int64_t now_ns);

/* Decides all that still waits, before an end. */
void pipeline_finish(struct pipeline *pipeline, int64_t now_ns);

/* New settings from a reread configuration; flows, bindings and processes stay. */
void pipeline_configure(struct pipeline *pipeline, const struct pipeline_settings *settings);

/* Which flows are told from now on: those that open while they are. */
void pipeline_tell_flows(struct pipeline *pipeline, enum flows_told told);

/* The baseline's figures, put into alerts from now on. */
void pipeline_baseline(struct pipeline *pipeline, int64_t since_ns, double coverage);

/*
 * The operator's rules from now on. The set is borrowed until the next call; NULL: none.
 * Returns the one before.
 */
struct allow_set *pipeline_allow(struct pipeline *pipeline, struct allow_set *set);

/* The lists behind edges.threat have changed: nothing that was found in them holds any more. */
void pipeline_threats_changed(struct pipeline *pipeline);

/* A threat that an earlier run told, by its list's entry: it is told again for this application after a day.
 */
void pipeline_threat_told(struct pipeline *pipeline, const char *entry, const char *application,
			  int64_t time_ns);

/* A new domain that an earlier run alerted: it counts for the rule of crawlers. By time. */
void pipeline_crawler_seed(struct pipeline *pipeline, const char *application, int64_t time_ns);

/* What is kept of crawlers over a restart; see crawlers.h. */
int pipeline_crawler_restore(struct pipeline *pipeline, const struct crawler_state *state);
void pipeline_crawlers_changed(struct pipeline *pipeline,
			       int (*callback)(void *context, const struct crawler_state *state),
			       void *context);

/* Tells the open digests now: no later moment will come. */
void pipeline_tell_digests(struct pipeline *pipeline, int64_t now_ns);

/* The clock was set: what lies between did not happen. The steps of an earlier run are taken over whole. */
void pipeline_clock_step(struct pipeline *pipeline, int64_t from_ns, int64_t to_ns);
void pipeline_clock_steps(struct pipeline *pipeline, const struct clock_steps *steps);
const struct clock_steps *pipeline_clock(const struct pipeline *pipeline);

/* An alert for the operator that is about no flow: ALERT_LEARNING_COMPLETE, ALERT_COVERAGE_GAP, ... */
void pipeline_notice(struct pipeline *pipeline, enum alert_kind kind, enum alert_severity severity,
		     int64_t time_ns, const char *message);

/* Binds a name kept from an earlier run (see correlate_bind). */
int pipeline_bind(struct pipeline *pipeline, const struct address *address, const char *hostname,
		  const char *chain, const struct actor *asker, int64_t learned_ns, int64_t expires_ns);

/* The bindings learned after `since_ns`, to be kept over a restart (see correlate_each). */
void pipeline_bindings(struct pipeline *pipeline, int64_t since_ns, correlate_callback *callback,
		       void *context);

const struct pipeline_counts *pipeline_counts(struct pipeline *pipeline);
const struct observer_counts *pipeline_observer_counts(struct pipeline *pipeline);
const struct correlate_counts *pipeline_correlate_counts(struct pipeline *pipeline);

const char *verdict_name(enum verdict verdict);

#endif
