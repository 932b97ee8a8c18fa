/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* facts.c - what neither schema has a place for: one object, the same in both formats. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "render/parts.h"

static const char *const part_names[PARTS] = {
	[PART_OBSERVABLES] = "observables",
	[PART_QUESTION] = "question",
	[PART_EXAMPLES] = "crawler.examples",
	[PART_RECENT] = "application.recent",
	[PART_CHANGES] = "packages_changed_7d.newest",
	[PART_RIVALS] = "attribution.rivals",
	[PART_ANCESTORS] = "process.ancestors",
	[PART_ENRICHMENT] = "enrichment",
	[PART_CHAIN] = "attribution.chain",
	[PART_PACKAGE] = "package",
	[PART_CGROUP] = "process.cgroup",
	[PART_ARGUMENTS] = "process.arguments",
	[PART_APPLICATION] = "application",
	[PART_ENDPOINT_DOMAIN] = "endpoint.domain",
};

static const char *const text_names[TEXTS] = {
	[TEXT_HOSTNAME] = "hostname",
	[TEXT_DOMAIN] = "domain",
	[TEXT_DNS_HOSTNAME] = "attribution.dns_hostname",
	[TEXT_MESSAGE] = "message",
	[TEXT_HOST] = "host.name",
	[TEXT_HOST_ID] = "host.id",
	[TEXT_NAME] = "process.name",
	[TEXT_EXE] = "process.executable",
	[TEXT_USER] = "user.name",
	[TEXT_LOGIN_USER] = "process.login_user",
	[TEXT_CONTAINER] = "container",
	[TEXT_ANCESTORS] = "process.parent",
	[TEXT_APPLICATION] = "application.name",
	[TEXT_VERSION] = "version",
	[TEXT_THREAT_ENTRY] = "threat.entry",
	[TEXT_THREAT_LIST] = "threat.list",
};

static void put_time(struct json *json, const char *key, int64_t time_ns)
{
	char text[TEXT_TIME_MAX];

	if (time_ns)
		json_put_string(json, key, text_format_time(time_ns, text));
	else
		json_put_null(json, key);
}

/* A text's parts, as an array; nothing for an empty text. */
static void put_split(struct json *json, const char *key, const char *text, const char separator[static 2])
{
	if (!text[0])
		return;
	json_array_open(json, key);
	while (*text) {
		size_t length = strcspn(text, separator);

		if (length)
			json_put_string_bytes(json, NULL, text, length);
		text += length + (text[length] == separator[0]);
	}
	json_array_close(json);
}

static void put_attribution(struct rendering *rendering)
{
	const struct attribution *attribution = &rendering->alert->attribution;
	struct json *json = &rendering->json;

	json_object_open(json, "attribution");
	json_put_string(json, "method", attribution_method_name(attribution->method));
	json_put_string(json, "rank", attribution_rank_name(attribution->rank));
	if (attribution->method == METHOD_NONE)
		json_put_null(json, "age_ms");
	else
		json_put_integer(json, "age_ms", attribution->age_ns / NS_PER_MS);
	json_put_boolean(json, "ambiguous", attribution->ambiguous);
	part_text(rendering, "dns_hostname", TEXT_DNS_HOSTNAME, attribution->dns_hostname);
	if (part_is_in(rendering, PART_CHAIN))
		put_split(json, "chain", attribution->chain, " ");
	json_put_unsigned(json, "rival_count", attribution->rival_count);
	if (part_is_in(rendering, PART_RIVALS) && attribution->rivals_listed) {
		json_array_open(json, "rivals");
		for (uint32_t i = 0; i < attribution->rivals_listed && i < RIVALS_MAX; i++)
			json_put_string(json, NULL, attribution->rivals[i]);
		json_array_close(json);
	}
	json_object_close(json);
}

/* For whom the domain is new; a threat's need not be. */
static void put_new_for(struct json *json, enum alert_kind kind)
{
	if (kind == ALERT_NEW_DOMAIN || kind == ALERT_NEW_ADDRESS)
		json_put_string(json, "new_for", "host");
	else if (kind == ALERT_NEW_DOMAIN_FOR_APPLICATION)
		json_put_string(json, "new_for", "application");
}

