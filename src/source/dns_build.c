/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/dns_build.h"

#include <string.h>

#define TYPE_A 1
#define TYPE_CNAME 5
#define TYPE_AAAA 28
#define TYPE_HTTPS 65
#define CLASS_IN 1
#define HEADER_SIZE 12
#define KEY_IPV4HINT 4
#define KEY_IPV6HINT 6

#define FLAG_RESPONSE 0x8000
#define FLAG_TRUNCATED 0x0200
#define FLAG_RECURSION_DESIRED 0x0100
#define FLAG_RECURSION_AVAILABLE 0x0080

struct writer {
	uint8_t *bytes;
	size_t size, length;
	bool failed;
};

static void put(struct writer *writer, const void *bytes, size_t length)
{
	if (writer->failed || writer->size - writer->length < length) {
		writer->failed = true;
		return;
	}
	memcpy(writer->bytes + writer->length, bytes, length);
	writer->length += length;
}

static void put_u16(struct writer *writer, unsigned value)
{
	uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	put(writer, bytes, sizeof(bytes));
}

static void put_u32(struct writer *writer, uint32_t value)
{
	put_u16(writer, value >> 16);
	put_u16(writer, value & 0xffff);
}

bool dns_build_name_fits(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 253)
		return false;
	if (strcmp(name, ".") == 0)
		return true;
	while (*name) {
		size_t label = strcspn(name, ".");

		if (label == 0 || label > 63)
			return false;
		name += label + (name[label] == '.');
	}
	return true;
}

static void put_name(struct writer *writer, const char *name)
{
	if (!dns_build_name_fits(name)) {
		writer->failed = true;
		return;
	}
	while (*name && *name != '.') {
		uint8_t label = (uint8_t)strcspn(name, ".");

		put(writer, &label, 1);
		put(writer, name, label);
		name += label + (name[label] == '.');
	}
	put(writer, "", 1);
}

static void put_start(struct writer *writer, const struct dns_build *message, unsigned flags,
		      unsigned answers)
{
	put_u16(writer, message->id);
	put_u16(writer, flags);
	put_u16(writer, 1);
	put_u16(writer, answers);
	put_u32(writer, 0);
	put_name(writer, message->name);
	put_u16(writer, message->type);
	put_u16(writer, CLASS_IN);
}

/* A record's fixed part, its owner a pointer to `owner`. */
static void put_record(struct writer *writer, size_t owner, unsigned type, uint32_t ttl)
{
	put_u16(writer, 0xc000 | (unsigned)owner);
	put_u16(writer, type);
	put_u16(writer, CLASS_IN);
	put_u32(writer, ttl);
}

/* Data whose length is known when it is written: remembers where the length goes, then fills it in. */
static size_t begin_data(struct writer *writer)
{
	put_u16(writer, 0);
	return writer->length;
}

static void end_data(struct writer *writer, size_t start)
{
	size_t length = writer->length - start;

	if (writer->failed)
		return;
	writer->bytes[start - 2] = (uint8_t)(length >> 8);
	writer->bytes[start - 1] = (uint8_t)length;
}

static void put_hints(struct writer *writer, const struct dns_build *message, unsigned key, bool ipv4)
{
	size_t start, each = ipv4 ? 4 : 16, count = 0;

	for (size_t i = 0; i < message->address_count; i++)
		count += address_is_ipv4(&message->addresses[i]) == ipv4;
	if (count == 0)
		return;
	put_u16(writer, key);
	start = begin_data(writer);
	for (size_t i = 0; i < message->address_count; i++)
		if (address_is_ipv4(&message->addresses[i]) == ipv4)
			put(writer, message->addresses[i].bytes + 16 - each, each);
	end_data(writer, start);
}

static void put_https(struct writer *writer, const struct dns_build *message, size_t owner)
{
	size_t start;

	put_record(writer, owner, TYPE_HTTPS, message->ttl);
	start = begin_data(writer);
	put_u16(writer, 1);    /* priority: service mode */
	put_name(writer, "."); /* target: the owner itself */
	put_hints(writer, message, KEY_IPV4HINT, true);
	put_hints(writer, message, KEY_IPV6HINT, false);
	end_data(writer, start);
}

static void put_address(struct writer *writer, const struct dns_build *message, size_t owner,
			const struct address *address)
{
	bool ipv4 = address_is_ipv4(address);
	size_t each = ipv4 ? 4 : 16;

	put_record(writer, owner, ipv4 ? TYPE_A : TYPE_AAAA, message->ttl);
	put_u16(writer, (unsigned)each);
	put(writer, address->bytes + 16 - each, each);
}

size_t dns_build_question(uint8_t *buffer, size_t size, const struct dns_build *message)
{
	struct writer writer = {.bytes = buffer, .size = size};

	put_start(&writer, message, FLAG_RECURSION_DESIRED, 0);
	return writer.failed ? 0 : writer.length;
}

size_t dns_build_answer(uint8_t *buffer, size_t size, const struct dns_build *message)
{
	struct writer writer = {.bytes = buffer, .size = size};
	unsigned flags = FLAG_RESPONSE | FLAG_RECURSION_DESIRED | FLAG_RECURSION_AVAILABLE | message->rcode;
	size_t addresses = message->address_count, owner = HEADER_SIZE;

	if (message->type == TYPE_HTTPS && addresses)
		addresses = 1;
	if (message->truncated)
		flags |= FLAG_TRUNCATED;
	put_start(&writer, message, flags, (unsigned)(message->chain_count + addresses));
	for (size_t i = 0; i < message->chain_count; i++) {
		put_record(&writer, owner, TYPE_CNAME, message->ttl);
		owner = begin_data(&writer);
		put_name(&writer, message->chain[i]);
		end_data(&writer, owner);
	}
	if (message->type == TYPE_HTTPS && addresses)
		put_https(&writer, message, owner);
	else
		for (size_t i = 0; i < addresses; i++)
			put_address(&writer, message, owner, &message->addresses[i]);
	return writer.failed || owner > 0x3fff ? 0 : writer.length;
}
