/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names.h - texts kept once each, counted, in a fixed amount of memory: remote
 * data decides what is in it, never how large it is.
 */
#ifndef CORE_NAMES_H
#define CORE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct names; /* opaque */

/* `count` texts and `bytes` of text at most. 0 or -ENOMEM. */
int names_new(size_t count, size_t bytes, uint64_t seed, struct names **out);
void names_free(struct names *names);

/* Takes a reference on the text (at most 2047 bytes; more is cut). Returns its id, or 0 where there is no
 * room. */
uint32_t names_take(struct names *names, const char *text);
void names_drop(struct names *names, uint32_t id); /* id 0 is fine */

/* The text, until its last reference is dropped. "" for id 0. */
const char *names_text(const struct names *names, uint32_t id);

size_t names_memory(const struct names *names); /* bytes reserved */

#endif
