/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* platform.h - reads what the kernel says of itself and of this process. Pure. */
#ifndef CAPTURE_PLATFORM_H
#define CAPTURE_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The oldest kernel that this was written for. */
#define PLATFORM_KERNEL_MAJOR 5
#define PLATFORM_KERNEL_MINOR 15

/* Reads "5.15.0-91-generic": 0, or -EINVAL with nothing touched. */
int platform_kernel(const char *release, unsigned *major, unsigned *minor);
bool platform_kernel_is_enough(unsigned major, unsigned minor);

/*
 * Reads /sys/kernel/security/lockdown ("none [integrity] confidentiality"): what stands in brackets.
 * 0, or -EINVAL with `mode` untouched.
 */
#define PLATFORM_LOCKDOWN_MAX 32
int platform_lockdown(const char *text, char mode[static PLATFORM_LOCKDOWN_MAX]);

/* Reads the effective capabilities out of /proc/self/status. 0, or -EINVAL with *set untouched. */
int platform_capabilities(const char *status, uint64_t *set);

/* A capability that capturing asks for. */
struct platform_capability {
	const char *name;
	unsigned number;
	bool by_sys_admin; /* CAP_SYS_ADMIN stands for it */
	bool needed;
	const char *cost; /* of going without */
};

/* They end with a NULL name. */
extern const struct platform_capability platform_needs[];

/* Whether the set has it, or what stands for it. */
bool platform_has(uint64_t set, const struct platform_capability *capability);

#endif
