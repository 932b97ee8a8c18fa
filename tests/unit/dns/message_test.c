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

#include "base/clock.h"
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
	/* The root as its target. */
	begin(0x8180, 2, "www.example.com", DNS_TYPE_A);
	put_alias("example.com", DNS_TYPE_DNAME, "", 60);
	put_a("www", 5, 300);
	read_all();
	assert_string_equal(message.chain, "www");
	assert_int_equal(message.address_count, 1);
	/* "b.example.com" is one label with a dot in it here, and no ancestor of the name. */
	begin(0x8180, 2, "", DNS_TYPE_A);
	used = DNS_HEADER_SIZE;
	put8(3);
	memcpy(wire + used, "a.b", 3);
	used += 3;
	put_name("example.com");
	put16(DNS_TYPE_A);
	put16(1);
	put_alias("b.example.com", DNS_TYPE_DNAME, "example.net", 60);
	put_a("a.example.net", 5, 300);
	read_all();
	assert_int_equal(message.chain_count, 0);
	assert_int_equal(message.address_count, 0);
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

static void put_aaaa(const char *owner, unsigned last, unsigned ttl)
{
	size_t from = begin_record(owner, DNS_TYPE_AAAA, ttl);

	put16(0x2001);
	put16(0x0db8);
	for (int i = 0; i < 5; i++)
		put16(0);
	put16(last);
	end_record(from);
}

