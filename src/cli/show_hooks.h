/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show_hooks.h - what a daemon does without, out of its state "hooks_missing". */
#ifndef CLI_SHOW_HOOKS_H
#define CLI_SHOW_HOOKS_H

#include "base/json.h"

/* A line each for people. */
void show_hooks_missing(const char *state);

/* An array of objects: hook, state, error, costs. */
void show_hooks_missing_json(struct json *json, const char *state);

#endif
