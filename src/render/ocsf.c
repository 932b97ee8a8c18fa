/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ocsf.c - OCSF 1.5.0, Detection Finding (class 2004). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "render/parts.h"

#define CATEGORY_FINDINGS 2
#define CLASS_DETECTION_FINDING 2004
#define ACTIVITY_CREATE 1
#define ACTIVITY_UPDATE 2
#define STATUS_NEW 1
#define DIRECTION_OUTBOUND 2
#define FILE_REGULAR 1
#define ANALYTIC_RULE 1
#define DEVICE_SERVER 1
#define INDICATOR_DOMAIN 2
#define OBSERVABLE_HOSTNAME 1
#define OBSERVABLE_IP_ADDRESS 2
#define OBSERVABLE_PROCESS_NAME 9

static void put_ms(struct json *json, const char *key, const char *key_dt, int64_t time_ns)
{
	char text[TEXT_TIME_MAX];

	json_put_integer(json, key, time_ns / NS_PER_MS);
	json_put_string(json, key_dt, text_format_time(time_ns, text));
}

static void put_finding(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;
	char title[PART_TITLE_MAX];

	part_title(rendering, title);
	json_object_open(json, "finding_info");
	json_put_string(json, "uid", alert->uid);
	json_put_string(json, "title", title);
	json_array_open(json, "types");
	json_put_string(json, NULL, alert_kind_name(alert->kind));
	json_array_close(json);
	put_ms(json, "created_time", "created_time_dt", alert->time_ns);
	if (alert->seen.host_first_ns)
		put_ms(json, "first_seen_time", "first_seen_time_dt", alert->seen.host_first_ns);
	if (alert->seen.host_last_ns)
		put_ms(json, "last_seen_time", "last_seen_time_dt", alert->seen.host_last_ns);
	json_object_open(json, "analytic");
	json_put_string(json, "name", alert_kind_name(alert->kind));
	json_put_string(json, "type", "Rule");
	json_put_integer(json, "type_id", ANALYTIC_RULE);
	json_object_close(json);
	json_object_close(json);
}

static void put_metadata(struct rendering *rendering)
{
	struct json *json = &rendering->json;
	char uid[ALERT_UID_MAX + 16];

	/* Of this line: an alert may be delivered twice, and its update is another event. */
	snprintf(uid, sizeof(uid), "%s:%" PRIu32, rendering->alert->uid, rendering->alert->revision);
	json_object_open(json, "metadata");
	json_put_string(json, "uid", uid);
	json_put_string(json, "version", "1.5.0");
	json_object_open(json, "product");
	json_put_string(json, "name", "firstseen");
	json_put_string(json, "vendor_name", "firstseen");
	part_text(rendering, "version", TEXT_VERSION, rendering->dossier->product_version);
	json_object_close(json);
	json_array_open(json, "profiles");
	json_put_string(json, NULL, "host");
	json_put_string(json, NULL, "datetime");
	if (rendering->alert->threat.entry[0])
		json_put_string(json, NULL, "osint");
	json_array_close(json);
	json_object_close(json);
}

static void put_device(struct rendering *rendering)
{
	const char *host = rendering->dossier->host;

	json_object_open(&rendering->json, "device");
	part_text(rendering, "hostname", TEXT_HOST, host[0] ? host : "unknown");
	part_text(rendering, "uid", TEXT_HOST_ID, rendering->dossier->host_id);
	json_put_string(&rendering->json, "type", "Server");
	json_put_integer(&rendering->json, "type_id", DEVICE_SERVER);
	json_object_close(&rendering->json);
}

static void put_user(struct rendering *rendering)
{
	char uid[16];

	if (rendering->alert->process.owner.uid == FS_UID_UNKNOWN)
		return;
	snprintf(uid, sizeof(uid), "%u", rendering->alert->process.owner.uid);
	json_object_open(&rendering->json, "user");
	json_put_string(&rendering->json, "uid", uid);
	part_text(rendering, "name", TEXT_USER, rendering->dossier->user);
	json_object_close(&rendering->json);
}

