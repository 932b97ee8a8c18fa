/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_import.c - a baseline from what others saw: all files in one transaction, or none. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/import.h"
#include "cli/progress.h"

#define FUTURE_NS (3600 * NS_PER_SECOND) /* clocks differ; what is further ahead is wrong */
#define QUIET_NS                                                                                             \
	(6 * 3600 * NS_PER_SECOND) /* logs that say nothing for so long may be logs that are missing */
#define PEEKED 4096

enum form { FORM_UNKNOWN, FORM_CAPTURE, FORM_PACKED_CAPTURE, FORM_ZEEK, FORM_CSV, FORM_JSON, FORM_HISTORY };

/* --- what was imported ---------------------------------------------------------------------------- */

void import_bad(struct import *import, const char *path, uint64_t line, const char *why)
{
	if (import->counts.lines_bad++ < IMPORT_BAD_TOLD) {
		progress_clear();
		cli_fail("%s:%" PRIu64 ": %s", path, line, why);
	}
}

static int add(struct history_import **list, size_t *count, const struct history_import *one)
{
	struct history_import *grown = *list;

	/* Doubled whenever the count is a power of two. */
	if ((*count & (*count - 1)) == 0) {
		grown = realloc(*list, (*count ? 2 * *count : 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*list = grown;
	}
	grown[(*count)++] = *one;
	return 0;
}

int import_done(struct import *import, const struct digest *digest, int64_t from_ns, int64_t to_ns)
{
	struct history_import one = {.bytes = digest->bytes,
				     .hash = {digest->hash[0], digest->hash[1]},
				     .from_ns = from_ns,
				     .to_ns = to_ns,
				     .when_ns = import->cli->now_ns};

	return add(&import->now, &import->now_count, &one)
		       ? failure_set(&import->failure, -ENOMEM, "out of memory")
		       : 0;
}

const struct history_import *import_find(const struct import *import, const struct digest *digest)
{
	for (size_t i = 0; i < import->before_count; i++)
		if (import->before[i].bytes == digest->bytes &&
		    memcmp(import->before[i].hash, digest->hash, sizeof(digest->hash)) == 0)
			return &import->before[i];
	return NULL;
}

static int on_before(void *context, const struct history_import *one)
{
	struct import *import = context;

	return add(&import->before, &import->before_count, one);
}

static int read_before(struct import *import)
{
	int error = history_imports(import->history, on_before, import, &import->failure);

	if (error || import->before_count == 0 || import->cli->options->again)
		return error;
	import->known = calloc(import->before_count, sizeof(*import->known));
	if (!import->known)
		return failure_set(&import->failure, -ENOMEM, "out of memory");
	for (size_t i = 0; i < import->before_count; i++)
		import->known[i] = (struct digest){.bytes = import->before[i].bytes, .hash = {
							   import->before[i].hash[0],
							   import->before[i].hash[1]
						   }};
	import->known_count = import->before_count;
	return 0;
}

/* --- learning ---------------------------------------------------------------------------------------- */

void import_covers(struct import *import, int64_t from_ns, int64_t to_ns)
{
	struct history_span *spans = import->spans;
	size_t count = import->span_count;

	if ((count & (count - 1)) == 0) {
		spans = realloc(spans, (count ? 2 * count : 1) * sizeof(*spans));
		if (!spans)
			return; /* learning goes on: the careful side */
		import->spans = spans;
	}
	spans[import->span_count++] = (struct history_span){from_ns, to_ns};
}

void import_saw(struct import *import, int64_t time_ns)
{
	struct history_span *last = import->span_count ? &import->spans[import->span_count - 1] : NULL;

	if (last && time_ns >= last->from_ns && time_ns <= last->to_ns + QUIET_NS) {
		if (time_ns > last->to_ns)
			last->to_ns = time_ns;
	} else if (time_ns >= import->oldest_ns && time_ns <= import->latest_ns) {
		import_covers(import, time_ns, time_ns);
	}
}

static int by_beginning(const void *left, const void *right)
{
	const struct history_span *a = left, *b = right;

	return (a->from_ns > b->from_ns) - (a->from_ns < b->from_ns);
}

/* Puts the spans in order, and those together that touch. Returns their length. */
static int64_t join_spans(struct import *import)
{
	struct history_span *spans = import->spans;
	size_t count = 0;
	int64_t total = 0;

	if (import->span_count)
		qsort(spans, import->span_count, sizeof(*spans), by_beginning);
	for (size_t i = 0; i < import->span_count; i++) {
		struct history_span span = spans[i];

		if (span.from_ns < import->oldest_ns)
			span.from_ns = import->oldest_ns;
		if (span.to_ns <= span.from_ns)
			continue;
		if (count && span.from_ns <= spans[count - 1].to_ns + QUIET_NS) {
			if (span.to_ns > spans[count - 1].to_ns)
				spans[count - 1].to_ns = span.to_ns;
		} else {
			spans[count++] = span;
		}
	}
	if (count > HISTORY_SPANS_MAX) { /* the latest ones matter */
		memmove(spans, spans + (count - HISTORY_SPANS_MAX), HISTORY_SPANS_MAX * sizeof(*spans));
		count = HISTORY_SPANS_MAX;
	}
	import->span_count = count;
	for (size_t i = 0; i < count; i++)
		total += spans[i].to_ns - spans[i].from_ns;
	return total / NS_PER_SECOND;
}

/* Where the imports cover as much as is to be learned, the history is as old as they are, and learning over.
 */
static int end_learning(struct import *import, int64_t *span_seconds, bool *ended)
{
	struct history_span before[HISTORY_SPANS_MAX];
	int64_t learning = import->cli->config.learning_seconds, from;
	int64_t count = history_imported(import->history, before, &import->failure);
	struct history_summary summary;
	char until[32];
	int error = count < 0 ? (int)count : 0;

	for (int64_t i = 0; i < count; i++)
		import_covers(import, before[i].from_ns, before[i].to_ns);
	*span_seconds = join_spans(import);
	if (!error)
		error = history_write_imported(import->history, import->spans, import->span_count,
					       &import->failure);
	if (!error)
		error = history_summary(import->history, &summary, &import->failure);
	*ended = import->span_count && *span_seconds >= learning;
	if (error || !*ended)
		return error;
	from = import->spans[0].from_ns;
	if (summary.since_ns && summary.since_ns <= from)
		return 0;
	error = history_begins_at(import->history, from, &import->failure);
	snprintf(until, sizeof(until), "%" PRId64, from + learning * NS_PER_SECOND);
	return error ? error
		     : history_write_state(import->history, "learning_until", until, &import->failure);
}

/* --- files ---------------------------------------------------------------------------------------------- */

static bool is_capture(const char *bytes, size_t length)
{
	static const char magics[][4] = {"\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1", "\xa1\xb2\x3c\x4d",
					 "\x4d\x3c\xb2\xa1", "\x0a\x0d\x0d\x0a"};

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]) && length >= 4; i++)
		if (memcmp(bytes, magics[i], 4) == 0)
			return true;
	return false;
}

