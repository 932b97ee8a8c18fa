/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* scenario.c - the text language of docs/scenarios.md, as event records. */
#include "source/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "source/dns_build.h"
#include "source/hello_build.h"
#include "source/record_build.h"
#include "source/text_file.h"
#include "source/words.h"

#define PROCESSES_MAX 256
#define FLOWS_MAX 1024
#define NAME_MAX_BYTES 48
#define FILE_MOST (4 * 1024 * 1024)
#define ROUNDS_MOST 1000000
#define DEPTH_MAX 4
#define RESOLVER_PORT 53

struct actor {
	char name[NAME_MAX_BYTES];
	struct fs_owner owner;
	struct fs_ancestor ancestors[FS_ANCESTORS_MAX];
	size_t ancestor_count;
};

struct named_flow {
	char name[NAME_MAX_BYTES];
	struct record_flow_spec spec;
};

struct scenario {
	const char *path;
	const struct source_sink *sink;
	struct source_counts *counts;
	struct failure *failure;
	int64_t now_ns;
	uint64_t cookies;
	uint16_t ids;
	struct address local, resolver;
	struct address asked; /* the resolver of the statement at hand */
	bool wrapped;         /* its answer counts without its question */
	size_t actor_count, flow_count;
	struct actor *actors;
	struct named_flow *flows;
};

/* Room for one more, doubled whenever it is full. False where there are `most`, or no memory is left. */
static bool has_room(void **items, size_t count, size_t most, size_t size)
{
	void *more;

	if (count == most)
		return false;
	if (count & (count - 1))
		return true;
	more = realloc(*items, (count ? 2 * count : 1) * size);
	if (!more)
		return false;
	*items = more;
	return true;
}

/* --- emitting ----------------------------------------------------------------------------- */

static int emit(struct scenario *scenario, const void *record, size_t size)
{
	scenario->counts->records++;
	return scenario->sink->record(scenario->sink->context, record, size);
}

static int pass_time(struct scenario *scenario, struct words *words, int64_t now_ns)
{
	if (now_ns < 0 || now_ns > TIME_MOST_NS)
		return words_fail(words, "that time is before 1970 or after 2207");
	scenario->now_ns = now_ns;
	return scenario->sink->time ? scenario->sink->time(scenario->sink->context, now_ns) : 0;
}

static int pass_span(struct scenario *scenario, struct words *words, int64_t span)
{
	bool fits = span <= TIME_MOST_NS - scenario->now_ns;

	return pass_time(scenario, words, fits ? scenario->now_ns + span : INT64_MAX);
}

static int find_actor(struct scenario *scenario, struct words *words, struct actor **out)
{
	const char *name;
	int error = words_need(words, "a process", &name);

	for (size_t i = 0; i < scenario->actor_count && !error; i++) {
		if (strcmp(scenario->actors[i].name, name) == 0) {
			*out = &scenario->actors[i];
			return 0;
		}
	}
	return error ? error
		     : words_fail(words, "there is no process \"%s\"; \"process %s pid=...\" makes one", name,
				  name);
}

static struct named_flow *flow_of(struct scenario *scenario, const char *name)
{
	for (size_t i = scenario->flow_count; i-- > 0;)
		if (strcmp(scenario->flows[i].name, name) == 0)
			return &scenario->flows[i];
	return NULL;
}

/* --- process ---------------------------------------------------------------------------------- */

static int take_parent(struct scenario *scenario, struct words *words, struct actor *actor)
{
	const char *name = words_option(words, "parent");

	if (!name)
		return 0;
	for (size_t i = 0; i < scenario->actor_count; i++) {
		const struct actor *parent = &scenario->actors[i];

		if (strcmp(parent->name, name) != 0)
			continue;
		actor->ancestors[0] =
			(struct fs_ancestor){.start_ns = parent->owner.start_ns, .tgid = parent->owner.tgid};
		text_copy(actor->ancestors[0].comm, FS_COMM_SIZE, parent->name);
		actor->ancestor_count = 1;
		for (size_t j = 0; j < parent->ancestor_count && actor->ancestor_count < FS_ANCESTORS_MAX;
		     j++)
			actor->ancestors[actor->ancestor_count++] = parent->ancestors[j];
		return 0;
	}
	return words_fail(words, "there is no process \"%s\" to be the parent", name);
}

