/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "capture/capture.h"
#include "core/pipeline.h"
#include "daemon/desk.h"
#include "daemon/feed.h"
#include "daemon/host.h"
#include "daemon/lists.h"
#include "daemon/notices.h"
#include "daemon/notify.h"
#include "daemon/writer.h"
#include "domain/domain.h"
#include "privilege/privilege.h"
#include "review/review.h"

#define DRAIN_MS 20 /* how long a record may wait in the ring */
#define EXCHANGE_NS NS_PER_SECOND
#define HOOKS_NS (2 * NS_PER_SECOND)
#define REFRESH_NS (60 * NS_PER_SECOND) /* networks of the host, coverage */

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
	struct desk *desk;           /* NULL: no control socket */
	struct feed *feed;           /* NULL likewise */
	struct notices notices;
	struct failure *failure;
	int epoll, timer, signals;
	int64_t clock_offset_ns;
	int64_t since_ns; /* when the history began */
	int64_t started_ns;
	int64_t learning_since_ns;
	int64_t step_from_ns,
		step_to_ns; /* the clock was set, and the writer does not know yet; 0: it was not */
	int64_t last_exchange_ns, last_refresh_ns, last_volumes_ns, last_told_ns;
	int64_t bindings_kept_ns; /* those learned up to then are in the history */
	uint64_t lost;            /* told to the writer so far */
	uint64_t batch_full;      /* accesses and alerts that found no room in the batch */
	uint64_t records;
	const char *unwatched; /* why nothing is seen any more; NULL: it is */
	int64_t hooks_seen_ns; /* when all of them were there the last time */
	unsigned recoveries;   /* of the history, so far */
	bool damaged;          /* the history can not be read */
	bool urgent;           /* the batch holds an alert */
	bool end;
};

/* --- the pipeline's edges -------------------------------------------------------- */

static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	struct watch *watch = context;
	int error = history_seen(watch->reader, kind, domain, application, out);

	if (error == -EUCLEAN)
		watch->damaged = true;
	return error;
}

static void on_access(void *context, const struct access *access)
{
	struct watch *watch = context;

	if (batch_add_access(watch->batch, access))
		watch->batch_full++;
}

static void on_alert(void *context, const struct alert *alert)
{
	struct watch *watch = context;

	watch->urgent = true;
	feed_alert(watch->feed, alert);
	if (batch_add_alert(watch->batch, alert))
		watch->batch_full++;
}

static void on_flow(void *context, const struct flow_report *report)
{
	struct watch *watch = context;

	feed_flow(watch->feed, report);
}

static void on_progress(void *context, const struct flow_progress *progress)
{
	struct watch *watch = context;

	feed_progress(watch->feed, progress);
}

static bool on_threat(void *context, const char *hostname, struct threat_match *out)
{
	struct watch *watch = context;

	return threats_find(watch->threats, hostname, out);
}

static bool on_own(void *context, uint64_t cookie)
{
	struct watch *watch = context;

	return watch->writer && writer_owns_socket(watch->writer, cookie);
}

static void on_record(void *context, const void *record, size_t size)
{
	struct watch *watch = context;

	watch->records++;
	/* A record that is not sound is counted by the observer. */
	(void)pipeline_feed(watch->pipeline, record, size, watch->clock_offset_ns);
}

/* --- counters --------------------------------------------------------------------- */

static void add_state(struct writer_states *states, const char *name, uint64_t value)
{
	if (states->count == WRITER_STATES_MAX || !name)
		return;
	states->items[states->count].name = name;
	states->items[states->count++].value = value;
}

static void add_kernel_states(struct watch *watch, struct writer_states *states)
{
	uint64_t counters[FS_COUNTERS] = {0}, lost = 0;

	if (capture_counters(watch->capture, counters))
		return;
	for (int i = 0; i < FS_COUNTERS; i++) {
		add_state(states, capture_counter_name((enum fs_counter)i), counters[i]);
		if (i < FS_COUNT_LOST + FS_RECORD_KINDS || i == FS_COUNT_STORAGE_FAILED ||
		    i == FS_COUNT_FLOW_MAP_FAILED)
			lost += counters[i];
	}
	lost += watch->batch_full;
	states->lost = lost - watch->lost;
}

