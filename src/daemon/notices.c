/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/notices.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LOSSES_NS (3600 * NS_PER_SECOND)   /* the least time between two notices of losses */
#define UNWATCHED_NS (300 * NS_PER_SECOND) /* a shorter stop is a restart or an upgrade */

#define LOST_TEXT_MAX 96

static int take_state(void *context, const char *name, const char *value)
{
	struct notices *notices = context;

	if (strcmp(name, "learning_told") == 0)
		notices->learning_told = strcmp(value, "0") != 0;
	else if (strcmp(name, "heartbeat") == 0)
		notices->before_heartbeat_ns = strtoll(value, NULL, 10);
	else if (strcmp(name, "boottime") == 0)
		notices->before_boottime_ns = strtoll(value, NULL, 10);
	else if (strcmp(name, "boot") == 0)
		text_copy(notices->before_boot, sizeof(notices->before_boot), value);
	return 0;
}

void notices_before(struct notices *notices, struct history *history, int64_t learning_seconds)
{
	(void)history_states(history, take_state, notices, NULL);
	(void)history_last_run(history, &notices->before_to_ns, &notices->before_ended, NULL);
	if (learning_seconds == 0)
		notices->learning_told = true;
}

int64_t notices_expected_now(const struct notices *notices, const char *boot, int64_t boottime_ns)
{
	if (!boot[0] || strcmp(boot, notices->before_boot) != 0 || !notices->before_heartbeat_ns ||
	    !notices->before_boottime_ns || boottime_ns < notices->before_boottime_ns)
		return 0;
	return notices->before_heartbeat_ns + (boottime_ns - notices->before_boottime_ns);
}

void notices_start(struct notices *notices, struct pipeline *pipeline, int64_t until_ns, int64_t now_ns)
{
	int64_t gap = until_ns - notices->before_to_ns;
	char message[256], span[TEXT_SPAN_MAX], from[TEXT_TIME_MAX];

	if (!notices->before_to_ns || gap < 0 || (notices->before_ended && gap < UNWATCHED_NS))
		return;
	text_format_span(gap / NS_PER_SECOND, span);
	text_format_time(notices->before_to_ns, from);
	if (notices->before_ended)
		snprintf(
			message, sizeof(message),
			"this host was not watched for %s, since %s: what it did then is not in the baseline",
			span, from);
	else
		snprintf(message, sizeof(message),
			 "firstseen did not end properly at %s, and this host was not watched for %s since: "
			 "what it "
			 "did then is not in the baseline",
			 from, span);
	pipeline_notice(pipeline, ALERT_COVERAGE_GAP, SEVERITY_LOW, now_ns, message);
}

void notices_learning(struct notices *notices, struct pipeline *pipeline, struct history *reader,
		      int64_t until_ns, int64_t now_ns)
{
	struct history_summary summary;
	char message[256];

	if (notices->learning_told || now_ns < until_ns)
		return;
	notices->learning_told = true;
	if (history_summary(reader, &summary, NULL))
		return;
	snprintf(message, sizeof(message),
		 "learning is complete: %" PRIu64 " domains, %" PRIu64 " unnamed addresses and %" PRIu64
		 " applications are known; what is new from now on is alerted",
		 summary.domains, summary.addresses, summary.applications);
	pipeline_notice(pipeline, ALERT_LEARNING_COMPLETE, SEVERITY_INFORMATIONAL, now_ns, message);
}

/* How many, and what they were; "" for none. */
static const char *lost_words(uint64_t count, const char *what, char text[static LOST_TEXT_MAX])
{
	text[0] = '\0';
	if (count)
		snprintf(text, LOST_TEXT_MAX, "%" PRIu64 " %s", count, what);
	return text;
}

void notices_lost(struct notices *notices, struct pipeline *pipeline, uint64_t lost, uint64_t unheld,
		  int64_t from_ns, int64_t now_ns)
{
	char message[512], from[TEXT_TIME_MAX], to[TEXT_TIME_MAX], words[2][LOST_TEXT_MAX];
	bool any = notices->lost || notices->unheld;

	if ((lost || unheld) && !any)
		notices->lost_from_ns = from_ns;
	notices->lost += lost;
	notices->unheld += unheld;
	if ((notices->lost == 0 && notices->unheld == 0) ||
	    (notices->lost_told_ns && now_ns >= notices->lost_told_ns &&
	     now_ns - notices->lost_told_ns < LOSSES_NS))
		return;
	snprintf(message, sizeof(message),
		 "%s%s%s were lost from %s to %s: connections of that time may be missing; see firstseen "
		 "status for which%s",
		 lost_words(notices->lost, "records", words[0]),
		 notices->lost && notices->unheld ? " and " : "",
		 lost_words(notices->unheld, "connections and alerts for which there was no room", words[1]),
		 text_format_time(notices->lost_from_ns, from), text_format_time(now_ns, to),
		 notices->lost ? ", and capture.ring_size"
			       : "; so much was new at once, or the disk of the history was slow");
	pipeline_notice(pipeline, ALERT_COVERAGE_GAP, SEVERITY_MEDIUM, now_ns, message);
	notices->lost = notices->unheld = 0;
	notices->lost_told_ns = now_ns;
}

void notices_taken_away(struct pipeline *pipeline, const char *what, int64_t from_ns, int64_t now_ns)
{
	char message[640], from[TEXT_TIME_MAX];

	snprintf(message, sizeof(message),
		 "%s, after %s: what happened since was not watched; firstseen ends to be started anew", what,
		 text_format_time(from_ns, from));
	pipeline_notice(pipeline, ALERT_COVERAGE_GAP, SEVERITY_HIGH, now_ns, message);
}
