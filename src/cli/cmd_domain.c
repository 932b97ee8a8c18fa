/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_domain.c - history DOMAIN: all about one. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/rows.h"

#define DETAILS (DETAIL_DAY + 1)
#define JSON_FIRST (256 * 1024)
#define JSON_MOST (256 * 1024 * 1024)
#define NAME_MAX_SHOWN 128

static const char *const part_names[DETAILS] = {
	[DETAIL_HOSTNAME] = "hostnames",
	[DETAIL_ADDRESS] = "addresses",
	[DETAIL_APPLICATION] = "applications",
	[DETAIL_USER] = "users",
	[DETAIL_DAY] = "days",
};
static const char *const headings[DETAILS] = {
	[DETAIL_HOSTNAME] = "hostname", [DETAIL_ADDRESS] = "address", [DETAIL_APPLICATION] = "application",
	[DETAIL_USER] = "user",         [DETAIL_DAY] = "day",
};

static const char *name_of(const struct detail_row *row)
{
	return row->detail == DETAIL_APPLICATION ? rows_application_name(row->name) : row->name;
}

/* A user's name; NULL where this host has none for the number. */
static const char *user_name(const char *uid)
{
	const struct passwd *entry;
	char *end;
	unsigned long number = strtoul(uid, &end, 10);

	if (*end || end == uid)
		return NULL;
	entry = getpwuid((uid_t)number);
	return entry ? entry->pw_name : NULL;
}

/* --- JSON: one object, an array for each part ---------------------------------------------- */

struct document {
	struct json json;
	int open; /* the part whose array is open; -1: none */
};

static void put_sums(struct json *json, int64_t first_ns, int64_t last_ns, uint64_t connections,
		     uint64_t bytes_out, uint64_t bytes_in)
{
	char time[TEXT_TIME_MAX];

	json_put_string(json, "first_seen", text_format_time(first_ns, time));
	json_put_string(json, "last_seen", text_format_time(last_ns, time));
	json_put_unsigned(json, "connections", connections);
	json_put_unsigned(json, "bytes_out", bytes_out);
	json_put_unsigned(json, "bytes_in", bytes_in);
}

/* "ADDRESS PORT PROTOCOL" as three values. */
static void put_endpoint(struct json *json, const char *name)
{
	size_t address = strcspn(name, " ");
	const char *port = name + address + (name[address] == ' ');
	size_t digits = strcspn(port, " ");

	json_put_string_bytes(json, "address", name, address);
	if (!name[address]) /* HISTORY_OTHERS */
		return;
	json_put_unsigned(json, "port", strtoul(port, NULL, 10));
	json_put_string(json, "protocol", port + digits + (port[digits] == ' '));
}

static void put_name(struct json *json, const struct detail_row *row)
{
	const char *user;

	switch (row->detail) {
	case DETAIL_ADDRESS:
		put_endpoint(json, row->name);
		break;
	case DETAIL_USER:
		user = user_name(row->name);
		json_put_string(json, "uid", row->name);
		if (user)
			json_put_string(json, "user", user);
		break;
	default:
		json_put_string(json, headings[row->detail], name_of(row));
	}
}

/* Opens the array of `part` and leaves those before it empty; DETAILS ends the last one. */
static void move_to(struct document *document, int part)
{
	while (document->open < part) {
		if (document->open >= 0)
			json_array_close(&document->json);
		if (++document->open < DETAILS)
			json_array_open(&document->json, part_names[document->open]);
	}
}

static int add_to_document(void *context, const struct detail_row *row)
{
	struct document *document = context;
	struct json *json = &document->json;

	move_to(document, (int)row->detail);
	json_object_open(json, NULL);
	put_name(json, row);
	put_sums(json, row->first_ns, row->last_ns, row->connections, row->bytes_out, row->bytes_in);
	json_object_close(json);
	return 0;
}

/* 0, -ENOSPC where `size` is too small, or another -errno. */
static int write_document(struct history *history, const struct domain_row *row, char *text, size_t size,
			  struct failure *failure)
{
	struct document document = {.open = -1};
	struct json *json = &document.json;
	int error;

	json_begin(json, text, size);
	json_object_open(json, NULL);
	json_put_string(json, "domain", row->domain);
	json_put_string(json, "kind", rows_kind_name(row->kind));
	put_sums(json, row->first_ns, row->last_ns, row->connections, row->bytes_out, row->bytes_in);
	error = history_domain_details(history, row->domain, add_to_document, &document, failure);
	move_to(&document, DETAILS);
	json_object_close(json);
	if (error)
		return error;
	return json_end(json) < 0 ? -ENOSPC : 0;
}

static int print_document(struct history *history, const struct domain_row *row, struct failure *failure)
{
	int error = -ENOSPC;

	for (size_t size = JSON_FIRST; error == -ENOSPC && size <= JSON_MOST; size *= 4) {
		char *text = malloc(size);

		if (!text)
			return -ENOMEM;
		error = write_document(history, row, text, size, failure);
		if (!error)
			puts(text);
		free(text);
	}
	return error;
}

/* --- tables and rows ------------------------------------------------------------------------ */

struct details {
	const struct cli *cli;
	struct output *output;
	struct column columns[7]; /* of a table: one for each part, headed by what it lists */
	int part;
};

