/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/enrich.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "enrich/cache.h"
#include "enrich/queue.h"
#include "enrich/reply.h"
#include "enrich/resolver.h"

#define CACHE_LIMIT 4096
#define UNDER_WAY_MOST 32
#define ABSENT_NS (300 * NS_PER_SECOND)
#define FAILED_NS (60 * NS_PER_SECOND)
#define SILENT_MOST 4 /* questions in a row that no server answers: then nobody is asked ... */
#define SILENT_NS (30 * NS_PER_SECOND)      /* ... for so long */
#define PROBE_NAME "1.0.0.127.in-addr.arpa" /* every server answers it by itself (RFC 6303) */

#define OWN_SOCKETS 64

struct enrich {
	_Atomic uint64_t own_sockets[OWN_SOCKETS]; /* the last ones, by their cookies */
	pthread_t thread;
	int wake;
	pthread_mutex_t lock; /* guards what follows */
	struct enrich_settings settings;
	struct cache *cache;
	struct queue *queue;
	struct enrich_counts counts;
	int64_t silent_until_ns; /* no server answers */
	bool changed, end;
	/* the thread's */
	struct resolver *resolver;
	struct rate rate;
	unsigned under_way, silent;
	bool troubled; /* and told so */
	size_t own_next;
	void (*tell)(const char *text);
};

/* A question under way: it belongs to the resolver until that calls back. */
struct under_way {
	struct enrich *enrich;
	struct question question;
};

/* --- what is known; with the lock ---------------------------------------------------------------- */

static void put_name(struct enrich *enrich, const struct question *question, enum enrich_state state,
		     const char *name, int64_t lasts_ns)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	struct cache_entry *entry = cache_get(enrich->cache, &question->address, now);

	entry->answer.name_state = state;
	text_copy(entry->answer.name, sizeof(entry->answer.name), name);
	entry->name_until_ns = now + lasts_ns;
}

static void put_origin(struct enrich *enrich, const struct question *question, enum enrich_state state,
		       const struct origin *origin, int64_t lasts_ns)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	struct cache_entry *entry = cache_get(enrich->cache, &question->address, now);

	entry->answer.origin_state = state;
	if (origin)
		entry->answer.origin = *origin;
	entry->origin_until_ns = now + lasts_ns;
}

/* A question that came to nothing. What was found before it is told as what it is. */
static void put_failure(struct enrich *enrich, const struct question *question, int64_t lasts_ns)
{
	if (question->kind == QUESTION_NAME)
		put_name(enrich, question, ENRICH_FAILED, "", lasts_ns);
	else if (question->kind == QUESTION_FORWARD)
		put_name(enrich, question, ENRICH_UNCONFIRMED, question->names[0], lasts_ns);
	else if (question->kind == QUESTION_ORIGIN)
		put_origin(enrich, question, ENRICH_FAILED, NULL, lasts_ns);
}

static void add_question(struct enrich *enrich, const struct question *question, bool front)
{
	struct question dropped;

	if (!queue_add(enrich->queue, question, front, &dropped))
		return;
	enrich->counts.dropped++;
	put_failure(enrich, &dropped, 0); /* may be asked again at once */
}

static void add(struct enrich *enrich, enum question_kind kind, const struct address *address)
{
	struct question question = {.kind = kind, .address = *address};

	if (clock_ns(CLOCK_MONOTONIC) < enrich->silent_until_ns) {
		enrich->counts.dropped++;
		put_failure(enrich, &question, enrich->silent_until_ns - clock_ns(CLOCK_MONOTONIC));
		return;
	}
	if (kind == QUESTION_NAME)
		put_name(enrich, &question, ENRICH_PENDING, "", 0);
	else
		put_origin(enrich, &question, ENRICH_PENDING, NULL, 0);
	add_question(enrich, &question, false);
}

/* --- answers; with the lock ---------------------------------------------------------------------- */

