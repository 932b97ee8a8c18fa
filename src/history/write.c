/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* write.c - what the writer adds beside accesses: alerts, states, runs, gaps, bindings. */
#include "history/internal.h"

#include <errno.h>

#include "base/text.h"

#define US_PER_DAY (SECONDS_PER_DAY * 1000000)

/* --- alerts ------------------------------------------------------------------------------- */

static int add_alert(struct history *history, const struct alert *alert, const char *line,
		     struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, ADD_ALERT, &statement, failure);

	if (error)
		return error;
	db_bind_text(statement, 1, alert->uid);
	db_bind_integer(statement, 2, alert->revision);
	db_bind_integer(statement, 3, history_us(alert->time_ns));
	db_bind_text(statement, 4, alert_kind_name(alert->kind));
	db_bind_integer(statement, 5, alert->severity);
	db_bind_integer(statement, 6, alert->subject);
	db_bind_text(statement, 7, alert->domain);
	db_bind_text(statement, 8, alert->attribution.hostname);
	db_bind_text(statement, 9, alert->process.application);
	db_bind_text(statement, 10, line);
	db_bind_text(statement, 11, alert->threat.entry);
	return db_run(statement, failure);
}

static int update_alert(struct history *history, int64_t id, const struct alert *alert, const char *line,
			struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, UPDATE_ALERT, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, id);
	db_bind_integer(statement, 2, alert->revision);
	db_bind_integer(statement, 3, alert->severity);
	db_bind_text(statement, 4, alert->attribution.hostname);
	db_bind_text(statement, 5, line);
	return db_run(statement, failure);
}

static int add_outbox(struct history *history, const struct alert *alert, const char *line,
		      const struct outbox_texts *texts, struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, ADD_OUTBOX, &statement, failure);

	if (error)
		return error;
	db_bind_text(statement, 1, alert->uid);
	db_bind_integer(statement, 2, alert->revision);
	db_bind_integer(statement, 3, alert->severity);
	db_bind_text(statement, 4, alert_kind_name(alert->kind));
	db_bind_text(statement, 5, alert->domain);
	db_bind_text(statement, 6, alert->attribution.hostname);
	db_bind_text(statement, 7, alert->process.application);
	db_bind_text(statement, 8, texts->message);
	db_bind_text(statement, 9, texts->short_line);
	db_bind_text(statement, 10, line);
	return db_run(statement, failure);
}

int history_write_alert(struct history *history, const struct alert *alert, const char *line,
			const struct outbox_texts *queue, struct failure *failure)
{
	struct statement *statement;
	int64_t id = 0, revision = 0;
	int found, error = history_need_transaction(history, failure);

	if (!error)
		error = history_kept(history, FIND_ALERT, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, alert->uid);
	found = db_step(statement, failure);
	if (found == 1) {
		id = db_column_integer(statement, 0);
		revision = db_column_integer(statement, 1);
	}
	db_reset(statement);
	if (found < 0)
		return found;
	if (found && revision >= (int64_t)alert->revision)
		return 0; /* written already: a batch that is tried again tells nothing twice */
	error = found ? update_alert(history, id, alert, line, failure)
		      : add_alert(history, alert, line, failure);
	if (!error && queue)
		error = add_outbox(history, alert, line, queue, failure);
	return error;
}

/* --- states, runs, gaps --------------------------------------------------------------------- */

int history_write_state(struct history *history, const char *name, const char *value, struct failure *failure)
{
	struct statement *statement;
	int error = history_need_transaction(history, failure);

	if (!error)
		error = history_kept(history, KEEP_STATE, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, name);
	db_bind_text(statement, 2, value);
	return db_run(statement, failure);
}

int history_run_start(struct history *history, int64_t now_ns, int64_t *run, struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, ADD_RUN, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, history_us(now_ns));
	error = db_run(statement, failure);
	if (!error)
		*run = db_last_id(history->db);
	return error;
}

int history_run_seen(struct history *history, int64_t run, int64_t now_ns, bool ended,
		     struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, SEEN_RUN, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, run);
	db_bind_integer(statement, 2, history_us(now_ns));
	db_bind_integer(statement, 3, ended);
	return db_run(statement, failure);
}

/* A gap that goes on where the last one of its kind stopped is the same gap. */
int history_write_gap(struct history *history, int64_t from_ns, int64_t to_ns, const char *reason,
		      uint64_t lost, struct failure *failure)
{
	struct statement *statement;
	int64_t id = 0;
	int found, error = history_need_transaction(history, failure);

	if (!error)
		error = history_kept(history, FIND_GAP, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, reason);
	db_bind_integer(statement, 2, history_us(from_ns));
	found = db_step(statement, failure);
	if (found == 1)
		id = db_column_integer(statement, 0);
	db_reset(statement);
	if (found < 0)
		return found;
	error = history_kept(history, found ? EXTEND_GAP : ADD_GAP, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, found ? id : history_us(from_ns));
	db_bind_integer(statement, 2, history_us(to_ns));
	if (found) {
		db_bind_integer(statement, 3, (int64_t)lost);
	} else {
		db_bind_text(statement, 3, reason);
		db_bind_integer(statement, 4, (int64_t)lost);
	}
	return db_run(statement, failure);
}

/* --- bindings ------------------------------------------------------------------------------- */

#define BINDING_DAYS 1 /* an older one names no flow that anybody would believe */

static int keep_binding(struct history *history, const struct kept_binding *binding, const char *boot,
			struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, KEEP_BINDING, &statement, failure);

	if (error)
		return error;
	db_bind_bytes(statement, 1, binding->address.bytes, sizeof(binding->address.bytes));
	db_bind_text(statement, 2, binding->hostname);
	db_bind_integer(statement, 3, binding->asker.tgid);
	db_bind_integer(statement, 4, (int64_t)binding->asker.start_ns);
	db_bind_integer(statement, 5, binding->asker.netns);
	db_bind_integer(statement, 6, (int64_t)binding->asker.cgroup_id);
	db_bind_integer(statement, 7, (int64_t)binding->asker.executable);
	db_bind_integer(statement, 8, history_us(binding->learned_ns));
	db_bind_integer(statement, 9, history_us(binding->expires_ns));
	db_bind_text(statement, 10, boot);
	db_bind_text(statement, 11, binding->chain);
	return db_run(statement, failure);
}

int history_write_bindings(struct history *history, const struct batch *batch, const char *boot,
			   struct failure *failure)
{
	struct statement *statement;
	struct kept_binding binding;
	int64_t newest_ns = 0;
	int error = history_need_transaction(history, failure);

	for (size_t i = 0; i < batch_binding_count(batch) && !error; i++) {
		batch_binding_at(batch, i, &binding);
		if (binding.learned_ns > newest_ns)
			newest_ns = binding.learned_ns;
		error = keep_binding(history, &binding, boot, failure);
	}
	if (error || newest_ns == 0)
		return error;
	error = history_kept(history, DROP_BINDINGS, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, history_us(newest_ns) - BINDING_DAYS * US_PER_DAY);
	return db_run(statement, failure);
}
