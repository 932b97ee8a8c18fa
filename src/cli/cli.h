/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cli.h - what the sub-commands of `firstseen` share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "cli/options.h"
#include "cli/output.h"
#include "config/config.h"
#include "domain/domain.h"
#include "history/history.h"

#define CLI_DONE 0
#define CLI_FAILED 1 /* or nothing found */
#define CLI_USAGE 2  /* or a bad configuration */

/* What a command works with. */
struct cli {
	const struct command *command;
	const struct options *options;
	struct config config; /* file and --set */
	const char *database;
	int64_t now_ns;
};

/* Prints one line on stderr. Returns CLI_FAILED. */
__attribute__((format(printf, 1, 2))) int cli_fail(const char *format, ...);

/* The same from a failure; where it has no text, from the -errno. */
int cli_fail_with(const struct failure *failure, int error);

/* Opens the history to read; says why not. NULL on failure. */
struct history *cli_open_history(const struct cli *cli);

/* Rows of an open history into the output. 0, or -errno with *failure filled. */
typedef int cli_rows(const struct cli *cli, struct history *history, struct output *output,
		     struct failure *failure);

/* A command that prints a table: opens the history, has the rows added, says `none` where there are none.
 * Returns an exit status. */
int cli_list(const struct cli *cli, const struct column *columns, size_t count, cli_rows *add,
	     const char *none);

/* What a walk ended with: rows, none of them, or a failure. Returns an exit status. */
int cli_finish(int error, size_t rows, const struct failure *failure, const char *none);

/* Loads the suffix list as the settings want it. 0, or -errno with *failure filled. */
int cli_open_rules(const struct cli *cli, struct domain_rules **out, struct failure *failure);

/* The commands: their arguments alone, without options. They return an exit status. */
int cli_status(struct cli *cli, int argc, char **argv);
int cli_stats(struct cli *cli, int argc, char **argv);
int cli_doctor(struct cli *cli, int argc, char **argv);
int cli_domains(struct cli *cli, int argc, char **argv);
int cli_history(struct cli *cli, int argc, char **argv);
int cli_apps(struct cli *cli, int argc, char **argv);
int cli_app(struct cli *cli, int argc, char **argv);
int cli_alerts(struct cli *cli, int argc, char **argv);
int cli_alert(struct cli *cli, int argc, char **argv);
int cli_domain_of(struct cli *cli, int argc, char **argv);
int cli_ack(struct cli *cli, int argc, char **argv);
int cli_allow(struct cli *cli, int argc, char **argv);
int cli_allowed(struct cli *cli, int argc, char **argv);
int cli_unallow(struct cli *cli, int argc, char **argv);
int cli_replay(struct cli *cli, int argc, char **argv);
int cli_import(struct cli *cli, int argc, char **argv);
int cli_export(struct cli *cli, int argc, char **argv);
int cli_report(struct cli *cli, int argc, char **argv);
int cli_watch(struct cli *cli, int argc, char **argv);

#endif
