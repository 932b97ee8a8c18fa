/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"

#define GENERAL "cSdfVh"
#define OPTIONS_MAX 20
#define HELP_WIDTH 80

struct option_text {
	char letter;
	const char *name;
	const char *value; /* NULL: takes none */
	const char *help;
};

static const struct option_text texts[] = {
	/* of commands */
	{'n', "new", NULL, "those first seen in the span"},
	{'s', "since", "T", "from T on: 2026-03-01T12:00:00Z, 2026-03-01, or a span back from now (24h, 7d)"},
	{'u', "until", "T", "up to T"},
	{'a', "app", "A", "of one application: its name or its executable's path"},
	{'k', "kind", "K", "of one kind: new_domain, new_domain_for_application, new_address, ..."},
	{'o', "open", NULL, "those that nobody acknowledged"},
	{'l', "limit", "N", "at most N rows"},
	{'F', "flows", NULL, "every flow: time client remote port proto hostname domain method"},
	{'A', "alerts", NULL, "the alerts, as they would be sent: one line of JSON each"},
	{'i', "into", "DB", "keep what is seen in this history"},
	{'N', "note", "TEXT", "what the review found"},
	{'C', "client", "NET,...", "only flows of these addresses or networks"},
	{'g', "again", NULL, "count also what was imported before"},
	{'v', "csv", NULL, "a table of comma-separated values instead of JSON lines"},
	{'O', "output", "FILE", "write FILE instead of standard output"},
	{'T', "filter", "TEXT",
	 "those with all these words in a name, an address, a user, a number or a state"},
	{'W', "alerts", NULL, "alerts, not flows"},
	/* general */
	{'c', "config", "FILE", "read FILE and FILE.d/*.conf instead of " CONFIG_DEFAULT_PATH " and conf.d"},
	{'S', "set", "SECTION.KEY=VALUE", "set one setting, over the file; may be repeated"},
	{'d', "db", "FILE", "the history to ask, instead of the one configured"},
	{'f', "format", "FORMAT", "table, json (one object a line) or tsv; stats also: openmetrics"},
	{'V', "version", NULL, "print the version and exit"},
	{'h', "help", NULL, "print help; behind a command: that command's"},
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* What one reading of options needs. */
struct reading {
	struct options *options;
	int64_t now_ns;
	char *message;
};

/* Writes what is wrong, and where help is. Returns OPTIONS_MISUSE. */
__attribute__((format(printf, 2, 3))) static enum options_result misuse(const struct reading *reading,
									const char *format, ...)
{
	const struct command *command = reading->options->command;
	char text[OPTIONS_MESSAGE_MAX / 2];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(reading->message, OPTIONS_MESSAGE_MAX, "%s; see firstseen %s%s--help", text,
		 command ? command->name : "", command ? " " : "");
	return OPTIONS_MISUSE;
}

static int read_limit(const char *text, int64_t *limit)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (*text < '0' || *text > '9' || errno || *end || value < 1)
		return -EINVAL;
	*limit = value;
	return 0;
}

