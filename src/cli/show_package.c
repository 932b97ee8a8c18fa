/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/show_package.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "package/package.h"

#define WAIT_MS 10000 /* a person waits for the answer */
#define CHANGED_NS (7 * SECONDS_PER_DAY * NS_PER_SECOND)
#define NEWEST_MAX 10
#define TEXT_MAX (2 * PACKAGE_NAME_MAX + PACKAGE_VERSION_MAX)

const char *package_reason(const char *absent)
{
	static const struct {
		enum package_result result;
		const char *text;
	} reasons[] = {
		{PACKAGE_UNOWNED, "no package of this host has that file"},
		{PACKAGE_NO_DATABASE, "this host has neither dpkg's database nor rpm's"},
		{PACKAGE_PENDING, "the packages were not read yet"},
		{PACKAGE_UNREADABLE, "the packages could not be read"},
		{PACKAGE_TIMED_OUT, "rpm did not answer in time"},
		{PACKAGE_NO_PATH, "it is not known which file it is"},
		{PACKAGE_IN_CONTAINER,
		 "it is in a container; its path says nothing about this host's packages"},
		{PACKAGE_OTHER_ROOT, "it has another root folder, or other files mounted over the host's"},
		{PACKAGE_PROCESS_GONE, "it had mounts of its own, and ended before they could be looked at"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(package_result_name(reasons[i].result), absent) == 0)
			return reasons[i].text;
	return absent;
}

struct packages *show_package_open(const struct cli *cli)
{
	struct packages_settings settings = {.root = "", .proc = "/proc", .rpm = "/usr/bin/rpm"};
	struct packages *packages = NULL;
	struct failure failure;

	if (cli->config.packages && packages_open(&settings, &packages, &failure))
		cli_fail("%s", failure.text);
	return packages;
}

static void print_owner(const struct cli *cli, struct packages *packages, const char *label, const char *path)
{
	struct package_answer answer;
	char text[TEXT_MAX];

	packages_find(packages, path, WAIT_MS, &answer);
	if (answer.result == PACKAGE_OWNED)
		snprintf(text, sizeof(text), "%s %s", answer.name, answer.version);
	else
		snprintf(text, sizeof(text), "none: %s", package_reason(package_result_name(answer.result)));
	output_line(label, COLUMN_TEXT, (union cell){.text = text}, cli->now_ns);
	if (answer.upgraded_ns)
		output_line("  upgraded", COLUMN_TIME, (union cell){.time_ns = answer.upgraded_ns},
			    cli->now_ns);
}

/* A container's application ends in "[RUNTIME:ID]". */
static bool is_in_container(const char *application)
{
	size_t length = strlen(application);
	const char *bracket = strrchr(application, '[');

	return length && application[length - 1] == ']' && bracket > application && bracket[-1] == ' ' &&
	       strchr(bracket, ':');
}

void show_package(const struct cli *cli, struct packages *packages, const struct application_row *row)
{
	size_t exe = strlen(row->exe);
	const char *script = "";

	if (!packages || row->exe[0] != '/')
		return;
	if (strncmp(row->application, row->exe, exe) == 0 && row->application[exe] == ' ')
		script = row->application + exe + 1;
	output_line("program", COLUMN_NAME, (union cell){.text = row->application}, cli->now_ns);
	if (is_in_container(row->application)) {
		output_line("package", COLUMN_TEXT, (union cell){.text = "none: it is in a container"},
			    cli->now_ns);
		return;
	}
	print_owner(cli, packages, "package", row->exe);
	if (strncmp(script, "-jar /", 6) == 0)
		script += 5;
	if (script[0] == '/')
		print_owner(cli, packages, "script's", script);
}

void show_package_changes(const struct cli *cli, struct packages *packages)
{
	struct package_change newest[NEWEST_MAX];
	uint32_t count;
	int listed = packages ? packages_changed(packages, cli->now_ns - CHANGED_NS, WAIT_MS, newest,
						 NEWEST_MAX, &count)
			      : -1;
	char text[TEXT_MAX];

	if (listed < 0)
		return;
	snprintf(text, sizeof(text), "%" PRIu32 " packages of this host in 7 days%s", count,
		 count > NEWEST_MAX ? ", the newest:"
		 : count            ? ":"
				    : "");
	output_line("changed", COLUMN_TEXT, (union cell){.text = text}, cli->now_ns);
	for (int i = 0; i < listed; i++) {
		char time[TEXT_TIME_MAX];

		snprintf(text, sizeof(text), "%.39s  %.127s %.127s",
			 text_format_time(newest[i].time_ns, time), newest[i].name, newest[i].version);
		output_line("", COLUMN_TEXT, (union cell){.text = text}, cli->now_ns);
	}
}
