/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names.h - texts kept once each, counted, in a fixed amount of memory: remote
 * data decides what is in it, never how large it is.
 */
#ifndef CORE_NAMES_H
#define CORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_BLOCK 64      /* bytes of memory that a text up to 47 bytes takes; each 60 more take one more */
#define NAMES_TEXT_MAX 2048 /* with the ending NUL */

struct names; /* opaque */

/* `bytes` of memory for texts, and as much as a 16th of it to find them again. 0 or -ENOMEM. */
int names_new(size_t bytes, uint64_t seed, struct names **out);
void names_free(struct names *names);

/* Takes a reference on the text (what is beyond NAMES_TEXT_MAX is cut). Returns its id, or 0 where there is
 * no room. */
uint32_t names_take(struct names *names, const char *text);
void names_drop(struct names *names, uint32_t id); /* id 0 is fine */

/* Copies the text, cut to `size` with its NUL. "" for id 0. Returns `out`. */
char *names_text(const struct names *names, uint32_t id, char *out, size_t size);
/* The text will be wanted soon: fetches it into the cache. */
void names_expect(const struct names *names, uint32_t id);
/* Whether it is this text; id 0 is "". */
bool names_equal(const struct names *names, uint32_t id, const char *text);

size_t names_memory(const struct names *names); /* bytes reserved */

#endif
