/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/reply.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "dns/message.h"

#define TYPE_TXT 16
#define CLASS_IN 1
#define LABEL_MOST 63
#define NAME_MOST 253

/* A record of the answer section; `data` is where its data begins. */
struct record {
	uint16_t type, class;
	uint32_t ttl;
	size_t data, size;
	char owner[DNS_TEXT_MAX];
};

typedef bool take_record(const uint8_t *bytes, size_t length, const struct record *record,
			 char text[static REPLY_TEXT_MAX]);

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* Reads the record at *offset and moves that behind it. False where it is not whole. */
static bool read_record(const uint8_t *bytes, size_t length, size_t *offset, struct record *record)
{
	int taken = dns_name_read(bytes, length, *offset, record->owner);
	size_t at;

	if (taken < 0)
		return false;
	at = *offset + (size_t)taken;
	if (length - at < 10)
		return false;
	record->type = (uint16_t)get16(bytes + at);
	record->class = (uint16_t)get16(bytes + at + 2);
	record->ttl = get16(bytes + at + 4) << 16 | get16(bytes + at + 6);
	record->size = get16(bytes + at + 8);
	record->data = at + 10;
	*offset = record->data + record->size;
	return *offset <= length;
}

/* Whether a name is the question's or one that its aliases lead to. */
static bool belongs(const struct dns_message *message, const char *owner)
{
	const char *chain = message->chain;
	size_t length = strlen(owner);

	if (strcmp(owner, message->qname) == 0)
		return true;
	while (*chain) {
		size_t part = strcspn(chain, " ");

		if (part == length && memcmp(chain, owner, length) == 0)
			return true;
		chain += part + (chain[part] == ' ');
	}
	return false;
}

static int read_answers(const uint8_t *bytes, size_t length, uint16_t type, take_record *take,
			struct reply_texts *out)
{
	struct dns_message message;
	struct reply_texts found = {.ttl = UINT32_MAX};
	struct record record;
	char name[DNS_TEXT_MAX];
	size_t offset = DNS_HEADER_SIZE;
	unsigned answers;
	int taken;

	if (dns_message_read(bytes, length, &message) || !message.response || !message.has_question ||
	    message.qtype != type)
		return -EBADMSG;
	if (message.rcode)
		return -ENOENT;
	taken = dns_name_read(bytes, length, offset, name);
	if (taken < 0)
		return -EBADMSG;
	offset += (size_t)taken + 4;
	answers = get16(bytes + 6);
	if (answers > DNS_RECORDS_MAX)
		answers = DNS_RECORDS_MAX;
	/* What precedes a damage counts. */
	while (answers-- && found.count < REPLY_TEXTS_MAX && read_record(bytes, length, &offset, &record)) {
		if (record.type != type || record.class != CLASS_IN || !belongs(&message, record.owner) ||
		    !take(bytes, length, &record, found.texts[found.count]))
			continue;
		found.count++;
		if (record.ttl < found.ttl)
			found.ttl = record.ttl;
	}
	if (!found.count)
		return -ENOENT;
	*out = found;
	return 0;
}

static bool take_name(const uint8_t *bytes, size_t length, const struct record *record,
		      char text[static REPLY_TEXT_MAX])
{
	char name[DNS_TEXT_MAX];

	return dns_name_read(bytes, length, record->data, name) == (int)record->size &&
	       strcmp(name, ".") != 0 && text_copy(text, REPLY_TEXT_MAX, name);
}

static bool take_strings(const uint8_t *bytes, size_t length, const struct record *record,
			 char text[static REPLY_TEXT_MAX])
{
	size_t at = record->data, end = record->data + record->size, used = 0;

	(void)length;
	while (at < end) {
		size_t size = bytes[at++];

		if (size > end - at || used + size >= REPLY_TEXT_MAX)
			return false;
		for (size_t i = 0; i < size; i++)
			if (bytes[at + i] < 0x20 || bytes[at + i] > 0x7e)
				return false;
		memcpy(text + used, bytes + at, size);
		used += size;
		at += size;
	}
	text[used] = '\0';
	return used > 0;
}

int reply_names(const uint8_t *bytes, size_t length, struct reply_texts *out)
{
	return read_answers(bytes, length, DNS_TYPE_PTR, take_name, out);
}

int reply_strings(const uint8_t *bytes, size_t length, struct reply_texts *out)
{
	return read_answers(bytes, length, TYPE_TXT, take_strings, out);
}

bool reply_has_address(const uint8_t *bytes, size_t length, const struct address *address, uint32_t *ttl)
{
	struct dns_message message;

	if (dns_message_read(bytes, length, &message) || !message.response || message.rcode)
		return false;
	for (unsigned i = 0; i < message.address_count; i++) {
		if (memcmp(message.addresses[i].bytes, address->bytes, sizeof(address->bytes)) != 0)
			continue;
		*ttl = message.addresses[i].ttl;
		return true;
	}
	return false;
}

bool reply_name_is_plain(const char *name)
{
	size_t label = 0;

	if (strlen(name) > NAME_MOST)
		return false;
	for (; *name; name++) {
		if (*name == '.') {
			if (!label)
				return false;
			label = 0;
			continue;
		}
		if (!((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') || *name == '-' ||
		      *name == '_') ||
		    ++label > LABEL_MOST)
			return false;
	}
	return label > 0;
}
