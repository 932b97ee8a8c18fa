/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* empty.bpf.c - programs on the same hooks as the real ones that do nothing: the floor of what watching
 * costs. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PASS 1

SEC("tp_btf/inet_sock_set_state")
int empty_state(void *ctx)
{
	return 0;
}

SEC("cgroup/connect4")
int empty_connect4(void *ctx)
{
	return PASS;
}

SEC("cgroup/connect6")
int empty_connect6(void *ctx)
{
	return PASS;
}

SEC("cgroup/sendmsg4")
int empty_send4(void *ctx)
{
	return PASS;
}

SEC("cgroup/sendmsg6")
int empty_send6(void *ctx)
{
	return PASS;
}

SEC("cgroup_skb/egress")
int empty_out(struct __sk_buff *skb)
{
	return PASS;
}

SEC("cgroup_skb/ingress")
int empty_in(struct __sk_buff *skb)
{
	return PASS;
}

SEC("cgroup/sock_release")
int empty_release(void *ctx)
{
	return PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
