// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* container.c - the container or unit in a cgroup path, by the names that runtimes give. */
#include <stdio.h>
#include <string.h>

#include "core/process.h"

#define ID_SHOWN 12
#define ID_LEAST 12
#define ID_FULL 64 /* what every OCI runtime generates */

struct part {
	const char *text;
	size_t length;
};

static bool part_is(struct part part, const char *word)
{
	return part.length == strlen(word) && memcmp(part.text, word, part.length) == 0;
}

static bool take_front(struct part *part, const char *word)
{
	size_t length = strlen(word);

	if (part->length <= length || memcmp(part->text, word, length) != 0)
		return false;
	part->text += length;
	part->length -= length;
	return true;
}

static bool take_back(struct part *part, const char *word)
{
	size_t length = strlen(word);

	if (part->length <= length || memcmp(part->text + part->length - length, word, length) != 0)
		return false;
	part->length -= length;
	return true;
}

static size_t hex_digits(struct part part)
{
	size_t count = 0;

	while (count < part.length && ((part.text[count] >= '0' && part.text[count] <= '9') ||
				       (part.text[count] >= 'a' && part.text[count] <= 'f')))
		count++;
	return count;
}

static bool is_id(struct part part, size_t least)
{
	return part.length >= least && hex_digits(part) == part.length;
}

static bool write_id(const char *runtime, struct part id, char out[static PROCESS_CONTAINER_MAX])
{
	snprintf(out, PROCESS_CONTAINER_MAX, "%s:%.*s", runtime, ID_SHOWN, id.text);
	return true;
}

static int hex_value(char digit)
{
	return digit >= '0' && digit <= '9'   ? digit - '0'
	       : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
					      : -1;
}

/* A name as its owner gave it: systemd writes a dash in a unit's name as \x2d. */
static bool write_name(const char *kind, struct part name, char out[static PROCESS_CONTAINER_MAX])
{
	size_t used = (size_t)snprintf(out, PROCESS_CONTAINER_MAX, "%s:", kind);

	for (size_t i = 0; i < name.length && used + 1 < PROCESS_CONTAINER_MAX; i++) {
		char character = name.text[i];

		if (character == '\\' && i + 3 < name.length && name.text[i + 1] == 'x' &&
		    hex_value(name.text[i + 2]) >= 2 && hex_value(name.text[i + 2]) < 8 &&
		    hex_value(name.text[i + 3]) >= 0) {
			character = (char)(hex_value(name.text[i + 2]) * 16 + hex_value(name.text[i + 3]));
			if (character == 0x7f)
				character = '?';
			i += 3;
		}
		out[used++] = character;
	}
	out[used] = '\0';
	return true;
}

static const struct runtime {
	const char *prefix; /* of the cgroup's name, in front of the id */
	const char *name;
} runtimes[] = {
	{"docker-", "docker"},      {"cri-containerd-", "containerd"},
	{"nerdctl-", "containerd"}, {"containerd-", "containerd"},
	{"crio-", "cri-o"},         {"libpod-payload-", "podman"},
	{"libpod-", "podman"},
};

/* "docker-ID.scope", "libpod-ID", "crio-ID.scope" */
static bool by_prefix(struct part part, char out[static PROCESS_CONTAINER_MAX])
{
	take_back(&part, ".scope");
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		struct part id = part;

		if (take_front(&id, runtimes[i].prefix) && is_id(id, ID_LEAST))
			return write_id(runtimes[i].name, id, out);
	}
	return false;
}

/* "kubepods-burstable-podUID.slice:cri-containerd:ID": a slice that the runtime took for a path */
static bool by_colons(struct part part, char out[static PROCESS_CONTAINER_MAX])
{
	const char *last = memrchr(part.text, ':', part.length);
	struct part id;
	struct part runtime;
	const char *before;

	if (!last)
		return false;
	id = (struct part){last + 1, (size_t)(part.text + part.length - last - 1)};
	if (!is_id(id, ID_LEAST))
		return false;
	runtime = (struct part){part.text, (size_t)(last - part.text)};
	before = memrchr(runtime.text, ':', runtime.length);
	if (before)
		runtime = (struct part){before + 1, (size_t)(last - before - 1)};
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		size_t length = strlen(runtimes[i].prefix) - 1;

		if (runtime.length == length && memcmp(runtime.text, runtimes[i].prefix, length) == 0)
			return write_id(runtimes[i].name, id, out);
	}
	return write_id("container", id, out);
}

