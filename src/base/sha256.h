/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sha256.h - SHA-256 (FIPS 180-4) of a text in memory, and its base64. Not for secrets. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_BASE64_MAX 45 /* 44 characters and a NUL */

void sha256(const void *bytes, size_t length, uint8_t digest[static SHA256_SIZE]);

/* The digest as a Content-Security-Policy wants it. Returns `text`. */
const char *sha256_base64(const void *bytes, size_t length, char text[static SHA256_BASE64_MAX]);

#endif
