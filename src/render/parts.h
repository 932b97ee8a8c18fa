/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parts.h - what both formats share: which optional parts are in, how long a text
 * may be, the sentence, and the facts without a home in the schema.
 *
 * A line that does not fit is written again with less: first the optional parts go,
 * one after the other, whole; then texts are cut. What a text takes is counted in bytes
 * of JSON, so that a byte that is escaped to six can not outgrow its bound.
 */
#ifndef RENDER_PARTS_H
#define RENDER_PARTS_H

#include <stdbool.h>

#include "base/json.h"
#include "render/render.h"

/* Optional parts, the least needed first: the order in which they are left out. */
enum part {
	PART_OBSERVABLES, /* repeats what the line says elsewhere; ECS: `related` */
	PART_QUESTION,    /* likewise, where the format keeps DNS questions */
	PART_CHANGES,     /* the packages' names; how many stays */
	PART_RIVALS,
	PART_EXAMPLES, /* of a digest */
	PART_RECENT,   /* what else the program talks to, and who else knows the domain */
	PART_ANCESTORS,
	PART_ENRICHMENT, /* what the DNS says of the address */
	PART_CHAIN,
	PART_PACKAGE,
	PART_CGROUP,
	PART_ARGUMENTS,
	PART_APPLICATION,
	PART_ENDPOINT_DOMAIN, /* beside the hostname; the facts keep the domain */
	PARTS,
};

/* Texts of the required parts: whole while they fit, else cut. */
enum text {
	TEXT_HOSTNAME, /* these two name the alert's matter and are cut last */
	TEXT_DOMAIN,
	TEXT_DNS_HOSTNAME,
	TEXT_MESSAGE,
	TEXT_HOST,
	TEXT_HOST_ID,
	TEXT_NAME,
	TEXT_EXE,
	TEXT_USER,
	TEXT_LOGIN_USER,
	TEXT_CONTAINER,
	TEXT_ANCESTORS,
	TEXT_APPLICATION,
	TEXT_VERSION,
	TEXT_THREAT_ENTRY,
	TEXT_THREAT_LIST,
	TEXTS,
};

#define PART_CUT_MAX 1024 /* the largest bound that cuts, in bytes of JSON */
#define PART_SENTENCE_MAX 2048
#define PART_TITLE_MAX 320
#define PART_WORD_MOST 255 /* bytes of JSON of a name or a path in the sentence */

/* What texts may take, in bytes of JSON. SIZE_MAX: all they need. */
struct bounds {
	size_t names; /* hostname and domain */
	size_t texts;
	size_t words; /* anything in the title or in the sentence: it stands elsewhere as well */
};

struct rendering {
	const struct alert *alert;
	const struct dossier *dossier;
	unsigned omitted; /* the parts below this one are left out */
	struct bounds bounds;
	uint32_t cut; /* so far, 1 << enum text */
	struct json json;
};

static inline bool part_is_in(const struct rendering *rendering, enum part part)
{
	return (unsigned)part >= rendering->omitted;
}

/* json_put_string, cut where it is over the text's bound; nothing for an empty text. */
void part_text(struct rendering *rendering, const char *key, enum text text, const char *value);

/* json_put_string for an optional part; nothing for an empty text. */
void part_whole(struct rendering *rendering, const char *key, const char *value);

/* part_text for a name of a fixed size that need not be terminated. */
void part_comm(struct rendering *rendering, const char *key, enum text text,
	       const char comm[static FS_COMM_SIZE]);

/*
 * Copies as many characters as fit `target` and take at most `most` (3 or more) bytes of
 * JSON, the mark "..." of a cut included. Returns false when it was cut.
 */
bool part_shorten(char *target, size_t size, const char *source, size_t most);

/* Writes `message`: what happened, in one sentence. Names and paths in it are bounded; they are whole
 * elsewhere. */
void part_message(struct rendering *rendering);

/* The kind and what it is about: "new_domain: example.com". */
void part_title(const struct rendering *rendering, char title[static PART_TITLE_MAX]);

/* Kind, attribution, history, baseline, application, volume: an object under `key`. Written last: it says
 * what was left out. */
void part_facts(struct rendering *rendering, const char *key);

/* `container` with an id and a runtime, where the process is in one (a unit is none). */
void part_container(struct rendering *rendering, const char *id_key);

/* The hostname that the DNS was asked for on the way to this flow, or "". */
const char *part_question(const struct alert *alert);

/*
 * The package of what runs: the script's, where there is a script that was looked for; else the
 * program's. NULL: not known, or none.
 */
const struct dossier_package *part_package(const struct dossier *dossier);

/* The file's name at the end of a path; "/" for a path that ends with it. */
const char *part_base_name(const char *path);

/* Learning, coverage, recovery: about the daemon, not about a program's traffic. */
bool part_is_operators(const struct alert *alert);

/* What is known of an alert about traffic. The operator's kinds have none of these. */
bool part_has_remote(const struct alert *alert);
bool part_has_local(const struct alert *alert);
bool part_has_process(const struct alert *alert);

void render_ocsf(struct rendering *rendering);
void render_ecs(struct rendering *rendering);

#endif
