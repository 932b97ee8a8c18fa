/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "capture/platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>

#include "base/text.h"

const struct platform_capability platform_needs[] = {
	{"CAP_BPF", CAP_BPF, true, true, "no program and no table can be loaded"},
	{"CAP_PERFMON", CAP_PERFMON, true, true,
	 "programs may not look at the sockets and tasks they run for"},
	{"CAP_NET_ADMIN", CAP_NET_ADMIN, true, true, "nothing can be attached to control groups"},
	{"CAP_SYS_PTRACE", CAP_SYS_PTRACE, false, false,
	 "of other users' programs that were there before the daemon, the executable is not known"},
	{0},
};

int platform_kernel(const char *release, unsigned *major, unsigned *minor)
{
	unsigned first, second;

	if (sscanf(release, "%u.%u", &first, &second) != 2)
		return -EINVAL;
	*major = first;
	*minor = second;
	return 0;
}

bool platform_kernel_is_enough(unsigned major, unsigned minor)
{
	return major > PLATFORM_KERNEL_MAJOR ||
	       (major == PLATFORM_KERNEL_MAJOR && minor >= PLATFORM_KERNEL_MINOR);
}

int platform_lockdown(const char *text, char mode[static PLATFORM_LOCKDOWN_MAX])
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (!close || close == open + 1)
		return -EINVAL;
	text_copy_bytes(mode, PLATFORM_LOCKDOWN_MAX, open + 1, (size_t)(close - open - 1));
	return 0;
}

int platform_capabilities(const char *status, uint64_t *set)
{
	const char *line = strstr(status, "\nCapEff:");
	char *end;
	uint64_t value;

	if (!line)
		return -EINVAL;
	line += strlen("\nCapEff:");
	value = strtoull(line, &end, 16);
	if (end == line || *end != '\n')
		return -EINVAL;
	*set = value;
	return 0;
}

bool platform_has(uint64_t set, const struct platform_capability *capability)
{
	return (set >> capability->number & 1) || (capability->by_sys_admin && (set >> CAP_SYS_ADMIN & 1));
}
