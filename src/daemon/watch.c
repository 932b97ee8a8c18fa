/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/watch_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "capture/capture.h"
#include "core/pipeline.h"
#include "daemon/host.h"
#include "daemon/lists.h"
#include "daemon/notices.h"
#include "daemon/notify.h"
#include "daemon/writer.h"
#include "privilege/privilege.h"

#define HOOKS_NS (2 * NS_PER_SECOND)
#define LISTS_NS (60 * NS_PER_SECOND)   /* between two attempts to read lists that could not be read */
#define REOPEN_NS (10 * NS_PER_SECOND)  /* between two attempts to read a history that was recovered */
#define RELOAD_NS (60 * NS_PER_SECOND)  /* longest that a reload is said to be going on */
#define REFRESH_NS (60 * NS_PER_SECOND) /* networks of the host, coverage */
#define DRAINS_MOST 1024                /* at the end */

/* --- the operator's judgement ------------------------------------------------------- */

static int on_crawler(void *context, const struct crawler_state *state)
{
	struct watch *watch = context;

	return batch_add_crawler(watch->batch, state);
}

static int on_hits(void *context, const struct allow_rule *rule, uint64_t hits, int64_t last_ns)
{
	struct watch *watch = context;

	return batch_add_hits(watch->batch, rule->name, hits, last_ns);
}

static void take_lists(struct watch *watch, int64_t now_ns)
{
	struct threats *threats;
	bool again;

	if (watch->loading && lists_take(watch->loading, &threats)) {
		lists_end(watch->loading);
		watch->loading = NULL;
		watch->lists_unread = !threats;
		if (threats) {
			threats_free(watch->threats);
			watch->threats = threats;
			pipeline_threats_changed(watch->pipeline);
		}
	}
	if (watch->loading)
		return;
	again = watch->lists_unread &&
		(now_ns - watch->last_lists_ns >= LISTS_NS || now_ns < watch->last_lists_ns);
	if (!watch->relist && !again)
		return;
	if (lists_begin(&watch->config, watch->rules, !watch->relist, &watch->loading))
		log_error("no memory to read the threat lists anew, the old ones stay");
	watch->relist = false;
	watch->last_lists_ns = now_ns;
}

/* A reload is over when all of it is in effect: who waits for that may rely on it. */
static void end_reload(struct watch *watch, bool in_effect, int64_t now_ns)
{
	if (!watch->reread_ns)
		return;
	if (in_effect && watch->lists_unread)
		log_warning("the configuration was read anew; the threat lists stay as they were");
	else if (in_effect)
		log_info("the configuration was read anew");
	else if (now_ns - watch->reread_ns > RELOAD_NS)
		log_warning(
			"the configuration was read anew; its allow rules or its threat lists are not ready "
			"yet and take effect when they are");
	else if (now_ns >= watch->reread_ns)
		return;
	watch->reread_ns = 0;
	notify_send("READY=1");
}

/* Rules and lists that another thread made ready. */
static void take_over(struct watch *watch, int64_t now_ns)
{
	struct allow_set *rules;
	bool configured = writer_take_rules(watch->writer, &rules);

	if (rules) {
		struct allow_set *before = pipeline_allow(watch->pipeline, rules);

		allow_take_hits(before, on_hits, watch);
		allow_set_free(before);
		watch->rules_now = rules;
	}
	take_lists(watch, now_ns);
	end_reload(watch, configured && !watch->loading, now_ns);
}

/* --- the loop ---------------------------------------------------------------------- */

