/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/hello_build.h"

#include <stdbool.h>
#include <string.h>

#define RECORD_HANDSHAKE 22
#define HANDSHAKE_CLIENT_HELLO 1
#define VERSION_1_0 0x0301
#define VERSION_1_2 0x0303
#define VERSION_1_3 0x0304
#define EXTENSION_SERVER_NAME 0
#define EXTENSION_SUPPORTED_VERSIONS 43
#define EXTENSION_ECH 0xfe0d
#define RANDOM_SIZE 32
#define NAME_MOST 253

static size_t put(uint8_t *bytes, size_t at, unsigned value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		bytes[at + i] = (uint8_t)(value >> (8 * (width - 1 - i)));
	return at + width;
}

static size_t put_server_name(uint8_t *bytes, size_t at, const char *name, unsigned length)
{
	at = put(bytes, at, EXTENSION_SERVER_NAME, 2);
	at = put(bytes, at, length + 5, 2);
	at = put(bytes, at, length + 3, 2);
	at = put(bytes, at, 0, 1); /* host_name */
	at = put(bytes, at, length, 2);
	memcpy(bytes + at, name, length);
	return at + length;
}

static size_t build(uint8_t *buffer, size_t size, const char *name, bool ech)
{
	size_t length = name ? strlen(name) : 0, extensions, at = 0;

	if (size < HELLO_BUILD_MAX || length > NAME_MOST)
		return 0;
	at = put(buffer, at, RECORD_HANDSHAKE, 1);
	at = put(buffer, at, VERSION_1_0, 2);
	at = put(buffer, at, 0, 2); /* the record's length, below */
	at = put(buffer, at, HANDSHAKE_CLIENT_HELLO, 1);
	at = put(buffer, at, 0, 3); /* the message's length, below */
	at = put(buffer, at, VERSION_1_2, 2);
	memset(buffer + at, 0x5a, RANDOM_SIZE);
	at += RANDOM_SIZE;
	at = put(buffer, at, 0, 1);      /* no session */
	at = put(buffer, at, 2, 2);      /* one cipher suite */
	at = put(buffer, at, 0x1301, 2); /* TLS_AES_128_GCM_SHA256 */
	at = put(buffer, at, 1, 1);      /* one compression method: none */
	at = put(buffer, at, 0, 1);
	extensions = at;
	at = put(buffer, at, 0, 2);
	if (name)
		at = put_server_name(buffer, at, name, (unsigned)length);
	at = put(buffer, at, EXTENSION_SUPPORTED_VERSIONS, 2);
	at = put(buffer, at, 3, 2);
	at = put(buffer, at, 2, 1);
	at = put(buffer, at, VERSION_1_3, 2);
	if (ech) {
		at = put(buffer, at, EXTENSION_ECH, 2);
		at = put(buffer, at, 0, 2);
	}
	put(buffer, extensions, (unsigned)(at - extensions - 2), 2);
	put(buffer, 6, (unsigned)(at - 9), 3);
	put(buffer, 3, (unsigned)(at - 5), 2);
	return at;
}

size_t hello_build(uint8_t *buffer, size_t size, const char *name)
{
	return build(buffer, size, name, false);
}

size_t hello_build_ech(uint8_t *buffer, size_t size, const char *name)
{
	return build(buffer, size, name, true);
}