static void add_core_states(struct watch *watch, struct writer_states *states)
{
	const struct pipeline_counts *core = pipeline_counts(watch->pipeline);
	const struct observer_counts *observer = pipeline_observer_counts(watch->pipeline);
	const struct correlate_counts *names = pipeline_correlate_counts(watch->pipeline);
	static const char *const verdicts[VERDICTS] = {
		[VERDICT_INTERNAL] = "verdict_internal",       [VERDICT_IGNORED] = "verdict_ignored",
		[VERDICT_RESOLVER] = "verdict_resolver",       [VERDICT_KNOWN] = "verdict_known",
		[VERDICT_LEARNING] = "verdict_learning",       [VERDICT_NEW] = "verdict_new",
		[VERDICT_PREEXISTING] = "verdict_preexisting", [VERDICT_ALLOWED] = "verdict_allowed",
		[VERDICT_CRAWLER] = "verdict_crawler",
	};
	static const char *const methods[] = {"method_none", "method_dns", "method_stale_dns", "method_sni"};

	add_state(states, "records", watch->records);
	add_state(states, "batch_full", watch->batch_full);
	add_state(states, "queue", batch_access_count(watch->batch));
	add_state(states, "flows", core->flows);
	add_state(states, "flows_open", core->flows_open);
	add_state(states, "flows_evicted", core->flows_evicted);
	for (int i = 0; i < VERDICTS; i++)
		add_state(states, verdicts[i], core->verdicts[i]);
	for (int i = 0; i < 4; i++)
		add_state(states, methods[i], core->methods[i]);
	add_state(states, "alerts", core->alerts);
	add_state(states, "alert_updates", core->alert_updates);
	add_state(states, "crawlers", core->crawlers);
	add_state(states, "threats", core->threats);
	add_state(states, "threat_entries", threats_counts(watch->threats)->entries);
	add_state(states, "threat_lines_bad", threats_counts(watch->threats)->lines_bad);
	add_state(states, "deferred", core->deferred);
	add_state(states, "deferred_late", core->deferred_late);
	add_state(states, "history_queries", core->history_queries);
	add_state(states, "history_failures", core->history_failures);
	add_state(states, "bad_records", observer->bad_records);
	add_state(states, "dns_messages", observer->dns_messages);
	add_state(states, "dns_damaged", observer->dns_damaged);
	add_state(states, "dns_truncated", observer->dns_truncated);
	add_state(states, "dns_cut", observer->dns_cut);
	add_state(states, "streams_evicted", observer->streams_evicted);
	add_state(states, "streams_gapped", observer->streams_gapped);
	add_state(states, "dns_questions", names->questions);
	add_state(states, "dns_answers", names->answers);
	add_state(states, "dns_answers_unasked", names->answers_unasked);
	add_state(states, "dns_answers_empty", names->answers_empty);
	add_state(states, "dns_sinkhole_addresses", names->sinkhole_answers);
	add_state(states, "bindings", names->bindings);
	add_state(states, "bindings_evicted", names->bindings_evicted);
	add_state(states, "questions_evicted", names->questions_evicted);
}

static int64_t learning_until(const struct watch *watch)
{
	return watch->learning_since_ns + watch->config.learning_seconds * NS_PER_SECOND;
}

static void take_states(struct watch *watch, struct writer_states *states, int64_t now_ns)
{
	states->count = 0;
	states->lost = 0;
	states->damaged = watch->damaged;
	states->lost_from_ns = watch->last_exchange_ns;
	states->unwatched = watch->unwatched;
	states->unwatched_from_ns = watch->hooks_seen_ns;
	states->now_ns = now_ns;
	states->keep_since_ns = clock_steps_before(pipeline_clock(watch->pipeline), now_ns,
						   watch->config.retention_seconds * NS_PER_SECOND);
	states->stepped = watch->step_to_ns != 0;
	states->step_from_ns = watch->step_from_ns;
	states->step_to_ns = watch->step_to_ns;
	clock_steps_format(pipeline_clock(watch->pipeline), states->clock_steps);
	add_kernel_states(watch, states);
	add_core_states(watch, states);
	add_state(states, "boottime", (uint64_t)(now_ns - watch->clock_offset_ns));
	add_state(states, "learning_told", watch->notices.learning_told);
	add_state(states, "learning_until", (uint64_t)learning_until(watch));
}

