/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/message.h"

/* A message under construction. */
static uint8_t wire[65536];
static size_t used;
static struct dns_message message;

static void put8(unsigned value)
{
	wire[used++] = (uint8_t)value;
}

static void put16(unsigned value)
{
	put8(value >> 8);
	put8(value & 255);
}

static void put_name(const char *name)
{
	while (*name) {
		size_t length = strcspn(name, ".");

		put8((unsigned)length);
		memcpy(wire + used, name, length);
		used += length;
		name += length + (name[length] == '.');
	}
	put8(0);
}

static void begin(unsigned flags, unsigned answers, const char *name, unsigned type)
{
	used = 0;
	put16(0x1234);
	put16(flags);
	put16(1);
	put16(answers);
	put16(0);
	put16(0);
	put_name(name);
	put16(type);
	put16(1);
}

/* A record up to its data; the length is filled in by end_record. */
static size_t begin_record(const char *owner, unsigned type, unsigned ttl)
{
	if (owner)
		put_name(owner);
	else
		put16(0xc00c);
	put16(type);
	put16(1);
	put16(ttl >> 16);
	put16(ttl & 0xffff);
	put16(0);
	return used;
}

static void end_record(size_t from)
{
	wire[from - 2] = (uint8_t)((used - from) >> 8);
	wire[from - 1] = (uint8_t)(used - from);
}

static void put_a(const char *owner, unsigned last, unsigned ttl)
{
	size_t from = begin_record(owner, DNS_TYPE_A, ttl);

	put8(203);
	put8(0);
	put8(113);
	put8(last);
	end_record(from);
}

static void put_alias(const char *owner, unsigned type, const char *target, unsigned ttl)
{
	size_t from = begin_record(owner, type, ttl);

	put_name(target);
	end_record(from);
}

static void read_all(void)
{
	assert_int_equal(dns_message_read(wire, used, &message), 0);
}

static void a_plain_answer_is_read(void **state)
{
	static const uint8_t wanted[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7};

	(void)state;
	begin(0x8180, 1, "WWW.Example.COM", DNS_TYPE_A);
	put_a(NULL, 7, 300);
	read_all();
	assert_int_equal(message.damage, DNS_INTACT);
	assert_int_equal(message.id, 0x1234);
	assert_true(message.response && message.has_question && !message.truncated);
	assert_string_equal(message.qname, "www.example.com");
	assert_int_equal(message.address_count, 1);
	assert_memory_equal(message.addresses[0].bytes, wanted, 16);
	assert_int_equal(message.addresses[0].ttl, 300);
	assert_int_equal(message.chain_count, 0);
}

static void aliases_are_followed_in_any_order(void **state)
{
	(void)state;
	begin(0x8180, 4, "www.example.com", DNS_TYPE_A);
	put_a("c.example.net", 9, 500);
	put_alias("b.example.net", DNS_TYPE_CNAME, "c.example.net", 20);
	put_a("unrelated.example.org", 66, 500);
	put_alias("www.example.com", DNS_TYPE_CNAME, "b.example.net", 100);
	read_all();
	assert_int_equal(message.address_count, 1);
	assert_int_equal(message.addresses[0].bytes[15], 9);
	assert_int_equal(message.addresses[0].ttl, 20); /* the least along the way */
	assert_string_equal(message.chain, "b.example.net c.example.net");
	assert_int_equal(message.chain_count, 2);
}

static void records_of_others_prove_nothing(void **state)
{
	(void)state;
	begin(0x8180, 2, "www.example.com", DNS_TYPE_A);
	put_a("bank.example.org", 66, 300);
	put_a("example.com", 67, 300);
	read_all();
	assert_int_equal(message.address_count, 0);
}

static void a_dname_takes_the_place_of_an_ancestor(void **state)
{
	(void)state;
	begin(0x8180, 2, "www.sub.example.com", DNS_TYPE_A);
	put_alias("example.com", DNS_TYPE_DNAME, "example.net", 60);
	put_a("www.sub.example.net", 5, 300);
	read_all();
	assert_int_equal(message.address_count, 1);
	assert_string_equal(message.chain, "www.sub.example.net");
	/* The owner itself is not renamed by it. */
	begin(0x8180, 2, "example.com", DNS_TYPE_A);
	put_alias("example.com", DNS_TYPE_DNAME, "example.net", 60);
	put_a("example.net", 5, 300);
	read_all();
	assert_int_equal(message.address_count, 0);
}

