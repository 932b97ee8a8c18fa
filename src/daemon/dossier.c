/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/dossier.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define WAIT_MS 20 /* an alert is out a hundred after its connect */
#define CHANGED_NS (7 * SECONDS_PER_DAY * NS_PER_SECOND)

static void fill(struct dossier_package *target, const struct package_answer *answer)
{
	text_copy(target->name, sizeof(target->name), answer->name);
	text_copy(target->version, sizeof(target->version), answer->version);
	target->upgraded_ns = answer->upgraded_ns;
	target->replaced = answer->replaced;
	if (answer->result != PACKAGE_OWNED)
		text_copy(target->absent, sizeof(target->absent), package_result_name(answer->result));
}

static void fill_changes(struct packages *packages, int64_t time_ns, struct dossier *dossier)
{
	struct package_change newest[DOSSIER_CHANGES_MAX];
	uint32_t count;
	int listed = packages_changed(packages, time_ns - CHANGED_NS, WAIT_MS, newest, DOSSIER_CHANGES_MAX,
				      &count);

	if (listed < 0)
		return;
	dossier->packages_counted = true;
	dossier->packages_changed = count;
	dossier->changes_listed = (uint32_t)listed;
	for (int i = 0; i < listed; i++) {
		struct dossier_change *change = &dossier->changes[i];

		text_copy(change->name, sizeof(change->name), newest[i].name);
		text_copy(change->version, sizeof(change->version), newest[i].version);
		change->time_ns = newest[i].time_ns;
	}
}

/* Neither a module nor code on the command line. */
static bool is_file(const char *script)
{
	return script[0] && (script[0] != '-' || strncmp(script, "-jar ", 5) == 0);
}

void dossier_packages(struct packages *packages, const struct alert *alert, struct dossier *dossier)
{
	const struct process *process = &alert->process;
	const char *container = process->container;
	uint32_t ancestors[FS_ANCESTORS_MAX];
	struct package_process asked = {
		.pid = process->owner.tgid,
		.mount_namespace = process->mount_namespace,
		.start_ns = process->owner.start_ns,
		.in_container = container[0] && strncmp(container, "unit:", 5) != 0,
		.ancestors = ancestors,
		.ancestor_count = process->ancestor_count,
		.exe = process->exe,
		.script = process->script,
	};
	struct package_answer program, script;

	if (!packages)
		return;
	fill_changes(packages, alert->time_ns, dossier);
	if (!alert->process_known)
		return;
	for (size_t i = 0; i < process->ancestor_count; i++)
		ancestors[i] = process->ancestors[i].tgid;
	packages_find_process(packages, &asked, WAIT_MS, &program, &script);
	fill(&dossier->package, &program);
	if (is_file(process->script))
		fill(&dossier->script_package, &script);
}

/* Only what there is a word for: what was not asked, and what may still come, is not told. */
static const char *const words[] = {
	[ENRICH_CONFIRMED] = "confirmed", [ENRICH_UNCONFIRMED] = "unconfirmed", [ENRICH_KNOWN] = "known",
	[ENRICH_ABSENT] = "absent",       [ENRICH_FAILED] = "no_answer",
};

static void put_status(char status[static 16], enum enrich_state state, bool last)
{
	if (state == ENRICH_PENDING && last)
		state = ENRICH_FAILED;
	text_copy(status, 16, words[state] ? words[state] : "");
}

bool dossier_remote(struct enrich *enrich, const struct alert *alert, bool last, struct dossier *dossier)
{
	const struct origin *origin;
	struct enrich_answer answer;
	char address[ADDRESS_TEXT_MAX];
	bool more;

	if (!enrich || !alert->remote_port)
		return false;
	more = enrich_look(enrich, &alert->remote, alert->subject == SUBJECT_ADDRESS, true, &answer);
	origin = &answer.origin;
	put_status(dossier->reverse_status, answer.name_state, last);
	text_copy(dossier->reverse_name, sizeof(dossier->reverse_name), answer.name);
	put_status(dossier->origin_status, answer.origin_state, last);
	if (answer.origin_state != ENRICH_KNOWN)
		return more;
	dossier->origin_asn = origin->asn;
	snprintf(dossier->origin_prefix, sizeof(dossier->origin_prefix), "%s/%u",
		 address_format(&origin->prefix.address, address),
		 origin->prefix.bits - (address_is_ipv4(&origin->prefix.address) ? 96u : 0u));
	text_copy(dossier->origin_country, sizeof(dossier->origin_country), origin->country);
	text_copy(dossier->origin_registry, sizeof(dossier->origin_registry), origin->registry);
	return more;
}
