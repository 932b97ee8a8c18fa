/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* parts.h - what both renderers share: which optional parts are in, the sentence, the facts without a home.
 */
#ifndef RENDER_PARTS_H
#define RENDER_PARTS_H

#include <stdbool.h>

#include "base/json.h"
#include "render/render.h"

/* Optional parts, the least needed first: the order in which they are left out. */
enum part {
	PART_OBSERVABLES,
	PART_RIVALS,
	PART_ANCESTORS,
	PART_CHAIN,
	PART_PACKAGE,
	PART_CGROUP,
	PART_ARGUMENTS,
	PART_APPLICATION,
	PART_LONG_TEXTS, /* texts over PART_TEXT_MAX bytes are cut, control characters are one '?' each */
	PARTS,
};

#define PART_TEXT_MAX 40
#define PART_SENTENCE_MAX 2048

struct rendering {
	const struct alert *alert;
	const struct dossier *dossier;
	unsigned omitted; /* the parts below this one are left out */
	struct json json;
};

static inline bool part_is_in(const struct rendering *rendering, enum part part)
{
	return (unsigned)part >= rendering->omitted;
}

/* json_put_string, cut where long texts are to be cut; nothing for an empty text. */
void part_text(struct rendering *rendering, const char *key, const char *text);

/* The text as part_text would write it. Returns `text` or `room`. */
const char *part_short(const struct rendering *rendering, const char *text,
		       char room[static PART_TEXT_MAX + 4]);

/* part_text for a name of a fixed size that need not be terminated. */
void part_comm(struct rendering *rendering, const char *key, const char comm[static FS_COMM_SIZE]);

/* What happened, in one sentence. */
void part_sentence(const struct rendering *rendering, char sentence[static PART_SENTENCE_MAX]);

/* Kind, attribution, history, baseline, application, volume: an object under `key`. */
void part_facts(struct rendering *rendering, const char *key);

/* The file's name at the end of a path. */
const char *part_base_name(const char *path);

/* Whether the alert is about a flow (else it is the operator's, with a message). */
bool part_has_flow(const struct alert *alert);

void render_ocsf(struct rendering *rendering);
void render_ecs(struct rendering *rendering);

#endif
