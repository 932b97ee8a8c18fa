/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rows.h - rows of the history that more than one command prints. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "cli/cli.h"

const char *rows_kind_name(enum subject_kind kind);
const char *rows_application_name(const char *name);

/* The columns of a domain_row, and the callback that adds one. */
struct output *rows_of_domains(const struct cli *cli);
int rows_add_domain(void *output, const struct domain_row *row);

#endif
