/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* alert.h - the records that leave the core: an access, and an alert. Self-contained: no pointers. */
#ifndef CORE_ALERT_H
#define CORE_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "core/correlate.h"
#include "core/process.h"

/* What a history entry is about. */
enum subject_kind {
	SUBJECT_DOMAIN = 0,
	SUBJECT_ADDRESS = 1, /* an external address that nothing names; `domain` is its text */
};

enum alert_kind {
	ALERT_NEW_DOMAIN,
	ALERT_NEW_DOMAIN_FOR_APPLICATION,
	ALERT_NEW_ADDRESS,
	ALERT_CRAWLER_DIGEST,
	ALERT_THREAT_DOMAIN,
	ALERT_LEARNING_COMPLETE,
	ALERT_COVERAGE_GAP,
	ALERT_HISTORY_RECOVERED,
	ALERT_KINDS,
};

/* As OCSF's severity_id. */
enum alert_severity {
	SEVERITY_INFORMATIONAL = 1,
	SEVERITY_LOW = 2,
	SEVERITY_MEDIUM = 3,
	SEVERITY_HIGH = 4,
	SEVERITY_CRITICAL = 5,
};

#define ALERT_UID_MAX 37 /* a UUID's text and its NUL */
#define USER_NAME_MAX 64

/*
 * One access to be added to the history: a flow opened (connections 1) or moved
 * bytes (connections 0). Strings live until the callback returns.
 */
struct access {
	int64_t time_ns;
	enum subject_kind kind;
	const char *domain;
	const char *hostname;    /* as resolved; the address's text for SUBJECT_ADDRESS */
	const char *application; /* struct process.application; "" where not known */
	const char *exe;
	uint32_t uid; /* FS_UID_UNKNOWN */
	struct address remote;
	uint16_t remote_port;
	uint8_t protocol;
	uint32_t connections;
	uint64_t bytes_out; /* since the last access of this flow */
	uint64_t bytes_in;
};

/* What the history knows of a domain at the time of a flow. Times 0: never. */
struct seen {
	int64_t host_first_ns;
	int64_t host_last_ns;
	int64_t application_last_ns; /* by this application */
	bool unread;                 /* the history could not be asked: it may be known there */
};

/* What a list of domains means: it sets the severity. */
enum threat_class {
	THREAT_LISTED, /* known to be bad: critical */
	THREAT_RECENT, /* registered lately: high */
};

#define THREAT_LIST_MAX 128

/* A name that is on a list, itself or by a parent. */
struct threat_match {
	enum threat_class class;
	char list[THREAT_LIST_MAX]; /* the list's file name */
	char entry[HOSTNAME_MAX];   /* as the list has it; "": no match */
};

#define CRAWL_EXAMPLES 20
#define CRAWL_EXAMPLES_TEXT 2048

enum crawl_phase { CRAWL_ENTERED, CRAWL_GOES_ON, CRAWL_LEFT };

/* A digest: what a crawler found new in a window. */
struct crawl {
	int64_t since_ns; /* it has been a crawler since */
	int64_t from_ns, to_ns;
	int64_t rule_seconds;
	uint32_t rule_domains;
	uint32_t count;
	uint8_t listed; /* examples */
	uint8_t phase;  /* enum crawl_phase */
	bool whole_host;
	char examples[CRAWL_EXAMPLES_TEXT]; /* the first ones, separated by a space */
};

struct alert {
	char uid[ALERT_UID_MAX];
	enum alert_kind kind;
	enum alert_severity severity;
	uint32_t revision; /* 0: written at open; 1: its update */
	int64_t time_ns;

	enum subject_kind subject;
	char domain[DOMAIN_MAX];
	struct attribution attribution; /* hostname in here */
	struct address local;
	struct address remote;
	uint16_t local_port; /* 0: not known */
	uint16_t remote_port;
	uint8_t protocol;
	enum fs_outcome outcome;
	uint64_t bytes_out;
	uint64_t bytes_in;

	bool process_known; /* process below is filled (else only its owner is) */
	struct process process;

	struct seen seen; /* before this access */
	int64_t window_seconds;
	/* The baseline: when watching began (0: not known) and the share of the window watched, 0..1 (< 0:
	 * not known). */
	int64_t baseline_since_ns;
	double coverage;
	struct threat_match threat; /* entry "": on no list */
	struct crawl crawl;         /* ALERT_CRAWLER_DIGEST */
	char message[512];          /* for the operator's kinds, which are about no flow; else "" */
};

const char *alert_kind_name(enum alert_kind kind);             /* "new_domain", ... */
const char *alert_severity_name(enum alert_severity severity); /* "Informational" ... "Critical" */
const char *threat_class_name(enum threat_class class);        /* "threat", "newly_registered" */
const char *crawl_phase_name(enum crawl_phase phase);          /* "entered", "continues", "left" */
const char *outcome_name(enum fs_outcome outcome);             /* "unknown", "established", ... */
const char *protocol_name(uint8_t protocol);                   /* "tcp", "udp", "other" */

#endif
