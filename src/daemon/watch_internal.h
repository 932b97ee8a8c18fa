/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* watch_internal.h - what the parts of the watch share. For watch*.c alone. */
#ifndef DAEMON_WATCH_INTERNAL_H
#define DAEMON_WATCH_INTERNAL_H

#include "capture/capture.h"
#include "core/pipeline.h"
#include "daemon/desk.h"
#include "daemon/feed.h"
#include "daemon/lists.h"
#include "daemon/notices.h"
#include "daemon/watch.h"
#include "daemon/writer.h"
#include "domain/domain.h"

#define EXCHANGE_NS NS_PER_SECOND /* between two hand-overs to the writer, and two tellings to readers */

struct watch {
	struct config config;
	struct network_scope networks;
	struct domain_rules *rules;
	struct history *reader;
	struct history *writing; /* until the writer has it, as `spare` */
	struct batch *spare;
	int64_t run;
	struct writer *writer;
	struct batch *batch;
	struct pipeline *pipeline;
	struct capture *capture;
	struct threats *threats;
	struct allow_set *rules_now; /* what the pipeline borrows; NULL: none */
	struct lists *loading;       /* threat lists that are being read anew */
	bool relist;                 /* ... and have to be once more */
	bool lists_unread;           /* not all that the settings name could be read the last time */
	int64_t reread_ns;           /* since when a new configuration is being taken over; 0: none is */
	struct desk *desk;           /* NULL: no control socket */
	struct feed *feed;           /* NULL likewise */
	struct notices notices;
	struct failure *failure;
	int epoll, timer, signals;
	int64_t clock_offset_ns; /* of the wall clock to CLOCK_BOOTTIME, when it was last looked at */
	int64_t since_ns;        /* when the history began */
	int64_t started_ns;
	int64_t learning_since_ns;
	int64_t step_from_ns,
		step_to_ns; /* the clock was set, and the writer does not know yet; 0: it was not */
	int64_t last_exchange_ns, last_refresh_ns, last_volumes_ns, last_told_ns, last_reopen_ns,
		last_lists_ns;
	int64_t bindings_kept_ns; /* those learned up to then are in the history */
	uint64_t lost;            /* records, told to the writer so far */
	uint64_t batch_full;      /* accesses and alerts that found no room in the batch */
	uint64_t unheld;          /* of them, told to the writer so far */
	uint64_t records;
	const char *unwatched; /* why nothing is seen any more; NULL: it is */
	int64_t hooks_seen_ns; /* when all of them were there the last time */
	unsigned recoveries;   /* of the history, so far */
	bool damaged;          /* the history can not be read */
	bool urgent;           /* the batch holds an alert */
	bool needs_bpf;        /* the kernel lets nobody read maps without CAP_BPF */
	bool end;
};

/* The counters, as they are written with the next batch. */
void watch_take_states(struct watch *watch, struct writer_states *states, int64_t now_ns);

/* UNIX time in ns by the wall clock as it was last looked at: nothing happens between two looks that sets it.
 */
int64_t watch_now(const struct watch *watch);

/* When learning ends; wall clock, nanoseconds. */
int64_t watch_learning_until(const struct watch *watch);

/* The counters, for those who watch the feed. */
void watch_tell_readers(struct watch *watch, int64_t now_ns);

/* What the pipeline goes by, from the configuration and what is known of the host. */
void watch_settings(const struct watch *watch, struct pipeline_settings *settings);

/* Opens the history, takes up what an earlier run knew, begins to watch. 0, or -errno with watch->failure
 * filled. */
int watch_open(struct watch *watch);

/* Those that write and those that answer, once the privileges are dropped. 0, or -errno likewise. */
int watch_start_threads(struct watch *watch);

/* Keeps what is not kept yet, and closes all that is open. */
void watch_close(struct watch *watch);

/* The wall clock was set: nothing is forgotten for it, learning goes on for its time. */
void watch_clock_step(struct watch *watch, int64_t from_ns, int64_t to_ns);

/* The last records, the last batch; tells what was lost. */
void watch_finish(struct watch *watch);

#endif