/* By what is in it, never by its name. */
static int form_of(const char *path, enum form *form, struct failure *failure)
{
	char bytes[PEEKED];
	int capture = source_is_capture(path, failure);
	int64_t length = capture < 0 ? 0 : lines_peek(path, bytes, sizeof(bytes));
	bool row;

	if (capture < 0)
		return capture;
	if (length < 0)
		return failure_set(failure, (int)length, "can not read %.300s: %s", path,
				   strerror((int)-length));
	row = memmem(bytes, (size_t)length, "\"hostname\"", 10) ||
	      memmem(bytes, (size_t)length, "\"domain\"", 8);
	*form = FORM_UNKNOWN;
	if (capture)
		*form = FORM_CAPTURE;
	else if (is_capture(bytes, (size_t)length))
		*form = FORM_PACKED_CAPTURE;
	else if (length >= 16 && memcmp(bytes, "SQLite format 3", 16) == 0)
		*form = FORM_HISTORY;
	else if (zeek_is_log(bytes, (size_t)length))
		*form = FORM_ZEEK;
	else if (length && bytes[0] == '{')
		*form = row ? FORM_JSON : FORM_UNKNOWN;
	else if (import_rows_is_heading(bytes, (size_t)length))
		*form = FORM_CSV;
	return 0;
}