static void exchange(struct watch *watch, int64_t now_ns)
{
	struct writer_states states;
	struct batch *empty;

	if (!watch->urgent && !watch->damaged && now_ns - watch->last_exchange_ns < EXCHANGE_NS &&
	    now_ns >= watch->last_exchange_ns)
		return;
	pipeline_crawlers_changed(watch->pipeline, on_crawler, watch);
	allow_take_hits(watch->rules_now, on_hits, watch);
	watch_take_states(watch, &states, now_ns);
	empty = writer_exchange(watch->writer, watch->batch, &states);
	if (!empty)
		return; /* busy: the batch at hand goes on filling */
	watch->batch = empty;
	watch->urgent = false;
	watch->damaged = false;
	watch->lost += states.lost;
	watch->unheld += states.unheld;
	watch->step_from_ns = watch->step_to_ns = 0;
	notices_lost(&watch->notices, watch->pipeline, states.lost, states.unheld, states.lost_from_ns,
		     now_ns);
	watch->last_exchange_ns = now_ns;
}

/* The writer has recovered the history: what was open is another file now, and may know less. */
static void follow_recovery(struct watch *watch, int64_t now_ns)
{
	unsigned recoveries = writer_recoveries(watch->writer);
	struct pipeline_settings settings;
	struct history *reader;
	struct failure failure;
	int64_t since;

	if (recoveries == watch->recoveries ||
	    (now_ns - watch->last_reopen_ns < REOPEN_NS && now_ns >= watch->last_reopen_ns))
		return;
	watch->last_reopen_ns = now_ns;
	if (history_open(watch->config.history_path, HISTORY_READ, &reader, &failure)) {
		log_error("%s", failure.text);
		return;
	}
	watch->recoveries = recoveries;
	watch->damaged = false; /* that was the old one, read once more while the new one was made */
	history_close(watch->reader);
	watch->reader = reader;
	since = watch->since_ns;
	if (history_since(reader, &since, &failure))
		log_error("%s", failure.text);
	if (since > watch->since_ns) { /* the baseline is lost: learning begins anew */
		watch->learning_since_ns = since;
		watch->notices.learning_told = watch->config.learning_seconds == 0;
	}
	watch->since_ns = since;
	watch_settings(watch, &settings);
	pipeline_configure(watch->pipeline, &settings);
	watch->last_refresh_ns = 0;
}

static void refresh(struct watch *watch, int64_t now_ns)
{
	int64_t from = now_ns - watch->config.window_seconds * NS_PER_SECOND;
	double coverage = -1;

	if (now_ns - watch->last_refresh_ns < REFRESH_NS && now_ns >= watch->last_refresh_ns)
		return;
	watch->last_refresh_ns = now_ns;
	if (host_networks(&watch->config.inside, &watch->networks))
		watch->last_refresh_ns = now_ns - REFRESH_NS + NS_PER_SECOND; /* once more in a second */
	if (history_coverage(watch->reader, from, now_ns, &coverage, NULL))
		coverage = -1;
	pipeline_baseline(watch->pipeline, watch->since_ns, coverage);
}

void watch_settings(const struct watch *watch, struct pipeline_settings *settings)
{
	const struct config *config = &watch->config;

	*settings = (struct pipeline_settings){
		.window_seconds = config->window_seconds,
		.learning_seconds = config->learning_seconds,
		.learning_since_ns = watch->learning_since_ns,
		.crawlers = config->crawlers,
		.scope = config->scope,
		.unnamed = config->unnamed,
		.sni = config->sni,
		.rules = watch->rules,
		.networks = &watch->networks,
		.dns_port_count = config->dns_port_count,
	};
	memcpy(settings->dns_ports, config->dns_ports, sizeof(settings->dns_ports));
}

/* What needs the kernel programs, the file or the grouping anew waits for a restart, and is said so. */
static bool needs_restart(const struct config *old, const struct config *new)
{
	return old->private_suffixes != new->private_suffixes || old->aws_buckets != new->aws_buckets ||
	       old->ring_bytes != new->ring_bytes || old->sni != new->sni ||
	       old->dns_port_count != new->dns_port_count ||
	       memcmp(old->dns_ports, new->dns_ports, sizeof(old->dns_ports)) != 0 ||
	       strcmp(old->history_path, new->history_path) != 0 || old->sink_count != new->sink_count ||
	       memcmp(old->sinks, new->sinks, sizeof(old->sinks)) != 0 || old->format != new->format ||
	       old->packages != new->packages || old->syslog_cee != new->syslog_cee ||
	       old->waiting_most != new->waiting_most || old->retention_seconds != new->retention_seconds ||
	       strcmp(old->user, new->user) != 0 || strcmp(old->socket_path, new->socket_path) != 0 ||
	       strcmp(old->metrics_path, new->metrics_path) != 0;
}

