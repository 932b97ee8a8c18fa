/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_doctor.c - what this host offers, tried for real; what is missing, what that costs, and the mend. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/checks.h"
#include "cli/cli.h"

#define NAME_WIDTH 27 /* of the longest hook and a blank */
#define STATE_WIDTH 9

static const struct column columns[] = {
	{.key = "check", .type = COLUMN_TEXT},     {.key = "state", .type = COLUMN_TEXT},
	{.key = "needed", .type = COLUMN_BOOLEAN}, {.key = "detail", .type = COLUMN_TEXT},
	{.key = "costs", .type = COLUMN_TEXT},     {.key = "mend", .type = COLUMN_TEXT},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct findings {
	struct output *output; /* NULL: a table for people */
	size_t needed_bad, other_bad;
	char mend[CHECK_TEXT_MAX]; /* the last one printed */
	int error;
};

static void print_line(const char *name, const char *colour, const char *state, const char *text)
{
	char *escaped = output_escape(text);

	printf("%-*s %s%-*s%s %s\n", NAME_WIDTH, name, colour, STATE_WIDTH, state, *colour ? "\033[0m" : "",
	       escaped ? escaped : "(out of memory)");
	free(escaped);
}

static void print_check(struct findings *findings, const struct check *check)
{
	const char *colour = "";
	char *name = output_escape(check->name);

	if (output_has_colour())
		colour = check->good ? "\033[32m" : check->needed ? "\033[31m" : "\033[33m";
	print_line(name ? name : "", colour, check->state, check->detail);
	if (check->costs[0])
		print_line("", "", "costs", check->costs);
	if (check->mend[0])
		print_line("", "", "mend", strcmp(check->mend, findings->mend) ? check->mend : "as above");
	text_copy(findings->mend, sizeof(findings->mend), check->mend);
	free(name);
}

static void add_check(void *context, const struct check *check)
{
	struct findings *findings = context;
	const union cell cells[COLUMNS] = {
		{.text = check->name},   {.text = check->state}, {.count = check->needed},
		{.text = check->detail}, {.text = check->costs}, {.text = check->mend},
	};

	if (!check->good)
		*(check->needed ? &findings->needed_bad : &findings->other_bad) += 1;
	if (!findings->output)
		print_check(findings, check);
	else if (!findings->error)
		findings->error = output_row(findings->output, cells);
}

static void print_verdict(const struct findings *findings)
{
	if (findings->needed_bad)
		printf("\nThis host can not be watched so: %zu of the things above are needed and do not "
		       "work.\n",
		       findings->needed_bad);
	else if (findings->other_bad)
		printf("\nThis host can be watched; %zu of the things above could be better.\n",
		       findings->other_bad);
	else
		printf("\nThis host can be watched, and everything works.\n");
}

int cli_doctor(struct cli *cli, int argc, char **argv)
{
	struct findings findings = {0};
	bool has_rights;

	(void)argc;
	(void)argv;
	if (cli->options->format != OUTPUT_TABLE) {
		findings.output = output_new(cli->options->format, columns, COLUMNS, cli->now_ns);
		if (!findings.output)
			return cli_fail("%s", strerror(ENOMEM));
	}
	has_rights = checks_of_kernel(add_check, &findings);
	checks_of_hooks(has_rights, add_check, &findings);
	checks_of_daemon(cli, add_check, &findings);
	if (findings.output)
		output_end(findings.output);
	else
		print_verdict(&findings);
	if (findings.error)
		return cli_fail("%s", strerror(-findings.error));
	return findings.needed_bad ? CLI_FAILED : CLI_DONE;
}
