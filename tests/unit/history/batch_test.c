/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "history/batch.h"

static struct access an_access(const char *domain, const char *hostname, int64_t time_ns)
{
	struct access access = {.time_ns = time_ns,
				.domain = domain,
				.hostname = hostname,
				.application = "/usr/bin/curl",
				.exe = "/usr/bin/curl",
				.uid = 1000,
				.remote_port = 443,
				.protocol = 6,
				.connections = 1,
				.bytes_out = 10,
				.bytes_in = 20};

	address_parse("203.0.113.7", &access.remote);
	return access;
}

static void accesses_of_one_key_are_one_row(void **state)
{
	struct batch_limits limits = {0};
	struct batch *batch = NULL;
	struct access access = an_access("example.com", "www.example.com", 2000);
	const struct batch_access *row;

	(void)state;
	assert_int_equal(batch_new(&limits, &batch), 0);
	assert_int_equal(batch_add_access(batch, &access), 0);
	access.time_ns = 1000;
	assert_int_equal(batch_add_access(batch, &access), 0);
	access.time_ns = 3000;
	access.connections = 0;
	assert_int_equal(batch_add_access(batch, &access), 0);
	assert_int_equal(batch_access_count(batch), 1);
	row = batch_access_at(batch, 0);
	assert_int_equal(row->first_ns, 1000);
	assert_int_equal(row->last_ns, 3000);
	assert_int_equal(row->connections, 2);
	assert_int_equal(row->bytes_out, 30);
	assert_string_equal(row->domain, "example.com");
	/* Whatever differs makes a row of its own. */
	access.uid = 0;
	assert_int_equal(batch_add_access(batch, &access), 0);
	access.remote_port = 80;
	assert_int_equal(batch_add_access(batch, &access), 0);
	access.kind = SUBJECT_ADDRESS;
	assert_int_equal(batch_add_access(batch, &access), 0);
	access.time_ns += SECONDS_PER_DAY * NS_PER_SECOND;
	assert_int_equal(batch_add_access(batch, &access), 0);
	assert_int_equal(batch_access_count(batch), 5);
	batch_clear(batch);
	assert_int_equal(batch_access_count(batch), 0);
	assert_int_equal(batch_add_access(batch, &access), 0);
	assert_int_equal(batch_access_count(batch), 1);
	batch_free(batch);
}

static void it_is_bounded_and_a_refusal_leaves_no_trace(void **state)
{
	struct batch_limits limits = {.accesses = 10, .alerts = 2, .text_bytes = 600, .bindings = 1};
	struct kept_binding binding = {.hostname = "www.example.com", .chain = ""};
	static struct alert alert;
	struct batch *batch = NULL;
	char name[64];
	int error = 0, added = 0;

	(void)state;
	assert_int_equal(batch_new(&limits, &batch), 0);
	for (int i = 0; !error; i++) {
		struct access access;

		snprintf(name, sizeof(name), "n%d.example.com", i);
		access = an_access(name, name, 1);
		error = batch_add_access(batch, &access);
		added += !error;
	}
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(batch_access_count(batch), added);
	assert_true(added > 3 && added <= 10);
	assert_int_equal(batch_add_alert(batch, &alert), 0);
	assert_int_equal(batch_add_alert(batch, &alert), 0);
	assert_int_equal(batch_add_alert(batch, &alert), -ENOSPC);
	assert_int_equal(batch_add_binding(batch, &binding), 0);
	assert_int_equal(batch_add_binding(batch, &binding), -ENOSPC);
	batch_free(batch);
	batch_free(NULL);
}

static void adding_allocates_nothing(void **state)
{
	struct batch_limits limits = {0};
	struct batch *batch = NULL;
	char name[64];
	size_t before;

	(void)state;
	assert_int_equal(batch_new(&limits, &batch), 0);
	before = mallinfo2().uordblks;
	for (int i = 0; i < 50000; i++) {
		struct access access;

		snprintf(name, sizeof(name), "n%d.example.com", i % 20000);
		access = an_access("example.com", name, i);
		assert_int_equal(batch_add_access(batch, &access), 0);
	}
	assert_int_equal(mallinfo2().uordblks, before);
	assert_int_equal(batch_access_count(batch), 20000);
	batch_free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accesses_of_one_key_are_one_row),
		cmocka_unit_test(it_is_bounded_and_a_refusal_leaves_no_trace),
		cmocka_unit_test(adding_allocates_nothing),
	};

	return cmocka_run_group_tests_name("history/batch", tests, NULL, NULL);
}
