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

#define ROUNDS 32
#define USUAL_MOST (8 << 20) /* bytes */
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

static void a_log_grows_while_readers_overlap(void **state)
{
	struct history *history = NULL;
	struct db *readers[2] = {NULL};
	int64_t ignored;
	int round = 0;

	(void)state;
	if (history_open(scratch_path("h.db"), HISTORY_WRITE, &history, &failure))
		fail_msg("%s", failure.text);
	for (; round < ROUNDS; round++) {
		write_some(history, round);
		assert_true(history_log_bytes(history) < USUAL_MOST); /* it begins anew again and again */
	}
	/* One reader or another is always there, each of them comes to its end. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(db_open(scratch_path("h.db"), DB_READ, &readers[i], &failure), 0);
	for (; history_log_bytes(history) < 2 * USUAL_MOST && round < 4 * ROUNDS; round++) {
		struct db *next = readers[round & 1], *last = readers[~round & 1];

		assert_int_equal(db_exec(next, "BEGIN", &failure), 0);
		assert_int_equal(db_integer(next, "SELECT count(*) FROM domains", &ignored, &failure), 0);
		if (db_in_transaction(last))
			assert_int_equal(db_exec(last, "COMMIT", &failure), 0);
		write_some(history, round);
	}
	assert_true(history_log_bytes(history) >= 2 * USUAL_MOST);
	assert_true(history_log_bytes(history) <= log_bytes());
	for (int i = 0; i < 2; i++) {
		if (db_in_transaction(readers[i]))
			assert_int_equal(db_exec(readers[i], "COMMIT", &failure), 0);
		db_close(readers[i]);
	}
	write_some(history, round++); /* all of it goes into the file, and with the next one it begins anew */
	write_some(history, round++);
	assert_true(history_log_bytes(history) < USUAL_MOST);
	history_close(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_log_grows_while_readers_overlap, make_folder,
						scratch_remove),
	};

	return cmocka_run_group_tests_name("history/log", tests, NULL, NULL);
}
