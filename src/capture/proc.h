/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* proc.h - describes a process that was there before the kernel programs, from /proc. */
#ifndef CAPTURE_PROC_H
#define CAPTURE_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "firstseen/record.h"

/*
 * Fills *record for the owner (its tgid in this PID namespace). What can not be read
 * is left empty. 0, or -ESRCH where the process is gone, even if it went meanwhile.
 */
int proc_describe(const struct fs_owner *owner, int64_t time_ns, struct fs_record_process *record);

/* Whether the owner still runs, and its number was not given to another process, where its start is known. */
bool proc_is_alive(const struct fs_owner *owner);

#endif
