/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/show_alert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/show_package.h"

#define PATH_TEXT_MAX 512
#define DEPTH_MOST 16
#define SHOWN_PATH_MAX 96
#define VALUE_MAX 16384

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

/* One alert while it is printed. */
struct page {
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
static void path_of(const struct page *page, const struct line *line, char path[static SHOWN_PATH_MAX])
{
	const char *written = page->ecs && line->ecs ? line->ecs : line->ocsf;

	/* "@timestamp" is a name of ECS. */
	if (written[0] == '@' && written != line->ecs)
		snprintf(path, SHOWN_PATH_MAX, "%s.%s", page->ecs ? "labels.firstseen" : "unmapped",
			 written + 1);
	else
		text_copy(path, SHOWN_PATH_MAX, written);
}

/* --- values ---------------------------------------------------------------------------------- */

static void append(char *text, const char *more)
{
	size_t length = strlen(text);

	text_copy(text + length, VALUE_MAX - length, more);
}

/* Adds a value in short: a list with commas, a process as "name (pid)", a package as "name version (time)".
 */
static void append_value(char *text, const json_t *value, int depth)
{
	char number[64];
	const json_t *child;
	size_t index;

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
		append_value(text, json_object_get(value, "name"), depth);
		append(text, " (");
		append_value(text, json_object_get(value, "pid"), depth);
		append(text, ")");
	} else if (json_is_object(value) && json_object_get(value, "time")) {
		append_value(text, json_object_get(value, "name"), depth);
		append(text, " ");
		append_value(text, json_object_get(value, "version"), depth);
		append(text, " (");
		append_value(text, json_object_get(value, "time"), depth);
		append(text, ")");
	} else if (json_is_array(value) && depth < DEPTH_MOST) {
		json_array_foreach(value, index, child)
		{
			append(text, index ? ", " : "");
			append_value(text, child, depth + 1);
		}
	}
}

/* Prints a value, escaped. `label` is padded to `width`. 0 or -ENOMEM. */
static int print_line(const char *label, int width, const char *between, const json_t *value, enum form form)
{
	char text[VALUE_MAX] = "";
	char *shown, *name;

	if (form == FORM_BYTES && json_is_integer(value)) {
		shown = output_value(COLUMN_BYTES, (union cell){.count = (uint64_t)json_integer_value(value)},
				     0);
	} else if (form == FORM_SHARE && json_is_number(value)) {
		shown = output_value(COLUMN_SHARE, (union cell){.share = json_number_value(value)}, 0);
	} else if (form == FORM_REASON && json_is_string(value)) {
		shown = output_escape_name(package_reason(json_string_value(value)));
	} else {
		append_value(text, value, 0);
		shown = output_escape_name(text); /* names and arguments were escaped where they were read */
	}
	name = output_escape(label);
	if (shown && name)
		printf("%-*s%s%s\n", width, name, between, shown);
	free(name);
	free(shown);
	return shown && name ? 0 : -ENOMEM;
}

/* --- the page ------------------------------------------------------------------------------- */

static void print_title(const char *title)
{
	bool colour = output_has_colour();

	printf("\n%s%s%s\n", colour ? "\033[1m" : "", title, colour ? "\033[0m" : "");
}

static int print_section(const struct page *page, const struct section *section)
{
	bool titled = false;
	int error = 0;

	for (const struct line *line = section->lines; line->label && !error; line++) {
		char label[64], path[SHOWN_PATH_MAX];
		const json_t *value;

		path_of(page, line, path);
		value = follow(page->top, path);
		if (!value)
			continue;
		if (!titled)
			print_title(section->title);
		titled = true;
		snprintf(label, sizeof(label), "  %s", line->label);
		error = print_line(label, 16, " ", value, line->form);
	}
	return error;
}

/* A null beside which it says why: `package` and `package_absent`. */
static bool is_explained(const json_t *object, const char *key, const json_t *value)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "%s_absent", key);
	return json_is_null(value) && json_object_get(object, reason);
}

/* Every value, with the path to it. */
static int print_leaves(const char *path, json_t *value, int depth)
{
	char below[PATH_TEXT_MAX];
	json_t *child;
	void *at;
	int error = 0;

	if (depth > DEPTH_MOST)
		return 0;
	if (json_is_object(value)) {
		for (at = json_object_iter(value); at && !error; at = json_object_iter_next(value, at)) {
			if (is_explained(value, json_object_iter_key(at), json_object_iter_value(at)))
				continue;
			snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "." : "",
				 json_object_iter_key(at));
			error = print_leaves(below, json_object_iter_value(at), depth + 1);
		}
		return error;
	}
	if (json_is_array(value)) {
		for (size_t i = 0; (child = json_array_get(value, i)) && !error; i++) {
			snprintf(below, sizeof(below), "%s.%zu", path, i);
			error = print_leaves(below, child, depth + 1);
		}
		return error;
	}
	return print_line(path, 0, "\t", value, FORM_PLAIN);
}