/* The words of args="..." as the kernel has them, each ended by NUL. */
static size_t split_arguments(const char *text, char out[static FS_ARGUMENTS_SIZE])
{
	size_t used = 0;

	while (*text && used + 1 < FS_ARGUMENTS_SIZE) {
		out[used++] = *text == ' ' ? '\0' : *text;
		text++;
	}
	out[used++] = '\0';
	return used;
}

static struct actor *actor_named(struct scenario *scenario, const char *name)
{
	for (size_t i = 0; i < scenario->actor_count; i++)
		if (strcmp(scenario->actors[i].name, name) == 0)
			return &scenario->actors[i];
	if (!has_room((void **)&scenario->actors, scenario->actor_count, PROCESSES_MAX, sizeof(struct actor)))
		return NULL;
	return &scenario->actors[scenario->actor_count++];
}

/* process NAME pid=N [uid=N] [exe=PATH] [args="..."] [parent=NAME] [cgroup=PATH] [netns=N] */
static int do_process(struct scenario *scenario, struct words *words)
{
	static struct fs_record_process record; /* large */
	uint64_t pid = 0, uid = 0, netns = 1, gid = 0;
	const char *name, *exe, *text, *cgroup;
	struct record_process_spec spec = {.time_ns = scenario->now_ns, .login_uid = FS_UID_UNKNOWN};
	char arguments[FS_ARGUMENTS_SIZE];
	struct actor *actor;
	int error = words_need(words, "a name", &name);

	if (!error)
		error = words_option_number(words, "pid", 4194304, &pid);
	if (!error)
		error = words_option_number(words, "uid", UINT32_MAX, &uid);
	if (!error)
		error = words_option_number(words, "netns", UINT32_MAX, &netns);
	if (error)
		return error;
	if (pid == 0)
		return words_fail(words, "process needs pid=N");
	actor = actor_named(scenario, name);
	if (!actor || strlen(name) >= NAME_MAX_BYTES)
		return words_fail(words, "more than %d processes, or a name too long", PROCESSES_MAX);
	*actor = (struct actor){.owner = {.start_ns = (uint64_t)scenario->now_ns + pid,
					  .tgid = (uint32_t)pid,
					  .uid = (uint32_t)uid,
					  .netns = (uint32_t)netns,
					  .exec_id = 1}};
	text_copy(actor->name, sizeof(actor->name), name);
	exe = words_option(words, "exe");
	text = words_option(words, "args");
	cgroup = words_option(words, "cgroup");
	error = take_parent(scenario, words, actor);
	if (error)
		return error;
	actor->owner.cgroup_id = 1;
	for (const char *at = cgroup; at && *at; at++) /* the same path, the same cgroup */
		actor->owner.cgroup_id = actor->owner.cgroup_id * 31 + (unsigned char)*at;
	spec.owner = actor->owner;
	spec.gid = (uint32_t)gid;
	spec.comm = name;
	spec.exe = exe ? exe : "";
	spec.cgroup = cgroup ? cgroup : "";
	spec.arguments = arguments;
	spec.arguments_length = split_arguments(text ? text : name, arguments);
	spec.ancestors = actor->ancestors;
	spec.ancestor_count = actor->ancestor_count;
	record_process(&record, &spec);
	return emit(scenario, &record, sizeof(record));
}

/* --- names ---------------------------------------------------------------------------------------- */

/* HOSTNAME [-> ADDRESS,...] [ttl=SECONDS] [via=ALIAS,...] [type=A|AAAA] [id=N] [truncated] */
static int read_message(struct scenario *scenario, struct words *words, char text[static WORDS_LINE_MAX],
			struct dns_build *message)
{
	const char *word, *via;
	uint64_t ttl = 300, id = 0, rcode = 0;
	char *part, *rest;
	int error = words_need(words, "a hostname", &message->name);

