/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ini.h - a strict INI reader: [section] or [section NAME], key=value, whole-line
 * comments with # or ;. Nothing is guessed: what is not one of these is an error
 * with file and line.
 */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include <stddef.h>

#include "base/failure.h"

#define INI_VALUE_MAX 4096

/* Called for each key. Returns 0, or -EINVAL with *failure filled (the reader puts "FILE:LINE: " before it).
 */
typedef int ini_callback(void *context, const char *section, const char *name, const char *key,
			 const char *value, struct failure *failure);

/* `label` names the text in messages. `name` is "" for plain [section]. 0 or -EINVAL. */
int ini_read(const char *label, const char *text, size_t length, ini_callback *callback, void *context,
	     struct failure *failure);

#endif
