/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* support.h - what the fuzz targets share. Each is one file with LLVMFuzzerTestOneInput. */
#ifndef FUZZ_SUPPORT_H
#define FUZZ_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. Says what did not, and crashes. */
#define must(condition) ((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_broken(const char *file, int line, const char *condition);

/* Called first where something does not hold; it need not return. NULL: none. */
extern void (*fuzz_excuse)(void);

/* A path at which exactly these bytes are read; no disk is touched. The next call replaces them. */
const char *fuzz_file(const void *data, size_t size);

/* A folder in memory of this process, empty at first. It is left behind where the process crashes: TMPDIR
 * says where. */
const char *fuzz_folder(void);
void fuzz_empty_folder(void);

/* The rules for domains, loaded once. */
const struct domain_rules *fuzz_rules(void);

/* A terminated copy of the bytes, which a sanitizer guards; to be freed. */
char *fuzz_text(const uint8_t *data, size_t size);

/* Takes a number off the front of the input; 0 where it has ended. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};
uint64_t fuzz_take(struct fuzz_input *input, size_t bytes);

#endif