	if (error)
		return error;
	if (!dns_build_name_fits(message->name))
		return words_fail(words, "\"%s\" is no hostname", message->name);
	error = words_option_number(words, "ttl", UINT32_MAX, &ttl);
	if (!error)
		error = words_option_number(words, "id", UINT16_MAX, &id);
	if (!error)
		error = words_option_number(words, "rcode", 15, &rcode);
	if (error)
		return error;
	message->ttl = (uint32_t)ttl;
	message->rcode = (uint8_t)rcode;
	message->id = id ? (uint16_t)id : ++scenario->ids;
	message->type = 1;
	message->truncated = words_flag(words, "truncated");
	via = words_option(words, "via");
	text_copy(text, WORDS_LINE_MAX / 2, via ? via : "");
	for (part = strtok_r(text, ",", &rest); part && message->chain_count < DNS_BUILD_CHAIN_MAX;
	     part = strtok_r(NULL, ",", &rest)) {
		if (!dns_build_name_fits(part))
			return words_fail(words, "\"%s\" is no hostname", part);
		message->chain[message->chain_count++] = part;
	}
	word = words_peek(words);
	if (!word || strcmp(word, "->") != 0)
		return 0;
	words_take(words);
	error = words_need(words, "addresses", &word);
	if (error)
		return error;
	text += WORDS_LINE_MAX / 2;
	text_copy(text, WORDS_LINE_MAX / 2, word);
	for (part = strtok_r(text, ",", &rest); part && message->address_count < DNS_BUILD_ADDRESSES_MAX;
	     part = strtok_r(NULL, ",", &rest)) {
		struct address *address = &message->addresses[message->address_count++];

		if (address_parse(part, address))
			return words_fail(words, "\"%s\" is no address", part);
		message->type = address_is_ipv4(address) ? 1 : 28;
	}
	return 0;
}

static int emit_message(struct scenario *scenario, const struct actor *actor, uint64_t cookie,
			const struct dns_build *message, bool answer)
{
	uint8_t bytes[DNS_BUILD_MAX], record[DNS_BUILD_MAX + sizeof(struct fs_record_payload)];
	struct record_flow_spec spec = {
		.time_ns = scenario->now_ns,
		.cookie = cookie,
		.owner = actor->owner,
		.local = scenario->local,
		.remote = scenario->asked,
		.local_port = 40000,
		.remote_port = RESOLVER_PORT,
		.protocol = IPPROTO_UDP,
		.flags = (uint16_t)(FS_FLAG_DNS | (!answer             ? FS_FLAG_OUT
						   : scenario->wrapped ? FS_FLAG_WRAPPED
								       : 0)),
	};
	size_t length = answer ? dns_build_answer(bytes, sizeof(bytes), message)
			       : dns_build_question(bytes, sizeof(bytes), message);
	size_t size =
		record_payload(record, sizeof(record), FS_RECORD_DATAGRAM, &spec, 0, bytes, length, length);

	if (length == 0 || size == 0)
		return failure_set(scenario->failure, -EINVAL, "%.300s: a message of %.100s is too long",
				   scenario->path, message->name);
	return emit(scenario, record, size);
}

/* Messages of one address family each, as resolvers ask them. */
static int ask_and_answer(struct scenario *scenario, struct words *words, bool ask, bool answer)
{
	char text[WORDS_LINE_MAX];
	struct dns_build all = {0}, one;
	struct actor *actor;
	const char *from;
	uint64_t cookie = 0;
	int error = find_actor(scenario, words, &actor);

	if (!error)
		error = words_option_number(words, "socket", UINT32_MAX, &cookie);
	from = error ? NULL : words_option(words, "from");
	scenario->asked = scenario->resolver;
	if (from && address_parse(from, &scenario->asked))
		error = words_fail(words, "\"%s\" is no address", from);
	scenario->wrapped = !error && words_flag(words, "wrapped");
	if (!error)
		error = read_message(scenario, words, text, &all);
	if (!error)
		error = words_end(words);
	if (error)
		return error;
	if (cookie == 0)
		cookie = ++scenario->cookies + UINT32_MAX;
	for (uint16_t type = 1; type <= 28 && !error; type = (uint16_t)(type + 27)) {
		one = all;
		one.type = type;
		one.address_count = 0;
		for (size_t i = 0; i < all.address_count; i++)
			if (address_is_ipv4(&all.addresses[i]) == (type == 1))
				one.addresses[one.address_count++] = all.addresses[i];
		if (one.address_count == 0 && all.type != type)
			continue;
		if (ask)
			error = emit_message(scenario, actor, cookie, &one, false);
		if (answer && !error)
			error = emit_message(scenario, actor, cookie, &one, true);
	}
	return error;
}

