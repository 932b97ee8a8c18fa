/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* packet.h - reads the IP and transport headers of a packet, and copies payloads into the ring. */
#ifndef FIRSTSEEN_BPF_PACKET_H
#define FIRSTSEEN_BPF_PACKET_H

#include "common.h"

#define EXTENSION_HEADERS_MAX 6
#define NAT_TRAVERSAL_PORT 4500 /* of IPsec in UDP */
#define DNS_HEADER_SIZE 12
#define DNS_QUESTION_LEAST 17 /* bytes: a header and the shortest question, about the root */

struct packet {
	__u8 source[16];
	__u8 target[16];
	__u16 source_port;
	__u16 target_port;
	__u32 payload; /* offset */
	__u32 length;  /* of the payload, bytes */
	__u32 sequence;
	__u8 protocol;
};

struct ipv4_header {
	__u8 version_length;
	__u8 tos;
	__be16 total_length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__be32 source;
	__be32 target;
};

struct ipv6_header {
	__be32 version_class_flow;
	__be16 payload_length;
	__u8 next;
	__u8 hops;
	__u8 source[16];
	__u8 target[16];
};

struct udp_header {
	__be16 source;
	__be16 target;
	__be16 length;
	__be16 checksum;
};

struct tcp_header {
	__be16 source;
	__be16 target;
	__be32 sequence;
	__be32 acknowledged;
	__u8 length;
	__u8 flags;
	__be16 window;
	__be16 checksum;
	__be16 urgent;
};

/* What nearly every packet is judged by, read in place. */
struct glance {
	__u32 remote[4];
	__u8 protocol;
	bool loopback; /* the remote side; with NAT the other one may be a loopback address all the same */
	__be16 remote_port;
	__u32 length; /* of the payload, bytes */
};

/* 0; -1 where the headers are not plain and in one piece: packet_read() tells then. */
static __always_inline int packet_glance(struct __sk_buff *skb, struct glance *glance, bool out)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct udp_header *udp;
	__u32 headers;

	if (skb->protocol == bpf_htons(0x0800)) {
		struct ipv4_header *ip = data;

		if ((void *)(ip + 1) + sizeof(*udp) > end || ip->version_length != 0x45 ||
		    (ip->fragment & bpf_htons(0x1fff)))
			return -1;
		glance->protocol = ip->protocol;
		glance->remote[0] = glance->remote[1] = 0;
		glance->remote[2] = bpf_htonl(0xffff);
		glance->remote[3] = out ? ip->target : ip->source;
		glance->loopback = *(__u8 *)&glance->remote[3] == 127;
		udp = (void *)(ip + 1);
		headers = sizeof(*ip);
	} else {
		struct ipv6_header *ip = data;

		if (skb->protocol != bpf_htons(0x86dd) || (void *)(ip + 1) + sizeof(*udp) > end)
			return -1;
		glance->protocol = ip->next;
		__builtin_memcpy(glance->remote, out ? ip->target : ip->source, 16);
		glance->loopback = address_is_loopback((const __u8 *)glance->remote);
		udp = (void *)(ip + 1);
		headers = sizeof(*ip);
	}
	glance->remote_port = out ? udp->target : udp->source;
	if (glance->protocol == IPPROTO_TCP) {
		struct tcp_header *tcp = (void *)udp;

		if ((void *)(tcp + 1) > end)
			return -1;
		headers += (tcp->length >> 4) * 4;
	} else if (glance->protocol == IPPROTO_UDP) {
		headers += sizeof(*udp);
	} else {
		return -1;
	}
	glance->length = skb->len > headers ? skb->len - headers : 0;
	return 0;
}

/* What follows the protocol field is only read once the protocol is one we want. */
static __always_inline int packet_v4(struct __sk_buff *skb, struct packet *packet, __u32 *transport)
{
	struct ipv4_header ip;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return -1;
	/* A later fragment has no ports; receivers get packets whole. */
	if (ip.fragment & bpf_htons(0x1fff))
		return -1;
	packet->protocol = ip.protocol;
	address_v4(packet->source, ip.source);
	address_v4(packet->target, ip.target);
	*transport = (ip.version_length & 15) * 4;
	return 0;
}

/* On its way through a routing header's stops a packet's target is the next one; where it ends is in the
 * header. */
static __always_inline void last_stop(struct __sk_buff *skb, __u32 offset, __u8 target[16])
{
	__u8 routing[4]; /* next, length, type, stops left */

	if (bpf_skb_load_bytes(skb, offset, routing, sizeof(routing)) || routing[3] == 0)
		return;
	if (routing[2] == 4 ||
	    routing[2] == 2) /* segment routing lists the last one first; mobility has but one */
		bpf_skb_load_bytes(skb, offset + 8, target, 16);
}

static __always_inline int packet_v6(struct __sk_buff *skb, struct packet *packet, __u32 *transport)
{
	struct ipv6_header ip;
	__u32 offset = sizeof(ip);
	__u8 next;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return -1;
	__builtin_memcpy(packet->source, ip.source, 16);
	__builtin_memcpy(packet->target, ip.target, 16);
	next = ip.next;
	for (int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		__u8 extension[2];

		/* hop-by-hop, routing, destination options; a fragment header means the first fragment here
		 */
		if (next != 0 && next != 43 && next != 60 && next != 44)
			break;
		if (bpf_skb_load_bytes(skb, offset, extension, 2))
			return -1;
		if (next == 44) {
			__be16 fragment;

			if (bpf_skb_load_bytes(skb, offset + 2, &fragment, 2) ||
			    (fragment & bpf_htons(0xfff8)))
				return -1;
			offset += 8;
		} else {
			if (next == 43)
				last_stop(skb, offset, packet->target);
			offset += (extension[1] + 1) * 8;
		}
		next = extension[0];
	}
	packet->protocol = next;
	*transport = offset;
	return 0;
}

