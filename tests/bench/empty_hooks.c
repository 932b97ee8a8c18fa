/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * empty_hooks OBJECT CGROUP: attaches the programs of OBJECT (empty.bpf.o) as the
 * daemon attaches its own, prints "attached", and holds them until it is killed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/libbpf.h>

static int attach(struct bpf_object *object, int cgroup)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		struct bpf_link *link = bpf_program__type(program) == BPF_PROG_TYPE_TRACING
						? bpf_program__attach(program)
						: bpf_program__attach_cgroup(program, cgroup);

		if (!link) {
			perror(bpf_program__section_name(program));
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	int cgroup;

	if (argc != 3) {
		fputs("usage: empty_hooks OBJECT CGROUP\n", stderr);
		return 2;
	}
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	cgroup = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	object = bpf_object__open(argv[1]);
	if (cgroup < 0 || !object || bpf_object__load(object)) {
		perror("empty_hooks");
		return 1;
	}
	if (attach(object, cgroup))
		return 1;
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