static void service_records_give_hints_and_aliases(void **state)
{
	size_t from;

	(void)state;
	begin(0x8180, 1, "www.example.com", DNS_TYPE_HTTPS);
	from = begin_record(NULL, DNS_TYPE_HTTPS, 60);
	put16(1);
	put8(0); /* target: the owner */
	put16(1);
	put16(3);
	put8(2);
	put8('h');
	put8('3');
	put16(4);
	put16(8);
	for (int i = 0; i < 8; i++)
		put8(10U + (unsigned)i);
	put16(6);
	put16(16);
	for (int i = 0; i < 16; i++)
		put8(32);
	end_record(from);
	read_all();
	assert_int_equal(message.damage, DNS_INTACT);
	assert_int_equal(message.address_count, 3);
	assert_true(message.addresses[0].hint && message.addresses[2].hint);
	assert_int_equal(message.addresses[1].bytes[15], 17);
	assert_int_equal(message.addresses[2].bytes[0], 32);
	begin(0x8180, 2, "www.example.com", DNS_TYPE_HTTPS);
	from = begin_record(NULL, DNS_TYPE_HTTPS, 60);
	put16(0);
	put_name("alias.example.net");
	end_record(from);
	put_a("alias.example.net", 5, 300);
	read_all();
	assert_int_equal(message.address_count, 1);
	assert_string_equal(message.chain, "alias.example.net");
}

static void odd_bytes_are_escaped(void **state)
{
	(void)state;
	used = 0;
	begin(0x0100, 0, "x", DNS_TYPE_A);
	used = 12;
	put8(6);
	memcpy(wire + used, "a.b \\\xff", 6);
	used += 6;
	put8(0);
	put16(1);
	put16(1);
	read_all();
	assert_string_equal(message.qname, "a\\.b\\032\\092\\255");
	assert_false(message.response);
}

static void the_root_is_a_dot(void **state)
{
	(void)state;
	begin(0x0100, 0, "", 2);
	read_all();
	assert_string_equal(message.qname, ".");
}

static void names_that_loop_or_are_too_long_are_refused(void **state)
{
	char text[DNS_TEXT_MAX];
	static const uint8_t loop[] = {0xc0, 0x00}, forward[] = {0xc0, 0x02, 1, 'a', 0}, cut[] = {0xc0};
	static const uint8_t reserved[] = {0x80, 'a', 0};
	uint8_t chain[200];

	(void)state;
	assert_int_equal(dns_name_read(loop, sizeof(loop), 0, text), -EBADMSG);
	assert_string_equal(text, "");
	assert_int_equal(dns_name_read(forward, sizeof(forward), 0, text), -EBADMSG);
	assert_int_equal(dns_name_read(cut, sizeof(cut), 0, text), -EBADMSG);
	assert_int_equal(dns_name_read(reserved, sizeof(reserved), 0, text), -EBADMSG);
	/* 33 pointers, each one back. */
	chain[0] = 0;
	chain[1] = 0;
	for (unsigned i = 2; i < 70; i += 2) {
		chain[i] = 0xc0;
		chain[i + 1] = (uint8_t)(i - 2);
	}
	assert_true(dns_name_read(chain, sizeof(chain), 64, text) > 0);
	assert_int_equal(dns_name_read(chain, sizeof(chain), 68, text), -EBADMSG);
	/* 255 bytes are the most: three labels of 63 and one of 61. */
	used = 0;
	for (int i = 0; i < 4; i++) {
		unsigned length = i < 3 ? 63 : 61;

		put8(length);
		memset(wire + used, 'a', length);
		used += length;
	}
	put8(0);
	assert_int_equal(dns_name_read(wire, used, 0, text), 255);
	assert_int_equal(strlen(text), 253);
	wire[192] = 62;
	wire[used - 1] = 'a';
	wire[used] = 0;
	assert_int_equal(dns_name_read(wire, used + 1, 0, text), -EBADMSG);
}

static void several_questions_are_refused(void **state)
{
	(void)state;
	begin(0x8180, 0, "www.example.com", DNS_TYPE_A);
	wire[5] = 2;
	read_all();
	assert_int_equal(message.damage, DNS_BAD_QUESTION);
	assert_false(message.has_question);
	wire[5] = 0;
	read_all();
	assert_int_equal(message.damage, DNS_BAD_QUESTION);
}

