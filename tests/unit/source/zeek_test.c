/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "core/observe.h"
#include "source/zeek.h"

#define HEAD(path, fields)                                                                                   \
	"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t" path          \
	"\n#fields\t" fields "\n#types\tx\n"
#define ENDS "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t"
#define CONN                                                                                                 \
	HEAD("conn",                                                                                         \
	     ENDS "proto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp")
#define DNS HEAD("dns", ENDS "proto\ttrans_id\trtt\tquery\trcode\tTC\tanswers\tTTLs")
#define SSL HEAD("ssl", ENDS "version\tserver_name")
#define FROM_TO "10.0.0.1\t40000\t203.0.113.7\t443\t"

/* What was told, one line each. */
struct told {
	char text[8192];
	size_t records;
	struct zeek_file file;
	char bad[1024];
};

static struct told told;
static char path[] = "/tmp/firstseen-zeek-XXXXXX";

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
	size_t used = strlen(told.text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(told.text + used, sizeof(told.text) - used, format, arguments);
	va_end(arguments);
}

static void on_observation(void *context, const struct observation *seen)
{
	char address[ADDRESS_TEXT_MAX];
	double time = (double)seen->time_ns / 1e9;

	(void)context;
	switch (seen->kind) {
	case OBSERVED_QUESTION:
		tell("%.2f ask %s\n", time, seen->message->qname);
		break;
	case OBSERVED_ANSWER:
		tell("%.2f answer %s", time, seen->message->qname);
		for (int i = 0; i < seen->message->address_count; i++) {
			struct address found;

			memcpy(found.bytes, seen->message->addresses[i].bytes, 16);
			tell(" %s/%u", address_format(&found, address), seen->message->addresses[i].ttl);
		}
		tell("%s%s\n", seen->message->chain[0] ? " via " : "", seen->message->chain);
		break;
	case OBSERVED_FLOW_OPEN:
		tell("%.2f open %s:%u %d\n", time, address_format(&seen->remote, address), seen->remote_port,
		     seen->protocol);
		break;
	case OBSERVED_FLOW_VOLUME:
		tell("%.2f close %s out=%llu in=%llu outcome=%d\n", time,
		     address_format(&seen->remote, address), (unsigned long long)seen->flow.bytes_out,
		     (unsigned long long)seen->flow.bytes_in, (int)seen->flow.outcome);
		break;
	case OBSERVED_SERVER_NAME:
		tell("%.2f hello %s\n", time, seen->server_name ? seen->server_name : "-");
		break;
	default:
		fail_msg("an observation of kind %d", (int)seen->kind);
	}
}

static int on_record(void *context, const void *record, size_t size)
{
	told.records++;
	assert_int_equal(observer_feed(context, record, size, 0), 0);
	return 0;
}

static void on_bad(void *context, uint64_t line, const char *why)
{
	size_t used = strlen(told.bad);

	(void)context;
	snprintf(told.bad + used, sizeof(told.bad) - used, "%llu: %s\n", (unsigned long long)line, why);
}

static void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static struct zeek *opened(const struct digest *known)
{
	const struct zeek_settings settings = {.source = {.dns_port_count = 1, .dns_ports = {53}},
					       .oldest_ns = 10 * NS_PER_SECOND,
					       .latest_ns = 100000 * NS_PER_SECOND,
					       .known = known,
					       .known_count = known ? 1 : 0,
					       .memory = 1};
	struct zeek *zeek = NULL;

	memset(&told, 0, sizeof(told));
	assert_int_equal(zeek_new(&settings, &zeek), 0);
	return zeek;
}

static void add(struct zeek *zeek, const char *text)
{
	const struct zeek_reader reader = {.bad = on_bad};
	struct failure failure = {{0}};

	write_file(text, strlen(text));
	if (zeek_read(zeek, path, &reader, &told.file, &failure))
		fail_msg("%s", failure.text);
}