static struct part parent_of(const char *path, struct part part)
{
	const char *end = part.text;

	while (end > path && end[-1] == '/')
		end--;
	const char *start = end;
	while (start > path && start[-1] != '/')
		start--;
	return (struct part){start, (size_t)(end - start)};
}

static bool begins(struct part part, const char *word)
{
	return part.length >= strlen(word) && memcmp(part.text, word, strlen(word)) == 0;
}

/* Below "ecs": /ecs/TASK/ID, /ecs/CLUSTER/TASK/ID, and /ecs/TASK/TASK-NUMBER of Fargate. */
static bool by_ecs(const char *path, struct part part, char out[static PROCESS_CONTAINER_MAX])
{
	struct part above = parent_of(path, part);
	struct part top = parent_of(path, above);
	size_t hex = hex_digits(part);

	if (!is_id(above, 32) || !(part_is(top, "ecs") || part_is(parent_of(path, top), "ecs")))
		return false;
	if (hex < 32 || (hex < part.length && part.text[hex] != '-'))
		return false;
	if (hex == part.length)
		return write_id("ecs", part, out);
	/* All containers of a Fargate task begin alike; the number tells them apart. */
	snprintf(out, PROCESS_CONTAINER_MAX, "ecs:%.*s%.*s", ID_SHOWN, part.text,
		 (int)(part.length - hex > 24 ? 24 : part.length - hex), part.text + hex);
	return true;
}

/* An id alone, or a name; the parent tells what it is. */
static bool by_parent(const char *path, struct part part, char out[static PROCESS_CONTAINER_MAX])
{
	struct part above = parent_of(path, part);

	if (part_is(above, "lxc") || part_is(above, "lxc.payload"))
		return write_name("lxc", part, out);
	if (by_ecs(path, part, out))
		return true;
	if (!is_id(part, ID_LEAST))
		return false;
	if (part_is(above, "docker"))
		return write_id("docker", part, out);
	if (begins(above, "pod") || begins(above, "kubepods"))
		return write_id("kubernetes", part, out);
	return part.length == ID_FULL && write_id("container", part, out);
}

/* "machine-NAME.scope", and the payload of "systemd-nspawn@NAME.service" */
static bool by_machine(const char *path, struct part part, char out[static PROCESS_CONTAINER_MAX])
{
	struct part name = part;
	bool payload = part_is(part, "payload");

	if (take_front(&name, "lxc.payload."))
		return write_name("lxc", name, out);
	if (payload) {
		name = parent_of(path, part);
		return take_front(&name, "systemd-nspawn@") && take_back(&name, ".service") &&
		       write_name("nspawn", name, out);
	}
	if (!take_front(&name, "machine-") || !take_back(&name, ".scope"))
		return false;
	if (take_front(&name, "lxc\\x2d"))
		return write_name("lxc", name, out);
	/* A virtual machine's cgroup holds the emulator, a program of the host. */
	return !begins(name, "qemu\\x2d") && write_name("nspawn", name, out);
}

static bool is_unit(struct part part)
{
	return take_back(&part, ".service") || take_back(&part, ".scope");
}

/* The innermost container counts, and any container before any unit. */
void process_container(const char *cgroup, char out[static PROCESS_CONTAINER_MAX])
{
	struct part unit = {NULL, 0};
	struct part part;

	out[0] = '\0';
	for (part = parent_of(cgroup, (struct part){cgroup + strlen(cgroup), 0}); part.length > 0;
	     part = parent_of(cgroup, part)) {
		if (by_prefix(part, out) || by_colons(part, out) || by_machine(cgroup, part, out) ||
		    by_parent(cgroup, part, out))
			return;
		if (!unit.text && is_unit(part))
			unit = part;
	}
	if (unit.text)
		write_name("unit", unit, out);
}
