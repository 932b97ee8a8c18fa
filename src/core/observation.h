/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * observation.h - what a record says, checked and decoded: the one form in
 * which events enter the core. Pointers live until the callback returns.
 */
#ifndef CORE_OBSERVATION_H
#define CORE_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "dns/message.h"
#include "firstseen/record.h"

enum observation_kind {
	OBSERVED_PROCESS,
	OBSERVED_QUESTION, /* a DNS question left a socket */
	OBSERVED_ANSWER,   /* a DNS response reached a socket */
	OBSERVED_FLOW_OPEN,
	OBSERVED_FLOW_VOLUME,
	OBSERVED_SERVER_NAME, /* the SNI of a flow, or that it has none */
};

struct observation {
	enum observation_kind kind;
	int64_t time_ns; /* UNIX time */
	uint64_t cookie;
	struct fs_owner owner; /* all zero: not known */
	struct address local;  /* all but OBSERVED_PROCESS */
	struct address remote;
	uint16_t local_port;
	uint16_t remote_port;
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t flags;   /* enum fs_record_flag */
	union {
		const struct fs_record_process *process;
		const struct dns_message *message;
		struct {
			uint64_t bytes_out;
			uint64_t bytes_in;
			enum fs_outcome outcome;
		} flow;
		struct {
			const char *server_name; /* NULL: it is known that there is none */
			bool has_ech;            /* the hello may hide another name (ECH), or only seem to */
		};
	};
};

#endif
