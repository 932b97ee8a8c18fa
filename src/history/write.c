/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* write.c - what the writer adds: accesses, alerts, outbox, states, runs, gaps. */
#include "history/internal.h"

#include <errno.h>

#include "base/text.h"

#define US_PER_DAY (SECONDS_PER_DAY * 1000000)

/* ?1 to ?5 of every statement that keeps sums. */
static void bind_sums(struct statement *statement, const struct batch_access *access)
{
	db_bind_integer(statement, 1, history_us(access->first_ns));
	db_bind_integer(statement, 2, history_us(access->last_ns));
	db_bind_integer(statement, 3, (int64_t)access->connections);
	db_bind_integer(statement, 4, (int64_t)access->bytes_out);
	db_bind_integer(statement, 5, (int64_t)access->bytes_in);
}

/* A statement with its sums bound. */
static int sums(struct history *history, enum kept_statement which, const struct batch_access *access,
		struct statement **out, struct failure *failure)
{
	int error = history_kept(history, which, out, failure);

	if (!error)
		bind_sums(*out, access);
	return error;
}

/* Runs a statement that finds one id. */
static int find_id(struct statement *statement, int64_t *id, struct failure *failure)
{
	int found = db_step(statement, failure);

	if (found == 1)
		*id = db_column_integer(statement, 0);
	db_reset(statement);
	if (found == 0)
		return failure_set(failure, -EIO, "the history has lost a row that was just written");
	return found < 0 ? found : 0;
}

static int keep_domain(struct history *history, const struct batch_access *access, int64_t *id,
		       struct failure *failure)
{
	struct statement *statement;
	int error = sums(history, KEEP_DOMAIN, access, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 6, access->kind);
	db_bind_text(statement, 7, access->domain);
	error = db_run(statement, failure);
	if (!error)
		error = history_kept(history, FIND_DOMAIN, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, access->kind);
	db_bind_text(statement, 2, access->domain);
	return find_id(statement, id, failure);
}

static int keep_hostname(struct history *history, const struct batch_access *access, int64_t domain,
			 int64_t *id, struct failure *failure)
{
	struct statement *statement;
	int error = sums(history, KEEP_HOSTNAME, access, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 6, domain);
	db_bind_text(statement, 7, access->hostname);
	error = db_run(statement, failure);
	if (!error)
		error = history_kept(history, FIND_HOSTNAME, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, domain);
	db_bind_text(statement, 2, access->hostname);
	return find_id(statement, id, failure);
}

static int keep_application(struct history *history, const struct batch_access *access, int64_t *id,
			    struct failure *failure)
{
	struct statement *statement;
	int error = sums(history, KEEP_APPLICATION, access, &statement, failure);

	if (error)
		return error;
	db_bind_text(statement, 6, access->application);
	db_bind_text(statement, 7, access->exe);
	error = db_run(statement, failure);
	if (!error)
		error = history_kept(history, FIND_APPLICATION, &statement, failure);
	if (error)
		return error;
	db_bind_text(statement, 1, access->application);
	return find_id(statement, id, failure);
}

struct access_ids {
	int64_t domain, hostname, application;
};

static int keep_leaves(struct history *history, const struct batch_access *access,
		       const struct access_ids *ids, struct failure *failure)
{
	struct statement *statement;
	int error = sums(history, KEEP_DOMAIN_APPLICATION, access, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 6, ids->domain);
	db_bind_integer(statement, 7, ids->application);
	error = db_run(statement, failure);
	if (!error)
		error = sums(history, KEEP_ACCESS, access, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 6, ids->hostname);
	db_bind_integer(statement, 7, ids->application);
	db_bind_integer(statement, 8, access->uid);
	error = db_run(statement, failure);
	if (error || access->protocol == 0) /* imported: neither an address nor days are known */
		return error;
	error = sums(history, KEEP_ENDPOINT, access, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 6, ids->hostname);
	db_bind_bytes(statement, 7, access->remote.bytes, sizeof(access->remote.bytes));
	db_bind_integer(statement, 8, access->remote_port);
	db_bind_integer(statement, 9, access->protocol);
	error = db_run(statement, failure);
	if (!error)
		error = history_kept(history, KEEP_DAY, &statement, failure);
	if (error)
		return error;
	db_bind_integer(statement, 1, history_us(access->last_ns) / US_PER_DAY);
	db_bind_integer(statement, 3, (int64_t)access->connections);
	db_bind_integer(statement, 4, (int64_t)access->bytes_out);
	db_bind_integer(statement, 5, (int64_t)access->bytes_in);
	db_bind_integer(statement, 6, ids->hostname);
	db_bind_integer(statement, 7, ids->application);
	return db_run(statement, failure);
}

int history_write_accesses(struct history *history, const struct batch *batch, struct failure *failure)
{
	int error = history_need_transaction(history, failure);

	for (size_t i = 0; i < batch_access_count(batch) && !error; i++) {
		const struct batch_access *access = batch_access_at(batch, i);
		struct access_ids ids;

		error = keep_domain(history, access, &ids.domain, failure);
		if (!error)
			error = keep_hostname(history, access, ids.domain, &ids.hostname, failure);
		if (!error)
			error = keep_application(history, access, &ids.application, failure);
		if (!error)
			error = keep_leaves(history, access, &ids, failure);
	}
	return error;
}

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

static int add_outbox(struct history *history, const char *uid, const char *line, struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, ADD_OUTBOX, &statement, failure);

	if (error)
		return error;
	db_bind_text(statement, 1, uid);
	db_bind_text(statement, 2, line);
	return db_run(statement, failure);
}

int history_write_alert(struct history *history, const struct alert *alert, const char *line, bool queue,
			struct failure *failure)
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
		error = add_outbox(history, alert->uid, line, failure);
	return error;
}

/* --- outbox, states, runs, gaps ------------------------------------------------------------- */

int history_outbox_next(struct history *history, int64_t after_id, int64_t *id, char *line, size_t size,
			struct failure *failure)
{
	struct statement *statement;
	int found, error = history_kept(history, NEXT_OUTBOX, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, after_id);
	found = db_step(statement, failure);
	if (found == 1) {
		*id = db_column_integer(statement, 0);
		text_copy(line, size, db_column_text(statement, 1));
	}
	db_reset(statement);
	return found;
}

int history_outbox_done(struct history *history, int64_t id, struct failure *failure)
{
	struct statement *statement;
	int error = history_kept(history, DONE_OUTBOX, &statement, failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, id);
	return db_run(statement, failure);
}

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