static int import_file(struct import *import, const char *path, enum form form)
{
	switch (form) {
	case FORM_CAPTURE:
		return import_capture(import, path);
	case FORM_ZEEK:
		return import_zeek(import, path);
	case FORM_CSV:
		return import_rows(import, path, ROWS_CSV);
	case FORM_JSON:
		return import_rows(import, path, ROWS_JSON);
	case FORM_HISTORY:
		return import_history(import, path);
	case FORM_PACKED_CAPTURE:
		cli_fail("%s: a packed capture: unpack it first; it is not used", path);
		return 0;
	case FORM_UNKNOWN:
		break;
	}
	cli_fail("%s: no Zeek log, capture, history, JSON lines or CSV with a heading: it is not used", path);
	return 0;
}

static int import_files(struct import *import, int count, char **files, const enum form *forms)
{
	int error = history_begin(import->history, &import->failure);

	for (int i = 0; i < count && !error; i++)
		error = import_file(import, files[i], forms[i]);
	if (!error)
		error = import_flows_finish(import);
	if (!error)
		error = history_merge_staged(import->history, &import->counts.merged, &import->failure);
	return error;
}

static int record_imports(struct import *import)
{
	int error = 0;

	for (size_t i = 0; i < import->now_count && !error; i++)
		error = history_add_import(import->history, &import->now[i], import->oldest_ns,
					   &import->failure);
	return error;
}

/* --- begin and end
 * ------------------------------------------------------------------------------------------ */

static void regroup(void *context, const char *hostname, char domain[static DOMAIN_MAX])
{
	domain_of(context, hostname, domain);
}

/*
 * As root, the history is opened as the owner of its folder: what is made there shall be
 * his, or the daemon could not open it. The files to be read are read as root.
 */
static int open_history(struct import *import)
{
	const char *path = import->cli->database, *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	struct stat status;
	bool other;
	int error;

	if (slash)
		text_copy_bytes(folder, sizeof(folder), path, slash == path ? 1 : (size_t)(slash - path));
	other = geteuid() == 0 && stat(folder, &status) == 0 && status.st_uid != 0;
	if (other && (setegid(status.st_gid) || seteuid(status.st_uid)))
		return failure_set(&import->failure, -errno, "can not become the owner of %.200s: %s", folder,
				   strerror(errno));
	error = history_open(path, HISTORY_WRITE, &import->history, &import->failure);
	if (!error)
		error = history_rekey(import->history, domain_rules_identity(import->rules), regroup,
				      import->rules, &import->failure);
	if (other && (seteuid(0) || setegid(0)))
		error = failure_set(&import->failure, -errno, "can not become root again: %s",
				    strerror(errno));
	return error;
}

static int read_clients(struct import *import)
{
	const char *at = import->cli->options->client;
	char word[64];

	while (at && *at) {
		size_t length = strcspn(at, ",");

		if (import->client_count == IMPORT_CLIENTS_MAX ||
		    !text_copy_bytes(word, sizeof(word), at, length) ||
		    network_parse(word, &import->clients[import->client_count++]))
			return failure_set(&import->failure, -EINVAL,
					   "--client %.200s: not addresses or networks, separated by commas",
					   at);
		at += length + (at[length] == ',');
	}
	return 0;
}

static int open_import(struct import *import)
{
	int error = cli_open_rules(import->cli, &import->rules, &import->failure);

	if (!error)
		error = open_history(import);
	if (!error)
		error = read_before(import);
	if (!error)
		error = import_flows_open(import);
	if (!error)
		error = history_stage(import->history, &import->failure);
	return error;
}

static void close_import(struct import *import)
{
	import_flows_close(import);
	history_close(import->history);
	domain_rules_free(import->rules);
	free(import->before);
	free(import->known);
	free(import->now);
	free(import->spans);
}

static bool was_used(const struct import *import)
{
	return import->counts.flows || import->counts.rows || import->counts.imported_before;
}

