/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hostname.c - a name of any bytes to the domain that it is kept under. */
#include <stdlib.h>
#include <string.h>

#include "domain/aws.h"
#include "support.h"

static void check_text(const char *text)
{
	for (; *text; text++)
		must(*text > ' ' && *text < 0x7f && !(*text >= 'A' && *text <= 'Z'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), normal[HOSTNAME_MAX], again[HOSTNAME_MAX], domain[DOMAIN_MAX];
	int error = hostname_normalise(text, normal);
	enum domain_kind kind = domain_of(fuzz_rules(), text, domain);

	must(strlen(normal) < HOSTNAME_MAX && strlen(domain) < DOMAIN_MAX);
	must(!error || normal[0] == '\0');
	must((kind == DOMAIN_INVALID) == (domain[0] == '\0'));
	if (!error) {
		check_text(normal);
		check_text(domain);
		must(hostname_normalise(normal, again) == 0 && strcmp(again, normal) == 0);
		if (kind == DOMAIN_REGISTRABLE)
			must(strlen(domain) <= strlen(normal) &&
			     strcmp(normal + strlen(normal) - strlen(domain), domain) == 0);
		(void)aws_domain_of(normal, size % 2, domain);
		(void)domain_is_public_suffix(fuzz_rules(), normal);
	}
	free(text);
	return 0;
}