static void emit(struct zeek *zeek)
{
	struct observer_limits limits = {0};
	struct observer *observer;
	struct source_sink sink = {.record = on_record};
	struct source_counts counts = {0};
	struct failure failure = {{0}};

	assert_int_equal(observer_new(&limits, on_observation, NULL, &observer), 0);
	sink.context = observer;
	assert_int_equal(zeek_emit(zeek, &sink, &counts, &failure), 0);
	assert_int_equal(counts.records, told.records);
	observer_free(observer);
	zeek_free(zeek);
}

static void logs_become_events_in_order(void **state)
{
	struct zeek *zeek = opened(NULL);

	(void)state;
	/* Written when it ended, and in whatever order the files are given. */
	add(zeek, SSL "1000.60\tC2\t" FROM_TO "TLSv12\twww.Example.com\n");
	add(zeek, CONN "1000.50\tC2\t" FROM_TO "tcp\tssl\t9.5\t100\t2000\tSF\tT\tF\n"
		       "990.00\tC1\t10.0.0.1\t9\t203.0.113.8\t53\tudp\tdns\t-\t-\t-\tS0\t-\t-\n");
	assert_int_equal(told.file.counts.conns, 2);
	assert_int_equal(told.file.from_ns, 990 * NS_PER_SECOND);
	assert_int_equal(told.file.to_ns, 1010 * NS_PER_SECOND);
	add(zeek, DNS "1000.10\tD1\t10.0.0.1\t9\t10.0.0.53\t53\tudp\t77\t0.2\tWWW.example.com\t0\tF\t"
		      "cdn.example.net,203.0.113.7,2001:db8::7\t300.0,60.0,30.0\n");
	emit(zeek);
	assert_string_equal(told.bad, "");
	assert_string_equal(told.text, "990.00 open 203.0.113.8:53 17\n"
				       "990.00 ask .\n"
				       "990.00 close 203.0.113.8 out=0 in=0 outcome=3\n"
				       "1000.30 ask www.example.com\n"
				       "1000.30 answer www.example.com 203.0.113.7/30 via cdn.example.net\n"
				       "1000.30 ask www.example.com\n"
				       "1000.30 answer www.example.com 2001:db8::7/30 via cdn.example.net\n"
				       "1000.50 open 203.0.113.7:443 6\n"
				       "1000.60 hello www.example.com\n"
				       "1010.00 close 203.0.113.7 out=100 in=2000 outcome=1\n");
}

static void json_lines_say_the_same(void **state)
{
	struct zeek *zeek = opened(NULL);

	(void)state;
	add(zeek, "{\"ts\":1000.1,\"uid\":\"D1\",\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":9,\"id.resp_h\":"
		  "\"10.0.0.53\","
		  "\"id.resp_p\":53,\"proto\":\"udp\",\"trans_id\":77,\"rtt\":2e-1,\"query\":\"a.example\","
		  "\"rcode\":0,"
		  "\"TC\":false,\"answers\":[\"203.0.113.7\"],\"TTLs\":[60.0]}\n"
		  "{\"ts\":\"1970-01-01T00:16:41.500000Z\",\"uid\":\"C1\",\"id.orig_h\":\"10.0.0.1\",\"id."
		  "orig_p\":1,"
		  "\"id.resp_h\":\"203.0.113.7\",\"id.resp_p\":80,\"proto\":\"tcp\",\"duration\":1.5e-05,"
		  "\"orig_bytes\":5,"
		  "\"conn_state\":\"REJ\"}\n"
		  "{\"_path\":\"http\",\"ts\":1,\"method\":\"GET\"}\n");
	assert_int_equal(told.file.counts.other, 1);
	emit(zeek);
	assert_string_equal(told.bad, "");
	assert_string_equal(told.text, "1000.30 ask a.example\n"
				       "1000.30 answer a.example 203.0.113.7/60\n"
				       "1001.50 open 203.0.113.7:80 6\n"
				       "1001.50 close 203.0.113.7 out=5 in=0 outcome=2\n");
}

static void hellos_alone_stand_for_flows(void **state)
{
	struct zeek *zeek = opened(NULL);

	(void)state;
	add(zeek, SSL "1000.5\tC2\t" FROM_TO "TLSv12\ta.example\n");
	emit(zeek);
	assert_string_equal(told.text, "1000.50 open 203.0.113.7:443 6\n"
				       "1000.50 hello a.example\n"
				       "1000.50 close 203.0.113.7 out=0 in=0 outcome=0\n");
}

