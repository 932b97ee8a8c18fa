/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flow.h - where a flow goes, how far it got and what it moved, and the records that tell it. */
#ifndef FIRSTSEEN_BPF_FLOW_H
#define FIRSTSEEN_BPF_FLOW_H

#include "common.h"

#define SOCK_DONE 1 /* a bit of the socket's flags: the peer's FIN was taken, in its turn */

enum tcp_state {
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_CLOSE = 7,
	TCP_LAST_ACK = 9,
	TCP_LISTEN = 10,
	TCP_CLOSING = 11,
};

static __always_inline void address_v6(__u8 out[16], const struct in6_addr *address)
{
	__u32 *words = (__u32 *)out;

	words[0] = address->in6_u.u6_addr32[0];
	words[1] = address->in6_u.u6_addr32[1];
	words[2] = address->in6_u.u6_addr32[2];
	words[3] = address->in6_u.u6_addr32[3];
}

static __always_inline void read_endpoints(struct sock *sk, struct fs_endpoints *endpoints)
{
	if (sk->__sk_common.skc_family == AF_INET) {
		address_v4(endpoints->local_address, sk->__sk_common.skc_rcv_saddr);
		address_v4(endpoints->remote_address, sk->__sk_common.skc_daddr);
	} else {
		address_v6(endpoints->local_address, &sk->__sk_common.skc_v6_rcv_saddr);
		address_v6(endpoints->remote_address, &sk->__sk_common.skc_v6_daddr);
	}
	endpoints->local_port = sk->__sk_common.skc_num;
	endpoints->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	endpoints->protocol = IPPROTO_TCP;
}

static __always_inline void fill_flow(struct fs_record_flow *record, __u16 kind, __u16 flags, __u64 cookie,
				      const struct fs_owner *owner, const struct fs_endpoints *endpoints,
				      __u64 bytes_out, __u64 bytes_in, __u32 outcome)
{
	begin(&record->header, kind, flags, sizeof(*record), cookie, owner);
	record->endpoints = *endpoints;
	record->bytes_out = bytes_out;
	record->bytes_in = bytes_in;
	record->outcome = outcome;
	record->reserved = 0;
}

static __always_inline void emit_flow(__u16 kind, __u16 flags, __u64 cookie, const struct fs_owner *owner,
				      const struct fs_endpoints *endpoints, __u64 bytes_out, __u64 bytes_in,
				      __u32 outcome)
{
	struct fs_record_flow *record = reserve(kind, sizeof(*record));

	if (!record)
		return;
	fill_flow(record, kind, flags, cookie, owner, endpoints, bytes_out, bytes_in, outcome);
	submit(kind, record);
}

/*
 * What the reader's round finds goes straight to the reader: of a host with many connections the
 * ring could not take it, and the reader does not drain it meanwhile. Where its buffer is full, -1: the
 * kernel comes to this socket again.
 */
static __always_inline int write_volume(struct seq_file *seq, __u16 flags, __u64 cookie,
					const struct fs_owner *owner, const struct fs_endpoints *endpoints,
					__u64 bytes_out, __u64 bytes_in, __u32 outcome)
{
	struct fs_record_flow record = {};

	fill_flow(&record, FS_RECORD_FLOW_VOLUME, flags, cookie, owner, endpoints, bytes_out, bytes_in,
		  outcome);
	if (bpf_seq_write(seq, &record, sizeof(record)))
		return -1;
	count(FS_COUNT_EMITTED + FS_RECORD_FLOW_VOLUME);
	return 0;
}

/* All is told by the state itself: no step on the way to it has to be seen. */
static __always_inline bool was_established(int tcp_state)
{
	return tcp_state != TCP_SYN_SENT && tcp_state != TCP_SYN_RECV && tcp_state != TCP_CLOSE;
}

static __always_inline bool is_fin_sent(int tcp_state)
{
	return tcp_state == TCP_FIN_WAIT1 || tcp_state == TCP_FIN_WAIT2 || tcp_state == TCP_CLOSING ||
	       tcp_state == TCP_LAST_ACK;
}

/*
 * The payload so far: out is what was sent, each byte once, acknowledged or not (what a
 * reset or a dead peer leaves unacknowledged may well have arrived). What this host itself
 * drops, a full queue or its firewall, counts as sent but its repetition not as one: no more
 * than what was written, then, to which SYN and FIN belong. FIN is a byte of what was
 * received, too; no state tells whether there was one: who is closed waits for it elsewhere.
 */
static __always_inline void tcp_bytes(struct sock *sk, int tcp_state, __u64 *out, __u64 *in)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u64 written;

	if (!tcp)
		return;
	*out = tcp->bytes_sent - tcp->bytes_retrans;
	written = tcp->bytes_acked + (__u32)(tcp->write_seq - tcp->snd_una) - 1 - is_fin_sent(tcp_state);
	if ((__s64)written >= 0 && *out > written)
		*out = written;
	*in = tcp->bytes_received;
	if (*in && (sk->__sk_common.skc_flags & 1ul << SOCK_DONE))
		--*in;
}

static __always_inline struct fs_endpoints endpoints_now(struct sock *sk, const struct socket_state *state)
{
	struct fs_endpoints endpoints = state->endpoints;

	if (!endpoints.local_port) /* it had none yet as it began to connect */
		endpoints.local_port = sk->__sk_common.skc_num;
	return endpoints;
}

static __always_inline __u32 peer_outcome(const struct udp_peer *peer)
{
	return peer->bytes_in ? FS_OUTCOME_ESTABLISHED : FS_OUTCOME_UNKNOWN;
}

#endif
