/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* probe.c - tries each hook by itself, with traffic of its own on loopback. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/text.h"
#include "capture/capture.h"
#include "capture/cgroup.h"
#include "capture/load.h"
#include "firstseen.skel.h"

#define RING_BYTES 65536
#define PATIENCE_MS                                                                                          \
	1000 /* loopback delivers at once, but on a busy host not always before send() returns               \
	      */

/* What a try has at hand: two sockets on loopback, of which nobody else knows. */
struct trial {
	struct firstseen_bpf *skeleton;
	struct hook_links links;
	int here, there;                 /* `there` is bound */
	struct sockaddr_storage address; /* of `there` */
	socklen_t length;
};

/* --- sockets ---------------------------------------------------------------------------------- */

static void loopback(int family, struct sockaddr_storage *address, socklen_t *length)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	memset(address, 0, sizeof(*address));
	*length = family == AF_INET ? sizeof(v4) : sizeof(v6);
	memcpy(address, family == AF_INET ? (void *)&v4 : (void *)&v6, *length);
}

static int open_pair(struct trial *trial, int family, int type)
{
	loopback(family, &trial->address, &trial->length);
	trial->here = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	trial->there = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (trial->here < 0 || trial->there < 0 ||
	    bind(trial->there, (struct sockaddr *)&trial->address, trial->length) < 0 ||
	    getsockname(trial->there, (struct sockaddr *)&trial->address, &trial->length) < 0)
		return -errno;
	return type == SOCK_STREAM && listen(trial->there, 1) < 0 ? -errno : 0;
}

static void close_pair(struct trial *trial)
{
	if (trial->here >= 0)
		close(trial->here);
	if (trial->there >= 0)
		close(trial->there);
	trial->here = trial->there = -1;
}

/* From now on the programs count what they do for this socket. */
static int aim(struct trial *trial, int fd)
{
	uint64_t cookie;
	socklen_t size = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0)
		return -errno;
	__atomic_store_n(&trial->skeleton->bss->probe_cookie, cookie, __ATOMIC_SEQ_CST);
	return 0;
}

static int send_over(struct trial *trial)
{
	return sendto(trial->here, "", 1, MSG_NOSIGNAL, (struct sockaddr *)&trial->address, trial->length) < 0
		       ? -errno
		       : 0;
}

/* --- one way to make each program run: 0, or why there is nothing to try it with ---------------- */

static int fire_tcp(struct trial *trial)
{
	int error = open_pair(trial, AF_INET, SOCK_STREAM);

	if (!error)
		error = aim(trial, trial->here);
	if (!error && connect(trial->here, (struct sockaddr *)&trial->address, trial->length) < 0 &&
	    errno != EINPROGRESS)
		error = -errno;
	return error;
}

static int fire_connect(struct trial *trial, int family)
{
	int error = open_pair(trial, family, SOCK_DGRAM);

	if (!error)
		error = aim(trial, trial->here);
	if (!error && connect(trial->here, (struct sockaddr *)&trial->address, trial->length) < 0)
		error = -errno;
	return error;
}

static int fire_connect4(struct trial *trial)
{
	return fire_connect(trial, AF_INET);
}

static int fire_connect6(struct trial *trial)
{
	return fire_connect(trial, AF_INET6);
}

static int fire_send(struct trial *trial, int family, bool receiving)
{
	int error = open_pair(trial, family, SOCK_DGRAM);

	if (!error)
		error = aim(trial, receiving ? trial->there : trial->here);
	return error ? error : send_over(trial);
}

static int fire_send4(struct trial *trial)
{
	return fire_send(trial, AF_INET, false);
}

static int fire_send6(struct trial *trial)
{
	return fire_send(trial, AF_INET6, false);
}

static int fire_receive(struct trial *trial)
{
	return fire_send(trial, AF_INET, true);
}

static int fire_release(struct trial *trial)
{
	int error = open_pair(trial, AF_INET, SOCK_DGRAM);

	if (!error)
		error = aim(trial, trial->here);
	close_pair(trial);
	return error;
}

static int fire_iterator(struct trial *trial)
{
	int error = open_pair(trial, AF_INET, SOCK_DGRAM);
	char bytes[4096];
	ssize_t length;
	int fd;

	if (!error)
		error = aim(trial, trial->here);
	if (error)
		return error;
	fd = bpf_iter_create(bpf_link__fd(trial->links.first));
	if (fd < 0)
		return -errno;
	while ((length = read(fd, bytes, sizeof(bytes))) > 0 || (length < 0 && errno == EAGAIN))
		; /* the programs run while it is read */
	close(fd);
	return 0;
}