/* Flows are told while somebody looks on, and once a second how it goes. */
static void tell_readers(struct watch *watch, int64_t now_ns)
{
	bool wanted = feed_wanted(watch->feed);
	struct writer_states states;

	pipeline_tell_flows(watch->pipeline, wanted ? FLOWS_EXTERNAL : FLOWS_NONE);
	if (!wanted || (now_ns - watch->last_told_ns < EXCHANGE_NS && now_ns >= watch->last_told_ns))
		return;
	watch->last_told_ns = now_ns;
	take_states(watch, &states, now_ns);
	feed_state(watch->feed, &(struct feed_state){.time_ns = now_ns,
						     .since_ns = watch->started_ns,
						     .learning_until_ns = learning_until(watch),
						     .flows = pipeline_counts(watch->pipeline)->flows,
						     .alerts = pipeline_counts(watch->pipeline)->alerts,
						     .lost = watch->lost + states.lost});
}

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

/* Rules and lists that another thread made ready. */
static void take_over(struct watch *watch)
{
	struct allow_set *rules = writer_take_rules(watch->writer);
	struct threats *threats = watch->loading ? lists_take(watch->loading) : NULL;

	if (rules) {
		struct allow_set *before = pipeline_allow(watch->pipeline, rules);

		allow_take_hits(before, on_hits, watch);
		allow_set_free(before);
		watch->rules_now = rules;
	}
	if (threats) {
		threats_free(watch->threats);
		watch->threats = threats;
		pipeline_threats_changed(watch->pipeline);
		lists_end(watch->loading);
		watch->loading = NULL;
	}
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
	take_states(watch, &states, now_ns);
	empty = writer_exchange(watch->writer, watch->batch, &states);
	if (!empty)
		return; /* busy: the batch at hand goes on filling */
	watch->batch = empty;
	watch->urgent = false;
	watch->damaged = false;
	watch->lost += states.lost;
	watch->step_from_ns = watch->step_to_ns = 0;
	notices_lost(&watch->notices, watch->pipeline, states.lost, states.lost_from_ns, now_ns);
	watch->last_exchange_ns = now_ns;
}

static void settings_of(const struct watch *watch, struct pipeline_settings *settings);

/* The writer has recovered the history: what was open is another file now, and may know less. */
static void follow_recovery(struct watch *watch)
{
	unsigned recoveries = writer_recoveries(watch->writer);
	struct pipeline_settings settings;
	struct history *reader;
	struct failure failure;
	int64_t since;

	if (recoveries == watch->recoveries)
		return;
	if (history_open(watch->config.history_path, HISTORY_READ, &reader, &failure)) {
		log_error("%s", failure.text);
		return;
	}
	watch->recoveries = recoveries;
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
	settings_of(watch, &settings);
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
	host_networks(&watch->config.inside, &watch->networks);
	if (history_coverage(watch->reader, from, now_ns, &coverage, NULL))
		coverage = -1;
	pipeline_baseline(watch->pipeline, watch->since_ns, coverage);
}

static void settings_of(const struct watch *watch, struct pipeline_settings *settings)
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
	       old->waiting_most != new->waiting_most;
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
		return;
	}
	if ((fresh.ptr || fresh.asn) && !watch->config.ptr && !watch->config.asn)
		log_warning("the DNS is asked (ptr, asn) from the next restart on: this process may open no "
			    "sockets for it any more");
	if (needs_restart(&watch->config, &fresh))
		log_warning("settings of [capture], [history], [alert], packages, private_suffixes and "
			    "aws_buckets take "
			    "effect at the next restart");
	watch->config.window_seconds = fresh.window_seconds;
	watch->config.learning_seconds = fresh.learning_seconds;
	watch->config.scope = fresh.scope;
	watch->config.unnamed = fresh.unnamed;
	watch->config.inside = fresh.inside;
	watch->config.crawlers = fresh.crawlers;
	memcpy(watch->config.lists, fresh.lists, sizeof(fresh.lists));
	watch->config.list_count = fresh.list_count;
	writer_configure(watch->writer, &fresh);
	if (!watch->loading && lists_begin(&watch->config, watch->rules, &watch->loading))
		log_error("no memory to read the threat lists anew, the old ones stay");
	watch->config.volumes_seconds = fresh.volumes_seconds;
	watch->last_refresh_ns = 0;
	settings_of(watch, &settings);
	pipeline_configure(watch->pipeline, &settings);
	log_info("the configuration was read anew");
}