static void reload(struct watch *watch, const struct watch_options *options)
{
	struct pipeline_settings settings;
	struct failure failure;
	struct config fresh;

	notify_reloading();
	writer_reopen(watch->writer);
	if (options->reread(options->context, &fresh, &failure)) {
		log_error("the configuration was not taken over, the old one stays: %s", failure.text);
		notify_send("READY=1");
		return;
	}
	if ((fresh.ptr || fresh.asn) && !watch->config.ptr && !watch->config.asn)
		log_warning("the DNS is asked (ptr, asn) from the next restart on: this process may open no "
			    "sockets for it any more");
	if (needs_restart(&watch->config, &fresh))
		log_warning("settings of [capture], [history], [alert], [control], [metrics], [service], "
			    "packages, "
			    "private_suffixes and aws_buckets take effect at the next restart");
	watch->config.window_seconds = fresh.window_seconds;
	watch->config.learning_seconds = fresh.learning_seconds;
	watch->config.scope = fresh.scope;
	watch->config.unnamed = fresh.unnamed;
	watch->config.inside = fresh.inside;
	watch->config.crawlers = fresh.crawlers;
	memcpy(watch->config.lists, fresh.lists, sizeof(fresh.lists));
	watch->config.list_count = fresh.list_count;
	writer_configure(watch->writer, &fresh);
	watch->relist = true;
	watch->config.volumes_seconds = fresh.volumes_seconds;
	watch->last_refresh_ns = 0;
	watch_settings(watch, &settings);
	pipeline_configure(watch->pipeline, &settings);
	watch->reread_ns = watch_now(watch);
}

