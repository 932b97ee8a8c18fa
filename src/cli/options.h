/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * options.h - the command line: general options, which may stand before and behind
 * the command, a command, its options and arguments.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/output.h"
#include "history/history.h"

#define OPTIONS_SETTINGS_MAX 64
#define OPTIONS_MESSAGE_MAX 1024

struct cli;

struct command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;
	const char *options; /* the letters of those it has, see options.c */
	int least, most;     /* arguments; most -1: no bound */
	int (*run)(struct cli *cli, int argc, char **argv);
};

struct options {
	/* general */
	const char *file; /* the configuration; NULL: the default */
	const char *database;
	const char *settings[OPTIONS_SETTINGS_MAX];
	size_t setting_count;
	enum output_format format;
	/* of commands */
	struct history_filter filter;
	bool flows, alerts;
	const char *words; /* to look for; NULL: none */
	const char *into;
	const char *note;
	const char *client, *output;
	bool again, csv;
	/* what is left */
	const struct command *command;
	int argc;
	char **argv;
};

enum options_result {
	OPTIONS_RUN,     /* a command is to be run */
	OPTIONS_HELP,    /* of options->command, or of all where that is NULL */
	OPTIONS_VERSION, /* print it */
	OPTIONS_MISUSE,  /* `message` says what is wrong and where help is */
};

/*
 * Reads the command line; argv is permuted and must outlive *options. `commands` ends with
 * a NULL name. Spans are taken back from `now_ns`. Prints nothing.
 */
enum options_result options_read(struct options *options, const struct command *commands, int argc,
				 char **argv, int64_t now_ns, char message[static OPTIONS_MESSAGE_MAX]);

/* Whether a --set names this setting ("detect.learning"). */
bool options_set(const struct options *options, const char *setting);

void options_usage(FILE *out, const struct command *commands);
void options_command_usage(FILE *out, const struct command *command);

#endif