static void on_signal(struct watch *watch, const struct watch_options *options)
{
	struct signalfd_siginfo info;

	if (read(watch->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		reload(watch, options);
		notify_send("READY=1");
	} else {
		watch->end = true;
	}
}

/* Somebody set the clock. Ages and the time to learn are counted without what was jumped over. */
static void on_clock_step(struct watch *watch, int64_t from_ns, int64_t to_ns)
{
	int64_t by = to_ns - from_ns;
	char span[TEXT_SPAN_MAX];

	log_warning("the clock was set %s by %s; ages are counted without it", by > 0 ? "forward" : "back",
		    text_format_span((by > 0 ? by : -by) / NS_PER_SECOND, span));
	pipeline_clock_step(watch->pipeline, from_ns, to_ns);
	if (from_ns < learning_until(watch) || by < 0) {
		struct pipeline_settings settings;

		watch->learning_since_ns += by;
		settings_of(watch, &settings);
		pipeline_configure(watch->pipeline, &settings);
	}
	if (watch->step_to_ns == 0)
		watch->step_from_ns = from_ns;
	watch->step_to_ns = to_ns;
	watch->last_refresh_ns = 0;
}

static void look_at_clock(struct watch *watch)
{
	int64_t before = watch->clock_offset_ns, boottime;

	watch->clock_offset_ns = host_clock_offset();
	if (before - watch->clock_offset_ns > -CLOCK_STEP_LEAST_NS &&
	    before - watch->clock_offset_ns < CLOCK_STEP_LEAST_NS)
		return;
	boottime = host_now() - watch->clock_offset_ns;
	on_clock_step(watch, boottime + before, boottime + watch->clock_offset_ns);
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
		if (!error)
			error = drain(watch);
		now = host_now();
		pipeline_tick(watch->pipeline, now);
		round_of_volumes(watch, now, false);
		follow_recovery(watch);
		refresh(watch, now);
		take_over(watch);
		tell_readers(watch, now);
		notices_learning(&watch->notices, watch->pipeline, watch->reader, learning_until(watch), now);
		exchange(watch, now);
		error = error ? error : look_at_hooks(watch, now);
		notify_watchdog(now - watch->clock_offset_ns,
				writer_moves(watch->writer, now - watch->clock_offset_ns));
	}
	return error;
}

/* --- start and end ------------------------------------------------------------------ */

static int poll_descriptor(struct watch *watch, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_descriptors(struct watch *watch)
{
	struct itimerspec period = {.it_interval.tv_nsec = DRAIN_MS * NS_PER_MS,
				    .it_value.tv_nsec = DRAIN_MS * NS_PER_MS};
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	watch->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watch->epoll < 0 || watch->timer < 0 || watch->signals < 0 ||
	    timerfd_settime(watch->timer, 0, &period, NULL) || poll_descriptor(watch, watch->timer) ||
	    poll_descriptor(watch, watch->signals) || poll_descriptor(watch, capture_fd(watch->capture)))
		return failure_set(watch->failure, -errno, "can not set up the event loop: %s",
				   strerror(errno));
	return 0;
}

static void regroup(void *context, const char *hostname, char domain[static DOMAIN_MAX])
{
	domain_of(context, hostname, domain);
}

/* Which hooks are attached, and which are not there. */
static int write_hooks(struct watch *watch, struct history *history, struct failure *failure)
{
	const struct hook_result *results = capture_hooks(watch->capture);
	char text[512] = "", missing[512];
	int error;

	for (int i = 0; i < HOOKS; i++)
		if (hook_of((enum hook_id)i)->program && hook_is_there(results[i].state))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", text[0] ? " " : "",
				 hook_of((enum hook_id)i)->name);
	hooks_write_missing(results, missing, sizeof(missing));
	error = history_write_state(history, "hooks", text, failure);
	return error ? error : history_write_state(history, "hooks_missing", missing, failure);
}

/* What the daemon is. Also asked for by the writer's thread: nothing here changes while it watches. */
static int introduce_inside(struct watch *watch, struct history *history, struct failure *failure)
{
	char number[32], host[256] = "";
	int error = write_hooks(watch, history, failure);

	if (!error && gethostname(host, sizeof(host) - 1) == 0)
		error = history_write_state(history, "host", host, failure);
	if (!error)
		error = history_write_state(history, "cgroup_root", capture_cgroup_root(watch->capture),
					    failure);
	if (!error)
		error = history_write_state(history, "version", FIRSTSEEN_VERSION, failure);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	if (!error)
		error = history_write_state(history, "pid", number, failure);
	snprintf(number, sizeof(number), "%" PRId64, host_now());
	if (!error)
		error = history_write_state(history, "started", number, failure);
	if (!error)
		error = history_write_state(history, "heartbeat", number, failure);
	if (!error)
		error = history_write_state(history, "boot", host_boot(), failure);
	snprintf(number, sizeof(number), "%u", watch->config.ring_bytes);
	return error ? error : history_write_state(history, "ring_bytes", number, failure);
}

