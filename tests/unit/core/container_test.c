// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/process.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define TASK "0f9de17a6465404e8b1b2356dc13c2f8"
#define POD "11111111-2222-3333-4444-555555555555"

static void expect_at(const char *cgroup, const char *container, int line)
{
	char out[PROCESS_CONTAINER_MAX];

	process_container(cgroup, out);
	if (strcmp(out, container) != 0) {
		print_error("%s: expected \"%s\", got \"%s\"\n", cgroup, container, out);
		_fail(__FILE__, line);
	}
}
#define expect(cgroup, container) expect_at(cgroup, container, __LINE__)

static void containers_by_runtime(void **state)
{
	(void)state;
	expect("/docker/" ID, "docker:0123456789ab");
	expect("/system.slice/docker-" ID ".scope", "docker:0123456789ab");
	expect("/docker-" ID, "docker:0123456789ab");
	expect("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope",
	       "docker:0123456789ab");
	expect("/system.slice/containerd.service/kubepods-burstable-pod" POD ".slice:cri-containerd:" ID,
	       "containerd:0123456789ab");
	expect("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD
	       ".slice/cri-containerd-" ID ".scope",
	       "containerd:0123456789ab");
	expect("/default/nerdctl-" ID ".scope", "containerd:0123456789ab");
	expect("/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope", "cri-o:0123456789ab");
	expect("/machine.slice/libpod-" ID ".scope", "podman:0123456789ab");
	expect("/machine.slice/libpod-" ID ".scope/container", "podman:0123456789ab");
	expect("/libpod_parent/libpod-" ID, "podman:0123456789ab");
	expect("/default/" ID, "container:0123456789ab");
}

static void kubernetes_and_ecs(void **state)
{
	(void)state;
	expect("/kubepods/burstable/pod" POD "/" ID, "kubernetes:0123456789ab");
	expect("/kubepods/pod" POD "/" ID, "kubernetes:0123456789ab");
	expect("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/" ID,
	       "kubernetes:0123456789ab");
	expect("/ecs/" TASK "/" ID, "ecs:0123456789ab");
	expect("/ecs/my-cluster/" TASK "/" ID, "ecs:0123456789ab");
	expect("/ecs/" TASK "/" TASK "-4091358139", "ecs:0f9de17a6465-4091358139");
	/* A pod is not a container yet. */
	expect("/kubepods/burstable/pod" POD, "");
}

static void machines_by_name(void **state)
{
	(void)state;
	expect("/lxc/web", "lxc:web");
	expect("/lxc/101/ns/system.slice/nginx.service", "lxc:101");
	expect("/lxc.payload.web/system.slice/ssh.service", "lxc:web");
	expect("/lxc.payload/web", "lxc:web");
	expect("/machine.slice/machine-web\\x2d1.scope", "nspawn:web-1");
	expect("/machine.slice/systemd-nspawn@web.service/payload/init.scope", "nspawn:web");
	expect("/machine.slice/systemd-nspawn@web.service/supervisor", "unit:systemd-nspawn@web.service");
	/* The emulator of a virtual machine is a program of the host. */
	expect("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
	       "unit:machine-qemu-1-vm.scope");
}

static void the_innermost_container_counts(void **state)
{
	(void)state;
	expect("/docker/" ID "/docker/" OTHER, "docker:fedcba987654");
	expect("/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" OTHER ".scope",
	       "containerd:fedcba987654");
	expect("/system.slice/docker-" ID ".scope/system.slice/nginx.service", "docker:0123456789ab");
	expect("/lxc/web/docker/" ID, "docker:0123456789ab");
	expect("/../../docker/" ID, "docker:0123456789ab");
}

static void units_of_the_host(void **state)
{
	(void)state;
	expect("/system.slice/cron.service", "unit:cron.service");
	expect("/system.slice/system-getty.slice/getty@tty1.service", "unit:getty@tty1.service");
	expect("/user.slice/user-1000.slice/session-3.scope", "unit:session-3.scope");
	expect("/user.slice/user-1000.slice/user@1000.service/app.slice/app-a\\x2db.service/sub",
	       "unit:app-a-b.service");
	expect("/system.slice/docker.service", "unit:docker.service");
	/* The monitor of a container is a program of the host. Long names are cut. */
	expect("/system.slice/crio-conmon-" ID ".scope",
	       "unit:crio-conmon-"
	       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd");
}

static void what_is_neither(void **state)
{
	(void)state;
	expect("", "");
	expect("/", "");
	expect("////", "");
	expect("/user.slice", "");
	expect("/docker", "");
	expect("/docker/nothex", "");
	expect("/docker-.scope", "unit:docker-.scope");
	expect("/docker-" ID "x.scope/..", "unit:docker-" ID "x.s");
	expect("/.service", "");
	expect(":", "");
	expect("/:", "");
	expect("/machine-.scope", "unit:machine-.scope");
	expect("/a\\x0a.service", "unit:a\\x0a.service");
	expect("/a\\x.service", "unit:a\\x.service");
}

/* Whatever the path is, the answer fits and is terminated. */
static void hostile_paths(void **state)
{
	static const char *const pieces[] = {"/",        "docker", "-",       ".scope", ID,         ":",
					     "\\x2d",    "lxc",    "payload", "..",     "machine-", "ecs",
					     ".service", "pod",    "\n",      "\xff",   TASK,       "\\x"};
	uint64_t seed = 1;
	char path[PROCESS_CGROUP_MAX];
	char out[PROCESS_CONTAINER_MAX];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t used = 0;

		path[0] = '\0';
		for (int i = 0; i < 12; i++) {
			const char *piece;

			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			piece = pieces[(seed >> 33) % (sizeof(pieces) / sizeof(pieces[0]))];
			if (used + strlen(piece) + 1 > sizeof(path))
				break;
			memcpy(path + used, piece, strlen(piece) + 1);
			used += strlen(piece);
		}
		memset(out, 'x', sizeof(out));
		process_container(path, out);
		assert_true(strnlen(out, sizeof(out)) < sizeof(out));
		assert_true(!out[0] || strchr(out, ':'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers_by_runtime), cmocka_unit_test(kubernetes_and_ecs),
		cmocka_unit_test(machines_by_name),      cmocka_unit_test(the_innermost_container_counts),
		cmocka_unit_test(units_of_the_host),     cmocka_unit_test(what_is_neither),
		cmocka_unit_test(hostile_paths),
	};

	return cmocka_run_group_tests_name("core/container", tests, NULL, NULL);
}
