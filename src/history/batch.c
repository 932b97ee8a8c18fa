/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * batch.c - accesses summed up by their key, in memory that is taken once.
 *
 * Strings are kept once each, so that a row's key is four small numbers and a
 * few fixed fields. Both tables are open-addressed, at most half full, and
 * hashed with a secret seed: names are chosen by others.
 */
#include "history/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

#define DEFAULT_ACCESSES 262144
#define DEFAULT_ALERTS 4096
#define DEFAULT_BINDINGS 16384
#define DEFAULT_TEXT_BYTES ((size_t)64 << 20)
#define LIMIT_MOST ((size_t)1 << 28) /* numbers of rows and strings stay far below 32 bits */
#define NONE 0 /* so that a table needs no filling: pages that are never used cost nothing */

enum text_field { TEXT_DOMAIN, TEXT_HOSTNAME, TEXT_APPLICATION, TEXT_EXE, TEXT_FIELDS };

/* What makes two accesses one row. Compared as bytes: always filled from zero. */
struct key {
	int64_t day;
	uint32_t domain; /* numbers of strings */
	uint32_t hostname;
	uint32_t application;
	uint32_t uid;
	struct address remote;
	uint16_t remote_port;
	uint8_t protocol;
	uint8_t kind;
	uint32_t unused;
};

struct text {
	size_t offset;
	size_t length;
	uint32_t slot; /* where the table names it, to empty the table in as many steps as it has rows */
};

struct table {
	uint32_t *slots; /* number of a row or string, from 1, or NONE */
	size_t mask;
};

struct binding {
	struct kept_binding kept; /* its texts are below */
	char hostname[HOSTNAME_MAX];
	char chain[CHAIN_MAX];
};

struct batch {
	uint64_t seed;

	struct batch_access *rows;
	struct key *keys;
	uint32_t *row_slots;
	size_t row_count, row_limit;
	struct table row_table;

	struct text *texts;
	size_t text_count, text_limit;
	struct table text_table;
	char *bytes;
	size_t byte_count, byte_limit;

	struct alert *alerts;
	size_t alert_count, alert_limit;

	struct binding *bindings;
	size_t binding_count, binding_limit;

	struct crawler_state *crawlers;
	size_t crawler_count;
	struct batch_hits *hits;
	size_t hits_count;
};

static int table_new(struct table *table, size_t entries)
{
	size_t size = hash_table_size(2 * entries);

	table->slots = calloc(size, sizeof(*table->slots));
	if (table->slots == NULL)
		return -ENOMEM;
	table->mask = size - 1;
	return 0;
}

static size_t limit_of(size_t given, size_t standard)
{
	if (given == 0)
		return standard;
	return given < LIMIT_MOST ? given : LIMIT_MOST;
}

static void *array_new(size_t count, size_t size)
{
	return calloc(count, size); /* untouched pages cost nothing */
}

int batch_new(const struct batch_limits *limits, struct batch **out)
{
	static const struct batch_limits none;
	struct batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return -ENOMEM;
	if (limits == NULL)
		limits = &none;
	batch->row_limit = limit_of(limits->accesses, DEFAULT_ACCESSES);
	batch->alert_limit = limit_of(limits->alerts, DEFAULT_ALERTS);
	batch->binding_limit = limit_of(limits->bindings, DEFAULT_BINDINGS);
	batch->byte_limit = limit_of(limits->text_bytes, DEFAULT_TEXT_BYTES);
	/* A domain and a hostname a row, or its application and executable: more than that is rare. */
	batch->text_limit = 2 * batch->row_limit + TEXT_FIELDS;

	batch->rows = array_new(batch->row_limit, sizeof(*batch->rows));
	batch->keys = array_new(batch->row_limit, sizeof(*batch->keys));
	batch->row_slots = array_new(batch->row_limit, sizeof(*batch->row_slots));
	batch->texts = array_new(batch->text_limit + 1, sizeof(*batch->texts));
	batch->bytes = array_new(batch->byte_limit, 1);
	batch->alerts = array_new(batch->alert_limit, sizeof(*batch->alerts));
	batch->bindings = array_new(batch->binding_limit, sizeof(*batch->bindings));
	batch->crawlers = array_new(BATCH_CRAWLERS, sizeof(*batch->crawlers));
	batch->hits = array_new(BATCH_HITS, sizeof(*batch->hits));
	if (batch->rows == NULL || batch->keys == NULL || batch->row_slots == NULL || batch->texts == NULL ||
	    batch->bytes == NULL || batch->alerts == NULL || batch->bindings == NULL ||
	    batch->crawlers == NULL || batch->hits == NULL ||
	    table_new(&batch->row_table, batch->row_limit) < 0 ||
	    table_new(&batch->text_table, batch->text_limit) < 0) {
		batch_free(batch);
		return -ENOMEM;
	}
	batch->seed = hash_seed();
	*out = batch;
	return 0;
}

