/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/asking.h"

#include "base/log.h"
#include "base/text.h"

static void tell(const char *text)
{
	log_warning("%s", text);
}

static void settings_of(const struct config *config, struct enrich_settings *settings)
{
	*settings = (struct enrich_settings){
		.names = config->ptr, .origins = config->asn, .rate = config->dns_rate, .tell = tell};
	text_copy(settings->servers, sizeof(settings->servers), config->dns_servers);
	for (int i = 0; i < 2; i++)
		text_copy(settings->zones[i], sizeof(settings->zones[i]), config->dns_origin[i]);
}

struct enrich *asking_open(const struct config *config)
{
	struct enrich_settings settings;
	struct enrich *enrich = NULL;
	struct failure failure;

	settings_of(config, &settings);
	if ((config->ptr || config->asn) && enrich_open(&settings, &enrich, &failure))
		log_warning("alerts will not say what the DNS knows: %s", failure.text);
	return enrich;
}

void asking_configure(struct enrich *enrich, const struct config *config)
{
	struct enrich_settings settings;

	if (!enrich)
		return;
	settings_of(config, &settings);
	enrich_configure(enrich, &settings);
}

void asking_states(struct enrich *enrich, struct writer_states *states)
{
	struct enrich_counts counts;

	if (!enrich)
		return;
	enrich_counts(enrich, &counts);
	writer_add_state(states, "enrich_asked", counts.asked);
	writer_add_state(states, "enrich_answered", counts.answered);
	writer_add_state(states, "enrich_failed", counts.failed);
	writer_add_state(states, "enrich_dropped", counts.dropped);
	writer_add_state(states, "enrich_cached", counts.cached);
}
