/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* proc.h - describes a process that was there before the kernel programs, from /proc. */
#ifndef CAPTURE_PROC_H
#define CAPTURE_PROC_H

#include <stdint.h>

#include "firstseen/record.h"

/*
 * Fills *record for the owner (its tgid in this PID namespace). What can not be read
 * is left empty. 0, or -ESRCH where the process is gone.
 */
int proc_describe(const struct fs_owner *owner, int64_t time_ns, struct fs_record_process *record);

#endif
