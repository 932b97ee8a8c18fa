/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/alert_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/show_package.h"

#define DEPTH_MOST 16
#define SHOWN_PATH_MAX 96
#define COMMAND_MAX (4 * APPLICATION_MAX + 64)

enum form { FORM_PLAIN, FORM_BYTES, FORM_SHARE, FORM_REASON };

/*
 * A line of the page. Paths: names and indexes, separated by dots; from the top, or with
 * "@" from the facts that both formats carry without change.
 */
struct line {
	const char *label;
	const char *ocsf;
	const char *ecs; /* NULL: as ocsf */
	enum form form;
};

#define EVIDENCE "evidences.0."
#define PROCESS EVIDENCE "actor.process."

static const struct line what[] = {
	{"kind", "@kind", NULL, FORM_PLAIN},
	{"domain", "@domain", NULL, FORM_PLAIN},
	{"hostname", EVIDENCE "dst_endpoint.hostname", "destination.domain", FORM_PLAIN},
	{"address", EVIDENCE "dst_endpoint.ip", "destination.ip", FORM_PLAIN},
	{"port", EVIDENCE "dst_endpoint.port", "destination.port", FORM_PLAIN},
	{"reverse name", "@reverse_dns.name", NULL, FORM_PLAIN},
	{"... which is", "@reverse_dns.status", NULL, FORM_PLAIN},
	{"origin AS", "@origin.asn", NULL, FORM_PLAIN},
	{"announces", "@origin.prefix", NULL, FORM_PLAIN},
	{"registered in", "@origin.country", NULL, FORM_PLAIN},
	{"registered at", "@origin.registry", NULL, FORM_PLAIN},
	{"protocol", EVIDENCE "connection_info.protocol_name", "network.transport", FORM_PLAIN},
	{"outcome", "@outcome", NULL, FORM_PLAIN},
	{"sent", "@bytes_out", NULL, FORM_BYTES},
	{"received", "@bytes_in", NULL, FORM_BYTES},
	{"on list", "@threat.list", NULL, FORM_PLAIN},
	{"list's entry", "@threat.entry", NULL, FORM_PLAIN},
	{"list means", "@threat.class", NULL, FORM_PLAIN},
	{"crawler", "@crawler.phase", NULL, FORM_PLAIN},
	{"counted for", "@crawler.scope", NULL, FORM_PLAIN},
	{"crawler since", "@crawler.since", NULL, FORM_PLAIN},
	{"rule, domains", "@crawler.rule_domains", NULL, FORM_PLAIN},
	{"in seconds", "@crawler.rule_seconds", NULL, FORM_PLAIN},
	{"digest from", "@crawler.from", NULL, FORM_PLAIN},
	{"digest to", "@crawler.to", NULL, FORM_PLAIN},
	{"new domains", "@crawler.count", NULL, FORM_PLAIN},
	{"among them", "@crawler.examples", NULL, FORM_PLAIN},
	{0},
};
static const struct line who[] = {
	{"program", PROCESS "file.path", "process.executable", FORM_PLAIN},
	{"arguments", PROCESS "cmd_line", "process.command_line", FORM_PLAIN},
	{"name", PROCESS "name", "process.name", FORM_PLAIN},
	{"pid", PROCESS "pid", "process.pid", FORM_PLAIN},
	{"user", PROCESS "user.name", "user.name", FORM_PLAIN},
	{"uid", PROCESS "user.uid", "user.id", FORM_PLAIN},
	{"login user", "@process.login_user", NULL, FORM_PLAIN},
	{"login uid", "@process.login_uid", NULL, FORM_PLAIN},
	{"parent", PROCESS "parent_process", "process.parent", FORM_PLAIN},
	{"parents", PROCESS "ancestry", "process.ancestry", FORM_PLAIN},
	{"container", "@process.container", NULL, FORM_PLAIN},
	{"cgroup", "@process.cgroup", NULL, FORM_PLAIN},
	{"application", "@application.name", NULL, FORM_PLAIN},
	{"script", "@application.script", NULL, FORM_PLAIN},
	{"known since", "@application.first_seen", NULL, FORM_PLAIN},
	{"its domains", "@application.domains", NULL, FORM_PLAIN},
	{"connections", "@application.connections", NULL, FORM_PLAIN},
	{"a crawler", "@application.crawler", NULL, FORM_PLAIN},
	{"its users", "@application.users", NULL, FORM_PLAIN},
	{"also talks to", "@application.recent_domains", NULL, FORM_PLAIN},
	{"package", "@package.name", NULL, FORM_PLAIN},
	{"no package", "@package_absent", NULL, FORM_REASON},
	{"version", "@package.version", NULL, FORM_PLAIN},
	{"upgraded", "@package.upgraded", NULL, FORM_PLAIN},
	{"replaced", "@package.replaced", NULL, FORM_PLAIN},
	{"script's pkg", "@script_package.name", NULL, FORM_PLAIN},
	{"script: none", "@script_package_absent", NULL, FORM_REASON},
	{"its version", "@script_package.version", NULL, FORM_PLAIN},
	{"its upgrade", "@script_package.upgraded", NULL, FORM_PLAIN},
	{0},
};
static const struct line where[] = {
	{"host", "device.hostname", "host.name", FORM_PLAIN},
	{"host id", "device.uid", "host.id", FORM_PLAIN},
	{"from", EVIDENCE "src_endpoint.ip", "source.ip", FORM_PLAIN},
	{"from port", EVIDENCE "src_endpoint.port", "source.port", FORM_PLAIN},
	{"netns", "@process.network_namespace", NULL, FORM_PLAIN},
	{"pkgs in 7 d", "@packages_changed_7d.count", NULL, FORM_PLAIN},
	{"the newest", "@packages_changed_7d.newest", NULL, FORM_PLAIN},
	{0},
};
static const struct line why[] = {
	{"named by", "@attribution.method", NULL, FORM_PLAIN},
	{"asked by", "@attribution.rank", NULL, FORM_PLAIN},
	{"ms before", "@attribution.age_ms", NULL, FORM_PLAIN},
	{"DNS said", "@attribution.dns_hostname", NULL, FORM_PLAIN},
	{"by way of", "@attribution.chain", NULL, FORM_PLAIN},
	{"ambiguous", "@attribution.ambiguous", NULL, FORM_PLAIN},
	{"rivals", "@attribution.rivals", NULL, FORM_PLAIN},
	{0},
};
static const struct line when[] = {
	{"time", "time_dt", "@timestamp", FORM_PLAIN},
	{"first seen", "@first_seen", NULL, FORM_PLAIN},
	{"last seen", "@last_seen", NULL, FORM_PLAIN},
	{"by this app", "@application_last_seen", NULL, FORM_PLAIN},
	{"hist. unread", "@history_unread", NULL, FORM_PLAIN},
	{"new for", "@new_for", NULL, FORM_PLAIN},
	{"known to", "@known_to", NULL, FORM_PLAIN},
	{"window, days", "@window_days", NULL, FORM_PLAIN},
	{"watched, days", "@baseline_age_days", NULL, FORM_PLAIN},
	{"coverage", "@coverage", NULL, FORM_SHARE},
	{"left out", "@omitted", NULL, FORM_PLAIN},
	{0},
};

