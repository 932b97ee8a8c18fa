/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* decide.h - what becomes of a flow whose domain is known, and how grave its alert is. Pure. */
#ifndef CORE_DECIDE_H
#define CORE_DECIDE_H

#include "core/pipeline.h"

struct decide_case {
	int64_t now_ns;
	int64_t known_since_ns; /* seen before that is not known any more */
	int64_t learning_until_ns;
	enum scope scope;
	enum unnamed unnamed;
	enum subject_kind subject;
	bool preexisting;
	bool application_known; /* there is an application to ask the scope for */
	struct seen seen;       /* before this access */
	bool threat;            /* on a list, and not told for this application lately */
};

/* Whether the host knows it inside the window. */
bool decide_is_known(const struct decide_case *now);

/*
 * The verdict, before allow rules and crawlers have their say; for VERDICT_NEW *kind
 * is filled too. A threat is VERDICT_NEW whether it is known, learned or preexisting.
 */
enum verdict decide(const struct decide_case *now, enum alert_kind *kind);

/* How far either direction must go to count as data that left or came: 10 KB. */
#define DECIDE_VOLUME_BYTES 10240

/*
 * The severity of a flow's alert that is no threat_domain: new_domain and new_address begin at Medium,
 * new_domain_for_application at Low; more than DECIDE_VOLUME_BYTES in a direction raises it by one; a flow
 * that failed lowers it by one.
 */
enum alert_severity decide_severity(enum alert_kind kind, uint64_t bytes_out, uint64_t bytes_in,
				    enum fs_outcome outcome);

/* That of a threat_domain: Critical; High where it is only registered lately. */
enum alert_severity decide_threat_severity(enum threat_class class);

#endif
