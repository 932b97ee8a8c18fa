/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/show_hooks.h"

#include <stdio.h>

#include "capture/hooks.h"

void show_hooks_missing(const char *state)
{
	char text[HOOK_ERROR_MAX];
	enum hook_id id;
	int error;

	while (hooks_read_missing(&state, &id, &error))
		printf("%-12s %s (%s): %s\n", hook_state_name(hook_state_of(error)), hook_of(id)->name,
		       hook_error_text(error, text), hook_of(id)->cost);
}

void show_hooks_missing_json(struct json *json, const char *state)
{
	char text[HOOK_ERROR_MAX];
	enum hook_id id;
	int error;

	json_array_open(json, "hooks_missing");
	while (hooks_read_missing(&state, &id, &error)) {
		json_object_open(json, NULL);
		json_put_string(json, "hook", hook_of(id)->name);
		json_put_string(json, "state", hook_state_name(hook_state_of(error)));
		json_put_string(json, "error", hook_error_text(error, text));
		json_put_string(json, "costs", hook_of(id)->cost);
		json_object_close(json);
	}
	json_array_close(json);
}
