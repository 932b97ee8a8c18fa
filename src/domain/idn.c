// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <idn2.h>
#include <string.h>

#include "domain/idn.h"

int idn_to_ascii(const char *hostname, char out[static HOSTNAME_MAX])
{
	char *converted = NULL;
	int result = -EINVAL;

	/* libidn2's own normalisation is what makes upper case and full-width dots right. */
	if (idn2_to_ascii_8z(hostname, &converted, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return -EINVAL;
	if (strlen(converted) < HOSTNAME_MAX) {
		memcpy(out, converted, strlen(converted) + 1);
		result = 0;
	}
	idn2_free(converted);
	return result;
}
