/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* process.h - describes the current process once, before it can be gone. */
#ifndef FIRSTSEEN_BPF_PROCESS_H
#define FIRSTSEEN_BPF_PROCESS_H

#include "common.h"

#define PATH_DEPTH_MAX 32
#define NAME_SIZE 256

/*
 * Appends `name` and its NUL to a path buffer. The buffer has NAME_SIZE bytes
 * more than `room`, so that a name that starts inside always fits. Returns the new length.
 */
static __always_inline __u32 append_name(char *buffer, __u32 length, __u32 room, const void *name)
{
	__u32 at = length;
	long size;

	/* A value of its own, looked at just before it is used: older verifiers do not know the bound of what
	 * comes back from the stack. */
	barrier_var(at);
	if (at >= room)
		return length;
	size = bpf_probe_read_kernel_str(buffer + at, NAME_SIZE, name);
	if (size <= 1 || size > NAME_SIZE)
		return length;
	/* Changes nothing (room and a name make a power of two) but what the verifier has to remember: else
	 * it looks at each length apart, for each step of the path. */
	length += size;
	barrier_var(length);
	return length & (room + NAME_SIZE - 1);
}

/* The components of a path up to the root of its mount namespace, last one first. */
static __noinline int read_exe(struct fs_record_process *record, struct task_struct *task)
{
	struct file *file;
	struct dentry *dentry;
	struct vfsmount *vfsmount;
	struct mount *mount;
	__u32 length = 0;

	if (!record || !task)
		return 0;
	file = BPF_CORE_READ(task, mm, exe_file);
	if (!file)
		return 0;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	vfsmount = BPF_CORE_READ(file, f_path.mnt);
	mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	for (int i = 0; i < PATH_DEPTH_MAX; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

		if (dentry == BPF_CORE_READ(mount, mnt.mnt_root) || dentry == parent) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount)
				goto whole;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			continue;
		}
		if (length >= FS_PATH_SIZE - NAME_SIZE)
			break;
		length = append_name(record->exe, length, FS_PATH_SIZE - NAME_SIZE,
				     BPF_CORE_READ(dentry, d_name.name));
		dentry = parent;
	}
	record->exe_cut = 1;
whole:
	record->exe_length = length;
	return 0;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___since_6_15 *renamed = (void *)node;

	if (bpf_core_field_exists(renamed->__parent))
		return BPF_CORE_READ(renamed, __parent);
	return BPF_CORE_READ(node, parent);
}

static __noinline int read_cgroup(struct fs_record_process *record, struct task_struct *task)
{
	struct kernfs_node *node;
	__u32 length = 0;

	if (!record || !task)
		return 0;
	node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	for (int i = 0; i < PATH_DEPTH_MAX / 2; i++) {
		struct kernfs_node *parent;

		if (!node)
			goto whole;
		parent = kernfs_parent(node);
		if (!parent) /* the root has no name */
			goto whole;
		if (length >= FS_CGROUP_SIZE - NAME_SIZE)
			break;
		length = append_name(record->cgroup, length, FS_CGROUP_SIZE - NAME_SIZE,
				     BPF_CORE_READ(node, name));
		node = parent;
	}
	record->cgroup_cut = 1;
whole:
	record->cgroup_length = length;
	return 0;
}

static __noinline int read_arguments(struct fs_record_process *record, struct task_struct *task)
{
	unsigned long start, end;
	__u64 length;

	if (!record || !task)
		return 0;
	start = BPF_CORE_READ(task, mm, arg_start);
	end = BPF_CORE_READ(task, mm, arg_end);
	if (!start || end <= start)
		return 0;
	length = end - start;
	if (length > FS_ARGUMENTS_SIZE) {
		length = FS_ARGUMENTS_SIZE;
		record->arguments_cut = 1;
	}
	if (bpf_probe_read_user(record->arguments, length, (void *)start) == 0)
		record->arguments_length = length;
	return 0;
}

