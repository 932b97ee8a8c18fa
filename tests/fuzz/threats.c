/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* threats.c - a list of threats of any bytes, then its own words looked up. */
#include "threat/threats.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure failure = {{0}};
	struct threats *threats;
	struct threat_match match;
	char *text = fuzz_text(data, size), *at = text, normal[HOSTNAME_MAX];

	must(threats_new(fuzz_rules(), &threats) == 0);
	must(threats_load(threats, (enum threat_class)(size % 2), fuzz_file(data, size), &failure) == 0 ||
	     failure.text[0]);
	for (char *word; (word = strsep(&at, " \t\r\n,"));) {
		if (hostname_normalise(word, normal) == 0 && threats_find(threats, normal, &match))
			must(match.entry[0] && strlen(match.entry) <= strlen(normal) + 2);
	}
	must(threats_counts(threats)->files <= 1);
	threats_free(threats);
	free(text);
	return 0;
}
