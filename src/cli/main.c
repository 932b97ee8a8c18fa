/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* firstseen: asks the history. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/clock.h"
#include "cli/cli.h"

static const struct command commands[] = {
	{"status", "", "is it watching, since when, was anything lost", "", 0, 0, cli_status},
	{"stats", "", "all counters of the daemon", "", 0, 0, cli_stats},
	{"watch", "",
	 "live: flows and alerts as they come; on a terminal ? shows the keys, elsewhere they are lines",
	 "TW", 0, 0, cli_watch},
	{"doctor", "", "what this host offers, tried for real, and the mend for what is missing", "", 0, 0,
	 cli_doctor},
	{"domains", "", "the baseline, one row a domain", "nsual", 0, 0, cli_domains},
	{"history", "DOMAIN", "all about one domain, or about the one that a hostname belongs to", "", 1, 1,
	 cli_history},
	{"apps", "", "applications, and how many domains each talks to", "sul", 0, 0, cli_apps},
	{"app", "PATH", "one application, and its domains", "sul", 1, 1, cli_app},
	{"alerts", "", "alerts, the newest first", "sukol", 0, 0, cli_alerts},
	{"alert", "UID", "one alert, whole; the first 8 or more characters of its uid are enough", "", 1, 1,
	 cli_alert},
	{"ack", "UID",
	 "mark an alert as reviewed; its domain is not alerted again while it stays in the window", "N", 1, 1,
	 cli_ack},
	{"allow", "NAME FIELD=VALUE...",
	 "keep what fits from being alerted: domain, application, container, user, network, port; reason, "
	 "expires",
	 "", 2, -1, cli_allow},
	{"allowed", "", "the allow rules, and how often each one hit", "", 0, 0, cli_allowed},
	{"unallow", "NAME", "remove a rule that `allow` made", "", 1, 1, cli_unallow},
	{"domain-of", "HOSTNAME... | -", "how names are grouped: hostname, tab, domain (-: lines of stdin)",
	 "", 1, -1, cli_domain_of},
	{"replay", "FILE...", "captures (pcap, pcapng) or scenarios through the pipeline that runs live",
	 "FAi", 1, -1, cli_replay},
	{"import", "FILE...", "a baseline from Zeek logs, captures, CSV, an export or another history", "Cg",
	 1, -1, cli_import},
	{"export", "", "the baseline as JSON lines or CSV, for import", "suavO", 0, 0, cli_export},
	{"report", "", "one HTML page with plots and the open alerts; it needs no network and runs no script",
	 "suO", 0, 0, cli_report},
	{0},
};

static void print_failure(const char *text)
{
	char *escaped = output_escape(text);

	fprintf(stderr, "firstseen: %s\n", escaped ? escaped : "out of memory");
	free(escaped);
}

int cli_fail(const char *format, ...)
{
	char text[2 * FAILURE_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	print_failure(text);
	return CLI_FAILED;
}

int cli_fail_with(const struct failure *failure, int error)
{
	return cli_fail("%s", failure->text[0] ? failure->text : strerror(-error));
}

struct history *cli_open_history(const struct cli *cli)
{
	struct history *history = NULL;
	struct failure failure = {{0}};
	int error = history_open(cli->database, HISTORY_READ, &history, &failure);

	if (error)
		cli_fail_with(&failure, error);
	return error ? NULL : history;
}

int cli_finish(int error, size_t rows, const struct failure *failure, const char *none)
{
	if (error)
		return cli_fail_with(failure, error);
	return rows ? CLI_DONE : cli_fail("%s", none);
}

int cli_list(const struct cli *cli, const struct column *columns, size_t count, cli_rows *add,
	     const char *none)
{
	struct history *history = cli_open_history(cli);
	struct failure failure = {{0}};
	struct output *output;
	int error = -ENOMEM;

	if (!history)
		return CLI_FAILED;
	output = output_new(cli->options->format, columns, count, cli->now_ns);
	if (output)
		error = add(cli, history, output, &failure);
	history_close(history);
	return cli_finish(error, output_end(output), &failure, none);
}

int cli_open_rules(const struct cli *cli, struct domain_rules **out, struct failure *failure)
{
	struct domain_settings settings = {.private_suffixes = cli->config.private_suffixes,
					   .aws_buckets = cli->config.aws_buckets};

	return domain_rules_new(&settings, out, failure);
}

static int read_config(const struct options *options, struct config *config)
{
	struct failure failure = {{0}};
	int error;

	config_defaults(config);
	error = config_read(config, options->file, &failure);
	for (size_t i = 0; i < options->setting_count && !error; i++)
		error = config_set(config, options->settings[i], &failure);
	if (!error)
		error = config_validate(config, &failure);
	if (error)
		cli_fail_with(&failure, error);
	return error;
}

static int run(const struct options *options, int64_t now_ns)
{
	static struct cli cli; /* large */
	int status;

	cli.command = options->command;
	cli.options = options;
	cli.now_ns = now_ns;
	if (read_config(options, &cli.config))
		return CLI_USAGE;
	cli.database = options->database ? options->database : cli.config.history_path;
	status = options->command->run(&cli, options->argc, options->argv);
	/* What a full disk swallowed was not done. */
	if (fflush(stdout) || ferror(stdout))
		return cli_fail("can not write the output: %s", strerror(errno));
	return status;
}

int main(int argc, char **argv)
{
	struct options options = {.format = OUTPUT_TABLE};
	char message[OPTIONS_MESSAGE_MAX];
	int64_t now_ns = clock_ns(CLOCK_REALTIME);

	if (argc < 2) {
		options_usage(stderr, commands);
		return CLI_USAGE;
	}
	switch (options_read(&options, commands, argc, argv, now_ns, message)) {
	case OPTIONS_RUN:
		return run(&options, now_ns);
	case OPTIONS_HELP:
		if (options.command)
			options_command_usage(stdout, options.command);
		else
			options_usage(stdout, commands);
		return CLI_DONE;
	case OPTIONS_VERSION:
		puts("firstseen " FIRSTSEEN_VERSION);
		return CLI_DONE;
	default:
		print_failure(message);
		return CLI_USAGE;
	}
}