static void put_history(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;

	if (!part_is_operators(alert) && alert->domain[0]) {
		put_new_for(json, alert->kind);
		put_time(json, "first_seen", alert->seen.host_first_ns);
		put_time(json, "last_seen", alert->seen.host_last_ns);
	}
	if (alert->kind == ALERT_NEW_DOMAIN_FOR_APPLICATION)
		put_time(json, "application_last_seen", alert->seen.application_last_ns);
	if (alert->seen.unread)
		json_put_boolean(json, "history_unread", true);
	if (part_is_in(rendering, PART_RECENT))
		put_split(json, "known_to", rendering->dossier->known_to, "\n");
	if (alert->window_seconds)
		json_put_number(json, "window_days", (double)alert->window_seconds / (double)SECONDS_PER_DAY);
	if (alert->baseline_since_ns)
		json_put_number(json, "baseline_age_days",
				(double)((alert->time_ns - alert->baseline_since_ns) / NS_PER_SECOND) /
					(double)SECONDS_PER_DAY);
	if (alert->coverage >= 0)
		json_put_number(json, "coverage", alert->coverage);
}

static void put_application(struct rendering *rendering)
{
	const struct dossier *dossier = rendering->dossier;
	struct json *json = &rendering->json;

	if (!rendering->alert->process.application[0])
		return;
	json_object_open(json, "application");
	part_text(rendering, "name", TEXT_APPLICATION, rendering->alert->process.application);
	if (part_is_in(rendering, PART_APPLICATION)) {
		part_whole(rendering, "script", rendering->alert->process.script);
		put_time(json, "first_seen", dossier->application_first_ns);
		json_put_unsigned(json, "domains", dossier->application_domains);
		json_put_unsigned(json, "connections", dossier->application_connections);
		json_put_boolean(json, "crawler", dossier->application_crawler);
	}
	if (part_is_in(rendering, PART_RECENT)) {
		put_split(json, "users", dossier->application_users, " ");
		put_split(json, "recent_domains", dossier->application_recent, " ");
	}
	json_object_close(json);
}

static void put_threat(struct rendering *rendering)
{
	const struct threat_match *threat = &rendering->alert->threat;
	struct json *json = &rendering->json;

	if (!threat->entry[0])
		return;
	json_object_open(json, "threat");
	json_put_string(json, "class", threat_class_name(threat->class));
	part_text(rendering, "list", TEXT_THREAT_LIST, threat->list);
	part_text(rendering, "entry", TEXT_THREAT_ENTRY, threat->entry);
	json_object_close(json);
}

static void put_crawl(struct rendering *rendering)
{
	const struct crawl *crawl = &rendering->alert->crawl;
	struct json *json = &rendering->json;

	if (rendering->alert->kind != ALERT_CRAWLER_DIGEST)
		return;
	json_object_open(json, "crawler");
	json_put_string(json, "phase", crawl_phase_name((enum crawl_phase)crawl->phase));
	json_put_string(json, "scope", crawl->whole_host ? "host" : "application");
	put_time(json, "since", crawl->since_ns);
	json_put_unsigned(json, "rule_domains", crawl->rule_domains);
	json_put_integer(json, "rule_seconds", crawl->rule_seconds);
	if (crawl->phase != CRAWL_LEFT) {
		put_time(json, "from", crawl->from_ns);
		put_time(json, "to", crawl->to_ns);
		json_put_unsigned(json, "count", crawl->count);
		if (part_is_in(rendering, PART_EXAMPLES))
			put_split(json, "examples", crawl->examples, " ");
	}
	json_object_close(json);
}

/* The object, or null and why. */
static void put_package(struct rendering *rendering, const struct dossier_package *package, const char *key,
			const char *absent_key)
{
	struct json *json = &rendering->json;

	if (package->name[0]) {
		json_object_open(json, key);
		json_put_string(json, "name", package->name);
		part_whole(rendering, "version", package->version);
		put_time(json, "upgraded", package->upgraded_ns);
		if (package->replaced)
			json_put_boolean(json, "replaced", true);
		json_object_close(json);
	} else if (package->absent[0]) {
		json_put_null(json, key);
		json_put_string(json, absent_key, package->absent);
	}
}

static void put_changes(struct rendering *rendering)
{
	const struct dossier *dossier = rendering->dossier;
	struct json *json = &rendering->json;

	if (!dossier->packages_counted)
		return;
	json_object_open(json, "packages_changed_7d");
	json_put_unsigned(json, "count", dossier->packages_changed);
	if (part_is_in(rendering, PART_CHANGES) && dossier->changes_listed) {
		json_array_open(json, "newest");
		for (uint32_t i = 0; i < dossier->changes_listed && i < DOSSIER_CHANGES_MAX; i++) {
			json_object_open(json, NULL);
			json_put_string(json, "name", dossier->changes[i].name);
			part_whole(rendering, "version", dossier->changes[i].version);
			put_time(json, "time", dossier->changes[i].time_ns);
			json_object_close(json);
		}
		json_array_close(json);
	}
	json_object_close(json);
}