void batch_free(struct batch *batch)
{
	if (batch == NULL)
		return;
	free(batch->rows);
	free(batch->keys);
	free(batch->row_slots);
	free(batch->row_table.slots);
	free(batch->texts);
	free(batch->text_table.slots);
	free(batch->bytes);
	free(batch->bindings);
	free(batch->crawlers);
	free(batch->hits);
	free(batch->alerts);
	free(batch);
}

/* The slot of that string, or the free one where it would go. */
static size_t text_slot(const struct batch *batch, const char *text, size_t length)
{
	const struct table *table = &batch->text_table;
	size_t slot = hash_bytes(batch->seed, text, length) & table->mask;

	for (; table->slots[slot] != NONE; slot = (slot + 1) & table->mask) {
		const struct text *kept = &batch->texts[table->slots[slot]];

		if (kept->length == length && memcmp(batch->bytes + kept->offset, text, length) == 0)
			break;
	}
	return slot;
}

/* The number of that string, which is added where it is new. The caller has seen to the room. */
static uint32_t text_keep(struct batch *batch, const char *text, size_t length)
{
	size_t slot = text_slot(batch, text, length);
	uint32_t number = batch->text_table.slots[slot];

	if (number != NONE)
		return number;
	number = (uint32_t)++batch->text_count;
	batch->texts[number] = (struct text){batch->byte_count, length, (uint32_t)slot};
	memcpy(batch->bytes + batch->byte_count, text, length);
	batch->bytes[batch->byte_count + length] = '\0';
	batch->byte_count += length + 1;
	batch->text_table.slots[slot] = number;
	return number;
}

static const char *text_at(const struct batch *batch, uint32_t number)
{
	return batch->bytes + batch->texts[number].offset;
}

static int64_t day_of(int64_t time_ns)
{
	int64_t day_ns = SECONDS_PER_DAY * NS_PER_SECOND;
	int64_t day = time_ns / day_ns;

	return time_ns % day_ns < 0 ? day - 1 : day;
}

