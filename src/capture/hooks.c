/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "capture/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENOTSUPP_KERNEL 524 /* the kernel's own, which no C library knows */
#define ERROR_MOST 4095     /* of the kernel's numbers of errors */

static const struct hook hooks[HOOKS] = {
	[HOOK_TCP_STATE] = {"tp_btf/inet_sock_set_state", "sock_state", "sock_skipped", true,
			    "TCP connections, their programs, outcomes and bytes",
			    "no TCP connection is seen: nothing could be told"},
	[HOOK_PACKET_OUT] =
		{"cgroup_skb/egress", "packet_out", NULL, true,
		 "DNS questions, UDP flows, the server names of TLS",
		 "no DNS question and no UDP flow is seen: answers could not be told from forged ones, "
		 "and names could not be trusted"},
	[HOOK_PACKET_IN] = {"cgroup_skb/ingress", "packet_in", NULL, true,
			    "DNS answers, bytes received over UDP",
			    "no DNS answer is seen: hardly a connection would have a name"},
	[HOOK_CONNECT4] =
		{"cgroup/connect4", "udp_connect4", NULL, false, "who connects a UDP socket over IPv4",
		 "DNS over IPv4 and UDP flows of connected sockets have no program: names are those "
		 "that anybody on this host asked for, and may be another program's"},
	[HOOK_CONNECT6] =
		{"cgroup/connect6", "udp_connect6", NULL, false, "who connects a UDP socket over IPv6",
		 "DNS over IPv6 and UDP flows of connected sockets have no program: names are those "
		 "that anybody on this host asked for, and may be another program's"},
	[HOOK_SEND4] = {"cgroup/sendmsg4", "udp_send4", NULL, false,
			"who sends from an unconnected UDP socket over IPv4",
			"DNS and UDP flows of unconnected IPv4 sockets have no program"},
	[HOOK_SEND6] = {"cgroup/sendmsg6", "udp_send6", NULL, false,
			"who sends from an unconnected UDP socket over IPv6",
			"DNS and UDP flows of unconnected IPv6 sockets have no program"},
	[HOOK_RELEASE] = {"cgroup/sock_release", "udp_release", NULL, false, "the end of UDP flows",
			  "the end and the bytes of a UDP flow are told minutes late"},
	[HOOK_SOCKETS] =
		{"iter/task_file", "each_socket", NULL, false,
		 "connections older than the daemon, and bytes of long ones on their way",
		 "connections older than the daemon are not in the baseline, UDP sockets older than it "
		 "have no program and may alert, and bytes of TCP are told at the end alone"},
	[HOOK_KERNEL_MEMORY] = {"kernel_memory", NULL, NULL, false,
				"executable, arguments and parents of a program at the moment it connects",
				"executable, arguments and parents are read from /proc a moment later: a "
				"program that ends at once is known by "
				"its short name alone"},
};

const struct hook *hook_of(enum hook_id id)
{
	return &hooks[id];
}

int hook_by_program(const char *program)
{
	for (int i = 0; i < HOOKS; i++)
		if ((hooks[i].program && strcmp(hooks[i].program, program) == 0) ||
		    (hooks[i].second && strcmp(hooks[i].second, program) == 0))
			return i;
	return -ENOENT;
}

int hook_by_name(const char *name, size_t length)
{
	for (int i = 0; i < HOOKS; i++)
		if (strlen(hooks[i].name) == length && memcmp(hooks[i].name, name, length) == 0)
			return i;
	return -ENOENT;
}

bool hook_is_there(enum hook_state state)
{
	return state == HOOK_WORKS || state == HOOK_UNTRIED;
}

enum hooks_verdict hooks_decide(const struct hook_result results[static HOOKS], enum hook_id *first)
{
	enum hooks_verdict verdict = HOOKS_ALL;

	for (int i = 0; i < HOOKS; i++) {
		if (hook_is_there(results[i].state))
			continue;
		if (hooks[i].needed) {
			if (first)
				*first = (enum hook_id)i;
			return HOOKS_TOO_FEW;
		}
		verdict = HOOKS_SOME;
	}
	return verdict;
}

