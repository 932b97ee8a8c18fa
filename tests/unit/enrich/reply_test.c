/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers to questions for PTR, TXT and addresses: whole, broken off, hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/reply.h"

#define TYPE_A 1
#define TYPE_CNAME 5
#define TYPE_PTR 12
#define TYPE_TXT 16
#define REVERSE "7.100.51.198.in-addr.arpa"

static uint8_t message[8192];
static size_t used;

static void put16(unsigned value)
{
	message[used++] = (uint8_t)(value >> 8);
	message[used++] = (uint8_t)value;
}

static void put_name(const char *name)
{
	while (*name) {
		size_t length = strcspn(name, ".");

		message[used++] = (uint8_t)length;
		memcpy(message + used, name, length);
		used += length;
		name += length + (name[length] == '.');
	}
	message[used++] = 0;
}

static void begin(const char *name, unsigned type, unsigned rcode)
{
	memset(message, 0, sizeof(message));
	used = 0;
	put16(1);
	put16(0x8180 | rcode);
	put16(1);
	put16(0);
	put16(0);
	put16(0);
	put_name(name);
	put16(type);
	put16(1);
}

static void put_record(const char *owner, unsigned type, unsigned ttl, const void *data, size_t size)
{
	message[7]++;
	put_name(owner);
	put16(type);
	put16(1);
	put16(0);
	put16(ttl);
	put16((unsigned)size);
	memcpy(message + used, data, size);
	used += size;
}

static void put_pointing(const char *owner, unsigned type, unsigned ttl, const char *target)
{
	uint8_t data[300];
	size_t before = used, size;

	put_name(target);
	size = used - before;
	memcpy(data, message + before, size);
	used = before;
	put_record(owner, type, ttl, data, size);
}

static void names_are_read(void **state)
{
	struct reply_texts names;

	(void)state;
	begin(REVERSE, TYPE_PTR, 0);
	put_pointing(REVERSE, TYPE_PTR, 300, "Host.Example.COM");
	put_pointing("8.100.51.198.in-addr.arpa", TYPE_PTR, 1, "of.another.address");
	put_pointing(REVERSE, TYPE_PTR, 200, "second.example.net");
	assert_int_equal(reply_names(message, used, &names), 0);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.texts[0], "host.example.com");
	assert_string_equal(names.texts[1], "second.example.net");
	assert_int_equal(names.ttl, 200);
}

/* RFC 2317: a zone smaller than a /24 is reached by an alias. */
static void names_by_an_alias_are_read(void **state)
{
	struct reply_texts names;

	(void)state;
	begin(REVERSE, TYPE_PTR, 0);
	put_pointing(REVERSE, TYPE_CNAME, 300, "7.0-25.100.51.198.in-addr.arpa");
	put_pointing("7.0-25.100.51.198.in-addr.arpa", TYPE_PTR, 300, "host.example.com");
	assert_int_equal(reply_names(message, used, &names), 0);
	assert_string_equal(names.texts[0], "host.example.com");
}

static void nothing_is_told_from_no_answer(void **state)
{
	struct reply_texts names;

	(void)state;
	begin(REVERSE, TYPE_PTR, 3);
	assert_int_equal(reply_names(message, used, &names), -ENOENT);
	begin(REVERSE, TYPE_PTR, 0);
	assert_int_equal(reply_names(message, used, &names), -ENOENT);
	put_pointing(REVERSE, TYPE_PTR, 300, ""); /* the root */
	assert_int_equal(reply_names(message, used, &names), -ENOENT);
	begin(REVERSE, TYPE_TXT, 0);
	assert_int_equal(reply_names(message, used, &names), -EBADMSG);
	assert_int_equal(reply_names(message, 5, &names), -EBADMSG);
	message[2] &= 0x7f; /* a question */
	assert_int_equal(reply_strings(message, used, &names), -EBADMSG);
}

static void hostile_names_stay_text(void **state)
{
	struct reply_texts names;
	char label[64];

	(void)state;
	begin(REVERSE, TYPE_PTR, 0);
	put_pointing(REVERSE, TYPE_PTR, 300, "\033[31m;$(x)\n\"<b>.example");
	assert_int_equal(reply_names(message, used, &names), 0);
	for (const char *at = names.texts[0]; *at; at++)
		assert_true(*at > 0x20 && *at < 0x7f && *at != '"' && *at != '<');
	assert_false(reply_name_is_plain(names.texts[0]));
	/* Escaped it would be over the bound: 120 bytes, four characters each. */
	begin(REVERSE, TYPE_PTR, 0);
	memset(label, 1, 60);
	label[60] = '\0';
	{
		char name[200];

		strcpy(name, label);
		strcat(name, ".");
		strcat(name, label);
		put_pointing(REVERSE, TYPE_PTR, 300, name);
	}
	assert_int_equal(reply_names(message, used, &names), -ENOENT);
}

