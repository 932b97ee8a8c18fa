/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * access.c - the accesses of a batch become rows: each domain, hostname, application
 * once for all accesses of the batch, and no more than so many of them a domain.
 */
#include "history/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define US_PER_DAY (SECONDS_PER_DAY * 1000000)

/* One access of the batch, to be put in order. */
struct item {
	const struct batch_access *access;
	int64_t application; /* its row */
};

/* The domain at hand. */
struct place {
	struct history *history;
	struct failure *failure;
	int64_t domain;
	int64_t hostname;  /* of the run at hand */
	int64_t hostnames; /* so many the domain has */
	int64_t endpoints; /* likewise */
	int64_t others;    /* the hostname of all that is over the bound; 0: not asked for yet */
};

/* --- order ---------------------------------------------------------------------------------- */

static int order(uintptr_t a, uintptr_t b)
{
	return (a > b) - (a < b);
}

/* A batch keeps each text once: the same text is the same pointer. */
static int order_texts(const char *a, const char *b)
{
	return order((uintptr_t)a, (uintptr_t)b);
}

static int64_t day_of(const struct batch_access *access)
{
	return history_us(access->last_ns) / US_PER_DAY;
}

static int by_application(const void *left, const void *right)
{
	return order_texts(((const struct item *)left)->access->application,
			   ((const struct item *)right)->access->application);
}

/* Domains by name, so that neighbours in the file are written together. */
static int by_place(const void *left, const void *right)
{
	const struct batch_access *a = ((const struct item *)left)->access;
	const struct batch_access *b = ((const struct item *)right)->access;
	int result = (int)a->kind - (int)b->kind;

	if (!result && a->domain != b->domain)
		result = strcmp(a->domain, b->domain);
	if (!result)
		result = order_texts(a->hostname, b->hostname);
	if (!result)
		result = order_texts(a->application, b->application);
	if (!result)
		result = order(a->uid, b->uid);
	return result ? result : (day_of(a) > day_of(b)) - (day_of(a) < day_of(b));
}

static bool same_application(const struct batch_access *a, const struct batch_access *b)
{
	return a->application == b->application;
}

static bool same_domain(const struct batch_access *a, const struct batch_access *b)
{
	return a->kind == b->kind && a->domain == b->domain;
}

static bool same_hostname(const struct batch_access *a, const struct batch_access *b)
{
	return a->hostname == b->hostname;
}

static bool same_user(const struct batch_access *a, const struct batch_access *b)
{
	return a->uid == b->uid;
}

static bool same_day(const struct batch_access *a, const struct batch_access *b)
{
	return day_of(a) == day_of(b);
}

/* How many of the items, from the first on, are one for `same`; *sums is filled with theirs. */
static size_t run_of(const struct item *items, size_t count,
		     bool (*same)(const struct batch_access *, const struct batch_access *),
		     struct batch_access *sums)
{
	size_t length = 1;

	*sums = *items->access;
	for (; length < count && same(items->access, items[length].access); length++) {
		const struct batch_access *more = items[length].access;

		if (more->first_ns < sums->first_ns)
			sums->first_ns = more->first_ns;
		if (more->last_ns > sums->last_ns)
			sums->last_ns = more->last_ns;
		sums->connections += more->connections;
		sums->bytes_out += more->bytes_out;
		sums->bytes_in += more->bytes_in;
	}
	return length;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* A statement with ?1 to ?5, the sums, bound. */
static int sums(struct place *place, enum kept_statement which, const struct batch_access *access,
		struct statement **out)
{
	int error = history_kept(place->history, which, out, place->failure);

