/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * refuse_bpf.c - preloaded, makes bpf() answer as another kernel or another policy would. By the environment,
 * words with blanks between them, HOOK=ERRNO:
 *
 *   REFUSE_LOAD    programs of that attach type can not be loaded
 *   REFUSE_ATTACH  they load, but can not be attached
 *   REFUSE_MEMORY  set: no program may read kernel memory, as under lockdown=confidentiality. The
 *                  helpers' numbers become that of one which these programs may not call, so
 *                  that the verifier judges: a call it never reaches is none.
 *   REFUSE_OLD     set: as before Linux 5.18 on arm64 and 5.19 with kernel.unprivileged_bpf_disabled. No
 *                  program may exchange values in one step where the verifier comes by, and
 *                  without CAP_BPF or CAP_SYS_ADMIN there is no bpf() at all.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static const struct {
	const char *hook;
	unsigned program, attach;
} hooks[] = {
	{"tp_btf/inet_sock_set_state", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP},
	{"iter/task_file", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER},
	{"cgroup_skb/egress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS},
	{"cgroup_skb/ingress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS},
	{"cgroup/connect4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT},
	{"cgroup/connect6", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT},
	{"cgroup/sendmsg4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG},
	{"cgroup/sendmsg6", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG},
	{"cgroup/sock_release", BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_RELEASE},
};

/* The errno that the variable has for this hook, 0: none. Only named hooks are refused: libbpf's own trials
 * of what the kernel can do go through. */
static int refused(const char *variable, unsigned attach, const unsigned *program)
{
	const char *words = getenv(variable);

	for (size_t i = 0; words && i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		const char *found = strstr(words, hooks[i].hook);

		if (hooks[i].attach == attach && (!program || hooks[i].program == *program) && found)
			return atoi(found + strlen(hooks[i].hook) + 1);
	}
	return 0;
}

static long call(long number, unsigned command, union bpf_attr *attr, unsigned size)
{
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");

	return next(number, command, attr, size);
}

static long load(long number, const union bpf_attr *attr, unsigned size)
{
	union bpf_attr changed = {0};
	struct bpf_insn *instructions;
	size_t length = attr->insn_cnt * sizeof(*instructions);
	bool memory = getenv("REFUSE_MEMORY"), old = getenv("REFUSE_OLD");
	long result;

	if (!memory && !old)
		return call(number, BPF_PROG_LOAD, (union bpf_attr *)attr, size);
	instructions = malloc(length);
	if (!instructions)
		abort();
	memcpy(instructions, (const void *)attr->insns, length);
	for (unsigned i = 0; i < attr->insn_cnt; i++) {
		struct bpf_insn *at = &instructions[i];
		int helper = at->imm;

		if (old && at->code == (BPF_STX | BPF_ATOMIC | BPF_W) &&
		    (at->imm == BPF_CMPXCHG || at->imm == BPF_XCHG))
			at->imm = 0x77; /* what no kernel knows */
		if (memory && at->code == (BPF_JMP | BPF_CALL) && at->src_reg == 0 &&
		    (helper == BPF_FUNC_probe_read || helper == BPF_FUNC_probe_read_str ||
		     helper == BPF_FUNC_probe_read_kernel || helper == BPF_FUNC_probe_read_kernel_str))
			at->imm = BPF_FUNC_sys_bpf;
	}
	memcpy(&changed, attr, size < sizeof(changed) ? size : sizeof(changed));
	changed.insns = (unsigned long)instructions;
	result = call(number, BPF_PROG_LOAD, &changed, size);
	free(instructions);
	return result;
}

/* As sysctl_unprivileged_bpf_disabled stood before all else. */
static bool may_do_nothing(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	unsigned long long effective;

	if (!getenv("REFUSE_OLD") || next(__NR_capget, &header, data))
		return false;
	effective = data[0].effective | (unsigned long long)data[1].effective << 32;
	return !(effective >> CAP_BPF & 1) && !(effective >> CAP_SYS_ADMIN & 1);
}

long syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == __NR_bpf) {
		union bpf_attr *attr = (union bpf_attr *)a[1];
		unsigned command = (unsigned)a[0];
		int error = may_do_nothing() ? EPERM : 0;

		if (command == BPF_PROG_LOAD && attr->prog_name[0] && !error)
			error = refused("REFUSE_LOAD", attr->expected_attach_type, &attr->prog_type);
		if (command == BPF_LINK_CREATE && !error)
			error = refused("REFUSE_ATTACH", attr->link_create.attach_type, NULL);
		if (error) {
			errno = error;
			return -1;
		}
		if (command == BPF_PROG_LOAD)
			return load(number, attr, (unsigned)a[2]);
	}
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