/* Whether a name can be typed as it is shown. */
static bool is_plain(const char *argument)
{
	char *escaped = output_escape_name(argument);
	bool plain = escaped && argument[0] && strcmp(escaped, argument) == 0;

	free(escaped);
	return plain;
}

/* A command with an argument for a shell to read. */
static void print_command(const char *command, const char *argument)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@%+=,";
	const char *quote = argument[strspn(argument, safe)] ? "'" : "";

	printf("    %s%s %s", command, argument[0] == '-' ? " --" : "", quote);
	for (; *argument; argument++) {
		if (*argument == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*argument);
	}
	puts(quote);
}

static void ask(const char *question, const char *command, const char *argument)
{
	if (!is_plain(argument))
		return;
	printf("  %s\n", question);
	print_command(command, argument);
}

/* An hour before and after. */
static void print_around(int64_t time_ns)
{
	char from[TEXT_TIME_MAX], to[TEXT_TIME_MAX];

	text_format_time(time_ns - 3600 * NS_PER_SECOND, from);
	text_format_time(time_ns + 3600 * NS_PER_SECOND, to);
	printf("  What else was alerted around then?\n    firstseen alerts --since %s --until %s\n", from,
	       to);
}

/* What an investigator asks next, and the command that answers it. */
static void print_next(const struct alert_row *row, const json_t *facts)
{
	const char *package = json_string_value(json_object_get(json_object_get(facts, "package"), "name"));
	bool threat = strcmp(row->kind, alert_kind_name(ALERT_THREAT_DOMAIN)) == 0;

	print_title("Ask next");
	ask("Who else talks to it, since when, how much?", "firstseen history", row->domain);
	ask("What else does this program do?", "firstseen app", row->application);
	print_around(row->time_ns);
	ask("Are the package's files as they were delivered?", "dpkg --verify", package ? package : "");
	if (!row->domain[0] && !row->application[0])
		return ask("Is it watching, and what was lost?", "firstseen", "status");
	if (row->acknowledged_ns)
		return;
	ask(threat ? "A false entry of the list? Silent for this domain from now on:"
		   : "Looked at, and fine? Then say so, with what was found:",
	    "firstseen ack --note '...'", row->uid);
	if (row->domain[0] && row->subject == SUBJECT_DOMAIN)
		printf("  Always fine, whoever asks? See firstseen allow --help: it takes domain=, "
		       "application= and more\n");
}

static int load(const struct alert_row *row, json_t **top)
{
	*top = json_loads(row->line, 0, NULL);
	return json_is_object(*top) ? 0 : -EBADMSG;
}

static void print_review(const struct alert_row *row, int64_t now_ns)
{
	if (!row->acknowledged_ns)
		return;
	output_line("reviewed", COLUMN_TIME, (union cell){.time_ns = row->acknowledged_ns}, now_ns);
	output_line("reviewed by", COLUMN_TEXT, (union cell){.text = row->author}, now_ns);
	if (row->note[0])
		output_line("note", COLUMN_TEXT, (union cell){.text = row->note}, now_ns);
}

int show_alert(const struct alert_row *row, int64_t now_ns)
{
	const struct {
		const char *key;
		enum column_type type;
		union cell cell;
	} head[] = {
		{"alert", COLUMN_TEXT, {.text = row->uid}},
		{"severity", COLUMN_TEXT, {.text = severity_name(row->severity)}},
		{"state", COLUMN_TEXT, {.text = row->state}},
		{"when", COLUMN_TIME, {.time_ns = row->time_ns}},
	};
	struct page page = {0};
	json_t *top, *message;
	int error = load(row, &top);

	if (error) {
		json_decref(top);
		return error;
	}
	page.top = top;
	page.ecs = json_object_get(top, "@timestamp") != NULL;
	message = json_object_get(top, "message");
	if (message)
		error = print_line("", 0, "", message, FORM_PLAIN);
	putchar('\n');
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		output_line(head[i].key, head[i].type, head[i].cell, now_ns);
	print_review(row, now_ns);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]) && !error; i++)
		error = print_section(&page, &sections[i]);
	print_next(row, json_object_get(page.ecs ? json_object_get(top, "labels") : top,
					page.ecs ? "firstseen" : "unmapped"));
	printf("\n  All fields: firstseen --format tsv alert %.8s\n", row->uid);
	json_decref(top);
	return error;
}

int show_alert_rows(const struct alert_row *row)
{
	json_t *top;
	int error = load(row, &top);

	if (!error)
		error = print_leaves("", top, 0);
	json_decref(top);
	return error;
}