static int open_table(struct details *details, int part)
{
	const struct column columns[] = {
		{.key = headings[part], .type = part == DETAIL_DAY ? COLUMN_TEXT : COLUMN_NAME},
		{.key = "first_seen", .type = COLUMN_TIME},
		{.key = "last_seen", .type = COLUMN_TIME},
		{.key = "connections", .type = COLUMN_COUNT, .heading = "conns"},
		{.key = "bytes_out", .type = COLUMN_BYTES, .heading = "out"},
		{.key = "bytes_in", .type = COLUMN_BYTES, .heading = "in"},
	};
	size_t count = sizeof(columns) / sizeof(columns[0]);

	output_end(details->output);
	putchar('\n');
	memcpy(details->columns, columns, sizeof(columns));
	if (part == DETAIL_DAY) { /* a day is its own time */
		memmove(&details->columns[1], &details->columns[3], 3 * sizeof(columns[0]));
		count -= 2;
	}
	details->part = part;
	details->output = output_new(OUTPUT_TABLE, details->columns, count, details->cli->now_ns);
	return details->output ? 0 : -ENOMEM;
}

static int add_to_table(void *context, const struct detail_row *row)
{
	struct details *details = context;
	const char *user = row->detail == DETAIL_USER ? user_name(row->name) : NULL;
	char text[NAME_MAX_SHOWN];
	union cell cells[] = {
		{.text = name_of(row)},      {.time_ns = row->first_ns}, {.time_ns = row->last_ns},
		{.count = row->connections}, {.count = row->bytes_out},  {.count = row->bytes_in},
	};

	if (details->part != (int)row->detail && open_table(details, (int)row->detail))
		return -ENOMEM;
	if (user) {
		snprintf(text, sizeof(text), "%s (%s)", user, row->name);
		cells[0].text = text;
	}
	if (row->detail == DETAIL_DAY)
		memmove(&cells[1], &cells[3], 3 * sizeof(cells[0]));
	return output_row(details->output, cells);
}

static int print_tables(const struct cli *cli, struct history *history, const struct domain_row *row,
			struct failure *failure)
{
	struct details details = {.cli = cli, .part = -1};
	struct output *head = rows_of_domains(cli);
	int error = head ? rows_add_domain(head, row) : -ENOMEM;

	output_end(head);
	if (!error)
		error = history_domain_details(history, row->domain, add_to_table, &details, failure);
	output_end(details.output);
	return error;
}

static int add_row(void *output, const struct detail_row *row)
{
	const union cell cells[] = {
		{.text = part_names[row->detail]}, {.text = name_of(row)},      {.time_ns = row->first_ns},
		{.time_ns = row->last_ns},         {.count = row->connections}, {.count = row->bytes_out},
		{.count = row->bytes_in},
	};

	return output_row(output, cells);
}

static int print_rows(const struct cli *cli, struct history *history, const struct domain_row *row,
		      struct failure *failure)
{
	static const struct column columns[] = {
		{.key = "part", .type = COLUMN_TEXT},         {.key = "name", .type = COLUMN_NAME},
		{.key = "first_seen", .type = COLUMN_TIME},   {.key = "last_seen", .type = COLUMN_TIME},
		{.key = "connections", .type = COLUMN_COUNT}, {.key = "bytes_out", .type = COLUMN_BYTES},
		{.key = "bytes_in", .type = COLUMN_BYTES},
	};
	struct output *output =
		output_new(OUTPUT_TSV, columns, sizeof(columns) / sizeof(columns[0]), cli->now_ns);
	int error = -ENOMEM;

	if (output)
		error = history_domain_details(history, row->domain, add_row, output, failure);
	output_end(output);
	return error;
}

/* --- the command ----------------------------------------------------------------------------- */

/* The domain or address as given, else the domain that a hostname is grouped to. 1, 0: not known, -errno. */
static int find(const struct cli *cli, struct history *history, const char *name, struct domain_row *row,
		struct failure *failure)
{
	char domain[DOMAIN_MAX], text[ADDRESS_TEXT_MAX];
	struct domain_rules *rules;
	struct address address;
	int found = history_domain(history, name, row, failure);

	if (found)
		return found;
	if (address_parse(name, &address) == 0)
		return history_domain(history, address_format(&address, text), row, failure);
	found = cli_open_rules(cli, &rules, failure);
	if (found)
		return found;
	if (domain_of(rules, name, domain) != DOMAIN_INVALID)
		found = history_domain(history, domain, row, failure);
	domain_rules_free(rules);
	return found;
}

int cli_history(struct cli *cli, int argc, char **argv)
{
	struct history *history = cli_open_history(cli);
	struct failure failure = {{0}};
	struct domain_row row = {0};
	char domain[DOMAIN_MAX];
	int found, error = 0;

	(void)argc;
	if (!history)
		return CLI_FAILED;
	found = find(cli, history, argv[0], &row, &failure);
	if (found > 0) {
		text_copy(domain, sizeof(domain), row.domain); /* lives until the next question only */
		row.domain = domain;
		if (cli->options->format == OUTPUT_JSON)
			error = print_document(history, &row, &failure);
		else if (cli->options->format == OUTPUT_TSV)
			error = print_rows(cli, history, &row, &failure);
		else
			error = print_tables(cli, history, &row, &failure);
	}
	history_close(history);
	if (found == 0)
		return cli_fail("this host was never seen to talk to %.255s", argv[0]);
	if (found < 0 || error)
		return cli_fail_with(&failure, found < 0 ? found : error);
	return CLI_DONE;
}