/* The parent, and all of them in `ancestry`, nearest first. */
static void put_parents(struct rendering *rendering)
{
	const struct process *process = &rendering->alert->process;
	struct json *json = &rendering->json;

	if (process->ancestor_count == 0)
		return;
	json_object_open(json, "parent_process");
	json_put_unsigned(json, "pid", process->ancestors[0].tgid);
	part_comm(rendering, "name", TEXT_ANCESTORS, process->ancestors[0].comm);
	json_object_close(json);
	if (!part_is_in(rendering, PART_ANCESTORS))
		return;
	json_array_open(json, "ancestry");
	for (uint8_t i = 0; i < process->ancestor_count && i < FS_ANCESTORS_MAX; i++) {
		json_object_open(json, NULL);
		json_put_unsigned(json, "pid", process->ancestors[i].tgid);
		part_comm(rendering, "name", TEXT_ANCESTORS, process->ancestors[i].comm);
		json_object_close(json);
	}
	json_array_close(json);
}

static void put_process(struct rendering *rendering)
{
	const struct process *process = &rendering->alert->process;
	struct json *json = &rendering->json;

	json_object_open(json, "actor");
	json_object_open(json, "process");
	json_put_unsigned(json, "pid", process->owner.tgid);
	part_text(rendering, "name", TEXT_NAME, process->comm);
	if (process->exe[0]) {
		json_object_open(json, "file");
		part_text(rendering, "name", TEXT_EXE, part_base_name(process->exe));
		part_text(rendering, "path", TEXT_EXE, process->exe);
		json_put_string(json, "type", "Regular File");
		json_put_integer(json, "type_id", FILE_REGULAR);
		json_object_close(json);
	}
	if (part_is_in(rendering, PART_ARGUMENTS))
		part_whole(rendering, "cmd_line", process->arguments);
	put_user(rendering);
	part_container(rendering, "uid");
	put_parents(rendering);
	json_object_close(json);
	json_object_close(json);
}

static void put_endpoints(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;
	char address[ADDRESS_TEXT_MAX];

	json_object_open(json, "dst_endpoint");
	json_put_string(json, "ip", address_format(&alert->remote, address));
	json_put_unsigned(json, "port", alert->remote_port);
	if (alert->subject == SUBJECT_DOMAIN) {
		part_text(rendering, "hostname", TEXT_HOSTNAME, alert->attribution.hostname);
		if (part_is_in(rendering, PART_ENDPOINT_DOMAIN))
			part_text(rendering, "domain", TEXT_DOMAIN, alert->domain);
	}
	if (part_is_in(rendering, PART_ENRICHMENT) && rendering->dossier->origin_prefix[0]) {
		json_object_open(json, "autonomous_system");
		json_put_unsigned(json, "number", rendering->dossier->origin_asn);
		json_object_close(json);
	}
	json_object_close(json);
	if (part_has_local(alert)) {
		json_object_open(json, "src_endpoint");
		json_put_string(json, "ip", address_format(&alert->local, address));
		if (alert->local_port)
			json_put_unsigned(json, "port", alert->local_port);
		json_object_close(json);
	}
	json_object_open(json, "connection_info");
	json_put_string(json, "protocol_name", protocol_name(alert->protocol));
	json_put_unsigned(json, "protocol_num", alert->protocol);
	json_put_string(json, "direction", "Outbound");
	json_put_integer(json, "direction_id", DIRECTION_OUTBOUND);
	json_object_close(json);
}

/* The name that was asked for. Its type is not kept: an address of the answer is what counts. */
static void put_question(struct rendering *rendering)
{
	const char *question = part_question(rendering->alert);

	if (!part_is_in(rendering, PART_QUESTION) || !question[0])
		return;
	json_object_open(&rendering->json, "query");
	json_put_string(&rendering->json, "hostname", question);
	json_object_close(&rendering->json);
}

static void put_evidences(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;

	if (!part_has_process(alert) && !part_has_remote(alert))
		return;
	json_array_open(json, "evidences");
	json_object_open(json, NULL);
	if (part_has_process(alert))
		put_process(rendering);
	if (part_has_remote(alert)) {
		put_endpoints(rendering);
		put_question(rendering);
	}
	json_object_close(json);
	json_array_close(json);
}

