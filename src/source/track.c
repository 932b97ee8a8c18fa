/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/track.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "source/record_build.h"

#define DEFAULT_FLOWS 65536
#define FIRST_BYTES 16384 /* of a TCP flow, shown to the hello reader */
#define RECORD_ROOM (65536 + sizeof(struct fs_record_payload))
#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16
#define GAP_MOST (16 * 1024 * 1024) /* bytes between two segments that the capture lacks or reordered */
#define UDP_IDLE_NS (INT64_C(180) * 1000000000) /* after so long a pair of ports is another conversation */

/* A conversation. `client` opened it. Index 0 is the head of the circle of use. */
struct track {
	struct address client, server;
	uint16_t client_port, server_port;
	uint8_t protocol;
	bool used, opened, answered, closed, dns;
	bool fin_client, fin_server;
	uint64_t cookie;
	int64_t last_ns;
	uint32_t opening; /* TCP: sequence number of the client's SYN */
	bool opening_known;
	uint32_t first; /* TCP: sequence number of the client's first payload byte */
	bool first_known;
	uint32_t next_client, next_server; /* TCP: the next new sequence number of each side */
	bool next_client_known, next_server_known;
	uint64_t bytes_out, bytes_in;
	uint32_t next; /* in the bucket */
	uint32_t newer, older;
};

struct tracker {
	struct source_settings settings;
	struct source_sink sink;
	struct source_counts *counts;
	struct track *tracks;
	uint32_t *buckets;
	uint64_t cookies;
	uint64_t seed; /* who made the capture chose its addresses */
	uint32_t limit;
	uint32_t touched; /* tracks beyond it were never used */
	uint8_t *room;
};

int tracker_new(const struct source_settings *settings, const struct source_sink *sink,
		struct source_counts *counts, struct tracker **out)
{
	struct tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return -ENOMEM;
	tracker->settings = *settings;
	tracker->sink = *sink;
	tracker->counts = counts;
	tracker->seed = hash_seed();
	tracker->limit = settings->flow_limit ? settings->flow_limit : DEFAULT_FLOWS;
	tracker->tracks = calloc((size_t)tracker->limit + 1, sizeof(*tracker->tracks));
	tracker->buckets = calloc(tracker->limit, sizeof(*tracker->buckets));
	tracker->room = malloc(RECORD_ROOM);
	if (!tracker->tracks || !tracker->buckets || !tracker->room) {
		tracker_free(tracker);
		return -ENOMEM;
	}
	*out = tracker;
	return 0;
}

void tracker_free(struct tracker *tracker)
{
	if (!tracker)
		return;
	free(tracker->tracks);
	free(tracker->buckets);
	free(tracker->room);
	free(tracker);
}

/* --- emitting ---------------------------------------------------------------------------- */

static int emit(struct tracker *tracker, const void *record, size_t size)
{
	tracker->counts->records++;
	return tracker->sink.record(tracker->sink.context, record, size);
}

/*
 * A capture knows no processes. Each client address is taken for a host of its own,
 * so that its own answers come before its neighbours'.
 */
static void describe(const struct track *track, int64_t time_ns, uint16_t flags,
		     struct record_flow_spec *spec)
{
	uint64_t host = hash_bytes(0, track->client.bytes, sizeof(track->client.bytes));

	*spec = (struct record_flow_spec){
		.time_ns = time_ns,
		.cookie = track->cookie,
		.owner = {.netns = (uint32_t)host | 1, .uid = FS_UID_UNKNOWN},
		.local = track->client,
		.remote = track->server,
		.local_port = track->client_port,
		.remote_port = track->server_port,
		.protocol = track->protocol,
		.flags = flags,
	};
}

static int emit_open(struct tracker *tracker, struct track *track, int64_t time_ns)
{
	struct record_flow_spec spec;
	struct fs_record_flow record;

	track->opened = true;
	describe(track, time_ns, 0, &spec);
	record_flow(&record, FS_RECORD_FLOW_OPEN, &spec, 0, 0, FS_OUTCOME_UNKNOWN);
	return emit(tracker, &record, sizeof(record));
}

static int emit_close(struct tracker *tracker, struct track *track, int64_t time_ns, enum fs_outcome outcome)
{
	struct record_flow_spec spec;
	struct fs_record_flow record;

	track->closed = true;
	if (!track->opened)
		return 0;
	describe(track, time_ns, FS_FLAG_CLOSED, &spec);
	record_flow(&record, FS_RECORD_FLOW_VOLUME, &spec, track->bytes_out, track->bytes_in, outcome);
	return emit(tracker, &record, sizeof(record));
}

