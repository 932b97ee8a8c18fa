/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* zeek.c - a Zeek log of any bytes; every record made of it must be sound. */
#include "source/zeek.h"

#include "core/observe.h"
#include "support.h"

#define MEMORY (256 * 1024)

static void on_observation(void *context, const struct observation *observation)
{
	(void)context;
	(void)observation;
}

static unsigned left; /* until the sink has enough */

static int on_record(void *context, const void *record, size_t size)
{
	must(observer_feed(context, record, size, 0) == 0);
	return --left == 0;
}

static int on_time(void *context, int64_t now_ns)
{
	(void)context;
	(void)now_ns;
	return --left == 0;
}

static void on_bad(void *context, uint64_t line, const char *why)
{
	(void)context;
	must(line > 0 && why && why[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zeek_settings settings = {.source = {.dns_port_count = 1, .dns_ports = {53}},
					 .latest_ns = INT64_C(2000000000) * 1000000000,
					 .memory = MEMORY};
	struct zeek_reader reader = {.bad = on_bad};
	struct source_sink sink = {.record = on_record, .time = on_time};
	struct observer_limits limits = {.streams = 16, .stream_bytes = 256 * 1024};
	struct source_counts counts = {0};
	struct failure failure = {{0}};
	struct zeek_file file;
	struct observer *observer;
	struct zeek *zeek;

	(void)zeek_is_log((const char *)data, size);
	must(zeek_new(&settings, &zeek) == 0 && observer_new(&limits, on_observation, NULL, &observer) == 0);
	sink.context = observer;
	must(zeek_read(zeek, fuzz_file(data, size), &reader, &file, &failure) == 0 || failure.text[0]);
	left = size % 16 ? 0 : (unsigned)size / 16 % 16 + 1; /* 0: never */
	must(zeek_emit(zeek, &sink, &counts, &failure) >= 0);
	observer_free(observer);
	zeek_free(zeek);
	return 0;
}
