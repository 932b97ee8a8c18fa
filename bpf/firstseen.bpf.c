/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * firstseen.bpf.c - the kernel side: owners of sockets, flows that open and
 * close, DNS messages, the first bytes of TLS flows.
 *
 * Every cgroup program returns 1 on every path: it watches, it never drops.
 */
#include "common.h"
#include "process.h"
#include "flow.h"
#include "packet.h"
#include "rounds.h"

#define PASS 1
#define NOT_TLS_BYTES 64

#define ERR_NETUNREACH 101
#define ERR_CONNREFUSED 111
#define ERR_HOSTUNREACH 113
#define ERR_NETDOWN 100
#define ERR_ACCES 13
#define ERR_PERM 1

static __always_inline __u32 first_flags(const struct fs_endpoints *endpoints)
{
	__u32 flags = SOCKET_TCP_OUT;

	if (is_dns_port(endpoints->remote_port))
		flags |= SOCKET_DNS | SOCKET_HELLO_DONE;
	if (address_is_loopback(endpoints->remote_address))
		flags |= SOCKET_QUIET | SOCKET_HELLO_DONE;
	if (!capture_sni)
		flags |= SOCKET_HELLO_DONE;
	return flags;
}

/* CLOSE -> SYN_SENT runs in the task that connects. */
static __always_inline void tcp_connects(struct sock *sk)
{
	struct fs_endpoints endpoints = {};
	struct fs_owner owner;
	struct socket_state *state;
	__u32 flags;

	read_endpoints(sk, &endpoints);
	flags = first_flags(&endpoints);
	if ((flags & (SOCKET_QUIET | SOCKET_DNS)) == SOCKET_QUIET)
		return; /* neither flow nor message will be told of it */
	current_owner(&owner);
	owner.netns = sk->__sk_common.skc_net.net->ns.inum;
	describe(&owner);
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (state) {
		state->owner = owner;
		state->endpoints = endpoints;
		state->hello_segments = 0;
		state->flags = flags;
	} else {
		count(FS_COUNT_STORAGE_FAILED);
	}
	if (!(flags & SOCKET_QUIET))
		emit_flow(FS_RECORD_FLOW_OPEN, 0, bpf_get_socket_cookie(sk), &owner, &endpoints, 0, 0,
			  FS_OUTCOME_UNKNOWN);
}

static __always_inline __u32 failed_outcome(int error)
{
	switch (error) {
	case ERR_CONNREFUSED:
		return FS_OUTCOME_REFUSED;
	case ERR_NETUNREACH:
	case ERR_HOSTUNREACH:
	case ERR_NETDOWN:
	case ERR_ACCES:
	case ERR_PERM:
		return FS_OUTCOME_UNREACHABLE;
	default: /* its timer ran out, or the program gave up waiting */
		return FS_OUTCOME_TIMED_OUT;
	}
}

/* May run in softirq: `current` is anybody. All comes from the socket. */
static __always_inline void tcp_closes(struct sock *sk, int old_state, const struct socket_state *state)
{
	struct fs_endpoints endpoints = endpoints_now(sk, state);
	__u64 out = 0, in = 0;
	__u32 outcome = FS_OUTCOME_ESTABLISHED;

	if (was_established(old_state)) {
		tcp_bytes(sk, old_state, &out, &in);
	} else {
		int error = sk->sk_err;

		/* An ICMP error that came while the program held the socket. */
		outcome = failed_outcome(error ? error : sk->sk_err_soft);
	}
	emit_flow(FS_RECORD_FLOW_VOLUME, FS_FLAG_CLOSED, bpf_get_socket_cookie(sk), &state->owner, &endpoints,
		  out, in, outcome);
}

