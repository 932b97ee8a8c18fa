/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dpkg.c - dpkg's files of any bytes: status, diversions and a list, apart from each other by a NUL byte. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "package/index.h"
#include "support.h"

static char root[256];

static const char *path_of(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s%s", root, name);
	return path;
}

static void make_folders(void)
{
	static const char *const folders[] = {
		"", "/var", "/var/lib", "/var/lib/dpkg", "/var/lib/dpkg/info", "/var/lib/dpkg/updates"};

	snprintf(root, sizeof(root), "%s/root", fuzz_folder());
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		must(mkdir(path_of(folders[i]), 0700) == 0);
}

static void remove_all(void)
{
	static const char *const names[] = {"/var/lib/dpkg/info/curl.list",
					    "/var/lib/dpkg/diversions",
					    "/var/lib/dpkg/status",
					    "/var/lib/dpkg/info",
					    "/var/lib/dpkg/updates",
					    "/var/lib/dpkg",
					    "/var/lib",
					    "/var",
					    ""};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(path_of(names[i]));
}

static void write_part(const char *name, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *stop = *at < end ? memchr(*at, 0, (size_t)(end - *at)) : NULL;
	int file = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t length = (size_t)((stop ? stop : end) - *at);

	must(file >= 0 && write(file, *at, length) == (ssize_t)length);
	close(file);
	*at = stop ? stop + 1 : end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *at = data, *end = data + size;
	struct failure failure = {{0}};
	struct package_index *index;
	const struct owner *owner;

	if (!root[0]) {
		fuzz_folder();
		atexit(remove_all);
		make_folders();
	}
	write_part("/var/lib/dpkg/status", &at, end);
	write_part("/var/lib/dpkg/diversions", &at, end);
	write_part("/var/lib/dpkg/info/curl.list", &at, end);
	if (index_build(root, NULL, &index, &failure) == 0) {
		owner = index_find(index, root, "/usr/bin/curl");
		must(!owner || owner->name);
		(void)index_find(index, root, "/bin/sh");
		index_free(index);
	} else {
		must(failure.text[0]);
	}
	return 0;
}
