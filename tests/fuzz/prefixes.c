/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * prefixes.c - files cut off at every place, the way that a replay reads them: captures (their bytes
 * say so) whole, else as DNS messages, alone and in a datagram. A table replies.tsv has a message a line.
 *
 *	prefixes SECONDS PATH...
 *
 * Of a capture larger than SMALL only some cuts are tried: at both sides of every packet's end, and at even
 * distances. libpcap hands out whole packets only, so that the other cuts are like one of these to what is
 * behind it. Of a pcap, each packet is also cut off at every place by itself, as a capture of so many bytes
 * a packet would have it. Fewer of all these where SECONDS would not do. Prints what was done.
 */
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/pipeline.h"
#include "dns/message.h"
#include "source/record_build.h"
#include "source/source.h"
#include "support.h"

#define SMALL 4096
#define PCAP_HEADER 24
#define CUTS_AT_ONCE (4 << 20)
#define EVEN_CUTS 200
#define LEAST_SECONDS 0.02 /* for a capture, whatever the others took */
#define SHARE 8            /* most files need far less than a large one */
#define FILE_MOST (32 << 20)
#define FILES_MOST 4096

static struct network_scope networks;
static struct pipeline *pipeline;
static char *files[FILES_MOST];
static size_t file_count;
static unsigned long captures, capture_cuts, left_out, packets, packet_cuts, packets_left_out, messages,
	message_cuts, records;

static int on_seen(void *context, enum subject_kind kind, const char *domain, const char *application,
		   struct seen *out)
{
	(void)context;
	(void)kind;
	(void)domain;
	(void)application;
	*out = (struct seen){0};
	return 0;
}

static void begin(void)
{
	struct pipeline_edges edges = {.seen = on_seen};
	struct pipeline_settings settings = {
		.window_seconds = 90 * 86400,
		.sni = true,
		.rules = fuzz_rules(),
		.networks = &networks,
		.correlate = {.bindings = 1024, .questions = 256, .name_bytes = 256 * 1024},
		.dns_port_count = 1,
		.dns_ports = {53},
		.flow_limit = 1024,
		.process_limit = 16,
		.known_limit = 256,
	};

	must(pipeline_new(&settings, &edges, &pipeline) == 0);
}

/* Of processor time: a busy machine leaves out no more than another. */
static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* --- captures -------------------------------------------------------------------------------- */

static int on_record(void *context, const void *record, size_t size)
{
	(void)context;
	records++;
	must(pipeline_feed(pipeline, record, size, 0) == 0);
	return 0;
}

static int on_time(void *context, int64_t now_ns)
{
	(void)context;
	pipeline_tick(pipeline, now_ns);
	return 0;
}

static void replay(const char *path)
{
	struct source_sink sink = {.record = on_record, .time = on_time};
	struct source_settings settings = {.dns_port_count = 1, .dns_ports = {53}, .flow_limit = 1024};
	struct source_counts counts = {0};
	struct failure failure = {{0}};

	must(source_pcap(path, &settings, &sink, &counts, &failure) == 0 || failure.text[0]);
}

static uint32_t number_at(const uint8_t *bytes, bool swapped)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return swapped ? __builtin_bswap32(value) : value;
}

/* Where the next packet of a pcap, or the next block of a pcapng begins; `size` at the end. */
static size_t next_boundary(const uint8_t *bytes, size_t size, size_t at)
{
	bool blocks = number_at(bytes, false) == 0x0a0d0d0a;
	bool swapped = blocks ? number_at(bytes + 8, false) == 0x4d3c2b1a : bytes[0] == 0xa1;
	size_t step;

	if (at == 0 && !blocks)
		return 24;
	if (at + 16 > size)
		return size;
	step = blocks ? number_at(bytes + at + 4, swapped) : 16 + number_at(bytes + at + 8, swapped);
	return step < 12 || at + step > size ? size : at + step;
}

/* Marks the places where a file is cut. How many there are. */
static size_t choose_cuts(const uint8_t *bytes, size_t size, bool *cuts)
{
	size_t count = 0;

	for (size_t at = 0; at < size; at++)
		cuts[at] = size <= SMALL || at % (size / EVEN_CUTS) == 0;
	for (size_t at = 0; size > SMALL && at < size; at = next_boundary(bytes, size, at))
		for (size_t place = at ? at - 1 : 0; place <= at + 1 && place < size; place++)
			cuts[place] = true;
	for (size_t at = 0; at < size; at++)
		count += cuts[at];
	return count;
}

/* What lies at file_path(), in memory. */
static int memory = -1;

static const char *file_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	return path;
}

/* Every cut, or every n-th where a read of the whole file says that they would take too long. */
static void cut_capture(const uint8_t *bytes, size_t size, double seconds)
{
	bool *cuts = malloc(size);
	const char *path = file_path();
	struct timespec start;
	size_t count, step, number = 0;
	double once;

	must(cuts && ftruncate(memory, 0) == 0 && pwrite(memory, bytes, size, 0) == (ssize_t)size);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	replay(path);
	once = seconds_since(&start) / 2 + 1e-5; /* half the file, at the mean */
	count = choose_cuts(bytes, size, cuts);
	step = 1 + (size_t)((double)count * once / seconds);
	for (size_t at = size; at-- > 0;) {
		if (!cuts[at])
			continue;
		if (number++ % step) {
			left_out++;
			continue;
		}
		must(ftruncate(memory, (off_t)at) == 0);
		replay(path);
		capture_cuts++;
	}
	pipeline_finish(pipeline, 0);
	captures++;
	free(cuts);
}

/* --- packets --------------------------------------------------------------------------------- */

