/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rounds.h - what the reader has told of all open sockets: once those that are older, in each round their
 * bytes. */
#ifndef FIRSTSEEN_BPF_ROUNDS_H
#define FIRSTSEEN_BPF_ROUNDS_H

#include "flow.h"
#include "process.h"

/* Sockets older than the programs: what the reader makes flows and processes of. */
static __always_inline void tell_older(struct seq_file *seq, struct task_struct *task, struct sock *sk,
				       __u32 protocol, __u8 tcp_state)
{
	struct socket_state fresh = {}, *state;
	struct fs_record_flow record = {};

	task_owner(task, &fresh.owner);
	fresh.owner.netns = sk->__sk_common.skc_net.net->ns.inum;
	read_endpoints(sk, &fresh.endpoints);
	fresh.endpoints.protocol = protocol;
	if (protocol == IPPROTO_UDP)
		fresh.flags = SOCKET_OLDER | (is_dns_port(fresh.endpoints.remote_port) ? SOCKET_ASKS : 0);
	if (protocol == IPPROTO_TCP && tcp_state != TCP_LISTEN)
		/* Not known yet which side connected; the reader drops what came in by a listening port. */
		fresh.flags = SOCKET_TCP_OUT | SOCKET_HELLO_DONE |
			      (is_dns_port(fresh.endpoints.remote_port) ? SOCKET_DNS : 0) |
			      (address_is_loopback(fresh.endpoints.remote_address) ? SOCKET_QUIET : 0);
	begin(&record.header, FS_RECORD_FLOW_OPEN, FS_FLAG_PREEXISTING, sizeof(record),
	      bpf_get_socket_cookie(sk), &fresh.owner);
	record.endpoints = fresh.endpoints;
	record.reserved = tcp_state;
	/* Before anything is known of it: where the buffer is full, the kernel comes to this socket again. */
	if (bpf_seq_write(seq, &record, sizeof(record)) || tcp_state == TCP_LISTEN)
		return;
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state) {
		count(FS_COUNT_STORAGE_FAILED);
	} else if (protocol == IPPROTO_UDP) { /* its peer may be kept already */
		state->owner = fresh.owner;
		state->flags |= fresh.flags;
	} else {
		*state = fresh;
	}
}

/* Bytes so far of a flow that lives long. */
static __always_inline void tell_volume(struct seq_file *seq, struct sock *sk, struct socket_state *state,
					__u8 tcp_state)
{
	struct fs_endpoints endpoints;
	__u64 out = 0, in = 0;

	if (!(state->flags & SOCKET_TCP_OUT) || !was_established(tcp_state) || (state->flags & SOCKET_QUIET))
		return;
	endpoints = endpoints_now(sk, state);
	tcp_bytes(sk, tcp_state, &out, &in);
	(void)write_volume(seq, 0, bpf_get_socket_cookie(sk), &state->owner, &endpoints, out, in,
			   FS_OUTCOME_ESTABLISHED);
}

/*
 * The same for UDP, once a round: a socket may be open under many numbers. A peer that
 * stood still gives up its place; one that spoke first does not: a late reply is still a reply.
 */
static __always_inline void tell_udp_volume(struct seq_file *seq, struct sock *sk, struct socket_state *state)
{
	struct fs_owner nobody = {.uid = FS_UID_UNKNOWN};
	struct udp_peer *peer = &state->peer;
	__u32 rounds = reader_round - peer->round;

	if (peer->use != PEER_KEPT || peer->inbound || peer->told == reader_round)
		return;
	if (write_volume(seq, rounds >= 2 ? FS_FLAG_CLOSED : 0, bpf_get_socket_cookie(sk),
			 state->owner.tgid ? &state->owner : &nobody, &state->endpoints, peer->bytes_out,
			 peer->bytes_in, peer_outcome(peer)))
		return;
	peer->told = reader_round;
	if (rounds >= 2)
		peer->use = PEER_NONE;
}

/*
 * Run by the reader: at the start it tells the sockets that nothing is known of, and
 * on every round the bytes of those that are. A task_file iterator sees all network
 * namespaces; iter/tcp would see one.
 */
SEC("iter/task_file")
int each_socket(struct bpf_iter__task_file *ctx)
{
	/* Read once: newer verifiers forget the check of a field that is read again. */
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket_state *state;
	struct seq_file *seq = ctx->meta->seq;
	struct socket *socket;
	struct sock *sk;
	__u16 family, protocol;
	__u8 tcp_state;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	probe_point(sk);
	family = sk->__sk_common.skc_family;
	protocol = sk->sk_protocol;
	if ((family != AF_INET && family != AF_INET6) || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
		return 0;
	tcp_state = sk->__sk_common.skc_state;
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (state && protocol == IPPROTO_TCP)
		tell_volume(seq, sk, state, tcp_state);
	else if (state && state->owner.tgid)
		tell_udp_volume(seq, sk, state);
	else if (telling_older && (protocol == IPPROTO_UDP || tcp_state != TCP_CLOSE))
		tell_older(seq, task, sk, protocol, tcp_state);
	else if (state)
		tell_udp_volume(seq, sk, state);
	return 0;
}

#endif
