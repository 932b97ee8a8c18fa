/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect.h - what the tests of the domain rules share. Include after cmocka.h. */
#ifndef DOMAIN_EXPECT_H
#define DOMAIN_EXPECT_H

#include <stdio.h>

#include "domain/domain.h"

#define COLUMNS_MAX 8

struct domain_rules *rules_with(bool private_suffixes, bool aws_buckets, const char *list_path);

void expect_domain_at(const struct domain_rules *rules, const char *hostname, enum domain_kind kind,
		      const char *domain, const char *file, int line);
#define expect_domain(rules, hostname, kind, domain)                                                         \
	expect_domain_at(rules, hostname, kind, domain, __FILE__, __LINE__)

/* Opens a file of the outside test data, or prints why it is skipped and returns NULL. */
FILE *open_data(const char *name);

/* Splits the next line that is no comment at its tabs. Returns the columns, 0 at the end. */
size_t read_row(FILE *file, char *line, int size, char *columns[static COLUMNS_MAX]);

#endif
