/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/decide.h"

#include "base/text.h"

static bool is_new(int64_t last_ns, int64_t known_since_ns)
{
	return last_ns == 0 || last_ns < known_since_ns;
}

bool decide_is_known(const struct decide_case *now)
{
	return !is_new(now->seen.host_last_ns, now->known_since_ns);
}

enum verdict decide(const struct decide_case *now, enum alert_kind *kind)
{
	bool new_for_host = is_new(now->seen.host_last_ns, now->known_since_ns);
	bool new_for_application =
		now->application_known && is_new(now->seen.application_last_ns, now->known_since_ns);

	if (now->subject == SUBJECT_ADDRESS && now->unnamed == UNNAMED_IGNORE)
		return VERDICT_IGNORED;
	if (now->threat) {
		*kind = ALERT_THREAT_DOMAIN;
		return VERDICT_NEW;
	}
	if (now->scope == SCOPE_HOST || !now->application_known)
		new_for_application = false;
	else if (now->scope == SCOPE_APPLICATION)
		new_for_host = false;
	if (!new_for_host && !new_for_application)
		return VERDICT_KNOWN;
	if (now->preexisting)
		return VERDICT_PREEXISTING;
	if (now->now_ns < now->learning_until_ns)
		return VERDICT_LEARNING;
	if (now->subject == SUBJECT_ADDRESS) {
		if (now->unnamed == UNNAMED_RECORD)
			return VERDICT_KNOWN;
		*kind = ALERT_NEW_ADDRESS;
	} else {
		*kind = new_for_host ? ALERT_NEW_DOMAIN : ALERT_NEW_DOMAIN_FOR_APPLICATION;
	}
	return VERDICT_NEW;
}

enum alert_severity decide_severity(enum alert_kind kind, uint64_t bytes_out, uint64_t bytes_in,
				    enum fs_outcome outcome)
{
	int severity = SEVERITY_MEDIUM;

	if (kind == ALERT_NEW_DOMAIN_FOR_APPLICATION)
		severity = SEVERITY_LOW;
	if (bytes_out > DECIDE_VOLUME_BYTES || bytes_in > DECIDE_VOLUME_BYTES)
		severity++;
	if (outcome == FS_OUTCOME_REFUSED || outcome == FS_OUTCOME_TIMED_OUT ||
	    outcome == FS_OUTCOME_UNREACHABLE)
		severity--;
	return (enum alert_severity)severity;
}

enum alert_severity decide_threat_severity(enum threat_class class)
{
	return class == THREAT_RECENT ? SEVERITY_HIGH : SEVERITY_CRITICAL;
}
