/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "dns/message.h"

#include <errno.h>
#include <string.h>

#define POINTERS_MAX 32
#define WIRE_NAME_MAX 255
#define SVC_PARAM_IPV4HINT 4
#define SVC_PARAM_IPV6HINT 6
#define CLASS_IN 1
#define COMPARED_LABELS_MAX 20000 /* in one message: what an honest one needs many times over */

/* The message being read. A name is compared as text, in lower case. */
struct reader {
	const uint8_t *bytes;
	size_t length;
	size_t at;
	unsigned compared; /* labels, so far */
};

struct record {
	size_t owner; /* offset of its name */
	uint16_t type, class;
	uint32_t ttl;
	size_t data;
	uint16_t data_length;
};

/* A record of the answer section that may matter. */
struct entry {
	uint16_t owner, data, data_length, type;
	uint32_t ttl;
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* --- names -------------------------------------------------------------------------- */

static bool is_plain(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

static size_t put_label(char *text, size_t used, const uint8_t *label, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = label[i];

		if (byte >= 'A' && byte <= 'Z')
			byte = (uint8_t)(byte + 32);
		if (is_plain(byte)) {
			text[used++] = (char)byte;
		} else if (byte == '.') {
			text[used++] = '\\';
			text[used++] = '.';
		} else {
			text[used++] = '\\';
			text[used++] = (char)('0' + byte / 100);
			text[used++] = (char)('0' + byte / 10 % 10);
			text[used++] = (char)('0' + byte % 10);
		}
	}
	return used;
}

/*
 * Every pointer must go to before the place where the run of labels that it ends
 * began, so that no loop is possible; 255 bytes of name escape to at most 1008.
 */
int dns_name_read(const uint8_t *bytes, size_t length, size_t offset, char text[static DNS_TEXT_MAX])
{
	size_t at = offset, run = offset, used = 0, wire = 1;
	int taken = 0, pointers = 0;

	text[0] = '\0';
	while (at < length) {
		uint8_t label = bytes[at];

		if (label == 0) {
			if (used == 0)
				text[used++] = '.';
			text[used] = '\0';
			return taken ? taken : (int)(at + 1 - offset);
		}
		if ((label & 0xc0) == 0xc0) {
			size_t target;

			if (at + 2 > length)
				break;
			target = get16(bytes + at) & 0x3fff;
			if (!taken)
				taken = (int)(at + 2 - offset);
			if (target >= run || ++pointers > POINTERS_MAX)
				break;
			at = run = target;
			continue;
		}
		if ((label & 0xc0) || at + 1 + label > length || (wire += label + 1u) > WIRE_NAME_MAX)
			break;
		if (used)
			text[used++] = '.';
		used = put_label(text, used, bytes + at + 1, label);
		at += label + 1u;
	}
	text[0] = '\0';
	return -EBADMSG;
}

/* The bytes that a name takes at `offset`, unread; 0 where it is damaged. */
static size_t skip_name(const uint8_t *bytes, size_t length, size_t offset)
{
	size_t at = offset;

	while (at < length && at - offset < WIRE_NAME_MAX) {
		if (bytes[at] == 0)
			return at + 1 - offset;
		if ((bytes[at] & 0xc0) == 0xc0)
			return at + 2 <= length ? at + 2 - offset : 0;
		if (bytes[at] & 0xc0)
			return 0;
		at += bytes[at] + 1u;
	}
	return 0;
}

/* The length of `text` that put_label would write for this label; 0 where it begins otherwise. */
static size_t match_label(const char *text, const uint8_t *label, size_t length)
{
	const char *at = text;

	for (size_t i = 0; i < length; i++) {
		uint8_t byte = label[i];

		if (byte >= 'A' && byte <= 'Z')
			byte = (uint8_t)(byte + 32);
		if (is_plain(byte)) {
			if (*at++ != (char)byte)
				return 0;
			continue;
		}
		if (*at++ != '\\')
			return 0;
		if (byte == '.') {
			if (*at++ != '.')
				return 0;
			continue;
		}
		if (at[0] != (char)('0' + byte / 100) || at[1] != (char)('0' + byte / 10 % 10) ||
		    at[2] != (char)('0' + byte % 10))
			return 0;
		at += 3;
	}
	return (size_t)(at - text);
}

/*
 * Compares the name at `offset` with a text as dns_name_read writes it, label by
 * label and without writing it out. The labels of one message are counted, so that
 * a hostile one can not make this cost more than a bounded time.
 */
static bool name_is(struct reader *reader, size_t offset, const char *text)
{
	size_t at = offset, run = offset;
	int pointers = 0;
	bool first = true;

	if (strcmp(text, ".") == 0)
		text = "";
	while (at < reader->length) {
		uint8_t label = reader->bytes[at];
		size_t size;

		if (++reader->compared > COMPARED_LABELS_MAX)
			return false;
		if (label == 0)
			return *text == '\0';
		if ((label & 0xc0) == 0xc0) {
			size_t target;

			if (at + 2 > reader->length)
				return false;
			target = get16(reader->bytes + at) & 0x3fff;
			if (target >= run || ++pointers > POINTERS_MAX)
				return false;
			at = run = target;
			continue;
		}
		if ((label & 0xc0) || at + 1 + label > reader->length)
			return false;
		if (!first && *text++ != '.')
			return false;
		size = match_label(text, reader->bytes + at + 1, label);
		if (size == 0)
			return false;
		text += size;
		first = false;
		at += label + 1u;
	}
	return false;
}

/* --- records ------------------------------------------------------------------------- */

static void damage(struct dns_message *out, enum dns_damage what)
{
	if (out->damage == DNS_INTACT)
		out->damage = what;
}

/* Moves past one record. False where it is damaged: nothing behind it can be trusted. */
static bool next_record(struct reader *reader, struct record *record, struct dns_message *out)
{
	size_t name = skip_name(reader->bytes, reader->length, reader->at);
	const uint8_t *fixed;

	if (name == 0) {
		damage(out, DNS_BAD_NAME);
		return false;
	}
	if (reader->length - reader->at - name < 10) {
		damage(out, DNS_BAD_RECORD);
		return false;
	}
	fixed = reader->bytes + reader->at + name;
	record->owner = reader->at;
	record->type = get16(fixed);
	record->class = get16(fixed + 2);
	record->ttl = get32(fixed + 4);
	record->data_length = get16(fixed + 8);
	record->data = reader->at + name + 10;
	if (reader->length - record->data < record->data_length) {
		damage(out, DNS_BAD_RECORD);
		return false;
	}
	reader->at = record->data + record->data_length;
	return true;
}

static bool matters(uint16_t type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_CNAME ||
	       type == DNS_TYPE_DNAME || type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS;
}

/* Lists the records of the answer section that may prove an address. */
static size_t list_answers(struct reader *reader, unsigned count,
			   struct entry entries[static DNS_RECORDS_MAX], struct dns_message *out)
{
	struct record record;
	size_t listed = 0;

