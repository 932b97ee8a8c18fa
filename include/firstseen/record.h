/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record.h - the event ABI: what every source emits and the observer reads.
 *
 * The kernel programs, the pcap reader and the scenario reader all produce
 * these records, so that one pipeline serves live traffic and replays alike.
 *
 * All integers are in the byte order of the host, except where a field says
 * otherwise. Addresses are 16 bytes in network order; IPv4 is ::ffff:a.b.c.d.
 * Every record begins with struct fs_record_header; `size` is the number of
 * bytes of the whole record that are valid. A reader checks it first.
 */
#ifndef FIRSTSEEN_RECORD_H
#define FIRSTSEEN_RECORD_H

#include <linux/types.h>

#define FS_RECORD_VERSION 1

enum fs_record_kind {
	FS_RECORD_NONE = 0,
	FS_RECORD_PROCESS = 1,     /* struct fs_record_process: a process, described once */
	FS_RECORD_FLOW_OPEN = 2,   /* struct fs_record_flow: an outbound flow begins */
	FS_RECORD_FLOW_VOLUME = 3, /* struct fs_record_flow: bytes so far, and how it ended */
	FS_RECORD_DATAGRAM = 4,    /* struct fs_record_payload: a UDP payload to or from a DNS port */
	FS_RECORD_SEGMENT = 5,     /* struct fs_record_payload: a TCP payload: DNS, or a flow's first bytes */
	FS_RECORD_KINDS = 6,
};

/* struct fs_record_header.flags */
enum fs_record_flag {
	FS_FLAG_OUT = 1 << 0,         /* payload: sent by this host (else received) */
	FS_FLAG_DNS = 1 << 1,         /* payload: from or to a DNS port (else a flow's first bytes) */
	FS_FLAG_CLOSED = 1 << 2,      /* volume: the last one of this flow */
	FS_FLAG_PREEXISTING = 1 << 3, /* open: the socket is older than the daemon */
	FS_FLAG_CUT = 1 << 4,         /* payload: `length` is less than `original_length` */
	FS_FLAG_INBOUND = 1 << 5,     /* volume, segment: the peer spoke first; not an outbound flow */
	FS_FLAG_WRAPPED = 1 << 6, /* DNS payload received: what its socket sends can not be read (IPsec) */
};

/* struct fs_record_flow.outcome */
enum fs_outcome {
	FS_OUTCOME_UNKNOWN = 0,     /* still open, or it can not be told */
	FS_OUTCOME_ESTABLISHED = 1, /* the peer answered */
	FS_OUTCOME_REFUSED = 2,     /* reset before it was established */
	FS_OUTCOME_TIMED_OUT = 3,   /* no answer before the attempt was given up */
	FS_OUTCOME_UNREACHABLE = 4, /* an ICMP error or a local one ended the attempt */
};

#define FS_COMM_SIZE 16
#define FS_ANCESTORS_MAX 8
#define FS_PATH_SIZE 1024  /* struct fs_record_process.exe */
#define FS_CGROUP_SIZE 512 /* struct fs_record_process.cgroup */
#define FS_ARGUMENTS_SIZE 1024
#define FS_UID_UNKNOWN 0xffffffffu

/*
 * Who owns a socket. `start_ns` (CLOCK_BOOTTIME, ns) tells two processes with
 * one number apart. All zero: not known.
 */
struct fs_owner {
	__u64 start_ns;
	__u64 cgroup_id; /* cgroup v2 id of the task, 0 where there is none */
	__u32 tgid;      /* in the initial PID namespace */
	__u32 uid;       /* in the initial user namespace; FS_UID_UNKNOWN */
	__u32 netns;     /* inode number of the socket's network namespace */
	__u32 exec_id;   /* changes when the process executes another program */
};

struct fs_record_header {
	__u16 kind;    /* enum fs_record_kind */
	__u16 flags;   /* enum fs_record_flag */
	__u32 size;    /* bytes of this record, this header included */
	__u64 time_ns; /* live: CLOCK_BOOTTIME; replays: UNIX time */
	__u64 cookie;  /* of the socket; unique in one run of the source; 0: none */
	struct fs_owner owner;
};

struct fs_endpoints {
	__u8 local_address[16];
	__u8 remote_address[16];
	__u16 local_port; /* 0: not known yet */
	__u16 remote_port;
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 reserved[3];
};

/* A flow is (cookie, remote address, remote port): a UDP socket has many. */
struct fs_record_flow {
	struct fs_record_header header;
	struct fs_endpoints endpoints;
	__u64 bytes_out; /* payload sent, retransmissions left out; since the flow began */
	__u64 bytes_in;  /* payload received, since the flow began */
	__u32 outcome;   /* enum fs_outcome */
	__u32 reserved;
};

/* FS_RECORD_DATAGRAM and FS_RECORD_SEGMENT. `length` bytes of payload follow. */
struct fs_record_payload {
	struct fs_record_header header;
	struct fs_endpoints endpoints;
	__u32 sequence;        /* TCP: sequence number of payload[0]; UDP: 0 */
	__u32 length;          /* bytes in payload[] */
	__u32 original_length; /* bytes that were on the wire */
	__u32 reserved;
	__u8 payload[];
};

struct fs_ancestor {
	__u64 start_ns;
	__u32 tgid;
	char comm[FS_COMM_SIZE]; /* not necessarily terminated, any bytes */
	__u32 reserved;
};

/*
 * header.owner is the process. Paths are given as their components, last one
 * first, each ended by a NUL byte: "curl\0bin\0usr\0" is /usr/bin/curl; so the
 * kernel writes them while it walks towards the root. Arguments are ended by
 * NUL bytes each. `*_length` are the bytes used; a path that did not fit lacks
 * its outermost components and has its `*_cut` set.
 */
struct fs_record_process {
	struct fs_record_header header;
	__u32 login_uid; /* FS_UID_UNKNOWN: none was set, or the kernel has none */
	__u32 gid;
	__u32 pid_namespace;
	__u32 mount_namespace;
	__u16 exe_length;
	__u16 cgroup_length;
	__u16 arguments_length;
	__u8 ancestor_count; /* ancestors[0] is the parent */
	__u8 exe_cut : 1;
	__u8 cgroup_cut : 1;
	__u8 arguments_cut : 1;
	char comm[FS_COMM_SIZE];
	struct fs_ancestor ancestors[FS_ANCESTORS_MAX];
	char exe[FS_PATH_SIZE];
	char cgroup[FS_CGROUP_SIZE];
	char arguments[FS_ARGUMENTS_SIZE];
};

/* What the kernel side counts, per CPU; summed by the reader. */
enum fs_counter {
	FS_COUNT_LOST = 0, /* + kind: records not written because the ring was full */
	FS_COUNT_EMITTED = FS_COUNT_LOST + FS_RECORD_KINDS,           /* + kind */
	FS_COUNT_STORAGE_FAILED = FS_COUNT_EMITTED + FS_RECORD_KINDS, /* no room to remember a socket */
	FS_COUNT_FLOW_MAP_FAILED,                                     /* no room to remember a UDP flow */
	FS_COUNT_OWNER_UNKNOWN, /* payload or flow of a socket whose owner was never seen */
	FS_COUNTERS,
};

#endif