static void put_observable(struct json *json, const char *name, const char *type, int type_id,
			   const char *value)
{
	json_object_open(json, NULL);
	json_put_string(json, "name", name);
	json_put_string(json, "type", type);
	json_put_integer(json, "type_id", type_id);
	json_put_string(json, "value", value);
	json_object_close(json);
}

static void put_observables(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;
	char address[ADDRESS_TEXT_MAX];

	if (!part_is_in(rendering, PART_OBSERVABLES) || !part_has_remote(alert))
		return;
	json_array_open(json, "observables");
	if (alert->subject == SUBJECT_DOMAIN)
		put_observable(json, "evidences[].dst_endpoint.hostname", "Hostname", OBSERVABLE_HOSTNAME,
			       alert->attribution.hostname);
	put_observable(json, "evidences[].dst_endpoint.ip", "IP Address", OBSERVABLE_IP_ADDRESS,
		       address_format(&alert->remote, address));
	if (part_has_process(alert) && alert->process.comm[0])
		put_observable(json, "evidences[].actor.process.name", "Process Name",
			       OBSERVABLE_PROCESS_NAME, alert->process.comm);
	json_array_close(json);
}

/* Not the endpoint's hostname, which is what the program asked for. */
static void put_enrichments(struct rendering *rendering)
{
	const struct dossier *dossier = rendering->dossier;
	struct json *json = &rendering->json;
	char address[ADDRESS_TEXT_MAX];

	if (!part_is_in(rendering, PART_ENRICHMENT) || !dossier->reverse_name[0] ||
	    !part_has_remote(rendering->alert))
		return;
	json_array_open(json, "enrichments");
	json_object_open(json, NULL);
	json_put_string(json, "name", "evidences[].dst_endpoint.ip");
	json_put_string(json, "value", address_format(&rendering->alert->remote, address));
	json_put_string(json, "type", "reverse_dns");
	json_put_string(json, "provider", "DNS");
	json_object_open(json, "data");
	json_put_string(json, "name", dossier->reverse_name);
	json_put_boolean(json, "confirmed", strcmp(dossier->reverse_status, "confirmed") == 0);
	json_object_close(json);
	json_object_close(json);
	json_array_close(json);
}

static void put_osint(struct rendering *rendering)
{
	const struct threat_match *threat = &rendering->alert->threat;
	struct json *json = &rendering->json;

	if (!threat->entry[0])
		return;
	json_array_open(json, "osint");
	json_object_open(json, NULL);
	json_put_string(json, "type", "Domain");
	json_put_integer(json, "type_id", INDICATOR_DOMAIN);
	part_text(rendering, "value", TEXT_THREAT_ENTRY, threat->entry);
	part_text(rendering, "name", TEXT_THREAT_LIST, threat->list);
	json_object_close(json);
	json_array_close(json);
}

void render_ocsf(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;
	int activity = alert->revision ? ACTIVITY_UPDATE : ACTIVITY_CREATE;

	json_object_open(json, NULL);
	put_ms(json, "time", "time_dt", alert->time_ns);
	part_message(rendering);
	json_put_string(json, "severity", alert_severity_name(alert->severity));
	json_put_integer(json, "severity_id", alert->severity);
	json_put_string(json, "class_name", "Detection Finding");
	json_put_integer(json, "class_uid", CLASS_DETECTION_FINDING);
	json_put_string(json, "category_name", "Findings");
	json_put_integer(json, "category_uid", CATEGORY_FINDINGS);
	json_put_string(json, "activity_name", alert->revision ? "Update" : "Create");
	json_put_integer(json, "activity_id", activity);
	json_put_integer(json, "type_uid", CLASS_DETECTION_FINDING * 100 + activity);
	json_put_string(json, "status", "New");
	json_put_integer(json, "status_id", STATUS_NEW);
	json_put_boolean(json, "is_alert", true);
	put_finding(rendering);
	put_metadata(rendering);
	put_device(rendering);
	put_evidences(rendering);
	put_enrichments(rendering);
	put_osint(rendering);
	put_observables(rendering);
	part_facts(rendering, "unmapped");
	json_object_close(json);
}
