/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * privilege.h - giving up what is not needed any more, in two steps: after the programs are attached, another
 * user and one capability (to describe processes that are there already); after that, none, and a filter of
 * system calls. None of it can be taken back.
 */
#ifndef PRIVILEGE_PRIVILEGE_H
#define PRIVILEGE_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/failure.h"

/*
 * Makes the folder of `path` where it is missing, and gives it to `user`, so that it can be used
 * after the first step. Where this is not root, or the folder is there, nothing is changed. Best effort.
 */
void privilege_own_folder(const char *path, const char *user, mode_t mode);

/* Gives a file that root wrote to `user`. Links are not followed; a file that is not there is no failure.
 * Best effort. */
void privilege_own_file(const char *path, const char *user);

/*
 * Whether `works` fails without CAP_BPF and CAP_SYS_ADMIN: before Linux 5.19 and with
 * kernel.unprivileged_bpf_disabled set, bpf() then does nothing at all, not even with what is open already.
 */
bool privilege_needs_bpf(bool (*works)(void *context), void *context);

/* Of the capabilities that there are, those that are kept. */
struct privilege_kept {
	bool ptrace; /* to see which files other users' processes run; the filter refuses to trace with it */
	bool bpf;
};

/*
 * Step one. As root: becomes `user` with its group; "" or a user that does not exist: stays root.
 * *changed: whether it is another user now. 0 or -errno with *failure filled.
 */
int privilege_drop_user(const char *user, struct privilege_kept kept, bool *changed, struct failure *failure);

/*
 * Step two: no other capability than these; no new ones by executing files; the filter.
 * `internet`: it will ask the DNS, and may open sockets for that. For this thread and those it starts from
 * then on. 0 or -errno with *failure filled.
 */
int privilege_drop_all(struct privilege_kept kept, bool internet, struct failure *failure);

#endif
