/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "history/history.h"

#define T0 (INT64_C(1767225600) * NS_PER_SECOND)
#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)
#define MANY 3000

static struct failure failure;

static struct history *in_memory(void)
{
	struct history *history = NULL;

	if (history_open("", HISTORY_MEMORY, &history, &failure))
		fail_msg("%s", failure.text);
	return history;
}

static void write_batch(struct history *history, struct batch *batch)
{
	if (history_begin(history, &failure) || history_write_accesses(history, batch, &failure) ||
	    history_commit(history, &failure))
		fail_msg("%s", failure.text);
	batch_clear(batch);
}

/* `count` accesses to one domain, from number `first` on, each of another hostname or to another address. */
static void access_many(struct history *history, unsigned first, unsigned count, bool hostnames,
			int64_t time_ns)
{
	struct batch *batch = NULL;

	assert_int_equal(batch_new(NULL, &batch), 0);
	for (unsigned i = first; i < first + count; i++) {
		char hostname[64] = "www.example.com";
		struct access access = {.time_ns = time_ns,
					.domain = "example.com",
					.hostname = hostname,
					.application = "/usr/bin/curl",
					.exe = "/usr/bin/curl",
					.uid = 1000,
					.remote_port = 443,
					.protocol = 6,
					.connections = 1,
					.bytes_out = 3,
					.bytes_in = 5};

		if (hostnames)
			snprintf(hostname, sizeof(hostname), "x%u.example.com", i);
		access.remote = address_from_ipv4(
			(const uint8_t[]){203, 0, 113, hostnames ? 7 : (uint8_t)(i & 0xff)});
		if (!hostnames)
			access.remote_port = (uint16_t)(1000 + (i >> 8));
		assert_int_equal(batch_add_access(batch, &access), 0);
	}
	write_batch(history, batch);
	batch_free(batch);
}

struct parts {
	unsigned rows[5];
	uint64_t connections[5], bytes_in[5], others[5];
};

static int count_part(void *context, const struct detail_row *row)
{
	struct parts *parts = context;

	parts->rows[row->detail]++;
	parts->connections[row->detail] += row->connections;
	parts->bytes_in[row->detail] += row->bytes_in;
	if (strcmp(row->name, HISTORY_OTHERS) == 0)
		parts->others[row->detail] += row->connections;
	return 0;
}

static struct parts parts_of(struct history *history)
{
	struct parts parts = {0};

	assert_int_equal(history_domain_details(history, "example.com", count_part, &parts, &failure), 0);
	return parts;
}

static struct domain_row domain_of_history(struct history *history)
{
	struct domain_row row;

	assert_int_equal(history_domain(history, "example.com", &row, &failure), 1);
	return row;
}

static void a_tunnel_fills_no_more_than_its_share(void **state)
{
	struct history *history = in_memory();
	struct parts parts;

	(void)state;
	access_many(history, 0, MANY, true, T0);
	access_many(history, 0, MANY, true, T0 + DAY); /* the same once more, half a batch known */
	parts = parts_of(history);
	assert_int_equal(parts.rows[DETAIL_HOSTNAME], HISTORY_HOSTNAMES_MOST + 1);
	assert_int_equal(parts.others[DETAIL_HOSTNAME], 2 * (MANY - HISTORY_HOSTNAMES_MOST));
	/* Nothing is lost by it: the sums are whole, in each part. */
	for (int i = DETAIL_HOSTNAME; i <= DETAIL_DAY; i++) {
		assert_int_equal(parts.connections[i], 2 * MANY);
		assert_int_equal(parts.bytes_in[i], 2 * MANY * 5);
	}
	assert_int_equal(parts.rows[DETAIL_DAY], 2);
	assert_int_equal(domain_of_history(history).connections, 2 * MANY);
	history_close(history);
}

static void a_large_network_fills_no_more_than_its_share(void **state)
{
	struct history *history = in_memory();
	struct parts parts;

	(void)state;
	access_many(history, 0, 500, false, T0);
	access_many(history, 0, MANY, false, T0 + 1);
	access_many(history, MANY, MANY, false, T0 + 2);
	parts = parts_of(history);
	assert_int_equal(parts.rows[DETAIL_ADDRESS], HISTORY_ENDPOINTS_MOST + 1);
	assert_int_equal(parts.others[DETAIL_ADDRESS], 2 * MANY - HISTORY_ENDPOINTS_MOST);
	assert_int_equal(parts.connections[DETAIL_ADDRESS], 500 + 2 * MANY);
	/* The row that holds the other addresses is no hostname that anybody asked for. */
	assert_int_equal(parts.rows[DETAIL_HOSTNAME], 1);
	assert_int_equal(parts.connections[DETAIL_HOSTNAME], 500 + 2 * MANY);
	history_close(history);
}

static void what_is_pruned_makes_room(void **state)
{
	struct history *history = in_memory();
	struct parts parts;

	(void)state;
	access_many(history, 0, MANY, true, T0);
	access_many(history, 0, 10, true, T0 + 100 * DAY);
	while (history_prune(history, T0 + 50 * DAY, 100, &failure) > 0)
		;
	assert_int_equal(domain_of_history(history).hostnames, 10);
	access_many(history, MANY, 500, true, T0 + 101 * DAY);
	parts = parts_of(history);
	assert_int_equal(parts.rows[DETAIL_HOSTNAME], 510);
	assert_int_equal(parts.others[DETAIL_HOSTNAME], 0);
	history_close(history);
}

static void regroup(void *context, const char *hostname, char domain[static DOMAIN_MAX])
{
	(void)context;
	text_copy(domain, DOMAIN_MAX, hostname); /* every hostname a domain of its own */
}

static void grouping_anew_keeps_the_others_where_they_are(void **state)
{
	struct history *history = in_memory();
	struct domain_row row;

	(void)state;
	assert_int_equal(history_rekey(history, "list 1", regroup, NULL, &failure), 0);
	access_many(history, 0, HISTORY_HOSTNAMES_MOST + 7, true, T0);
	assert_int_equal(history_rekey(history, "list 2", regroup, NULL, &failure), 0);
	row = domain_of_history(history);
	assert_int_equal(row.hostnames, 1);
	assert_int_equal(row.connections, 7);
	assert_int_equal(row.applications, 1);
	assert_int_equal(history_domain(history, "x5.example.com", &row, &failure), 1);
	assert_int_equal(row.connections, 1);
	assert_int_equal(row.hostnames, 1);
	assert_int_equal(row.applications, 1);
	history_close(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_fills_no_more_than_its_share),
		cmocka_unit_test(a_large_network_fills_no_more_than_its_share),
		cmocka_unit_test(what_is_pruned_makes_room),
		cmocka_unit_test(grouping_anew_keeps_the_others_where_they_are),
	};

	return cmocka_run_group_tests_name("history/bounds", tests, NULL, NULL);
}
