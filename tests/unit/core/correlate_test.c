/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/correlate.h"

#define T0 (INT64_C(1767225600) * NS_PER_SECOND)

static const struct actor alice = {.tgid = 100, .start_ns = 1, .netns = 7, .cgroup_id = 50, .executable = 11};
static const struct actor bob = {.tgid = 200, .start_ns = 2, .netns = 7, .cgroup_id = 60, .executable = 22};
static const struct actor other_host = {
	.tgid = 300, .start_ns = 3, .netns = 8, .cgroup_id = 70, .executable = 33};

static struct correlate *new_correlate(const struct correlate_limits *limits)
{
	static const struct correlate_limits none;
	struct correlate *correlate = NULL;

	assert_int_equal(correlate_new(limits ? limits : &none, &correlate), 0);
	return correlate;
}

static struct dns_message message(uint16_t id, const char *name, const char *const addresses[], uint32_t ttl)
{
	struct dns_message message;

	memset(&message, 0, sizeof(message));
	message.id = id;
	message.qtype = DNS_TYPE_A;
	message.qclass = 1;
	message.has_question = true;
	text_copy(message.qname, sizeof(message.qname), name);
	for (; addresses && *addresses; addresses++) {
		struct address address;

		assert_int_equal(address_parse(*addresses, &address), 0);
		memcpy(message.addresses[message.address_count].bytes, address.bytes, 16);
		message.addresses[message.address_count++].ttl = ttl;
	}
	return message;
}

/* Asks and answers, as one socket does. */
static unsigned resolve(struct correlate *correlate, const struct actor *asker, const char *name,
			const char *address, uint32_t ttl, int64_t now)
{
	static uint64_t cookie = 1000;
	const char *addresses[] = {address, NULL};
	struct dns_message question = message(9, name, NULL, 0), answer = message(9, name, addresses, ttl);

	cookie++;
	correlate_question(correlate, cookie, &question, now);
	return correlate_answer(correlate, cookie, asker, &answer, now);
}

static struct attribution name_of(struct correlate *correlate, const struct actor *actor, const char *text,
				  int64_t now)
{
	struct attribution attribution;
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	correlate_name(correlate, actor, &address, now, &attribution);
	return attribution;
}

static void each_process_gets_its_own_name(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	struct attribution found;

	(void)state;
	assert_int_equal(resolve(correlate, &alice, "www.a.example", "203.0.113.7", 300, T0), 1);
	assert_int_equal(resolve(correlate, &bob, "www.b.example", "203.0.113.7", 300, T0 + NS_PER_SECOND),
			 1);
	found = name_of(correlate, &alice, "203.0.113.7", T0 + 2 * NS_PER_SECOND);
	assert_string_equal(found.hostname, "www.a.example");
	assert_int_equal(found.rank, RANK_PROCESS);
	assert_int_equal(found.method, METHOD_DNS);
	assert_int_equal(found.age_ns, 2 * NS_PER_SECOND);
	assert_int_equal(found.rival_count, 1);
	assert_string_equal(found.rivals[0], "www.b.example");
	assert_false(found.ambiguous);
	found = name_of(correlate, &bob, "203.0.113.7", T0 + 2 * NS_PER_SECOND);
	assert_string_equal(found.hostname, "www.b.example");
	correlate_free(correlate);
}

static void ranks_fall_from_process_to_host(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	struct actor child = {
		.tgid = 101, .start_ns = 9, .parent_tgid = 100, .parent_start_ns = 1, .netns = 99};
	struct actor twin = {.tgid = 102, .start_ns = 9, .executable = 11, .netns = 99};
	struct actor cell = {.tgid = 103, .start_ns = 9, .cgroup_id = 50, .netns = 99};
	struct actor neighbour = {.tgid = 104, .start_ns = 9, .netns = 7};

	(void)state;
	resolve(correlate, &alice, "www.a.example", "203.0.113.7", 300, T0);
	assert_int_equal(name_of(correlate, &alice, "203.0.113.7", T0).rank, RANK_PROCESS);
	assert_int_equal(name_of(correlate, &child, "203.0.113.7", T0).rank, RANK_RELATED);
	assert_int_equal(name_of(correlate, &twin, "203.0.113.7", T0).rank, RANK_RELATED);
	assert_int_equal(name_of(correlate, &cell, "203.0.113.7", T0).rank, RANK_CONTAINER);
	assert_int_equal(name_of(correlate, &neighbour, "203.0.113.7", T0).rank, RANK_NAMESPACE);
	assert_int_equal(name_of(correlate, &other_host, "203.0.113.7", T0).rank, RANK_HOST);
	correlate_free(correlate);
}

