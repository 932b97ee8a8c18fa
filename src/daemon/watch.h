/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* watch.h - the core thread: ring, pipeline, batch; signals; the end. */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include "config/config.h"

struct watch_options {
	struct config config;
	/* Reads the configuration anew on SIGHUP, as at the start. 0, or -errno with *failure filled. */
	int (*reread)(void *context, struct config *config, struct failure *failure);
	void *context;
};

/*
 * Watches this host until SIGTERM or SIGINT. Returns 0 after everything was written
 * out, or -errno with *failure filled; then nothing is left attached.
 */
int watch_run(const struct watch_options *options, struct failure *failure);

#endif
