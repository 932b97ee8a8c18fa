/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* report.c - what a recovery tells: kept in the new file until its alert is written. */
#include "history/internal.h"
#include "history/recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

/* The baseline, in a sentence. */
static void say_baseline(const struct recovery *recovery, char *text, size_t size)
{
	char since[TEXT_TIME_MAX];

	if (recovery->baseline_lost)
		snprintf(text, size, "The baseline and all its coverage are lost: learning begins anew.");
	else
		snprintf(text, size, "The baseline since %s and its coverage are kept.",
			 text_format_time(history_ns(recovery->since_us), since));
}

static void say(const struct recovery *recovery, char *text, size_t size)
{
	const char *name = strrchr(recovery->aside, '/');
	char baseline[128], missing[64] = "", late[48] = "";

	say_baseline(recovery, baseline, sizeof(baseline));
	if (recovery->domains.endless)
		snprintf(missing, sizeof(missing), " (how many more there were can not be told)");
	else if (recovery->domains.missing)
		snprintf(missing, sizeof(missing), " (about %" PRIu64 " more could not be read)",
			 recovery->domains.missing);
	if (recovery->salvage.late)
		snprintf(late, sizeof(late), "; after %d s the rest was left", RECOVERY_SECONDS);
	snprintf(text, size,
		 "The history was damaged (%s). Recovered: %" PRIu64 " domains%s, %" PRIu64
		 " hostnames, %" PRIu64 " applications, %" PRIu64 " alerts, %" PRIu64
		 " lines that wait to be sent%s. %s",
		 recovery->why, recovery->domains.rows + recovery->rescued, missing, recovery->hostnames.rows,
		 recovery->applications.rows, recovery->alerts.rows, recovery->outbox.rows, late, baseline);
	if (strlen(text) + sizeof(" The damaged file is kept beside it as ") < size)
		snprintf(text + strlen(text), size - strlen(text),
			 " The damaged file is kept beside it as %s.", name ? name + 1 : recovery->aside);
}

static int keep_meta(struct recovery *recovery, const char *name, const char *value)
{
	struct statement *statement;
	int error =
		db_prepare(recovery->salvage.to, "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
			   &statement, recovery->failure);

	if (error)
		return error;
	db_bind_text(statement, 1, name);
	db_bind_text(statement, 2, value);
	error = db_run(statement, recovery->failure);
	db_finalize(statement);
	return error;
}

int recovery_keep_report(struct recovery *recovery)
{
	char text[HISTORY_RECOVERY_MESSAGE_MAX], time[32], uid[ALERT_UID_MAX];
	uint64_t ms = (uint64_t)(recovery->now_ns / NS_PER_MS) & UINT64_C(0xffffffffffff);
	uint64_t a = hash_bytes(ms, recovery->aside, strlen(recovery->aside)), b = hash_mix(a, ms);
	int error;

	say(recovery, text, sizeof(text));
	snprintf(time, sizeof(time), "%" PRId64, recovery->now_ns);
	snprintf(uid, sizeof(uid), "%08x-%04x-7%03x-%04x-%012" PRIx64, (unsigned)(ms >> 16),
		 (unsigned)(ms & 0xffff), (unsigned)(a & 0xfff), (unsigned)(0x8000 | (a >> 16 & 0x3fff)),
		 b & UINT64_C(0xffffffffffff));
	error = keep_meta(recovery, "recovery_message", text);
	if (!error)
		error = keep_meta(recovery, "recovery_time", time);
	if (!error)
		error = keep_meta(recovery, "recovery_uid", uid);
	if (!error)
		error = keep_meta(recovery, "recovery_baseline_lost", recovery->baseline_lost ? "1" : "0");
	return error;
}

static int take_meta(struct history *history, const char *name, char *value, size_t size,
		     struct failure *failure)
{
	struct statement *statement;
	int found, error = db_prepare(history->db, "SELECT value FROM meta WHERE name = ?1", &statement,
				      failure);

	if (error)
		return error;
	db_bind_text(statement, 1, name);
	found = db_step(statement, failure);
	if (found == 1)
		text_copy(value, size, db_column_text(statement, 0));
	db_finalize(statement);
	return found;
}

int history_recovery(struct history *history, struct history_recovery *out, struct failure *failure)
{
	char time[32] = "0", lost[8] = "";
	int found = take_meta(history, "recovery_uid", out->uid, sizeof(out->uid), failure);

	if (found == 1)
		found = take_meta(history, "recovery_message", out->message, sizeof(out->message), failure);
	if (found == 1)
		found = take_meta(history, "recovery_time", time, sizeof(time), failure);
	if (found == 1)
		found = take_meta(history, "recovery_baseline_lost", lost, sizeof(lost), failure);
	out->time_ns = strtoll(time, NULL, 10);
	out->baseline_lost = lost[0] == '1';
	return found;
}

int history_recovery_told(struct history *history, struct failure *failure)
{
	return db_exec(history->db, "DELETE FROM meta WHERE name LIKE 'recovery\\_%' ESCAPE '\\'", failure);
}
