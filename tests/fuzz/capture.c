/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* capture.c - a capture file of any bytes; every record made of it must be sound. */
#include "core/observe.h"
#include "source/source.h"
#include "support.h"

static void on_observation(void *context, const struct observation *observation)
{
	(void)context;
	(void)observation;
}

static unsigned left; /* until the sink has enough */

static int on_record(void *context, const void *record, size_t size)
{
	const struct fs_record_header *header = record;

	must(header->size == size);
	must(observer_feed(context, record, size, 0) == 0);
	return --left == 0;
}

static int on_time(void *context, int64_t now_ns)
{
	(void)context;
	must(now_ns >= 0);
	return --left == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	struct observer_limits limits = {.streams = 16, .stream_bytes = 256 * 1024};
	struct source_sink sink = {.record = on_record, .time = on_time};
	struct source_settings settings = {.dns_port_count = 1, .dns_ports = {53}, .flow_limit = 64};
	struct source_counts counts = {0};
	struct failure failure = {{0}};
	struct observer *observer;

	must(source_is_capture(path, &failure) >= 0);
	must(observer_new(&limits, on_observation, NULL, &observer) == 0);
	sink.context = observer;
	left = size % 16 ? 0 : (unsigned)size / 16 % 16 + 1; /* 0: never */
	must(source_pcap(path, &settings, &sink, &counts, &failure) >= 0 || failure.text[0]);
	observer_free(observer);
	return 0;
}
