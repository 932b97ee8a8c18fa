/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* zeek_emit.c - events in order of time become records: questions with their answers, flows, hellos. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "source/dns_build.h"
#include "source/hello_build.h"
#include "source/record_build.h"
#include "source/zeek_internal.h"

#define OPEN_MOST 65536 /* flows that are open at once; more end early, with all their bytes */
#define HELLO_WAIT_NS                                                                                        \
	(2 * NS_PER_SECOND) /* how long a flow stays open at least: its hello has another clock */
#define TYPE_A 1
#define TYPE_AAAA 28

/* A flow that is to be closed. */
struct closing {
	int64_t key_ns;
	struct record_flow_spec spec; /* its time is when the flow ended */
	uint64_t bytes_out, bytes_in;
	enum fs_outcome outcome;
};

struct emitter {
	struct zeek *zeek;
	const struct source_sink *sink;
	struct source_counts *counts;
	struct closing *heap;
	size_t heap_count, heap_room;
	struct failure *failure;
	uint8_t message[DNS_BUILD_MAX];
	uint8_t record[DNS_BUILD_MAX + sizeof(struct fs_record_payload)];
};

static int emit(struct emitter *emitter, const void *record, size_t size)
{
	emitter->counts->records++;
	return emitter->sink->record(emitter->sink->context, record, size);
}

/* --- flows that end ------------------------------------------------------------------------- */

static void swap(struct closing *a, struct closing *b)
{
	struct closing other = *a;

	*a = *b;
	*b = other;
}

static int push(struct emitter *emitter, const struct closing *closing)
{
	size_t at = emitter->heap_count, room = emitter->heap_room ? 2 * emitter->heap_room : 64;

	if (at == emitter->heap_room) {
		struct closing *heap = realloc(emitter->heap, room * sizeof(*heap));

		if (!heap)
			return failure_set(emitter->failure, -ENOMEM, "out of memory");
		emitter->heap = heap;
		emitter->heap_room = room;
	}
	emitter->heap_count++;

	emitter->heap[at] = *closing;
	for (; at && emitter->heap[(at - 1) / 2].key_ns > emitter->heap[at].key_ns; at = (at - 1) / 2)
		swap(&emitter->heap[(at - 1) / 2], &emitter->heap[at]);
	return 0;
}

static void pop(struct emitter *emitter, struct closing *out)
{
	struct closing *heap = emitter->heap;
	size_t at = 0;

	*out = heap[0];
	heap[0] = heap[--emitter->heap_count];
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= emitter->heap_count)
			return;
		if (child + 1 < emitter->heap_count && heap[child + 1].key_ns < heap[child].key_ns)
			child++;
		if (heap[at].key_ns <= heap[child].key_ns)
			return;
		swap(&heap[at], &heap[child]);
		at = child;
	}
}

static int close_first(struct emitter *emitter)
{
	struct fs_record_flow record;
	struct closing closing;

	pop(emitter, &closing);
	closing.spec.flags = FS_FLAG_CLOSED;
	record_flow(&record, FS_RECORD_FLOW_VOLUME, &closing.spec, closing.bytes_out, closing.bytes_in,
		    closing.outcome);
	return emit(emitter, &record, sizeof(record));
}

static int close_until(struct emitter *emitter, int64_t now_ns)
{
	int error = 0;

	while (!error && emitter->heap_count && emitter->heap[0].key_ns <= now_ns)
		error = close_first(emitter);
	return error;
}

/* --- records ---------------------------------------------------------------------------------- */

/* Each client address is taken for a host of its own, as in captures: its own answers come first. */
static void describe(const struct event *event, int64_t time_ns, uint16_t flags,
		     struct record_flow_spec *spec)
{
	uint64_t host = hash_bytes(0, event->local.bytes, sizeof(event->local.bytes));

	*spec = (struct record_flow_spec){
		.time_ns = time_ns,
		.cookie = event->cookie,
		.owner = {.netns = (uint32_t)host | 1, .uid = FS_UID_UNKNOWN},
		.local = event->local,
		.remote = event->remote,
		.local_port = event->local_port,
		.remote_port = event->remote_port,
		.protocol = event->protocol,
		.flags = flags,
	};
}

static int emit_payload(struct emitter *emitter, enum fs_record_kind kind,
			const struct record_flow_spec *spec, size_t length)
{
	size_t size = record_payload(emitter->record, sizeof(emitter->record), kind, spec, 0,
				     emitter->message, length, length);

	return length && size ? emit(emitter, emitter->record, size) : 0;
}

static int emit_message(struct emitter *emitter, const struct event *event, int64_t time_ns,
			const struct dns_build *message, bool answer)
{
	struct record_flow_spec spec;
	size_t length = answer ? dns_build_answer(emitter->message, sizeof(emitter->message), message)
			       : dns_build_question(emitter->message, sizeof(emitter->message), message);

	describe(event, time_ns, (uint16_t)(FS_FLAG_DNS | (answer ? 0 : FS_FLAG_OUT)), &spec);
	return emit_payload(emitter, FS_RECORD_DATAGRAM, &spec, length);
}

