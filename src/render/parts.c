/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "render/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const part_names[PARTS] = {
	[PART_OBSERVABLES] = "observables",
	[PART_RIVALS] = "attribution.rivals",
	[PART_ANCESTORS] = "process.ancestors",
	[PART_CHAIN] = "attribution.chain",
	[PART_PACKAGE] = "package",
	[PART_CGROUP] = "process.cgroup",
	[PART_ARGUMENTS] = "process.arguments",
	[PART_APPLICATION] = "application",
	[PART_LONG_TEXTS] = "ends of long texts",
};

bool part_has_flow(const struct alert *alert)
{
	return alert->kind != ALERT_LEARNING_COMPLETE && alert->kind != ALERT_COVERAGE_GAP &&
	       alert->kind != ALERT_HISTORY_RECOVERED;
}

const char *part_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *part_short(const struct rendering *rendering, const char *text,
		       char room[static PART_TEXT_MAX + 4])
{
	size_t length = strlen(text), used = 0;

	if (part_is_in(rendering, PART_LONG_TEXTS))
		return text;
	while (used < length) {
		size_t character = text_utf8_character(text + used, length - used);
		size_t taken = character ? character : 1;

		if (used + taken > PART_TEXT_MAX) {
			memcpy(room + used, "...", 4);
			return room;
		}
		memcpy(room + used, text + used, taken);
		if (character < 2 && ((unsigned char)room[used] < 0x20 || (unsigned char)room[used] >= 0x7f))
			room[used] = '?';
		used += taken;
	}
	room[used] = '\0';
	return room;
}

void part_text(struct rendering *rendering, const char *key, const char *text)
{
	char room[PART_TEXT_MAX + 4];

	if (text[0])
		json_put_string(&rendering->json, key, part_short(rendering, text, room));
}

void part_comm(struct rendering *rendering, const char *key, const char comm[static FS_COMM_SIZE])
{
	char name[FS_COMM_SIZE + 1];

	text_copy_bytes(name, sizeof(name), comm, FS_COMM_SIZE);
	part_text(rendering, key, name);
}

static void put_user(const struct rendering *rendering, char *text, size_t size)
{
	uint32_t uid = rendering->alert->process.owner.uid;

	if (rendering->dossier->user[0])
		snprintf(text, size, "user %s", rendering->dossier->user);
	else if (uid != FS_UID_UNKNOWN && rendering->alert->process.owner.tgid)
		snprintf(text, size, "uid %" PRIu32, uid);
	else
		snprintf(text, size, "unknown user");
}

/* The novelty: "for the first time", or since when not. */
static void put_novelty(const struct alert *alert, char *text, size_t size)
{
	bool for_application = alert->kind == ALERT_NEW_DOMAIN_FOR_APPLICATION;
	int64_t last = for_application ? alert->seen.application_last_ns : alert->seen.host_last_ns;
	char window[TEXT_SPAN_MAX], time[TEXT_TIME_MAX];

	text_format_span(alert->window_seconds, window);
	if (last)
		snprintf(text, size, "for the first time in %s%s; last seen %s", window,
			 for_application ? " for this application" : "", text_format_time(last, time));
	else
		snprintf(text, size, "for the first time%s", for_application ? " for this application" : "");
}

void part_sentence(const struct rendering *rendering, char sentence[static PART_SENTENCE_MAX])
{
	const struct alert *alert = rendering->alert;
	const char *program = alert->process.exe[0] ? alert->process.exe : alert->process.comm;
	const char *hostname = alert->subject == SUBJECT_DOMAIN ? alert->attribution.hostname : "unnamed";
	char user[USER_NAME_MAX + 16], novelty[160], address[ADDRESS_TEXT_MAX];
	char rooms[4][PART_TEXT_MAX + 4];
	bool v4 = address_is_ipv4(&alert->remote);

	if (!part_has_flow(alert)) {
		text_copy(sentence, PART_SENTENCE_MAX, alert->message);
		return;
	}
	put_user(rendering, user, sizeof(user));
	put_novelty(alert, novelty, sizeof(novelty));
	address_format(&alert->remote, address);
	snprintf(sentence, PART_SENTENCE_MAX, "%s (%s) contacted %s (%s, %s%s%s:%u/%s) %s",
		 part_short(rendering, program[0] ? program : "an unknown program", rooms[0]),
		 part_short(rendering, user, rooms[1]), part_short(rendering, alert->domain, rooms[2]),
		 part_short(rendering, hostname, rooms[3]), v4 ? "" : "[", address, v4 ? "" : "]",
		 (unsigned)alert->remote_port, protocol_name(alert->protocol), novelty);
}

static void put_time(struct json *json, const char *key, int64_t time_ns)
{
	char text[TEXT_TIME_MAX];

	if (time_ns)
		json_put_string(json, key, text_format_time(time_ns, text));
	else
		json_put_null(json, key);
}