	if (error)
		return error;
	db_bind_integer(*out, 1, history_us(access->first_ns));
	db_bind_integer(*out, 2, history_us(access->last_ns));
	db_bind_integer(*out, 3, (int64_t)access->connections);
	db_bind_integer(*out, 4, (int64_t)access->bytes_out);
	db_bind_integer(*out, 5, (int64_t)access->bytes_in);
	return 0;
}

/* Adds to the row of that id. */
static int add_to(struct place *place, enum kept_statement which, const struct batch_access *access,
		  int64_t id)
{
	struct statement *statement;
	int error = sums(place, which, access, &statement);

	if (error)
		return error;
	db_bind_integer(statement, 6, id);
	return db_run(statement, place->failure);
}

static int keep_application(struct place *place, const struct batch_access *access, int64_t *id)
{
	struct statement *statement;
	int found, error = history_kept(place->history, FIND_APPLICATION, &statement, place->failure);

	if (error)
		return error;
	db_bind_text(statement, 1, access->application);
	found = db_step(statement, place->failure);
	if (found == 1)
		*id = db_column_integer(statement, 0);
	db_reset(statement);
	if (found < 0)
		return found;
	error = sums(place, found ? UPDATE_APPLICATION : ADD_APPLICATION, access, &statement);
	if (error)
		return error;
	if (found)
		db_bind_integer(statement, 6, *id);
	else
		db_bind_text(statement, 6, access->application);
	db_bind_text(statement, 7, access->exe);
	error = db_run(statement, place->failure);
	if (!error && !found)
		*id = db_last_id(place->history->db);
	return error;
}

static int keep_domain(struct place *place, const struct batch_access *access)
{
	struct statement *statement;
	int found, error = history_kept(place->history, FIND_DOMAIN, &statement, place->failure);

	if (error)
		return error;
	place->hostnames = place->endpoints = place->others = 0;
	db_bind_integer(statement, 1, access->kind);
	db_bind_text(statement, 2, access->domain);
	found = db_step(statement, place->failure);
	if (found == 1) {
		place->domain = db_column_integer(statement, 0);
		place->hostnames = db_column_integer(statement, 1);
		place->endpoints = db_column_integer(statement, 2);
	}
	db_reset(statement);
	if (found < 0)
		return found;
	if (found)
		return add_to(place, UPDATE_DOMAIN, access, place->domain);
	error = sums(place, ADD_DOMAIN, access, &statement);
	if (error)
		return error;
	db_bind_integer(statement, 6, access->kind);
	db_bind_text(statement, 7, access->domain);
	error = db_run(statement, place->failure);
	if (!error)
		place->domain = db_last_id(place->history->db);
	return error;
}

/* 1: *id is the hostname's row, 0: there is none, or -errno. */
static int find_hostname(struct place *place, const char *name, int64_t *id)
{
	struct statement *statement;
	int found, error = history_kept(place->history, FIND_HOSTNAME, &statement, place->failure);

	if (error)
		return error;
	db_bind_integer(statement, 1, place->domain);
	db_bind_text(statement, 2, name);
	found = db_step(statement, place->failure);
	if (found == 1)
		*id = db_column_integer(statement, 0);
	db_reset(statement);
	return found;
}

static int add_hostname(struct place *place, const struct batch_access *access, const char *name, int64_t *id)
{
	struct statement *statement;
	int error = sums(place, ADD_HOSTNAME, access, &statement);

	if (error)
		return error;
	db_bind_integer(statement, 6, place->domain);
	db_bind_text(statement, 7, name);
	error = db_run(statement, place->failure);
	if (error)
		return error;
	*id = db_last_id(place->history->db);
	place->hostnames++;
	return 0;
}

static int keep_hostname(struct place *place, const struct batch_access *access)
{
	const char *name = access->hostname;
	int found = find_hostname(place, name, &place->hostname);

	if (found == 0 && place->hostnames >= HISTORY_HOSTNAMES_MOST) {
		name = HISTORY_OTHERS_NAME;
		found = find_hostname(place, name, &place->hostname);
		place->others = place->hostname;
	}
	if (found < 0)
		return found;
	if (found)
		return add_to(place, UPDATE_HOSTNAME, access, place->hostname);
	return add_hostname(place, access, name, &place->hostname);
}

/* The hostname that stands for the others, at least as long as what hangs on it. */
static int keep_others(struct place *place, const struct batch_access *access)
{
	struct batch_access span = *access;
	int found = place->others ? 1 : find_hostname(place, HISTORY_OTHERS_NAME, &place->others);

	span.connections = span.bytes_out = span.bytes_in = 0;
	if (found < 0)
		return found;
	if (found)
		return add_to(place, UPDATE_HOSTNAME, &span, place->others);
	return add_hostname(place, &span, HISTORY_OTHERS_NAME, &place->others);
}

static int run_endpoint(struct place *place, enum kept_statement which, const struct batch_access *access)
{
	struct statement *statement;
	int error = sums(place, which, access, &statement);

	if (error)
		return error;
	db_bind_integer(statement, 6, place->hostname);
	db_bind_bytes(statement, 7, access->remote.bytes, sizeof(access->remote.bytes));
	db_bind_integer(statement, 8, access->remote_port);
	db_bind_integer(statement, 9, access->protocol);
	return db_run(statement, place->failure);
}

static int keep_endpoint(struct place *place, const struct batch_access *access)
{
	struct place others = *place;
	struct batch_access sum = *access;
	int error = run_endpoint(place, UPDATE_ENDPOINT, access);

	if (error || db_changes(place->history->db))
		return error;
	if (place->endpoints < HISTORY_ENDPOINTS_MOST) {
		place->endpoints++;
		return run_endpoint(place, ADD_ENDPOINT, access);
	}
	error = keep_others(place, access);
	if (error)
		return error;
	others.hostname = place->others;
	memset(&sum.remote, 0, sizeof(sum.remote));
	sum.remote_port = 0;
	sum.protocol = 0;
	error = run_endpoint(&others, UPDATE_ENDPOINT, &sum);
	if (error || db_changes(place->history->db))
		return error;
	return run_endpoint(&others, ADD_ENDPOINT, &sum);
}

/* Rows whose key begins with (?6, ?7): of a domain and an application, or of a hostname and one. */
static int keep_pair(struct place *place, enum kept_statement which, const struct batch_access *access,
		     int64_t first, int64_t second, int64_t third)
{
	struct statement *statement;
	int error = sums(place, which, access, &statement);

	if (error)
		return error;
	db_bind_integer(statement, 6, first);
	db_bind_integer(statement, 7, second);
	if (which != KEEP_DOMAIN_APPLICATION)
		db_bind_integer(statement, 8, third);
	return db_run(statement, place->failure);
}

/* --- runs: all of one application and user at one hostname, and so on up ------------------------ */

static int write_user(struct place *place, const struct item *items, size_t count)
{
	struct batch_access sum;
	int error = 0;

	for (size_t i = 0, length; i < count && !error; i += length) {
		length = run_of(items + i, count - i, same_day, &sum);
		if (items[i].access->protocol == 0) /* imported: neither days nor addresses are known */
			continue;
		error = keep_pair(place, KEEP_DAY, &sum, place->hostname, items->application, day_of(&sum));
	}
	return error;
}

static int write_application(struct place *place, const struct item *items, size_t count)
{
	struct batch_access sum;
	int error = 0;

	for (size_t i = 0, length; i < count && !error; i += length) {
		length = run_of(items + i, count - i, same_user, &sum);
		error = keep_pair(place, KEEP_ACCESS, &sum, place->hostname, items->application, sum.uid);
		if (!error)
			error = write_user(place, items + i, length);
	}
	return error;
}

static int write_hostname(struct place *place, const struct item *items, size_t count)
{
	struct batch_access sum;
	int error = 0;

	for (size_t i = 0, length; i < count && !error; i += length) {
		length = run_of(items + i, count - i, same_application, &sum);
		error = keep_pair(place, KEEP_DOMAIN_APPLICATION, &sum, place->domain, items[i].application,
				  0);
		if (!error)
			error = write_application(place, items + i, length);
	}
	for (size_t i = 0; i < count && !error; i++)
		if (items[i].access->protocol)
			error = keep_endpoint(place, items[i].access);
	return error;
}

static int write_domain(struct place *place, const struct item *items, size_t count)
{
	struct batch_access sum;
	int error = 0;

	for (size_t i = 0, length; i < count && !error; i += length) {
		length = run_of(items + i, count - i, same_hostname, &sum);
		error = keep_hostname(place, &sum);
		if (!error)
			error = write_hostname(place, items + i, length);
	}
	return error;
}

static int write_items(struct place *place, struct item *items, size_t count)
{
	struct batch_access sum;
	int error = 0;

	qsort(items, count, sizeof(*items), by_application);
	for (size_t i = 0, length; i < count && !error; i += length) {
		int64_t id = 0;

		length = run_of(items + i, count - i, same_application, &sum);
		error = keep_application(place, &sum, &id);
		for (size_t j = 0; j < length; j++)
			items[i + j].application = id;
	}
	qsort(items, count, sizeof(*items), by_place);
	for (size_t i = 0, length; i < count && !error; i += length) {
		length = run_of(items + i, count - i, same_domain, &sum);
		error = keep_domain(place, &sum);
		if (!error)
			error = write_domain(place, items + i, length);
	}
	return error;
}

int history_write_accesses(struct history *history, const struct batch *batch, struct failure *failure)
{
	struct place place = {.history = history, .failure = failure};
	size_t count = batch_access_count(batch);
	int error = history_need_transaction(history, failure);
	struct item *items;

	if (error || count == 0)
		return error;
	items = malloc(count * sizeof(*items));
	if (!items)
		return failure_set(failure, -ENOMEM, "history %s: out of memory", db_name(history->db));
	for (size_t i = 0; i < count; i++)
		items[i] = (struct item){.access = batch_access_at(batch, i)};
	error = write_items(&place, items, count);
	free(items);
	return error;
}
