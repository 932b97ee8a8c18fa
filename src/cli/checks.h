/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* checks.h - what `firstseen doctor` looks at, one after the other. */
#ifndef CLI_CHECKS_H
#define CLI_CHECKS_H

#include "base/failure.h"
#include "cli/cli.h"

#define CHECK_TEXT_MAX 640

struct check {
	char name[PATH_MAX + 16];
	const char *state; /* "ok", "works", "missing", ... */
	bool good;
	bool needed; /* for the main job */
	char detail[CHECK_TEXT_MAX];
	char costs[CHECK_TEXT_MAX]; /* "" where it is good */
	char mend[CHECK_TEXT_MAX];
};

typedef void check_callback(void *context, const struct check *check);

/* The kernel and the rights of this process. Returns whether it has all rights that are needed. */
bool checks_of_kernel(check_callback *callback, void *context);

/* Each hook, tried for real; cgroup v2, which most of them need. Where rights are missing, what is refused is
 * laid to that. */
void checks_of_hooks(bool has_rights, check_callback *callback, void *context);

/* The daemon, its history, and where alerts go, by the settings. */
void checks_of_daemon(const struct cli *cli, check_callback *callback, void *context);

#endif
