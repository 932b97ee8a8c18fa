/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* live.c - the running capture. */
#include "capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "capture/cgroup.h"
#include "capture/load.h"
#include "capture/proc.h"
#include "firstseen.skel.h"

#define COUNTER_CPUS_MAX 4096
/* Records: what comes faster than it is read must not keep the reader for ever. */
#define DRAINED_MOST 16384
#define CGROUP_ROOT_INODE 1 /* of the host's; that of a cgroup namespace has another */

/* As in the programs: bpf/common.h. */
struct udp_flow_key {
	uint64_t cookie;
	uint8_t address[16];
	uint16_t port;
	uint16_t reserved[3];
};

struct udp_flow {
	uint64_t bytes_out;
	uint64_t bytes_in;
	uint32_t inbound;
	uint32_t round;
};

struct capture {
	struct firstseen_bpf *skeleton;
	struct ring_buffer *ring;
	capture_callback *callback;
	void *context;
	int cgroup;
	int alive; /* a file of the cgroup, which can not be read once that is deleted */
	char cgroup_path[PATH_MAX];
	struct hook_links links[HOOKS];
	uint32_t programs[HOOKS][2]; /* the kernel's numbers of what hangs there */
	struct hook_result results[HOOKS];
	int cpus;
	uint64_t *scratch;   /* one value per CPU */
	unsigned drain_left; /* records, in this call */
};

static int explain(struct failure *failure, int error, const char *what)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		return failure_set(
			failure, -ENOSYS,
			"this kernel offers no BTF (/sys/kernel/btf/vmlinux); firstseen needs Linux "
			"5.15 or later built with CONFIG_DEBUG_INFO_BTF=y");
	if (error == -EPERM || error == -EACCES)
		return failure_set(
			failure, -EPERM,
			"the kernel refused to %s (%s); run as root, or with CAP_BPF, CAP_PERFMON, "
			"CAP_NET_ADMIN and CAP_SYS_PTRACE; \"firstseen doctor\" tells more",
			what, load_complaint()[0] ? load_complaint() : strerror(-error));
	return failure_set(failure, error,
			   "could not %s: %s%s%s; firstseen needs Linux 5.15 or later with BTF; "
			   "\"firstseen doctor\" tells more",
			   what, strerror(-error), load_complaint()[0] ? ": " : "", load_complaint());
}

static int on_record(void *context, void *data, size_t size)
{
	struct capture *capture = context;
	const struct fs_record_header *header = data;
	struct fs_record_process process;

	/* What the programs may not read of the kernel, /proc tells; of who is gone by now, nobody does. */
	if (!hook_is_there(capture->results[HOOK_KERNEL_MEMORY].state) && size == sizeof(process) &&
	    header->kind == FS_RECORD_PROCESS &&
	    proc_describe(&header->owner, (int64_t)header->time_ns, &process) == 0)
		data = &process;
	capture->callback(capture->context, data, size);
	return --capture->drain_left ? 0 : -EAGAIN; /* it is taken all the same */
}

/* Anybody may lock a folder that he may read. Only one who could be a daemon is taken for one. */
static bool is_held_by_daemon(const struct capture *capture, const char *user)
{
	int holder = cgroup_lock_holder(capture->cgroup);
	const struct passwd *service = user[0] ? getpwnam(user) : NULL;
	struct stat status;
	char path[64];

	if (holder <= 0)
		return holder < 0;
	snprintf(path, sizeof(path), "/proc/%d", holder);
	return stat(path, &status) < 0 || status.st_uid == 0 || status.st_uid == geteuid() ||
	       (service && status.st_uid == service->pw_uid);
}

/* One daemon a host: the lock is on the cgroup root itself, which every mount of it shares, and ends with the
 * process. */
