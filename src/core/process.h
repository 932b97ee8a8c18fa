/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * process.h - the processes that took part in traffic, and what an application
 * is: executable, container and, for interpreters, the script. Pure.
 */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firstseen/record.h"

#define PROCESS_EXE_MAX 1024
#define PROCESS_ARGUMENTS_MAX 1024
#define PROCESS_CGROUP_MAX 512
#define PROCESS_CONTAINER_MAX 80
#define APPLICATION_MAX 1200

struct process {
	struct fs_owner owner;
	uint32_t login_uid;
	uint32_t gid;
	uint32_t pid_namespace;
	uint32_t mount_namespace;
	char comm[FS_COMM_SIZE + 1];
	char exe[PROCESS_EXE_MAX];             /* absolute, or ""; "/.../x" lacks its outermost folders */
	char arguments[PROCESS_ARGUMENTS_MAX]; /* separated by one space; a space, control or backslash inside
						  is escaped \xNN */
	bool arguments_cut;
	char cgroup[PROCESS_CGROUP_MAX];       /* path below the cgroup v2 root: "/system.slice/x.service" */
	char container[PROCESS_CONTAINER_MAX]; /* "docker:0123456789ab", "unit:cron.service",
							  or "" */
	char script[PROCESS_EXE_MAX]; /* interpreters: script, module ("-m http.server"), "-jar X", or "-c"
					 for inline code; or "" */
	/* What history knows it by: EXE, then " SCRIPT", then " [CONTAINER]" where it is a container (units
	 * are not). Escaped like text for a terminal; one that does not fit ends in "~" and its hash. */
	char application[APPLICATION_MAX];
	uint64_t executable_hash; /* of exe and container; 0: not known */
	uint8_t ancestor_count;
	struct fs_ancestor ancestors[FS_ANCESTORS_MAX];
};

/* Fills *out from a record that was checked. Never fails: what is missing is "". */
void process_read(const struct fs_record_process *record, struct process *out);

/*
 * Recognises the container or unit in a cgroup path (docker, containerd, CRI-O,
 * podman, kubepods, systemd units; v1 and v2 shapes). "" where there is none.
 */
void process_container(const char *cgroup, char out[static PROCESS_CONTAINER_MAX]);

/* The script of an interpreter's command line (NUL-separated arguments), or "". */
void process_script(const char *exe, const char *arguments, size_t length, char out[static PROCESS_EXE_MAX]);

/* Pointers that process_table_get() keeps valid at a time, one a process. */
#define PROCESS_TABLE_POINTERS 4

struct process_table; /* the processes seen lately; least recently used goes first */

int process_table_new(size_t limit, struct process_table **out); /* 0 or -ENOMEM */
void process_table_free(struct process_table *table);

/* Remembers (or replaces) by owner's tgid, start and exec_id. 0 or -ENOMEM. */
int process_table_put(struct process_table *table, const struct process *process);

/*
 * The process of that owner, exec_id included; else the same process before or
 * after its exec; else NULL. Valid until the next put, or until as many other
 * processes as PROCESS_TABLE_POINTERS were asked for.
 */
const struct process *process_table_get(struct process_table *table, const struct fs_owner *owner);

#endif
