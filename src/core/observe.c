/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/observe.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "core/stream.h"
#include "tls/hello.h"

#define DEFAULT_STREAMS 1024
#define DEFAULT_STREAM_BYTES (16 * 1024 * 1024)
#define DNS_OPCODE_MOST 6
#define DNS_FLAG_RESERVED 0x40
#define QUESTIONS_PLAUSIBLE 4
#define REORDER_WINDOW (64 * 1024) /* how far a stream's first segments may have changed places */

/* One direction of a TCP flow that is being put together. Index 0 is the head of the circle of use. */
struct slot {
	uint64_t cookie;
	struct address remote;
	uint16_t remote_port;
	bool out, dns, used;
	bool done;     /* the name is known, or that there is none: nothing more is wanted */
	bool consumed; /* a message was taken out: its beginning is fixed */
	uint32_t first;
	struct stream *stream;
	uint32_t next; /* in the bucket */
	uint32_t newer, older;
};

struct observer {
	observe_callback *callback;
	void *context;
	struct observer_counts counts;
	size_t limit, bytes_limit, bytes, bucket_mask;
	struct slot *slots;
	uint32_t *buckets;
	struct dns_message message;
};

int observer_new(const struct observer_limits *limits, observe_callback *callback, void *context,
		 struct observer **out)
{
	struct observer *observer = calloc(1, sizeof(*observer));
	size_t buckets;

	if (!observer)
		return -ENOMEM;
	observer->callback = callback;
	observer->context = context;
	observer->limit = limits->streams ? limits->streams : DEFAULT_STREAMS;
	observer->bytes_limit = limits->stream_bytes ? limits->stream_bytes : DEFAULT_STREAM_BYTES;
	buckets = hash_table_size(observer->limit);
	observer->bucket_mask = buckets - 1;
	observer->slots = calloc(observer->limit + 1, sizeof(*observer->slots));
	observer->buckets = calloc(buckets, sizeof(*observer->buckets));
	if (!observer->slots || !observer->buckets) {
		observer_free(observer);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i <= observer->limit; i++) {
		observer->slots[i].newer = i == observer->limit ? 0 : i + 1;
		observer->slots[i].older = i ? i - 1 : (uint32_t)observer->limit;
	}
	*out = observer;
	return 0;
}

void observer_free(struct observer *observer)
{
	if (!observer)
		return;
	if (observer->slots)
		for (size_t i = 1; i <= observer->limit; i++)
			stream_free(observer->slots[i].stream);
	free(observer->slots);
	free(observer->buckets);
	free(observer);
}

/* --- streams ------------------------------------------------------------------------- */

static uint32_t *bucket_of(struct observer *observer, uint64_t cookie, bool out)
{
	return &observer->buckets[hash_mix(cookie, out) & observer->bucket_mask];
}

static void place(struct observer *observer, uint32_t index, uint32_t older)
{
	struct slot *slots = observer->slots;

	slots[slots[index].newer].older = slots[index].older;
	slots[slots[index].older].newer = slots[index].newer;
	if (older == index)
		older = slots[index].older;
	slots[index].older = older;
	slots[index].newer = slots[older].newer;
	slots[slots[index].newer].older = index;
	slots[older].newer = index;
}

static void drop_bytes(struct observer *observer, struct slot *slot)
{
	if (!slot->stream)
		return;
	observer->bytes -= stream_memory(slot->stream);
	if (stream_has_holes(slot->stream))
		observer->counts.streams_gapped++;
	stream_free(slot->stream);
	slot->stream = NULL;
}

/* Frees a slot and makes it the next one to be taken. */
static void drop(struct observer *observer, uint32_t index)
{
	struct slot *slot = &observer->slots[index];
	uint32_t *link = bucket_of(observer, slot->cookie, slot->out);

	while (*link != index)
		link = &observer->slots[*link].next;
	*link = slot->next;
	drop_bytes(observer, slot);
	slot->used = false;
	place(observer, index, 0);
}

static uint32_t find(struct observer *observer, const struct observation *seen, bool out)
{
	uint32_t index = *bucket_of(observer, seen->cookie, out);

	for (; index; index = observer->slots[index].next) {
		const struct slot *slot = &observer->slots[index];

		if (slot->cookie == seen->cookie && slot->out == out &&
		    slot->remote_port == seen->remote_port && address_equal(&slot->remote, &seen->remote))
			return index;
	}
	return 0;
}

