/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_domain_of.c - how hostnames are grouped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const struct column columns[] = {{.key = "hostname", .type = COLUMN_NAME},
					{.key = "domain", .type = COLUMN_NAME}};

struct grouping {
	const struct domain_rules *rules;
	struct output *output;
	bool all; /* had a domain */
};

static int print_one(struct grouping *grouping, const char *hostname)
{
	char domain[DOMAIN_MAX];
	bool valid = domain_of(grouping->rules, hostname, domain) != DOMAIN_INVALID;

	grouping->all &= valid;
	return output_row(grouping->output,
			  (union cell[2]){{.text = hostname}, {.text = valid ? domain : "-"}});
}

static int print_lines(struct grouping *grouping)
{
	char *line = NULL;
	size_t size = 0;
	int error = 0;

	while (!error && getline(&line, &size, stdin) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		error = print_one(grouping, line);
	}
	if (!error && ferror(stdin))
		error = -EIO;
	free(line);
	return error;
}

int cli_domain_of(struct cli *cli, int argc, char **argv)
{
	/* One line a name in a table as well: scripts read it, and names may come one by one. */
	enum output_format format = cli->options->format == OUTPUT_JSON ? OUTPUT_JSON : OUTPUT_TSV;
	struct grouping grouping = {.all = true};
	struct failure failure = {{0}};
	struct domain_rules *rules;
	int error = cli_open_rules(cli, &rules, &failure);

	if (error)
		return cli_fail_with(&failure, error);
	grouping.rules = rules;
	grouping.output = output_new(format, columns, 2, cli->now_ns);
	if (!grouping.output)
		error = -ENOMEM;
	for (int i = 0; i < argc && !error; i++)
		error = strcmp(argv[i], "-") == 0 ? print_lines(&grouping) : print_one(&grouping, argv[i]);
	output_end(grouping.output);
	domain_rules_free(rules);
	if (error)
		return cli_fail("%s", strerror(-error));
	return grouping.all ? CLI_DONE : CLI_FAILED;
}
