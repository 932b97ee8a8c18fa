/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * import.c - a baseline to be imported: CSV with a heading, or JSON lines where it begins with a brace;
 * another history where it begins with H: what follows is its only hostname.
 */
#include "cli/import.h"

#include <stdarg.h>
#include <stdio.h>
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

/* An empty history, as the file has it: to make its tables takes longer than all the rest. */
static void write_empty(const char *path)
{
	static uint8_t *empty;
	static size_t size;
	struct history *made;
	FILE *file;

	if (!empty) {
		must(history_open(path, HISTORY_WRITE, &made, NULL) == 0);
		history_close(made);
		file = fopen(path, "re");
		must(file && fseek(file, 0, SEEK_END) == 0);
		size = (size_t)ftell(file);
		rewind(file);
		empty = malloc(size);
		must(empty && fread(empty, 1, size, file) == size);
		fclose(file);
		fuzz_empty_folder();
	}
	file = fopen(path, "we");
	must(file && fwrite(empty, 1, size, file) == size && fclose(file) == 0);
}

/* Another history with one access. */
static const char *other_history(const uint8_t *name, size_t size)
{
	static const struct batch_limits small = {
		.accesses = 8, .alerts = 1, .bindings = 1, .text_bytes = 8 * HOSTNAME_MAX};
	static char path[512];
	static unsigned number;
	char *hostname = fuzz_text(name, size < HOSTNAME_MAX ? size : HOSTNAME_MAX - 1);
	struct access access = {.time_ns = NOW,
				.domain = hostname,
				.hostname = hostname,
				.application = hostname,
				.exe = "",
				.uid = (uint32_t)size,
				.connections = 1};
	struct history *other;
	struct batch *batch;

	/* Always another one: an input that broke off may hold on to the last. */
	fuzz_empty_folder();
	snprintf(path, sizeof(path), "%s/other%u.db", fuzz_folder(), number++);
	write_empty(path);
	must(batch_new(&small, &batch) == 0);
	must(batch_add_access(batch, &access) == 0);
	must(history_open(path, HISTORY_WRITE, &other, NULL) == 0);
	must(history_begin(other, NULL) == 0 && history_write_accesses(other, batch, NULL) == 0);
	must(history_commit(other, NULL) == 0);
	history_close(other);
	batch_free(batch);
	free(hostname);
	return path;
}

static int read_input(struct import *import, const uint8_t *data, size_t size)
{
	if (size && data[0] == 'H')
		return import_history(import, other_history(data + 1, size - 1));
	return import_rows(import, fuzz_file(data, size), size && data[0] == '{' ? ROWS_JSON : ROWS_CSV);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import import = {.cli = &cli, .oldest_ns = NS_PER_SECOND, .latest_ns = NOW};

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
	if (read_input(&import, data, size))
		must(import.failure.text[0]);
	else if (size % 8 == 0) /* it takes a hundred times as long as the reading */
		must(history_merge_staged(history, &import.counts.merged, &import.failure) == 0);
	history_rollback(history);
	return 0;
}