static void the_root_cgroup_is_no_container(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	struct actor a = {.tgid = 1, .start_ns = 1, .cgroup_id = 1},
		     b = {.tgid = 2, .start_ns = 1, .cgroup_id = 1};

	(void)state;
	resolve(correlate, &a, "www.a.example", "203.0.113.7", 300, T0);
	assert_int_equal(name_of(correlate, &b, "203.0.113.7", T0).rank, RANK_HOST);
	correlate_free(correlate);
}

static void a_reused_pid_is_another_process(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	struct actor reborn = alice;

	(void)state;
	reborn.start_ns = 77;
	reborn.executable = 0;
	reborn.cgroup_id = 0;
	resolve(correlate, &alice, "www.a.example", "203.0.113.7", 300, T0);
	assert_int_equal(name_of(correlate, &reborn, "203.0.113.7", T0).rank, RANK_NAMESPACE);
	correlate_free(correlate);
}

static void fresh_before_stale_then_newest(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	struct attribution found;

	(void)state;
	resolve(correlate, &alice, "long.example", "203.0.113.7", 3600, T0);
	resolve(correlate, &alice, "short.example", "203.0.113.7", 1, T0 + NS_PER_SECOND);
	/* The floor of 60 s holds: both are fresh, the newer one wins, and it was a close call. */
	found = name_of(correlate, &alice, "203.0.113.7", T0 + 30 * NS_PER_SECOND);
	assert_string_equal(found.hostname, "short.example");
	assert_true(found.ambiguous);
	found = name_of(correlate, &alice, "203.0.113.7", T0 + 120 * NS_PER_SECOND);
	assert_string_equal(found.hostname, "long.example");
	assert_int_equal(found.method, METHOD_DNS);
	assert_false(found.ambiguous);
	found = name_of(correlate, &alice, "203.0.113.7", T0 + 7200 * NS_PER_SECOND);
	assert_string_equal(found.hostname, "short.example");
	assert_int_equal(found.method, METHOD_STALE_DNS);
	correlate_free(correlate);
}

static void only_what_was_asked_binds(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	const char *addresses[] = {"203.0.113.7", NULL};
	struct dns_message question = message(1, "www.a.example", NULL, 0);
	struct dns_message answer = message(1, "www.a.example", addresses, 300), forged;

	(void)state;
	assert_int_equal(correlate_answer(correlate, 5, &alice, &answer, T0), 0);
	correlate_question(correlate, 5, &question, T0);
	forged = answer;
	forged.id = 2;
	assert_int_equal(correlate_answer(correlate, 5, &alice, &forged, T0), 0);
	forged = answer;
	text_copy(forged.qname, sizeof(forged.qname), "www.evil.example");
	assert_int_equal(correlate_answer(correlate, 5, &alice, &forged, T0), 0);
	forged = answer;
	forged.qtype = DNS_TYPE_AAAA;
	assert_int_equal(correlate_answer(correlate, 5, &alice, &forged, T0), 0);
	assert_int_equal(correlate_answer(correlate, 6, &alice, &answer, T0), 0);
	assert_int_equal(correlate_counts(correlate)->answers_unasked, 5);
	assert_int_equal(correlate_answer(correlate, 5, &alice, &answer, T0 + 61 * NS_PER_SECOND), 0);
	assert_int_equal(correlate_answer(correlate, 5, &alice, &answer, T0 + NS_PER_SECOND), 1);
	/* A second server's answer to the same question counts as well. */
	assert_int_equal(correlate_answer(correlate, 5, &alice, &answer, T0 + NS_PER_SECOND), 1);
	assert_int_equal(correlate_counts(correlate)->bindings, 1);
	correlate_free(correlate);
}

static void truncated_failed_and_sinkhole_answers_bind_nothing(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	const char *addresses[] = {"203.0.113.7", NULL};
	struct dns_message question = message(1, "www.a.example", NULL, 0);
	struct dns_message answer = message(1, "www.a.example", addresses, 300);
	static const char *const holes[] = {"127.0.0.1", "0.0.0.0", "::", "::1", "127.8.8.8"};

	(void)state;
	correlate_question(correlate, 5, &question, T0);
	answer.truncated = true;
	assert_int_equal(correlate_answer(correlate, 5, &alice, &answer, T0), 0);
	answer.truncated = false;
	answer.rcode = 3;
	assert_int_equal(correlate_answer(correlate, 5, &alice, &answer, T0), 0);
	for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++)
		assert_int_equal(resolve(correlate, &alice, "ads.example", holes[i], 300, T0), 0);
	assert_int_equal(correlate_counts(correlate)->sinkhole_answers, 5);
	assert_int_equal(correlate_counts(correlate)->bindings, 0);
	correlate_free(correlate);
}

