/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter.h - the system calls that the daemon needs once it watches; the one place that knows libseccomp. */
#ifndef PRIVILEGE_FILTER_H
#define PRIVILEGE_FILTER_H

#include "base/failure.h"

/* For this thread and those it will start; not to be taken back. Any other call fails with ENOSYS. 0 or
 * -errno. */
int filter_install(struct failure *failure);

#endif