/* The question and its answer, one of each for a family of addresses. */
static int emit_answer(struct emitter *emitter, const struct answer_event *answer, int64_t time_ns)
{
	struct dns_build message = {.id = answer->id, .name = answer->names, .ttl = answer->ttl};
	const char *name = answer->names + strlen(answer->names) + 1;
	int error = 0;

	message.chain_count = answer->chain_count;
	for (size_t i = 0; i < answer->chain_count; i++, name += strlen(name) + 1)
		message.chain[i] = name;
	for (int family = 0; family < 2 && !error; family++) {
		message.type = family ? TYPE_AAAA : TYPE_A;
		message.address_count = 0;
		for (size_t i = 0; i < answer->address_count; i++)
			if (address_is_ipv4(&answer->addresses[i]) == !family)
				message.addresses[message.address_count++] = answer->addresses[i];
		if (message.address_count == 0)
			continue;
		error = emit_message(emitter, &answer->event, time_ns, &message, false);
		if (!error)
			error = emit_message(emitter, &answer->event, time_ns, &message, true);
	}
	return error;
}

static int emit_flow(struct emitter *emitter, const struct event *event, int64_t time_ns, int64_t end_ns,
		     uint64_t bytes_out, uint64_t bytes_in)
{
	struct closing closing = {.key_ns = end_ns,
				  .bytes_out = bytes_out,
				  .bytes_in = bytes_in,
				  .outcome = (enum fs_outcome)event->outcome};
	struct fs_record_flow record;
	struct record_flow_spec spec;
	int error = 0;

	if (closing.key_ns < time_ns + HELLO_WAIT_NS)
		closing.key_ns = time_ns + HELLO_WAIT_NS;
	if (emitter->heap_count == OPEN_MOST)
		error = close_first(emitter);
	if (error)
		return error;
	describe(event, time_ns, 0, &spec);
	record_flow(&record, FS_RECORD_FLOW_OPEN, &spec, 0, 0, FS_OUTCOME_UNKNOWN);
	describe(event, end_ns, FS_FLAG_CLOSED, &closing.spec);
	error = push(emitter, &closing);
	return error ? error : emit(emitter, &record, sizeof(record));
}

static bool is_known(const struct zeek *zeek, const struct event *event)
{
	return event->line <= zeek->files[event->file].known_lines;
}

static int emit_conn(struct emitter *emitter, const struct conn_event *conn, int64_t time_ns)
{
	/* Zeek saw that it asks a resolver; the question itself may be in no log. */
	const struct dns_build any = {.name = ".", .type = TYPE_A};
	int error;

	if (is_known(emitter->zeek, &conn->event))
		return 0;
	error = emit_flow(emitter, &conn->event, time_ns, time_ns + conn->duration_ns, conn->bytes_out,
			  conn->bytes_in);
	if (!error && conn->event.asks)
		error = emit_message(emitter, &conn->event, time_ns, &any, false);
	return error;
}

static int emit_hello(struct emitter *emitter, const struct hello_event *hello, int64_t time_ns)
{
	struct record_flow_spec spec;
	int error = 0;

	if (emitter->zeek->conns == 0) {
		if (is_known(emitter->zeek, &hello->event))
			return 0;
		error = emit_flow(emitter, &hello->event, time_ns, time_ns, 0, 0);
	}
	if (error)
		return error;
	describe(&hello->event, time_ns, FS_FLAG_OUT, &spec);
	return emit_payload(
		emitter, FS_RECORD_SEGMENT, &spec,
		hello_build(emitter->message, sizeof(emitter->message), hello->name[0] ? hello->name : NULL));
}

static int emit_event(struct emitter *emitter, const void *record, int64_t time_ns)
{
	const struct event *event = record;
	int error = close_until(emitter, time_ns);

	if (!error && emitter->sink->time)
		error = emitter->sink->time(emitter->sink->context, time_ns);
	if (error)
		return error;
	switch ((enum event_kind)event->kind) {
	case EVENT_ANSWER:
		return emit_answer(emitter, record, time_ns);
	case EVENT_CONN:
		return emit_conn(emitter, record, time_ns);
	case EVENT_HELLO:
		return emit_hello(emitter, record, time_ns);
	}
	return 0;
}

int zeek_emit(struct zeek *zeek, const struct source_sink *sink, struct source_counts *counts,
	      struct failure *failure)
{
	struct emitter *emitter = calloc(1, sizeof(*emitter));
	const void *record;
	int error = 0, found = 1;
	int64_t time_ns;
	size_t size;

	if (!emitter)
		return failure_set(failure, -ENOMEM, "out of memory");
	emitter->zeek = zeek;
	emitter->sink = sink;
	emitter->counts = counts;
	emitter->failure = failure;
	while (!error && (found = sorter_next(zeek->sorter, &time_ns, &record, &size, failure)) == 1)
		error = emit_event(emitter, record, time_ns);
	if (!error && found < 0)
		error = found;
	while (!error && emitter->heap_count)
		error = close_first(emitter);
	free(emitter->heap);
	free(emitter);
	return error;
}