static void what_is_left_out_is_counted(void **state)
{
	struct zeek *zeek = opened(NULL);
	const struct zeek_counts *counts = &told.file.counts;

	(void)state;
	add(zeek, CONN "9.99\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "100001.0\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "1000.0\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tF\tT\n"
		       "1000.0\tC1\t" FROM_TO "icmp\t-\t-\t-\t-\tOTH\tT\tF\n"
		       "\n"
		       "#close\t2026-01-01\n");
	assert_int_equal(counts->lines, 4);
	assert_int_equal(counts->too_old, 1);
	assert_int_equal(counts->in_future, 1);
	assert_int_equal(counts->inbound, 1);
	assert_int_equal(counts->protocol, 1);
	assert_int_equal(counts->bad + counts->conns, 0);
	/* Truncated, failed, empty, of another port, of another type. */
	add(zeek, DNS "1000\tD\t10.0.0.1\t9\t10.0.0.53\t53\tudp\t1\t-\ta.example\t0\tT\t203.0.113.7\t60.0\n"
		      "1000\tD\t10.0.0.1\t9\t10.0.0.53\t53\tudp\t1\t-\ta.example\t3\tF\t203.0.113.7\t60.0\n"
		      "1000\tD\t10.0.0.1\t9\t10.0.0.53\t53\tudp\t1\t-\ta.example\t0\tF\t-\t-\n"
		      "1000\tD\t10.0.0.1\t9\t224.0.0.251\t5353\tudp\t1\t-\ta.local\t0\tF\t203.0.113.7\t60.0\n"
		      "1000\tD\t10.0.0.1\t9\t10.0.0.53\t53\tudp\t1\t-\ta.example\t0\tF\tTXT 3 abc\t60.0\n");
	assert_int_equal(counts->lines, 5);
	assert_int_equal(counts->answers + counts->bad, 0);
	emit(zeek);
	assert_string_equal(told.text, "");
}

/* Beyond them a record's time could not be counted with. */
static void times_before_1970_and_after_2200_are_none(void **state)
{
	struct zeek *zeek = opened(NULL);

	(void)state;
	add(zeek, CONN "7258118401\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "7258118401000\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "2226-01-01T00:00:00Z\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "1960-01-01T00:00:00Z\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "2199-01-01T00:00:00Z\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n");
	assert_int_equal(told.file.counts.bad, 4);
	assert_string_equal(told.bad,
			    "8: ts is no time\n9: ts is no time\n10: ts is no time\n11: ts is no time\n");
	emit(zeek);
}

static void bad_lines_are_told_with_their_number(void **state)
{
	struct zeek *zeek = opened(NULL);

	(void)state;
	add(zeek, CONN "x\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "1000\t-\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "1000\tC1\t10.0.0.256\t1\t203.0.113.7\t1\ttcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "1000\tC1\t10.0.0.1\t70000\t203.0.113.7\t1\ttcp\t-\t-\t-\t-\tSF\tT\tF\n"
		       "1000\tC1\t" FROM_TO "tcp\t-\t-1\t-\t-\tSF\tT\tF\n"
		       "1000\tC1\t" FROM_TO "tcp\t-\t1\t18446744073709551616\t-\tSF\tT\tF\n"
		       "1000\tC1\n"
		       "1000\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF");
	assert_int_equal(told.file.counts.bad, 8);
	assert_string_equal(told.bad, "8: ts is no time\n"
				      "9: uid is missing\n"
				      "10: id.orig_h or id.resp_h is no address\n"
				      "11: id.orig_p or id.resp_p is no port\n"
				      "12: duration is no number of seconds\n"
				      "13: orig_bytes or resp_bytes is no number of bytes\n"
				      "14: fewer fields than #fields names\n"
				      "15: the last line has no end yet\n");
	told.bad[0] = '\0';
	add(zeek, "1000\tC1\n{\"ts\":}\n");
	assert_string_equal(told.bad,
			    "1: neither JSON nor behind a #fields line\n2: this is no JSON object\n");
	told.bad[0] = '\0';
	add(zeek,
	    DNS "1000\tD\t10.0.0.1\t9\t10.0.0.53\t53\tudp\t1\t-\ta..example\t0\tF\t203.0.113.7\t60.0\n");
	assert_string_equal(told.bad, "8: query is no name\n");
	zeek_free(zeek);
}