static struct {
	uint8_t bytes[CUTS_AT_ONCE];
	size_t size;
} cuts;

static void append(const void *bytes, size_t size)
{
	must(size <= sizeof(cuts.bytes) - cuts.size);
	memcpy(cuts.bytes + cuts.size, bytes, size);
	cuts.size += size;
}

static void replay_cuts(void)
{
	must(ftruncate(memory, 0) == 0 && pwrite(memory, cuts.bytes, cuts.size, 0) == (ssize_t)cuts.size);
	replay(file_path());
	cuts.size = PCAP_HEADER;
}

/* The packet with none of its bytes, then with one, ... The file's header stays before them. */
static void append_cuts(const uint8_t *packet, bool swapped)
{
	uint32_t length = number_at(packet + 8, swapped), header[4];

	memcpy(header, packet, sizeof(header));
	for (uint32_t kept = 0; kept <= length; kept++) {
		header[2] = swapped ? __builtin_bswap32(kept) : kept;
		if (sizeof(header) + kept > sizeof(cuts.bytes) - cuts.size)
			replay_cuts();
		append(header, sizeof(header));
		append(packet + sizeof(header), kept);
		packet_cuts++;
	}
	packets++;
}

static void cut_packets(const uint8_t *bytes, size_t size, double seconds)
{
	bool swapped = bytes[0] == 0xa1;
	struct timespec start;

	if (number_at(bytes, false) == 0x0a0d0d0a || size < PCAP_HEADER)
		return;
	cuts.size = 0;
	append(bytes, PCAP_HEADER);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (size_t at = PCAP_HEADER, next; at + 16 < size; at = next) {
		next = next_boundary(bytes, size, at);
		if (next != at + 16 + number_at(bytes + at + 8, swapped))
			break; /* it is cut off already */
		if (seconds_since(&start) > seconds) {
			packets_left_out++;
			continue;
		}
		append_cuts(bytes + at, swapped);
	}
	replay_cuts();
	pipeline_finish(pipeline, 0);
}

/* --- messages ---------------------------------------------------------------------------------- */

static void feed_message(const uint8_t *bytes, size_t length, bool out)
{
	static _Alignas(8) uint8_t record[sizeof(struct fs_record_payload) + 65536];
	struct record_flow_spec spec = {.time_ns = 1,
					.cookie = 1,
					.remote_port = 53,
					.protocol = IPPROTO_UDP,
					.flags = FS_FLAG_DNS | (out ? FS_FLAG_OUT : 0)};
	size_t size =
		record_payload(record, sizeof(record), FS_RECORD_DATAGRAM, &spec, 0, bytes, length, length);

	must(size == 0 || pipeline_feed(pipeline, record, size, 0) == 0);
}

static void cut_message(const uint8_t *bytes, size_t size)
{
	static struct dns_message message;

	for (size_t length = size + 1; length-- > 0;) {
		uint8_t *exact = malloc(length ? length : 1);

		must(exact);
		memcpy(exact, bytes, length);
		(void)dns_message_read(exact, length, &message);
		feed_message(exact, length, length % 2);
		free(exact);
		message_cuts++;
	}
	messages++;
}

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c | 0x20) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* The first column is a message in hexadecimal digits. */
static void cut_table(const char *text)
{
	static uint8_t bytes[65536];

	while (*text) {
		size_t length = 0;

		for (; length < sizeof(bytes) && digit(text[0]) >= 0 && digit(text[1]) >= 0; text += 2)
			bytes[length++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		if (length)
			cut_message(bytes, length);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

/* --- files --------------------------------------------------------------------------------------- */

static int on_file(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)where;
	if (kind == FTW_F && status->st_size > 0 && file_count < FILES_MOST)
		files[file_count++] = strdup(path);
	return 0;
}

static void cut_file(const char *path, double seconds)
{
	FILE *file = fopen(path, "re");
	uint8_t *bytes = malloc(FILE_MOST + 1);
	struct failure failure = {{0}};
	size_t size;

	must(file && bytes);
	size = fread(bytes, 1, FILE_MOST, file);
	fclose(file);
	bytes[size] = '\0';
	if (source_is_capture(path, &failure) == 1) {
		cut_capture(bytes, size, seconds / 2);
		cut_packets(bytes, size, seconds / 2);
	} else if (strstr(path, "replies.tsv"))
		cut_table((const char *)bytes);
	else if (size <= 65535 && !strstr(path, "INDEX"))
		cut_message(bytes, size);
	free(bytes);
}

int main(int argc, char **argv)
{
	struct timespec start;
	double seconds;

	if (argc < 3)
		return 2;
	seconds = strtod(argv[1], NULL);
	for (int i = 2; i < argc; i++)
		must(nftw(argv[i], on_file, 16, FTW_PHYS) == 0);
	begin();
	memory = memfd_create("capture", MFD_CLOEXEC);
	must(memory >= 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (size_t i = 0; i < file_count; i++) {
		double left = (seconds - seconds_since(&start)) / (double)(file_count - i) * SHARE;

		/* What small files did not need is there for the others. */
		cut_file(files[i], left > LEAST_SECONDS ? left : LEAST_SECONDS);
		free(files[i]);
	}
	pipeline_free(pipeline);
	printf("%lu captures at %lu places (%lu more were left out), %lu packets at %lu places (%lu more "
	       "packets), "
	       "%lu records; %lu messages at %lu places; %.1f s\n",
	       captures, capture_cuts, left_out, packets, packet_cuts, packets_left_out, records, messages,
	       message_cuts, seconds_since(&start));
	return captures && messages ? EXIT_SUCCESS : EXIT_FAILURE;
}
