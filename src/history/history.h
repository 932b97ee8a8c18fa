/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * history.h - the host's memory: an SQLite file of domains, hostnames,
 * applications, accesses, alerts. One connection writes (the daemon's writer
 * thread, or a replay); others read. Times in memory are UNIX ns; in the file,
 * microseconds. A handle belongs to one thread at a time.
 */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "core/alert.h"
#include "core/allow.h"
#include "core/crawlers.h"
#include "history/batch.h"

#define HISTORY_APPLICATION_ID 0x46535430 /* "FST0" in the file's header */

/*
 * So many hostnames and endpoints (address, port, protocol) a domain are kept by
 * themselves; what comes on top is summed up under HISTORY_OTHERS. Names that a tunnel makes
 * up, and the addresses of a large network, can not fill the disk.
 */
#define HISTORY_HOSTNAMES_MOST 1000
#define HISTORY_ENDPOINTS_MOST 1000
#define HISTORY_OTHERS "(others)"

struct history; /* opaque */

enum history_mode {
	HISTORY_WRITE,  /* creates, migrates or recovers the file; a second writer is refused */
	HISTORY_READ,   /* read only; works beside a running daemon and after it has stopped */
	HISTORY_MEMORY, /* no file; `path` is ignored */
};

/*
 * Opens. 0, or -errno with *failure filled: -ENOENT no such file, -EACCES not
 * allowed, -EBUSY another writer, -EPROTO not a history or a newer one, -EUCLEAN damaged.
 * To write, a damaged one is set aside as PATH.corrupt-YYYYMMDD-HHMMSS and what can be read of it
 * becomes the new one (see history_recovery): -EUCLEAN is not given then.
 */
int history_open(const char *path, enum history_mode mode, struct history **out, struct failure *failure);
/*
 * Looks at every page of a file that others may have made: in one whose pages lead to each other
 * again and again, reading has no end. 0, -EUCLEAN where it is damaged, or -errno.
 */
int history_check(struct history *history, struct failure *failure);

void history_close(struct history *history); /* NULL is fine */

/* Any call may find that the file is damaged: -EUCLEAN. Marks it, so that it is recovered when it is opened
 * to write the next time; nothing but closing is left to do. 0 or -errno. */
int history_mark_damaged(struct history *history, const char *why);

#define HISTORY_RECOVERY_MESSAGE_MAX 512

/* A recovery that no alert has told yet. */
struct history_recovery {
	char uid[ALERT_UID_MAX]; /* stays the same until it is told */
	int64_t time_ns;
	bool baseline_lost; /* learning begins anew, with the first run from now on */
	char message[HISTORY_RECOVERY_MESSAGE_MAX];
};

/* 1 and *out filled, 0: none, or -errno. */
int history_recovery(struct history *history, struct history_recovery *out, struct failure *failure);
/* Its alert is written in this transaction. */
int history_recovery_told(struct history *history, struct failure *failure);

/* --- the writer ------------------------------------------------------------ */

/* Rolls back what is left of another one first. */
int history_begin(struct history *history, struct failure *failure);
int history_commit(struct history *history, struct failure *failure);
void history_rollback(struct history *history);

/* Adds all accesses of the batch, within the bounds above. Inside a transaction. */
int history_write_accesses(struct history *history, const struct batch *batch, struct failure *failure);

/* What goes out of an alert beside its line. */
struct outbox_texts {
	const char *short_line; /* for sinks that take less; "": the line is short enough */
	const char *message;    /* one sentence */
};

/*
 * Keeps an alert with its rendered line and, where `queue` is not NULL, puts it into the
 * outbox. A second call with the same uid and a higher revision replaces the line. Inside a transaction.
 */
int history_write_alert(struct history *history, const struct alert *alert, const char *line,
			const struct outbox_texts *queue, struct failure *failure);

/* --- the outbox: what waits to be sent, and how far each sink got ------------ */