static int (*const fire[HOOKS])(struct trial *trial) = {
	[HOOK_TCP_STATE] = fire_tcp,     [HOOK_PACKET_OUT] = fire_send4,  [HOOK_PACKET_IN] = fire_receive,
	[HOOK_CONNECT4] = fire_connect4, [HOOK_CONNECT6] = fire_connect6, [HOOK_SEND4] = fire_send4,
	[HOOK_SEND6] = fire_send6,       [HOOK_RELEASE] = fire_release,   [HOOK_SOCKETS] = fire_iterator,
};

/* --- the tries ---------------------------------------------------------------------------------- */

static bool has_fired(const struct trial *trial)
{
	const struct timespec pause = {.tv_nsec = NS_PER_MS};

	for (int i = 0; i < PATIENCE_MS; i++) {
		if (__atomic_load_n(&trial->skeleton->bss->probe_fired, __ATOMIC_SEQ_CST))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void try_it(struct trial *trial, enum hook_id id, struct hook_result *result)
{
	int error = fire[id](trial);

	/* Some run before what they are asked about fails: an address family without a route, for one. */
	if (!error || __atomic_load_n(&trial->skeleton->bss->probe_fired, __ATOMIC_SEQ_CST))
		result->state = has_fired(trial) ? HOOK_WORKS : HOOK_SILENT;
	else
		result->state = HOOK_UNTRIED;
	if (result->state == HOOK_UNTRIED)
		snprintf(result->detail, sizeof(result->detail),
			 "attached, not tried with traffic: loopback: %s", strerror(-error));
	else if (result->state == HOOK_SILENT)
		snprintf(result->detail, sizeof(result->detail),
			 "attached, but it did not run for traffic on loopback");
	close_pair(trial);
}

static void probe_hook(enum hook_id id, bool kernel_memory, int cgroup, struct hook_result *result)
{
	const struct capture_settings settings = {
		.dns_port_count = 1, .dns_ports = {53}, .ring_bytes = RING_BYTES, .sni = true};
	const struct load_wish wish = {
		.settings = &settings, .hooks = 1u << id, .kernel_memory = kernel_memory, .probing = true};
	struct trial trial = {.here = -1, .there = -1};
	int error;

	load_begin();
	error = load_programs(&wish, &trial.skeleton);
	if (!error)
		error = load_attach(trial.skeleton, id, cgroup, &trial.links);
	if (error)
		load_failed(result, error);
	else
		try_it(&trial, id, result);
	load_detach(&trial.links);
	firstseen_bpf__destroy(trial.skeleton);
}

static bool needs_cgroup(enum hook_id id)
{
	return strncmp(hook_of(id)->name, "cgroup", 6) == 0;
}

void capture_probe(struct hook_result results[static HOOKS], char cgroup_root[static PATH_MAX],
		   struct failure *failure)
{
	int cgroup, kernel_memory;

	memset(results, 0, HOOKS * sizeof(results[0]));
	failure->text[0] = '\0';
	cgroup = cgroup_open_root(cgroup_root, failure);
	load_begin();
	kernel_memory = load_kernel_memory();
	for (int i = 0; i < HOOKS; i++) {
		enum hook_id id = (enum hook_id)i;

		if (id == HOOK_KERNEL_MEMORY && kernel_memory == 0) {
			load_no_kernel_memory(&results[id]);
		} else if (id == HOOK_KERNEL_MEMORY && kernel_memory < 0) {
			load_failed(&results[id], kernel_memory);
		} else if (needs_cgroup(id) && cgroup < 0) {
			results[id] = (struct hook_result){.state = HOOK_MISSING, .error = cgroup};
			text_copy(results[id].detail, sizeof(results[id].detail), failure->text);
		} else if (hook_of(id)->program) {
			probe_hook(id, kernel_memory != 0, cgroup, &results[id]);
		}
	}
	if (cgroup >= 0)
		close(cgroup);
}

int capture_watcher(void)
{
	char path[PATH_MAX];
	int cgroup = cgroup_open_root(path, NULL), holder;

	if (cgroup < 0)
		return cgroup;
	holder = cgroup_lock_holder(cgroup);
	close(cgroup);
	return holder;
}
