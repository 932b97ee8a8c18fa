/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "review/review.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Fills the answer and returns 0: nothing was done. */
__attribute__((format(printf, 2, 3))) static int refuse(char text[static REVIEW_TEXT_MAX], const char *format,
							...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, REVIEW_TEXT_MAX, format, arguments);
	va_end(arguments);
	return 0;
}

/* "key=value" for this key: the value, else NULL. */
static const char *value_of(const char *word, const char *key)
{
	size_t length = strlen(key);

	return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static int acknowledge(struct history *history, size_t count, const char *const *words, int64_t now_ns,
		       char text[static REVIEW_TEXT_MAX], struct failure *failure)
{
	const char *author = "", *note = "";
	struct ack ack;
	int found;

	for (size_t i = 2; i < count; i++) {
		if (value_of(words[i], "author"))
			author = value_of(words[i], "author");
		else if (value_of(words[i], "note"))
			note = value_of(words[i], "note");
		else
			return refuse(text, "ack: \"%.60s\" is neither author= nor note=", words[i]);
	}
	if (strlen(author) >= USER_NAME_MAX || strlen(note) > 1000)
		return refuse(text, "ack: the author or the note is too long");
	found = history_acknowledge(history, words[1], now_ns, author, note, &ack, failure);
	if (found == -ENOTUNIQ)
		return refuse(text, "%s", failure->text);
	if (found < 0)
		return found;
	if (found == 0)
		return refuse(text, "no alert with the uid %.64s", words[1]);
	if (!ack.domain[0])
		snprintf(text, REVIEW_TEXT_MAX, "reviewed");
	else
		snprintf(text, REVIEW_TEXT_MAX,
			 "reviewed: %.250s is not alerted again for %.400s while it stays in the window",
			 ack.domain, ack.application[0] ? ack.application : "this host");
	return 1;
}

static bool is_configured(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->allow_count; i++)
		if (strcmp(config->allow[i].name, name) == 0)
			return true;
	return false;
}

static int add_rule(struct history *history, const struct config *config, size_t count,
		    const char *const *words, int64_t now_ns, char text[static REVIEW_TEXT_MAX],
		    struct failure *failure)
{
	struct allow_rule rule = {.origin = ALLOW_FROM_COMMAND, .created_ns = now_ns};
	struct failure inner = {{0}};
	const char *why;
	int error;

	if (!words[1][0] || !text_copy(rule.name, sizeof(rule.name), words[1]))
		return refuse(text, "a rule's name has 1 to %d bytes", ALLOW_NAME_MAX - 1);
	if (is_configured(config, rule.name))
		return refuse(text, "the configuration has a rule %s already: change it there", rule.name);
	for (size_t i = 2; i < count; i++) {
		const char *equals = strchr(words[i], '=');
		char field[32];

		if (!equals || (size_t)(equals - words[i]) >= sizeof(field))
			return refuse(text, "\"%.60s\" is not of the form field=value", words[i]);
		text_copy_bytes(field, sizeof(field), words[i], (size_t)(equals - words[i]));
		if (config_allow_field(&rule, field, equals + 1, now_ns, &inner))
			return refuse(text, "%s", inner.text);
	}
	if (allow_check(&rule, &why))
		return refuse(text, "the rule %s %s", rule.name, why);
	if (rule.expires_ns && rule.expires_ns <= now_ns)
		return refuse(text, "the rule %s has expired already", rule.name);
	error = history_allow(history, &rule, failure);
	if (error)
		return error;
	snprintf(text, REVIEW_TEXT_MAX, "allowed by %s", rule.name);
	return 1;
}

static int remove_rule(struct history *history, const struct config *config, const char *name,
		       char text[static REVIEW_TEXT_MAX], struct failure *failure)
{
	int found;

	if (is_configured(config, name))
		return refuse(text,
			      "the rule %s is the configuration's: remove [allow %s] there and send SIGHUP",
			      name, name);
	found = history_unallow(history, name, failure);
	if (found == 0)
		return refuse(text, "there is no rule %.64s", name);
	if (found > 0)
		snprintf(text, REVIEW_TEXT_MAX, "%s is removed", name);
	return found;
}

int review_apply(struct history *history, const struct config *config, size_t count, const char *const *words,
		 int64_t now_ns, char text[static REVIEW_TEXT_MAX], struct failure *failure)
{
	text[0] = '\0';
	if (count >= 2 && strcmp(words[0], "ack") == 0)
		return acknowledge(history, count, words, now_ns, text, failure);
	if (count >= 2 && strcmp(words[0], "allow") == 0)
		return add_rule(history, config, count, words, now_ns, text, failure);
	if (count == 2 && strcmp(words[0], "unallow") == 0)
		return remove_rule(history, config, words[1], text, failure);
	return refuse(text, "this daemon does not know such a request");
}

/* --- for the core ----------------------------------------------------------------- */

struct loading {
	struct allow_rule *rules;
	struct ack *acks;
	size_t rule_count, ack_count;
};

static int take_rule(void *context, const struct allow_rule *rule)
{
	struct loading *loading = context;

	if (loading->rule_count < ALLOW_RULES_MAX)
		loading->rules[loading->rule_count++] = *rule;
	return 0;
}

static int take_ack(void *context, const struct ack *ack)
{
	struct loading *loading = context;

	if (loading->ack_count == ACKS_MAX)
		return 1; /* the newest come first */
	loading->acks[loading->ack_count++] = *ack;
	return 0;
}

int review_load(struct history *history, const struct config *config, struct allow_set **out,
		struct failure *failure)
{
	struct loading loading = {
		.rules = calloc(ALLOW_RULES_MAX, sizeof(*loading.rules)), /* untouched pages cost nothing */
		.acks = calloc(ACKS_MAX, sizeof(*loading.acks)),
	};
	int error = loading.rules && loading.acks ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < config->allow_count && !error; i++)
		take_rule(&loading, &config->allow[i]);
	if (!error)
		error = history_allowed(history, take_rule, &loading, failure);
	if (!error)
		error = history_acks(history, take_ack, &loading, failure);
	if (error >= 0)
		error = allow_set_new(loading.rules, loading.rule_count, loading.acks, loading.ack_count,
				      out);
	if (error == -ENOMEM)
		failure_set(failure, error, "out of memory");
	free(loading.rules);
	free(loading.acks);
	return error;
}