/* One revision of an alert. Texts live until the callback returns. */
struct outbox_row {
	int64_t id; /* grows from row to row, and never comes back */
	const char *uid;
	uint32_t revision;
	int severity;
	const char *kind, *domain, *hostname, *application, *message, *short_line, *line;
};
typedef int outbox_row_callback(void *context, const struct outbox_row *row);

/* What waits behind `after_id`, in order, at most `most` rows. A callback's value other than 0 ends the walk
 * and is returned. */
int history_outbox(struct history *history, int64_t after_id, size_t most, outbox_row_callback *callback,
		   void *context, struct failure *failure);

/* How many rows wait with after_id < id <= upto_id, or -errno. */
int64_t history_outbox_count(struct history *history, int64_t after_id, int64_t upto_id,
			     struct failure *failure);

/* The ids of the oldest and the newest row; 0 where nothing waits. */
int history_outbox_ends(struct history *history, int64_t *oldest, int64_t *newest, struct failure *failure);

/* The highest id that this file ever had; 0: none. */
int history_outbox_highest(struct history *history, int64_t *id, struct failure *failure);

/* Removes all rows up to that one. Inside a transaction. */
int history_outbox_trim(struct history *history, int64_t upto_id, struct failure *failure);

struct sink_row {
	const char *name;      /* as in the settings */
	int64_t sent;          /* the last id that it took */
	uint64_t waiting;      /* rows behind it; not kept, counted when it is read */
	uint64_t dropped;      /* that it never got: the oldest ones made room */
	uint64_t refused;      /* that it never gets: no line that can be sent */
	int64_t down_since_ns; /* 0: it takes alerts */
	const char *why;       /* the failure's text while it is down, else "" */
};
typedef int sink_row_callback(void *context, const struct sink_row *row);
int history_sinks(struct history *history, sink_row_callback *callback, void *context,
		  struct failure *failure);
/* Adds or replaces. Inside a transaction, both. */
int history_keep_sink(struct history *history, const struct sink_row *row, struct failure *failure);
int history_forget_sink(struct history *history, const char *name, struct failure *failure);

/* --- the writer goes on ------------------------------------------------------- */

/*
 * Accesses from elsewhere. history_stage once, outside a transaction; then, inside one, the rows, and
 * history_merge_staged. A row that is there already gets the earlier first, the later last and the larger
 * of the counts, so that the same rows a second time change nothing. They bring no addresses and no days.
 */
struct access_row;
struct merge_counts {
	uint64_t fresh, changed, same; /* rows */
};
int history_stage(struct history *history, struct failure *failure);
int history_stage_access(struct history *history, const struct access_row *row, struct failure *failure);
int history_merge_staged(struct history *history, struct merge_counts *counts, struct failure *failure);

/* A file that was imported: its length and digest, and the span of what was used of it. */
struct history_import {
	uint64_t bytes;
	uint64_t hash[2];
	int64_t from_ns, to_ns;
	int64_t when_ns;
};
typedef int history_import_callback(void *context, const struct history_import *import);
/* The shortest file first. */
int history_imports(struct history *history, history_import_callback *callback, void *context,
		    struct failure *failure);
/* Those that end before `forget_ns` are forgotten. Inside a transaction. */
int history_add_import(struct history *history, const struct history_import *import, int64_t forget_ns,
		       struct failure *failure);

/* The spans of time that all imports together hold, the earliest first. */
struct history_span {
	int64_t from_ns, to_ns;
};
#define HISTORY_SPANS_MAX 512
/* Fills at most HISTORY_SPANS_MAX of them. Returns how many, or -errno. */
int64_t history_imported(struct history *history, struct history_span spans[static HISTORY_SPANS_MAX],
			 struct failure *failure);
/* Replaces them. Inside a transaction. */
int history_write_imported(struct history *history, const struct history_span *spans, size_t count,
			   struct failure *failure);

/* The baseline is as old as that, though no run was (see history_summary.since_ns). It adds nothing to
 * history_coverage. Inside a transaction. */
