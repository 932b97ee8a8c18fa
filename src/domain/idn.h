/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* idn.h - internationalised names; the one place that knows libidn2. */
#ifndef DOMAIN_IDN_H
#define DOMAIN_IDN_H

#include "domain/domain.h"

/*
 * The A-label form of a hostname in UTF-8 (UTS 46, non-transitional). Allocates
 * inside; meant for the rare name that is not ASCII. 0, or -EINVAL with out untouched.
 */
int idn_to_ascii(const char *hostname, char out[static HOSTNAME_MAX]);

#endif