static int introduce(void *context, struct history *history, struct failure *failure)
{
	int error = history_begin(history, failure);

	if (!error)
		error = introduce_inside(context, history, failure);
	if (!error)
		error = history_commit(history, failure);
	if (error)
		history_rollback(history);
	return error;
}

static int write_first_states(struct watch *watch, struct history *history)
{
	char number[32];
	int error = history_begin(history, watch->failure);

	if (!error)
		error = introduce_inside(watch, history, watch->failure);
	snprintf(number, sizeof(number), "%" PRId64, host_now() - watch->clock_offset_ns);
	if (!error)
		error = history_write_state(history, "boottime", number, watch->failure);
	snprintf(number, sizeof(number), "%" PRId64, learning_until(watch));
	if (!error)
		error = history_write_state(history, "learning_until", number, watch->failure);
	if (!error)
		error = history_commit(history, watch->failure);
	if (error)
		history_rollback(history);
	return error;
}

/* Opens the history on both sides, and begins a run. */
static int open_history(struct watch *watch)
{
	struct history *history = NULL;
	struct batch_limits limits = {0};
	int error = history_open(watch->config.history_path, HISTORY_WRITE, &history, watch->failure);

	if (error)
		return error;
	watch->writing = history;
	notices_before(&watch->notices, history, watch->config.learning_seconds);
	error = history_rekey(history, domain_rules_identity(watch->rules), regroup, watch->rules,
			      watch->failure);
	if (!error)
		error = history_run_start(history, host_now(), &watch->run, watch->failure);
	if (!error)
		error = history_since(history, &watch->since_ns, watch->failure);
	if (!error) {
		/* A history from a future that the clock was taken back from: it learns again, but not for
		 * years. */
		watch->learning_since_ns = watch->since_ns < host_now() ? watch->since_ns : host_now();
		error = write_first_states(watch, history);
	}
	if (!error)
		error = history_open(watch->config.history_path, HISTORY_READ, &watch->reader,
				     watch->failure);
	if (!error && (batch_new(&limits, &watch->batch) || batch_new(&limits, &watch->spare)))
		error = failure_set(watch->failure, -ENOMEM, "out of memory");
	/* Then the next start recovers it. */
	if (error == -EUCLEAN && history_mark_damaged(history, "found at the start") == 0)
		failure_set(watch->failure, error, "history %.300s: it is damaged: start again to recover it",
			    watch->config.history_path);
	return error;
}

/* The threads, once nothing is left that they could not have: the writer, which then owns the history, and
 * the desk. */
static int start_threads(struct watch *watch)
{
	int error = writer_start(&watch->config, watch->writing, watch->run, watch->spare, introduce, watch,
				 &watch->writer, watch->failure);

	if (error)
		return error;
	watch->writing = NULL;
	watch->spare = NULL;
	if (watch->desk && (feed_start(watch->feed) ||
			    desk_start(watch->desk, watch->writer, watch->feed, watch->config.history_path)))
		error = failure_set(watch->failure, -EAGAIN,
				    "can not start the threads of the control socket");
	return error;
}

static void on_kept_binding(void *context, const struct kept_binding *binding)
{
	struct watch *watch = context;

	(void)pipeline_bind(watch->pipeline, &binding->address, binding->hostname, &binding->asker,
			    binding->learned_ns, binding->expires_ns);
}

static int open_pipeline(struct watch *watch)
{
	struct pipeline_settings settings;
	struct pipeline_edges edges = {.context = watch,
				       .seen = on_seen,
				       .access = on_access,
				       .alert = on_alert,
				       .flow = on_flow,
				       .progress = on_progress,
				       .threat = on_threat,
				       .own = on_own};

	settings_of(watch, &settings);
	settings.uid_seed = host_random();
	settings.hash_seed = host_random();
	if (pipeline_new(&settings, &edges, &watch->pipeline))
		return failure_set(watch->failure, -ENOMEM, "out of memory");
	watch->bindings_kept_ns = host_now();
	pipeline_tell_flows(watch->pipeline, FLOWS_NONE);
	return history_bindings(watch->reader, host_boot(), on_kept_binding, watch, watch->failure);
}

