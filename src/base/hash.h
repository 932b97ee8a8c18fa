/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hash.h - hashes bytes for tables. With a secret seed, remote data can not choose its bucket. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t length);

/* A secret of this process. Never waits: very early at boot it is a weak one. */
uint64_t hash_seed(void);

/* Mixes one more value into a hash. */
uint64_t hash_mix(uint64_t hash, uint64_t value);

/* The smallest power of two that is >= value (and >= 1). */
size_t hash_table_size(size_t value);

#endif
