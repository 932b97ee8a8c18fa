/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcap.c - reads captures. The only user of libpcap. */
#include "source/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <pcap/pcap.h>

#include "base/text.h"
#include "source/ip.h"
#include "source/link.h"
#include "source/track.h"
#include "source/tunnel.h"

#define TUNNELS_MOST 3 /* in each other */

static enum link_type link_of(int type)
{
	switch (type) {
	case DLT_EN10MB:
		return LINK_ETHERNET;
	case DLT_LINUX_SLL:
		return LINK_SLL;
	case DLT_LINUX_SLL2:
		return LINK_SLL2;
	case DLT_RAW:
	case 101: /* LINKTYPE_RAW, as files have it */
	case DLT_IPV4:
	case DLT_IPV6:
		return LINK_RAW;
	case DLT_NULL:
	case DLT_LOOP:
		return LINK_NULL;
	case DLT_PPP:
	case DLT_PPP_SERIAL:
		return LINK_PPP;
	case DLT_PPP_ETHER:
		return LINK_PPPOE;
	case DLT_C_HDLC:
		return LINK_CISCO_HDLC;
	case DLT_FDDI:
		return LINK_FDDI;
	case DLT_ARCNET_LINUX:
		return LINK_ARCNET;
	default:
		return LINK_UNKNOWN;
	}
}

static void count_tunnel(struct source_counts *counts, const char *name)
{
	if (counts->tunnels++ == 0)
		text_copy(counts->first_tunnel, sizeof(counts->first_tunnel), name);
}

struct reading {
	pcap_t *pcap;
	enum link_type link;
	struct ip_reader *ip[TUNNELS_MOST + 1]; /* what is inside a tunnel has fragments of its own */
	struct tracker *tracker;
	const struct source_sink *sink;
	struct source_counts *counts;
	int64_t now_ns;
};

/* The packet of tunnels in each other at `depth`. Whether *packet is filled. */
static bool read_packet(struct reading *reading, size_t depth, const uint8_t *bytes, size_t length,
			struct ip_packet *packet)
{
	switch (ip_read(reading->ip[depth], bytes, length, packet)) {
	case IP_PACKET:
		return true;
	case IP_DROPPED:
		reading->counts->fragments_dropped++;
		break;
	case IP_MALFORMED:
		reading->counts->malformed++;
		break;
	case IP_OTHER:
		reading->counts->skipped++;
		break;
	case IP_FRAGMENT:
		break;
	}
	return false;
}

/* What a tunnel carries is read as if it stood alone, after the flow that the tunnel itself may be. */
static int read_ip(struct reading *reading, const uint8_t *bytes, size_t length)
{
	struct ip_packet packet;
	struct tunnel inner = {.name = "", .bytes = bytes, .length = length};
	enum tunnel_result tunnel = TUNNEL_OPEN;
	int error = 0;

	for (size_t depth = 0; tunnel == TUNNEL_OPEN && !error; depth++) {
		if (depth > TUNNELS_MOST) {
			count_tunnel(reading->counts, inner.name);
			return 0;
		}
		if (!read_packet(reading, depth, inner.bytes, inner.length, &packet))
			return 0;
		tunnel = tunnel_open(&packet, &inner);
		if (tunnel == TUNNEL_CLOSED)
			count_tunnel(reading->counts, inner.name);
		if (packet.protocol == IPPROTO_TCP || packet.protocol == IPPROTO_UDP)
			error = tracker_packet(reading->tracker, &packet, reading->now_ns);
		else if (tunnel != TUNNEL_OPEN)
			reading->counts->skipped++;
	}
	return error;
}

/* The file is opened for nanoseconds: tv_usec holds them. A damaged time can be of any size. */
static int64_t time_of(const struct timeval *stamp)
{
	int64_t seconds = stamp->tv_sec < 0                     ? 0
			  : stamp->tv_sec > SOURCE_SECONDS_MOST ? SOURCE_SECONDS_MOST
								: stamp->tv_sec;
	int64_t rest = stamp->tv_usec < 0 || stamp->tv_usec >= NS_PER_SECOND ? 0 : stamp->tv_usec;

	return seconds * NS_PER_SECOND + rest;
}