static void names_of_the_chain_are_no_rivals(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	const char *addresses[] = {"203.0.113.7", NULL};
	struct dns_message question = message(1, "www.a.example", NULL, 0);
	struct dns_message answer = message(1, "www.a.example", addresses, 300);
	struct attribution found;

	(void)state;
	text_copy(answer.chain, sizeof(answer.chain), "edge.cdn.example a1.cdn.example");
	answer.chain_count = 2;
	/* A resolver that asks for each step by itself, and then the program's own question. */
	resolve(correlate, &bob, "a1.cdn.example", "203.0.113.7", 300, T0);
	correlate_question(correlate, 5, &question, T0);
	assert_int_equal(correlate_answer(correlate, 5, &alice, &answer, T0), 1);
	found = name_of(correlate, &alice, "203.0.113.7", T0);
	assert_string_equal(found.hostname, "www.a.example");
	assert_string_equal(found.chain, "edge.cdn.example a1.cdn.example");
	assert_int_equal(found.rival_count, 0);
	correlate_free(correlate);
}

static void a_hostile_server_can_not_grow_memory(void **state)
{
	struct correlate_limits limits = {
		.bindings = 500, .names_per_address = 16, .questions = 64, .name_bytes = 64 * 1024};
	struct correlate *correlate = new_correlate(&limits);
	uint64_t memory = correlate_counts(correlate)->memory;
	char name[300], address[32];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%0*d.evil.example", 1 + i % 230, i);
		snprintf(address, sizeof(address), "203.0.%d.%d", i % 7, i % 251);
		resolve(correlate, &alice, name, address, 4000000000u, T0 + i);
		assert_true(correlate_counts(correlate)->bindings <= 500);
	}
	assert_int_equal(correlate_counts(correlate)->memory, memory);
	assert_true(correlate_counts(correlate)->bindings_evicted > 10000);
	/* The newest one is still right. */
	assert_string_equal(name_of(correlate, &alice, address, T0 + 20000).hostname, name);
	correlate_free(correlate);
}

static void one_address_keeps_its_newest_names(void **state)
{
	struct correlate_limits limits = {.bindings = 500, .names_per_address = 4};
	struct correlate *correlate = new_correlate(&limits);
	struct attribution found;
	char name[64];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		resolve(correlate, &alice, name, "203.0.113.7", 300, T0 + i * NS_PER_SECOND);
	}
	found = name_of(correlate, &alice, "203.0.113.7", T0 + 50 * NS_PER_SECOND);
	assert_string_equal(found.hostname, "n49.example");
	assert_int_equal(found.rival_count, 3);
	assert_string_equal(found.rivals[0], "n48.example");
	assert_int_equal(correlate_counts(correlate)->bindings, 4);
	correlate_free(correlate);
}

static void a_name_too_long_keeps_its_domain(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	char name[DNS_TEXT_MAX];
	struct attribution found;

	(void)state;
	memset(name, 0, sizeof(name));
	for (int i = 0; i < 60; i++)
		strcat(name, "\\001\\002\\003.");
	strcat(name, "tunnel.example");
	assert_int_equal(resolve(correlate, &alice, name, "203.0.113.7", 300, T0), 1);
	found = name_of(correlate, &alice, "203.0.113.7", T0);
	assert_true(strlen(found.hostname) < HOSTNAME_MAX);
	assert_string_equal(found.hostname + strlen(found.hostname) - 14, "tunnel.example");
	correlate_free(correlate);
}

static void a_kept_binding_names_after_a_restart(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	struct actor nobody = {0};
	struct address address;
	struct attribution found;

	(void)state;
	assert_int_equal(address_parse("203.0.113.7", &address), 0);
	assert_int_equal(correlate_bind(correlate, &address, "old.example", "a.example b.example", &nobody,
					T0 - 10, T0 + 10),
			 0);
	assert_int_equal(correlate_bind(correlate, &address, "", "", &nobody, T0, T0), -EINVAL);
	found = name_of(correlate, &alice, "203.0.113.7", T0);
	assert_string_equal(found.hostname, "old.example");
	assert_string_equal(found.chain, "a.example b.example");
	assert_int_equal(found.rank, RANK_HOST);
	correlate_free(correlate);
}

static void a_chain_is_cut_between_names(void **state)
{
	char chain[DNS_TEXT_MAX], out[CHAIN_MAX];

	(void)state;
	memset(chain, 'x', sizeof(chain));
	chain[sizeof(chain) - 1] = '\0';
	correlate_shorten_chain(chain, out);
	assert_string_equal(out, "");
	chain[100] = ' ';
	correlate_shorten_chain(chain, out);
	assert_int_equal(strlen(out), 100);
	chain[CHAIN_MAX - 1] = ' ';
	correlate_shorten_chain(chain, out);
	assert_int_equal(strlen(out), CHAIN_MAX - 1);
	chain[CHAIN_MAX - 1] = '\0';
	correlate_shorten_chain(chain, out);
	assert_string_equal(out, chain);
}

