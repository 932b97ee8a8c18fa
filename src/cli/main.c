/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* firstseen: asks the history. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

#define SETTINGS_MAX 64

static const struct command commands[] = {
	{"status", "", "is it watching, since when, was anything lost", "", cli_status},
	{"stats", "", "all counters", "", cli_stats},
	{"domains", "[--new] [--since T] [--until T] [--app A] [--limit N]", "the baseline, one row a domain",
	 "      --new        those first seen in the span\n"
	 "      --since T    from T on: a time (2026-03-01T12:00:00Z), a date, or a span (24h, 7d)\n"
	 "      --until T    up to T\n"
	 "      --app A      those that an application talked to: its name or its executable\n"
	 "      --limit N    at most N rows\n",
	 cli_domains},
	{"history", "DOMAIN", "all about one domain", "", cli_history},
	{"apps", "[--since T] [--limit N]", "applications, and how many domains each talks to",
	 "      --since T    seen from T on\n"
	 "      --limit N    at most N rows\n",
	 cli_apps},
	{"app", "PATH", "one application and its domains", "", cli_app},
	{"alerts", "[--since T] [--until T] [--kind K] [--open] [--limit N]", "alerts, the newest first",
	 "      --since T    from T on\n"
	 "      --until T    up to T\n"
	 "      --kind K     new_domain, new_domain_for_application, new_address, ...\n"
	 "      --open       those that nobody acknowledged\n"
	 "      --limit N    at most N rows\n",
	 cli_alerts},
	{"alert", "UID", "one alert, whole (8 or more characters of its uid)", "", cli_alert},
	{"domain-of", "HOSTNAME... | -", "how names are grouped: hostname, tab, domain", "", cli_domain_of},
	{"replay", "[--flows] [--alerts] [--into DB] FILE...",
	 "a capture or a scenario through the same pipeline",
	 "      --flows      every flow: time, client, remote, port, proto, hostname, domain, method\n"
	 "      --alerts     the alerts, one line of JSON each\n"
	 "      --into DB    keep what is seen in this history\n",
	 cli_replay},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("usage: firstseen [-c FILE] [--set SECTION.KEY=VALUE]... [--db FILE] [--format "
	      "table|json|tsv]\n"
	      "                 COMMAND [ARGUMENT]...\n\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n  -c, --config FILE     read FILE instead of " CONFIG_DEFAULT_PATH "\n"
	      "      --set S.K=VALUE   set one setting, over the file; may be repeated\n"
	      "      --db FILE         the history to ask\n"
	      "      --format FORMAT   table, json (one object a line) or tsv\n"
	      "      --version         print the version and exit\n"
	      "  -h, --help            print this; after a command: that command's help\n"
	      "\nExit status: 0 done, 1 nothing found or failed, 2 bad usage.\n",
	      out);
}

void cli_help(const struct command *command)
{
	printf("usage: firstseen [OPTION]... %s%s%s\n\n%s\n", command->name, command->arguments[0] ? " " : "",
	       command->arguments, command->summary);
	if (command->help[0])
		printf("\n%s", command->help);
}