static void both_families_are_read(void **state)
{
	static const uint8_t wanted[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
	size_t from;

	(void)state;
	begin(0x8180, 4, "www.example.com", DNS_TYPE_AAAA);
	put_aaaa(NULL, 9, 300);
	put_a(NULL, 7, 20);
	from = begin_record(NULL, 16, 60); /* TXT: none of our business */
	put8(3);
	put8('a');
	put8('b');
	put8('c');
	end_record(from);
	from = begin_record(NULL, DNS_TYPE_A, 60); /* of class CH, as below */
	put16(0xcb00);
	put16(0x7142);
	end_record(from);
	wire[from - 8 + 1] = 3;
	read_all();
	assert_int_equal(message.damage, DNS_INTACT);
	assert_int_equal(message.qtype, DNS_TYPE_AAAA);
	assert_int_equal(message.address_count, 2);
	assert_memory_equal(message.addresses[0].bytes, wanted, 16);
	assert_false(message.addresses[0].hint);
	assert_int_equal(message.addresses[1].ttl, 20);
}

/* An OPT record behind the answers, and addresses in the other sections: only the answers bind. */
static void other_sections_prove_nothing(void **state)
{
	(void)state;
	begin(0x8180, 1, "www.example.com", DNS_TYPE_A);
	wire[9] = 1;  /* authority */
	wire[11] = 2; /* additional */
	put_a(NULL, 7, 300);
	put_a(NULL, 8, 300);
	put_a(NULL, 9, 300);
	put8(0); /* the root owns OPT; its class is a size */
	put16(DNS_TYPE_OPT);
	put16(1232);
	put16(0);
	put16(0);
	put16(0);
	read_all();
	assert_int_equal(message.damage, DNS_INTACT);
	assert_int_equal(message.address_count, 1);
	assert_int_equal(message.addresses[0].bytes[15], 7);
	used--; /* a damage behind the answers is told, and takes none of them */
	read_all();
	assert_int_equal(message.damage, DNS_BAD_RECORD);
	assert_int_equal(message.address_count, 1);
}

/* Three aliases, an address and one of another owner, in all 120 orders: one reading. */
static void no_order_of_records_changes_the_reading(void **state)
{
	unsigned orders = 0;

	(void)state;
	for (unsigned code = 0; code < 5 * 5 * 5 * 5 * 5; code++) {
		unsigned seen = 0, rest = code;

		begin(0x8180, 5, "www.example.com", DNS_TYPE_A);
		for (int i = 0; i < 5; i++, rest /= 5) {
			seen |= 1u << rest % 5;
			switch (rest % 5) {
			case 0:
				put_alias(NULL, DNS_TYPE_CNAME, "A.example.net", 100);
				break;
			case 1:
				put_alias("a.EXAMPLE.net", DNS_TYPE_CNAME, "b.example.net", 50);
				break;
			case 2:
				put_alias("b.example.net", DNS_TYPE_CNAME, "c.example.net", 80);
				break;
			case 3:
				put_a("c.example.net", 7, 300);
				break;
			default:
				put_a("d.example.net", 66, 300);
			}
		}
		if (seen != 31)
			continue;
		orders++;
		read_all();
		assert_int_equal(message.damage, DNS_INTACT);
		assert_int_equal(message.address_count, 1);
		assert_int_equal(message.addresses[0].bytes[15], 7);
		assert_int_equal(message.addresses[0].ttl, 50);
		assert_string_equal(message.chain, "a.example.net b.example.net c.example.net");
	}
	assert_int_equal(orders, 120);
}

static void limits_are_kept_and_told(void **state)
{
	(void)state;
	begin(0x8180, DNS_ADDRESSES_MAX + 1, "www.example.com", DNS_TYPE_A);
	for (unsigned i = 0; i < DNS_ADDRESSES_MAX; i++)
		put_a(NULL, i, 300);
	wire[7] = 0; /* 256 */
	read_all();
	assert_int_equal(message.damage, DNS_INTACT);
	assert_int_equal(message.address_count, DNS_ADDRESSES_MAX);
	wire[7] = 1;
	put_a(NULL, 1, 300);
	read_all();
	assert_int_equal(message.damage, DNS_TOO_MANY);
	assert_int_equal(message.address_count, DNS_ADDRESSES_MAX);
	/* A chain of one alias too many: its end is not reached. */
	for (unsigned links = DNS_CHAIN_MAX; links <= DNS_CHAIN_MAX + 1; links++) {
		char from[16] = "n0.example", to[16];

		begin(0x8180, links + 1, from, DNS_TYPE_A);
		for (unsigned i = 0; i < links; i++) {
			snprintf(from, sizeof(from), "n%u.example", i);
			snprintf(to, sizeof(to), "n%u.example", i + 1);
			put_alias(from, DNS_TYPE_CNAME, to, 60);
		}
		put_a(to, 7, 300);
		read_all();
		assert_int_equal(message.damage, links > DNS_CHAIN_MAX ? DNS_TOO_MANY : DNS_INTACT);
		assert_int_equal(message.address_count, links > DNS_CHAIN_MAX ? 0 : 1);
		assert_int_equal(message.chain_count, DNS_CHAIN_MAX);
	}
}

/* Every feature in one message: each beginning gives a part of the whole's reading, and never less than a
 * shorter one. */
static void no_beginning_of_any_feature_goes_astray(void **state)
{
	static struct dns_message whole;
	size_t from, ends[8], length, end = 0;
	unsigned before = 0;

	(void)state;
	begin(0x8180, 7, "www.example.com", DNS_TYPE_HTTPS);
	put_a(NULL, 1, 300);
	ends[0] = used;
	put_alias("com", DNS_TYPE_DNAME, "net", 60);
	ends[1] = used;
	put_a("www.example.net", 2, 300);
	ends[2] = used;
	put_alias("www.example.net", DNS_TYPE_CNAME, "x.example.org", 60);
	ends[3] = used;
	from = begin_record("x.example.org", DNS_TYPE_HTTPS, 60);
	put16(0);
	put_name("y.example.org");
	end_record(from);
	ends[4] = used;
	from = begin_record("y.example.org", DNS_TYPE_HTTPS, 60);
	put16(1);
	put8(0);
	put16(4);
	put16(8);
	put16(0xcb00);
	put16(0x7103);
	put16(0xcb00);
	put16(0x7104);
	end_record(from);
	ends[5] = used;
	put_aaaa("y.example.org", 5, 60);
	ends[6] = length = used;
	read_all();
	assert_int_equal(message.damage, DNS_INTACT);
	assert_int_equal(message.address_count, 5);
	assert_int_equal(message.chain_count, 3);
	whole = message;
	for (size_t cut = DNS_HEADER_SIZE; cut < length; cut++) {
		static const unsigned proven[] = {1, 1, 2, 2, 2, 4, 5};
		uint8_t *copy = malloc(cut);
		unsigned wanted;

		memcpy(copy, wire, cut);
		assert_int_equal(dns_message_read(copy, cut, &message), 0);
		free(copy);
		while (end < 7 && ends[end] <= cut)
			end++;
		wanted = end ? proven[end - 1] : 0;
		assert_int_equal(message.address_count, wanted);
		assert_int_not_equal(message.damage, DNS_INTACT);
		assert_true(wanted >= before);
		before = wanted;
		for (unsigned i = 0; i < wanted; i++)
			assert_memory_equal(message.addresses[i].bytes, whole.addresses[i].bytes, 16);
		assert_memory_equal(message.chain, whole.chain, strlen(message.chain));
	}
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

/* What one reading costs: the least of three measurements. */
static double milliseconds(size_t length, unsigned rounds)
{
	int64_t least = INT64_MAX;

	for (int measured = 0; measured < 3; measured++) {
		int64_t took, from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

		for (unsigned i = 0; i < rounds; i++)
			dns_message_read(wire, length, &message);
		took = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
		least = took < least ? took : least;
	}
	return (double)least / 1e6 / rounds;
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

/*
 * The most that a label can cost: 63 bytes that are written escaped and differ from
 * what is looked for in the last one alone. Owners are pointers to it, so that many fit.
 */
static void the_dearest_labels_cost_little(void **state)
{
	static const enum dns_type types[] = {DNS_TYPE_A, DNS_TYPE_DNAME};
	double worst = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t other;
		unsigned count = 1;

		begin(0x8180, 0, "", DNS_TYPE_A);
		used = DNS_HEADER_SIZE;
		for (int label = 0; label < 3; label++) {
			put8(63);
			memset(wire + used, 0xff, 63);
			used += 63;
		}
		put8(0);
		put16(DNS_TYPE_A);
		put16(1);
		other = used + 12;
		put_alias("", 16, "", 60); /* data that is the other name */
		used = other - 1;
		wire[used - 2] = 0;
		wire[used - 1] = 193;
		other = used;
		for (int label = 0; label < 3; label++) {
			put8(63);
			memset(wire + used, 0xff, 63);
			used += 63;
		}
		wire[used - 1] = 0xfe;
		put8(0);
		for (; used < 4080; count++) {
			put16(0xc000 | (unsigned)other);
			put16(types[i]);
			put16(1);
			put16(0);
			put16(60);
			put16(0);
		}
		wire[6] = (uint8_t)(count >> 8);
		wire[7] = (uint8_t)count;
		read_all();
		assert_int_equal(message.damage, DNS_INTACT);
		assert_int_equal(message.address_count, 0);
		worst = milliseconds(used, 50);
		print_message("# 4 KB of %u records of type %d under dear labels: %.3f ms\n", count,
			      (int)types[i], worst);
		assert_true(worst < 20);
	}
}

static size_t put_dear_label(unsigned last)
{
	size_t at = used;

	put8(63);
	memset(wire + used, 0xff, 63);
	used += 63;
	wire[used - 1] = (uint8_t)last;
	return at;
}

static void put_head(size_t owner, unsigned type)
{
	put16(0xc000 | (unsigned)owner);
	put16(type);
	put16(1);
	put16(0);
	put16(60);
	put16(0);
}

/* The worst that we know: a chain as long as may be, at each link every DNAME against each dear suffix. */
static void the_dearest_chain_costs_little(void **state)
{
	size_t suffix, other, name, from;
	unsigned count;
	double took;

	(void)state;
	begin(0x8180, 0, "", DNS_TYPE_A);
	used = DNS_HEADER_SIZE;
	name = put_dear_label(0);
	suffix = put_dear_label(0xff);
	put_dear_label(0xff);
	put8(0);
	put16(DNS_TYPE_A);
	put16(1);
	put_head(suffix, 16); /* the other name is its data */
	from = used;
	other = put_dear_label(0xfe);
	put8(0);
	end_record(from);
	for (count = 1; used < 4090 - DNS_CHAIN_MAX * 78;
	     count++) /* before the aliases: else one found ends the search */
		put_head(other, DNS_TYPE_DNAME);
	for (unsigned i = 1; i <= DNS_CHAIN_MAX; i++, count++) {
		put_head(name, DNS_TYPE_CNAME);
		from = name = used;
		put_dear_label(i);
		put16(0xc000 | (unsigned)suffix);
		end_record(from);
	}
	wire[6] = (uint8_t)(count >> 8);
	wire[7] = (uint8_t)count;
	took = milliseconds(used, 20);
	print_message("# 4 KB of %u records, %u aliases under dear labels: %.3f ms (%s)\n", count,
		      message.chain_count, took, dns_damage_name(message.damage));
	assert_int_equal(message.chain_count, DNS_CHAIN_MAX);
	assert_true(took < 20);
}

static void ordinary_answers_per_second(void **state)
{
	double took;

	(void)state;
	begin(0x8180, 5, "www.example.com", DNS_TYPE_A);
	put_alias(NULL, DNS_TYPE_CNAME, "www.example.com.cdn.example.net", 300);
	for (unsigned i = 0; i < 4; i++)
		put_a("www.example.com.cdn.example.net", i, 60);
	read_all();
	assert_int_equal(message.address_count, 4);
	took = milliseconds(used, 20000);
	print_message("# an alias and four addresses, %zu bytes: %.0f answers per second\n", used,
		      1e3 / took);
	assert_true(took < 1); /* far from it: a mistake of scale shows, a busy machine does not */
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

static void the_longest_name_may_end_in_a_pointer_to_the_root(void **state)
{
	uint8_t bytes[1 + 256] = {0};
	char text[DNS_TEXT_MAX];
	size_t at = 1;

	(void)state;
	for (int label = 0; label < 4; label++) {
		size_t length = label < 3 ? 63 : 61;

		bytes[at] = (uint8_t)length;
		memset(bytes + at + 1, 'a', length);
		at += 1 + length;
	}
	bytes[at] = 0xc0; /* to the root, at 0 */
	assert_int_equal(dns_name_read(bytes, sizeof(bytes), 1, text), 256);
	assert_int_equal(strlen(text), 253);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_name_may_end_in_a_pointer_to_the_root),
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
		cmocka_unit_test(both_families_are_read),
		cmocka_unit_test(other_sections_prove_nothing),
		cmocka_unit_test(no_order_of_records_changes_the_reading),
		cmocka_unit_test(limits_are_kept_and_told),
		cmocka_unit_test(no_beginning_of_any_feature_goes_astray),
		cmocka_unit_test(the_dearest_labels_cost_little),
		cmocka_unit_test(the_dearest_chain_costs_little),
		cmocka_unit_test(ordinary_answers_per_second),
		cmocka_unit_test(random_bytes_are_survived),
	};

	return cmocka_run_group_tests_name("dns/message", tests, NULL, NULL);
}
