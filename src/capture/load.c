/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "capture/load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/text.h"
#include "firstseen.skel.h"

#define ENTRIES_PER_CPU 512 /* at least, */
#define ENTRIES_MOST 262144 /* ... but no more than take 30 MiB */
#define PROBE_ENTRIES 64    /* of each table, where only one socket matters */

static _Thread_local char complaint[256];

/* What libbpf says of every failure, whatever its reason. */
static bool tells_nothing(const char *format)
{
	return strstr(format, "trivial BPF program") || strstr(format, "failed to load object") ||
	       strstr(format, "failed to load BPF skeleton");
}

/* The verifier says why at the end of its log, before it counts what it did. */
__attribute__((format(printf, 1, 0))) static void keep_verdict(const char *format, va_list arguments)
{
	char *text = NULL, *line, *rest, *last = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!strstr(line, "PROG LOAD LOG --") && strncmp(line, "processed ", 10) != 0)
			last = line;
	if (last)
		snprintf(complaint + strlen(complaint), sizeof(complaint) - strlen(complaint), "; %s", last);
	free(text);
}

__attribute__((format(printf, 2, 0))) static int keep_complaint(enum libbpf_print_level level,
								const char *format, va_list arguments)
{
	static const char prefix[] = "libbpf: ";

	if (level == LIBBPF_WARN && complaint[0] && strstr(format, "BEGIN PROG LOAD LOG"))
		keep_verdict(format, arguments);
	if (level != LIBBPF_WARN || complaint[0] || tells_nothing(format))
		return 0;
	vsnprintf(complaint, sizeof(complaint), format, arguments);
	complaint[strcspn(complaint, "\n")] = '\0';
	if (strncmp(complaint, prefix, strlen(prefix)) == 0)
		memmove(complaint, complaint + strlen(prefix), strlen(complaint + strlen(prefix)) + 1);
	return 0;
}

void load_begin(void)
{
	complaint[0] = '\0';
	libbpf_set_print(keep_complaint);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
}

const char *load_complaint(void)
{
	return complaint;
}

int load_kernel_memory(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "read_memory", "GPL", program,
			       sizeof(program) / sizeof(program[0]), NULL);

	if (fd == -EINVAL) /* the verifier's word for a helper that is not there */
		return 0;
	if (fd < 0)
		return fd;
	close(fd);
	return 1;
}

/* Whether this kernel takes programs that exchange a value: they are in bpf/common.h by `exchanges`. */
static bool takes_exchange(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .off = -8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1},
		{.code = BPF_STX | BPF_ATOMIC | BPF_W,
		 .dst_reg = BPF_REG_10,
		 .src_reg = BPF_REG_1,
		 .off = -8,
		 .imm = BPF_CMPXCHG},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "exchange", "GPL", program,
			       sizeof(program) / sizeof(program[0]), NULL);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Each program has its row in the table of hooks; those not wished for stay out. */
static int choose(struct firstseen_bpf *skeleton, uint32_t wanted)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj)
	{
		int id = hook_by_program(bpf_program__name(program));

		if (id < 0) {
			snprintf(complaint, sizeof(complaint), "program %s has no row in the table of hooks",
				 bpf_program__name(program));
			return -EINVAL;
		}
		bpf_program__set_autoload(program, wanted & (1u << id));
	}
	return 0;
}

/*
 * Of a table that forgets the least recently used each processor keeps 128 entries at hand that it does not
 * use yet: where there are many of them a table may have hardly any other.
 */
static int size_table(struct bpf_map *map, bool probing)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN), entries = bpf_map__max_entries(map);

	if (probing)
		entries = PROBE_ENTRIES;
	else if (processors > entries / ENTRIES_PER_CPU)
		entries = processors < ENTRIES_MOST / ENTRIES_PER_CPU ? processors * ENTRIES_PER_CPU
								      : ENTRIES_MOST;
	return bpf_map__set_max_entries(map, (uint32_t)entries);
}

static int prepare(struct firstseen_bpf *skeleton, const struct load_wish *wish)
{
	const struct capture_settings *settings = wish->settings;
	int error = choose(skeleton, wish->hooks);

	skeleton->rodata->dns_port_count = settings->dns_port_count;
	for (uint32_t i = 0; i < settings->dns_port_count && i < 8; i++)
		skeleton->rodata->dns_ports[i] = settings->dns_ports[i];
	skeleton->rodata->wakeup_bytes = settings->ring_bytes / 4;
	skeleton->rodata->capture_sni = settings->sni;
	skeleton->rodata->kernel_memory = wish->kernel_memory;
	skeleton->rodata->exchanges = takes_exchange();
	skeleton->rodata->probing = wish->probing;
	if (!error)
		error = bpf_map__set_max_entries(skeleton->maps.ring, settings->ring_bytes);
	if (!error)
		error = size_table(skeleton->maps.udp_flows, wish->probing);
	return error ? error : size_table(skeleton->maps.described, wish->probing);
}