static int do_resolve(struct scenario *scenario, struct words *words)
{
	return ask_and_answer(scenario, words, true, true);
}

static int do_ask(struct scenario *scenario, struct words *words)
{
	return ask_and_answer(scenario, words, true, false);
}

static int do_answer(struct scenario *scenario, struct words *words)
{
	return ask_and_answer(scenario, words, false, true);
}

/* --- flows ------------------------------------------------------------------------------------------ */

/* connect PROCESS ADDRESS:PORT [udp] [preexisting] [as=FLOW] */
static int do_connect(struct scenario *scenario, struct words *words)
{
	struct record_flow_spec spec = {
		.time_ns = scenario->now_ns, .local = scenario->local, .local_port = 40001};
	struct fs_record_flow record;
	const char *word, *name;
	struct actor *actor;
	int error = find_actor(scenario, words, &actor);

	if (!error)
		error = words_need(words, "ADDRESS:PORT", &word);
	if (!error)
		error = words_endpoint(words, word, &spec.remote, &spec.remote_port);
	if (error)
		return error;
	spec.protocol = words_flag(words, "udp") ? IPPROTO_UDP : IPPROTO_TCP;
	spec.flags = words_flag(words, "preexisting") ? FS_FLAG_PREEXISTING : 0;
	spec.owner = actor->owner;
	spec.cookie = ++scenario->cookies;
	name = words_option(words, "as");
	if (name) {
		struct named_flow *flow = flow_of(scenario, name);

		if (!flow && has_room((void **)&scenario->flows, scenario->flow_count, FLOWS_MAX,
				      sizeof(struct named_flow)))
			flow = &scenario->flows[scenario->flow_count++];
		if (!flow || !text_copy(flow->name, sizeof(flow->name), name))
			return words_fail(words, "more than %d flows, or a name too long", FLOWS_MAX);
		flow->spec = spec;
	}
	error = words_end(words);
	if (error)
		return error;
	record_flow(&record, FS_RECORD_FLOW_OPEN, &spec, 0, 0, FS_OUTCOME_UNKNOWN);
	return emit(scenario, &record, sizeof(record));
}

static int need_flow(struct scenario *scenario, struct words *words, struct named_flow **out)
{
	const char *name;
	int error = words_need(words, "a flow", &name);

	if (error)
		return error;
	*out = flow_of(scenario, name);
	return *out ? 0
		    : words_fail(words, "there is no flow \"%s\"; \"connect ... as=%s\" makes one", name,
				 name);
}

/* hello FLOW HOSTNAME, or hello FLOW - for one without a name */
static int do_hello(struct scenario *scenario, struct words *words)
{
	uint8_t bytes[HELLO_BUILD_MAX], record[HELLO_BUILD_MAX + sizeof(struct fs_record_payload)];
	struct named_flow *flow;
	struct record_flow_spec spec;
	const char *name;
	size_t length, size;
	int error = need_flow(scenario, words, &flow);

	if (!error)
		error = words_need(words, "a hostname or -", &name);
	if (!error)
		error = words_end(words);
	if (error)
		return error;
	spec = flow->spec;
	spec.time_ns = scenario->now_ns;
	spec.flags = FS_FLAG_OUT;
	length = hello_build(bytes, sizeof(bytes), strcmp(name, "-") == 0 ? NULL : name);
	size = record_payload(record, sizeof(record), FS_RECORD_SEGMENT, &spec, 1000, bytes, length, length);
	return length && size ? emit(scenario, record, size)
			      : words_fail(words, "\"%s\" fits no hello", name);
}

