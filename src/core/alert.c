/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/alert.h"

#include <netinet/in.h>
#include <stddef.h>

/* Of a table of names. Numbers out of an old history or a record are data: none reads past the end. */
#define COUNT(names) (sizeof(names) / sizeof((names)[0]))

const char *alert_kind_name(enum alert_kind kind)
{
	static const char *const names[ALERT_KINDS] = {
		[ALERT_NEW_DOMAIN] = "new_domain",
		[ALERT_NEW_DOMAIN_FOR_APPLICATION] = "new_domain_for_application",
		[ALERT_NEW_ADDRESS] = "new_address",
		[ALERT_CRAWLER_DIGEST] = "crawler_digest",
		[ALERT_THREAT_DOMAIN] = "threat_domain",
		[ALERT_LEARNING_COMPLETE] = "learning_complete",
		[ALERT_COVERAGE_GAP] = "coverage_gap",
		[ALERT_HISTORY_RECOVERED] = "history_recovered",
	};

	return (size_t)kind < ALERT_KINDS ? names[kind] : "unknown";
}

const char *alert_severity_name(enum alert_severity severity)
{
	static const char *const names[] = {"Unknown", "Informational", "Low", "Medium", "High", "Critical"};

	return (size_t)severity < COUNT(names) ? names[severity] : names[0];
}

const char *threat_class_name(enum threat_class class)
{
	return class == THREAT_RECENT ? "newly_registered" : "threat";
}

const char *crawl_phase_name(enum crawl_phase phase)
{
	static const char *const names[] = {"entered", "continues", "left"};

	return (size_t)phase < COUNT(names) ? names[phase] : "unknown";
}

const char *outcome_name(enum fs_outcome outcome)
{
	static const char *const names[] = {"unknown", "established", "refused", "timed_out", "unreachable"};

	return (size_t)outcome < COUNT(names) ? names[outcome] : names[0];
}

const char *protocol_name(uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return "tcp";
	return protocol == IPPROTO_UDP ? "udp" : "other";
}
