/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show_package.h - which packages of this host own an application. */
#ifndef CLI_SHOW_PACKAGE_H
#define CLI_SHOW_PACKAGE_H

#include "cli/cli.h"

struct packages;

/* Why no package is known, for people: "unowned" is "no package of this host has that file". */
const char *package_reason(const char *absent);

/*
 * Starts to read the packages of this host, where the settings want it; NULL: not, or it failed. To be
 * handed to packages_close.
 */
struct packages *show_package_open(const struct cli *cli);

/* Prints lines on the application's program and script. */
void show_package(const struct cli *cli, struct packages *packages, const struct application_row *row);

/* Prints what changed on this host in the last 7 days. */
void show_package_changes(const struct cli *cli, struct packages *packages);

#endif