static void put_packages(struct rendering *rendering)
{
	const struct dossier *dossier = rendering->dossier;

	if (!part_is_in(rendering, PART_PACKAGE))
		return;
	put_package(rendering, &dossier->package, "package", "package_absent");
	put_package(rendering, &dossier->script_package, "script_package", "script_package_absent");
	put_changes(rendering);
}

static void put_process(struct rendering *rendering)
{
	const struct process *process = &rendering->alert->process;
	struct json *json = &rendering->json;

	if (!part_has_process(rendering->alert))
		return;
	json_object_open(json, "process");
	if (part_is_in(rendering, PART_CGROUP))
		part_whole(rendering, "cgroup", process->cgroup);
	json_put_unsigned(json, "cgroup_id", process->owner.cgroup_id);
	part_text(rendering, "container", TEXT_CONTAINER, process->container);
	json_put_unsigned(json, "network_namespace", process->owner.netns);
	if (rendering->alert->process_known) {
		json_put_unsigned(json, "pid_namespace", process->pid_namespace);
		json_put_unsigned(json, "mount_namespace", process->mount_namespace);
		if (process->login_uid != FS_UID_UNKNOWN) {
			json_put_unsigned(json, "login_uid", process->login_uid);
			part_text(rendering, "login_user", TEXT_LOGIN_USER, rendering->dossier->login_user);
		}
		if (process->arguments_cut)
			json_put_boolean(json, "arguments_cut", true);
	}
	json_object_close(json);
}

static void put_enrichment(struct rendering *rendering)
{
	const struct dossier *dossier = rendering->dossier;
	struct json *json = &rendering->json;

	if (!part_is_in(rendering, PART_ENRICHMENT))
		return;
	if (dossier->reverse_status[0]) {
		json_object_open(json, "reverse_dns");
		json_put_string(json, "status", dossier->reverse_status);
		part_whole(rendering, "name", dossier->reverse_name);
		json_object_close(json);
	}
	if (dossier->origin_status[0]) {
		json_object_open(json, "origin");
		json_put_string(json, "status", dossier->origin_status);
		if (dossier->origin_prefix[0]) {
			json_put_unsigned(json, "asn", dossier->origin_asn);
			json_put_string(json, "prefix", dossier->origin_prefix);
		}
		part_whole(rendering, "country", dossier->origin_country);
		part_whole(rendering, "registry", dossier->origin_registry);
		json_object_close(json);
	}
}

static void put_omitted(struct rendering *rendering)
{
	struct json *json = &rendering->json;
	char name[64];

	if (!rendering->omitted && !rendering->cut)
		return;
	json_array_open(json, "omitted");
	for (unsigned i = 0; i < rendering->omitted; i++)
		if (i != PART_CHANGES || part_is_in(rendering, PART_PACKAGE)) /* "package" says it for both */
			json_put_string(json, NULL, part_names[i]);
	for (unsigned i = 0; i < TEXTS; i++) {
		if (rendering->cut & UINT32_C(1) << i) {
			snprintf(name, sizeof(name), "%s (cut)", text_names[i]);
			json_put_string(json, NULL, name);
		}
	}
	json_array_close(json);
}

void part_facts(struct rendering *rendering, const char *key)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;

	json_object_open(json, key);
	json_put_string(json, "kind", alert_kind_name(alert->kind));
	json_put_unsigned(json, "revision", alert->revision);
	if (!part_is_operators(alert)) {
		part_text(rendering, "domain", TEXT_DOMAIN, alert->domain);
		if (part_has_remote(alert)) {
			put_attribution(rendering);
			put_enrichment(rendering);
			json_put_string(json, "outcome", outcome_name(alert->outcome));
		}
		json_put_unsigned(json, "bytes_out", alert->bytes_out);
		json_put_unsigned(json, "bytes_in", alert->bytes_in);
		put_threat(rendering);
		put_crawl(rendering);
		put_process(rendering);
		put_application(rendering);
		put_packages(rendering);
	}
	put_history(rendering);
	put_omitted(rendering);
	json_object_close(json);
}
