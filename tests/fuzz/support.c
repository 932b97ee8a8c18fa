/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char folder[256];
void (*fuzz_excuse)(void);

_Noreturn void fuzz_broken(const char *file, int line, const char *condition)
{
	if (fuzz_excuse)
		fuzz_excuse();
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

const char *fuzz_file(const void *data, size_t size)
{
	static char path[64];
	static int file = -1;

	if (file < 0) {
		file = memfd_create("input", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	/* Cut afterwards: the memory that it has is used again. */
	must(file >= 0 && (size == 0 || pwrite(file, data, size, 0) == (ssize_t)size));
	must(ftruncate(file, (off_t)size) == 0);
	return path;
}

void fuzz_empty_folder(void)
{
	DIR *listing = opendir(fuzz_folder());
	const struct dirent *entry;
	char path[600];

	while (listing && (entry = readdir(listing))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (listing)
		closedir(listing);
}

static void remove_folder(void)
{
	fuzz_empty_folder();
	rmdir(folder);
}

const char *fuzz_folder(void)
{
	const char *parent = getenv("TMPDIR");

	if (folder[0])
		return folder;
	snprintf(folder, sizeof(folder), "%s/firstseen-fuzz-XXXXXX", parent ? parent : "/dev/shm");
	must(mkdtemp(folder));
	atexit(remove_folder);
	return folder;
}

const struct domain_rules *fuzz_rules(void)
{
	static struct domain_rules *rules;
	const struct domain_settings settings = {.private_suffixes = true};

	if (!rules)
		must(domain_rules_new(&settings, &rules, NULL) == 0);
	return rules;
}

char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

uint64_t fuzz_take(struct fuzz_input *input, size_t bytes)
{
	uint64_t value = 0;

	for (; bytes && input->left; bytes--, input->left--)
		value = value << 8 | *input->at++;
	return value;
}
