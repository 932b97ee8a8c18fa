/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* live.c - the only file that knows libbpf and the skeleton. */
#include "capture/capture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/text.h"
#include "capture/cgroup.h"
#include "firstseen.skel.h"

#define PROGRAMS_MAX 16
#define COUNTER_CPUS_MAX 4096

struct capture {
	struct firstseen_bpf *skeleton;
	struct ring_buffer *ring;
	capture_callback *callback;
	void *context;
	int cgroup;
	char cgroup_path[PATH_MAX];
	size_t link_count;
	struct bpf_link *links[PROGRAMS_MAX];
	const char *hooks[PROGRAMS_MAX + 1];
	int cpus;
	uint64_t *scratch; /* one value per CPU */
};

/* The last complaint of libbpf in this thread: the reason that its error number does not tell. */
static _Thread_local char complaint[256];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_WARN && complaint[0] == '\0') {
		vsnprintf(complaint, sizeof(complaint), format, arguments);
		complaint[strcspn(complaint, "\n")] = '\0';
	}
	return 0;
}

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
			"CAP_NET_ADMIN and CAP_SYS_PTRACE; lockdown=confidentiality refuses it too",
			what, complaint[0] ? complaint : strerror(-error));
	return failure_set(failure, error,
			   "could not %s: %s%s%s; firstseen needs Linux 5.15 or later with BTF", what,
			   strerror(-error), complaint[0] ? ": " : "", complaint);
}

static int on_record(void *context, void *data, size_t size)
{
	struct capture *capture = context;

	capture->callback(capture->context, data, size);
	return 0;
}

/* One daemon a host: the lock is on the cgroup root itself, which every mount of it shares, and ends with the
 * process. */
static int lock_host(struct capture *capture, struct failure *failure)
{
	if (flock(capture->cgroup, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return failure_set(
			failure, -EBUSY,
			"another firstseend is watching this host already (it holds the lock on %s); "
			"stop it first",
			capture->cgroup_path);
	return failure_set(failure, -errno, "can not lock the cgroup root %s: %s", capture->cgroup_path,
			   strerror(errno));
}

static int load(struct capture *capture, const struct capture_settings *settings, struct failure *failure)
{
	struct firstseen_bpf *skeleton = firstseen_bpf__open();
	int error;

	if (!skeleton)
		return explain(failure, -errno, "open the kernel programs");
	capture->skeleton = skeleton;
	skeleton->rodata->dns_port_count = settings->dns_port_count;
	for (uint32_t i = 0; i < settings->dns_port_count && i < 8; i++)
		skeleton->rodata->dns_ports[i] = settings->dns_ports[i];
	skeleton->rodata->wakeup_bytes = settings->ring_bytes / 4;
	skeleton->rodata->capture_sni = settings->sni;
	error = bpf_map__set_max_entries(skeleton->maps.ring, settings->ring_bytes);
	if (error)
		return explain(failure, error, "set the size of the ring");
	error = firstseen_bpf__load(skeleton);
	if (error)
		return explain(failure, error, "load the kernel programs");
	return 0;
}

static int attach(struct capture *capture, struct failure *failure)
{
	struct bpf_program *program;
	char what[128];

	bpf_object__for_each_program(program, capture->skeleton->obj)
	{
		struct bpf_link *link;

		if (capture->link_count == PROGRAMS_MAX)
			return failure_set(failure, -E2BIG, "more kernel programs than PROGRAMS_MAX");
		snprintf(what, sizeof(what), "attach %s", bpf_program__section_name(program));
		/* Links of the kernel's own kind: others' programs stay, and ours go with the process. */
		if (bpf_program__type(program) == BPF_PROG_TYPE_TRACING)
			link = bpf_program__attach(program);
		else
			link = bpf_program__attach_cgroup(program, capture->cgroup);
		if (!link)
			return explain(failure, -errno, what);
		capture->hooks[capture->link_count] = bpf_program__section_name(program);
		capture->links[capture->link_count++] = link;
	}
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

int capture_open(const struct capture_settings *settings, capture_callback *callback, void *context,
		 struct capture **out, struct failure *failure)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	int error;

	if (!capture)
		return failure_set(failure, -ENOMEM, "out of memory");
	complaint[0] = '\0';
	libbpf_set_print(keep_complaint);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	capture->callback = callback;
	capture->context = context;
	capture->cgroup = cgroup_open_root(capture->cgroup_path, failure);
	error = capture->cgroup < 0 ? capture->cgroup : lock_host(capture, failure);
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
	while (capture->link_count)
		bpf_link__destroy(capture->links[--capture->link_count]);
	ring_buffer__free(capture->ring);
	firstseen_bpf__destroy(capture->skeleton);
	if (capture->cgroup >= 0)
		close(capture->cgroup);
	free(capture->scratch);
	free(capture);
}

int capture_fd(const struct capture *capture)
{
	return ring_buffer__epoll_fd(capture->ring);
}

int capture_drain(struct capture *capture)
{
	return ring_buffer__consume(capture->ring);
}

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

const char *capture_cgroup_root(const struct capture *capture)
{
	return capture->cgroup_path;
}

const char *capture_hook_name(const struct capture *capture, size_t index)
{
	return index < capture->link_count ? capture->hooks[index] : NULL;
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
