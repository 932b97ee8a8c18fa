/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ecs.c - Elastic Common Schema 9.4. What has no field there is in `labels.firstseen`. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "render/parts.h"

static void put_event(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;

	json_object_open(json, "event");
	json_put_string(json, "kind", "alert");
	json_array_open(json, "category");
	json_put_string(json, NULL, part_has_flow(alert) ? "network" : "host");
	json_array_close(json);
	json_array_open(json, "type");
	json_put_string(json, NULL, part_has_flow(alert) ? "connection" : "info");
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
	part_text(rendering, "version", rendering->dossier->product_version);
	json_object_close(json);
}

static void put_host(struct rendering *rendering)
{
	if (!rendering->dossier->host[0] && !rendering->dossier->host_id[0])
		return;
	json_object_open(&rendering->json, "host");
	part_text(rendering, "name", rendering->dossier->host);
	part_text(rendering, "id", rendering->dossier->host_id);
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
		json_put_string(json, "domain", alert->attribution.hostname);
		json_put_string(json, "registered_domain", alert->domain);
	}
	json_object_close(json);
	json_object_open(json, "source");
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

static void put_parent(struct rendering *rendering)
{
	const struct process *process = &rendering->alert->process;
	struct json *json = &rendering->json;

	if (process->ancestor_count == 0)
		return;
	json_object_open(json, "parent");
	json_put_unsigned(json, "pid", process->ancestors[0].tgid);
	part_comm(rendering, "name", process->ancestors[0].comm);
	json_object_close(json);
}

static void put_process(struct rendering *rendering)
{
	const struct process *process = &rendering->alert->process;
	const char *colon = strchr(process->container, ':');
	struct json *json = &rendering->json;
	char uid[16];

	if (!process->owner.tgid)
		return;
	json_object_open(json, "process");
	json_put_unsigned(json, "pid", process->owner.tgid);
	part_text(rendering, "name", process->comm);
	part_text(rendering, "executable", process->exe);
	if (part_is_in(rendering, PART_ARGUMENTS))
		part_text(rendering, "command_line", process->arguments);
	put_parent(rendering);
	json_object_close(json);
	if (process->owner.uid != FS_UID_UNKNOWN) {
		snprintf(uid, sizeof(uid), "%u", process->owner.uid);
		json_object_open(json, "user");
		json_put_string(json, "id", uid);
		part_text(rendering, "name", rendering->dossier->user);
		json_object_close(json);
	}
	if (colon && strncmp(process->container, "unit:", 5) != 0) {
		char runtime[32];

		text_copy_bytes(runtime, sizeof(runtime), process->container,
				(size_t)(colon - process->container));
		json_object_open(json, "container");
		json_put_string(json, "id", colon + 1);
		json_put_string(json, "runtime", runtime);
		json_object_close(json);
	}
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
	char sentence[PART_SENTENCE_MAX], time[TEXT_TIME_MAX];

	part_sentence(rendering, sentence);
	json_object_open(json, NULL);
	json_put_string(json, "@timestamp", text_format_time(rendering->alert->time_ns, time));
	json_put_string(json, "message", sentence);
	put_event(rendering);
	put_rule(rendering);
	put_host(rendering);
	if (part_has_flow(rendering->alert)) {
		put_network(rendering);
		put_process(rendering);
		put_related(rendering);
	}
	json_object_open(json, "labels");
	part_facts(rendering, "firstseen");
	json_object_close(json);
	json_object_close(json);
}
