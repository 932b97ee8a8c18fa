/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* scratch.h - a folder of its own for a test that needs files. One at a time. */
#ifndef BASE_SCRATCH_H
#define BASE_SCRATCH_H

/* For cmocka: makes it, removes it with all that is in it. 0 or -1. */
int scratch_make(void **state);
int scratch_remove(void **state);

/* A path in it; "" is the folder itself. Good for 8 calls. */
const char *scratch_path(const char *name);

#endif