int load_programs(const struct load_wish *wish, struct firstseen_bpf **out)
{
	struct firstseen_bpf *skeleton = firstseen_bpf__open();
	int error;

	if (!skeleton)
		return -errno;
	error = prepare(skeleton, wish);
	if (!error)
		error = firstseen_bpf__load(skeleton);
	if (error) {
		firstseen_bpf__destroy(skeleton);
		return error;
	}
	*out = skeleton;
	return 0;
}

static int attach(struct firstseen_bpf *skeleton, const char *name, int cgroup, struct bpf_link **out)
{
	struct bpf_program *program = bpf_object__find_program_by_name(skeleton->obj, name);
	struct bpf_link *link;
	int fd;

	if (!program)
		return -ENOENT;
	/* Links of the kernel's own kind: others' programs stay, and ours go with the process. */
	if (bpf_program__type(program) == BPF_PROG_TYPE_TRACING)
		link = bpf_program__attach(program);
	else
		link = bpf_program__attach_cgroup(program, cgroup);
	if (!link)
		return -errno;
	if (bpf_program__expected_attach_type(program) == BPF_TRACE_ITER) {
		fd = bpf_iter_create(bpf_link__fd(link));
		if (fd < 0) {
			int error = -errno;

			bpf_link__destroy(link);
			return error;
		}
		close(fd);
	}
	*out = link;
	return 0;
}

int load_attach(struct firstseen_bpf *skeleton, enum hook_id id, int cgroup, struct hook_links *out)
{
	struct hook_links links = {0};
	int error = attach(skeleton, hook_of(id)->program, cgroup, &links.first);

	if (!error && hook_of(id)->second)
		error = attach(skeleton, hook_of(id)->second, cgroup, &links.second);
	if (error) {
		load_detach(&links);
		return error;
	}
	*out = links;
	return 0;
}

void load_detach(struct hook_links *links)
{
	bpf_link__destroy(links->first);
	bpf_link__destroy(links->second);
	*links = (struct hook_links){0};
}

void load_failed(struct hook_result *result, int error)
{
	result->state = hook_state_of(error);
	result->error = error;
	text_copy(result->detail, sizeof(result->detail), complaint);
}

void load_no_kernel_memory(struct hook_result *result)
{
	result->state = HOOK_REFUSED;
	result->error = -EPERM;
	text_copy(result->detail, sizeof(result->detail),
		  "programs may not call bpf_probe_read_kernel: lockdown=confidentiality, or no CAP_PERFMON");
}

/* Loads each program by itself, up to a needed one that the kernel does not take. Returns those that it
 * takes. */
static uint32_t find_refused(struct load_wish *wish, struct hook_result results[static HOOKS])
{
	uint32_t taken = 0;

	for (int i = 0; i < HOOKS; i++) {
		struct firstseen_bpf *skeleton;
		int error;

		if (!hook_of((enum hook_id)i)->program)
			continue;
		wish->hooks = 1u << i;
		load_begin();
		error = load_programs(wish, &skeleton);
		if (error) {
			load_failed(&results[i], error);
			if (hook_of((enum hook_id)i)->needed)
				break;
			continue;
		}
		firstseen_bpf__destroy(skeleton);
		taken |= 1u << i;
	}
	return taken;
}

int load_what_works(const struct capture_settings *settings, struct firstseen_bpf **out,
		    struct hook_result results[static HOOKS], enum hook_id *needed)
{
	struct load_wish wish = {.settings = settings, .hooks = LOAD_ALL, .kernel_memory = true};

	memset(results, 0, HOOKS * sizeof(results[0]));
	*needed = HOOKS;
	load_begin();
	if (load_programs(&wish, out) == 0)
		return 0;
	wish.kernel_memory = load_kernel_memory() != 0;
	if (!wish.kernel_memory)
		load_no_kernel_memory(&results[HOOK_KERNEL_MEMORY]);
	wish.hooks = find_refused(&wish, results);
	if (hooks_decide(results, needed) == HOOKS_TOO_FEW)
		return results[*needed].error;
	load_begin();
	return load_programs(&wish, out);
}