static int print_summary(struct import *import, int64_t span_seconds, bool learned)
{
	const struct import_counts *counts = &import->counts;
	const struct pipeline_counts *core = pipeline_counts(import->pipeline);
	struct history_summary kept;
	int error = history_summary(import->history, &kept, &import->failure);
	const struct {
		const char *key;
		uint64_t count;
	} rows[] = {
		{"lines", counts->lines},
		{"lines_bad", counts->lines_bad},
		{"packets", import->source.packets},
		{"packets_malformed", import->source.malformed},
		{"too_old", counts->too_old},
		{"in_future", counts->in_future},
		{"inbound", counts->inbound},
		{"other_protocols", counts->protocol},
		{"other_clients", counts->clients},
		{"imported_before", counts->imported_before},
		{"flows", core->flows},
		{"flows_internal", core->verdicts[VERDICT_INTERNAL]},
		{"flows_ignored", core->verdicts[VERDICT_IGNORED]},
		{"flows_to_resolvers", core->verdicts[VERDICT_RESOLVER]},
		{"flows_kept", counts->flows},
		{"named_by_dns", core->methods[METHOD_DNS]},
		{"named_by_stale_dns", core->methods[METHOD_STALE_DNS]},
		{"named_by_sni", core->methods[METHOD_SNI]},
		{"unnamed", core->methods[METHOD_NONE]},
		{"rows", counts->rows},
		{"rows_internal", counts->inside},
		{"rows_new", counts->merged.fresh},
		{"rows_changed", counts->merged.changed},
		{"domains_in_history", kept.domains},
		{"addresses_in_history", kept.addresses},
	};
	size_t told = 0;
	struct fact facts[sizeof(rows) / sizeof(rows[0]) + 3];

	if (error)
		return error;
	/* People are told what there was, scripts all. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].count || import->cli->options->format != OUTPUT_TABLE)
			facts[told++] = (struct fact){{.key = rows[i].key, .type = COLUMN_COUNT},
						      {.count = rows[i].count}};
	facts[told++] = (struct fact){{.key = "imported_span", .type = COLUMN_SPAN},
				      {.count = (uint64_t)span_seconds}};
	facts[told++] = (struct fact){{.key = "covers_learning", .type = COLUMN_BOOLEAN}, {.count = learned}};
	facts[told++] =
		(struct fact){{.key = "history_since", .type = COLUMN_TIME}, {.time_ns = kept.since_ns}};
	return output_facts(import->cli->options->format, facts, told, import->cli->now_ns);
}

static int say_unused(const struct import *import)
{
	const struct import_counts *counts = &import->counts;
	char span[TEXT_SPAN_MAX];

	if (counts->lines_bad > IMPORT_BAD_TOLD)
		cli_fail("%" PRIu64 " more lines could not be used", counts->lines_bad - IMPORT_BAD_TOLD);
	if (was_used(import))
		return CLI_DONE;
	if (counts->too_old)
		return cli_fail(
			"nothing was imported: %" PRIu64 " lines are older than history.retention, %s",
			counts->too_old, text_format_span(import->cli->config.retention_seconds, span));
	return cli_fail("nothing was imported: no connection and no row of a baseline was found");
}

static int run(struct import *import, int count, char **files, enum form *forms)
{
	int64_t span = 0;
	bool learned = false;
	int error = read_clients(import);

	if (error) {
		cli_fail_with(&import->failure, error);
		return CLI_USAGE;
	}
	/* Before anything is made or written. */
	for (int i = 0; i < count && !error; i++)
		error = form_of(files[i], &forms[i], &import->failure);
	if (!error)
		error = open_import(import);
	if (!error)
		error = import_files(import, count, files, forms);
	if (!error && was_used(import)) {
		error = record_imports(import);
		if (!error)
			error = end_learning(import, &span, &learned);
		if (!error)
			error = history_commit(import->history, &import->failure);
		if (!error)
			error = print_summary(import, span, learned);
	}
	progress_clear();
	if (error) {
		if (import->history)
			history_rollback(import->history);
		return cli_fail_with(&import->failure, error);
	}
	return say_unused(import);
}

int cli_import(struct cli *cli, int argc, char **argv)
{
	static struct import import; /* large */
	enum form *forms = calloc((size_t)argc, sizeof(*forms));
	int status;

	if (!forms)
		return cli_fail("out of memory");
	import.cli = cli;
	import.oldest_ns = cli->now_ns - cli->config.retention_seconds * NS_PER_SECOND;
	import.latest_ns = cli->now_ns + FUTURE_NS;
	status = run(&import, argc, argv, forms);
	close_import(&import);
	free(forms);
	return status;
}
