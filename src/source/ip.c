/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/ip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DATAGRAMS 64 /* put together at once; the oldest one goes first */
#define DATAGRAM_BYTES 65535
#define BLOCKS (DATAGRAM_BYTES / 8 + 1)
#define EXTENSIONS_MAX 8

/* A datagram of which some fragments are here. */
struct partial {
	struct address source, target;
	uint32_t id;
	uint8_t protocol;
	bool used;
	uint64_t stamp;
	size_t total; /* 0: the last fragment has not come */
	size_t end;   /* of the furthest fragment that is here */
	size_t here;  /* blocks of 8 bytes */
	uint8_t have[BLOCKS / 8 + 1];
	uint8_t bytes[DATAGRAM_BYTES + 8];
};

struct ip_reader {
	struct partial *partials[DATAGRAMS]; /* each allocated when it is needed first */
	uint64_t stamp;
};

int ip_reader_new(struct ip_reader **out)
{
	struct ip_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	*out = reader;
	return 0;
}

void ip_reader_free(struct ip_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < DATAGRAMS; i++)
		free(reader->partials[i]);
	free(reader);
}

struct fragment {
	uint32_t id;
	size_t offset;
	bool more;
	const uint8_t *bytes;
	size_t length;
};

static struct partial *partial_of(struct ip_reader *reader, const struct ip_packet *packet, uint32_t id)
{
	struct partial *oldest = NULL;

	for (size_t i = 0; i < DATAGRAMS; i++) {
		struct partial *partial = reader->partials[i];

		if (!partial) { /* behind it there are none: it is taken, unless one before it is free */
			if (!oldest || oldest->used)
				oldest = reader->partials[i] = malloc(sizeof(*partial));
			break;
		}
		if (partial->used && partial->id == id && partial->protocol == packet->protocol &&
		    address_equal(&partial->source, &packet->source) &&
		    address_equal(&partial->target, &packet->target))
			return partial;
		if (!oldest || (oldest->used && (!partial->used || partial->stamp < oldest->stamp)))
			oldest = partial;
	}
	if (!oldest)
		return NULL;
	memset(oldest, 0, offsetof(struct partial, bytes));
	oldest->used = true;
	oldest->stamp = ++reader->stamp;
	oldest->id = id;
	oldest->protocol = packet->protocol;
	oldest->source = packet->source;
	oldest->target = packet->target;
	return oldest;
}

static enum ip_result add_fragment(struct ip_reader *reader, const struct fragment *fragment,
				   struct ip_packet *packet)
{
	struct partial *partial;
	size_t blocks = (fragment->length + 7) / 8, end = fragment->offset + fragment->length;

	if (fragment->offset + fragment->length > DATAGRAM_BYTES || fragment->length == 0 ||
	    (fragment->more && fragment->length % 8))
		return IP_MALFORMED;
	partial = partial_of(reader, packet, fragment->id);
	if (!partial)
		return IP_DROPPED;
	/* Fragments that do not agree where it ends: no sense can be made of it. */
	if (partial->total ? end > partial->total || (!fragment->more && end != partial->total)
			   : !fragment->more && end < partial->end) {
		partial->used = false;
		return IP_DROPPED;
	}
	for (size_t i = 0; i < blocks; i++) {
		size_t block = fragment->offset / 8 + i;
		size_t size = fragment->length - i * 8 < 8 ? fragment->length - i * 8 : 8;

		if (partial->have[block / 8] & (1 << block % 8))
			continue; /* the first one stays */
		partial->have[block / 8] |= (uint8_t)(1 << block % 8);
		memcpy(partial->bytes + block * 8, fragment->bytes + i * 8, size);
		partial->here++;
	}
	if (!fragment->more)
		partial->total = end;
	if (end > partial->end)
		partial->end = end;
	if (!partial->total || partial->here < (partial->total + 7) / 8)
		return IP_FRAGMENT;
	partial->used = false;
	packet->bytes = partial->bytes;
	packet->length = packet->on_wire = partial->total;
	return IP_PACKET;
}

static enum ip_result read_v4(struct ip_reader *reader, const uint8_t *bytes, size_t length,
			      struct ip_packet *out)
{
	size_t header, total;
	unsigned flags;

	if (length < 20)
		return IP_MALFORMED;
	header = (size_t)(bytes[0] & 15) * 4;
	total = (size_t)bytes[2] << 8 | bytes[3];
	if (total == 0) /* left to the network card by segmentation offload */
		total = length;
	if (header < 20 || header > length || total < header)
		return IP_MALFORMED;
	out->source = address_from_ipv4(bytes + 12);
	out->target = address_from_ipv4(bytes + 16);
	out->protocol = bytes[9];
	out->bytes = bytes + header;
	out->on_wire = total - header;
	out->length = (total < length ? total : length) - header;
	flags = (unsigned)bytes[6] << 8 | bytes[7];
	if (flags & 0x3fff) {
		struct fragment fragment = {.id = (uint32_t)bytes[4] << 8 | bytes[5],
					    .offset = (size_t)(flags & 0x1fff) * 8,
					    .more = flags & 0x2000,
					    .bytes = out->bytes,
					    .length = out->length};

		return out->length < out->on_wire ? IP_DROPPED : add_fragment(reader, &fragment, out);
	}
	return IP_PACKET;
}

static enum ip_result read_v6(struct ip_reader *reader, const uint8_t *bytes, size_t length,
			      struct ip_packet *out)
{
	size_t at = 40, end, wire;
	uint8_t next;

	if (length < 40)
		return IP_MALFORMED;
	wire = ((size_t)bytes[4] << 8 | bytes[5]) + 40;
	if (wire == 40) /* a jumbogram, or offload */
		wire = length;
	end = wire < length ? wire : length;
	memcpy(out->source.bytes, bytes + 8, 16);
	memcpy(out->target.bytes, bytes + 24, 16);
	next = bytes[6];
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		if (next != 0 && next != 43 && next != 60 && next != 44)
			break;
		if (end < at + 8)
			return IP_MALFORMED;
		if (next == 44) {
			unsigned place = (unsigned)bytes[at + 2] << 8 | bytes[at + 3];
			struct fragment fragment = {.offset = place & 0xfff8, .more = place & 1};

			memcpy(&fragment.id, bytes + at + 4, 4);
			next = bytes[at];
			at += 8;
			if (fragment.offset || fragment.more) {
				out->protocol = next;
				fragment.bytes = bytes + at;
				fragment.length = end - at;
				return end < wire ? IP_DROPPED : add_fragment(reader, &fragment, out);
			}
			continue;
		}
		next = bytes[at];
		at += ((size_t)bytes[at + 1] + 1) * 8;
		if (at > end)
			return IP_MALFORMED;
	}
	out->protocol = next;
	out->bytes = bytes + at;
	out->length = end - at;
	out->on_wire = wire - at;
	return IP_PACKET;
}

enum ip_result ip_read(struct ip_reader *reader, const uint8_t *bytes, size_t length, struct ip_packet *out)
{
	if (length < 1)
		return IP_MALFORMED;
	if (bytes[0] >> 4 == 4)
		return read_v4(reader, bytes, length, out);
	if (bytes[0] >> 4 == 6)
		return read_v6(reader, bytes, length, out);
	return IP_OTHER;
}
