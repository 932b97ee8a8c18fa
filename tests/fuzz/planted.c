/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* planted.c - a fault that must be found, and told: else the run of the others says nothing. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	volatile char behind = '\0';

	if (size > 3 && memcmp(text, "plan", 4) == 0)
		behind = text[size + 1];
	(void)behind;
	free(text);
	return 0;
}