	for (unsigned i = 0; i < count; i++) {
		if (i == DNS_RECORDS_MAX) {
			damage(out, DNS_TOO_MANY);
			break;
		}
		if (!next_record(reader, &record, out))
			break;
		if (record.class != CLASS_IN || !matters(record.type) || record.owner > UINT16_MAX)
			continue;
		entries[listed++] = (struct entry){
			.owner = (uint16_t)record.owner,
			.data = (uint16_t)record.data,
			.data_length = record.data_length,
			.type = record.type,
			.ttl = record.ttl,
		};
	}
	return listed;
}

/* --- the chain ------------------------------------------------------------------------ */

/* What follows the question through the answers. */
struct walk {
	struct reader *reader;
	const struct entry *entries;
	size_t count;
	char name[DNS_TEXT_MAX]; /* where the chain stands */
	uint16_t ancestors[WIRE_NAME_MAX /
			   2]; /* where in `name` each of its ancestors begins, nearest first */
	size_t ancestor_count;
	uint32_t ttl; /* the least so far */
	struct dns_message *out;
};

static void add_address(struct walk *walk, const uint8_t *bytes, bool ipv4, uint32_t ttl, bool hint)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct dns_message *out = walk->out;
	struct dns_address *address;

	if (out->address_count == DNS_ADDRESSES_MAX) {
		damage(out, DNS_TOO_MANY);
		return;
	}
	address = &out->addresses[out->address_count++];
	if (ipv4) {
		memcpy(address->bytes, mapped, 12);
		memcpy(address->bytes + 12, bytes, 4);
	} else {
		memcpy(address->bytes, bytes, 16);
	}
	address->ttl = ttl < walk->ttl ? ttl : walk->ttl;
	address->hint = hint;
}

