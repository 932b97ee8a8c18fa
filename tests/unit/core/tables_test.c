/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bounded tables of the core, each against a plain model over many random steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/flows.h"
#include "core/known.h"
#include "core/names.h"
#include "core/questions.h"

static const char *text_of(const struct names *names, uint32_t id)
{
	static char text[NAMES_TEXT_MAX];

	return names_text(names, id, text, sizeof(text));
}

static void names_are_kept_once_and_counted(void **state)
{
	struct names *names = NULL;
	uint32_t a, b, c;

	(void)state;
	assert_int_equal(names_new(4096, 1, &names), 0);
	a = names_take(names, "www.example.com");
	b = names_take(names, "www.example.com");
	c = names_take(names, "www.example.net");
	assert_true(a && a == b && c && c != a);
	names_drop(names, a);
	assert_string_equal(text_of(names, b), "www.example.com");
	names_drop(names, b);
	names_drop(names, 0);
	assert_string_equal(text_of(names, 0), "");
	assert_string_equal(text_of(names, c), "www.example.net");
	assert_true(names_equal(names, c, "www.example.net") && names_equal(names, 0, ""));
	assert_false(names_equal(names, c, "www.example.ne") || names_equal(names, c, "www.example.net."));
	names_free(names);
}

/* Lengths around the ends of blocks, and beginnings of each other. */
static void names_of_every_length_are_told_apart(void **state)
{
	struct names *names = NULL;
	char text[NAMES_TEXT_MAX + 8], cut[10];
	static uint32_t ids[NAMES_TEXT_MAX];

	(void)state;
	assert_int_equal(names_new(8 << 20, 1, &names), 0);
	memset(text, 'x', sizeof(text));
	for (size_t length = 1; length < NAMES_TEXT_MAX; length++) {
		text[length] = '\0';
		ids[length] = names_take(names, text);
		assert_int_not_equal(ids[length], 0);
		assert_int_not_equal(ids[length], ids[length - 1]);
		text[length] = 'x';
	}
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(names_take(names, text), ids[NAMES_TEXT_MAX - 1]); /* it is cut to this */
	for (size_t length = 1; length < NAMES_TEXT_MAX; length++) {
		text[length] = '\0';
		assert_string_equal(text_of(names, ids[length]), text);
		assert_int_equal(names_take(names, text), ids[length]);
		assert_true(names_equal(names, ids[length], text));
		assert_false(length > 1 && names_equal(names, ids[length - 1], text));
		text[length] = 'x';
	}
	assert_string_equal(names_text(names, ids[300], cut, sizeof(cut)), "xxxxxxxxx");
	names_free(names);
}

static void names_memory_is_used_again(void **state)
{
	struct names *names = NULL;
	static uint32_t ids[512];
	char text[300];

	(void)state;
	assert_int_equal(names_new(512 * NAMES_BLOCK, 1, &names), 0);
	for (int i = 0; i < 100000; i++) {
		uint32_t id;

		snprintf(text, sizeof(text), "%0*d", 1 + i % 250, i);
		id = names_take(names, text);
		assert_int_not_equal(id, 0);
		assert_string_equal(text_of(names, id), text);
		names_drop(names, id);
	}
	for (int i = 0; i < 512; i++) {
		snprintf(text, sizeof(text), "n%d", i);
		ids[i] = names_take(names, text);
		assert_int_not_equal(ids[i], 0);
	}
	assert_int_equal(names_take(names, "one too many"), 0);
	/* What short texts leave, wherever it lies, serves a long one. */
	for (int i = 0; i < 10; i += 2)
		names_drop(names, ids[i]);
	memset(text, 'y', 200);
	text[200] = '\0';
	assert_int_not_equal(names_take(names, text), 0);
	assert_string_equal(text_of(names, names_take(names, text)), text);
	names_free(names);
}

static struct dns_message question(uint16_t id, unsigned number)
{
	struct dns_message message;