static int lock_host(struct capture *capture, const char *user, struct failure *failure)
{
	bool held;

	if (flock(capture->cgroup, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return failure_set(failure, -errno, "can not lock the cgroup root %s: %s",
				   capture->cgroup_path, strerror(errno));
	held = is_held_by_daemon(capture, user);
	if (flock(capture->cgroup, LOCK_EX | LOCK_NB) == 0)
		return 0; /* whoever held it has ended meanwhile, and who it was may be wrong */
	if (held)
		return failure_set(
			failure, -EBUSY,
			"another firstseend is watching this host already (it holds the lock on %s); "
			"stop it first",
			capture->cgroup_path);
	log_warning(
		"a user without rights holds the lock on %s, by which a daemon knows whether it is the only "
		"one: see who it is (lslocks)",
		capture->cgroup_path);
	return 0;
}

static int explain_hook(struct failure *failure, const struct hook_result *result, enum hook_id id,
			const char *verb)
{
	char what[256];

	snprintf(what, sizeof(what), "%s %s, which sees %s", verb, hook_of(id)->name, hook_of(id)->job);
	return explain(failure, result->error, what);
}

static int load(struct capture *capture, const struct capture_settings *settings, struct failure *failure)
{
	enum hook_id needed;
	int error = load_what_works(settings, &capture->skeleton, capture->results, &needed);

	if (error && needed < HOOKS)
		return explain_hook(failure, &capture->results[needed], needed, "load");
	return error ? explain(failure, error, "load the kernel programs") : 0;
}

/* What a link holds. 0: nothing, or it can not be told. */
static uint32_t program_of(const struct bpf_link *link)
{
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	return link && bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) == 0 ? info.prog_id : 0;
}

static int attach(struct capture *capture, struct failure *failure)
{
	const struct hook_result *results = capture->results;

	/* Before the first packet: a flow that begins in the map stays there, and costs more for as long as
	 * it lives. */
	capture->skeleton->bss->peers_are_told =
		hook_is_there(results[HOOK_RELEASE].state) && hook_is_there(results[HOOK_SOCKETS].state);
	for (int i = 0; i < HOOKS; i++) {
		enum hook_id id = (enum hook_id)i;
		struct hook_result *result = &capture->results[id];
		int error;

		if (!hook_of(id)->program || !hook_is_there(result->state))
			continue;
		load_begin();
		error = load_attach(capture->skeleton, id, capture->cgroup, &capture->links[id]);
		if (!error) {
			capture->programs[id][0] = program_of(capture->links[id].first);
			capture->programs[id][1] = program_of(capture->links[id].second);
			continue;
		}
		load_failed(result, error);
		if (hook_of(id)->needed)
			return explain_hook(failure, result, id, "attach");
	}
	capture->skeleton->bss->peers_are_told =
		capture->links[HOOK_RELEASE].first && capture->links[HOOK_SOCKETS].first;
	return 0;
}

static int open_ring(struct capture *capture, struct failure *failure)
{
	capture->ring = ring_buffer__new(bpf_map__fd(capture->skeleton->maps.ring), on_record, capture, NULL);
	if (!capture->ring)
		return explain(failure, -errno, "open the ring");
	capture->cpus = libbpf_num_possible_cpus();
	if (capture->cpus < 1 || capture->cpus > COUNTER_CPUS_MAX)
		return failure_set(failure, -EINVAL, "can not tell the number of CPUs");
	capture->scratch = calloc((size_t)capture->cpus, sizeof(*capture->scratch));
	if (!capture->scratch)
		return failure_set(failure, -ENOMEM, "out of memory");
	return 0;
}

static int open_alive(struct capture *capture, struct failure *failure)
{
	capture->alive = openat(capture->cgroup, "cgroup.controllers", O_RDONLY | O_CLOEXEC);
	if (capture->alive >= 0)
		return 0;
	return failure_set(failure, -errno, "%s/cgroup.controllers can not be opened: %s",
			   capture->cgroup_path, strerror(errno));
}

int capture_open(const struct capture_settings *settings, capture_callback *callback, void *context,
		 struct capture **out, struct failure *failure)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	int error;

	if (!capture)
		return failure_set(failure, -ENOMEM, "out of memory");
	load_begin();
	capture->callback = callback;
	capture->context = context;
	capture->cgroup = cgroup_open_root(capture->cgroup_path, failure);
	capture->alive = -1;
	error = capture->cgroup < 0 ? capture->cgroup : lock_host(capture, settings->user, failure);
	if (!error)
		error = open_alive(capture, failure);
	if (!error)
		error = load(capture, settings, failure);
	if (!error)
		error = open_ring(capture, failure);
	if (!error)
		error = attach(capture, failure);
	if (error) {
		capture_close(capture);
		return error;
	}
	*out = capture;
	return 0;
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	for (int i = 0; i < HOOKS; i++)
		load_detach(&capture->links[i]);
	ring_buffer__free(capture->ring);
	firstseen_bpf__destroy(capture->skeleton);
	if (capture->alive >= 0)
		close(capture->alive);
	if (capture->cgroup >= 0)
		close(capture->cgroup);
	free(capture->scratch);
	free(capture);
}