/* Asks for the addresses of the next name, or says that none has ours. */
static void try_next(struct enrich *enrich, struct question *question)
{
	while (question->name_at < question->name_count &&
	       !reply_name_is_plain(question->names[question->name_at]))
		question->name_at++;
	if (question->name_at < question->name_count) {
		question->kind = QUESTION_FORWARD;
		add_question(enrich, question, true);
		return;
	}
	put_name(enrich, question, ENRICH_UNCONFIRMED, question->names[0], cache_ttl_ns(question->ttl));
}

static void on_names(struct enrich *enrich, struct question *question, const uint8_t *bytes, size_t length)
{
	struct reply_texts names;
	int error = reply_names(bytes, length, &names);

	if (error) {
		put_name(enrich, question, error == -ENOENT ? ENRICH_ABSENT : ENRICH_FAILED, "", ABSENT_NS);
		return;
	}
	question->ttl = names.ttl;
	for (unsigned i = 0; i < names.count && i < QUESTION_NAMES_MAX; i++)
		text_copy(question->names[question->name_count++], REPLY_TEXT_MAX, names.texts[i]);
	try_next(enrich, question);
}

static void on_forward(struct enrich *enrich, struct question *question, const uint8_t *bytes, size_t length)
{
	uint32_t ttl;

	if (!bytes || !reply_has_address(bytes, length, &question->address, &ttl)) {
		question->name_at++;
		try_next(enrich, question);
		return;
	}
	if (question->ttl < ttl)
		ttl = question->ttl;
	put_name(enrich, question, ENRICH_CONFIRMED, question->names[question->name_at], cache_ttl_ns(ttl));
}

/* Of several prefixes the longest one routes. */
static void on_origin(struct enrich *enrich, struct question *question, const uint8_t *bytes, size_t length)
{
	struct reply_texts texts;
	struct origin best, origin;
	bool found = false;
	int error = reply_strings(bytes, length, &texts);

	for (unsigned i = 0; !error && i < texts.count; i++) {
		if (origin_parse(texts.texts[i], &question->address, &origin) ||
		    (found && origin.prefix.bits <= best.prefix.bits))
			continue;
		best = origin;
		found = true;
	}
	if (found)
		put_origin(enrich, question, ENRICH_KNOWN, &best, cache_ttl_ns(texts.ttl));
	else
		put_origin(enrich, question, error == -ENOENT ? ENRICH_ABSENT : ENRICH_FAILED, NULL,
			   ABSENT_NS);
}

static void on_absent(struct enrich *enrich, struct question *question)
{
	if (question->kind == QUESTION_NAME)
		put_name(enrich, question, ENRICH_ABSENT, "", ABSENT_NS);
	else if (question->kind == QUESTION_FORWARD)
		on_forward(enrich, question, NULL, 0);
	else if (question->kind == QUESTION_ORIGIN)
		put_origin(enrich, question, ENRICH_ABSENT, NULL, ABSENT_NS);
}

/* --- trouble --------------------------------------------------------------------------------------- */

static const char *reason(int error, int refusal)
{
	if (refusal == EAFNOSUPPORT || refusal == ENOSYS)
		return "this process may not open sockets of that kind (in the unit: "
		       "RestrictAddressFamilies=)";
	if (refusal == EPERM || refusal == EACCES)
		return "this process may not send there (in the unit: IPAddressAllow=, or a firewall)";
	if (refusal)
		return strerror(refusal);
	return error == -ETIMEDOUT ? "no server answers" : "the servers refuse";
}

/* Once, until it is over. */
static void tell_trouble(struct enrich *enrich, int error)
{
	int refusal = resolver_refusal(enrich->resolver);
	char text[256];

	if (enrich->troubled)
		return;
	enrich->troubled = true;
	text_copy(text, sizeof(text), "the DNS can not be asked, alerts go without names and origins: ");
	text_copy(text + strlen(text), sizeof(text) - strlen(text), reason(error, refusal));
	enrich->tell(text);
}