static void what_precedes_a_damage_is_kept(void **state)
{
	size_t whole, second;
	uint16_t best = 0;

	(void)state;
	begin(0x8180, 3, "www.example.com", DNS_TYPE_A);
	put_a(NULL, 1, 300);
	put_a(NULL, 2, 300);
	second = used;
	put_a(NULL, 3, 300);
	whole = used;
	for (size_t length = 0; length < whole; length++) {
		/* From memory of just that size, so that a byte too many is seen by the sanitizer. */
		uint8_t *copy = malloc(length ? length : 1);
		int error;

		memcpy(copy, wire, length);
		error = dns_message_read(copy, length, &message);
		free(copy);
		if (length < DNS_HEADER_SIZE) {
			assert_int_equal(error, -EINVAL);
			assert_int_equal(message.damage, DNS_SHORT_HEADER);
			continue;
		}
		assert_int_equal(error, 0);
		assert_int_not_equal(message.damage, DNS_INTACT);
		assert_true(message.address_count >= best);
		best = message.address_count;
		if (length >= second)
			assert_int_equal(message.address_count, 2);
	}
	used = whole;
	read_all();
	assert_int_equal(message.address_count, 3);
	assert_int_equal(message.damage, DNS_INTACT);
}

static void truncation_and_failure_are_told(void **state)
{
	(void)state;
	begin(0x8383, 0, "www.example.com", DNS_TYPE_A);
	read_all();
	assert_true(message.truncated);
	assert_int_equal(message.rcode, 3);
}

static void wrong_sizes_are_damage(void **state)
{
	size_t from;

	(void)state;
	begin(0x8180, 2, "www.example.com", DNS_TYPE_A);
	from = begin_record(NULL, DNS_TYPE_A, 60);
	put16(1);
	end_record(from);
	put_a(NULL, 7, 60);
	read_all();
	assert_int_equal(message.damage, DNS_BAD_RECORD);
	assert_int_equal(message.address_count, 1); /* the sound one is kept */
}

static double milliseconds(size_t length, unsigned rounds)
{
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (unsigned i = 0; i < rounds; i++)
		dns_message_read(wire, length, &message);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6) / rounds;
}

/* Records that make the reader walk: DNAMEs above a name of 127 labels, aliases in a ring. */
static void a_hostile_message_costs_little(void **state)
{
	char name[256] = "";
	unsigned count = 0;
	double took;

	(void)state;
	for (int i = 0; i < 126; i++)
		strcat(name, i < 125 ? "a." : "a");
	begin(0x8180, 0, name, DNS_TYPE_A);
	while (used < 4000) {
		put_alias("b", DNS_TYPE_DNAME, "c", 60);
		count++;
	}
	wire[6] = (uint8_t)(count >> 8);
	wire[7] = (uint8_t)count;
	took = milliseconds(used, 50);
	print_message("# 4 KB of %u DNAMEs under 126 labels: %.3f ms\n", count, took);
	assert_true(took < 20); /* also under the sanitizers, on a busy machine */
	begin(0x8180, 0, "a", DNS_TYPE_A);
	for (count = 0; used < 4000; count += 2) {
		put_alias("a", DNS_TYPE_CNAME, "b", 60);
		put_alias("b", DNS_TYPE_CNAME, "a", 60);
	}
	wire[6] = (uint8_t)(count >> 8);
	wire[7] = (uint8_t)count;
	took = milliseconds(used, 50);
	print_message("# 4 KB of aliases in a ring: %.3f ms\n", took);
	assert_true(took < 20);
	assert_true(message.chain_count <= DNS_CHAIN_MAX);
}

static void random_bytes_are_survived(void **state)
{
	(void)state;
	srand(11);
	for (int i = 0; i < 100000; i++) {
		size_t length = (size_t)(rand() % 300);

		for (size_t j = 0; j < length; j++)
			wire[j] = (uint8_t)(rand() % 4 ? rand() % 5 : rand());
		if (length > 5 && i % 2) {
			wire[4] = 0;
			wire[5] = 1;
		}
		dns_message_read(wire, length, &message);
		assert_true(message.address_count <= DNS_ADDRESSES_MAX);
		assert_true(strlen(message.qname) < DNS_TEXT_MAX && strlen(message.chain) < DNS_TEXT_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_answer_is_read),
		cmocka_unit_test(aliases_are_followed_in_any_order),
		cmocka_unit_test(records_of_others_prove_nothing),
		cmocka_unit_test(a_dname_takes_the_place_of_an_ancestor),
		cmocka_unit_test(service_records_give_hints_and_aliases),
		cmocka_unit_test(odd_bytes_are_escaped),
		cmocka_unit_test(the_root_is_a_dot),
		cmocka_unit_test(names_that_loop_or_are_too_long_are_refused),
		cmocka_unit_test(several_questions_are_refused),
		cmocka_unit_test(what_precedes_a_damage_is_kept),
		cmocka_unit_test(truncation_and_failure_are_told),
		cmocka_unit_test(wrong_sizes_are_damage),
		cmocka_unit_test(a_hostile_message_costs_little),
		cmocka_unit_test(random_bytes_are_survived),
	};

	return cmocka_run_group_tests_name("dns/message", tests, NULL, NULL);
}
