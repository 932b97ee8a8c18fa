/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/show_alert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "cli/alert_parts.h"
#include "cli/output.h"

#define PATH_TEXT_MAX 512
#define DEPTH_MOST 16

/* Prints a value, escaped. `label` is padded to `width`. 0 or -ENOMEM. */
static int print_line(const char *label, int width, const char *between, const char *value)
{
	char *shown = output_escape_name(value); /* names and arguments were escaped where they were read */
	char *name = output_escape(label);
	bool whole = shown && name;

	if (whole)
		printf("%-*s%s%s\n", width, name, between, shown);
	free(name);
	free(shown);
	return whole ? 0 : -ENOMEM;
}

/* --- every value ----------------------------------------------------------------------------- */

static int print_leaf(const char *path, const json_t *value)
{
	char text[ALERT_VALUE_MAX];

	alert_value_text(value, text);
	return print_line(path, 0, "\t", text);
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
	return print_leaf(path, value);
}

int show_alert_rows(const struct alert_row *row)
{
	struct alert_parts *parts;
	int error = alert_parts_new(row, &parts);

	if (error)
		return error;
	error = print_leaves("", alert_top(parts), 0);
	alert_parts_free(parts);
	return error;
}

/* --- the page ------------------------------------------------------------------------------- */

static void print_title(void *context, const char *title)
{
	bool colour = output_has_colour();

	(void)context;
	printf("\n%s%s%s\n", colour ? "\033[1m" : "", title, colour ? "\033[0m" : "");
}

static int print_value(void *context, const char *label, const char *text)
{
	char indented[64];

	(void)context;
	snprintf(indented, sizeof(indented), "  %s", label);
	return print_line(indented, 16, " ", text);
}

static int print_next(void *context, const char *question, const char *command)
{
	(void)context;
	printf("  %s\n", question);
	if (command)
		printf("    %s\n", command);
	return 0;
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

static void print_head(const struct alert_row *row, int64_t now_ns)
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

	putchar('\n');
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		output_line(head[i].key, head[i].type, head[i].cell, now_ns);
	print_review(row, now_ns);
}

int show_alert(const struct alert_row *row, int64_t now_ns)
{
	const struct alert_visitor visitor = {
		.section = print_title, .value = print_value, .next = print_next};
	struct alert_parts *parts;
	int error = alert_parts_new(row, &parts);

	if (error)
		return error;
	if (alert_message(parts)[0])
		error = print_line("", 0, "", alert_message(parts));
	print_head(row, now_ns);
	if (!error)
		error = alert_sections(parts, &visitor);
	print_title(NULL, "Ask next");
	if (!error)
		error = alert_next(parts, row, &visitor);
	printf("\n  All fields: firstseen --format tsv alert %.8s\n", row->uid);
	alert_parts_free(parts);
	return error;
}
