/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_export.c - the baseline as JSON lines or CSV, as `firstseen import` reads it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/whole_file.h"

#define LINE_MAX_BYTES (64 * 1024)
#define TIME_LENGTH 19 /* 2026-01-01T00:00:00 */

struct export
{
	const struct cli *cli;
	struct history *history;
	FILE *out;
	bool csv;
	char line[LINE_MAX_BYTES];
	char exe[4 * PROCESS_EXE_MAX + 1];
};

/* As the history has it: microseconds, so that nothing is lost. */
static const char *time_text(int64_t time_ns, char text[static TEXT_TIME_MAX])
{
	int64_t rest = time_ns % NS_PER_SECOND;

	text_format_time(time_ns, text);
	if (rest < 0)
		rest += NS_PER_SECOND;
	snprintf(text + TIME_LENGTH, TEXT_TIME_MAX - TIME_LENGTH, ".%06dZ", (int)(rest / NS_PER_US));
	return text;
}

/* A path may hold any byte: escaped as in the application's name. */
static const char *exe_text(struct export *export, const char *exe)
{
	size_t used = 0, length = strlen(exe);

	while (length) {
		size_t step = text_utf8_character(exe, length);

		step += step == 0;
		if (*exe == '\\')
			text_copy(export->exe + used, sizeof(export->exe) - used, "\\");
		else
			text_escape(export->exe + used, sizeof(export->exe) - used, exe, step);
		used += strlen(export->exe + used);
		exe += step;
		length -= step;
	}
	export->exe[used] = '\0';
	return export->exe;
}

static int write_json(struct export *export, const struct access_row *row)
{
	char first[TEXT_TIME_MAX], last[TEXT_TIME_MAX];
	struct json json;

	json_begin(&json, export->line, sizeof(export->line));
	json_object_open(&json, NULL);
	json_put_string(&json, "domain", row->domain);
	json_put_string(&json, "hostname", row->hostname);
	json_put_string(&json, "application", row->application);
	json_put_string(&json, "exe", exe_text(export, row->exe));
	if (row->uid == FS_UID_UNKNOWN)
		json_put_null(&json, "uid");
	else
		json_put_unsigned(&json, "uid", row->uid);
	json_put_string(&json, "first_seen", time_text(row->first_ns, first));
	json_put_string(&json, "last_seen", time_text(row->last_ns, last));
	json_put_unsigned(&json, "connections", row->connections);
	json_put_unsigned(&json, "bytes_out", row->bytes_out);
	json_put_unsigned(&json, "bytes_in", row->bytes_in);
	json_object_close(&json);
	if (json_end(&json) < 0)
		return -ENOSPC;
	return fprintf(export->out, "%s\n", export->line) < 0 ? -EIO : 0;
}

/* A cell and what follows it; in quotes where it needs them. */
static void put_cell(FILE *out, const char *text, char next)
{
	if (text[0] != ' ' && !strpbrk(text, "\",")) {
		fprintf(out, "%s%c", text, next);
		return;
	}
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	fprintf(out, "\"%c", next);
}

static int write_csv(struct export *export, const struct access_row *row)
{
	char first[TEXT_TIME_MAX], last[TEXT_TIME_MAX];
	FILE *out = export->out;

	put_cell(out, row->domain, ',');
	put_cell(out, row->hostname, ',');
	put_cell(out, row->application, ',');
	put_cell(out, exe_text(export, row->exe), ',');
	if (row->uid != FS_UID_UNKNOWN)
		fprintf(out, "%" PRIu32, row->uid);
	fprintf(out, ",%s,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", time_text(row->first_ns, first),
		time_text(row->last_ns, last), row->connections, row->bytes_out, row->bytes_in);
	return ferror(out) ? -EIO : 0;
}

static int on_access(void *context, const struct access_row *row)
{
	struct export *export = context;

	return export->csv ? write_csv(export, row) : write_json(export, row);
}

static int write_all(void *context, FILE *out, struct failure *failure)
{
	struct export *export = context;

	export->out = out;
	if (export->csv)
		fputs("domain,hostname,application,exe,uid,first_seen,last_seen,connections,bytes_out,bytes_"
		      "in\n",
		      out);
	return history_accesses(export->history, &export->cli->options->filter, on_access, export, failure);
}

int cli_export(struct cli *cli, int argc, char **argv)
{
	static struct export export; /* large */
	struct history *history;
	struct failure failure = {{0}};
	int error;

	(void)argc;
	(void)argv;
	if (cli->options->format == OUTPUT_TSV) {
		cli_fail("export writes JSON lines, or CSV with --csv");
		return CLI_USAGE;
	}
	history = cli_open_history(cli);
	if (!history)
		return CLI_FAILED;
	export.cli = cli;
	export.history = history;
	export.csv = cli->options->csv;
	error = whole_file_write(cli->options->output, write_all, &export, &failure);
	history_close(history);
	return error ? cli_fail_with(&failure, error) : CLI_DONE;
}
