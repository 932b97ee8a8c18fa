/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sentence.c - an alert in one sentence, for people who read a log. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "render/parts.h"

#define WORD_MAX (PART_WORD_MOST + 1)

static const char *bounded(const struct rendering *rendering, const char *text, char word[static WORD_MAX])
{
	part_shorten(word, WORD_MAX, text, rendering->bounds.words);
	return word;
}

static const char *user_word(const struct rendering *rendering, char word[static WORD_MAX])
{
	uint32_t uid = rendering->alert->process.owner.uid;
	char user[USER_NAME_MAX + sizeof("user ")];

	if (rendering->dossier->user[0])
		snprintf(user, sizeof(user), "user %s", rendering->dossier->user);
	else if (uid != FS_UID_UNKNOWN && rendering->alert->process.owner.tgid)
		snprintf(user, sizeof(user), "uid %" PRIu32, uid);
	else
		text_copy(user, sizeof(user), "unknown user");
	return bounded(rendering, user, word);
}

/* A threat's domain need not be new. */
static bool is_known(const struct alert *alert)
{
	int64_t last = alert->seen.host_last_ns;

	return last && alert->time_ns - last <= alert->window_seconds * NS_PER_SECOND;
}

/* Whether the entry is the name or a parent of it. */
static bool fits(const char *name, const char *entry)
{
	return strcmp(name, entry) == 0 || text_is_below(name, entry);
}