/* A text's words, as an array. */
static void put_words(struct json *json, const char *key, const char *text)
{
	json_array_open(json, key);
	while (*text) {
		size_t length = strcspn(text, " ");

		if (length)
			json_put_string_bytes(json, NULL, text, length);
		text += length + (text[length] == ' ');
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
	json_put_integer(json, "age_ms", attribution->age_ns / NS_PER_MS);
	json_put_boolean(json, "ambiguous", attribution->ambiguous);
	if (attribution->dns_hostname[0])
		part_text(rendering, "dns_hostname", attribution->dns_hostname);
	if (part_is_in(rendering, PART_CHAIN) && attribution->chain[0])
		put_words(json, "chain", attribution->chain);
	json_put_unsigned(json, "rival_count", attribution->rival_count);
	if (part_is_in(rendering, PART_RIVALS) && attribution->rivals_listed) {
		json_array_open(json, "rivals");
		for (uint32_t i = 0; i < attribution->rivals_listed; i++)
			json_put_string(json, NULL, attribution->rivals[i]);
		json_array_close(json);
	}
	json_object_close(json);
}

static void put_history(struct rendering *rendering)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;

	put_time(json, "first_seen", alert->seen.host_first_ns);
	put_time(json, "last_seen", alert->seen.host_last_ns);
	if (alert->kind == ALERT_NEW_DOMAIN_FOR_APPLICATION)
		put_time(json, "application_last_seen", alert->seen.application_last_ns);
	json_put_integer(json, "window_days", alert->window_seconds / SECONDS_PER_DAY);
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
	part_text(rendering, "name", rendering->alert->process.application);
	if (part_is_in(rendering, PART_APPLICATION)) {
		part_text(rendering, "script", rendering->alert->process.script);
		put_time(json, "first_seen", dossier->application_first_ns);
		json_put_unsigned(json, "domains", dossier->application_domains);
		json_put_unsigned(json, "connections", dossier->application_connections);
	}
	json_object_close(json);
}

static void put_package(struct rendering *rendering)
{
	const struct dossier *dossier = rendering->dossier;
	struct json *json = &rendering->json;

	if (!dossier->package[0] || !part_is_in(rendering, PART_PACKAGE))
		return;
	json_object_open(json, "package");
	json_put_string(json, "name", dossier->package);
	json_put_string(json, "version", dossier->package_version);
	put_time(json, "upgraded", dossier->package_upgraded_ns);
	json_put_unsigned(json, "changed_on_host_7d", dossier->packages_changed);
	json_object_close(json);
}

static void put_process(struct rendering *rendering)
{
	const struct process *process = &rendering->alert->process;
	struct json *json = &rendering->json;

	if (!process->owner.tgid)
		return;
	json_object_open(json, "process");
	if (part_is_in(rendering, PART_CGROUP))
		part_text(rendering, "cgroup", process->cgroup);
	json_put_unsigned(json, "cgroup_id", process->owner.cgroup_id);
	part_text(rendering, "container", process->container);
	json_put_unsigned(json, "network_namespace", process->owner.netns);
	if (rendering->alert->process_known) {
		json_put_unsigned(json, "pid_namespace", process->pid_namespace);
		json_put_unsigned(json, "mount_namespace", process->mount_namespace);
		if (process->login_uid != FS_UID_UNKNOWN) {
			json_put_unsigned(json, "login_uid", process->login_uid);
			part_text(rendering, "login_user", rendering->dossier->login_user);
		}
		if (process->arguments_cut)
			json_put_boolean(json, "arguments_cut", true);
	}
	json_object_close(json);
}

static void put_omitted(struct rendering *rendering)
{
	if (!rendering->omitted)
		return;
	json_array_open(&rendering->json, "omitted");
	for (unsigned i = 0; i < rendering->omitted; i++)
		json_put_string(&rendering->json, NULL, part_names[i]);
	json_array_close(&rendering->json);
}

void part_facts(struct rendering *rendering, const char *key)
{
	const struct alert *alert = rendering->alert;
	struct json *json = &rendering->json;

	json_object_open(json, key);
	json_put_string(json, "kind", alert_kind_name(alert->kind));
	json_put_unsigned(json, "revision", alert->revision);
	if (part_has_flow(alert)) {
		part_text(rendering, "domain", alert->domain);
		put_attribution(rendering);
		json_put_string(json, "outcome", outcome_name(alert->outcome));
		json_put_unsigned(json, "bytes_out", alert->bytes_out);
		json_put_unsigned(json, "bytes_in", alert->bytes_in);
		put_process(rendering);
		put_application(rendering);
		put_package(rendering);
	}
	put_history(rendering);
	put_omitted(rendering);
	json_object_close(json);
}

static const struct {
	void (*render)(struct rendering *rendering);
} formats[] = {
	[RENDER_OCSF] = {render_ocsf},
	[RENDER_ECS] = {render_ecs},
};

int64_t render_alert(enum render_format format, const struct alert *alert, const struct dossier *dossier,
		     char *line, size_t size)
{
	struct rendering rendering = {.alert = alert, .dossier = dossier};
	int64_t length = -1;

	for (unsigned omitted = 0; omitted <= PARTS && length < 0; omitted++) {
		rendering.omitted = omitted;
		json_begin(&rendering.json, line, size);
		formats[format].render(&rendering);
		length = json_end(&rendering.json);
	}
	return length;
}
