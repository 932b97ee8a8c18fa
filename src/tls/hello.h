/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hello.h - reads the server name from the start of a TLS stream (ClientHello, RFC 8446, 6066). */
#ifndef TLS_HELLO_H
#define TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_NAME_MAX 256
#define TLS_HELLO_MAX 16384 /* bytes of stream looked at before giving up */

enum tls_hello_result {
	TLS_HELLO_FOUND,   /* `name` holds the host name, in lower case, no trailing dot */
	TLS_HELLO_NO_NAME, /* a whole ClientHello without a (valid) host name */
	TLS_HELLO_PARTIAL, /* so far it is a ClientHello; more bytes are needed */
	TLS_HELLO_NOT_TLS, /* not a ClientHello, or damaged */
};

/*
 * Reads `length` bytes from the beginning of the stream, which may hold several
 * TLS records that one handshake message spans. A name with bytes outside
 * letters, digits, '-', '_', '.' counts as none, as does an IP literal.
 * `has_ech` (may be NULL) tells whether an encrypted_client_hello is there.
 */
enum tls_hello_result tls_hello_read(const uint8_t *bytes, size_t length, char name[static TLS_NAME_MAX],
				     bool *has_ech);

#endif
