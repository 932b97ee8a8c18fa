/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_review.c - what the operator judged: ack, allow, unallow, allowed. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/rules.h"
#include "control/control.h"
#include "review/review.h"

/* Who types: behind sudo it is the one who called it. */
static const char *author(void)
{
	const char *name = getenv("SUDO_USER");
	struct passwd *user;

	if (name && name[0])
		return name;
	user = getpwuid(getuid());
	return user ? user->pw_name : "unknown";
}

static int say(bool done, const char *text)
{
	if (!done)
		return cli_fail("%s", text);
	puts(text);
	return CLI_DONE;
}

static int ask_daemon(const struct cli *cli, size_t count, const char *const *words)
{
	struct control_words request = {0};
	struct failure failure = {{0}};
	char text[CONTROL_BYTES_MAX], path[PATH_MAX];
	int result = 0;

	if (!cli->config.socket_path[0])
		return cli_fail(
			"a daemon is writing to %s and has no control socket: set control.socket, or stop it",
			cli->database);
	control_add(&request, CONTROL_VERSION);
	control_add(&request, realpath(cli->database, path) ? path : cli->database);
	for (size_t i = 0; i < count && !result; i++)
		result = control_add(&request, words[i]);
	if (result)
		return cli_fail("that is too much text for one request");
	result = control_ask(cli->config.socket_path, &request, text, sizeof(text), &failure);
	if (result == 1)
		return say(true, text);
	return result == 0 ? cli_fail("%s", failure.text) : cli_fail_with(&failure, result);
}

static int apply_here(const struct cli *cli, struct history *history, size_t count, const char *const *words)
{
	struct failure failure = {{0}};
	char text[REVIEW_TEXT_MAX];
	int result = history_begin(history, &failure);

	if (result)
		return cli_fail_with(&failure, result);
	result = review_apply(history, &cli->config, count, words, cli->now_ns, text, &failure);
	if (result == 1) {
		int error = history_commit(history, &failure);

		result = error ? error : 1;
	}
	if (result != 1)
		history_rollback(history);
	return result < 0 ? cli_fail_with(&failure, result) : say(result == 1, text);
}

/* The daemon writes where there is one: a history has one writer. Else this command does it itself. */
static int carry_out(const struct cli *cli, size_t count, const char *const *words)
{
	struct history *history = NULL;
	struct failure failure = {{0}};
	int error, status;

	if (access(cli->database, F_OK))
		return cli_fail("no history at %s: %s", cli->database, strerror(errno));
	error = history_open(cli->database, HISTORY_WRITE, &history, &failure);
	if (error == -EBUSY)
		return ask_daemon(cli, count, words);
	if (error)
		return cli_fail_with(&failure, error);
	status = apply_here(cli, history, count, words);
	history_close(history);
	return status;
}

int cli_ack(struct cli *cli, int argc, char **argv)
{
	char by[USER_NAME_MAX + 8], note[1100];
	const char *words[4] = {"ack", argv[0], by, note};

	(void)argc;
	snprintf(by, sizeof(by), "author=%.60s", author());
	if (cli->options->note && strlen(cli->options->note) > 1000)
		return cli_fail("a note has at most 1000 bytes");
	snprintf(note, sizeof(note), "note=%s", cli->options->note ? cli->options->note : "");
	return carry_out(cli, 4, words);
}

int cli_allow(struct cli *cli, int argc, char **argv)
{
	const char *words[CONTROL_WORDS_MAX];
	char by[USER_NAME_MAX + 8];
	size_t count = 0;

	if (argc > CONTROL_WORDS_MAX - 8)
		return cli_fail("too many fields");
	words[count++] = "allow";
	words[count++] = argv[0];
	snprintf(by, sizeof(by), "author=%.60s", author());
	words[count++] = by;
	for (int i = 1; i < argc; i++)
		words[count++] = argv[i];
	return carry_out(cli, count, words);
}

int cli_unallow(struct cli *cli, int argc, char **argv)
{
	const char *words[2] = {"unallow", argv[0]};

	(void)argc;
	return carry_out(cli, 2, words);
}

/* --- allowed ---------------------------------------------------------------------- */

static const struct column columns[] = {
	{.key = "name", .type = COLUMN_NAME},
	{.key = "rule", .type = COLUMN_NAME},
	{.key = "hits", .type = COLUMN_COUNT},
	{.key = "last_hit", .type = COLUMN_TIME},
	{.key = "expires", .type = COLUMN_TIME, .spare = 1},
	{.key = "reason", .type = COLUMN_NAME},
	{.key = "author", .type = COLUMN_NAME, .spare = 2},
	{.key = "from", .type = COLUMN_TEXT, .spare = 3},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static int list_rule(void *output, const struct rule_row *row)
{
	const struct allow_rule *rule = row->rule;
	union cell cells[COLUMNS] = {
		{.text = rule->name},
		{.text = row->fields},
		{.count = row->hits},
		{.time_ns = row->last_hit_ns},
		{.time_ns = rule->expires_ns},
		{.text = rule->reason},
		{.text = rule->author},
		{.text = rule->origin == ALLOW_FROM_CONFIG ? "config" : "command"},
	};

	return output_row(output, cells);
}

static int add_rules(const struct cli *cli, struct history *history, struct output *output,
		     struct failure *failure)
{
	return rules_list(cli, history, list_rule, output, failure);
}

int cli_allowed(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return cli_list(cli, columns, COLUMNS, add_rules, "there are no allow rules");
}