static bool chain_fits(const char *chain, const char *entry)
{
	char names[CHAIN_MAX], *name, *rest;

	text_copy(names, sizeof(names), chain);
	for (name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		if (fits(name, entry))
			return true;
	return false;
}

/* What is listed: the name itself, or one that the DNS led to from there. */
static const char *listed(const struct alert *alert)
{
	const struct attribution *attribution = &alert->attribution;
	bool recent = alert->threat.class == THREAT_RECENT;

	if (fits(attribution->hostname, alert->threat.entry) ||
	    fits(attribution->dns_hostname, alert->threat.entry))
		return recent ? "which was registered lately, " : "which is on a threat list, ";
	if (chain_fits(attribution->chain, alert->threat.entry))
		return recent ? "which leads to a name registered lately, "
			      : "which leads to a name on a threat list, ";
	/* The program's hello has a name that the DNS did not give; what it gave leads there. */
	return recent ? "at the address of a name registered lately, "
		      : "at the address of a name on a threat list, ";
}

/* "for the first time", since when not, that it is known, or that nobody could tell. */
static const char *novelty(const struct alert *alert, char text[static WORD_MAX])
{
	bool for_application = alert->kind == ALERT_NEW_DOMAIN_FOR_APPLICATION;
	int64_t last = for_application ? alert->seen.application_last_ns : alert->seen.host_last_ns;
	const char *list = "";
	const char *whose = for_application ? " for this application" : "";
	char window[TEXT_SPAN_MAX], time[TEXT_TIME_MAX];

	if (alert->kind == ALERT_THREAT_DOMAIN)
		list = listed(alert);
	text_format_time(last, time);
	if (alert->seen.unread && !(alert->kind == ALERT_THREAT_DOMAIN && is_known(alert)))
		snprintf(text, WORD_MAX, "%sperhaps for the first time%s; history unreadable", list, whose);
	else if (!last)
		snprintf(text, WORD_MAX, "%sfor the first time%s", list, whose);
	else if (alert->kind == ALERT_THREAT_DOMAIN && is_known(alert))
		snprintf(text, WORD_MAX, "%sagain; last seen %s", list, time);
	else
		snprintf(text, WORD_MAX, "%sfor the first time in %s%s; last seen %s", list,
			 text_format_span(alert->window_seconds, window), whose, time);
	return text;
}

/* An update may know that nobody was reached. */
static const char *verb(const struct alert *alert)
{
	bool failed = alert->outcome == FS_OUTCOME_REFUSED || alert->outcome == FS_OUTCOME_TIMED_OUT ||
		      alert->outcome == FS_OUTCOME_UNREACHABLE;

	return failed ? "tried" : "contacted"; /* no longer: 4 KiB are little */
}

static void write_sentence(const struct rendering *rendering, char sentence[static PART_SENTENCE_MAX])
{
	const struct alert *alert = rendering->alert;
	const char *program = alert->process.exe[0] ? alert->process.exe : alert->process.comm;
	const char *hostname = alert->subject == SUBJECT_DOMAIN ? alert->attribution.hostname : "unnamed";
	char words[5][WORD_MAX], address[ADDRESS_TEXT_MAX];
	bool v4 = address_is_ipv4(&alert->remote);

	snprintf(sentence, PART_SENTENCE_MAX, "%s (%s) %s %s (%s, %s%s%s:%u/%s)%s %s",
		 bounded(rendering, program[0] ? program : "an unknown program", words[0]),
		 user_word(rendering, words[1]), verb(alert), bounded(rendering, alert->domain, words[2]),
		 bounded(rendering, hostname, words[3]), v4 ? "" : "[",
		 address_format(&alert->remote, address), v4 ? "" : "]", (unsigned)alert->remote_port,
		 protocol_name(alert->protocol), alert->kind == ALERT_THREAT_DOMAIN ? "," : "",
		 novelty(alert, words[4]));
}

static void write_crawl(const struct rendering *rendering, char sentence[static PART_SENTENCE_MAX])
{
	const struct alert *alert = rendering->alert;
	const struct crawl *crawl = &alert->crawl;
	char word[WORD_MAX], span[TEXT_SPAN_MAX];
	const char *who = "this host as a whole";

	if (!crawl->whole_host)
		who = bounded(rendering, alert->process.application, word);
	text_format_span(crawl->rule_seconds, span);
	if (crawl->phase == CRAWL_LEFT)
		snprintf(sentence, PART_SENTENCE_MAX,
			 "%s is no crawler any more: for a day it stayed below %" PRIu32
			 " new domains in %s; new domains are told one by one again",
			 who, crawl->rule_domains, span);
	else if (crawl->phase == CRAWL_ENTERED && alert->revision == 0)
		snprintf(sentence, PART_SENTENCE_MAX,
			 "%s is a crawler: more than %" PRIu32
			 " new domains in %s; from now on they come in one digest for %s",
			 who, crawl->rule_domains, span, span);
	else
		snprintf(sentence, PART_SENTENCE_MAX,
			 "%s, a crawler (more than %" PRIu32 " new domains in %s), contacted %" PRIu32
			 " more new domains",
			 who, crawl->rule_domains, span, crawl->count);
}

void part_title(const struct rendering *rendering, char title[static PART_TITLE_MAX])
{
	const struct alert *alert = rendering->alert;
	char word[WORD_MAX];

	snprintf(title, PART_TITLE_MAX, "%s%s%s", alert_kind_name(alert->kind), alert->domain[0] ? ": " : "",
		 bounded(rendering, alert->domain, word));
}

static void write_any(const struct rendering *rendering, char sentence[static PART_SENTENCE_MAX])
{
	if (rendering->alert->kind == ALERT_CRAWLER_DIGEST)
		write_crawl(rendering, sentence);
	else if (part_has_remote(rendering->alert))
		write_sentence(rendering, sentence);
	else
		part_title(rendering, sentence);
}

void part_message(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	char sentence[PART_SENTENCE_MAX];

	if (alert->message[0]) {
		part_text(rendering, "message", TEXT_MESSAGE, alert->message);
		return;
	}
	write_any(rendering, sentence);
	json_put_string(&rendering->json, "message", sentence);
}

const char *render_message(const struct alert *alert, const struct dossier *dossier,
			   char text[static RENDER_MESSAGE_MAX])
{
	const struct rendering rendering = {
		.alert = alert, .dossier = dossier, .bounds = {.words = PART_WORD_MOST}};
	char sentence[PART_SENTENCE_MAX];

	if (alert->message[0])
		text_copy(sentence, sizeof(sentence), alert->message);
	else
		write_any(&rendering, sentence);
	text_escape(text, RENDER_MESSAGE_MAX, sentence, strlen(sentence));
	return text;
}
