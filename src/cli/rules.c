/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct hit_row {
	char name[ALLOW_NAME_MAX];
	uint64_t hits;
	int64_t last_ns;
};

struct listing {
	rule_row_callback *callback;
	void *context;
	size_t count;
	struct hit_row *rows;
};

static int take_hits(void *context, const char *name, uint64_t hits, int64_t last_ns)
{
	struct listing *listing = context;
	struct hit_row *rows = realloc(listing->rows, (listing->count + 1) * sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	listing->rows = rows;
	text_copy(rows[listing->count].name, ALLOW_NAME_MAX, name);
	rows[listing->count].hits = hits;
	rows[listing->count++].last_ns = last_ns;
	return 0;
}

static void add_field(char text[static RULE_FIELDS_MAX], const char *field, const char *value)
{
	size_t used = strlen(text);

	if (value[0])
		snprintf(text + used, RULE_FIELDS_MAX - used, "%s%s=%s", used ? " " : "", field, value);
}

static int list_rule(void *context, const struct allow_rule *rule)
{
	struct listing *listing = context;
	struct hit_row none = {0}, *hits = &none;
	char fields[RULE_FIELDS_MAX] = "", port[8] = "";

	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->rows[i].name, rule->name) == 0)
			hits = &listing->rows[i];
	if (rule->port)
		snprintf(port, sizeof(port), "%u", (unsigned)rule->port);
	add_field(fields, "domain", rule->domain);
	add_field(fields, "application", rule->application);
	add_field(fields, "container", rule->container);
	add_field(fields, "user", rule->user);
	add_field(fields, "network", rule->network_text);
	add_field(fields, "port", port);
	return listing->callback(listing->context, &(struct rule_row){.rule = rule,
								      .fields = fields,
								      .hits = hits->hits,
								      .last_hit_ns = hits->last_ns});
}

int rules_list(const struct cli *cli, struct history *history, rule_row_callback *callback, void *context,
	       struct failure *failure)
{
	struct listing listing = {.callback = callback, .context = context};
	int result = history_hits(history, take_hits, &listing, failure);

	for (uint32_t i = 0; i < cli->config.allow_count && !result; i++)
		result = list_rule(&listing, &cli->config.allow[i]);
	if (!result)
		result = history_allowed(history, list_rule, &listing, failure);
	free(listing.rows);
	return result;
}
