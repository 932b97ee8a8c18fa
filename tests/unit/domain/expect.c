// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "domain/expect.h"

struct domain_rules *rules_with(bool private_suffixes, bool aws_buckets, const char *list_path)
{
	struct domain_settings settings = {private_suffixes, aws_buckets, list_path};
	struct domain_rules *rules = NULL;
	struct failure failure = {""};

	if (domain_rules_new(&settings, &rules, &failure) != 0)
		fail_msg("no rules: %s", failure.text);
	return rules;
}

void expect_domain_at(const struct domain_rules *rules, const char *hostname, enum domain_kind kind,
		      const char *domain, const char *file, int line)
{
	char out[DOMAIN_MAX];
	enum domain_kind got = domain_of(rules, hostname, out);

	if (got != kind || strcmp(out, domain) != 0) {
		print_error("%s: expected %d \"%s\", got %d \"%s\"\n", hostname, (int)kind, domain, (int)got,
			    out);
		_fail(file, line);
	}
}

FILE *open_data(const char *name)
{
	const char *folder = getenv("FIRSTSEEN_TEST_DATA");
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "../shared/data", name);
	file = fopen(path, "r");
	if (!file)
		print_message("# skipped: no %s (set FIRSTSEEN_TEST_DATA)\n", path);
	return file;
}

size_t read_row(FILE *file, char *line, int size, char *columns[static COLUMNS_MAX])
{
	while (fgets(line, size, file)) {
		size_t count = 0;

		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		for (char *rest = line; rest && count < COLUMNS_MAX;)
			columns[count++] = strsep(&rest, "\t");
		return count;
	}
	return 0;
}
