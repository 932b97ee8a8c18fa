/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* load.h - takes the kernel programs, all or some, out of the skeleton and into the kernel. */
#ifndef CAPTURE_LOAD_H
#define CAPTURE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"
#include "capture/hooks.h"

struct firstseen_bpf; /* the skeleton */
struct bpf_link;

struct load_wish {
	const struct capture_settings *settings;
	uint32_t hooks;     /* bit i: the program of hook i */
	bool kernel_memory; /* let them read kernel memory */
	bool probing;       /* they count what they do for one socket; small tables */
};

#define LOAD_ALL ((1u << HOOKS) - 1)

/* Forgets the last complaint, and keeps libbpf's from now on off the terminal. */
void load_begin(void);

/* The first complaint of libbpf in this thread since load_begin: the reason that an error number does not
 * tell. "" where there was none. */
const char *load_complaint(void);

/* Whether programs may read kernel memory by address: 1 or 0, or -errno where it can not be found out. */
int load_kernel_memory(void);

/* Loads; attaches nothing. *out is the caller's: firstseen_bpf__destroy. 0 or -errno. */
int load_programs(const struct load_wish *wish, struct firstseen_bpf **out);

/* Of a hook's programs; NULL: not attached, or no such program. */
struct hook_links {
	struct bpf_link *first, *second;
};

/* Attaches a hook's loaded programs, all or none. The links are the caller's: load_detach. 0 or -errno. */
int load_attach(struct firstseen_bpf *skeleton, enum hook_id id, int cgroup, struct hook_links *out);
void load_detach(struct hook_links *links);

/*
 * Loads what this kernel takes: everything, or all but what is refused. `results` tells what. 0; or the
 * error of a needed program (*needed is which, HOOKS where it is none's in particular).
 */
int load_what_works(const struct capture_settings *settings, struct firstseen_bpf **out,
		    struct hook_result results[static HOOKS], enum hook_id *needed);

/* Writes down that a hook is not there. */
void load_failed(struct hook_result *result, int error);
void load_no_kernel_memory(struct hook_result *result);

#endif