static uint32_t take(struct observer *observer, const struct observation *seen, bool out, bool dns,
		     uint32_t sequence)
{
	uint32_t index = observer->slots[0].newer; /* one never used, or the least recently used */
	struct slot *slot = &observer->slots[index];
	uint32_t *bucket;

	if (slot->used) {
		if (!slot->done)
			observer->counts.streams_evicted++;
		drop(observer, index);
	}
	bucket = bucket_of(observer, seen->cookie, out);
	slot->cookie = seen->cookie;
	slot->remote = seen->remote;
	slot->remote_port = seen->remote_port;
	slot->out = out;
	slot->dns = dns;
	slot->used = true;
	slot->done = slot->consumed = false;
	slot->first = sequence;
	slot->next = *bucket;
	*bucket = index;
	place(observer, index, observer->slots[0].older);
	return index;
}

/*
 * The first segment seen may not be the first one sent. Until something was taken out
 * of a stream, a segment that belongs a little before its beginning moves that.
 */
static int add_bytes(struct observer *observer, struct slot *slot, uint32_t sequence, const uint8_t *bytes,
		     size_t length)
{
	int32_t offset = (int32_t)(sequence - slot->first);
	size_t before;
	int error = 0;

	if (!slot->stream) {
		slot->stream = stream_new(sequence);
		if (!slot->stream)
			return -ENOMEM;
		slot->first = sequence;
		offset = 0;
		observer->bytes += stream_memory(slot->stream);
	}
	before = stream_memory(slot->stream);
	if (offset < 0 && offset >= -REORDER_WINDOW && !slot->consumed) {
		error = stream_begin_before(slot->stream, sequence);
		if (!error)
			slot->first = sequence;
	}
	if (!error)
		error = stream_add(slot->stream, sequence, bytes, length);
	observer->bytes += stream_memory(slot->stream) - before;
	return error;
}

/* Gives up the least recently used streams until memory is below its bound. */
static void make_room(struct observer *observer, uint32_t keep)
{
	while (observer->bytes > observer->bytes_limit) {
		uint32_t index = observer->slots[0].newer;

		while (index && (index == keep || !observer->slots[index].stream))
			index = observer->slots[index].newer;
		if (!index)
			return;
		observer->counts.streams_evicted++;
		drop(observer, index);
	}
}

/* --- DNS ------------------------------------------------------------------------------ */

static void tell_message(struct observer *observer, struct observation *seen, const uint8_t *bytes,
			 size_t length, bool out)
{
	observer->counts.dns_messages++;
	if (dns_message_read(bytes, length, &observer->message)) {
		observer->counts.dns_damaged++;
		return;
	}
	if (observer->message.damage != DNS_INTACT)
		observer->counts.dns_damaged++;
	if (observer->message.truncated)
		observer->counts.dns_truncated++;
	/* A question leaves this host and an answer reaches it; the other way round is none of our business.
	 */
	if (observer->message.response == out || observer->message.opcode != 0)
		return;
	seen->kind = out ? OBSERVED_QUESTION : OBSERVED_ANSWER;
	seen->message = &observer->message;
	observer->callback(observer->context, seen);
}

/*
 * Whether a message of a stream's first bytes looks like one. Where it does not, they are
 * not the first ones: a segment from before them was overtaken, and still comes.
 */
static bool is_beginning(const uint8_t *bytes, size_t size, bool out)
{
	unsigned opcode, questions;
	char name[DNS_TEXT_MAX];

	if (size < DNS_HEADER_SIZE)
		return false;
	opcode = bytes[2] >> 3 & 15;
	questions = (unsigned)bytes[4] << 8 | bytes[5];
	if ((bytes[2] >> 7) == out || opcode > DNS_OPCODE_MOST || (bytes[3] & DNS_FLAG_RESERVED))
		return false;
	if (questions == 0) /* a server that could not read the question */
		return !out && size == DNS_HEADER_SIZE;
	return questions <= QUESTIONS_PLAUSIBLE && dns_name_read(bytes, size, DNS_HEADER_SIZE, name) > 0;
}