/* --- what an earlier run knew -------------------------------------------------------- */

static int on_kept_crawler(void *context, const struct crawler_state *state)
{
	struct watch *watch = context;

	return pipeline_crawler_restore(watch->pipeline, state);
}

#define SEEDS_MOST 4096

/* Alerts of late, the newest first; what they count for goes by time. */
struct seed {
	int64_t time_ns;
	bool threat;
	char domain[DOMAIN_MAX];
	char application[APPLICATION_MAX];
};
struct seeds {
	size_t count;
	struct seed *rows;
};

static int on_late_alert(void *context, const struct alert_row *row)
{
	struct seeds *seeds = context;
	bool threat = strcmp(row->kind, alert_kind_name(ALERT_THREAT_DOMAIN)) == 0;
	struct seed *seed = &seeds->rows[seeds->count];

	if (!threat && strncmp(row->kind, "new_", 4) != 0)
		return 0;
	seed->time_ns = row->time_ns;
	seed->threat = threat;
	text_copy(seed->domain, sizeof(seed->domain), row->domain);
	text_copy(seed->application, sizeof(seed->application), row->application);
	return ++seeds->count == SEEDS_MOST;
}

static int seed_by_alerts(struct watch *watch)
{
	struct history_filter filter = {.since_ns = host_now() - SECONDS_PER_DAY * NS_PER_SECOND};
	struct seeds seeds = {.rows = calloc(SEEDS_MOST, sizeof(*seeds.rows))};
	int error;

	if (!seeds.rows)
		return failure_set(watch->failure, -ENOMEM, "out of memory");
	error = history_alerts(watch->reader, &filter, on_late_alert, &seeds, watch->failure);
	for (size_t i = seeds.count; i-- > 0;) {
		const struct seed *seed = &seeds.rows[i];

		if (seed->threat)
			pipeline_threat_told(watch->pipeline, seed->domain, seed->application, seed->time_ns);
		else
			pipeline_crawler_seed(watch->pipeline, seed->application, seed->time_ns);
	}
	free(seeds.rows);
	return error < 0 ? error : 0;
}

static int on_kept_state(void *context, const char *name, const char *value)
{
	struct watch *watch = context;
	struct clock_steps steps;

	if (strcmp(name, "clock_steps") == 0) {
		clock_steps_parse(value, &steps);
		pipeline_clock_steps(watch->pipeline, &steps);
	}
	return 0;
}

/* What the clock did while nobody watched is known within one boot, by the time since that boot. Returns now
 * by the clock of the run before, as far as that is known. */
static int64_t look_at_clock_before(struct watch *watch)
{
	int64_t expected =
		notices_expected_now(&watch->notices, host_boot(), host_now() - host_clock_offset());
	int64_t now = host_now();

	if (expected && (now - expected >= CLOCK_STEP_LEAST_NS || expected - now >= CLOCK_STEP_LEAST_NS))
		on_clock_step(watch, expected, now);
	watch->step_from_ns = watch->step_to_ns = 0; /* this run began after it */
	return expected ? expected : now;
}

static int take_up(struct watch *watch)
{
	int error = history_states(watch->reader, on_kept_state, watch, watch->failure);

	if (!error)
		error = history_crawlers(watch->reader, on_kept_crawler, watch, watch->failure);
	if (!error)
		error = seed_by_alerts(watch);
	if (error < 0)
		return error;
	error = review_load(watch->reader, &watch->config, &watch->rules_now, watch->failure);
	if (error)
		return error;
	pipeline_allow(watch->pipeline, watch->rules_now);
	notices_start(&watch->notices, watch->pipeline, look_at_clock_before(watch), host_now());
	return 0;
}

/* Root was for attaching. What is opened from here on belongs to the user of the service. */
static int drop_user(struct watch *watch)
{
	const char *user = watch->config.user;
	char path[PATH_MAX + 8];
	bool changed = false;
	int error;

	for (const char *const *suffix = (const char *const[]){"", "-wal", "-shm", ".lock", NULL}; *suffix;
	     suffix++) {
		snprintf(path, sizeof(path), "%s%s", watch->config.history_path, *suffix);
		privilege_own_file(path, user);
	}
	error = privilege_drop_user(user, &changed, watch->failure);
	if (!error && !changed && geteuid() == 0 && user[0])
		log_warning("there is no user %s: going on as root, without capabilities", user);
	return error;
}