int cli_fail(const char *format, ...)
{
	char text[1024], escaped[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_escape(escaped, sizeof(escaped), text, strlen(text));
	fprintf(stderr, "firstseen: %s\n", escaped);
	return CLI_FAILED;
}

int cli_misuse(const struct command *command, const char *format, ...)
{
	char text[512], escaped[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_escape(escaped, sizeof(escaped), text, strlen(text));
	fprintf(stderr, "firstseen: %s; see firstseen %s --help\n", escaped, command->name);
	return CLI_USAGE;
}

struct history *cli_open_history(const struct cli *cli)
{
	struct history *history = NULL;
	struct failure failure = {{0}};

	if (history_open(cli->database, HISTORY_READ, &history, &failure)) {
		cli_fail("%s", failure.text);
		return NULL;
	}
	return history;
}

static int read_limit(const char *text, int64_t *limit)
{
	char *end;

	errno = 0;
	*limit = strtoll(text, &end, 10);
	return errno || *end || end == text || *limit < 1 ? -EINVAL : 0;
}

int cli_options(const struct cli *cli, const struct command *command, int argc, char **argv,
		const char *wanted, struct history_filter *filter, int *status)
{
	static const struct option known[] = {
		{"since", required_argument, NULL, 's'},
		{"until", required_argument, NULL, 'u'},
		{"app", required_argument, NULL, 'a'},
		{"kind", required_argument, NULL, 'k'},
		{"limit", required_argument, NULL, 'l'},
		{"new", no_argument, NULL, 'n'},
		{"open", no_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, wrong = 0;

	optind = 0;
	opterr = 0;
	*status = CLI_USAGE;
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (option == 'h') {
			cli_help(command);
			*status = CLI_DONE;
			return -1;
		}
		if (option == '?' || !strchr(wanted, option)) {
			cli_misuse(command, "\"%s\" is not an option of %s, or lacks its value",
				   argv[optind - 1], command->name);
			return -1;
		}
		if (option == 's')
			wrong = text_parse_time(optarg, cli->now_ns, &filter->since_ns);
		else if (option == 'u')
			wrong = text_parse_time(optarg, cli->now_ns, &filter->until_ns);
		else if (option == 'l')
			wrong = read_limit(optarg, &filter->limit);
		else if (option == 'a')
			filter->application = optarg;
		else if (option == 'k')
			filter->kind = optarg;
		else if (option == 'n')
			filter->fresh = true;
		else if (option == 'o')
			filter->open = true;
		if (wrong) {
			cli_misuse(command, "\"%s\" is not a %s", optarg,
				   option == 'l' ? "number from 1"
						 : "time like 2026-03-01T12:00:00Z, or a span like 7d");
			return -1;
		}
	}
	return optind;
}

struct globals {
	const char *file, *database, *settings[SETTINGS_MAX];
	size_t setting_count;
	enum output_format format;
};

static int read_format(const char *text, enum output_format *format)
{
	static const char *const names[] = {"table", "json", "tsv"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*format = (enum output_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* 0 to go on, else 1 + the exit status. */
static int read_globals(int argc, char **argv, struct globals *globals)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'},
		{"set", required_argument, NULL, 's'},
		{"db", required_argument, NULL, 'd'},
		{"format", required_argument, NULL, 'f'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+c:h", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			globals->file = optarg;
			break;
		case 's':
			if (globals->setting_count == SETTINGS_MAX)
				return 1 + CLI_USAGE;
			globals->settings[globals->setting_count++] = optarg;
			break;
		case 'd':
			globals->database = optarg;
			break;
		case 'f':
			if (read_format(optarg, &globals->format)) {
				cli_fail("--format %s: not table, json or tsv", optarg);
				return 1 + CLI_USAGE;
			}
			break;
		case 'V':
			puts("firstseen " FIRSTSEEN_VERSION);
			return 1 + CLI_DONE;
		case 'h':
			usage(stdout);
			return 1 + CLI_DONE;
		default:
			fputs("firstseen: see firstseen --help\n", stderr);
			return 1 + CLI_USAGE;
		}
	}
	return 0;
}

static int read_config(const struct globals *globals, struct cli *cli)
{
	struct failure failure = {{0}};
	int error = 0;

	config_defaults(&cli->config);
	if (globals->file)
		error = config_read_file(&cli->config, globals->file, &failure);
	else if (access(CONFIG_DEFAULT_PATH, R_OK) == 0)
		error = config_read_file(&cli->config, CONFIG_DEFAULT_PATH, &failure);
	for (size_t i = 0; i < globals->setting_count && !error; i++) {
		error = config_set(&cli->config, globals->settings[i], &failure);
		if (strncmp(globals->settings[i], "detect.learning=", 16) == 0)
			cli->learning_set = true;
	}
	if (!error)
		error = config_validate(&cli->config, &failure);
	if (error)
		cli_fail("%s", failure.text);
	return error;
}

int main(int argc, char **argv)
{
	static struct cli cli; /* large */
	struct globals globals = {.format = OUTPUT_TABLE};
	struct timespec now;
	int status = read_globals(argc, argv, &globals);

	if (status)
		return status - 1;
	if (optind == argc) {
		usage(stderr);
		return CLI_USAGE;
	}
	if (read_config(&globals, &cli))
		return CLI_USAGE;
	clock_gettime(CLOCK_REALTIME, &now);
	cli.now_ns = now.tv_sec * NS_PER_SECOND + now.tv_nsec;
	cli.format = globals.format;
	cli.database = globals.database ? globals.database : cli.config.history_path;
	argc -= optind;
	argv += optind;
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		status = commands[i].run(&cli, &commands[i], argc, argv);
		/* A full disk or a closed pipe is told by the exit status. */
		return fflush(stdout) == 0 ? status : CLI_FAILED;
	}
	cli_fail("\"%s\" is not a command; see firstseen --help", argv[0]);
	return CLI_USAGE;
}