static __always_inline void read_ancestors(struct fs_record_process *record, struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent, group_leader);

	for (int i = 0; i < FS_ANCESTORS_MAX; i++) {
		struct fs_ancestor *ancestor = &record->ancestors[i];
		__u32 tgid = BPF_CORE_READ(parent, tgid);

		if (!tgid)
			break;
		ancestor->tgid = tgid;
		ancestor->start_ns = BPF_CORE_READ(parent, start_boottime);
		BPF_CORE_READ_INTO(&ancestor->comm, parent, comm);
		record->ancestor_count = i + 1;
		parent = BPF_CORE_READ(parent, real_parent, group_leader);
	}
}

static __always_inline __u32 pid_namespace(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	if (level > 32)
		return 0;
	bpf_core_read(&upid, sizeof(upid), &pid->numbers[level]);
	return BPF_CORE_READ(upid.ns, ns.inum);
}

/*
 * Emits FS_RECORD_PROCESS for the current process, the first time it (or its new program) acts.
 * 0, or -1 where the ring was full. Not static: see packet_read().
 */
__noinline int describe(const struct fs_owner *owner)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct process_key key = {};
	struct fs_record_process *record;
	__u8 one = 1;

	if (!owner)
		return 0;
	key.start_ns = owner->start_ns;
	key.tgid = owner->tgid;
	key.exec_id = owner->exec_id;
	if (bpf_map_lookup_elem(&described, &key))
		return 0;
	record = reserve(FS_RECORD_PROCESS, sizeof(*record));
	if (!record)
		return -1; /* counted; tried again at its next act */
	begin(&record->header, FS_RECORD_PROCESS, 0, sizeof(*record), 0, owner);
	/* The ring's memory is not clean: whatever a record does not fill would be left over from another. */
	__builtin_memset((void *)record + sizeof(record->header), 0,
			 __builtin_offsetof(struct fs_record_process, exe) - sizeof(record->header));
	record->login_uid = FS_UID_UNKNOWN;
	if (!kernel_memory) { /* the reader asks /proc for the rest */
		struct task_struct *known = bpf_get_current_task_btf();

		for (int i = 0; i < FS_COMM_SIZE; i++)
			record->comm[i] = known->comm[i];
		record->gid = known->cred->gid.val;
		goto told;
	}
	if (bpf_core_field_exists(task->loginuid))
		record->login_uid = BPF_CORE_READ(task, loginuid.val);
	record->gid = BPF_CORE_READ(task, cred, gid.val);
	record->mount_namespace = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	record->pid_namespace = pid_namespace(task);
	BPF_CORE_READ_INTO(&record->comm, task, group_leader, comm);
	read_ancestors(record, task);
	read_exe(record, task);
	read_cgroup(record, task);
	read_arguments(record, task);
told:
	submit(FS_RECORD_PROCESS, record);
	bpf_map_update_elem(&described, &key, &one, BPF_ANY);
	return 0;
}

/* Whether the socket's known owner is the current process. Only in process context. */
static __always_inline bool is_current_owner(const struct fs_owner *owner)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return owner->tgid == (__u32)task->tgid && owner->exec_id == (__u32)task->self_exec_id &&
	       owner->start_ns == task->group_leader->start_boottime;
}

/*
 * Whether the known owner executes another program by now. In any context: where
 * `current` is somebody else, nothing is said.
 */
static __always_inline bool is_replaced(const struct fs_owner *owner)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return owner->tgid == (__u32)task->tgid && owner->exec_id != (__u32)task->self_exec_id &&
	       owner->start_ns == task->group_leader->start_boottime;
}

static __always_inline void task_owner(struct task_struct *task, struct fs_owner *owner)
{
	owner->tgid = task->tgid;
	owner->start_ns = task->group_leader->start_boottime;
	owner->exec_id = task->self_exec_id;
	owner->uid = task->cred->uid.val;
	owner->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	owner->netns = task->nsproxy->net_ns->ns.inum;
}

/* The current task as an owner. Only in process context. */
static __always_inline void current_owner(struct fs_owner *owner)
{
	task_owner(bpf_get_current_task_btf(), owner);
}

#endif