static void count_kept(void *context, const struct kept_binding *kept)
{
	(void)kept;
	++*(int *)context;
}

/* The daemon asks for a name; a resolver of this host asks outside on its behalf. */
static void own_questions_name_nothing(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	struct dns_message own = message(1, "www.own.example", NULL, 0);
	int kept = 0;

	(void)state;
	correlate_own(correlate, &own, T0);
	resolve(correlate, &bob, "www.own.example", "203.0.113.7", 300, T0 + 5 * NS_PER_SECOND);
	assert_int_equal(name_of(correlate, &alice, "203.0.113.7", T0 + 6 * NS_PER_SECOND).method,
			 METHOD_NONE);
	assert_int_equal(name_of(correlate, &bob, "203.0.113.7", T0 + 6 * NS_PER_SECOND).rank, RANK_PROCESS);
	correlate_each(correlate, 0, count_kept, &kept); /* nor after a restart */
	assert_int_equal(kept, 0);
	/* Nor is it a rival of what others asked for. */
	resolve(correlate, &alice, "www.a.example", "203.0.113.7", 300, T0 + 6 * NS_PER_SECOND);
	assert_int_equal(name_of(correlate, &alice, "203.0.113.7", T0 + 7 * NS_PER_SECOND).rival_count, 0);
	assert_string_equal(name_of(correlate, &other_host, "203.0.113.7", T0 + 7 * NS_PER_SECOND).hostname,
			    "www.a.example");
	correlate_free(correlate);
}

static void a_moment_after_our_answer_the_name_is_anyones(void **state)
{
	struct correlate *correlate = new_correlate(NULL);
	struct dns_message own = message(1, "www.own.example", NULL, 0);
	char name[] = "a0.example";

	(void)state;
	correlate_own(correlate, &own, T0);
	own.response = true;
	correlate_own(correlate, &own, T0 + NS_PER_SECOND);
	resolve(correlate, &bob, "www.own.example", "203.0.113.7", 300, T0 + NS_PER_SECOND);
	assert_int_equal(name_of(correlate, &alice, "203.0.113.7", T0 + 3 * NS_PER_SECOND).method,
			 METHOD_NONE);
	resolve(correlate, &bob, "www.own.example", "203.0.113.7", 300, T0 + 3 * NS_PER_SECOND);
	assert_string_equal(name_of(correlate, &alice, "203.0.113.7", T0 + 3 * NS_PER_SECOND).hostname,
			    "www.own.example");
	/* What is known stays so, whatever we ask, and however much. */
	for (; name[0] < 'k'; name[0]++) {
		for (name[1] = '0'; name[1] <= '9'; name[1]++) {
			own = message(1, name, NULL, 0);
			correlate_own(correlate, &own, T0 + 4 * NS_PER_SECOND);
		}
	}
	own = message(1, "www.own.example", NULL, 0);
	correlate_own(correlate, &own, T0 + 4 * NS_PER_SECOND);
	resolve(correlate, &bob, "www.own.example", "203.0.113.7", 300, T0 + 4 * NS_PER_SECOND);
	assert_string_equal(name_of(correlate, &alice, "203.0.113.7", T0 + 5 * NS_PER_SECOND).hostname,
			    "www.own.example");
	correlate_free(correlate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_process_gets_its_own_name),
		cmocka_unit_test(ranks_fall_from_process_to_host),
		cmocka_unit_test(the_root_cgroup_is_no_container),
		cmocka_unit_test(a_reused_pid_is_another_process),
		cmocka_unit_test(fresh_before_stale_then_newest),
		cmocka_unit_test(only_what_was_asked_binds),
		cmocka_unit_test(truncated_failed_and_sinkhole_answers_bind_nothing),
		cmocka_unit_test(names_of_the_chain_are_no_rivals),
		cmocka_unit_test(a_hostile_server_can_not_grow_memory),
		cmocka_unit_test(one_address_keeps_its_newest_names),
		cmocka_unit_test(a_name_too_long_keeps_its_domain),
		cmocka_unit_test(own_questions_name_nothing),
		cmocka_unit_test(a_moment_after_our_answer_the_name_is_anyones),
		cmocka_unit_test(a_kept_binding_names_after_a_restart),
		cmocka_unit_test(a_chain_is_cut_between_names),
	};

	return cmocka_run_group_tests_name("core/correlate", tests, NULL, NULL);
}