int history_begins_at(struct history *history, int64_t since_ns, struct failure *failure);

/* Named values of the daemon that others read: "pid", "started", "lost_flow_open", ... Inside a transaction.
 */
int history_write_state(struct history *history, const char *name, const char *value,
			struct failure *failure);

/*
 * Keeps the bindings of the batch for after a restart. `boot` tells boots apart: who asked
 * is only known within one. Old ones go. Inside a transaction.
 */
int history_write_bindings(struct history *history, const struct batch *batch, const char *boot,
			   struct failure *failure);

/*
 * The names that addresses were visited by after `since_ns`, as bindings that have expired and that nobody in
 * particular asked for: a program may have resolved its peer long ago. Oldest first, the newest 16,384.
 */
int history_visited(struct history *history, int64_t since_ns, correlate_callback *callback, void *context,
		    struct failure *failure);

/* The kept bindings, oldest first; of another boot without who asked. */
int history_bindings(struct history *history, const char *boot, correlate_callback *callback, void *context,
		     struct failure *failure);

/* A run of watching: opened at start, moved on at every commit, closed at the end. */
int history_run_start(struct history *history, int64_t now_ns, int64_t *run, struct failure *failure);
int history_run_seen(struct history *history, int64_t run, int64_t now_ns, bool ended,
		     struct failure *failure);

/* A span in which something may have been missed. Inside a transaction. */
int history_write_gap(struct history *history, int64_t from_ns, int64_t to_ns, const char *reason,
		      uint64_t lost, struct failure *failure);

/*
 * Moves a log that has grown long into the file, outside of a transaction. Commits leave that to
 * the writer, who has time for it when the alerts are out; else they do it at eight times the length.
 */
int history_checkpoint(struct history *history, struct failure *failure);

/* How long the log beside the file is, in bytes: far more than the usual 4 MiB where somebody reads without
 * coming to an end. */
int64_t history_log_bytes(struct history *history);

/* Removes what is older than `before_ns`, at most `rows` of it. Returns how many went, or -errno. */
int64_t history_prune(struct history *history, int64_t before_ns, size_t rows, struct failure *failure);

/*
 * The list that domains are grouped by. Where it differs from the one kept, every
 * domain is grouped anew by `regroup` (hostname -> domain) in one go. Nothing is lost and nothing alerts.
 */
int history_rekey(struct history *history, const char *identity,
		  void (*regroup)(void *context, const char *hostname, char domain[static DOMAIN_MAX]),
		  void *context, struct failure *failure);

/* --- what the operator judged (review.c) ------------------------------------ */

/*
 * Marks an alert as reviewed; its domain is not alerted again for the host, or for the application where
 * the alert was about that. Inside a transaction. 1: done, with *ack filled (domain "": the alert is about
 * none); 0: no such alert; -ENOTUNIQ or another -errno. `uid` may be its first 8 or more characters.
 */
int history_acknowledge(struct history *history, const char *uid, int64_t now_ns, const char *author,
			const char *note, struct ack *ack, struct failure *failure);

typedef int ack_callback(void *context, const struct ack *ack);
int history_acks(struct history *history, ack_callback *callback, void *context, struct failure *failure);

/* Keeps a rule; one of the same name is replaced. Inside a transaction. */
int history_allow(struct history *history, const struct allow_rule *rule, struct failure *failure);
/* 1: removed, 0: there was none of that name. Inside a transaction. */
int history_unallow(struct history *history, const char *name, struct failure *failure);

/* The rules of the command, by name. */
typedef int allow_callback(void *context, const struct allow_rule *rule);
int history_allowed(struct history *history, allow_callback *callback, void *context,
		    struct failure *failure);

/* How often rules hit, those of the configuration as well. */
int history_write_hits(struct history *history, const char *name, uint64_t hits, int64_t last_ns,
		       struct failure *failure);
typedef int hits_callback(void *context, const char *name, uint64_t hits, int64_t last_ns);
int history_hits(struct history *history, hits_callback *callback, void *context, struct failure *failure);

