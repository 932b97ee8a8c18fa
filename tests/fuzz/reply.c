/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* reply.c - an answer of the DNS to the daemon's own questions, and a text of a zone of origin ASes. */
#include "enrich/reply.h"

#include <stdlib.h>
#include <string.h>

#include "enrich/origin.h"
#include "support.h"

static void check(const struct reply_texts *texts)
{
	must(texts->count >= 1 && texts->count <= REPLY_TEXTS_MAX);
	for (unsigned i = 0; i < texts->count; i++) {
		must(texts->texts[i][0] && strlen(texts->texts[i]) < REPLY_TEXT_MAX);
		for (const char *at = texts->texts[i]; *at; at++)
			must(*at >= ' ' && *at < 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 7};
	struct reply_texts texts;
	struct origin origin;
	struct address about;
	char *text = fuzz_text(data, size);
	uint32_t ttl;

	memcpy(about.bytes, address, sizeof(address));
	if (reply_names(data, size, &texts) == 0)
		check(&texts);
	if (reply_strings(data, size, &texts) == 0)
		check(&texts);
	(void)reply_has_address(data, size, &about, &ttl);
	(void)reply_name_is_plain(text);
	if (origin_parse(text, &about, &origin) == 0) {
		must(network_contains(&origin.prefix, &about));
		must(strlen(origin.country) == 0 || strlen(origin.country) == 2);
		must(strlen(origin.registry) < ORIGIN_REGISTRY_MAX);
	}
	free(text);
	return 0;
}
