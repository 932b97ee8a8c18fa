/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tls/hello.h"

#include <string.h>

#define CONTENT_HANDSHAKE 22
#define HANDSHAKE_CLIENT_HELLO 1
#define EXTENSION_SERVER_NAME 0
#define EXTENSION_ECH 0xfe0d
#define NAME_TYPE_HOST 0

/*
 * A handshake message seen through the TLS records that carry it: bytes come one
 * after the other, record headers are stepped over.
 */
struct hello {
	const uint8_t *bytes;
	size_t length;
	size_t at;          /* in the stream */
	size_t record_left; /* bytes of handshake left in the record at hand */
	size_t left;        /* bytes left in the message; SIZE_MAX before its length is known */
	bool partial, broken;
};

static bool next_record(struct hello *hello)
{
	const uint8_t *head = hello->bytes + hello->at;
	size_t available = hello->length - hello->at;
	static const uint8_t shape[2] = {CONTENT_HANDSHAKE, 3};

	if (memcmp(head, shape, available < 2 ? available : 2) != 0) {
		hello->broken = true;
		return false;
	}
	if (available < 5) {
		hello->partial = true;
		return false;
	}
	hello->record_left = (size_t)head[3] << 8 | head[4];
	if (hello->record_left == 0 || hello->record_left > 16384) {
		hello->broken = true;
		return false;
	}
	hello->at += 5;
	return true;
}

static uint8_t get8(struct hello *hello)
{
	if (hello->partial || hello->broken)
		return 0;
	if (hello->left == 0) {
		hello->broken = true;
		return 0;
	}
	if (hello->record_left == 0 && !next_record(hello))
		return 0;
	if (hello->at == hello->length) {
		hello->partial = true;
		return 0;
	}
	hello->record_left--;
	if (hello->left != SIZE_MAX)
		hello->left--;
	return hello->bytes[hello->at++];
}

static size_t get_number(struct hello *hello, int bytes)
{
	size_t value = 0;

	while (bytes--)
		value = value << 8 | get8(hello);
	return value;
}

static bool going(const struct hello *hello)
{
	return !hello->partial && !hello->broken;
}

static void skip(struct hello *hello, size_t count)
{
	while (count && going(hello)) {
		size_t step = count;

		if (hello->record_left > 1 && hello->at < hello->length) {
			if (step > hello->record_left)
				step = hello->record_left;
			if (step > hello->length - hello->at)
				step = hello->length - hello->at;
			if (step > hello->left) {
				hello->broken = true;
				return;
			}
			hello->at += step;
			hello->record_left -= step;
			if (hello->left != SIZE_MAX)
				hello->left -= step;
		} else {
			get8(hello);
			step = 1;
		}
		count -= step;
	}
}

static bool is_host_name(char *name, size_t length)
{
	bool letter = false;

	if (length && name[length - 1] == '.')
		name[--length] = '\0';
	if (length == 0 || name[0] == '.' || name[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c = name[i] = (char)(c + 32);
		if ((c >= 'a' && c <= 'z') || c == '-' || c == '_')
			letter = true;
		else if (!(c >= '0' && c <= '9') && c != '.')
			return false;
		if (c == '.' && name[i + 1] == '.')
			return false;
	}
	return letter; /* digits and dots alone are an IPv4 address */
}

/* The list of names: (type, length, name)... The first host name counts. */
static bool read_server_name(struct hello *hello, size_t length, char name[static TLS_NAME_MAX])
{
	size_t list, size;

	if (length < 5) {
		skip(hello, length);
		return false;
	}
	list = get_number(hello, 2);
	if (list + 2 > length || list < 3) {
		skip(hello, length - 2);
		return false;
	}
	if (get8(hello) != NAME_TYPE_HOST) {
		skip(hello, length - 3);
		return false;
	}
	size = get_number(hello, 2);
	if (size + 3 > list || size >= TLS_NAME_MAX) {
		skip(hello, length - 5);
		return false;
	}
	for (size_t i = 0; i < size; i++)
		name[i] = (char)get8(hello);
	name[size] = '\0';
	skip(hello, length - 5 - size);
	return memchr(name, '\0', size) == NULL && is_host_name(name, size);
}

static bool read_extensions(struct hello *hello, char name[static TLS_NAME_MAX], bool *has_ech)
{
	size_t total;
	bool found = false;

	if (hello->left == 0) /* no extensions at all is allowed */
		return false;
	total = get_number(hello, 2);
	while (total >= 4 && going(hello)) {
		size_t type = get_number(hello, 2), length = get_number(hello, 2);

		total -= 4;
		if (length > total) {
			hello->broken = true;
			return false;
		}
		total -= length;
		if (type == EXTENSION_ECH)
			*has_ech = true;
		if (type == EXTENSION_SERVER_NAME && !found)
			found = read_server_name(hello, length, name);
		else
			skip(hello, length);
	}
	return found;
}

enum tls_hello_result tls_hello_read(const uint8_t *bytes, size_t length, char name[static TLS_NAME_MAX],
				     bool *has_ech)
{
	struct hello hello = {.bytes = bytes, .length = length, .left = SIZE_MAX};
	bool ech = false, found;

	name[0] = '\0';
	if (has_ech)
		*has_ech = false;
	if (get8(&hello) != HANDSHAKE_CLIENT_HELLO && going(&hello))
		return TLS_HELLO_NOT_TLS;
	hello.left = get_number(&hello, 3);
	skip(&hello, 2 + 32);                /* version, random */
	skip(&hello, get_number(&hello, 1)); /* session */
	skip(&hello, get_number(&hello, 2)); /* cipher suites */
	skip(&hello, get_number(&hello, 1)); /* compression */
	found = going(&hello) && read_extensions(&hello, name, &ech);
	if (hello.broken || (hello.partial && length >= TLS_HELLO_MAX)) {
		name[0] = '\0';
		return TLS_HELLO_NOT_TLS;
	}
	if (hello.partial && !found) {
		name[0] = '\0';
		return TLS_HELLO_PARTIAL;
	}
	if (has_ech)
		*has_ech = ech;
	if (!found)
		name[0] = '\0';
	return found ? TLS_HELLO_FOUND : TLS_HELLO_NO_NAME;
}