/* Done once however often it is called for the same change. */
static __always_inline void tcp_changes(struct sock *sk, int old_state, int new_state)
{
	struct socket_state *state;

	if (new_state != TCP_CLOSE && (new_state != TCP_SYN_SENT || old_state != TCP_CLOSE))
		return;
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (new_state == TCP_SYN_SENT) {
		if (!state || !(state->flags & SOCKET_TCP_OUT))
			tcp_connects(sk);
		return;
	}
	if (!state || !(state->flags & SOCKET_TCP_OUT))
		return;
	if (!(state->flags & SOCKET_QUIET) || (state->flags & SOCKET_DNS))
		tcp_closes(sk, old_state, state);
	state->flags = 0; /* a socket may connect again; what is remembered goes with it */
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sock_state, struct sock *sk, int old_state, int new_state)
{
	probe_point(sk);
	tcp_changes(sk, old_state, new_state);
	return 0;
}

/*
 * The kernel runs no tracing program while it runs on the same processor already: what a
 * softirq does to another socket just then is skipped. Not by this one, which finds
 * nothing left to do of all else.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sock_skipped, struct sock *sk, int old_state, int new_state)
{
	probe_point(sk);
	tcp_changes(sk, old_state, new_state);
	return 0;
}

static __always_inline bool is_asking(const struct socket_state *state)
{
	return state && (state->flags & SOCKET_ASKS);
}

/*
 * UDP: who uses the socket, and whether to ask. A connect() alone sends nothing, so no flow is told yet. A
 * packet tells its port only behind NAT: a container's resolver may well listen elsewhere.
 */
static __always_inline void udp_owned(struct bpf_sock_addr *ctx)
{
	struct socket_state *state;
	struct bpf_sock *sk = ctx->sk;

	probe_point(ctx);
	if (ctx->type != SOCK_DGRAM || !sk)
		return;
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state) {
		count(FS_COUNT_STORAGE_FAILED);
		return;
	}
	if (!older_told && !state->owner.tgid)
		state->flags |= SOCKET_OLDER;
	if (is_dns_port(bpf_ntohs(ctx->user_port)) && !is_asking(state))
		state->flags |= SOCKET_ASKS;
	if (!is_current_owner(&state->owner)) {
		current_owner(&state->owner);
		state->flags &= ~SOCKET_DESCRIBED;
	}
	if (!(state->flags & SOCKET_DESCRIBED) && describe(&state->owner) == 0)
		state->flags |= SOCKET_DESCRIBED;
}

SEC("cgroup/connect4")
int udp_connect4(struct bpf_sock_addr *ctx)
{
	udp_owned(ctx);
	return PASS;
}

SEC("cgroup/connect6")
int udp_connect6(struct bpf_sock_addr *ctx)
{
	udp_owned(ctx);
	return PASS;
}

SEC("cgroup/sendmsg4")
int udp_send4(struct bpf_sock_addr *ctx)
{
	udp_owned(ctx);
	return PASS;
}

SEC("cgroup/sendmsg6")
int udp_send6(struct bpf_sock_addr *ctx)
{
	udp_owned(ctx);
	return PASS;
}

/* A hello that one record does not hold goes on in the next ones, whose number nobody knows yet. */
static __always_inline void hello_over_records(struct __sk_buff *skb, const struct packet *packet,
					       struct socket_state *state)
{
	__u8 head[4] = {};

	bpf_skb_load_bytes(skb, packet->payload + 5, head, sizeof(head));
	if ((__u32)(head[1] << 16 | head[2] << 8 | head[3]) + 4 + 5 > state->hello_bytes)
		state->hello_bytes = HELLO_BYTES_MAX;
}

/*
 * The first payload of a TLS flow: all of the hello, over as many segments and
 * TLS records as it takes. Of any other protocol a few bytes, so that nobody waits for a name.
 */
static __always_inline void capture_hello(struct __sk_buff *skb, const struct packet *packet,
					  struct socket_state *state, struct payload_spec *spec)
{
	__u32 offset;