const char *hook_state_name(enum hook_state state)
{
	static const char *const names[] = {
		[HOOK_WORKS] = "works",     [HOOK_UNTRIED] = "untried", [HOOK_SILENT] = "silent",
		[HOOK_MISSING] = "missing", [HOOK_REFUSED] = "refused",
	};

	return names[state];
}

enum hook_state hook_state_of(int error)
{
	switch (-error) {
	case 0:
		return HOOK_WORKS;
	case ENOENT:
	case ESRCH:
	case EINVAL:
	case ENOSYS:
	case EOPNOTSUPP:
	case ENOTSUPP_KERNEL:
		return HOOK_MISSING;
	default:
		return HOOK_REFUSED;
	}
}

static const char *meaning(int error)
{
	switch (-error) {
	case EPERM:
		return "not permitted: a capability is missing, or a security module or seccomp filter says "
		       "no";
	case EACCES:
		return "the kernel's verifier or a security module does not accept the program";
	case EINVAL:
		return "this kernel does not know it, or does not allow it to this kind of program";
	case ENOENT:
	case ESRCH:
		return "this kernel, or its BTF, does not have it";
	case ENOSYS:
		return "this kernel has no bpf() or no BTF, or a seccomp filter hides it";
	case EOPNOTSUPP:
	case ENOTSUPP_KERNEL:
		return "this kernel was built without it";
	case EBUSY:
	case EEXIST:
		return "another program holds this place alone";
	case ENOMEM:
		return "no memory for it";
	case E2BIG:
		return "this kernel's verifier finds the program too long";
	default:
		return strerror(-error);
	}
}

const char *hook_error_text(int error, char text[static HOOK_ERROR_MAX])
{
	const char *name = -error == ENOTSUPP_KERNEL ? "ENOTSUPP" : strerrorname_np(-error);

	snprintf(text, HOOK_ERROR_MAX, "%s: %s", name ? name : "error", meaning(error));
	return text;
}

const char *hook_mend(enum hook_id id, const struct hook_result *result)
{
	if (hook_is_there(result->state))
		return "";
	if (result->state == HOOK_SILENT)
		return "see whether a cgroup v2 namespace or another program's verdict hides the traffic: "
		       "run it "
		       "outside of containers";
	if (id == HOOK_KERNEL_MEMORY)
		return "boot without lockdown=confidentiality, give CAP_PERFMON, or accept it";
	if (result->error == -EPERM)
		return "run as root, or with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_PTRACE, in the "
		       "initial "
		       "user namespace";
	if (result->error == -EACCES)
		return "look for denials of a security module in the kernel's log; else report the kernel's "
		       "version";
	if (result->error == -EBUSY || result->error == -EEXIST)
		return "see with \"bpftool cgroup tree\" what is attached without leave for others";
	if (result->error == -ENOMEM)
		return "make memory free, or raise the memory limit of its control group";
	return "boot Linux 5.15 or later, built with CONFIG_BPF_SYSCALL, CONFIG_CGROUP_BPF and "
	       "CONFIG_DEBUG_INFO_BTF";
}

void hooks_write_missing(const struct hook_result results[static HOOKS], char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < HOOKS; i++) {
		int length;

		if (hook_is_there(results[i].state))
			continue;
		length = snprintf(text + used, size - used, "%s%s=%d", used ? " " : "", hooks[i].name,
				  -results[i].error);
		if (length < 0 || (size_t)length >= size - used) {
			text[used] = '\0';
			return;
		}
		used += (size_t)length;
	}
}

int hooks_read_missing(const char **line, enum hook_id *id, int *error)
{
	while (**line) {
		const char *word = *line + strspn(*line, " ");
		size_t length = strcspn(word, " "), name = strcspn(word, "= ");
		int found = hook_by_name(word, name);
		long number;

		*line = word + length;
		if (found < 0 || word[name] != '=')
			continue;
		*id = (enum hook_id)found;
		number = strtol(word + name + 1, NULL, 10);
		*error = number > 0 && number <= ERROR_MOST ? -(int)number : 0;
		return 1;
	}
	return 0;
}
