/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* control.c - a request on the control socket, carried out on a history in memory. */
#include "control/control.h"

#include <stdio.h>
#include <string.h>

#include "review/review.h"
#include "support.h"

#define NOW INT64_C(1800000000000000000)

static struct config config;
static struct history *history;

static void begin(void)
{
	struct allow_rule *rule = &config.allow[0];

	config_defaults(&config);
	config.allow_count = 1;
	strcpy(rule->name, "configured");
	strcpy(rule->domain, "example.com");
	must(history_open(NULL, HISTORY_MEMORY, &history, NULL) == 0);
	must(history_begin(history, NULL) == 0);
	for (unsigned i = 0; i < 3; i++) {
		struct alert alert = {.kind = i ? ALERT_NEW_DOMAIN : ALERT_LEARNING_COMPLETE,
				      .time_ns = NOW,
				      .coverage = -1};

		snprintf(alert.uid, sizeof(alert.uid), "0123456%u%u", i ? 7 : 8, i); /* two begin alike */
		strcpy(alert.domain, i ? "example.com" : "");
		must(history_write_alert(history, &alert, "{}", NULL, NULL) == 0);
	}
	rule->name[0] = 'C';
	must(history_allow(history, rule, NULL) == 0);
	rule->name[0] = 'c';
	must(history_commit(history, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct control_words words;
	struct failure failure = {{0}};
	char text[REVIEW_TEXT_MAX];
	struct allow_set *set;
	int done;

	if (!history)
		begin();
	words.size = size < CONTROL_BYTES_MAX ? size : CONTROL_BYTES_MAX;
	if (words.size)
		memcpy(words.bytes, data, words.size);
	if (control_parse(&words))
		return 0;
	must(words.count > 0 && words.count <= CONTROL_WORDS_MAX);
	history_rollback(history); /* of an input that broke off */
	must(history_begin(history, &failure) == 0);
	done = review_apply(history, &config, words.count, words.words, NOW, text, &failure);
	must(done < 0 ? failure.text[0] : text[0]);
	if (done == 1) {
		must(review_load(history, &config, &set, &failure) == 0);
		allow_set_free(set);
	}
	history_rollback(history);
	return 0;
}