/*
 * The kernel keeps a cgroup's link that was detached, without its cgroup. Others can not be detached. Into
 * some another program can be put. What was done to it by somebody else, NULL: nothing.
 */
static const char *done_to(const struct bpf_link *link, uint32_t program)
{
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	if (!link || bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size))
		return NULL;
	if (info.type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id == 0)
		return "detached";
	return program && info.prog_id != program ? "replaced" : NULL;
}

/*
 * A deleted cgroup keeps its programs for as long as a socket made in it lives, which may be one of ours: its
 * links do not tell. Its files do.
 */
static bool is_deleted(const struct capture *capture)
{
	char byte;

	return pread(capture->alive, &byte, 1, 0) < 0 && errno == ENODEV;
}

bool capture_taken_away(const struct capture *capture, struct capture_taken *out)
{
	if (is_deleted(capture)) {
		out->gap = "the cgroup was deleted";
		snprintf(out->what, sizeof(out->what), "the cgroup %.256s was deleted", capture->cgroup_path);
		return true;
	}
	for (int i = 0; i < HOOKS; i++) {
		const char *done = done_to(capture->links[i].first, capture->programs[i][0]);

		if (!done)
			done = done_to(capture->links[i].second, capture->programs[i][1]);
		if (!done)
			continue;
		out->gap = strcmp(done, "replaced") == 0 ? "a kernel program was replaced"
							 : "a kernel program was detached";
		snprintf(out->what, sizeof(out->what), "the kernel program at %s was %s by somebody else",
			 hook_of((enum hook_id)i)->name, done);
		return true;
	}
	return false;
}

int capture_fd(const struct capture *capture)
{
	return ring_buffer__epoll_fd(capture->ring);
}

int capture_drain(struct capture *capture)
{
	int taken;

	capture->drain_left = DRAINED_MOST;
	taken = ring_buffer__consume(capture->ring);
	return taken == -EAGAIN ? DRAINED_MOST : taken;
}

static int drain_within(struct capture *capture)
{
	int drained = capture_drain(capture);

	return drained < 0 && drained != -EINTR ? drained : 0;
}

/* --- what was there before -------------------------------------------------------------- */

#define TCP_STATE_LISTEN 10
#define OLDER_MOST 262144 /* sockets looked at */
#define ITERATED 256      /* records read at once */

struct older {
	size_t count, size;
	struct fs_record_flow *sockets; /* owned */
};

/* Keeps one of those that were there before. */
static int keep_older(struct older *older, const struct fs_record_flow *record)
{
	if (older->count == OLDER_MOST)
		return 0;
	if (older->count == older->size) {
		size_t size = older->size ? older->size * 2 : 256;
		struct fs_record_flow *more = realloc(older->sockets, size * sizeof(*more));

		if (!more)
			return -ENOMEM;
		older->sockets = more;
		older->size = size;
	}
	older->sockets[older->count++] = *record;
	return 0;
}

/*
 * Each socket of the host is looked at. What is told of them goes to `older`, or where that is NULL to the
 * callback; then the ring is drained meanwhile, since this takes its time where there are many.
 */
static int run_iterator(struct capture *capture, struct older *older)
{
	static struct fs_record_flow records[ITERATED]; /* one capture a process */
	size_t held = 0;
	ssize_t length;
	int fd, error = 0;

	if (!capture->links[HOOK_SOCKETS].first)
		return 0; /* said to be missing */
	fd = bpf_iter_create(bpf_link__fd(capture->links[HOOK_SOCKETS].first));
	if (fd < 0)
		return -errno;
	/* Reads may end in the middle of a record. */
	while (!error && ((length = read(fd, (char *)records + held, sizeof(records) - held)) > 0 ||
			  (length < 0 && errno == EAGAIN))) {
		size_t count;

		held += length > 0 ? (size_t)length : 0;
		count = held / sizeof(records[0]);
		for (size_t i = 0; i < count && !error; i++) {
			if (older)
				error = keep_older(older, &records[i]);
			else
				capture->callback(capture->context, &records[i], sizeof(records[i]));
		}
		held -= count * sizeof(records[0]);
		memmove(records, &records[count], held);
		if (!older && !error)
			error = drain_within(capture);
	}
	if (!error && length < 0)
		error = -errno;
	close(fd);
	return error;
}