/* Each message of a stream has its length in front of it. */
static void take_messages(struct observer *observer, struct slot *slot, struct observation *seen)
{
	size_t length, done = 0;
	const uint8_t *bytes = stream_peek(slot->stream, &length);

	while (length - done >= 2) {
		size_t size = (size_t)bytes[done] << 8 | bytes[done + 1];

		if (size < DNS_HEADER_SIZE || length - done - 2 < size ||
		    (!slot->consumed && !done && !is_beginning(bytes + done + 2, size, slot->out)))
			break;
		tell_message(observer, seen, bytes + done + 2, size, slot->out);
		done += 2 + size;
	}
	if (done) {
		stream_consume(slot->stream, done);
		slot->consumed = true;
	}
}

/*
 * Whole messages that were overtaken by others: from before what this stream began with, when
 * that was taken out already. Whether the segment is used up.
 */
static bool take_overtaken(struct observer *observer, struct slot *slot,
			   const struct fs_record_payload *record, struct observation *seen)
{
	int32_t offset = (int32_t)(record->sequence - slot->first);
	const uint8_t *bytes = record->payload;
	size_t at = 0, size;

	if (!slot->consumed || offset >= 0 || offset < -REORDER_WINDOW || record->length > (uint32_t)-offset)
		return false;
	for (; record->length - at >= 2; at += 2 + size) {
		size = (size_t)bytes[at] << 8 | bytes[at + 1];
		if (record->length - at - 2 < size || !is_beginning(bytes + at + 2, size, slot->out))
			return true; /* a part of one: what it belongs to is gone */
		tell_message(observer, seen, bytes + at + 2, size, slot->out);
		slot->first = record->sequence; /* it is not told again when it is sent again */
	}
	return true;
}

/* --- ClientHello ------------------------------------------------------------------------ */

static void tell_name(struct observer *observer, struct slot *slot, struct observation *seen,
		      const char *name, bool has_ech)
{
	slot->done = true;
	drop_bytes(observer, slot);
	seen->kind = OBSERVED_SERVER_NAME;
	seen->server_name = name;
	seen->has_ech = has_ech;
	observer->callback(observer->context, seen);
}

static void look_for_name(struct observer *observer, struct slot *slot, struct observation *seen)
{
	char name[TLS_NAME_MAX];
	size_t length;
	bool has_ech = false;
	const uint8_t *bytes = stream_peek(slot->stream, &length);

	if (length == 0)
		return;
	switch (tls_hello_read(bytes, length, name, &has_ech)) {
	case TLS_HELLO_FOUND:
		tell_name(observer, slot, seen, name, has_ech);
		break;
	case TLS_HELLO_NO_NAME:
	case TLS_HELLO_NOT_TLS:
		tell_name(observer, slot, seen, NULL, has_ech);
		break;
	case TLS_HELLO_PARTIAL:
		break;
	}
}

/* --- records ------------------------------------------------------------------------------ */

static void on_segment(struct observer *observer, const struct fs_record_payload *record,
		       struct observation *seen)
{
	bool out = seen->flags & FS_FLAG_OUT, dns = seen->flags & FS_FLAG_DNS;
	uint32_t index;
	struct slot *slot;

	if (!dns && !out)
		return;
	index = find(observer, seen, out);
	if (!index)
		index = take(observer, seen, out, dns, record->sequence);
	else
		place(observer, index, observer->slots[0].older);
	slot = &observer->slots[index];
	if (slot->done || (dns && take_overtaken(observer, slot, record, seen)))
		return;
	if (add_bytes(observer, slot, record->sequence, record->payload, record->length)) {
		observer->counts.streams_evicted++;
		if (dns)
			drop(observer, index);
		else
			tell_name(observer, slot, seen, NULL, false);
		return;
	}
	if (dns)
		take_messages(observer, slot, seen);
	else
		look_for_name(observer, slot, seen);
	make_room(observer, index);
}

static void on_datagram(struct observer *observer, const struct fs_record_payload *record,
			struct observation *seen)
{
	if (seen->flags & FS_FLAG_CUT)
		observer->counts.dns_cut++;
	tell_message(observer, seen, record->payload, record->length, seen->flags & FS_FLAG_OUT);
}