static void on_silence(struct enrich *enrich, const struct question *question, int error)
{
	struct question waiting;

	tell_trouble(enrich, error);
	if (question->kind != QUESTION_PROBE && ++enrich->silent < SILENT_MOST)
		return;
	enrich->silent = 0;
	enrich->silent_until_ns = clock_ns(CLOCK_MONOTONIC) + SILENT_NS;
	while (queue_take(enrich->queue, &waiting)) {
		enrich->counts.dropped++;
		put_failure(enrich, &waiting, SILENT_NS);
	}
}

static void on_sound(struct enrich *enrich)
{
	enrich->silent = 0;
	enrich->silent_until_ns = 0;
	if (enrich->troubled)
		enrich->tell("the DNS can be asked again");
	enrich->troubled = false;
}

static void on_answer(void *context, int error, const uint8_t *bytes, size_t length)
{
	struct under_way *under_way = context;
	struct enrich *enrich = under_way->enrich;
	struct question *question = &under_way->question;
	bool no_server = error == -ETIMEDOUT || error == -ECONNREFUSED;

	pthread_mutex_lock(&enrich->lock);
	enrich->under_way--;
	if (!error || error == -ENOENT) {
		enrich->counts.answered++;
		on_sound(enrich);
	} else {
		enrich->counts.failed++;
	}
	if (error == -ENOENT)
		on_absent(enrich, question);
	else if (error == -ECANCELED)
		put_failure(enrich, question, 0);
	else if (error)
		put_failure(enrich, question, FAILED_NS);
	else if (question->kind == QUESTION_NAME)
		on_names(enrich, question, bytes, length);
	else if (question->kind == QUESTION_FORWARD)
		on_forward(enrich, question, bytes, length);
	else if (question->kind == QUESTION_ORIGIN)
		on_origin(enrich, question, bytes, length);
	if (no_server)
		on_silence(enrich, question, error);
	pthread_mutex_unlock(&enrich->lock);
	free(under_way);
}

/* --- the thread ------------------------------------------------------------------------------------ */

static enum resolver_type type_of(const struct question *question)
{
	switch (question->kind) {
	case QUESTION_FORWARD:
		return address_is_ipv4(&question->address) ? RESOLVER_A : RESOLVER_AAAA;
	case QUESTION_ORIGIN:
		return RESOLVER_TXT;
	default:
		return RESOLVER_PTR;
	}
}

/* False: the settings do not have it asked any more. */
static bool name_of(const struct enrich_settings *settings, const struct question *question,
		    char name[static ORIGIN_NAME_MAX])
{
	const char *zone = settings->zones[!address_is_ipv4(&question->address)];

	switch (question->kind) {
	case QUESTION_PROBE:
		return text_copy(name, ORIGIN_NAME_MAX, PROBE_NAME);
	case QUESTION_NAME:
		origin_reverse_name(&question->address, name);
		return settings->names;
	case QUESTION_FORWARD:
		return settings->names &&
		       text_copy(name, ORIGIN_NAME_MAX, question->names[question->name_at]);
	case QUESTION_ORIGIN:
		return settings->origins && zone[0] && origin_name(&question->address, zone, name) == 0;
	}
	return false;
}

/* With the lock. The next question, where one may be asked now; else lowers *timeout_ms to when. */
static struct under_way *take_question(struct enrich *enrich, char name[static ORIGIN_NAME_MAX],
				       int *timeout_ms)
{
	struct under_way *next;
	int64_t wait_ns;

	if (!queue_count(enrich->queue) || enrich->under_way == UNDER_WAY_MOST)
		return NULL;
	wait_ns = rate_take(&enrich->rate, clock_ns(CLOCK_MONOTONIC));
	if (wait_ns) {
		*timeout_ms = (int)(wait_ns / NS_PER_MS) + 1;
		return NULL;
	}
	next = malloc(sizeof(*next));
	if (!next)
		return NULL;
	next->enrich = enrich;
	queue_take(enrich->queue, &next->question);
	if (!name_of(&enrich->settings, &next->question, name)) {
		put_failure(enrich, &next->question, 0);
		free(next);
		*timeout_ms = 0; /* there may be others */
		return NULL;
	}
	enrich->under_way++;
	enrich->counts.asked++;
	return next;
}

