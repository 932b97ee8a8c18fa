/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ecs.c - Elastic Common Schema 9.4. What has no field there is in `labels.firstseen`. */
#include <stdio.h>

#include "base/text.h"
#include "render/parts.h"

static void put_event(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;

	json_object_open(json, "event");
	json_put_string(json, "kind", "alert");
	json_array_open(json, "category");
	json_put_string(json, NULL, part_is_operators(alert) ? "host" : "network");
	json_array_close(json);
	json_array_open(json, "type");
	json_put_string(json, NULL, part_has_remote(alert) ? "connection" : "info");
	json_array_close(json);
	json_put_string(json, "action", alert_kind_name(alert->kind));
	json_put_string(json, "id", alert->uid);
	json_put_integer(json, "severity", alert->severity);
	json_put_string(json, "dataset", "firstseen.alert");
	json_put_string(json, "module", "firstseen");
	if (alert->outcome != FS_OUTCOME_UNKNOWN)
		json_put_string(json, "outcome",
				alert->outcome == FS_OUTCOME_ESTABLISHED ? "success" : "failure");
	json_object_close(json);
}

static void put_rule(struct rendering *rendering)
{
	struct json *json = &rendering->json;

	json_object_open(json, "rule");
	json_put_string(json, "name", alert_kind_name(rendering->alert->kind));
	json_object_close(json);
	json_object_open(json, "ecs");
	json_put_string(json, "version", "9.4.0");
	json_object_close(json);
	json_object_open(json, "agent");
	json_put_string(json, "type", "firstseen");
	part_text(rendering, "version", TEXT_VERSION, rendering->dossier->product_version);
	json_object_close(json);
}

static void put_host(struct rendering *rendering)
{
	if (!rendering->dossier->host[0] && !rendering->dossier->host_id[0])
		return;
	json_object_open(&rendering->json, "host");
	part_text(rendering, "name", TEXT_HOST, rendering->dossier->host);
	part_text(rendering, "id", TEXT_HOST_ID, rendering->dossier->host_id);
	json_object_close(&rendering->json);
}

static void put_network(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;
	char address[ADDRESS_TEXT_MAX];

	json_object_open(json, "destination");
	json_put_string(json, "ip", address_format(&alert->remote, address));
	json_put_unsigned(json, "port", alert->remote_port);
	json_put_unsigned(json, "bytes", alert->bytes_in);
	if (alert->subject == SUBJECT_DOMAIN) {
		part_text(rendering, "domain", TEXT_HOSTNAME, alert->attribution.hostname);
		if (part_is_in(rendering, PART_ENDPOINT_DOMAIN))
			part_text(rendering, "registered_domain", TEXT_DOMAIN, alert->domain);
	}
	if (part_is_in(rendering, PART_ENRICHMENT) && rendering->dossier->origin_prefix[0]) {
		json_object_open(json, "as");
		json_put_unsigned(json, "number", rendering->dossier->origin_asn);
		json_object_close(json);
	}
	json_object_close(json);
	json_object_open(json, "source");
	if (part_has_local(alert))
		json_put_string(json, "ip", address_format(&alert->local, address));
	if (alert->local_port)
		json_put_unsigned(json, "port", alert->local_port);
	json_put_unsigned(json, "bytes", alert->bytes_out);
	json_object_close(json);
	json_object_open(json, "network");
	json_put_string(json, "transport", protocol_name(alert->protocol));
	json_put_string(json, "type", address_is_ipv4(&alert->remote) ? "ipv4" : "ipv6");
	json_put_string(json, "direction", "egress");
	json_object_close(json);
}

static void put_question(struct rendering *rendering)
{
	const char *question = part_question(rendering->alert);
	struct json *json = &rendering->json;

	if (!part_is_in(rendering, PART_QUESTION) || !question[0])
		return;
	json_object_open(json, "dns");
	json_object_open(json, "question");
	json_put_string(json, "name", question);
	json_object_close(json);
	json_object_close(json);
}

static void put_parent(struct rendering *rendering)
{
	const struct process *process = &rendering->alert->process;
	struct json *json = &rendering->json;

	if (process->ancestor_count == 0)
		return;
	json_object_open(json, "parent");
	json_put_unsigned(json, "pid", process->ancestors[0].tgid);
	part_comm(rendering, "name", TEXT_ANCESTORS, process->ancestors[0].comm);
	json_object_close(json);
}

static void put_process(struct rendering *rendering)
{
	const struct process *process = &rendering->alert->process;
	struct json *json = &rendering->json;
	char uid[16];

	json_object_open(json, "process");
	json_put_unsigned(json, "pid", process->owner.tgid);
	part_text(rendering, "name", TEXT_NAME, process->comm);
	part_text(rendering, "executable", TEXT_EXE, process->exe);
	if (part_is_in(rendering, PART_ARGUMENTS))
		part_whole(rendering, "command_line", process->arguments);
	put_parent(rendering);
	json_object_close(json);
	if (process->owner.uid != FS_UID_UNKNOWN) {
		snprintf(uid, sizeof(uid), "%u", process->owner.uid);
		json_object_open(json, "user");
		json_put_string(json, "id", uid);
		part_text(rendering, "name", TEXT_USER, rendering->dossier->user);
		json_object_close(json);
	}
	part_container(rendering, "id");
}

/* When it was upgraded last is in the facts, since `installed` is another time. */
static void put_package(struct rendering *rendering)
{
	const struct dossier_package *package = part_package(rendering->dossier);

	if (!part_is_in(rendering, PART_PACKAGE) || !package)
		return;
	json_object_open(&rendering->json, "package");
	json_put_string(&rendering->json, "name", package->name);
	part_whole(rendering, "version", package->version);
	json_object_close(&rendering->json);
}

static void put_threat(struct rendering *rendering)
{
	const struct threat_match *threat = &rendering->alert->threat;
	struct json *json = &rendering->json;

	if (!threat->entry[0])
		return;
	json_object_open(json, "threat");
	json_object_open(json, "feed");
	part_text(rendering, "name", TEXT_THREAT_LIST, threat->list);
	json_object_close(json);
	json_object_open(json, "indicator");
	json_put_string(json, "type", "domain-name");
	part_text(rendering, "name", TEXT_THREAT_ENTRY, threat->entry);
	json_object_close(json);
	json_object_close(json);
}

static void put_related(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;
	char address[ADDRESS_TEXT_MAX];

	if (!part_is_in(rendering, PART_OBSERVABLES))
		return;
	json_object_open(json, "related");
	json_array_open(json, "ip");
	json_put_string(json, NULL, address_format(&alert->remote, address));
	json_array_close(json);
	if (alert->subject == SUBJECT_DOMAIN) {
		json_array_open(json, "hosts");
		json_put_string(json, NULL, alert->attribution.hostname);
		json_array_close(json);
	}
	json_object_close(json);
}

void render_ecs(struct rendering *rendering)
{
	struct json *json = &rendering->json;
	char time[TEXT_TIME_MAX];

	json_object_open(json, NULL);
	json_put_string(json, "@timestamp", text_format_time(rendering->alert->time_ns, time));
	part_message(rendering);
	put_event(rendering);
	put_rule(rendering);
	put_host(rendering);
	if (part_has_remote(rendering->alert)) {
		put_network(rendering);
		put_question(rendering);
		put_related(rendering);
		put_threat(rendering);
	}
	if (part_has_process(rendering->alert)) {
		put_process(rendering);
		put_package(rendering);
	}
	json_object_open(json, "labels");
	part_facts(rendering, "firstseen");
	json_object_close(json);
	json_object_close(json);
}