static int emit_payload(struct tracker *tracker, const struct track *track, int64_t time_ns, bool out,
			uint32_t sequence, const uint8_t *bytes, size_t length, size_t on_wire)
{
	uint16_t flags = (uint16_t)((out ? FS_FLAG_OUT : 0) | (track->dns ? FS_FLAG_DNS : 0) |
				    (length < on_wire ? FS_FLAG_CUT : 0));
	enum fs_record_kind kind = track->protocol == IPPROTO_UDP ? FS_RECORD_DATAGRAM : FS_RECORD_SEGMENT;
	struct record_flow_spec spec;
	size_t size;

	describe(track, time_ns, flags, &spec);
	size = record_payload(tracker->room, RECORD_ROOM, kind, &spec, sequence, bytes, length, on_wire);
	return size ? emit(tracker, tracker->room, size) : 0;
}

/* --- the table ---------------------------------------------------------------------------- */

static uint32_t *bucket_of(struct tracker *tracker, const struct address *a, uint16_t a_port,
			   const struct address *b, uint16_t b_port, uint8_t protocol)
{
	/* The same for both directions. */
	uint64_t one = hash_mix(hash_bytes(tracker->seed, a->bytes, 16), a_port);
	uint64_t other = hash_mix(hash_bytes(tracker->seed, b->bytes, 16), b_port);

	return &tracker->buckets[hash_mix(one + other, protocol) % tracker->limit];
}

static void make_newest(struct tracker *tracker, uint32_t index)
{
	struct track *tracks = tracker->tracks;

	tracks[tracks[index].newer].older = tracks[index].older;
	tracks[tracks[index].older].newer = tracks[index].newer;
	tracks[index].newer = 0;
	tracks[index].older = tracks[0].older;
	tracks[tracks[0].older].newer = index;
	tracks[0].older = index;
}

/* A packet's ports, and whether it goes from the client of its flow to the server. */
struct segment {
	uint16_t source_port, target_port;
	uint32_t sequence;
	uint8_t flags;
	const uint8_t *payload;
	size_t length, on_wire;
};

static struct track *find(struct tracker *tracker, const struct ip_packet *packet,
			  const struct segment *segment, bool *out)
{
	uint32_t index = *bucket_of(tracker, &packet->source, segment->source_port, &packet->target,
				    segment->target_port, packet->protocol);

	for (; index; index = tracker->tracks[index].next) {
		struct track *track = &tracker->tracks[index];

		if (track->protocol != packet->protocol)
			continue;
		*out = track->client_port == segment->source_port &&
		       track->server_port == segment->target_port &&
		       address_equal(&track->client, &packet->source) &&
		       address_equal(&track->server, &packet->target);
		if (*out || (track->client_port == segment->target_port &&
			     track->server_port == segment->source_port &&
			     address_equal(&track->client, &packet->target) &&
			     address_equal(&track->server, &packet->source))) {
			make_newest(tracker, index);
			return track;
		}
	}
	return NULL;
}

static void forget(struct tracker *tracker, uint32_t index)
{
	struct track *track = &tracker->tracks[index];
	uint32_t *link = bucket_of(tracker, &track->client, track->client_port, &track->server,
				   track->server_port, track->protocol);

	while (*link != index)
		link = &tracker->tracks[*link].next;
	*link = track->next;
	track->used = false;
}

static bool is_dns_port(const struct tracker *tracker, uint16_t port)
{
	for (uint32_t i = 0; i < tracker->settings.dns_port_count; i++)
		if (tracker->settings.dns_ports[i] == port)
			return true;
	return false;
}

/*
 * Whether the sender of a flow's first packet is the client: by the handshake where
 * it is there, else by the ports: a service has a low or a DNS port.
 */
static bool sender_is_client(const struct tracker *tracker, const struct segment *segment, uint8_t protocol)
{
	if (protocol == IPPROTO_TCP && (segment->flags & TCP_SYN))
		return !(segment->flags & TCP_ACK);
	if (is_dns_port(tracker, segment->source_port) != is_dns_port(tracker, segment->target_port))
		return is_dns_port(tracker, segment->target_port);
	if (protocol == IPPROTO_UDP) /* between two DNS ports, the message says what it is */
		return !is_dns_port(tracker, segment->source_port) || segment->length < 12 ||
		       !(segment->payload[2] & 0x80);
	return segment->target_port <= segment->source_port;
}

static enum fs_outcome outcome_of(const struct track *track)
{
	return track->answered ? FS_OUTCOME_ESTABLISHED : FS_OUTCOME_UNKNOWN;
}

