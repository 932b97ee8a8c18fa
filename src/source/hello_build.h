/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hello_build.h - writes the start of a TLS stream, for scenarios and tests. */
#ifndef SOURCE_HELLO_BUILD_H
#define SOURCE_HELLO_BUILD_H

#include <stddef.h>
#include <stdint.h>

#define HELLO_BUILD_MAX 1024 /* bytes that hold any hello built here */

/*
 * A TLS 1.3 ClientHello in one record, with `name` (at most 253 bytes) as its server
 * name, or without one where it is NULL. Returns the bytes written, or 0: it does not fit.
 */
size_t hello_build(uint8_t *buffer, size_t size, const char *name);

/* The same with an encrypted_client_hello, of which nothing can be read. */
size_t hello_build_ech(uint8_t *buffer, size_t size, const char *name);

#endif