/*
 * 0, or -1 where it is neither TCP nor UDP or too short. Not static, as all that is large: the verifier looks
 * at such a function once a program, not once for every way to each of its calls.
 */
__noinline int packet_read(struct __sk_buff *skb, struct packet *packet)
{
	__u32 transport = 0;
	__u8 header[20];

	if (!packet)
		return -1;
	if (skb->protocol == bpf_htons(0x0800)) {
		if (packet_v4(skb, packet, &transport))
			return -1;
	} else if (skb->protocol == bpf_htons(0x86dd)) {
		if (packet_v6(skb, packet, &transport))
			return -1;
	} else {
		return -1;
	}
	if (packet->protocol == IPPROTO_UDP) {
		if (bpf_skb_load_bytes(skb, transport, header, 8))
			return -1;
		packet->payload = transport + 8;
		packet->sequence = 0;
	} else if (packet->protocol == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, transport, header, 20))
			return -1;
		packet->payload = transport + (header[12] >> 4) * 4;
		packet->sequence = (__u32)header[4] << 24 | header[5] << 16 | header[6] << 8 | header[7];
		if (header[13] & 2) /* SYN takes one number; data with it (Fast Open) begins after it */
			packet->sequence++;
	} else {
		return -1;
	}
	packet->source_port = header[0] << 8 | header[1];
	packet->target_port = header[2] << 8 | header[3];
	packet->length = skb->len > packet->payload ? skb->len - packet->payload : 0;
	return 0;
}

/* Whether a datagram to or from any port looks like a question, or like an answer. */
static __always_inline bool packet_is_dns(struct __sk_buff *skb, const struct packet *packet, bool out)
{
	__u8 header[DNS_HEADER_SIZE];
	bool answer;

	if (packet->length < DNS_QUESTION_LEAST ||
	    bpf_skb_load_bytes(skb, packet->payload, header, sizeof(header)))
		return false;
	answer = header[2] & 0x80;
	return answer != out && !(header[2] & 0x78) && header[4] == 0 && header[5] == 1;
}

/*
 * IPsec has been at a packet before it comes by here on its way out: it is still its socket's, but neither
 * its ports nor its payload are.
 */
static __always_inline bool is_wrapped(const struct packet *packet, const struct bpf_sock *sk)
{
	return packet->protocol == IPPROTO_ESP || packet->protocol == IPPROTO_AH ||
	       packet->protocol == IPPROTO_COMP ||
	       (packet->protocol == IPPROTO_UDP && packet->source_port == NAT_TRAVERSAL_PORT &&
		sk->src_port != NAT_TRAVERSAL_PORT);
}

struct payload_spec {
	__u64 cookie;
	__u16 kind;
	__u16 flags;
	__u32 wanted; /* bytes of the payload to copy, at most */
};

/* One size class: a record with room for `class` bytes, a constant. */
static __always_inline void emit_class(struct __sk_buff *skb, const struct packet *packet,
				       const struct payload_spec *spec, const struct fs_owner *owner,
				       __u32 class)
{
	struct fs_record_payload *record;
	__u32 length = packet->length, last;
	bool out = spec->flags & FS_FLAG_OUT;

	record = reserve(spec->kind, sizeof(*record) + class);
	if (!record)
		return;
	if (length > spec->wanted)
		length = spec->wanted;
	if (length > class)
		length = class;
	begin(&record->header, spec->kind, spec->flags | (length < packet->length ? FS_FLAG_CUT : 0),
	      sizeof(*record) + length, spec->cookie, owner);
	__builtin_memcpy(record->endpoints.local_address, out ? packet->source : packet->target, 16);
	__builtin_memcpy(record->endpoints.remote_address, out ? packet->target : packet->source, 16);
	record->endpoints.local_port = out ? packet->source_port : packet->target_port;
	record->endpoints.remote_port = out ? packet->target_port : packet->source_port;
	record->endpoints.protocol = packet->protocol;
	__builtin_memset(record->endpoints.reserved, 0, sizeof(record->endpoints.reserved));
	record->sequence = packet->sequence;
	record->original_length = packet->length;
	record->reserved = 0;
	record->length = length;
	/* Older verifiers do not learn from "is not 0" that it is 1 or more. */
	last = length - 1;
	barrier_var(last);
	if (last >= class || bpf_skb_load_bytes(skb, packet->payload, record->payload, last + 1)) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return;
	}
	submit(spec->kind, record);
}

/*
 * Copies a payload in the smallest class that holds it. Ring memory is reserved by
 * constant sizes: a per-CPU scratch buffer would be overwritten by a softirq.
 */
__noinline int emit_payload(struct __sk_buff *skb, const struct packet *packet,
			    const struct payload_spec *spec, const struct fs_owner *owner)
{
	__u32 length;

	if (!packet || !spec || !owner)
		return 0;
	length = packet->length < spec->wanted ? packet->length : spec->wanted;
	if (length == 0)
		return 0;
	if (length <= 256)
		emit_class(skb, packet, spec, owner, 256);
	else if (length <= 1536)
		emit_class(skb, packet, spec, owner, 1536);
	else if (length <= 8192)
		emit_class(skb, packet, spec, owner, 8192);
	else
		emit_class(skb, packet, spec, owner, 65536);
	return 0;
}

#endif
