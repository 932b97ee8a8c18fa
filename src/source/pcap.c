/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcap.c - reads captures. The only user of libpcap. */
#include "source/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <pcap/pcap.h>

#include "base/text.h"
#include "source/ip.h"
#include "source/link.h"
#include "source/track.h"

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
	default:
		return LINK_UNKNOWN;
	}
}

/* Tunnels are not looked into; they are counted under their name. */
static const char *tunnel_name(const struct ip_packet *packet)
{
	static const struct {
		uint16_t port;
		const char *name;
	} ports[] = {{4789, "VXLAN"}, {2152, "GTP-U"}, {3544, "Teredo"}, {6081, "Geneve"}, {1701, "L2TP"}};

	switch (packet->protocol) {
	case IPPROTO_IPIP:
		return "IP in IP";
	case IPPROTO_IPV6:
		return "6in4";
	case IPPROTO_GRE:
		return "GRE";
	case IPPROTO_ESP:
		return "ESP";
	default:
		break;
	}
	for (size_t i = 0;
	     packet->protocol == IPPROTO_UDP && packet->length >= 4 && i < sizeof(ports) / sizeof(ports[0]);
	     i++)
		if (((packet->bytes[2] << 8 | packet->bytes[3]) == ports[i].port))
			return ports[i].name;
	return NULL;
}

static void count_tunnel(struct source_counts *counts, const char *name)
{
	if (counts->tunnels++ == 0)
		text_copy(counts->first_tunnel, sizeof(counts->first_tunnel), name);
}

struct reading {
	pcap_t *pcap;
	enum link_type link;
	struct ip_reader *ip;
	struct tracker *tracker;
	const struct source_sink *sink;
	struct source_counts *counts;
	int64_t now_ns;
};

static int read_ip(struct reading *reading, const uint8_t *bytes, size_t length)
{
	struct ip_packet packet;
	const char *tunnel;

	switch (ip_read(reading->ip, bytes, length, &packet)) {
	case IP_PACKET:
		break;
	case IP_DROPPED:
		reading->counts->fragments_dropped++;
		return 0;
	case IP_MALFORMED:
		reading->counts->malformed++;
		return 0;
	case IP_OTHER:
		reading->counts->skipped++;
		return 0;
	case IP_FRAGMENT:
		return 0;
	}
	tunnel = tunnel_name(&packet);
	if (tunnel)
		count_tunnel(reading->counts, tunnel);
	if (packet.protocol != IPPROTO_TCP && packet.protocol != IPPROTO_UDP) {
		reading->counts->skipped++;
		return 0;
	}
	return tracker_packet(reading->tracker, &packet, reading->now_ns);
}

static int read_frame(struct reading *reading, const struct pcap_pkthdr *header, const uint8_t *bytes)
{
	int at = link_find_ip(reading->link, bytes, header->caplen);
	int error = 0;

	/* The file is opened for nanoseconds: tv_usec holds them. */
	reading->now_ns = (int64_t)header->ts.tv_sec * NS_PER_SECOND + header->ts.tv_usec;
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
				    "%.200s: link type %s is not read; there are Ethernet, Linux "
				    "cooked, raw IP and loopback",
				    path, name ? name : "unknown");
	}
	if (!error && (ip_reader_new(&reading.ip) || tracker_new(settings, sink, counts, &reading.tracker)))
		error = failure_set(failure, -ENOMEM, "out of memory");
	if (!error)
		error = read_all(&reading, path, failure);
	tracker_free(reading.tracker);
	ip_reader_free(reading.ip);
	pcap_close(reading.pcap);
	return error;
}

int source_is_capture(const char *path)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1,
					  0x0a0d0d0a, 0xa1b2cd34, 0x34cdb2a1};
	FILE *file = fopen(path, "re");
	uint32_t magic = 0;
	size_t count;
	int error;

	if (!file)
		return -errno;
	errno = 0;
	count = fread(&magic, sizeof(magic), 1, file);
	error = ferror(file) ? -(errno ? errno : EIO) : 0;
	fclose(file);
	if (error)
		return error;
	for (size_t i = 0; count == 1 && i < sizeof(magics) / sizeof(magics[0]); i++)
		if (magic == magics[i])
			return 1;
	return 0;
}