	memset(&message, 0, sizeof(message));
	message.id = id;
	message.has_question = true;
	snprintf(message.qname, sizeof(message.qname), "n%u.example", number);
	return message;
}

static void questions_forget_the_answered_first(void **state)
{
	struct questions *questions = NULL;
	struct dns_message first = question(1, 1), message;

	(void)state;
	assert_int_equal(questions_new(4, 1, &questions), 0);
	assert_false(questions_asked(questions, 1, &first, 0));
	for (unsigned i = 2; i < 5; i++) {
		message = question(1, i);
		assert_false(questions_asked(questions, 1, &message, 0));
	}
	assert_true(questions_answered(questions, 1, &message, 0)); /* n4 has its answer */
	message = question(1, 5);
	assert_false(questions_asked(questions, 1, &message, 0)); /* takes n4's place */
	assert_true(questions_answered(questions, 1, &first, 0));
	for (unsigned i = 6; i < 8; i++) {
		message = question(1, i);
		questions_asked(questions, 1, &message, 0);
	}
	message = question(1, 2);
	assert_false(questions_answered(questions, 1, &message, 0));
	questions_free(questions);
}

static void known_is_a_cache_of_the_latest(void **state)
{
	struct known *known = NULL;
	int64_t first, last;
	char domain[32];

	(void)state;
	assert_int_equal(known_new(100, 1, &known), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		known_put(known, known_key(known, 0, domain, NULL), i, i + 1);
		assert_true(known_get(known, known_key(known, 0, domain, NULL), &first, &last));
		assert_int_equal(first, i);
		assert_int_equal(last, i + 1);
		/* The first one is used all the time, so it stays. */
		assert_true(known_get(known, known_key(known, 0, "d0.example", NULL), &first, &last));
	}
	assert_false(known_get(known, known_key(known, 0, "d500.example", NULL), &first, &last));
	assert_false(known_get(known, known_key(known, 1, "d999.example", NULL), &first, &last));
	assert_false(known_get(known, known_key(known, 0, "d999.example", "/bin/x"), &first, &last));
	known_clear(known);
	assert_false(known_get(known, known_key(known, 0, "d999.example", NULL), &first, &last));
	known_free(known);
}

#define COOKIES 300

static void flows_agree_with_a_model(void **state)
{
	struct flows *flows = NULL;
	int64_t model[COOKIES] = {0};
	size_t count = 0;

	(void)state;
	srand(7);
	assert_int_equal(flows_new(64, 1, &flows), 0);
	for (int i = 1; i < 50000; i++) {
		struct flow_key key = {.cookie = (uint64_t)(rand() % COOKIES), .remote_port = 443};
		struct flow *flow = flows_find(flows, &key);

		assert_int_equal(flow != NULL, model[key.cookie] != 0);
		if (flow && rand() % 2) {
			assert_int_equal(flow->opened_ns, model[key.cookie]);
			flows_drop(flows, flow);
			model[key.cookie] = 0;
			count--;
		} else if (!flow) {
			struct flow *oldest = flows_oldest_if_full(flows);

			assert_int_equal(oldest != NULL, count == 64);
			if (oldest) {
				model[oldest->key.cookie] = 0;
				flows_drop(flows, oldest);
				count--;
			}
			flow = flows_add(flows, &key);
			flow->opened_ns = model[key.cookie] = i;
			count++;
		}
		assert_int_equal(flows_count(flows), count);
	}
	flows_free(flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_kept_once_and_counted),
		cmocka_unit_test(names_of_every_length_are_told_apart),
		cmocka_unit_test(names_memory_is_used_again),
		cmocka_unit_test(questions_forget_the_answered_first),
		cmocka_unit_test(known_is_a_cache_of_the_latest),
		cmocka_unit_test(flows_agree_with_a_model),
	};

	return cmocka_run_group_tests_name("core/tables", tests, NULL, NULL);
}
