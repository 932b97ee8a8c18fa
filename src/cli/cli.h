/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cli.h - what the sub-commands of `firstseen` share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "cli/output.h"
#include "config/config.h"
#include "history/history.h"

#define CLI_DONE 0
#define CLI_FAILED 1 /* or nothing found */
#define CLI_USAGE 2

/* What holds for all commands. */
struct cli {
	struct config config; /* file and --set */
	const char *database;
	enum output_format format;
	int64_t now_ns;
	bool learning_set; /* --set detect.learning was given */
};

struct command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;
	const char *help; /* the options, one a line; may be "" */
	int (*run)(struct cli *cli, const struct command *command, int argc, char **argv);
};

/* Prints one line on stderr. Returns CLI_FAILED or CLI_USAGE. */
__attribute__((format(printf, 1, 2))) int cli_fail(const char *format, ...);
__attribute__((format(printf, 2, 3))) int cli_misuse(const struct command *command, const char *format, ...);

/* Opens the history to read; says why not. NULL on failure. */
struct history *cli_open_history(const struct cli *cli);

/*
 * The options that several commands have. `wanted` lists the letters allowed:
 * s --since, u --until, a --app, k --kind, l --limit, n --new, o --open. Returns the
 * index of the first argument, or -1 after it printed what is wrong or the help (then *status is set).
 */
int cli_options(const struct cli *cli, const struct command *command, int argc, char **argv,
		const char *wanted, struct history_filter *filter, int *status);

/* Prints a command's help. */
void cli_help(const struct command *command);

int cli_status(struct cli *cli, const struct command *command, int argc, char **argv);
int cli_stats(struct cli *cli, const struct command *command, int argc, char **argv);
int cli_domains(struct cli *cli, const struct command *command, int argc, char **argv);
int cli_history(struct cli *cli, const struct command *command, int argc, char **argv);
int cli_apps(struct cli *cli, const struct command *command, int argc, char **argv);
int cli_app(struct cli *cli, const struct command *command, int argc, char **argv);
int cli_alerts(struct cli *cli, const struct command *command, int argc, char **argv);
int cli_alert(struct cli *cli, const struct command *command, int argc, char **argv);
int cli_domain_of(struct cli *cli, const struct command *command, int argc, char **argv);
int cli_replay(struct cli *cli, const struct command *command, int argc, char **argv);

#endif
