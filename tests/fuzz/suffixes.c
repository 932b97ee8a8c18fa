/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* suffixes.c - a list of public suffixes of any bytes, then names grouped by it. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domain_settings settings = {.list_path = fuzz_file(data, size), .private_suffixes = size % 2};
	char *text = fuzz_text(data, size), *at = text, name[600], domain[DOMAIN_MAX];
	struct failure failure = {{0}};
	struct domain_rules *rules;
	int error = domain_rules_new(&settings, &rules, &failure);

	must(!error || failure.text[0]);
	for (char *word; !error && (word = strsep(&at, "\r\n"));) {
		strcpy(name, "www.example.");
		strncat(name, word, 500);
		(void)domain_of(rules, name, domain);
		(void)domain_is_public_suffix(rules, name);
	}
	if (!error) {
		must(domain_rules_identity(rules)[0]);
		domain_rules_free(rules);
	}
	free(text);
	return 0;
}