/* Ends a conversation and frees its place. */
static int end(struct tracker *tracker, struct track *track, int64_t time_ns)
{
	int error = track->closed ? 0 : emit_close(tracker, track, time_ns, outcome_of(track));

	forget(tracker, (uint32_t)(track - tracker->tracks));
	return error;
}

/* Where all places are taken, the one that was quiet the longest ends. */
static int make_room(struct tracker *tracker, int64_t time_ns)
{
	struct track *oldest = &tracker->tracks[tracker->tracks[0].newer];

	return tracker->touched == tracker->limit && oldest->used ? end(tracker, oldest, time_ns) : 0;
}

/* There is room. */
static struct track *add(struct tracker *tracker, const struct ip_packet *packet,
			 const struct segment *segment, bool *out)
{
	bool fresh = tracker->touched < tracker->limit;
	uint32_t index = fresh ? ++tracker->touched : tracker->tracks[0].newer;
	uint32_t newer, older;
	struct track *track = &tracker->tracks[index];
	uint32_t *bucket = bucket_of(tracker, &packet->source, segment->source_port, &packet->target,
				     segment->target_port, packet->protocol);

	*out = sender_is_client(tracker, segment, packet->protocol);
	newer = fresh ? index : track->newer; /* a fresh one is a circle of its own, until it is put first */
	older = fresh ? index : track->older;
	*track = (struct track){
		.client = *out ? packet->source : packet->target,
		.server = *out ? packet->target : packet->source,
		.client_port = *out ? segment->source_port : segment->target_port,
		.server_port = *out ? segment->target_port : segment->source_port,
		.protocol = packet->protocol,
		.used = true,
		.cookie = ++tracker->cookies,
		.next = *bucket,
		.newer = newer,
		.older = older,
	};
	track->dns = is_dns_port(tracker, track->server_port);
	*bucket = index;
	make_newest(tracker, index);
	return track;
}

/* --- packets ------------------------------------------------------------------------------- */

/*
 * Counts what is new of a segment, so that what was sent twice counts once. What the
 * capture lacks before it, or what comes late, was sent all the same. A number out of
 * nowhere counts its own bytes, and so does the next one that is far from it again.
 */
static uint64_t new_bytes(uint32_t *next, bool *known, uint32_t sequence, size_t length)
{
	uint32_t end_at = sequence + (uint32_t)length;
	int32_t fresh = (int32_t)(end_at - *next);

	if (!*known || fresh < -GAP_MOST || fresh > GAP_MOST + (int32_t)length) {
		*known = true;
		*next = end_at;
		return length;
	}
	if (fresh <= 0)
		return 0;
	*next = end_at;
	return (uint64_t)fresh;
}

/* The numbers that both sides begin with. */
static void tcp_begin(struct track *track, const struct segment *segment, bool out)
{
	if (!(segment->flags & TCP_SYN))
		return;
	if (out && !track->opening_known) {
		track->opening_known = true;
		track->opening = segment->sequence;
	}
	if (out && !track->next_client_known) {
		track->next_client_known = true;
		track->next_client = segment->sequence + 1;
	} else if (!out && !track->next_server_known) {
		track->next_server_known = true;
		track->next_server = segment->sequence + 1;
	}
}

static int tcp_payload(struct tracker *tracker, struct track *track, const struct segment *segment,
		       int64_t time_ns, bool out)
{
	uint32_t sequence = segment->sequence + (segment->flags & TCP_SYN ? 1 : 0);

	if (segment->on_wire == 0)
		return 0;
	if (out)
		track->bytes_out +=
			new_bytes(&track->next_client, &track->next_client_known, sequence, segment->on_wire);
	else
		track->bytes_in +=
			new_bytes(&track->next_server, &track->next_server_known, sequence, segment->on_wire);
	if (segment->length == 0)
		return 0;
	if (!track->dns) {
		if (!out)
			return 0;
		if (!track->first_known) {
			track->first_known = true;
			track->first = sequence;
		}
		if (sequence - track->first >= FIRST_BYTES && track->first - sequence >= FIRST_BYTES)
			return 0;
	}
	return emit_payload(tracker, track, time_ns, out, sequence, segment->payload, segment->length,
			    segment->on_wire);
}

static int tcp_end(struct tracker *tracker, struct track *track, const struct segment *segment,
		   int64_t time_ns, bool out)
{
	if (track->closed)
		return 0;
	if (segment->flags & TCP_RST) /* the client's own refuses nothing */
		return emit_close(tracker, track, time_ns,
				  out || track->answered ? outcome_of(track) : FS_OUTCOME_REFUSED);
	if (segment->flags & TCP_FIN)
		*(out ? &track->fin_client : &track->fin_server) = true;
	if (track->fin_client && track->fin_server)
		return emit_close(tracker, track, time_ns, FS_OUTCOME_ESTABLISHED);
	return 0;
}

