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
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
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

#define VISITED_DAYS                                                                                         \
	7           /* a program that resolved its peer before that, and did not visit it since, is rare     \
		     */
#define DRAIN_MS 20 /* how long a record may wait in the ring */

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
	snprintf(number, sizeof(number), "%" PRId64, watch_now(watch));
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
	snprintf(number, sizeof(number), "%" PRId64, clock_ns(CLOCK_BOOTTIME));
	if (!error)
		error = history_write_state(history, "boottime", number, watch->failure);
	snprintf(number, sizeof(number), "%" PRId64, watch_learning_until(watch));
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
		error = history_run_start(history, watch_now(watch), &watch->run, watch->failure);
	if (!error)
		error = history_since(history, &watch->since_ns, watch->failure);
	if (!error) {
		int64_t now = watch_now(watch);

		/* A history from a future that the clock was taken back from: it learns again, but not for
		 * years. One that had learned does not, where the clock of this boot is not set yet. */
		watch->learning_since_ns = watch->since_ns < now ? watch->since_ns : now;
		if (watch->notices.learning_told && watch->notices.before_heartbeat_ns > now)
			watch->learning_since_ns = now - watch->config.learning_seconds * NS_PER_SECOND;
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
int watch_start_threads(struct watch *watch)
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

	(void)pipeline_bind(watch->pipeline, &binding->address, binding->hostname, binding->chain,
			    &binding->asker, binding->learned_ns, binding->expires_ns);
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
	int error;

	watch_settings(watch, &settings);
	settings.uid_seed = host_random();
	settings.hash_seed = host_random();
	if (pipeline_new(&settings, &edges, &watch->pipeline))
		return failure_set(watch->failure, -ENOMEM, "out of memory");
	watch->bindings_kept_ns = watch_now(watch);
	pipeline_tell_flows(watch->pipeline, FLOWS_NONE);
	/* What was asked for of late counts more, and comes later. */
	error = history_visited(watch->reader,
				watch_now(watch) - VISITED_DAYS * SECONDS_PER_DAY * NS_PER_SECOND,
				on_kept_binding, watch, watch->failure);
	return error ? error
		     : history_bindings(watch->reader, host_boot(), on_kept_binding, watch, watch->failure);
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
	char entry[HOSTNAME_MAX]; /* of a threat */
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
	text_copy(seed->entry, sizeof(seed->entry), row->entry[0] ? row->entry : row->domain);
	text_copy(seed->application, sizeof(seed->application), row->application);
	return ++seeds->count == SEEDS_MOST;
}

static int seed_by_alerts(struct watch *watch)
{
	struct history_filter filter = {.since_ns = watch_now(watch) - SECONDS_PER_DAY * NS_PER_SECOND};
	struct seeds seeds = {.rows = calloc(SEEDS_MOST, sizeof(*seeds.rows))};
	int error;

	if (!seeds.rows)
		return failure_set(watch->failure, -ENOMEM, "out of memory");
	error = history_alerts(watch->reader, &filter, on_late_alert, &seeds, watch->failure);
	for (size_t i = seeds.count; i-- > 0;) {
		const struct seed *seed = &seeds.rows[i];

		if (seed->threat)
			pipeline_threat_told(watch->pipeline, seed->entry, seed->application, seed->time_ns);
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
	int64_t expected = notices_expected_now(&watch->notices, host_boot(), clock_ns(CLOCK_BOOTTIME));
	int64_t now = watch_now(watch);

	if (expected && (now - expected >= CLOCK_STEP_LEAST_NS || expected - now >= CLOCK_STEP_LEAST_NS))
		watch_clock_step(watch, expected, now);
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
	notices_start(&watch->notices, watch->pipeline, look_at_clock_before(watch), watch_now(watch));
	return 0;
}

static bool can_count(void *context)
{
	uint64_t counters[FS_COUNTERS];

	return capture_counters(context, counters) == 0;
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
	watch->needs_bpf = privilege_needs_bpf(can_count, watch->capture);
	if (watch->needs_bpf)
		log_info(
			"this kernel reads no map without CAP_BPF (kernel.unprivileged_bpf_disabled is set): "
			"it is kept");
	error = privilege_drop_user(user, (struct privilege_kept){.ptrace = true, .bpf = watch->needs_bpf},
				    &changed, watch->failure);
	if (!error && !changed && geteuid() == 0 && user[0])
		log_warning("there is no user %s: going on as root, without capabilities", user);
	return error;
}

int watch_open(struct watch *watch)
{
	struct domain_settings grouping = {.private_suffixes = watch->config.private_suffixes,
					   .aws_buckets = watch->config.aws_buckets};
	struct capture_settings capture = {.dns_port_count = watch->config.dns_port_count,
					   .ring_bytes = watch->config.ring_bytes,
					   .sni = watch->config.sni,
					   .user = watch->config.user};
	int error = domain_rules_new(&grouping, &watch->rules, watch->failure);
	bool whole;

	memcpy(capture.dns_ports, watch->config.dns_ports, sizeof(capture.dns_ports));
	if (host_networks(&watch->config.inside, &watch->networks))
		watch->networks = watch->config.inside;
	if (!error) {
		watch->threats = lists_load(&watch->config, watch->rules, &whole);
		watch->lists_unread = !whole;
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

void watch_close(struct watch *watch)
{
	desk_close(watch->desk);
	lists_end(watch->loading);
	if (watch->writer && watch->pipeline)
		watch_finish(watch);
	else if (watch->writer)
		writer_stop(watch->writer, watch->batch, &(struct writer_states){.now_ns = watch_now(watch)});
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