static bool is_listening(const struct fs_record_flow *socket)
{
	return socket->endpoints.protocol == IPPROTO_TCP && socket->reserved == TCP_STATE_LISTEN;
}

static int by_place(const void *a, const void *b)
{
	const struct fs_record_flow *one = a, *other = b;

	if (one->header.owner.netns != other->header.owner.netns)
		return one->header.owner.netns < other->header.owner.netns ? -1 : 1;
	if (one->endpoints.local_port != other->endpoints.local_port)
		return one->endpoints.local_port < other->endpoints.local_port ? -1 : 1;
	return is_listening(other) - is_listening(one);
}

static int by_process(const void *a, const void *b)
{
	const struct fs_record_flow *one = a, *other = b;

	if (one->header.owner.tgid != other->header.owner.tgid)
		return one->header.owner.tgid < other->header.owner.tgid ? -1 : 1;
	return one->header.cookie < other->header.cookie ? -1 : one->header.cookie > other->header.cookie;
}

/* Keeps the sockets with a peer that no listening port of their namespace let in. */
static void keep_outbound(struct older *older)
{
	const struct fs_record_flow *listener = NULL;
	static const uint8_t none[16], none_v4[16] = {[10] = 0xff, [11] = 0xff};
	size_t kept = 0;

	/* A namespace's listener of a port sorts before the port's connections. */
	if (older->count) /* else there is no array */
		qsort(older->sockets, older->count, sizeof(*older->sockets), by_place);
	for (size_t i = 0; i < older->count; i++) {
		struct fs_record_flow *socket = &older->sockets[i];

		if (is_listening(socket)) {
			static _Thread_local struct fs_record_flow last;

			last = *socket;
			listener = &last;
			continue;
		}
		if (listener && socket->endpoints.protocol == IPPROTO_TCP &&
		    listener->header.owner.netns == socket->header.owner.netns &&
		    listener->endpoints.local_port == socket->endpoints.local_port)
			continue;
		if (socket->endpoints.remote_port == 0 ||
		    memcmp(socket->endpoints.remote_address, none, 16) == 0 ||
		    memcmp(socket->endpoints.remote_address, none_v4, 16) == 0)
			continue;
		socket->reserved = 0;
		older->sockets[kept++] = *socket;
	}
	older->count = kept;
}

int capture_preexisting(struct capture *capture, struct failure *failure)
{
	struct fs_record_process process;
	struct older older = {0};
	uint32_t described = 0;
	uint64_t told = 0;
	int count = 0;
	int error;

	capture->skeleton->bss->telling_older = true;
	error = run_iterator(capture, &older);
	capture->skeleton->bss->telling_older = false;
	capture->skeleton->bss->older_told = true;
	if (error) {
		free(older.sockets);
		load_begin();
		return explain(failure, error, "list the sockets that are older than this daemon");
	}
	keep_outbound(&older);
	if (older.count)
		qsort(older.sockets, older.count, sizeof(*older.sockets), by_process);
	for (size_t i = 0; i < older.count; i++) {
		const struct fs_record_flow *socket = &older.sockets[i];

		if (socket->header.cookie == told) /* open in one process under two numbers */
			continue;
		told = socket->header.cookie;
		if (socket->header.owner.tgid != described &&
		    proc_describe(&socket->header.owner, (int64_t)socket->header.time_ns, &process) == 0)
			capture->callback(capture->context, &process, sizeof(process));
		described = socket->header.owner.tgid;
		capture->callback(capture->context, socket, sizeof(*socket));
		count++;
	}
	free(older.sockets);
	return count;
}

/* --- volumes ------------------------------------------------------------------------------ */

#define BATCH 1024

static void tell_udp(struct capture *capture, const struct udp_flow_key *key, const struct udp_flow *flow,
		     uint64_t now_ns, bool closed)
{
	struct fs_record_flow record = {
		.header = {.kind = FS_RECORD_FLOW_VOLUME,
			   .flags = closed ? FS_FLAG_CLOSED : 0,
			   .size = sizeof(record),
			   .time_ns = now_ns,
			   .cookie = key->cookie},
		.endpoints = {.remote_port = key->port, .protocol = IPPROTO_UDP},
		.bytes_out = flow->bytes_out,
		.bytes_in = flow->bytes_in,
		.outcome = flow->bytes_in ? FS_OUTCOME_ESTABLISHED : FS_OUTCOME_UNKNOWN,
	};

	memcpy(record.endpoints.remote_address, key->address, 16);
	capture->callback(capture->context, &record, sizeof(record));
}