static const struct section {
	const char *title;
	const struct line *lines;
} sections[] = {
	{"What", what}, {"Who", who}, {"Where", where}, {"Why this name", why}, {"When", when},
};

struct alert_parts {
	json_t *top;
	bool ecs;
};

/* --- finding --------------------------------------------------------------------------------- */

static json_t *step(const json_t *value, const char *name)
{
	return json_is_array(value) ? json_array_get(value, strtoul(name, NULL, 10))
				    : json_object_get(value, name);
}

static json_t *follow(json_t *value, const char *path)
{
	char name[64];

	while (value && *path) {
		size_t length = strcspn(path, ".");

		text_copy_bytes(name, sizeof(name), path, length);
		value = step(value, name);
		path += length + (path[length] == '.');
	}
	return value;
}

/* The path from the top. */
static void path_of(const struct alert_parts *parts, const struct line *line,
		    char path[static SHOWN_PATH_MAX])
{
	const char *written = parts->ecs && line->ecs ? line->ecs : line->ocsf;

	/* "@timestamp" is a name of ECS. */
	if (written[0] == '@' && written != line->ecs)
		snprintf(path, SHOWN_PATH_MAX, "%s.%s", parts->ecs ? "labels.firstseen" : "unmapped",
			 written + 1);
	else
		text_copy(path, SHOWN_PATH_MAX, written);
}

