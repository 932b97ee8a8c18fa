/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs a target over files and folders of inputs, once each: where there is no libFuzzer. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support.h"

#define INPUT_MOST (1 << 20)

static unsigned count;

static void run_file(const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t *bytes = malloc(INPUT_MOST);
	uint8_t *exact;
	size_t size;

	must(file && bytes);
	size = fread(bytes, 1, INPUT_MOST, file);
	fclose(file);
	exact = malloc(size ? size : 1);
	must(exact);
	memcpy(exact, bytes, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	free(bytes);
	count++;
}

static void run(const char *path)
{
	struct dirent **entries;
	int found = scandir(path, &entries, NULL, alphasort);

	if (found < 0) {
		run_file(path);
		return;
	}
	for (int i = 0; i < found; i++) {
		char inner[4096];

		snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			run_file(inner);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	printf("%u inputs\n", count);
	return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