/*
 * Whether a SYN on the ports of a conversation begins another one. One that is only sent again has
 * the same number; where the capture began in the middle, one that came late is just before what was seen.
 */
static bool begins_another(const struct track *track, uint32_t sequence, bool out)
{
	if (track->closed)
		return true;
	if (track->opening_known)
		return out && track->opening != sequence;
	return !out || (track->next_client_known && track->next_client - sequence > GAP_MOST);
}

static int tcp_packet(struct tracker *tracker, const struct ip_packet *packet, const struct segment *segment,
		      int64_t time_ns)
{
	bool out, opens = (segment->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	struct track *track = find(tracker, packet, segment, &out);
	int error = 0;

	if (track && opens && begins_another(track, segment->sequence, out)) {
		error = end(tracker, track, time_ns);
		track = NULL;
	}
	if (!track && !error)
		error = make_room(tracker, time_ns);
	if (error)
		return error;
	if (!track)
		track = add(tracker, packet, segment, &out);
	track->last_ns = time_ns;
	tcp_begin(track, segment, out);
	/* A flow opens with its SYN, or in the middle where the capture begins after it. */
	if (!track->opened && !(segment->flags & TCP_RST))
		error = emit_open(tracker, track, time_ns);
	if (!out && !(segment->flags & TCP_RST))
		track->answered = true;
	if (!error)
		error = tcp_payload(tracker, track, segment, time_ns, out);
	return error ? error : tcp_end(tracker, track, segment, time_ns, out);
}

static int udp_packet(struct tracker *tracker, const struct ip_packet *packet, const struct segment *segment,
		      int64_t time_ns)
{
	bool out;
	struct track *track = find(tracker, packet, segment, &out);
	int error = 0;

	if (track && !track->dns && time_ns - track->last_ns > UDP_IDLE_NS) {
		error = end(tracker, track, time_ns);
		track = NULL;
	}
	if (!track && !error)
		error = make_room(tracker, time_ns);
	if (error)
		return error;
	if (!track)
		track = add(tracker, packet, segment, &out);
	track->last_ns = time_ns;
	if (!track->opened && out)
		error = emit_open(tracker, track, time_ns);
	track->answered |= !out;
	*(out ? &track->bytes_out : &track->bytes_in) += segment->on_wire;
	if (error || !track->dns || segment->length == 0)
		return error;
	return emit_payload(tracker, track, time_ns, out, 0, segment->payload, segment->length,
			    segment->on_wire);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

int tracker_packet(struct tracker *tracker, const struct ip_packet *packet, int64_t time_ns)
{
	const uint8_t *bytes = packet->bytes;
	struct segment segment = {0};
	size_t header = 8;

	if (packet->length < 8 || (packet->protocol == IPPROTO_TCP && packet->length < 20)) {
		tracker->counts->malformed++;
		return 0;
	}
	segment.source_port = get16(bytes);
	segment.target_port = get16(bytes + 2);
	if (packet->protocol == IPPROTO_TCP) {
		header = (size_t)(bytes[12] >> 4) * 4;
		segment.sequence = (uint32_t)bytes[4] << 24 | (uint32_t)bytes[5] << 16 |
				   (uint32_t)bytes[6] << 8 | bytes[7];
		segment.flags = bytes[13];
	}
	if (header < (packet->protocol == IPPROTO_TCP ? 20 : 8) || header > packet->on_wire) {
		tracker->counts->malformed++;
		return 0;
	}
	segment.on_wire = packet->on_wire - header;
	segment.length = packet->length > header ? packet->length - header : 0;
	segment.payload = bytes + header;
	if (packet->protocol == IPPROTO_UDP) { /* what is behind the datagram is padding */
		size_t said = get16(bytes + 4);

		if (said >= 8 && said - 8 < segment.on_wire)
			segment.on_wire = said - 8;
		if (segment.length > segment.on_wire)
			segment.length = segment.on_wire;
	}
	return packet->protocol == IPPROTO_TCP ? tcp_packet(tracker, packet, &segment, time_ns)
					       : udp_packet(tracker, packet, &segment, time_ns);
}

int tracker_finish(struct tracker *tracker, int64_t time_ns)
{
	int error = 0;

	for (uint32_t i = tracker->tracks[0].newer; i && !error; i = tracker->tracks[i].newer) {
		struct track *track = &tracker->tracks[i];

		if (track->used && !track->closed)
			error = emit_close(tracker, track, time_ns, outcome_of(track));
	}
	return error;
}