/* --- values ---------------------------------------------------------------------------------- */

static void append(char *text, const char *more)
{
	size_t length = strlen(text);

	text_copy(text + length, ALERT_VALUE_MAX - length, more);
}

/* Adds a value in short. */
static void append_value(char *text, const json_t *value, int depth)
{
	char number[64];
	const json_t *child;
	size_t index;

	if (depth > DEPTH_MOST)
		return;
	if (json_is_string(value)) {
		append(text, json_string_value(value));
	} else if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		append(text, number);
	} else if (json_is_real(value)) {
		snprintf(number, sizeof(number), "%.4g", json_real_value(value));
		append(text, number);
	} else if (json_is_boolean(value)) {
		append(text, json_is_true(value) ? "yes" : "no");
	} else if (json_is_null(value)) {
		append(text, "never"); /* a time; nothing else is null */
	} else if (json_is_object(value) && json_object_get(value, "pid")) {
		append_value(text, json_object_get(value, "name"), depth + 1);
		append(text, " (");
		append_value(text, json_object_get(value, "pid"), depth + 1);
		append(text, ")");
	} else if (json_is_object(value) && json_object_get(value, "time")) {
		append_value(text, json_object_get(value, "name"), depth + 1);
		append(text, " ");
		append_value(text, json_object_get(value, "version"), depth + 1);
		append(text, " (");
		append_value(text, json_object_get(value, "time"), depth + 1);
		append(text, ")");
	} else if (json_is_array(value)) {
		json_array_foreach(value, index, child)
		{
			append(text, index ? ", " : "");
			append_value(text, child, depth + 1);
		}
	}
}

void alert_value_text(const json_t *value, char text[static ALERT_VALUE_MAX])
{
	text[0] = '\0';
	append_value(text, value, 0);
}

static int take_output(char text[static ALERT_VALUE_MAX], enum column_type type, union cell cell)
{
	char *shown = output_value(type, cell, 0);

	if (!shown)
		return -ENOMEM;
	text_copy(text, ALERT_VALUE_MAX, shown);
	free(shown);
	return 0;
}

/* As a line of that form tells it. 0 or -ENOMEM. */
static int form_text(const json_t *value, enum form form, char text[static ALERT_VALUE_MAX])
{
	if (form == FORM_BYTES && json_is_integer(value))
		return take_output(text, COLUMN_BYTES,
				   (union cell){.count = (uint64_t)json_integer_value(value)});
	if (form == FORM_SHARE && json_is_number(value))
		return take_output(text, COLUMN_SHARE, (union cell){.share = json_number_value(value)});
	if (form == FORM_REASON && json_is_string(value))
		text_copy(text, ALERT_VALUE_MAX, package_reason(json_string_value(value)));
	else
		alert_value_text(value, text);
	return 0;
}

/* --- what to ask next ------------------------------------------------------------------------ */

/* Whether a name can be typed as it is shown. */
static bool is_plain(const char *argument)
{
	char *escaped = output_escape_name(argument);
	bool plain = escaped && argument[0] && strcmp(escaped, argument) == 0;

	free(escaped);
	return plain;
}

/* A command with an argument for a shell to read. */
static void write_command(char text[static COMMAND_MAX], const char *command, const char *argument)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@%+=,";
	const char *quote = argument[strspn(argument, safe)] ? "'" : "";
	size_t used = (size_t)snprintf(text, COMMAND_MAX, "%s%s %s", command, argument[0] == '-' ? " --" : "",
				       quote);

	for (; *argument && used + 8 < COMMAND_MAX; argument++) {
		if (*argument == '\'')
			used += (size_t)snprintf(text + used, COMMAND_MAX - used, "'\\''");
		else
			text[used++] = *argument;
	}
	text_copy(text + used, COMMAND_MAX - used, quote);
}

static int ask(const struct alert_visitor *visitor, const char *question, const char *command,
	       const char *argument)
{
	char text[COMMAND_MAX];

	if (!is_plain(argument))
		return 0;
	write_command(text, command, argument);
	return visitor->next(visitor->context, question, text);
}