#define ONE_CONN CONN "1000\tC1\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n"

static void a_log_that_grew_counts_what_is_new(void **state)
{
	struct zeek *zeek = opened(NULL);
	struct digest before;

	(void)state;
	add(zeek, ONE_CONN);
	before = told.file.digest;
	assert_int_equal(before.bytes, strlen(ONE_CONN));
	zeek_free(zeek);
	zeek = opened(&before);
	add(zeek, ONE_CONN "2000\tC2\t" FROM_TO "tcp\t-\t-\t-\t-\tSF\tT\tF\n");
	assert_int_equal(told.file.counts.conns, 2);
	assert_int_equal(told.file.counts.known, 1);
	emit(zeek);
	assert_string_equal(told.text, "2000.00 open 203.0.113.7:443 6\n"
				       "2000.00 close 203.0.113.7 out=0 in=0 outcome=1\n");
	zeek = opened(&before);
	add(zeek, ONE_CONN);
	emit(zeek);
	assert_string_equal(told.text, "");
}

static void escaped_bytes_are_read(void **state)
{
	struct zeek *zeek = opened(NULL);

	(void)state;
	add(zeek, DNS "1000\tD\t10.0.0.1\t9\t10.0.0.53\t53\tudp\t1\t-\ta\\x20\\x00b.example\t0\tF\t203.0.113."
		      "7\t60.0\n");
	emit(zeek);
	assert_string_equal(told.text, "1000.00 ask a\\032\\063b.example\n"
				       "1000.00 answer a\\032\\063b.example 203.0.113.7/60\n");
}

/* Every byte changed to some others, every beginning: nothing but counts may come of it. */
static void damaged_logs_are_survived(void **state)
{
	static const char *const logs[] = {
		ONE_CONN,
		DNS "1000.1\tD1\t10.0.0.1\t9\t10.0.0.53\t53\tudp\t77\t0.2\tw.example\t0\tF\t"
		    "c.example,203.0.113.7,2001:db8::7\t300.0,60.0\n",
		"{\"ts\":1000.1,\"uid\":\"D1\",\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":9,\"id.resp_h\":\"10."
		"0.0.53\","
		"\"id.resp_p\":53,\"trans_id\":7,\"query\":\"a.example\",\"TC\":false,\"answers\":[\"203.0."
		"113.7\"]}\n"};
	static const char bytes[] = {'\0', '\n', '\t', '\\', '"', ',', '\xff', '9', '#', '{'};
	const struct zeek_reader reader = {.bad = on_bad};
	struct failure failure;

	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		char *text = strdup(logs[i]);
		size_t length = strlen(text);
		struct zeek *zeek = opened(NULL);

		for (size_t at = 0; at < length; at++) {
			char byte = text[at];

			write_file(text, at);
			assert_int_equal(zeek_read(zeek, path, &reader, &told.file, &failure), 0);
			for (size_t j = 0; j < sizeof(bytes); j++) {
				text[at] = bytes[j];
				write_file(text, length);
				assert_int_equal(zeek_read(zeek, path, &reader, &told.file, &failure), 0);
			}
			text[at] = byte;
		}
		emit(zeek);
		free(text);
	}
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_become_events_in_order),
		cmocka_unit_test(json_lines_say_the_same),
		cmocka_unit_test(hellos_alone_stand_for_flows),
		cmocka_unit_test(what_is_left_out_is_counted),
		cmocka_unit_test(times_before_1970_and_after_2200_are_none),
		cmocka_unit_test(bad_lines_are_told_with_their_number),
		cmocka_unit_test(a_log_that_grew_counts_what_is_new),
		cmocka_unit_test(escaped_bytes_are_read),
		cmocka_unit_test(damaged_logs_are_survived),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
