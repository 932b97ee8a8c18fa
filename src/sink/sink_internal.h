/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_internal.h - for the sinks' own tests: the same, with another socket for the log. */
#ifndef SINK_SINK_INTERNAL_H
#define SINK_SINK_INTERNAL_H

#include "sink/sink.h"

/* As sink_open, with the path of the system log's socket. */
int sink_open_at(const struct sink_setting *setting, const char *log_socket, struct sink **out,
		 struct failure *failure);

#endif