static int read_outcome(struct words *words, enum fs_outcome *outcome)
{
	static const char *const names[] = {"unknown", "established", "refused", "timed_out", "unreachable"};
	const char *word = words_option(words, "outcome");

	*outcome = FS_OUTCOME_ESTABLISHED;
	if (!word)
		return 0;
	for (int i = 0; i < 5; i++) {
		if (strcmp(word, names[i]) == 0) {
			*outcome = (enum fs_outcome)i;
			return 0;
		}
	}
	return words_fail(words, "outcome is unknown, established, refused, timed_out or unreachable");
}

static int volume(struct scenario *scenario, struct words *words, uint16_t flags)
{
	struct fs_record_flow record;
	struct record_flow_spec spec;
	struct named_flow *flow;
	enum fs_outcome outcome = FS_OUTCOME_UNKNOWN;
	uint64_t out = 0, in = 0;
	int error = need_flow(scenario, words, &flow);

	if (!error)
		error = words_option_bytes(words, "out", &out);
	if (!error)
		error = words_option_bytes(words, "in", &in);
	if (!error)
		error = read_outcome(words, &outcome);
	if (!error)
		error = words_end(words);
	if (error)
		return error;
	spec = flow->spec;
	spec.time_ns = scenario->now_ns;
	spec.flags = flags;
	record_flow(&record, FS_RECORD_FLOW_VOLUME, &spec, out, in, outcome);
	return emit(scenario, &record, sizeof(record));
}

/* close FLOW [out=BYTES] [in=BYTES] [outcome=...] */
static int do_close(struct scenario *scenario, struct words *words)
{
	return volume(scenario, words, FS_FLAG_CLOSED);
}

/* volume FLOW [out=BYTES] [in=BYTES]: bytes so far, the flow goes on */
static int do_volume(struct scenario *scenario, struct words *words)
{
	return volume(scenario, words, 0);
}

/* --- time and words for the reader ---------------------------------------------------------------------- */

static int do_at(struct scenario *scenario, struct words *words)
{
	const char *word;
	int64_t time;
	int error = words_need(words, "a time", &word);

	if (error)
		return error;
	if (text_parse_time(word, 0, &time))
		return words_fail(words, "\"%s\" is no time like 2026-01-01T00:00:00Z", word);
	error = words_end(words);
	return error ? error : pass_time(scenario, words, time);
}

static int do_after(struct scenario *scenario, struct words *words)
{
	const char *word;
	int64_t span;
	int error = words_need(words, "a span", &word);

	if (!error)
		error = words_span(words, word, &span);
	if (error)
		return error;
	error = words_end(words);
	return error ? error : pass_span(scenario, words, span);
}

static int tell_reader(struct scenario *scenario, struct words *words, const char *word)
{
	char rest[WORDS_LINE_MAX] = "", where[FAILURE_TEXT_MAX];
	const char *part;
	size_t used = 0;

	while ((part = words_take(words)) != NULL)
		used += (size_t)snprintf(rest + used, sizeof(rest) - used, "%s%s", used ? " " : "", part);
	snprintf(where, sizeof(where), "%.400s:%u", words->path, words->line);
	if (scenario->sink->word)
		return scenario->sink->word(scenario->sink->context, word, rest, where, scenario->failure);
	if (strcmp(word, "set") == 0)
		return words_fail(words, "settings are given on the command line here: --set %s", rest);
	return 0;
}

static int do_expect(struct scenario *scenario, struct words *words)
{
	return tell_reader(scenario, words, "expect");
}

static int do_set(struct scenario *scenario, struct words *words)
{
	return tell_reader(scenario, words, "set");
}

static const struct {
	const char *word;
	int (*run)(struct scenario *scenario, struct words *words);
} statements[] = {
	{"process", do_process}, {"resolve", do_resolve}, {"ask", do_ask},       {"answer", do_answer},
	{"connect", do_connect}, {"hello", do_hello},     {"close", do_close},   {"volume", do_volume},
	{"at", do_at},           {"after", do_after},     {"expect", do_expect}, {"set", do_set},
};

