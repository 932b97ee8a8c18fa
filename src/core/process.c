// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "core/process.h"

/*
 * What stands for outer components that did not fit. Without it a deep folder
 * could make a program look like one of the system's.
 */
#define CUT_MARK "/..."

static size_t at_most(size_t value, size_t limit)
{
	return value < limit ? value : limit;
}

/* Turns "curl\0bin\0usr\0" into "/usr/bin/curl", written from the end of the buffer. */
static void read_path(char *out, size_t size, const char *parts, size_t length, bool cut)
{
	size_t start = size - 1;
	size_t at = 0;

	out[start] = '\0';
	while (at < length) {
		size_t part = strnlen(parts + at, length - at);

		if (part > 0) {
			if (part + 1 + strlen(CUT_MARK) > start) {
				cut = true;
				break;
			}
			start -= part + 1;
			out[start] = '/';
			memcpy(out + start + 1, parts + at, part);
		}
		at += part + 1;
	}
	if (cut && out[start]) {
		start -= strlen(CUT_MARK);
		memcpy(out + start, CUT_MARK, strlen(CUT_MARK));
	}
	memmove(out, out + start, size - start);
}

/* Separates by one space; what would be taken for one, or for an end of line, is escaped. */
static bool read_arguments(char *out, size_t size, const char *arguments, size_t length)
{
	size_t used = 0;

	if (length > 0 && arguments[length - 1] == '\0')
		length--;
	for (size_t i = 0; i < length; i++) {
		unsigned char character = (unsigned char)arguments[i];
		bool plain = character > ' ' && character != 0x7f && character != '\\';

		if (used + (plain || !character ? 1 : 4) >= size) {
			out[used] = '\0';
			return true;
		}
		if (plain || !character)
			out[used++] = (char)(plain ? character : ' ');
		else
			used += (size_t)snprintf(out + used, size - used, "\\x%02x", character);
	}
	out[used] = '\0';
	return false;
}

static bool is_container(const char *container)
{
	return container[0] && strncmp(container, "unit:", 5) != 0;
}

/*
 * Paths are anyone's choice: control characters in them are escaped. A name that
 * does not fit ends in its hash, so that no two become one.
 */
static void name_application(struct process *process)
{
	char whole[PROCESS_EXE_MAX * 2 + PROCESS_CONTAINER_MAX + 8];
	bool container = is_container(process->container);
	int length;

	process->application[0] = '\0';
	if (!process->exe[0])
		return;
	length = snprintf(whole, sizeof(whole), "%s%s%s%s%s%s", process->exe, process->script[0] ? " " : "",
			  process->script, container ? " [" : "", container ? process->container : "",
			  container ? "]" : "");
	if (!text_escape(process->application, APPLICATION_MAX, whole, (size_t)length)) {
		char cut[APPLICATION_MAX - 20];

		text_escape(cut, sizeof(cut), whole, (size_t)length);
		snprintf(process->application, APPLICATION_MAX, "%s~%016" PRIx64, cut,
			 hash_bytes(0, whole, (size_t)length));
	}
}

static uint64_t hash_executable(const struct process *process)
{
	uint64_t hash;

	if (!process->exe[0])
		return 0;
	hash = hash_bytes(0, process->exe, strlen(process->exe));
	if (is_container(process->container))
		hash = hash_bytes(hash, process->container, strlen(process->container));
	return hash ? hash : 1;
}

void process_read(const struct fs_record_process *record, struct process *out)
{
	size_t arguments = at_most(record->arguments_length, sizeof(record->arguments));

	out->owner = record->header.owner;
	out->login_uid = record->login_uid;
	out->gid = record->gid;
	out->pid_namespace = record->pid_namespace;
	out->mount_namespace = record->mount_namespace;
	text_copy_bytes(out->comm, sizeof(out->comm), record->comm, sizeof(record->comm));
	read_path(out->exe, sizeof(out->exe), record->exe, at_most(record->exe_length, sizeof(record->exe)),
		  record->exe_cut);
	read_path(out->cgroup, sizeof(out->cgroup), record->cgroup,
		  at_most(record->cgroup_length, sizeof(record->cgroup)), record->cgroup_cut);
	out->arguments_cut =
		read_arguments(out->arguments, sizeof(out->arguments), record->arguments, arguments) ||
		record->arguments_cut;
	process_container(out->cgroup, out->container);
	process_script(out->exe, record->arguments, arguments, out->script);
	name_application(out);
	out->executable_hash = hash_executable(out);
	out->ancestor_count = (uint8_t)at_most(record->ancestor_count, FS_ANCESTORS_MAX);
	memset(out->ancestors, 0, sizeof(out->ancestors));
	memcpy(out->ancestors, record->ancestors, out->ancestor_count * sizeof(out->ancestors[0]));
}
