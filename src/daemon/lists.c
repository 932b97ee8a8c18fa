/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/lists.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct lists {
	struct config config;
	const struct domain_rules *rules;
	bool quiet;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	bool over;
	struct threats *loaded;
};

static void tell_counts(const struct threats_counts *counts)
{
	if (counts->lines_bad)
		log_warning("threat lists: %" PRIu64 " lines are no domains, the first is %s",
			    counts->lines_bad, counts->first_bad);
	if (counts->files)
		log_info("threat lists: %" PRIu64 " domains from %" PRIu32 " files", counts->entries,
			 counts->files);
}

/* *whole: nothing of what the settings name could not be read. A default folder need not be there. */
static struct threats *load(const struct config *config, const struct domain_rules *rules, bool quiet,
			    bool *whole)
{
	struct threats *threats;
	struct failure failure;

	*whole = true;
	if (threats_new(rules, &threats)) {
		log_error("no memory for the threat lists");
		return NULL;
	}
	for (uint32_t i = 0; i < config->list_count; i++) {
		const struct list_setting *list = &config->lists[i];
		int error = threats_load(threats, list->class, list->path, &failure);

		if (!error ||
		    (strcmp(list->path, CONFIG_DEFAULT_LISTS) == 0 && threats_are_absent(list->path)))
			continue;
		if (!quiet)
			log_warning("%s", failure.text);
		*whole = *whole && error == -E2BIG;
	}
	return threats;
}

struct threats *lists_load(const struct config *config, const struct domain_rules *rules, bool *whole)
{
	struct threats *threats = load(config, rules, false, whole);

	if (threats)
		tell_counts(threats_counts(threats));
	return threats;
}

/* A list that is just being replaced, or can not be read for once, shall not take its domains away. */
static void *run(void *context)
{
	struct lists *lists = context;
	bool whole;
	struct threats *threats = load(&lists->config, lists->rules, lists->quiet, &whole);

	if (threats && !whole) {
		if (!lists->quiet)
			log_error("the threat lists are not taken over, the old ones stay until all can be "
				  "read");
		threats_free(threats);
		threats = NULL;
	}
	if (threats)
		tell_counts(threats_counts(threats));
	pthread_mutex_lock(&lists->lock);
	lists->loaded = threats;
	lists->over = true;
	pthread_mutex_unlock(&lists->lock);
	return NULL;
}

int lists_begin(const struct config *config, const struct domain_rules *rules, bool quiet, struct lists **out)
{
	struct lists *lists = calloc(1, sizeof(*lists));
	int error;

	if (!lists)
		return -ENOMEM;
	lists->config = *config;
	lists->rules = rules;
	lists->quiet = quiet;
	pthread_mutex_init(&lists->lock, NULL);
	error = pthread_create(&lists->thread, NULL, run, lists);
	if (error) {
		free(lists);
		return -error;
	}
	*out = lists;
	return 0;
}

bool lists_take(struct lists *lists, struct threats **out)
{
	bool over;

	*out = NULL;
	if (pthread_mutex_trylock(&lists->lock))
		return false;
	over = lists->over;
	*out = lists->loaded;
	lists->loaded = NULL;
	pthread_mutex_unlock(&lists->lock);
	return over;
}

void lists_end(struct lists *lists)
{
	if (!lists)
		return;
	pthread_join(lists->thread, NULL);
	threats_free(lists->loaded);
	pthread_mutex_destroy(&lists->lock);
	free(lists);
}
