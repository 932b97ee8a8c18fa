/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/record_build.h"

#include <string.h>

#include "base/text.h"

static void fill_header(struct fs_record_header *header, enum fs_record_kind kind, uint16_t flags,
			size_t size, int64_t time_ns, uint64_t cookie, const struct fs_owner *owner)
{
	header->kind = (uint16_t)kind;
	header->flags = flags;
	header->size = (uint32_t)size;
	header->time_ns = (uint64_t)time_ns;
	header->cookie = cookie;
	header->owner = *owner;
}

static void fill_endpoints(struct fs_endpoints *endpoints, const struct record_flow_spec *spec)
{
	memcpy(endpoints->local_address, spec->local.bytes, sizeof(endpoints->local_address));
	memcpy(endpoints->remote_address, spec->remote.bytes, sizeof(endpoints->remote_address));
	endpoints->local_port = spec->local_port;
	endpoints->remote_port = spec->remote_port;
	endpoints->protocol = spec->protocol;
	memset(endpoints->reserved, 0, sizeof(endpoints->reserved));
}

void record_flow(struct fs_record_flow *record, enum fs_record_kind kind, const struct record_flow_spec *spec,
		 uint64_t bytes_out, uint64_t bytes_in, enum fs_outcome outcome)
{
	fill_header(&record->header, kind, spec->flags, sizeof(*record), spec->time_ns, spec->cookie,
		    &spec->owner);
	fill_endpoints(&record->endpoints, spec);
	record->bytes_out = bytes_out;
	record->bytes_in = bytes_in;
	record->outcome = (uint32_t)outcome;
	record->reserved = 0;
}

size_t record_payload(void *buffer, size_t size, enum fs_record_kind kind,
		      const struct record_flow_spec *spec, uint32_t sequence, const uint8_t *payload,
		      size_t length, size_t original_length)
{
	struct fs_record_payload *record = buffer;
	uint16_t flags = spec->flags;

	if (size < sizeof(*record) || size - sizeof(*record) < length || length > UINT32_MAX / 2 ||
	    original_length > UINT32_MAX)
		return 0;
	if (length < original_length)
		flags |= FS_FLAG_CUT;
	fill_header(&record->header, kind, flags, sizeof(*record) + length, spec->time_ns, spec->cookie,
		    &spec->owner);
	fill_endpoints(&record->endpoints, spec);
	record->sequence = sequence;
	record->length = (uint32_t)length;
	record->original_length = (uint32_t)original_length;
	record->reserved = 0;
	if (length)
		memcpy(record->payload, payload, length);
	return sizeof(*record) + length;
}

/* Writes the components of `path`, last one first. Returns the bytes used. */
static uint16_t fill_path(char *target, size_t size, const char *path, bool *cut)
{
	size_t end = strlen(path), used = 0;

	*cut = false;
	while (end > 0) {
		size_t start = end, length;

		while (start > 0 && path[start - 1] != '/')
			start--;
		length = end - start;
		if (length && used + length + 1 > size) {
			*cut = true;
			break;
		}
		if (length) {
			memcpy(target + used, path + start, length);
			used += length;
			target[used++] = '\0';
		}
		end = start > 0 ? start - 1 : 0;
	}
	return (uint16_t)used;
}

void record_process(struct fs_record_process *record, const struct record_process_spec *spec)
{
	size_t arguments = spec->arguments_length, ancestors = spec->ancestor_count;
	bool cut;

	memset(record, 0, sizeof(*record));
	fill_header(&record->header, FS_RECORD_PROCESS, 0, sizeof(*record), spec->time_ns, 0, &spec->owner);
	record->login_uid = spec->login_uid;
	record->gid = spec->gid;
	text_copy(record->comm, sizeof(record->comm), spec->comm);
	record->exe_length = fill_path(record->exe, sizeof(record->exe), spec->exe, &cut);
	record->exe_cut = cut;
	record->cgroup_length = fill_path(record->cgroup, sizeof(record->cgroup), spec->cgroup, &cut);
	record->cgroup_cut = cut;
	if (arguments > sizeof(record->arguments)) {
		arguments = sizeof(record->arguments);
		record->arguments_cut = 1;
	}
	if (arguments)
		memcpy(record->arguments, spec->arguments, arguments);
	record->arguments_length = (uint16_t)arguments;
	if (ancestors > FS_ANCESTORS_MAX)
		ancestors = FS_ANCESTORS_MAX;
	if (ancestors)
		memcpy(record->ancestors, spec->ancestors, ancestors * sizeof(*spec->ancestors));
	record->ancestor_count = (uint8_t)ancestors;
}
