/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "privilege/filter.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <seccomp.h>

/*
 * By what they are for. Calls that this architecture or this libseccomp does not know are passed over. What
 * is not here fails with ENOSYS, to which C libraries have an answer, so that a newer one does not end the
 * daemon.
 */
static const char *const calls[] = {
	/* memory, threads, the end */
	"brk",
	"mmap",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"mlock",
	"futex",
	"futex_wait",
	"futex_wake",
	"futex_waitv",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"clone",
	"clone3",
	"exit",
	"exit_group",
	"sched_yield",
	"sched_getaffinity",
	"membarrier",
	"set_tid_address",
	"arch_prctl",
	"prctl",
	"restart_syscall",
	/* signals */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"sigaltstack",
	"signalfd4",
	"tgkill",
	"tkill",
	"kill",
	/* time, waiting */
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"eventfd2",
	/* files: history, lists, configuration, alerts */
	"open",
	"openat",
	"openat2",
	"close",
	"close_range",
	"read",
	"readv",
	"pread64",
	"preadv",
	"write",
	"writev",
	"pwrite64",
	"pwritev",
	"lseek",
	"stat",
	"fstat",
	"lstat",
	"newfstatat",
	"fstatat64",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"getdents64",
	"readlink",
	"readlinkat",
	"getcwd",
	"fcntl",
	"flock",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"ftruncate",
	"fallocate",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	"mkdir",
	"mkdirat",
	"rmdir",
	"chmod",
	"fchmod",
	"fchmodat",
	"fchown",
	"fchownat",
	"umask",
	"dup",
	"dup2",
	"dup3",
	"pipe2",
	"ioctl",
	"memfd_create",
	"utimensat",
	/* who and where */
	"getpid",
	"gettid",
	"getppid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getgroups",
	"getresuid",
	"getresgid",
	"uname",
	"sysinfo",
	"getrandom",
	"getrusage",
	"prlimit64",
	"getrlimit",
	"getpriority",
	"setpriority",
	"capget",
	/* the kernel side: rings, maps, iterators */
	"bpf",
	/* sockets; which ones, see below */
	"connect",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"shutdown",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"accept",
	"accept4",
	"bind",
	"listen",
	/* asking the package manager of a host that has rpm */
	"vfork",
	"fork",
	"execve",
	"wait4",
	"waitid",
	"pidfd_open",
	"pidfd_send_signal",
	"setpgid",
};

/* The log, the control socket, the name service; the host's own addresses; and for asking the DNS. */
static const int families[] = {AF_UNIX, AF_NETLINK, AF_INET, AF_INET6};
#define LOCAL_FAMILIES 2

static int allow_family(scmp_filter_ctx filter, int call, int family)
{
	const struct scmp_arg_cmp first = {
		.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)family, .datum_b = 0};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &first);
}

static int allow_sockets(scmp_filter_ctx filter, bool internet)
{
	size_t count = internet ? sizeof(families) / sizeof(families[0]) : LOCAL_FAMILIES;
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = allow_family(filter, SCMP_SYS(socket), families[i]);
	return error ? error : allow_family(filter, SCMP_SYS(socketpair), AF_UNIX);
}

int filter_install(bool internet, struct failure *failure)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int error = 0;

	if (!filter)
		return failure_set(failure, -ENOMEM, "out of memory for the system call filter");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && !error; i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);

		if (number != __NR_SCMP_ERROR)
			error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		if (error == -EDOM) /* not on this architecture */
			error = 0;
	}
	if (!error)
		error = allow_sockets(filter, internet);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error ? failure_set(failure, error, "can not install the system call filter: %s",
				   strerror(-error))
		     : 0;
}
