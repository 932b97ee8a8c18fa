/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SQLite's log beside the history, with a reader that does not come to its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/scratch.h"
#include "base/text.h"
#include "history/db.h"
#include "history/history.h"

#define ROUNDS_MOST 64
#define EACH 500

static struct failure failure;

static int make_folder(void **state)
{
	return scratch_make(state);
}

static void write_some(struct history *history, int round)
{
	struct batch *batch = NULL;

	assert_int_equal(batch_new(NULL, &batch), 0);
	for (int i = 0; i < EACH; i++) {
		char domain[64];
		struct access access = {.time_ns = NS_PER_SECOND,
					.domain = domain,
					.hostname = domain,
					.application = "/usr/bin/curl",
					.exe = "/usr/bin/curl",
					.remote_port = 443,
					.protocol = 6,
					.connections = 1};

		snprintf(domain, sizeof(domain), "d%d.r%d.example", i, round);
		assert_int_equal(batch_add_access(batch, &access), 0);
	}
	if (history_begin(history, &failure) || history_write_accesses(history, batch, &failure) ||
	    history_commit(history, &failure) || history_checkpoint(history, &failure))
		fail_msg("%s", failure.text);
	batch_free(batch);
}

static off_t log_bytes(void)
{
	struct stat status;

	return stat(scratch_path("h.db-wal"), &status) ? 0 : status.st_size;
}

static void what_a_reader_holds_up_is_counted(void **state)
{
	struct history *history = NULL;
	struct db *reader = NULL;
	int64_t ignored, held = 0;
	int round = 0;

	(void)state;
	if (history_open(scratch_path("h.db"), HISTORY_WRITE, &history, &failure))
		fail_msg("%s", failure.text);
	for (; log_bytes() < 8 << 20 && round < ROUNDS_MOST; round++) {
		write_some(history, round);
		assert_int_equal(history_log_held(history), 0);
	}
	assert_true(log_bytes() <= 8 << 20); /* it begins anew again and again */
	assert_int_equal(db_open(scratch_path("h.db"), DB_READ, &reader, &failure), 0);
	assert_int_equal(db_exec(reader, "BEGIN", &failure), 0);
	assert_int_equal(db_integer(reader, "SELECT count(*) FROM domains", &ignored, &failure), 0);
	for (; held < 8 << 20 && round < 2 * ROUNDS_MOST; round++) {
		write_some(history, round);
		assert_true(history_log_held(history) >= held);
		held = history_log_held(history);
	}
	assert_true(held >= 8 << 20 && held <= log_bytes());
	assert_int_equal(db_exec(reader, "COMMIT", &failure), 0);
	write_some(history, round);
	assert_int_equal(history_log_held(history), 0);
	db_close(reader);
	history_close(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_reader_holds_up_is_counted, make_folder,
						scratch_remove),
	};

	return cmocka_run_group_tests_name("history/log", tests, NULL, NULL);
}
