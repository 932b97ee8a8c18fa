/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_domain_of.c - how hostnames are grouped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "domain/domain.h"

static const struct column columns[] = {{"hostname", COLUMN_TEXT}, {"domain", COLUMN_TEXT}};

/* Whether there is a domain. A table is printed like tab-separated values: scripts read it. */
static bool print_one(const struct cli *cli, const struct domain_rules *rules, struct output *output,
		      const char *hostname)
{
	char domain[DOMAIN_MAX], shown[4 * DOMAIN_MAX], name[OUTPUT_VALUE_MAX];
	enum domain_kind kind = domain_of(rules, hostname, domain);
	union cell cells[2] = {{.text = hostname}, {.text = kind == DOMAIN_INVALID ? "-" : domain}};

	if (cli->format == OUTPUT_JSON) {
		output_row(output, cells);
	} else {
		text_escape(name, sizeof(name), hostname, strlen(hostname));
		text_escape(shown, sizeof(shown), cells[1].text, strlen(cells[1].text));
		printf("%s\t%s\n", name, shown);
	}
	return kind != DOMAIN_INVALID;
}

static bool print_lines(const struct cli *cli, const struct domain_rules *rules, struct output *output)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	bool all = true;

	while ((length = getline(&line, &size, stdin)) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		all &= print_one(cli, rules, output, line);
	}
	free(line);
	return all;
}

int cli_domain_of(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct domain_settings settings = {.private_suffixes = cli->config.private_suffixes,
					   .aws_buckets = cli->config.aws_buckets};
	struct history_filter filter = {0};
	struct failure failure = {{0}};
	struct domain_rules *rules;
	struct output *output;
	bool all = true;
	int status, first = cli_options(cli, command, argc, argv, "", &filter, &status);

	if (first < 0)
		return status;
	if (first == argc)
		return cli_misuse(command, "domain-of takes hostnames, or - for lines on standard input");
	if (domain_rules_new(&settings, &rules, &failure))
		return cli_fail("%s", failure.text);
	output = output_new(OUTPUT_JSON, columns, 2, cli->now_ns);
	for (int i = first; i < argc; i++)
		all &= strcmp(argv[i], "-") == 0 ? print_lines(cli, rules, output)
						 : print_one(cli, rules, output, argv[i]);
	output_end(output);
	domain_rules_free(rules);
	return all ? CLI_DONE : CLI_FAILED;
}