/* A crawler's state; one that is none any more (entered_ns 0) is forgotten. Inside a transaction. */
int history_write_crawler(struct history *history, const struct crawler_state *state,
			  struct failure *failure);
typedef int crawler_callback(void *context, const struct crawler_state *state);
int history_crawlers(struct history *history, crawler_callback *callback, void *context,
		     struct failure *failure);
bool history_is_crawler(struct history *history, const char *application);

/* Up to `limit` names, the last used first: what else the application talks to; which other applications
 * know the domain; as which users (uids as text) the application runs. */
typedef void name_callback(void *context, const char *name);
int history_recent_domains(struct history *history, const char *application, const char *but, int64_t limit,
			   name_callback *callback, void *context);
int history_known_to(struct history *history, enum subject_kind kind, const char *domain, const char *but,
		     int64_t limit, name_callback *callback, void *context);
int history_users_of(struct history *history, const char *application, int64_t limit, name_callback *callback,
		     void *context);

/* --- questions ------------------------------------------------------------- */

/* What is known of a domain; all zero where it was never seen. `application` "": none. */
int history_seen(struct history *history, enum subject_kind kind, const char *domain, const char *application,
		 struct seen *out);

struct history_summary {
	int64_t since_ns; /* when the first run began; 0: never */
	int64_t last_run_from_ns;
	int64_t last_run_to_ns; /* the last sign of life */
	bool last_run_ended;    /* properly */
	int64_t file_bytes;
	uint64_t domains, addresses, hostnames, applications, alerts, alerts_open, outbox;
	int64_t last_alert_ns;
	int schema;
};
/* Counts rows: takes a while where there are many. */
int history_summary(struct history *history, struct history_summary *out, struct failure *failure);

/* When the first run began; 0: never. */
int history_since(struct history *history, int64_t *since_ns, struct failure *failure);

/* When the last run gave its last sign of life, and whether it ended properly. 0 and false: there was none.
 */
int history_last_run(struct history *history, int64_t *to_ns, bool *ended, struct failure *failure);

/* The share (0..1) of [from, to] in which a run was watching, less the gaps. */
int history_coverage(struct history *history, int64_t from_ns, int64_t to_ns, double *share,
		     struct failure *failure);

/* Rows for people. Strings live until the callback returns; a callback's value other than 0 ends the walk and
 * is returned. */
struct history_filter {
	int64_t since_ns; /* 0: no bound. Domains: by last seen, with `fresh` by first seen */
	int64_t until_ns;
	const char *application; /* substring-free: the whole application or its executable path; NULL: any */
	const char *kind;        /* alerts: alert_kind_name; NULL: any */
	bool fresh;              /* domains first seen inside the span */
	bool open;               /* alerts not acknowledged */
	bool severe;             /* alerts: the most severe first, not the newest */
	bool busiest;            /* domains: those with the most connections first, not the newest */
	int64_t limit;           /* 0: none */
};

struct domain_row {
	enum subject_kind kind;
	const char *domain;
	int64_t first_ns, last_ns;
	uint64_t connections, bytes_out, bytes_in, hostnames, applications;
};
typedef int domain_row_callback(void *context, const struct domain_row *row);
int history_domains(struct history *history, const struct history_filter *filter,
		    domain_row_callback *callback, void *context, struct failure *failure);

/* Accesses, each once, by kind, domain, hostname, application and user. Of the filter: the span of the last
 * access, and the application. */
struct access_row {
	enum subject_kind kind;
	const char *domain, *hostname, *application, *exe;
	uint32_t uid; /* FS_UID_UNKNOWN */
	int64_t first_ns, last_ns;
	uint64_t connections, bytes_out, bytes_in;
};
typedef int access_row_callback(void *context, const struct access_row *row);
int history_accesses(struct history *history, const struct history_filter *filter,
		     access_row_callback *callback, void *context, struct failure *failure);

