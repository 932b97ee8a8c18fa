/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* config_keys.h - the keys of the configuration, and how the value of each is read. For config.c alone. */
#ifndef CONFIG_CONFIG_KEYS_H
#define CONFIG_CONFIG_KEYS_H

#include <stddef.h>

#include "config/config.h"

/* One key: how its value is read into the configuration. 0 or -EINVAL with *failure filled. */
struct config_key {
	const char *section;
	const char *key;
	int (*read)(struct config *config, const char *value, struct failure *failure);
};

#define CONFIG_KEYS 33

extern const struct config_key config_keys[CONFIG_KEYS];

#endif