static void on_signal(struct watch *watch, const struct watch_options *options)
{
	struct signalfd_siginfo info;

	if (read(watch->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(watch, options);
	else
		watch->end = true;
}

/* Somebody set the clock. Ages and the time to learn are counted without what was jumped over. */
void watch_clock_step(struct watch *watch, int64_t from_ns, int64_t to_ns)
{
	int64_t by = to_ns - from_ns;
	char span[TEXT_SPAN_MAX];

	log_warning("the clock was set %s by %s; ages are counted without it", by > 0 ? "forward" : "back",
		    text_format_span((by > 0 ? by : -by) / NS_PER_SECOND, span));
	pipeline_clock_step(watch->pipeline, from_ns, to_ns);
	if (from_ns < watch_learning_until(watch) || by < 0) {
		struct pipeline_settings settings;

		watch->learning_since_ns += by;
		watch_settings(watch, &settings);
		pipeline_configure(watch->pipeline, &settings);
	}
	if (watch->step_to_ns == 0)
		watch->step_from_ns = from_ns;
	watch->step_to_ns = to_ns;
	watch->last_refresh_ns = 0;
}

/* Not the wall clock itself: it may be set at any time, and then nothing but look_at_clock() shall meet that.
 */
int64_t watch_now(const struct watch *watch)
{
	return clock_ns(CLOCK_BOOTTIME) + watch->clock_offset_ns;
}

static void look_at_clock(struct watch *watch)
{
	int64_t before = watch->clock_offset_ns, by;

	watch->clock_offset_ns = host_clock_offset();
	by = watch->clock_offset_ns - before;
	if (by >= CLOCK_STEP_LEAST_NS || by <= -CLOCK_STEP_LEAST_NS)
		watch_clock_step(watch, watch_now(watch) - by, watch_now(watch));
}

static int drain(struct watch *watch)
{
	int error;

	look_at_clock(watch);
	error = capture_drain(watch->capture);
	if (error < 0 && error != -EINTR)
		return failure_set(watch->failure, error, "the ring can not be read: %s", strerror(-error));
	return 0;
}

/* At the end: what waits by then, however much that is. */
static void drain_all(struct watch *watch)
{
	look_at_clock(watch);
	for (int i = 0; i < DRAINS_MOST && capture_drain(watch->capture) > 0; i++)
		;
}

static void on_binding(void *context, const struct kept_binding *binding)
{
	struct watch *watch = context;

	/* A full batch is no loss: the most recently used ones come first. */
	(void)batch_add_binding(watch->batch, binding);
}

/* Names learned since the last round go into the history, for the flows just after a restart. */
static void keep_bindings(struct watch *watch, int64_t now_ns)
{
	pipeline_bindings(watch->pipeline, watch->bindings_kept_ns, on_binding, watch);
	watch->bindings_kept_ns = now_ns;
}

/* The bytes of flows that live long: by the setting, once a minute, and at the end. */
static void round_of_volumes(struct watch *watch, int64_t now_ns, bool last)
{
	int64_t period_ns = watch->config.volumes_seconds * NS_PER_SECOND;
	int error;

	if (!last && now_ns - watch->last_volumes_ns < period_ns && now_ns >= watch->last_volumes_ns)
		return;
	watch->last_volumes_ns = now_ns;
	keep_bindings(watch, now_ns);
	error = capture_volumes(watch->capture);
	if (error)
		log_warning("the volumes of open flows can not be read: %s", strerror(-error));
}

/*
 * Somebody with the privileges for it may detach any program. Without them nothing can be put back: the
 * daemon says so, ends, and is started anew by its supervisor.
 */
static int look_at_hooks(struct watch *watch, int64_t now_ns)
{
	struct capture_taken taken;

	if (now_ns >= watch->hooks_seen_ns && now_ns - watch->hooks_seen_ns < HOOKS_NS)
		return 0;
	if (!capture_taken_away(watch->capture, &taken)) {
		watch->hooks_seen_ns = now_ns;
		return 0;
	}
	watch->unwatched = taken.gap;
	notices_taken_away(watch->pipeline, taken.what, watch->hooks_seen_ns, now_ns);
	return failure_set(
		watch->failure, -ENOLINK,
		"%s: this host is not watched any more; start firstseend again, and see who did it "
		"(bpftool link, bpftool cgroup tree)",
		taken.what);
}

static int loop(struct watch *watch, const struct watch_options *options)
{
	struct epoll_event events[4];
	int error = 0;

	while (!watch->end && !error) {
		int count = epoll_wait(watch->epoll, events, 4, -1);
		int64_t now;

		for (int i = 0; i < count; i++) {
			uint64_t expirations;

			if (events[i].data.fd == watch->signals)
				on_signal(watch, options);
			else if (events[i].data.fd == watch->timer &&
				 read(watch->timer, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
				error = failure_set(watch->failure, -errno, "the timer can not be read");
		}
		/* Before the records: a rule or a reader holds for them, but for what comes while they are
		 * read. */
		now = watch_now(watch);
		take_over(watch, now);
		watch_tell_readers(watch, now);
		if (!error)
			error = drain(watch);
		now = watch_now(watch);
		pipeline_tick(watch->pipeline, now);
		round_of_volumes(watch, now, false);
		follow_recovery(watch, now);
		refresh(watch, now);
		notices_learning(&watch->notices, watch->pipeline, watch->reader, watch_learning_until(watch),
				 now);
		exchange(watch, now);
		error = error ? error : look_at_hooks(watch, now);
		notify_watchdog(now - watch->clock_offset_ns,
				writer_moves(watch->writer, now - watch->clock_offset_ns));
	}
	return error;
}

/* --- the end ---------------------------------------------------------------------- */

static void say_losses(struct watch *watch)
{
	uint64_t counters[FS_COUNTERS];
	char text[512] = "";

	if (capture_counters(watch->capture, counters))
		return;
	for (int i = 0; i < FS_COUNTERS; i++) {
		bool is_loss = i < FS_COUNT_LOST + FS_RECORD_KINDS || i == FS_COUNT_STORAGE_FAILED ||
			       i == FS_COUNT_FLOW_MAP_FAILED;

		if (is_loss && counters[i])
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s=%" PRIu64,
				 capture_counter_name((enum fs_counter)i), counters[i]);
	}
	if (watch->batch_full)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " batch_full=%" PRIu64,
			 watch->batch_full);
	log_info("stopped: %" PRIu64 " records, %" PRIu64 " flows, %" PRIu64 " alerts, lost:%s",
		 watch->records, pipeline_counts(watch->pipeline)->flows,
		 pipeline_counts(watch->pipeline)->alerts, text[0] ? text : " none");
}

/* Everything that was seen is decided, written and sent before the end. */
void watch_finish(struct watch *watch)
{
	struct writer_states states;
	int64_t now;

	drain_all(watch);
	round_of_volumes(watch, watch_now(watch), true);
	drain_all(watch);
	now = watch_now(watch);
	pipeline_finish(watch->pipeline, now);
	pipeline_crawlers_changed(watch->pipeline, on_crawler, watch);
	allow_take_hits(watch->rules_now, on_hits, watch);
	watch_take_states(watch, &states, now);
	say_losses(watch);
	writer_stop(watch->writer, watch->batch, &states);
	watch->writer = NULL;
	watch->batch = NULL;
}

/* Signals are read from a descriptor; no thread gets them otherwise. */
static void block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void say_missing(const struct watch *watch)
{
	const struct hook_result *results = capture_hooks(watch->capture);
	char error[HOOK_ERROR_MAX];

	if (!capture_is_whole(watch->capture))
		log_warning(
			"%s is the root of a container, not of this host: the DNS and UDP of what is outside "
			"of it are not seen",
			capture_cgroup_root(watch->capture));
	for (int i = 0; i < HOOKS; i++)
		if (!hook_is_there(results[i].state))
			log_warning("%s is %s (%s): %s", hook_of((enum hook_id)i)->name,
				    hook_state_name(results[i].state),
				    hook_error_text(results[i].error, error), hook_of((enum hook_id)i)->cost);
}

int watch_run(const struct watch_options *options, struct failure *failure)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		return failure_set(failure, -ENOMEM, "out of memory");
	watch->config = options->config;
	watch->failure = failure;
	watch->epoll = watch->timer = watch->signals = -1;
	watch->clock_offset_ns = host_clock_offset();
	notify_open();
	block_signals();
	error = watch_open(watch);
	if (!error) {
		watch->last_volumes_ns = watch->started_ns = watch_now(watch);
		say_missing(watch);
		error = capture_preexisting(watch->capture, failure);
		if (error > 0)
			log_info("%d connections are older than this daemon", error);
		if (error >= 0)
			error = privilege_drop_all((struct privilege_kept){.ptrace = watch->config.packages,
									   .bpf = watch->needs_bpf},
						   watch->config.ptr || watch->config.asn, watch->failure);
		if (error >= 0)
			error = watch_start_threads(watch);
	}
	if (error >= 0) {
		log_info("watching: history %s, cgroup root %s, %s", watch->config.history_path,
			 capture_cgroup_root(watch->capture),
			 watch_now(watch) < watch_learning_until(watch)
				 ? "learning: nothing new is alerted yet"
				 : "alerting");
		notify_send("READY=1\nSTATUS=watching");
		error = loop(watch, options);
		notify_send("STOPPING=1");
	}
	watch_close(watch);
	free(watch);
	return error < 0 ? error : 0;
}