/* --- lines ------------------------------------------------------------------------------------------------
 */

static int run_lines(struct scenario *scenario, const struct text_file *file, size_t from, size_t to,
		     uint64_t round, int depth);

/* The line that closes the block which `from` opens. */
static size_t block_end(const struct text_file *file, size_t from, size_t to)
{
	int open = 0;

	for (size_t i = from; i < to; i++) {
		const char *text = file->lines[i] + strspn(file->lines[i], " \t");

		if (strncmp(text, "repeat ", 7) == 0)
			open++;
		else if (text[0] == '}' && --open == 0)
			return i;
	}
	return to;
}

/* repeat N [every=SPAN] { ... }: the block N times, $n counting from 0; after each round the span passes. */
static int do_repeat(struct scenario *scenario, struct words *words, const struct text_file *file, size_t at,
		     size_t end, int depth)
{
	const char *word, *every = words_option(words, "every");
	int64_t span = 0;
	char *rest;
	unsigned long rounds;
	int error = words_need(words, "a number", &word);

	if (error)
		return error;
	rounds = strtoul(word, &rest, 10);
	if (*rest || rounds < 1 || rounds > ROUNDS_MOST || depth == DEPTH_MAX)
		return words_fail(words, "repeat takes a number from 1 to %d, nested %d deep at most",
				  ROUNDS_MOST, DEPTH_MAX);
	if (every)
		error = words_span(words, every, &span);
	if (!error)
		error = words_need(words, "{", &word);
	if (!error && strcmp(word, "{") != 0)
		error = words_fail(words, "repeat N [every=SPAN] ends with {");
	if (!error)
		error = words_end(words);
	for (unsigned long i = 0; i < rounds && !error; i++) {
		error = run_lines(scenario, file, at + 1, end, i, depth + 1);
		if (!error && span)
			error = pass_span(scenario, words, span);
	}
	return error;
}

static int run_line(struct scenario *scenario, struct words *words)
{
	const char *word = words_take(words);

	if (!word)
		return 0;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (strcmp(word, statements[i].word) == 0) {
			int error = statements[i].run(scenario, words);

			return error ? error : words_end(words);
		}
	}
	return words_fail(words, "\"%s\" is no statement", word);
}

static int run_lines(struct scenario *scenario, const struct text_file *file, size_t from, size_t to,
		     uint64_t round, int depth)
{
	struct words words = {.path = scenario->path, .failure = scenario->failure};
	int error = 0;

	for (size_t i = from; i < to && !error; i++) {
		words.line = (unsigned)i + 1;
		error = words_split(&words, file->lines[i], round);
		if (error || words.count == 0)
			continue;
		if (strcmp(words_peek(&words), "repeat") == 0) {
			size_t end = block_end(file, i, to);

			words_take(&words);
			if (end == to)
				return words_fail(&words, "the block has no }");
			error = do_repeat(scenario, &words, file, i, end, depth);
			i = end;
		} else {
			error = run_line(scenario, &words);
		}
	}
	return error;
}

int source_scenario(const char *path, const struct source_sink *sink, struct source_counts *counts,
		    struct failure *failure)
{
	struct scenario *scenario = calloc(1, sizeof(*scenario));
	struct text_file file = {0};
	int error;

	if (!scenario)
		return failure_set(failure, -ENOMEM, "out of memory");
	error = text_file_read(path, FILE_MOST, &file, failure);
	if (!error) {
		scenario->path = path;
		scenario->sink = sink;
		scenario->counts = counts;
		scenario->failure = failure;
		scenario->now_ns = INT64_C(1767225600) * NS_PER_SECOND; /* 2026-01-01 */
		address_parse("10.0.0.2", &scenario->local);
		address_parse("10.0.0.1", &scenario->resolver);
		error = run_lines(scenario, &file, 0, file.count, 0, 0);
	}
	text_file_free(&file);
	free(scenario->actors);
	free(scenario->flows);
	free(scenario);
	return error;
}
