/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter.h - the system calls that the daemon needs once it watches; the one place that knows libseccomp. */
#ifndef PRIVILEGE_FILTER_H
#define PRIVILEGE_FILTER_H

#include <stdbool.h>

#include "base/failure.h"

/*
 * For this thread and those it will start; not to be taken back. Any other call fails with ENOSYS.
 * `internet`: sockets of IPv4 and IPv6, too. 0 or -errno.
 */
int filter_install(bool internet, struct failure *failure);

#endif
