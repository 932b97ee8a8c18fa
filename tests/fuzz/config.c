/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* config.c - a configuration of any bytes, and its first line as a --set. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

static struct config defaults, config, before;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure failure = {{0}};
	char *text = fuzz_text(data, size);
	int error;

	if (defaults.window_seconds == 0)
		config_defaults(&defaults);
	config = defaults;
	error = config_read_file(&config, fuzz_file(data, size), &failure);
	must(!error || (failure.text[0] && memcmp(&config, &defaults, sizeof(config)) == 0));
	must(config.list_count <= CONFIG_LISTS_MAX && config.sink_count <= CONFIG_SINKS_MAX);
	must(config.allow_count <= CONFIG_ALLOW_MAX && config.dns_port_count <= CONFIG_PORTS_MAX);
	failure.text[0] = '\0';
	must(config_validate(&config, &failure) == 0 || failure.text[0]);

	text[strcspn(text, "\n")] = '\0';
	before = config;
	failure.text[0] = '\0';
	error = config_set(&config, text, &failure);
	must(!error || (failure.text[0] && memcmp(&config, &before, sizeof(config)) == 0));
	free(text);
	return 0;
}
