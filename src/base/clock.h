/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* clock.h - a clock of the system, read at the edge: the core is told the time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* What it shows, in ns: CLOCK_REALTIME (wall clock, that somebody may set), CLOCK_MONOTONIC, CLOCK_BOOTTIME.
 */
int64_t clock_ns(clockid_t clock);

#endif
