/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rules.h - the allow rules with their hits, for `allowed` and for the report. */
#ifndef CLI_RULES_H
#define CLI_RULES_H

#include "cli/cli.h"

#define RULE_FIELDS_MAX 2048

struct rule_row {
	const struct allow_rule *rule;
	const char *fields; /* "domain=example.com port=443" */
	uint64_t hits;
	int64_t last_hit_ns; /* 0: never */
};
typedef int rule_row_callback(void *context, const struct rule_row *row);

/* Those of the configuration, then those of the command by name. A callback's value other than 0 ends the
 * walk and is returned; else 0 or -errno. */
int rules_list(const struct cli *cli, struct history *history, rule_row_callback *callback, void *context,
	       struct failure *failure);

#endif