	if (!(state->flags & SOCKET_HELLO_BEGUN)) {
		__u8 first[6] = {};

		bpf_skb_load_bytes(skb, packet->payload, first, packet->length >= 6 ? 6 : 1);
		state->flags |= SOCKET_HELLO_BEGUN;
		state->hello_first = packet->sequence;
		state->hello_reached = 0;
		state->hello_bytes = NOT_TLS_BYTES;
		if (first[0] == 0x16 && packet->length < 6)
			state->hello_bytes = HELLO_BYTES_MAX;
		else if (first[0] == 0x16 && first[1] == 3 && first[5] == 1)
			state->hello_bytes = 5 + (first[3] << 8 | first[4]);
		if (packet->length >= 9 && state->hello_bytes > NOT_TLS_BYTES)
			hello_over_records(skb, packet, state);
		if (state->hello_bytes > HELLO_BYTES_MAX)
			state->hello_bytes = HELLO_BYTES_MAX;
	}
	/* What is sent first is sent in order: whatever does not reach beyond that is sent again. */
	offset = packet->sequence - state->hello_first;
	if ((__s32)(offset + packet->length - state->hello_reached) <= 0)
		return;
	state->hello_reached = offset + packet->length;
	if (offset < state->hello_bytes) {
		spec->wanted = state->hello_bytes - offset;
		emit_payload(skb, packet, spec, &state->owner);
	}
	if (state->hello_reached >= state->hello_bytes || ++state->hello_segments >= HELLO_SEGMENTS_MAX)
		state->flags |= SOCKET_HELLO_DONE;
}

static __always_inline __u16 direction(const struct socket_state *state, bool out)
{
	if (out)
		return FS_FLAG_OUT;
	return state && (state->flags & SOCKET_WRAPPED) ? FS_FLAG_WRAPPED : 0;
}

static __always_inline void tcp_packet(struct __sk_buff *skb, struct bpf_sock *sk, bool out)
{
	struct socket_state *state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	struct payload_spec spec = {};
	struct packet packet = {};
	bool dns;
	int unread;

	if (!state)
		return;
	dns = state->flags & SOCKET_DNS;
	if (!dns && (!out || !(state->flags & SOCKET_TCP_OUT) || (state->flags & SOCKET_HELLO_DONE)))
		return;
	unread = packet_read(skb, &packet);
	if (out && is_wrapped(&packet, sk)) {
		state->flags |= SOCKET_WRAPPED;
		return;
	}
	if (unread || packet.protocol != IPPROTO_TCP || packet.length == 0)
		return;
	/* What is behind NAT on its way out is told as the flow is: as its program asked for it. */
	__builtin_memcpy(out ? packet.target : packet.source, state->endpoints.remote_address, 16);
	*(out ? &packet.target_port : &packet.source_port) = state->endpoints.remote_port;
	spec.cookie = bpf_get_socket_cookie(skb);
	spec.kind = FS_RECORD_SEGMENT;
	spec.flags = (dns ? FS_FLAG_DNS : 0) | direction(state, out);
	spec.wanted = 65535;
	if (dns)
		emit_payload(skb, &packet, &spec, &state->owner);
	else
		capture_hello(skb, &packet, state, &spec);
}

static __always_inline bool is_kept_peer(const struct socket_state *state, const __u32 address[4],
					 __be16 port)
{
	const struct udp_peer *peer = &state->peer;

	return peer->use == PEER_KEPT && peer->port == port && peer->address[3] == address[3] &&
	       peer->address[2] == address[2] && peer->address[1] == address[1] &&
	       peer->address[0] == address[0];
}

static __always_inline void count_peer(struct socket_state *state, __u32 length, bool out)
{
	__u32 round = reader_round;

	if (state->peer.round != round)
		state->peer.round = round;
	__sync_fetch_and_add(out ? &state->peer.bytes_out : &state->peer.bytes_in, length);
}

