/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* record_build.h - makes event records, for the replay sources and for tests. */
#ifndef SOURCE_RECORD_BUILD_H
#define SOURCE_RECORD_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "firstseen/record.h"

struct record_flow_spec {
	int64_t time_ns;
	uint64_t cookie;
	struct fs_owner owner;
	struct address local, remote;
	uint16_t local_port, remote_port;
	uint8_t protocol;
	uint16_t flags;
};

void record_flow(struct fs_record_flow *record, enum fs_record_kind kind, const struct record_flow_spec *spec,
		 uint64_t bytes_out, uint64_t bytes_in, enum fs_outcome outcome);

/* `buffer` holds `size` bytes, at least sizeof(struct fs_record_payload) + length. Returns the record's size,
 * or 0 where it does not fit. */
size_t record_payload(void *buffer, size_t size, enum fs_record_kind kind,
		      const struct record_flow_spec *spec, uint32_t sequence, const uint8_t *payload,
		      size_t length, size_t original_length);

struct record_process_spec {
	int64_t time_ns;
	struct fs_owner owner;
	uint32_t login_uid, gid;
	const char *comm;
	const char *exe;       /* absolute path */
	const char *cgroup;    /* absolute path below the root, or "" */
	const char *arguments; /* each ended by NUL */
	size_t arguments_length;
	size_t ancestor_count;
	const struct fs_ancestor *ancestors;
};
void record_process(struct fs_record_process *record, const struct record_process_spec *spec);

#endif
