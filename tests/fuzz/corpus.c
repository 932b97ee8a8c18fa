/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs a target over files and folders of inputs, where there is no libFuzzer. With --starve each input
 * comes again and again, and each time another allocation fails: nothing may crash by that.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define INPUT_MOST (1 << 20)
#define ALLOCATIONS_MOST 150 /* of an input that are made to fail, one after the other */

static unsigned count, allocations, failing; /* failing: the number of the one that fails; 0: none */
static jmp_buf ended;

/* --- allocations that fail: the linker puts these in the place of libc's --------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
	return failing && ++allocations == failing;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
	return fails() ? NULL : __real_calloc(number, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

/* What does not hold is excused where an allocation failed. */
static void excuse(void)
{
	if (failing && allocations >= failing)
		longjmp(ended, 1);
}

static void starve(const uint8_t *bytes, size_t size)
{
	for (volatile unsigned number = 1; number <= ALLOCATIONS_MOST; number++) {
		bool was_made;

		allocations = 0;
		failing = number;
		if (setjmp(ended) == 0)
			LLVMFuzzerTestOneInput(bytes, size);
		was_made = allocations >= number;
		failing = 0;
		if (!was_made)
			return;
	}
}

/* --- inputs ----------------------------------------------------------------------------------------- */

static void run_file(const char *path, bool starving)
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
	if (starving)
		starve(exact, size);
	free(exact);
	free(bytes);
	count++;
}

static void run(const char *path, bool starving)
{
	struct dirent **entries;
	int found = scandir(path, &entries, NULL, alphasort);

	if (found < 0) {
		run_file(path, starving);
		return;
	}
	for (int i = 0; i < found; i++) {
		char inner[4096];

		snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			run_file(inner, starving);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	bool starving = argc > 1 && strcmp(argv[1], "--starve") == 0;

	fuzz_excuse = excuse;
	for (int i = 1 + starving; i < argc; i++)
		run(argv[i], starving);
	printf("%u inputs\n", count);
	return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