/* Takes the socket's place for a peer, where it is free. Both directions may want it at once. */
static __always_inline bool keep_peer(struct socket_state *state, const struct udp_flow_key *key,
				      const struct udp_flow *flow, const struct fs_endpoints *endpoints)
{
	struct udp_peer *peer = &state->peer;

	if (!exchanges || !peers_are_told ||
	    __sync_val_compare_and_swap(&peer->use, PEER_NONE, PEER_CLAIMED) != PEER_NONE)
		return false;
	__builtin_memcpy(peer->address, key->address, 16);
	peer->port = bpf_htons(key->port);
	peer->inbound = flow->inbound;
	peer->round = flow->round;
	peer->told = flow->round - 1;
	peer->bytes_out = flow->bytes_out;
	peer->bytes_in = flow->bytes_in;
	state->endpoints = *endpoints;
	__sync_lock_test_and_set(&peer->use, PEER_KEPT); /* after all else was written */
	return true;
}

/*
 * Whether a UDP exchange began before the programs did. Which side spoke first can not
 * be known then: a server's next reply looks like a first datagram.
 */
static __always_inline bool is_under_way(const struct socket_state *state)
{
	return !older_told || (state && (state->flags & SOCKET_OLDER) && reader_round == 0);
}

/* Counts a datagram's bytes. The first one out to a peer that did not speak first opens a flow. */
static __always_inline void udp_flow(const struct packet *packet, const struct payload_spec *spec,
				     const struct fs_owner *owner, struct socket_state *state, bool out)
{
	struct udp_flow_key key = {.cookie = spec->cookie};
	struct udp_flow fresh = {}, *flow;
	struct fs_endpoints endpoints = {};

	__builtin_memcpy(key.address, out ? packet->target : packet->source, 16);
	key.port = out ? packet->target_port : packet->source_port;
	if (state && is_kept_peer(state, (const __u32 *)key.address, bpf_htons(key.port))) {
		count_peer(state, packet->length, out);
		return;
	}
	flow = bpf_map_lookup_elem(&udp_flows, &key);
	if (flow) {
		flow->round = reader_round;
		__sync_fetch_and_add(out ? &flow->bytes_out : &flow->bytes_in, packet->length);
		return;
	}
	fresh.inbound = !out;
	fresh.round = reader_round;
	*(out ? &fresh.bytes_out : &fresh.bytes_in) = packet->length;
	__builtin_memcpy(endpoints.local_address, packet->source, 16);
	__builtin_memcpy(endpoints.remote_address, packet->target, 16);
	endpoints.local_port = packet->source_port;
	endpoints.remote_port = packet->target_port;
	endpoints.protocol = IPPROTO_UDP;
	if (!(state && keep_peer(state, &key, &fresh, &endpoints)) &&
	    bpf_map_update_elem(&udp_flows, &key, &fresh, BPF_ANY))
		count(FS_COUNT_FLOW_MAP_FAILED);
	if (!out)
		return;
	/* Connected by one program, used by the one that it became. */
	if (state && state->owner.tgid && is_replaced(&state->owner)) {
		current_owner(&state->owner);
		describe(&state->owner);
	}
	emit_flow(FS_RECORD_FLOW_OPEN, is_under_way(state) ? FS_FLAG_PREEXISTING : 0, spec->cookie, owner,
		  &endpoints, 0, 0, FS_OUTCOME_UNKNOWN);
}