/* Asks what may be asked now. Returns how long to wait for more, or -1: until somebody wakes the thread. */
static int ask(struct enrich *enrich)
{
	char name[ORIGIN_NAME_MAX];
	struct under_way *next;
	int timeout_ms = -1;

	do {
		pthread_mutex_lock(&enrich->lock);
		next = take_question(enrich, name, &timeout_ms);
		pthread_mutex_unlock(&enrich->lock);
		if (next)
			resolver_ask(enrich->resolver, name, type_of(&next->question), on_answer, next);
	} while (next);
	return timeout_ms;
}

static void on_socket(void *context, uint64_t cookie)
{
	struct enrich *enrich = context;

	atomic_store(&enrich->own_sockets[enrich->own_next++ % OWN_SOCKETS], cookie);
}

bool enrich_owns_socket(const struct enrich *enrich, uint64_t cookie)
{
	for (size_t i = 0; i < OWN_SOCKETS; i++)
		if (atomic_load_explicit(&enrich->own_sockets[i], memory_order_relaxed) == cookie)
			return cookie != 0;
	return false;
}

/* Other servers. Where the new ones can not be taken, the old ones stay. */
static void open_anew(struct enrich *enrich, const char *servers)
{
	struct resolver *fresh;
	struct failure failure;

	if (resolver_open(servers, on_socket, enrich, &fresh, &failure)) {
		enrich->tell(failure.text);
		return;
	}
	resolver_close(enrich->resolver);
	enrich->resolver = fresh;
}

static void take_changes(struct enrich *enrich)
{
	const struct question probe = {.kind = QUESTION_PROBE};
	char servers[ENRICH_SERVERS_MAX];
	bool changed;

	pthread_mutex_lock(&enrich->lock);
	changed = enrich->changed;
	enrich->changed = false;
	text_copy(servers, sizeof(servers), enrich->settings.servers);
	if (changed) {
		rate_begin(&enrich->rate, enrich->settings.rate, clock_ns(CLOCK_MONOTONIC));
		enrich->silent_until_ns = 0;
		if (enrich->settings.names || enrich->settings.origins)
			add_question(enrich, &probe, true);
	}
	pthread_mutex_unlock(&enrich->lock);
	if (changed || (!enrich->under_way && resolver_is_stale(enrich->resolver)))
		open_anew(enrich, servers);
}

static void *run(void *context)
{
	struct enrich *enrich = context;
	struct pollfd waits[1 + RESOLVER_SOCKETS_MAX] = {{.fd = enrich->wake, .events = POLLIN}};
	uint64_t woken;
	bool end = false;

	while (!end) {
		int timeout_ms;
		size_t count;

		take_changes(enrich);
		timeout_ms = ask(enrich);
		count = resolver_waits(enrich->resolver, waits + 1, &timeout_ms);
		if (poll(waits, 1 + count, timeout_ms) < 0 && errno != EINTR)
			break;
		if (waits[0].revents && read(enrich->wake, &woken, sizeof(woken)) < 0 && errno != EAGAIN)
			break;
		resolver_process(enrich->resolver, waits + 1, count);
		pthread_mutex_lock(&enrich->lock);
		end = enrich->end;
		pthread_mutex_unlock(&enrich->lock);
	}
	resolver_close(enrich->resolver);
	enrich->resolver = NULL;
	return NULL;
}

static void wake(struct enrich *enrich)
{
	uint64_t one = 1;

	/* A counter that is full wakes, too. */
	if (write(enrich->wake, &one, sizeof(one)) < 0)
		return;
}