static void more_names_than_there_is_room_for(void **state)
{
	struct reply_texts names;
	char name[] = "a.example";

	(void)state;
	begin(REVERSE, TYPE_PTR, 0);
	for (int i = 0; i < 20; i++, name[0]++)
		put_pointing(REVERSE, TYPE_PTR, 300, name);
	assert_int_equal(reply_names(message, used, &names), 0);
	assert_int_equal(names.count, REPLY_TEXTS_MAX);
}

static void strings_are_put_together(void **state)
{
	struct reply_texts texts;
	uint8_t long_one[260];

	(void)state;
	begin("t.example", TYPE_TXT, 0);
	put_record("t.example", TYPE_TXT, 60, "\5hello\1 \5world", 14);
	put_record("t.example", TYPE_TXT, 60, "\4a\0bc", 5);  /* a NUL */
	put_record("t.example", TYPE_TXT, 60, "\4a\33[m", 5); /* a terminal's escape */
	put_record("t.example", TYPE_TXT, 60, "\11short", 6); /* says 9, has 5 */
	put_record("t.example", TYPE_TXT, 60, "", 0);
	memset(long_one, 'x', sizeof(long_one));
	long_one[0] = 200;
	long_one[201] = 58;
	put_record("t.example", TYPE_TXT, 60, long_one, 260); /* 258 in all */
	assert_int_equal(reply_strings(message, used, &texts), 0);
	assert_int_equal(texts.count, 1);
	assert_string_equal(texts.texts[0], "hello world");
}

static void an_address_is_found(void **state)
{
	struct address address, other;
	uint32_t ttl = 0;

	(void)state;
	address_parse("198.51.100.7", &address);
	address_parse("198.51.100.8", &other);
	begin("host.example.com", TYPE_A, 0);
	put_pointing("host.example.com", TYPE_CNAME, 50, "real.example.com");
	put_record("real.example.com", TYPE_A, 300, "\xc6\x33\x64\x07", 4);
	put_record("unrelated.example.com", TYPE_A, 300, "\xc6\x33\x64\x08", 4);
	assert_true(reply_has_address(message, used, &address, &ttl));
	assert_int_equal(ttl, 50);
	assert_false(reply_has_address(message, used, &other, &ttl));
}

/* Whatever is cut off or turned over, nothing outside of the message is read (the sanitizer looks). */
static void any_bytes_are_survived(void **state)
{
	struct reply_texts out;
	struct address address = {{0}};
	uint32_t ttl;
	uint8_t *copy;
	size_t whole;

	(void)state;
	begin(REVERSE, TYPE_PTR, 0);
	put_pointing(REVERSE, TYPE_CNAME, 300, "7.0-25.100.51.198.in-addr.arpa");
	put_pointing("7.0-25.100.51.198.in-addr.arpa", TYPE_PTR, 300, "host.example.com");
	put_record(REVERSE, TYPE_TXT, 60, "\5hello\1 \5world", 14);
	whole = used;
	for (unsigned round = 0; round < 40000; round++) {
		size_t length = (size_t)rand() % (whole + 1);

		copy = malloc(length ? length : 1);
		assert_non_null(copy);
		memcpy(copy, message, length);
		for (int i = rand() % 4; i && length; i--)
			copy[(size_t)rand() % length] = (uint8_t)rand();
		(void)reply_names(copy, length, &out);
		(void)reply_strings(copy, length, &out);
		(void)reply_has_address(copy, length, &address, &ttl);
		free(copy);
	}
}

static void names_that_can_be_asked_for(void **state)
{
	char label[70];

	(void)state;
	assert_true(reply_name_is_plain("a-1_b.example"));
	assert_false(reply_name_is_plain(""));
	assert_false(reply_name_is_plain("a..b"));
	assert_false(reply_name_is_plain("a."));
	assert_false(reply_name_is_plain("a b.example"));
	assert_false(reply_name_is_plain("a\\032b.example"));
	memset(label, 'a', 64);
	label[64] = '\0';
	assert_false(reply_name_is_plain(label));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(names_by_an_alias_are_read),
		cmocka_unit_test(nothing_is_told_from_no_answer),
		cmocka_unit_test(hostile_names_stay_text),
		cmocka_unit_test(more_names_than_there_is_room_for),
		cmocka_unit_test(strings_are_put_together),
		cmocka_unit_test(an_address_is_found),
		cmocka_unit_test(any_bytes_are_survived),
		cmocka_unit_test(names_that_can_be_asked_for),
	};

	return cmocka_run_group_tests_name("enrich/reply", tests, NULL, NULL);
}
