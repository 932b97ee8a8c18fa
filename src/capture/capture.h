/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* capture.h - the kernel side: loads and attaches the programs, drains the ring, or tries what of it works.
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "capture/hooks.h"
#include "firstseen/record.h"

struct capture; /* opaque */

struct capture_settings {
	uint32_t dns_port_count;
	uint16_t dns_ports[8];
	uint32_t ring_bytes; /* a power of two */
	bool sni;
	const char *user; /* that a daemon becomes; "": none */
};

/* `record` points into the ring and lives until the callback returns. */
typedef void capture_callback(void *context, const void *record, size_t size);

/*
 * Loads and attaches what this host takes: everything, or what the main job needs with
 * capture_hooks telling the rest, or nothing: on failure no program, link or map is
 * left. 0; -EPERM privileges; -ENOSYS kernel too old or without BTF; -ENOENT no
 * cgroup v2; -EBUSY another firstseend watches this host. *failure says what to do.
 */
int capture_open(const struct capture_settings *settings, capture_callback *callback, void *context,
		 struct capture **out, struct failure *failure);
void capture_close(struct capture *capture);

/* A descriptor that polls readable when the ring is a quarter full. */
int capture_fd(const struct capture *capture);

/* Hands over the records that wait, some thousands at most. Returns how many, or -errno. */
int capture_drain(struct capture *capture);

/*
 * Hands over what was there before the programs: for every socket that is connected
 * already its process and a FLOW_OPEN with FS_FLAG_PREEXISTING. Sockets that a
 * listening port accepted are not outbound and are left out. Once, after capture_open.
 * Returns how many flows, or -errno with *failure filled.
 */
int capture_preexisting(struct capture *capture, struct failure *failure);

/*
 * Hands over the bytes so far of all open flows, and meanwhile what waits in the ring. UDP
 * flows that stood still since the round before last are told closed. 0 or -errno.
 */
int capture_volumes(struct capture *capture);

/* Sums the counters over all CPUs. 0 or -errno. */
int capture_counters(struct capture *capture, uint64_t counters[static FS_COUNTERS]);

/* What somebody took away from a capture that was whole. */
struct capture_taken {
	const char *gap; /* why nothing was seen since, as the history keeps it; static */
	char what[384];  /* "the kernel program at cgroup/connect4 was detached by somebody else" */
};

/*
 * Whether a program was detached or replaced, or the cgroup that is watched deleted, by somebody else: then
 * *out is filled, and nothing brings it back but a new capture.
 */
bool capture_taken_away(const struct capture *capture, struct capture_taken *out);

/* Whether that is the root of all cgroups: else (in a container) only what is below it is watched. */
bool capture_is_whole(const struct capture *capture);

/* Where cgroup v2 is mounted. Lives as long as the capture. */
const char *capture_cgroup_root(const struct capture *capture);

/* What is there and what is not: HOOKS results, which live as long as the capture. */
const struct hook_result *capture_hooks(const struct capture *capture);

/*
 * Tries each hook by itself: loads and attaches its program alone, makes traffic of its own on
 * loopback that the program should see, and takes it away again. Beside a running daemon
 * too, which it does not disturb. Fills `results`. `cgroup_root` tells where cgroup v2 is; where it
 * is nowhere, the hooks that need it are missing and *failure says why (else its text is "").
 */
void capture_probe(struct hook_result results[static HOOKS], char cgroup_root[static PATH_MAX],
		   struct failure *failure);

/* The process that watches this host now (as seen from here), 0: none, -errno: it can not be told. */
int capture_watcher(void);

/* "lost_flow_open", "emitted_process", "storage_failed", ... */
const char *capture_counter_name(enum fs_counter counter);

#endif