static int udp_volumes(struct capture *capture)
{
	static struct udp_flow_key keys[BATCH]; /* one capture a process */
	static struct udp_flow flows[BATCH];
	int map = bpf_map__fd(capture->skeleton->maps.udp_flows);
	uint32_t round = capture->skeleton->bss->reader_round, position = 0;
	uint64_t now_ns = (uint64_t)clock_ns(CLOCK_BOOTTIME);
	bool first = true;
	int error = 0;

	/* From here on a datagram marks its flow for the next round: none that comes meanwhile is passed
	 * over. */
	capture->skeleton->bss->reader_round = round + 1;
	while (!error) {
		uint32_t count = BATCH;

		if (bpf_map_lookup_batch(map, first ? NULL : &position, &position, keys, flows, &count, NULL))
			error = -errno; /* ENOENT: that was all; what it filled counts */
		if (error && error != -ENOENT)
			break;
		first = false;
		for (uint32_t i = 0; i < count; i++) {
			/* Signed: a flow may have been marked for the next round already. */
			int32_t rounds = (int32_t)(round - flows[i].round);
			/* What came in first is left to the map's own order: a late reply is still a reply.
			 */
			bool idle = rounds >= 2 && !flows[i].inbound;

			if (!flows[i].inbound && (idle || rounds <= 0))
				tell_udp(capture, &keys[i], &flows[i], now_ns, idle);
			if (idle)
				bpf_map_delete_elem(map, &keys[i]);
		}
	}
	return error == -ENOENT ? 0 : error;
}

int capture_volumes(struct capture *capture)
{
	int error = run_iterator(capture, NULL);

	return error ? error : udp_volumes(capture);
}

/* --- facts ---------------------------------------------------------------------------------- */

int capture_counters(struct capture *capture, uint64_t counters[static FS_COUNTERS])
{
	int map = bpf_map__fd(capture->skeleton->maps.counters);

	for (uint32_t i = 0; i < FS_COUNTERS; i++) {
		uint64_t sum = 0;

		if (bpf_map_lookup_elem(map, &i, capture->scratch) < 0)
			return -errno;
		for (int cpu = 0; cpu < capture->cpus; cpu++)
			sum += capture->scratch[cpu];
		counters[i] = sum;
	}
	return 0;
}

bool capture_is_whole(const struct capture *capture)
{
	struct stat status;

	return fstat(capture->cgroup, &status) < 0 || status.st_ino == CGROUP_ROOT_INODE;
}

const char *capture_cgroup_root(const struct capture *capture)
{
	return capture->cgroup_path;
}

const struct hook_result *capture_hooks(const struct capture *capture)
{
	return capture->results;
}

const char *capture_counter_name(enum fs_counter counter)
{
	static const char *const names[FS_COUNTERS] = {
		[FS_COUNT_LOST + FS_RECORD_NONE] = "lost_other",
		[FS_COUNT_LOST + FS_RECORD_PROCESS] = "lost_process",
		[FS_COUNT_LOST + FS_RECORD_FLOW_OPEN] = "lost_flow_open",
		[FS_COUNT_LOST + FS_RECORD_FLOW_VOLUME] = "lost_flow_volume",
		[FS_COUNT_LOST + FS_RECORD_DATAGRAM] = "lost_datagram",
		[FS_COUNT_LOST + FS_RECORD_SEGMENT] = "lost_segment",
		[FS_COUNT_EMITTED + FS_RECORD_NONE] = "emitted_other",
		[FS_COUNT_EMITTED + FS_RECORD_PROCESS] = "emitted_process",
		[FS_COUNT_EMITTED + FS_RECORD_FLOW_OPEN] = "emitted_flow_open",
		[FS_COUNT_EMITTED + FS_RECORD_FLOW_VOLUME] = "emitted_flow_volume",
		[FS_COUNT_EMITTED + FS_RECORD_DATAGRAM] = "emitted_datagram",
		[FS_COUNT_EMITTED + FS_RECORD_SEGMENT] = "emitted_segment",
		[FS_COUNT_STORAGE_FAILED] = "storage_failed",
		[FS_COUNT_FLOW_MAP_FAILED] = "flow_map_failed",
		[FS_COUNT_OWNER_UNKNOWN] = "owner_unknown",
	};

	return counter < FS_COUNTERS ? names[counter] : "unknown";
}