static int read_format(const char *text, enum output_format *format)
{
	static const char *const names[] = {[OUTPUT_TABLE] = "table",
					    [OUTPUT_JSON] = "json",
					    [OUTPUT_TSV] = "tsv",
					    [OUTPUT_METRICS] = "openmetrics"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*format = (enum output_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_kind(const char *text, const char **kind)
{
	for (int i = 0; i < ALERT_KINDS; i++) {
		if (strcmp(text, alert_kind_name((enum alert_kind)i)) == 0) {
			*kind = text;
			return 0;
		}
	}
	return -EINVAL;
}

static enum options_result take_general(const struct reading *reading, int letter, const char *value)
{
	struct options *options = reading->options;

	switch (letter) {
	case 'c':
		options->file = value;
		return OPTIONS_RUN;
	case 'S':
		if (options->setting_count == OPTIONS_SETTINGS_MAX)
			return misuse(reading, "more than %d --set", OPTIONS_SETTINGS_MAX);
		options->settings[options->setting_count++] = value;
		return OPTIONS_RUN;
	case 'd':
		options->database = value;
		return OPTIONS_RUN;
	case 'f':
		if (read_format(value, &options->format))
			return misuse(reading, "--format %.100s: not table, json or tsv", value);
		return OPTIONS_RUN;
	case 'V':
		return OPTIONS_VERSION;
	default:
		return OPTIONS_HELP;
	}
}

static enum options_result take_time(const struct reading *reading, const char *name, const char *value,
				     int64_t *time_ns)
{
	if (text_parse_time(value, reading->now_ns, time_ns))
		return misuse(reading,
			      "--%s %.100s: not a time like 2026-03-01T12:00:00Z, a date, or a span like 7d",
			      name, value);
	return OPTIONS_RUN;
}

static enum options_result take(const struct reading *reading, int letter, const char *value)
{
	struct options *options = reading->options;

	switch (letter) {
	case 's':
		return take_time(reading, "since", value, &options->filter.since_ns);
	case 'u':
		return take_time(reading, "until", value, &options->filter.until_ns);
	case 'a':
		options->filter.application = value;
		return OPTIONS_RUN;
	case 'k':
		return read_kind(value, &options->filter.kind)
			       ? misuse(reading, "--kind %.100s: no alert is of that kind", value)
			       : OPTIONS_RUN;
	case 'l':
		return read_limit(value, &options->filter.limit)
			       ? misuse(reading, "--limit %.100s: not a number from 1 on", value)
			       : OPTIONS_RUN;
	case 'n':
		options->filter.fresh = true;
		return OPTIONS_RUN;
	case 'o':
		options->filter.open = true;
		return OPTIONS_RUN;
	case 'F':
		options->flows = true;
		return OPTIONS_RUN;
	case 'A':
		options->alerts = true;
		return OPTIONS_RUN;
	case 'i':
		options->into = value;
		return OPTIONS_RUN;
	case 'N':
		options->note = value;
		return OPTIONS_RUN;
	case 'C':
		options->client = value;
		return OPTIONS_RUN;
	case 'g':
		options->again = true;
		return OPTIONS_RUN;
	case 'v':
		options->csv = true;
		return OPTIONS_RUN;
	case 'O':
		options->output = value;
		return OPTIONS_RUN;
	case 'T':
		options->words = value;
		return OPTIONS_RUN;
	case 'W':
		options->alerts = true;
		return OPTIONS_RUN;
	default:
		return take_general(reading, letter, value);
	}
}

static const struct option_text *text_of(int letter)
{
	for (size_t i = 0; i < TEXTS; i++)
		if (texts[i].letter == letter)
			return &texts[i];
	return NULL;
}

/* The long options that hold here: the general ones, and the command's. */
static void list(const struct command *command, struct option known[static OPTIONS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < TEXTS; i++) {
		if (!strchr(GENERAL, texts[i].letter) &&
		    !(command && strchr(command->options, texts[i].letter)))
			continue;
		known[count++] = (struct option){.name = texts[i].name,
						 .has_arg = texts[i].value ? required_argument : no_argument,
						 .val = texts[i].letter};
	}
	known[count] = (struct option){0};
}

/* What getopt_long refused. */
static enum options_result refused(const struct reading *reading, int answer, char **argv)
{
	const struct option_text *text = optopt ? text_of(optopt) : NULL;

	if (answer == ':')
		return misuse(reading, "%.200s lacks its value", argv[optind - 1]);
	if (text && !text->value && strncmp(argv[optind - 1], "--", 2) == 0)
		return misuse(reading, "--%s takes no value", text->name);
	if (optopt)
		return misuse(reading, "-%c is not an option", optopt);
	return misuse(reading, "%.200s is not an option", argv[optind - 1]);
}

/* Reads options; `command` NULL: up to the command. Afterwards optind is the first argument. */
static enum options_result read_all(const struct reading *reading, int argc, char **argv)
{
	struct option known[OPTIONS_MAX];
	enum options_result result = OPTIONS_RUN;
	const struct command *command = reading->options->command;
	bool writes = command && strchr(command->options, 'O');
	const char *letters = writes ? ":c:ho:" : command ? ":c:h" : "+:c:h";
	int answer;

	list(command, known);
	optind = 0; /* anew */
	opterr = 0;
	while (result == OPTIONS_RUN && (answer = getopt_long(argc, argv, letters, known, NULL)) != -1) {
		if (writes && answer == 'o') /* -o; of other commands --open */
			answer = 'O';
		result = answer == '?' || answer == ':' ? refused(reading, answer, argv)
							: take(reading, answer, optarg);
	}
	return result;
}

static const struct command *find(const struct command *commands, const char *name)
{
	for (; commands->name; commands++)
		if (strcmp(commands->name, name) == 0)
			return commands;
	return NULL;
}

static enum options_result check(const struct reading *reading)
{
	const struct options *options = reading->options;
	const struct history_filter *filter = &options->filter;
	const struct command *command = options->command;

	if (options->argc < command->least)
		return misuse(reading, "%s needs %s", command->name, command->arguments);
	if (command->most >= 0 && options->argc > command->most)
		return misuse(reading, "unexpected argument %.200s", options->argv[command->most]);
	if (options->format == OUTPUT_METRICS && strcmp(command->name, "stats") != 0)
		return misuse(reading, "--format openmetrics is for stats");
	if (filter->since_ns && filter->until_ns && filter->since_ns > filter->until_ns)
		return misuse(reading, "--since lies behind --until");
	return OPTIONS_RUN;
}

enum options_result options_read(struct options *options, const struct command *commands, int argc,
				 char **argv, int64_t now_ns, char message[static OPTIONS_MESSAGE_MAX])
{
	struct reading reading = {.options = options, .now_ns = now_ns, .message = message};
	enum options_result result = read_all(&reading, argc, argv);
	const struct command *command;

	if (result != OPTIONS_RUN)
		return result;
	if (optind >= argc)
		return misuse(&reading, "a command is needed");
	argc -= optind;
	argv += optind;
	if (strcmp(argv[0], "help") == 0) {
		options->command = argc > 1 ? find(commands, argv[1]) : NULL;
		return argc > 1 && !options->command ? misuse(&reading, "%.200s is not a command", argv[1])
						     : OPTIONS_HELP;
	}
	command = find(commands, argv[0]);
	if (!command)
		return misuse(&reading, "%.200s is not a command", argv[0]);
	options->command = command;
	result = read_all(&reading, argc, argv);
	if (result != OPTIONS_RUN)
		return result;
	options->argc = argc - optind;
	options->argv = argv + optind;
	return check(&reading);
}

bool options_set(const struct options *options, const char *setting)
{
	size_t length = strlen(setting);

	for (size_t i = 0; i < options->setting_count; i++)
		if (strncmp(options->settings[i], setting, length) == 0 &&
		    options->settings[i][length] == '=')
			return true;
	return false;
}

/* --- help -------------------------------------------------------------------------------- */

/* The text from column `indent` on, broken at blanks where it would pass the width that every terminal has.
 */
static void put_wrapped(FILE *out, const char *text, size_t indent)
{
	size_t at = indent;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (at > indent && at + 1 + word > HELP_WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', out);
			at++;
		}
		fwrite(text, 1, word, out);
		at += word;
		text += word + strspn(text + word, " ");
	}
	fputc('\n', out);
}

static void print_options(FILE *out, const char *letters)
{
	char left[64];

	for (size_t i = 0; i < TEXTS; i++) {
		const struct option_text *text = &texts[i];

		if (!strchr(letters, text->letter))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", text->name, text->value ? " " : "",
			 text->value ? text->value : "");
		if (strchr("chO", text->letter))
			fprintf(out, "  -%c, ", text->letter | 32);
		else
			fputs("      ", out);
		fprintf(out, "%-24s ", left);
		put_wrapped(out, text->help, 31);
	}
}

void options_usage(FILE *out, const struct command *commands)
{
	fputs("usage: firstseen [OPTION]... COMMAND [OPTION]... [ARGUMENT]...\n\n", out);
	for (; commands->name; commands++) {
		fprintf(out, "  %-10s ", commands->name);
		put_wrapped(out, commands->summary, 13);
	}
	fputs("\nOptions of all commands:\n", out);
	print_options(out, GENERAL);
	fputs("\nExit status: 0 done, 1 nothing found or failed, 2 bad usage or configuration.\n", out);
}

void options_command_usage(FILE *out, const struct command *command)
{
	fprintf(out, "usage: firstseen [OPTION]... %s%s%s%s\n\n", command->name,
		command->options[0] ? " [OPTION]..." : "", command->arguments[0] ? " " : "",
		command->arguments);
	put_wrapped(out, command->summary, 0);
	if (command->options[0])
		fputc('\n', out);
	print_options(out, command->options);
	fputs("\nOptions of all commands:\n", out);
	print_options(out, GENERAL);
}