static __always_inline void udp_packet(struct __sk_buff *skb, struct bpf_sock *sk, bool out)
{
	struct packet packet = {};
	struct payload_spec spec = {};
	struct socket_state *state;
	struct fs_owner nobody = {.uid = FS_UID_UNKNOWN};
	const struct fs_owner *owner;
	bool dns, known, loopback;
	int unread;

	unread = packet_read(skb, &packet);
	if (out && is_wrapped(&packet, sk)) {
		state = bpf_sk_storage_get(&sockets, sk, 0, 0);
		if (state)
			state->flags |= SOCKET_WRAPPED;
		return;
	}
	if (unread || packet.protocol != IPPROTO_UDP)
		return;
	/* Sockets that only receive get theirs here. */
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	dns = is_dns_port(out ? packet.target_port : packet.source_port) ||
	      (is_asking(state) && packet_is_dns(skb, &packet, out));
	loopback = address_is_loopback(out ? packet.target : packet.source);
	if (!dns && loopback)
		return;
	known = state && state->owner.tgid;
	owner = known ? &state->owner : &nobody;
	spec.cookie = bpf_get_socket_cookie(skb);
	if (!known && (dns || out))
		count(FS_COUNT_OWNER_UNKNOWN);
	if (!loopback)
		udp_flow(&packet, &spec, owner, state, out);
	if (!dns)
		return;
	spec.kind = FS_RECORD_DATAGRAM;
	if (out && state) /* this one can be read */
		state->flags &= ~SOCKET_WRAPPED;
	spec.flags = FS_FLAG_DNS | direction(state, out);
	spec.wanted = 65535;
	emit_payload(skb, &packet, &spec, owner);
}

/* Nearly every packet ends here, judged by what the processor has at hand, and most without a helper. */
static __always_inline bool is_dealt_with(struct __sk_buff *skb, struct bpf_sock *sk, bool out)
{
	struct socket_state *state;
	struct bpf_tcp_sock *tcp;
	struct glance glance;

	if (packet_glance(skb, &glance, out))
		return false;
	if (glance.protocol == IPPROTO_TCP) {
		if (glance.length == 0)
			return true;
		if (is_dns_port_there(glance.remote_port))
			return false;
		if (!out)
			return true;
		tcp = bpf_tcp_sock(sk);
		return tcp && tcp->data_segs_out > HELLO_OVER_SEGMENTS && !is_dns_port_there(sk->dst_port);
	}
	if (is_dns_port_there(glance.remote_port))
		return false;
	/* Behind NAT on this host may be a resolver, for those who are not connected elsewhere. */
	if (glance.loopback && (!out || (sk->dst_port && !is_dns_port_there(sk->dst_port))))
		return true;
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (is_asking(state))
		return false;
	if (glance.loopback)
		return true;
	if (!state || !is_kept_peer(state, glance.remote, glance.remote_port))
		return false;
	count_peer(state, glance.length, out);
	return true;
}

static __always_inline int packet_passes(struct __sk_buff *skb, bool out)
{
	struct bpf_sock *sk = skb->sk;

	probe_point(skb);
	if (!sk || is_dealt_with(skb, sk, out))
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return PASS;
	if (sk->protocol == IPPROTO_TCP)
		tcp_packet(skb, sk, out);
	else if (sk->protocol == IPPROTO_UDP && (out || sk->type == SOCK_DGRAM))
		udp_packet(skb, sk, out); /* raw sockets get a copy of what is another's */
	return PASS;
}

SEC("cgroup_skb/egress")
int packet_out(struct __sk_buff *skb)
{
	return packet_passes(skb, true);
}

SEC("cgroup_skb/ingress")
int packet_in(struct __sk_buff *skb)
{
	return packet_passes(skb, false);
}

/*
 * The last close of a UDP socket: the flow to the peer kept in it ends here. Those it
 * had besides are told by the reader's rounds through the map.
 */
SEC("cgroup/sock_release")
int udp_release(struct bpf_sock *sk)
{
	struct fs_owner nobody = {.uid = FS_UID_UNKNOWN};
	struct socket_state *state;

	probe_point(sk);
	if (sk->protocol != IPPROTO_UDP)
		return PASS;
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (!state || state->peer.use != PEER_KEPT)
		return PASS;
	if (!state->peer.inbound) /* one that we spoke to */
		emit_flow(FS_RECORD_FLOW_VOLUME, FS_FLAG_CLOSED, bpf_get_socket_cookie(sk),
			  state->owner.tgid ? &state->owner : &nobody, &state->endpoints,
			  state->peer.bytes_out, state->peer.bytes_in, peer_outcome(&state->peer));
	state->peer.use = PEER_NONE;
	return PASS;
}

/* Helpers that read kernel memory want it. All of this file is under either of the licences above. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