static uint64_t add_bounded(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static size_t row_slot(const struct batch *batch, const struct key *key)
{
	const struct table *table = &batch->row_table;
	size_t slot = hash_bytes(batch->seed, key, sizeof(*key)) & table->mask;

	while (table->slots[slot] != NONE &&
	       memcmp(&batch->keys[table->slots[slot] - 1], key, sizeof(*key)) != 0)
		slot = (slot + 1) & table->mask;
	return slot;
}

static void row_add(struct batch_access *row, const struct access *access)
{
	if (access->time_ns < row->first_ns)
		row->first_ns = access->time_ns;
	if (access->time_ns > row->last_ns)
		row->last_ns = access->time_ns;
	row->connections = add_bounded(row->connections, access->connections);
	row->bytes_out = add_bounded(row->bytes_out, access->bytes_out);
	row->bytes_in = add_bounded(row->bytes_in, access->bytes_in);
}

static void row_new(struct batch *batch, const struct key *key, size_t slot, uint32_t exe,
		    const struct access *access)
{
	size_t index = batch->row_count++;

	batch->keys[index] = *key;
	batch->row_slots[index] = (uint32_t)slot;
	batch->row_table.slots[slot] = (uint32_t)index + 1;
	batch->rows[index] = (struct batch_access){
		.first_ns = access->time_ns,
		.last_ns = access->time_ns,
		.domain = text_at(batch, key->domain),
		.hostname = text_at(batch, key->hostname),
		.application = text_at(batch, key->application),
		.exe = text_at(batch, exe),
		.remote = key->remote,
		.uid = key->uid,
		.remote_port = key->remote_port,
		.protocol = key->protocol,
		.kind = key->kind,
	};
	row_add(&batch->rows[index], access);
}

static struct key key_of(const struct access *access, const uint32_t texts[static TEXT_FIELDS])
{
	struct key key;

	memset(&key, 0, sizeof(key));
	key.day = day_of(access->time_ns);
	key.domain = texts[TEXT_DOMAIN];
	key.hostname = texts[TEXT_HOSTNAME];
	key.application = texts[TEXT_APPLICATION];
	key.uid = access->uid;
	key.remote = access->remote;
	key.remote_port = access->remote_port;
	key.protocol = access->protocol;
	key.kind = (uint8_t)access->kind;
	return key;
}

int batch_add_access(struct batch *batch, const struct access *access)
{
	const char *texts[TEXT_FIELDS] = {access->domain, access->hostname, access->application, access->exe};
	size_t lengths[TEXT_FIELDS];
	uint32_t numbers[TEXT_FIELDS];
	size_t missing = 0, missing_texts = 0;
	bool new_key = false;
	struct key key;
	size_t slot;

	for (int i = 0; i < TEXT_FIELDS; i++) {
		texts[i] = texts[i] != NULL ? texts[i] : "";
		lengths[i] = strlen(texts[i]);
		numbers[i] = batch->text_table.slots[text_slot(batch, texts[i], lengths[i])];
		if (numbers[i] == NONE) {
			missing += lengths[i] + 1;
			missing_texts++;
			new_key = new_key || i != TEXT_EXE;
		}
	}
	if (!new_key) {
		key = key_of(access, numbers);
		slot = row_slot(batch, &key);
		if (batch->row_table.slots[slot] != NONE) {
			row_add(&batch->rows[batch->row_table.slots[slot] - 1], access);
			return 0;
		}
	}
	/* Everything is checked before anything is kept: a refusal leaves no trace. */
	if (batch->row_count == batch->row_limit || missing > batch->byte_limit - batch->byte_count ||
	    missing_texts > batch->text_limit - batch->text_count)
		return -ENOSPC;
	for (int i = 0; i < TEXT_FIELDS; i++)
		numbers[i] = text_keep(batch, texts[i], lengths[i]);
	key = key_of(access, numbers);
	row_new(batch, &key, row_slot(batch, &key), numbers[TEXT_EXE], access);
	return 0;
}

int batch_add_alert(struct batch *batch, const struct alert *alert)
{
	if (batch->alert_count == batch->alert_limit)
		return -ENOSPC;
	batch->alerts[batch->alert_count++] = *alert;
	return 0;
}

int batch_add_binding(struct batch *batch, const struct kept_binding *binding)
{
	struct binding *kept;

	if (batch->binding_count == batch->binding_limit)
		return -ENOSPC;
	kept = &batch->bindings[batch->binding_count++];
	kept->kept = *binding;
	text_copy(kept->hostname, sizeof(kept->hostname), binding->hostname);
	correlate_shorten_chain(binding->chain, kept->chain);
	return 0;
}

size_t batch_binding_count(const struct batch *batch)
{
	return batch->binding_count;
}

void batch_binding_at(const struct batch *batch, size_t index, struct kept_binding *out)
{
	*out = batch->bindings[index].kept;
	out->hostname = batch->bindings[index].hostname;
	out->chain = batch->bindings[index].chain;
}

size_t batch_access_count(const struct batch *batch)
{
	return batch->row_count;
}

const struct batch_access *batch_access_at(const struct batch *batch, size_t index)
{
	return &batch->rows[index];
}

size_t batch_alert_count(const struct batch *batch)
{
	return batch->alert_count;
}

const struct alert *batch_alert_at(const struct batch *batch, size_t index)
{
	return &batch->alerts[index];
}

void batch_clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->row_count; i++)
		batch->row_table.slots[batch->row_slots[i]] = NONE;
	for (size_t i = 1; i <= batch->text_count; i++)
		batch->text_table.slots[batch->texts[i].slot] = NONE;
	batch->row_count = 0;
	batch->text_count = 0;
	batch->byte_count = 0;
	batch->alert_count = 0;
	batch->binding_count = 0;
	batch->crawler_count = 0;
	batch->hits_count = 0;
}

int batch_add_crawler(struct batch *batch, const struct crawler_state *state)
{
	/* The newer state of the same one takes its place. */
	for (size_t i = 0; i < batch->crawler_count; i++) {
		if (strcmp(batch->crawlers[i].application, state->application) == 0) {
			batch->crawlers[i] = *state;
			return 0;
		}
	}
	if (batch->crawler_count == BATCH_CRAWLERS)
		return -ENOSPC;
	batch->crawlers[batch->crawler_count++] = *state;
	return 0;
}

int batch_add_hits(struct batch *batch, const char *rule, uint64_t hits, int64_t last_ns)
{
	struct batch_hits *row;

	if (batch->hits_count == BATCH_HITS)
		return -ENOSPC;
	row = &batch->hits[batch->hits_count++];
	text_copy(row->rule, sizeof(row->rule), rule);
	row->hits = hits;
	row->last_ns = last_ns;
	return 0;
}

size_t batch_crawler_count(const struct batch *batch)
{
	return batch->crawler_count;
}

const struct crawler_state *batch_crawler_at(const struct batch *batch, size_t index)
{
	return &batch->crawlers[index];
}

size_t batch_hits_count(const struct batch *batch)
{
	return batch->hits_count;
}

const struct batch_hits *batch_hits_at(const struct batch *batch, size_t index)
{
	return &batch->hits[index];
}