static void on_volume(struct observer *observer, struct observation *seen)
{
	for (int out = 0; out < 2 && (seen->flags & FS_FLAG_CLOSED); out++) {
		uint32_t index = find(observer, seen, out);

		if (index)
			drop(observer, index);
	}
}

static void read_endpoints(const struct fs_endpoints *endpoints, struct observation *seen)
{
	memcpy(seen->local.bytes, endpoints->local_address, 16);
	memcpy(seen->remote.bytes, endpoints->remote_address, 16);
	seen->local_port = endpoints->local_port;
	seen->remote_port = endpoints->remote_port;
	seen->protocol = endpoints->protocol;
}

static bool is_sound_payload(const struct fs_record_payload *record, size_t size)
{
	return size >= sizeof(*record) && record->length == size - sizeof(*record);
}

static bool is_sound_process(const struct fs_record_process *record, size_t size)
{
	return size == sizeof(*record) && record->exe_length <= sizeof(record->exe) &&
	       record->cgroup_length <= sizeof(record->cgroup) &&
	       record->arguments_length <= sizeof(record->arguments) &&
	       record->ancestor_count <= FS_ANCESTORS_MAX;
}

static int feed(struct observer *observer, const struct fs_record_header *header, size_t size,
		struct observation *seen)
{
	const struct fs_record_flow *flow = (const void *)header;
	const struct fs_record_payload *payload = (const void *)header;
	const struct fs_record_process *process = (const void *)header;

	switch (header->kind) {
	case FS_RECORD_PROCESS:
		if (!is_sound_process(process, size))
			return -EBADMSG;
		seen->kind = OBSERVED_PROCESS;
		seen->process = process;
		observer->callback(observer->context, seen);
		return 0;
	case FS_RECORD_FLOW_OPEN:
	case FS_RECORD_FLOW_VOLUME:
		if (size != sizeof(*flow) || flow->outcome > FS_OUTCOME_UNREACHABLE)
			return -EBADMSG;
		read_endpoints(&flow->endpoints, seen);
		seen->kind = header->kind == FS_RECORD_FLOW_OPEN ? OBSERVED_FLOW_OPEN : OBSERVED_FLOW_VOLUME;
		seen->flow.bytes_out = flow->bytes_out;
		seen->flow.bytes_in = flow->bytes_in;
		seen->flow.outcome = (enum fs_outcome)flow->outcome;
		observer->callback(observer->context, seen);
		if (header->kind == FS_RECORD_FLOW_VOLUME)
			on_volume(observer, seen);
		return 0;
	case FS_RECORD_DATAGRAM:
	case FS_RECORD_SEGMENT:
		if (!is_sound_payload(payload, size))
			return -EBADMSG;
		read_endpoints(&payload->endpoints, seen);
		if (header->kind == FS_RECORD_DATAGRAM)
			on_datagram(observer, payload, seen);
		else
			on_segment(observer, payload, seen);
		return 0;
	default:
		return -EBADMSG;
	}
}

int observer_feed(struct observer *observer, const void *record, size_t size, int64_t clock_offset_ns)
{
	const struct fs_record_header *header = record;
	struct observation seen = {0};
	int error;

	if (size < sizeof(*header) || header->size > size) {
		observer->counts.bad_records++;
		return -EBADMSG;
	}
	/* The ring gives a record its size class; what is valid of it is header->size. */
	size = header->size;
	if (size < sizeof(*header)) {
		observer->counts.bad_records++;
		return -EBADMSG;
	}
	seen.time_ns = (int64_t)((uint64_t)header->time_ns + (uint64_t)clock_offset_ns);
	seen.cookie = header->cookie;
	seen.owner = header->owner;
	seen.flags = header->flags;
	if (seen.time_ns < 0 || seen.time_ns > TIME_MOST_NS) {
		observer->counts.bad_records++;
		return -EBADMSG;
	}
	error = feed(observer, header, size, &seen);
	if (error)
		observer->counts.bad_records++;
	else
		observer->counts.records[header->kind]++;
	return error;
}

const struct observer_counts *observer_counts(const struct observer *observer)
{
	return &observer->counts;
}