/* One domain's parts, each a callback with a uniform row: what = hostname, address, application, user or day.
 */
enum detail { DETAIL_HOSTNAME, DETAIL_ADDRESS, DETAIL_APPLICATION, DETAIL_USER, DETAIL_DAY };
struct detail_row {
	enum detail detail;
	const char *name; /* hostname; "address port protocol" or HISTORY_OTHERS; application; uid; date */
	int64_t first_ns, last_ns;
	uint64_t connections, bytes_out, bytes_in;
};
typedef int detail_row_callback(void *context, const struct detail_row *row);
/* 1 and *out filled, 0 not known, -errno. out->domain lives until the next call on this handle. */
int history_domain(struct history *history, const char *domain, struct domain_row *out,
		   struct failure *failure);
int history_domain_details(struct history *history, const char *domain, detail_row_callback *callback,
			   void *context, struct failure *failure);

struct application_row {
	const char *application;
	const char *exe;
	int64_t first_ns, last_ns;
	uint64_t connections, bytes_out, bytes_in, domains;
};
typedef int application_row_callback(void *context, const struct application_row *row);
int history_applications(struct history *history, const struct history_filter *filter,
			 application_row_callback *callback, void *context, struct failure *failure);

struct alert_row {
	const char *uid;
	int64_t time_ns;
	const char *kind;
	int severity; /* enum alert_severity */
	const char *domain, *hostname, *application;
	const char *state;         /* "open", "acknowledged" */
	const char *line;          /* JSON as sent */
	int64_t acknowledged_ns;   /* 0: open */
	const char *author, *note; /* of the acknowledgement */
	enum subject_kind subject;
	const char *entry; /* of a threat list; "" also for a threat of an older history */
};
typedef int alert_row_callback(void *context, const struct alert_row *row);
int history_alerts(struct history *history, const struct history_filter *filter, alert_row_callback *callback,
		   void *context, struct failure *failure);
int history_alert(struct history *history, const char *uid, alert_row_callback *callback, void *context,
		  struct failure *failure); /* 1 found, 0 not, -errno; a uid may be given by its first 8 or
					       more characters */

/* --- overviews ------------------------------------------------------------- */

/* How many were seen for the first time on one day (days since 1970-01-01, UTC). */
struct first_seen_day {
	int64_t day;
	uint64_t domains, addresses;
};
typedef int first_seen_callback(void *context, const struct first_seen_day *day);
/* Days that have some, the earliest first; all before `from_day` come together as the day before it. */
int history_first_seen_days(struct history *history, int64_t from_day, int64_t until_ns,
			    first_seen_callback *callback, void *context, struct failure *failure);

/* A run of watching, or a gap in it. */
struct watch_span {
	int64_t from_ns, to_ns;
	bool ended;         /* runs: properly */
	const char *reason; /* gaps; "" for runs */
	uint64_t lost;      /* gaps: records, where that is known */
};
typedef int watch_span_callback(void *context, const struct watch_span *span);
/* Those that touch [from, to], the newest first. */
int history_runs(struct history *history, int64_t from_ns, int64_t to_ns, watch_span_callback *callback,
		 void *context, struct failure *failure);
int history_gaps(struct history *history, int64_t from_ns, int64_t to_ns, watch_span_callback *callback,
		 void *context, struct failure *failure);

/* Up to `limit` domains and addresses of an application, by its own connections, most first; `hostnames`
 * and `applications` are those of all applications. */
int history_busiest_of(struct history *history, const char *application, int64_t limit,
		       domain_row_callback *callback, void *context, struct failure *failure);

/* What an application and a domain have to do with each other. 1 and *out filled (`name` ""), 0: nothing,
 * or -errno. */
int history_pair(struct history *history, const char *application, enum subject_kind kind, const char *domain,
		 struct detail_row *out, struct failure *failure);

typedef int state_callback(void *context, const char *name, const char *value);
int history_states(struct history *history, state_callback *callback, void *context, struct failure *failure);

#endif
