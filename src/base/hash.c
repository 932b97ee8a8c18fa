/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/hash.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

__extension__ typedef unsigned __int128 wide;

/* Folding a 64 x 64 -> 128 bit product spreads every input bit over the result. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_mix(uint64_t hash, uint64_t value)
{
	return fold(hash ^ value ^ UINT64_C(0x9e3779b97f4a7c15), hash | UINT64_C(0xd1342543de82ef95));
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	uint64_t hash = seed ^ (length * UINT64_C(0xa0761d6478bd642f));
	uint64_t word;

	for (; length >= 8; at += 8, length -= 8) {
		memcpy(&word, at, 8);
		hash = hash_mix(hash, word);
	}
	if (length) {
		word = 0;
		memcpy(&word, at, length);
		hash = hash_mix(hash, word);
	}
	return hash_mix(hash, UINT64_C(0xe7037ed1a0b428db));
}

uint64_t hash_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
		return seed;
	/* Without randomness the time and where this program lies still differ from run to run. */
	return hash_mix((uint64_t)clock_ns(CLOCK_MONOTONIC), (uintptr_t)&seed);
}

size_t hash_table_size(size_t value)
{
	size_t size = 1;

	while (size < value)
		size <<= 1;
	return size;
}