/* Address hints of a service-mode record: parameters are (key, length, value). */
static void add_hints(struct walk *walk, const struct entry *entry, size_t parameters)
{
	const uint8_t *at = walk->reader->bytes + parameters;
	const uint8_t *end = walk->reader->bytes + entry->data + entry->data_length;

	while (end - at >= 4) {
		uint16_t key = get16(at), length = get16(at + 2);
		size_t size = key == SVC_PARAM_IPV4HINT ? 4 : 16;

		at += 4;
		if (end - at < length) {
			damage(walk->out, DNS_BAD_RECORD);
			return;
		}
		if ((key == SVC_PARAM_IPV4HINT || key == SVC_PARAM_IPV6HINT)) {
			if (length % size)
				damage(walk->out, DNS_BAD_RECORD);
			for (size_t i = 0; i + size <= length; i += size)
				add_address(walk, at + i, size == 4, entry->ttl, true);
		}
		at += length;
	}
	if (at != end)
		damage(walk->out, DNS_BAD_RECORD);
}

/* SVCB and HTTPS: 16-bit priority, target, parameters. Returns whether it is an alias, with *target set. */
static bool read_service(struct walk *walk, const struct entry *entry, size_t *target)
{
	size_t name;

	if (entry->data_length < 3) {
		damage(walk->out, DNS_BAD_RECORD);
		return false;
	}
	name = skip_name(walk->reader->bytes, (size_t)entry->data + entry->data_length, entry->data + 2u);
	if (name == 0) {
		damage(walk->out, DNS_BAD_NAME);
		return false;
	}
	if (get16(walk->reader->bytes + entry->data) == 0) {
		*target = entry->data + 2u;
		return walk->reader->bytes[*target] != 0; /* the root as a target: there is no service */
	}
	add_hints(walk, entry, entry->data + 2u + name);
	return false;
}

/* Sets where the chain stands. Its ancestors are found here once, not for every DNAME. */
static void stand_at(struct walk *walk, const char *name)
{
	size_t length = strlen(name);

	memcpy(walk->name, name, length + 1);
	walk->ancestor_count = 0;
	for (size_t at = 0; at < length; at++) {
		if (name[at] == '\\')
			at++; /* what follows is no separator */
		else if (name[at] == '.' && name[at + 1] &&
			 walk->ancestor_count < sizeof(walk->ancestors) / sizeof(walk->ancestors[0]))
			walk->ancestors[walk->ancestor_count++] = (uint16_t)(at + 1);
	}
}

/* DNAME: the owner is an ancestor of the name; its target takes the owner's place. */
static bool substitute(struct walk *walk, const struct entry *entry, char target[static DNS_TEXT_MAX])
{
	size_t i = 0, kept;

	while (i < walk->ancestor_count &&
	       !name_is(walk->reader, entry->owner, walk->name + walk->ancestors[i]))
		i++;
	if (i == walk->ancestor_count ||
	    dns_name_read(walk->reader->bytes, walk->reader->length, entry->data, target) < 0)
		return false;
	kept = walk->ancestors[i];
	if (strcmp(target, ".") == 0) {
		target[0] = '\0';
		kept--; /* no dot stands at the end of a name */
	}
	if (kept + strlen(target) >= DNS_TEXT_MAX)
		return false;
	memmove(target + kept, target, strlen(target) + 1);
	memcpy(target, walk->name, kept);
	return true;
}