/* --- the outside ----------------------------------------------------------------------------------- */

static void release(struct enrich *enrich)
{
	resolver_close(enrich->resolver);
	cache_free(enrich->cache);
	queue_free(enrich->queue);
	if (enrich->wake >= 0)
		close(enrich->wake);
	pthread_mutex_destroy(&enrich->lock);
	free(enrich);
}

int enrich_open(const struct enrich_settings *settings, struct enrich **out, struct failure *failure)
{
	struct enrich *enrich = calloc(1, sizeof(*enrich));
	uint64_t seed = 0;
	int error;

	if (!enrich)
		return failure_set(failure, -ENOMEM, "out of memory");
	pthread_mutex_init(&enrich->lock, NULL);
	enrich->settings = *settings;
	enrich->tell = settings->tell;
	enrich->changed = true;
	enrich->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (getrandom(&seed, sizeof(seed), 0) < 0)
		seed = (uint64_t)clock_ns(CLOCK_MONOTONIC);
	if (enrich->wake < 0 || cache_new(CACHE_LIMIT, seed, &enrich->cache) || queue_new(&enrich->queue))
		error = failure_set(failure, -ENOMEM, "out of memory");
	else
		error = resolver_open(settings->servers, on_socket, enrich, &enrich->resolver, failure);
	if (!error) {
		error = pthread_create(&enrich->thread, NULL, run, enrich);
		if (error)
			error = failure_set(failure, -error, "can not start the thread that asks the DNS: %s",
					    strerror(error));
	}
	if (error) {
		release(enrich);
		return error;
	}
	*out = enrich;
	return 0;
}

void enrich_close(struct enrich *enrich)
{
	if (!enrich)
		return;
	pthread_mutex_lock(&enrich->lock);
	enrich->end = true;
	pthread_mutex_unlock(&enrich->lock);
	wake(enrich);
	pthread_join(enrich->thread, NULL);
	release(enrich);
}

void enrich_configure(struct enrich *enrich, const struct enrich_settings *settings)
{
	pthread_mutex_lock(&enrich->lock);
	enrich->settings = *settings;
	enrich->changed = true;
	pthread_mutex_unlock(&enrich->lock);
	wake(enrich);
}

bool enrich_look(struct enrich *enrich, const struct address *address, bool name, bool origin,
		 struct enrich_answer *out)
{
	struct cache_entry *entry;
	bool asked = false;

	memset(out, 0, sizeof(*out));
	if (address_is_special(address))
		return false;
	pthread_mutex_lock(&enrich->lock);
	name = name && enrich->settings.names;
	origin = origin && enrich->settings.origins && enrich->settings.zones[!address_is_ipv4(address)][0];
	if (name || origin) {
		entry = cache_get(enrich->cache, address, clock_ns(CLOCK_MONOTONIC));
		if (name && entry->answer.name_state == ENRICH_UNASKED) {
			add(enrich, QUESTION_NAME, address);
			asked = true;
		}
		entry = cache_get(enrich->cache, address, clock_ns(CLOCK_MONOTONIC));
		if (origin && entry->answer.origin_state == ENRICH_UNASKED) {
			add(enrich, QUESTION_ORIGIN, address);
			asked = true;
		}
		*out = cache_get(enrich->cache, address, clock_ns(CLOCK_MONOTONIC))->answer;
	}
	pthread_mutex_unlock(&enrich->lock);
	if (asked)
		wake(enrich);
	if (!name)
		out->name_state = ENRICH_UNASKED;
	if (!origin)
		out->origin_state = ENRICH_UNASKED;
	return out->name_state == ENRICH_PENDING || out->origin_state == ENRICH_PENDING;
}

void enrich_counts(struct enrich *enrich, struct enrich_counts *out)
{
	pthread_mutex_lock(&enrich->lock);
	*out = enrich->counts;
	out->cached = cache_count(enrich->cache);
	pthread_mutex_unlock(&enrich->lock);
}