static int open_all(struct watch *watch)
{
	struct domain_settings grouping = {.private_suffixes = watch->config.private_suffixes,
					   .aws_buckets = watch->config.aws_buckets};
	struct capture_settings capture = {.dns_port_count = watch->config.dns_port_count,
					   .ring_bytes = watch->config.ring_bytes,
					   .sni = watch->config.sni};
	int error = domain_rules_new(&grouping, &watch->rules, watch->failure);

	memcpy(capture.dns_ports, watch->config.dns_ports, sizeof(capture.dns_ports));
	host_networks(&watch->config.inside, &watch->networks);
	if (!error) {
		watch->threats = lists_load(&watch->config, watch->rules);
		error = watch->threats ? 0 : failure_set(watch->failure, -ENOMEM, "out of memory");
	}
	if (!error)
		error = capture_open(&capture, on_record, watch, &watch->capture, watch->failure);
	if (!error) {
		privilege_own_folder(watch->config.history_path, watch->config.user, 0750);
		privilege_own_folder(watch->config.socket_path, watch->config.user, 0755);
	}
	if (!error && watch->config.socket_path[0])
		error = desk_open(watch->config.socket_path, &watch->desk, watch->failure);
	if (!error && watch->desk && feed_new(&watch->feed))
		error = failure_set(watch->failure, -ENOMEM, "out of memory");
	if (!error)
		error = drop_user(watch);
	if (!error)
		error = open_history(watch);
	if (!error)
		error = open_pipeline(watch);
	if (!error)
		error = take_up(watch);
	if (!error)
		error = open_descriptors(watch);
	return error;
}

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
static void finish(struct watch *watch)
{
	struct writer_states states;
	int64_t now;

	(void)drain(watch);
	round_of_volumes(watch, host_now(), true);
	(void)drain(watch);
	now = host_now();
	pipeline_finish(watch->pipeline, now);
	pipeline_crawlers_changed(watch->pipeline, on_crawler, watch);
	allow_take_hits(watch->rules_now, on_hits, watch);
	take_states(watch, &states, now);
	say_losses(watch);
	writer_stop(watch->writer, watch->batch, &states);
	watch->writer = NULL;
	watch->batch = NULL;
}

static void close_all(struct watch *watch)
{
	desk_close(watch->desk);
	lists_end(watch->loading);
	if (watch->writer && watch->pipeline)
		finish(watch);
	else if (watch->writer)
		writer_stop(watch->writer, watch->batch, &(struct writer_states){.now_ns = host_now()});
	else
		batch_free(watch->batch);
	feed_free(watch->feed); /* the last flows were told, too */
	batch_free(watch->spare);
	history_close(watch->writing);
	capture_close(watch->capture);
	pipeline_free(watch->pipeline);
	allow_set_free(watch->rules_now);
	threats_free(watch->threats);
	history_close(watch->reader);
	domain_rules_free(watch->rules);
	if (watch->epoll >= 0)
		close(watch->epoll);
	if (watch->timer >= 0)
		close(watch->timer);
	if (watch->signals >= 0)
		close(watch->signals);
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
	error = open_all(watch);
	if (!error) {
		watch->last_volumes_ns = watch->started_ns = host_now();
		say_missing(watch);
		error = capture_preexisting(watch->capture, failure);
		if (error > 0)
			log_info("%d connections are older than this daemon", error);
		if (error >= 0)
			error = privilege_drop_all(watch->config.packages,
						   watch->config.ptr || watch->config.asn, watch->failure);
		if (error >= 0)
			error = start_threads(watch);
	}
	if (error >= 0) {
		log_info("watching: history %s, cgroup root %s, %s", watch->config.history_path,
			 capture_cgroup_root(watch->capture),
			 host_now() < learning_until(watch) ? "learning: nothing new is alerted yet"
							    : "alerting");
		notify_send("READY=1\nSTATUS=watching");
		error = loop(watch, options);
		notify_send("STOPPING=1");
	}
	close_all(watch);
	free(watch);
	return error < 0 ? error : 0;
}
