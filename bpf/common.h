/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* common.h - maps, settings and small helpers that all programs share. */
#ifndef FIRSTSEEN_BPF_COMMON_H
#define FIRSTSEEN_BPF_COMMON_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "firstseen/record.h"
#include "kernel_types.h"

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ESP 50
#define IPPROTO_AH 51
#define IPPROTO_COMP 108
#define SOCK_DGRAM 2

#define DNS_PORTS_MAX 8
#define FLOWS_MAX 65536
#define DESCRIBED_MAX 16384
#define HELLO_BYTES_MAX 16384 /* of a stream, looked at for a ClientHello */
#define HELLO_SEGMENTS_MAX 64
#define HELLO_OVER_SEGMENTS 256 /* sent, retransmissions included: no hello is on its way any more */

/* Filled between open and load. */
const volatile __u16 dns_ports[DNS_PORTS_MAX] = {53};
const volatile __u32 dns_port_count = 1;
const volatile __u32 wakeup_bytes = 4 * 1024 * 1024; /* wake the reader when so much waits */
const volatile bool capture_sni = true;
/* lockdown=confidentiality forbids to read any kernel memory; pointers that the verifier knows are followed
 * still. */
const volatile bool kernel_memory = true;
/* Whether a value can be exchanged for another in one step: compilers of arm64 before Linux 5.18 can not. */
const volatile bool exchanges = true;
/* Somebody tries the hooks. The verifier takes out what stands behind it where it is not set. */
const volatile bool probing = false;

__u64 probe_cookie = 0; /* of the socket that the probe uses */
__u64 probe_fired = 0;  /* how often a program ran for it */

/* Counted up by the reader at each of its rounds. */
__u32 reader_round = 0;

/* Set by the reader for its first round alone: sockets without a state are older than the programs then. */
bool telling_older = false;

/* Set by the reader once it has told those. */
bool older_told = false;

/* Set by the reader where both the end of a socket and its rounds work: what is kept in a socket is told
 * then. */
bool peers_are_told = false;

enum socket_flag {
	SOCKET_TCP_OUT = 1 << 0,    /* we saw it connect */
	SOCKET_DNS = 1 << 1,        /* TCP to a DNS port */
	SOCKET_HELLO_DONE = 1 << 2, /* no more first bytes wanted */
	SOCKET_HELLO_BEGUN = 1 << 3,
	SOCKET_QUIET = 1 << 4,     /* loopback: no flow records */
	SOCKET_DESCRIBED = 1 << 5, /* UDP: its owner was */
	SOCKET_OLDER = 1 << 6,     /* UDP: in use before the programs were */
	SOCKET_ASKS = 1 << 7,      /* UDP: its program sent to a DNS port, wherever NAT takes that */
	SOCKET_WRAPPED = 1 << 8,   /* what it sends goes through IPsec: its questions can not be read */
};

enum peer_use {
	PEER_NONE = 0,
	PEER_CLAIMED = 1, /* being filled in */
	PEER_KEPT = 2,
};

/*
 * The one peer of a UDP socket that is counted in the socket itself: most sockets
 * have no other, and looking in a map for each datagram would cost more than all
 * else. Those after the first are in `udp_flows`, until the first one stands still.
 */
struct udp_peer {
	__u32 address[4];
	__be16 port;
	__u16 inbound; /* the peer spoke first */
	__u32 use;     /* enum peer_use */
	__u32 round;   /* the reader's round in which the last datagram was seen */
	__u32 told;    /* the one in which its bytes were told */
	__u64 bytes_out;
	__u64 bytes_in;
};

/*
 * What we remember of a socket, in the socket itself: it goes with it. What a datagram
 * needs comes first, in one cache line.
 */
struct socket_state {
	struct udp_peer peer;
	__u32 flags;
	__u32 hello_first;   /* sequence number of the first payload byte */
	__u32 hello_bytes;   /* how far the hello reaches from there */
	__u32 hello_reached; /* and what of it was sent */
	__u32 hello_segments;
	struct fs_owner owner;         /* tgid 0: not known */
	struct fs_endpoints endpoints; /* TCP; UDP: of `peer`, where we spoke first */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_state);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FS_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct udp_flow_key {
	__u64 cookie;
	__u8 address[16];
	__u16 port;
	__u16 reserved[3];
};

struct udp_flow {
	__u64 bytes_out;
	__u64 bytes_in;
	__u32 inbound; /* the peer spoke first */
	__u32 round;   /* the reader's round in which the last datagram was seen */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, struct udp_flow_key);
	__type(value, struct udp_flow);
} udp_flows SEC(".maps");

struct process_key {
	__u64 start_ns;
	__u32 tgid;
	__u32 exec_id;
};

/* Processes that were described already. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DESCRIBED_MAX);
	__type(key, struct process_key);
	__type(value, __u8);
} described SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
}

/* At the beginning of each program: whether it ran for the probe's own socket. */
#define probe_point(context)                                                                                 \
	do {                                                                                                 \
		if (probing && bpf_get_socket_cookie(context) == probe_cookie)                               \
			__sync_fetch_and_add(&probe_fired, 1);                                               \
	} while (0)

/*
 * Reserves a record; a full ring is counted by kind. `size` is a constant. What was
 * written is counted by submit(): a second look at the pointer here, and the verifiers of Linux 6.1 and
 * before think that a record was forgotten.
 */
static __always_inline void *reserve(__u32 kind, __u64 size)
{
	void *record = bpf_ringbuf_reserve(&ring, size, 0);

	if (!record)
		count(FS_COUNT_LOST + kind);
	return record;
}

/*
 * The reader drains by a short timer; a wake-up per record would cost far more
 * than the record. Only a ring that fills is worth one.
 */
static __always_inline void submit(__u32 kind, void *record)
{
	__u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	count(FS_COUNT_EMITTED + kind);
	bpf_ringbuf_submit(record, waiting >= wakeup_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void begin(struct fs_record_header *header, __u16 kind, __u16 flags, __u32 size,
				  __u64 cookie, const struct fs_owner *owner)
{
	header->kind = kind;
	header->flags = flags;
	header->size = size;
	header->time_ns = bpf_ktime_get_boot_ns();
	header->cookie = cookie;
	header->owner = *owner;
}

static __always_inline bool is_dns_port(__u16 port)
{
	if (port == dns_ports[0])
		return dns_port_count > 0;
	for (__u32 i = 1; i < DNS_PORTS_MAX; i++) {
		if (i >= dns_port_count)
			return false;
		if (port == dns_ports[i])
			return true;
	}
	return false;
}

/* The same with the port as it is in a packet. */
static __always_inline bool is_dns_port_there(__be16 port)
{
	return is_dns_port(bpf_ntohs(port));
}

static __always_inline void address_v4(__u8 out[16], __be32 address)
{
	__builtin_memset(out, 0, 10);
	out[10] = 0xff;
	out[11] = 0xff;
	__builtin_memcpy(out + 12, &address, 4);
}

static __always_inline bool address_is_loopback(const __u8 a[16])
{
	const __u32 *w = (const __u32 *)a;

	if (w[0] || w[1])
		return false;
	if (w[2] == 0)
		return w[3] == bpf_htonl(1) || w[3] == 0;
	return w[2] == bpf_htonl(0xffff) && a[12] == 127;
}

#endif