/* An hour before and after. */
static int ask_around(const struct alert_visitor *visitor, int64_t time_ns)
{
	char from[TEXT_TIME_MAX], to[TEXT_TIME_MAX], text[COMMAND_MAX];

	snprintf(text, sizeof(text), "firstseen alerts --since %s --until %s",
		 text_format_time(time_ns - 3600 * NS_PER_SECOND, from),
		 text_format_time(time_ns + 3600 * NS_PER_SECOND, to));
	return visitor->next(visitor->context, "What else was alerted around then?", text);
}

static int ask_review(const struct alert_visitor *visitor, const struct alert_row *row)
{
	bool threat = strcmp(row->kind, alert_kind_name(ALERT_THREAT_DOMAIN)) == 0;
	int error = ask(visitor,
			threat ? "A false entry of the list? Silent for it from now on:"
			       : "Looked at, and fine? Then say so, with what was found:",
			"firstseen ack --note '...'", row->uid);

	if (error || !row->domain[0] || row->subject != SUBJECT_DOMAIN)
		return error;
	return visitor->next(visitor->context,
			     "Always fine, whoever asks? See firstseen allow --help: it takes domain=, "
			     "application= and more",
			     NULL);
}

int alert_next(const struct alert_parts *parts, const struct alert_row *row,
	       const struct alert_visitor *visitor)
{
	const json_t *facts = json_object_get(parts->ecs ? json_object_get(parts->top, "labels") : parts->top,
					      parts->ecs ? "firstseen" : "unmapped");
	const char *package = json_string_value(json_object_get(json_object_get(facts, "package"), "name"));
	int error =
		ask(visitor, "Who else talks to it, since when, how much?", "firstseen history", row->domain);

	if (!error)
		error = ask(visitor, "What else does this program do?", "firstseen app", row->application);
	if (!error)
		error = ask_around(visitor, row->time_ns);
	if (!error)
		error = ask(visitor, "Are the package's files as they were delivered?", "dpkg --verify",
			    package ? package : "");
	if (error)
		return error;
	if (!row->domain[0] && !row->application[0])
		return ask(visitor, "Is it watching, and what was lost?", "firstseen", "status");
	return row->acknowledged_ns ? 0 : ask_review(visitor, row);
}

/* --- the parts ------------------------------------------------------------------------------- */

static int visit_section(const struct alert_parts *parts, const struct section *section,
			 const struct alert_visitor *visitor, char text[static ALERT_VALUE_MAX])
{
	const char *title = section->title;
	int error = 0;

	for (const struct line *line = section->lines; line->label && !error; line++) {
		char path[SHOWN_PATH_MAX];
		const json_t *value;

		path_of(parts, line, path);
		value = follow(parts->top, path);
		if (!value)
			continue;
		if (title)
			visitor->section(visitor->context, title);
		title = NULL;
		error = form_text(value, line->form, text);
		if (!error)
			error = visitor->value(visitor->context, line->label, text);
	}
	return error;
}

int alert_sections(const struct alert_parts *parts, const struct alert_visitor *visitor)
{
	char *text = malloc(ALERT_VALUE_MAX);
	int error = text ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]) && !error; i++)
		error = visit_section(parts, &sections[i], visitor, text);
	free(text);
	return error;
}

json_t *alert_top(const struct alert_parts *parts)
{
	return parts->top;
}

const char *alert_message(const struct alert_parts *parts)
{
	const char *message = json_string_value(json_object_get(parts->top, "message"));

	return message ? message : "";
}

int alert_parts_new(const struct alert_row *row, struct alert_parts **out)
{
	struct alert_parts *parts = calloc(1, sizeof(*parts));

	if (!parts)
		return -ENOMEM;
	parts->top = json_loads(row->line, 0, NULL);
	if (!json_is_object(parts->top)) {
		alert_parts_free(parts);
		return -EBADMSG;
	}
	parts->ecs = json_object_get(parts->top, "@timestamp") != NULL;
	*out = parts;
	return 0;
}

void alert_parts_free(struct alert_parts *parts)
{
	if (!parts)
		return;
	json_decref(parts->top);
	free(parts);
}
