/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* aws.h - which AWS service a hostname belongs to, by the shape of its labels. */
#ifndef DOMAIN_AWS_H
#define DOMAIN_AWS_H

#include <stdbool.h>

#include "domain/domain.h"

/*
 * `hostname` is normalised. Returns false, with out untouched, where it is not
 * below a suffix of AWS or nothing is left of it. `keep_tenants`: the labels in
 * front of the service (a bucket's name) stay part of the domain.
 */
bool aws_domain_of(const char *hostname, bool keep_tenants, char out[static DOMAIN_MAX]);

#endif