/* Takes the addresses of the name where the walk stands; true with the next name where it goes on. */
static bool step(struct walk *walk, char next[static DNS_TEXT_MAX], uint32_t *ttl)
{
	bool found = false;

	for (size_t i = 0; i < walk->count; i++) {
		const struct entry *entry = &walk->entries[i];
		const uint8_t *data = walk->reader->bytes + entry->data;
		size_t target = entry->data;
		bool leads = entry->type == DNS_TYPE_CNAME;

		if (entry->type == DNS_TYPE_DNAME) {
			if (!found && substitute(walk, entry, next)) {
				*ttl = entry->ttl;
				found = true;
			}
			continue;
		}
		if (!name_is(walk->reader, entry->owner, walk->name))
			continue;
		if (entry->type == DNS_TYPE_A || entry->type == DNS_TYPE_AAAA) {
			if (entry->data_length != (entry->type == DNS_TYPE_A ? 4 : 16))
				damage(walk->out, DNS_BAD_RECORD);
			else
				add_address(walk, data, entry->type == DNS_TYPE_A, entry->ttl, false);
			continue;
		}
		if (!leads)
			leads = read_service(walk, entry, &target);
		if (!leads || found)
			continue;
		if (dns_name_read(walk->reader->bytes, walk->reader->length, target, next) < 0) {
			damage(walk->out, DNS_BAD_NAME);
			continue;
		}
		*ttl = entry->ttl;
		found = true;
	}
	return found;
}

static void note_chain(struct dns_message *out, const char *name)
{
	size_t used = strlen(out->chain), length = strlen(name);

	out->chain_count++;
	if (used + 1 + length >= sizeof(out->chain)) {
		out->chain_cut = true;
		return;
	}
	if (used)
		out->chain[used++] = ' ';
	memcpy(out->chain + used, name, length + 1);
}

static void follow(struct walk *walk)
{
	char next[DNS_TEXT_MAX];
	uint32_t ttl = UINT32_MAX;

	stand_at(walk, walk->out->qname);
	walk->ttl = UINT32_MAX;
	while (step(walk, next, &ttl)) {
		if (walk->out->chain_count == DNS_CHAIN_MAX) {
			damage(walk->out, DNS_TOO_MANY);
			return;
		}
		if (ttl < walk->ttl)
			walk->ttl = ttl;
		stand_at(walk, next);
		note_chain(walk->out, next);
	}
}

/* --- the message ----------------------------------------------------------------------- */

static bool read_question(struct reader *reader, unsigned count, struct dns_message *out)
{
	int name;

	if (count != 1) {
		damage(out, DNS_BAD_QUESTION);
		return false;
	}
	name = dns_name_read(reader->bytes, reader->length, reader->at, out->qname);
	if (name < 0 || reader->length - reader->at - (size_t)name < 4) {
		out->qname[0] = '\0';
		damage(out, DNS_BAD_QUESTION);
		return false;
	}
	out->qtype = get16(reader->bytes + reader->at + name);
	out->qclass = get16(reader->bytes + reader->at + name + 2);
	out->has_question = true;
	reader->at += (size_t)name + 4;
	return true;
}

int dns_message_read(const uint8_t *bytes, size_t length, struct dns_message *out)
{
	struct reader reader = {.bytes = bytes, .length = length, .at = DNS_HEADER_SIZE};
	struct entry entries[DNS_RECORDS_MAX];
	struct record rest;
	struct walk walk;
	unsigned answers, others;

	memset(out, 0, offsetof(struct dns_message, qname));
	out->qname[0] = out->chain[0] = '\0';
	out->address_count = out->chain_count = 0;
	out->chain_cut = false;
	if (length < DNS_HEADER_SIZE) {
		out->damage = DNS_SHORT_HEADER;
		return -EINVAL;
	}
	out->id = get16(bytes);
	out->response = bytes[2] & 0x80;
	out->opcode = (bytes[2] >> 3) & 15;
	out->truncated = bytes[2] & 2;
	out->rcode = bytes[3] & 15;
	answers = get16(bytes + 6);
	others = get16(bytes + 8) + get16(bytes + 10);
	if (!read_question(&reader, get16(bytes + 4), out))
		return 0;
	walk.reader = &reader;
	walk.entries = entries;
	walk.count = list_answers(&reader, answers, entries, out);
	walk.out = out;
	if (walk.count && out->qclass == CLASS_IN)
		follow(&walk);
	if (reader.compared > COMPARED_LABELS_MAX)
		damage(out, DNS_TOO_MANY);
	/* The rest says nothing about addresses; whether it is whole is worth a count. */
	for (unsigned i = 0; i < others && i < DNS_RECORDS_MAX && out->damage == DNS_INTACT; i++)
		if (!next_record(&reader, &rest, out))
			break;
	return 0;
}

const char *dns_damage_name(enum dns_damage what)
{
	static const char *const names[] = {"intact",   "short header", "bad question",
					    "bad name", "bad record",   "too many records"};

	return names[what];
}