static int read_frame(struct reading *reading, const struct pcap_pkthdr *header, const uint8_t *bytes)
{
	int at = link_find_ip(reading->link, bytes, header->caplen);
	int error = 0;

	reading->now_ns = time_of(&header->ts);
	reading->counts->packets++;
	if (reading->sink->time)
		error = reading->sink->time(reading->sink->context, reading->now_ns);
	if (error)
		return error;
	if (at < 0) {
		reading->counts->skipped++;
		return 0;
	}
	return read_ip(reading, bytes + at, header->caplen - (size_t)at);
}

static int read_all(struct reading *reading, const char *path, struct failure *failure)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int error = 0, found;

	while (!error && (found = pcap_next_ex(reading->pcap, &header, &bytes)) == 1)
		error = read_frame(reading, header, bytes);
	if (!error)
		error = tracker_finish(reading->tracker, reading->now_ns);
	/* What precedes a damage counts; that it is there is told. */
	if (!error && found == PCAP_ERROR) {
		reading->counts->malformed++;
		if (reading->counts->packets == 0)
			error = failure_set(failure, -EPROTO, "%.200s: %.200s", path,
					    pcap_geterr(reading->pcap));
	}
	return error;
}

int source_pcap(const char *path, const struct source_settings *settings, const struct source_sink *sink,
		struct source_counts *counts, struct failure *failure)
{
	char complaint[PCAP_ERRBUF_SIZE] = "";
	struct reading reading = {.sink = sink, .counts = counts};
	int error = 0;

	reading.pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, complaint);
	if (!reading.pcap)
		return failure_set(failure, -EPROTO, "%.200s: %.200s", path, complaint);
	reading.link = link_of(pcap_datalink(reading.pcap));
	if (reading.link == LINK_UNKNOWN) {
		const char *name = pcap_datalink_val_to_name(pcap_datalink(reading.pcap));

		error = failure_set(failure, -EPROTO,
				    "%.200s: link type %s is not read; there are Ethernet, Linux cooked, "
				    "raw IP, loopback, PPP, Cisco HDLC, FDDI and ARCNET",
				    path, name ? name : "unknown");
	}
	for (size_t i = 0; i <= TUNNELS_MOST && !error; i++)
		error = ip_reader_new(&reading.ip[i]);
	if (error == -ENOMEM || (!error && tracker_new(settings, sink, counts, &reading.tracker)))
		error = failure_set(failure, -ENOMEM, "out of memory");
	if (!error)
		error = read_all(&reading, path, failure);
	tracker_free(reading.tracker);
	for (size_t i = 0; i <= TUNNELS_MOST; i++)
		ip_reader_free(reading.ip[i]);
	pcap_close(reading.pcap);
	return error;
}

int source_is_capture(const char *path, struct failure *failure)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1,
					  0x0a0d0d0a, 0xa1b2cd34, 0x34cdb2a1};
	struct stat status;
	uint32_t magic = 0;
	size_t count = 0;
	int error = 0;
	FILE *file;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
		return failure_set(failure, -EINVAL, "%.300s: this is no file; it is read more than once",
				   path);
	errno = 0;
	file = fopen(path, "re");
	if (file) {
		count = fread(&magic, sizeof(magic), 1, file);
		error = ferror(file) ? -(errno ? errno : EIO) : 0;
		fclose(file);
	} else {
		error = -errno;
	}
	if (error)
		return failure_set(failure, error, "can not read %.300s: %s", path, strerror(-error));
	for (size_t i = 0; count == 1 && i < sizeof(magics) / sizeof(magics[0]); i++)
		if (magic == magics[i])
			return 1;
	return 0;
}
