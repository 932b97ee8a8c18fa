/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* import.c - a baseline to be imported: CSV with a heading, or JSON lines where it begins with a brace. */
#include "cli/import.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"
#include "cli/progress.h"
#include "support.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)

/* What the command does beside: nothing here. */
void import_bad(struct import *import, const char *path, uint64_t line, const char *why)
{
	(void)path;
	must(line > 0 && why && why[0]);
	import->counts.lines_bad++;
}

int import_done(struct import *import, const struct digest *digest, int64_t from_ns, int64_t to_ns)
{
	(void)import;
	must(digest->bytes > 0 && from_ns <= to_ns);
	return 0;
}

void import_covers(struct import *import, int64_t from_ns, int64_t to_ns)
{
	must(from_ns <= to_ns && to_ns <= import->latest_ns);
}

void progress_begin(const char *what)
{
	(void)what;
}

void progress_show(uint64_t done, uint64_t size, uint64_t count, const char *kind)
{
	(void)done;
	(void)size;
	(void)count;
	(void)kind;
}

void progress_clear(void)
{
}

static struct cli cli = {.now_ns = NOW};
static struct history *history;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import import = {.cli = &cli, .latest_ns = NOW};
	bool json = size && data[0] == '{';

	if (!history) {
		config_defaults(&cli.config);
		must(history_open(NULL, HISTORY_MEMORY, &history, NULL) == 0);
		must(history_stage(history, NULL) == 0);
	}
	import.history = history;
	import.rules = (struct domain_rules *)(uintptr_t)fuzz_rules();
	(void)import_rows_is_heading((const char *)data, size);
	history_rollback(history); /* of an input that broke off */
	must(history_begin(history, &import.failure) == 0);
	if (import_rows(&import, fuzz_file(data, size), json ? ROWS_JSON : ROWS_CSV))
		must(import.failure.text[0]);
	else if (size % 8 == 0) /* it takes a hundred times as long as the reading */
		must(history_merge_staged(history, &import.counts.merged, &import.failure) == 0);
	history_rollback(history);
	return 0;
}
