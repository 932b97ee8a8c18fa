/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Real replies: our reading against tshark's (replies.tsv) and against c-ares, both
 * ways: nothing lacks and nothing is added. A difference counts as explained only by
 * a rule below, and a rule looks at what the other reader said, never at our chain:
 * else a decoder that reads too little would explain itself. There is no list of exceptions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ares.h>
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "dns/message.h"

#define LINE_MAX_BYTES (512 * 1024)
#define ITEMS_MAX 512
#define COLUMNS                                                                                              \
	"#hex_of_udp_payload\tqname\tA_AAAA(owner|type|ip,...)\tcname_targets\tsvcb_hints\tmalformed_per_"   \
	"tshark\tfile:frame\n"

/* One line of replies.tsv: the bytes, and how tshark reads them. */
struct reply {
	uint8_t bytes[65536];
	size_t length;
	char *qname;
	struct address addresses[ITEMS_MAX]; /* whose owner is the question or an alias that tshark lists */
	unsigned address_count, foreign;     /* foreign: of other owners */
	char *aliases[ITEMS_MAX];
	unsigned alias_count;
	struct address hints[ITEMS_MAX];
	unsigned hint_count;
	bool malformed;
	char *where;
};

static struct dns_message message;
static struct reply reply;
static char folder[512];
static unsigned unexplained;

static bool find_data(void)
{
	const char *data = getenv("FIRSTSEEN_TEST_DATA");
	FILE *file;
	char path[600];

	snprintf(folder, sizeof(folder), "%s/dns-messages", data ? data : "../shared/data");
	snprintf(path, sizeof(path), "%s/replies.tsv", folder);
	file = fopen(path, "r");
	if (!file) {
		print_message("# skipped: no data at %s (set FIRSTSEEN_TEST_DATA)\n", path);
		return false;
	}
	fclose(file);
	return true;
}

/* --- a line of replies.tsv ------------------------------------------------------------ */

/*
 * A name as both readers can write it: printable bytes only, in lower case. tshark
 * writes other bytes as U+FFFD, as UTF-8, as \ooo or as \v; we as \DDD. The root is empty.
 */
static void reduce(char *name, int base)
{
	char *to = name;

	if (strcmp(name, "<root>") == 0 || strcmp(name, "<Root>") == 0 || strcmp(name, ".") == 0)
		*name = '\0';
	for (const char *at = name; *at; at++) {
		unsigned char byte = (unsigned char)*at;

		if (byte == '\\' && isdigit((unsigned char)at[1])) {
			const char digits[4] = {at[1], at[2], at[3], '\0'};

			byte = (unsigned char)strtoul(digits, NULL, base);
			at += 3;
		} else if (byte == '\\' && at[1]) {
			byte = (unsigned char)*++at;
			if (base == 8 && strchr("abfnrtv", byte))
				continue; /* tshark: a control character */
		}
		if (byte >= 0x20 && byte < 0x7f)
			*to++ = (char)tolower(byte);
	}
	*to = '\0';
}

static size_t from_hex(const char *hex, uint8_t *bytes, size_t size)
{
	size_t length = 0;

	for (; hex[0] && hex[1] && length < size; hex += 2) {
		const char digits[3] = {hex[0], hex[1], '\0'};

		bytes[length++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return length;
}

static bool is_alias(const char *name)
{
	for (unsigned i = 0; i < reply.alias_count; i++)
		if (strcmp(reply.aliases[i], name) == 0)
			return true;
	return false;
}

static void parse_addresses(char *list)
{
	char *item;

	while ((item = strsep(&list, ",")) != NULL) {
		char *owner = strsep(&item, "|");
		bool typed = strsep(&item, "|") != NULL;

		if (strcmp(owner, "-") == 0)
			continue;
		assert_true(typed && item && reply.address_count < ITEMS_MAX);
		reduce(owner, 8);
		if (strcmp(owner, reply.qname) != 0 && !is_alias(owner))
			reply.foreign++;
		else if (address_parse(item, &reply.addresses[reply.address_count++]))
			fail_msg("%s: \"%s\" is no address", reply.where, item);
	}
}

static void parse_hints(char *list)
{
	char *item;

	while ((item = strsep(&list, ",")) != NULL) {
		char *key = strsep(&item, "|");

		if (strcmp(key, "-") == 0)
			continue;
		assert_true(item && reply.hint_count < ITEMS_MAX);
		if (address_parse(item, &reply.hints[reply.hint_count++]))
			fail_msg("%s: hint \"%s\" is no address", reply.where, item);
	}
}

static void parse_reply(char *line)
{
	char *fields[7], *list, *item;

	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < 7; i++) {
		fields[i] = strsep(&line, "\t");
		assert_non_null(fields[i]);
	}
	reply.length = from_hex(fields[0], reply.bytes, sizeof(reply.bytes));
	reply.qname = fields[1];
	reply.malformed = strcmp(fields[5], "-") != 0;
	reply.where = fields[6];
	reply.address_count = reply.foreign = reply.alias_count = reply.hint_count = 0;
	reduce(reply.qname, 8);
	list = fields[3];
	while ((item = strsep(&list, ",")) != NULL && reply.alias_count < ITEMS_MAX) {
		if (strcmp(item, "-") == 0)
			continue;
		reduce(item, 8);
		reply.aliases[reply.alias_count++] = item;
	}
	parse_addresses(fields[2]);
	parse_hints(fields[4]);
}

/* Calls for every reply of the file, read by us into `message`. Returns how many there are. */
static unsigned for_each_reply(void (*call)(void *context), void *context)
{
	char *line = malloc(LINE_MAX_BYTES), path[600];
	unsigned replies = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/replies.tsv", folder);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(line);
	assert_non_null(fgets(line, LINE_MAX_BYTES, file));
	assert_string_equal(line, COLUMNS);
	while (fgets(line, LINE_MAX_BYTES, file)) {
		parse_reply(line);
		dns_message_read(reply.bytes, reply.length, &message);
		replies++;
		call(context);
	}
	fclose(file);
	free(line);
	return replies;
}

static void differs(const char *what, const char *theirs, const char *ours)
{
	unexplained++;
	print_message("# %s: %s: theirs \"%s\", ours \"%s\" (%s)\n", reply.where, what, theirs, ours,
		      dns_damage_name(message.damage));
}

static bool among(const uint8_t bytes[16], const struct address *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (memcmp(list[i].bytes, bytes, 16) == 0)
			return true;
	return false;
}

static bool is_ours(const struct address *address, bool hint)
{
	for (unsigned i = 0; i < message.address_count; i++)
		if (message.addresses[i].hint == hint &&
		    memcmp(message.addresses[i].bytes, address->bytes, 16) == 0)
			return true;
	return false;
}

/* --- tshark ------------------------------------------------------------------------------ */

struct tally {
	unsigned addresses, hints, aliases, foreign;
	unsigned updates; /* tshark gives no question for an UPDATE: its first section is a zone */
	unsigned damaged; /* tshark has no question, either, or calls the message malformed */
	unsigned
		services; /* targets of alias-mode SVCB and HTTPS records: tshark's column has CNAMEs alone */
	unsigned cut_short; /* tshark calls it malformed, too, and reads on behind the damage */
};

static void compare_question(struct tally *tally)
{
	char ours[DNS_TEXT_MAX];

	memcpy(ours, message.qname, sizeof(ours));
	reduce(ours, 10);
	if (message.has_question && strcmp(reply.qname, ours) == 0)
		return;
	if (strcmp(reply.qname, "-") == 0 && (reply.bytes[2] >> 3 & 15) == 5)
		tally->updates++;
	else if ((reply.malformed || strcmp(reply.qname, "-") == 0) && message.damage == DNS_BAD_QUESTION)
		tally->damaged++;
	else
		differs("question", reply.qname, message.qname);
}

static void compare_aliases(struct tally *tally)
{
	char chain[DNS_TEXT_MAX], *at = chain, *name;
	unsigned ours = 0, services = 0;

	memcpy(chain, message.chain, sizeof(chain));
	while ((name = strsep(&at, " ")) != NULL) {
		if (!*name)
			continue;
		reduce(name, 10);
		ours++;
		if (is_alias(name))
			tally->aliases++;
		else if (message.qtype == DNS_TYPE_SVCB || message.qtype == DNS_TYPE_HTTPS)
			services++;
		else
			differs("alias is only ours", "", name);
	}
	tally->services += services;
	if (ours != reply.alias_count + services || ours != message.chain_count)
		differs("number of aliases", reply.alias_count ? reply.aliases[0] : "", message.chain);
}

static void compare_addresses(struct tally *tally, const struct address *theirs, unsigned count, bool hint)
{
	char text[ADDRESS_TEXT_MAX];
	unsigned ours = 0;

	for (unsigned i = 0; i < count; i++) {
		if (is_ours(&theirs[i], hint))
			*(hint ? &tally->hints : &tally->addresses) += 1;
		else if (reply.malformed && message.damage != DNS_INTACT)
			tally->cut_short++;
		else
			differs(hint ? "hint" : "address", address_format(&theirs[i], text), "none");
	}
	for (unsigned i = 0; i < message.address_count; i++) {
		struct address own;

		if (message.addresses[i].hint != hint)
			continue;
		ours++;
		memcpy(own.bytes, message.addresses[i].bytes, 16);
		if (!among(own.bytes, theirs, count))
			differs(hint ? "hint" : "address", "none", address_format(&own, text));
	}
	if (ours > count)
		differs("number of addresses", "less", "more");
}

static void compare_with_tshark(void *context)
{
	struct tally *tally = context;

	tally->foreign += reply.foreign;
	compare_question(tally);
	compare_aliases(tally);
	compare_addresses(tally, reply.addresses, reply.address_count, false);
	compare_addresses(tally, reply.hints, reply.hint_count, true);
}

static void tshark_reads_the_same(void **state)
{
	struct tally tally = {0};
	unsigned replies;

	(void)state;
	if (!find_data())
		skip();
	unexplained = 0;
	replies = for_each_reply(compare_with_tshark, &tally);
	print_message("# %u replies: %u addresses, %u aliases, %u hints are the same both ways\n", replies,
		      tally.addresses, tally.aliases, tally.hints);
	print_message(
		"# by rule: %u updates, %u damaged questions, %u service aliases, %u addresses behind a "
		"damage, %u of other owners; unexplained: %u\n",
		tally.updates, tally.damaged, tally.services, tally.cut_short, tally.foreign, unexplained);
	assert_int_equal(unexplained, 0);
	assert_true(replies > 1000 && tally.addresses > 700 && tally.aliases > 50 && tally.hints > 0);
}

/* --- c-ares ---------------------------------------------------------------------------- */

struct cares_tally {
	unsigned replies, same, refused;
};

/* What c-ares finds for the question, as addresses; -1 where it refuses the message as damaged. */
static int ask_cares(struct address out[static ITEMS_MAX])
{
	struct hostent *host = NULL;
	bool ipv4 = message.qtype == DNS_TYPE_A;
	int count = 0;
	int error = ipv4 ? ares_parse_a_reply(reply.bytes, (int)reply.length, &host, NULL, NULL)
			 : ares_parse_aaaa_reply(reply.bytes, (int)reply.length, &host, NULL, NULL);

	if (error == ARES_ENODATA)
		return 0;
	if (error != ARES_SUCCESS)
		return -1;
	for (char **at = host->h_addr_list; *at && count < ITEMS_MAX; at++) {
		if (host->h_addrtype != (ipv4 ? AF_INET : AF_INET6))
			break;
		if (ipv4)
			out[count++] = address_from_ipv4((const uint8_t *)*at);
		else
			memcpy(out[count++].bytes, *at, 16);
	}
	ares_free_hostent(host);
	return count;
}

static void compare_with_cares(void *context)
{
	static struct address theirs[ITEMS_MAX];
	char text[ADDRESS_TEXT_MAX];
	struct cares_tally *tally = context;
	bool ipv4 = message.qtype == DNS_TYPE_A;
	int count;

	if (!message.has_question || (!ipv4 && message.qtype != DNS_TYPE_AAAA))
		return;
	tally->replies++;
	count = ask_cares(theirs);
	/*
	 * rule: both call it damaged. c-ares gives up the whole message then; what we keep
	 * of it is compared with tshark's reading alone. Captures cut such replies short.
	 */
	if (count < 0 && message.damage != DNS_INTACT) {
		tally->refused++;
		return;
	}
	if (count < 0) {
		differs("c-ares refuses", "damaged", message.qname);
		return;
	}
	for (int i = 0; i < count; i++) {
		if (is_ours(&theirs[i], false))
			tally->same++;
		else /* not one of another owner in these replies: tshark_reads_the_same counts them */
			differs("address by c-ares", address_format(&theirs[i], text), "none");
	}
	for (unsigned i = 0; i < message.address_count; i++) {
		struct address own;

		memcpy(own.bytes, message.addresses[i].bytes, 16);
		if (message.addresses[i].hint || address_is_ipv4(&own) != ipv4)
			continue;
		if (!among(own.bytes, theirs, (unsigned)count))
			differs("address by c-ares", "none", address_format(&own, text));
	}
}

static void cares_reads_the_same(void **state)
{
	struct cares_tally tally = {0};

	(void)state;
	if (!find_data())
		skip();
	unexplained = 0;
	for_each_reply(compare_with_cares, &tally);
	print_message("# %u replies to A and AAAA: %u addresses are the same both ways; by rule: %u refused "
		      "as damaged; unexplained: %u\n",
		      tally.replies, tally.same, tally.refused, unexplained);
	assert_int_equal(unexplained, 0);
	assert_true(tally.replies > 800 && tally.same > 500);
}

/* --- every beginning ----------------------------------------------------------------------- */

struct beginnings {
	unsigned long decoded;
};

/* Reads from memory of just that size, so that a byte too many is seen by the sanitizer. */
static void read_exactly(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	dns_message_read(copy, length, &message);
	free(copy);
	assert_true(message.address_count <= DNS_ADDRESSES_MAX && message.chain_count <= DNS_CHAIN_MAX);
	assert_true(strlen(message.qname) < DNS_TEXT_MAX && strlen(message.chain) < DNS_TEXT_MAX);
}

/* A beginning never proves what the whole does not, and more bytes never take an address away. */
static void read_beginnings(void *context)
{
	static struct dns_message whole;
	struct beginnings *beginnings = context;
	unsigned before = 0;

	whole = message;
	for (size_t length = 0; length <= reply.length; length++) {
		read_exactly(reply.bytes, length);
		beginnings->decoded++;
		if (message.address_count < before || message.address_count > whole.address_count)
			fail_msg("%s: %u addresses in %zu bytes, %u in fewer, %u in all", reply.where,
				 message.address_count, length, before, whole.address_count);
		before = message.address_count;
		for (unsigned i = 0; i < message.address_count; i++) {
			unsigned j = 0;

			while (j < whole.address_count &&
			       memcmp(message.addresses[i].bytes, whole.addresses[j].bytes, 16) != 0)
				j++;
			assert_true(j < whole.address_count);
		}
		if (message.has_question)
			assert_string_equal(message.qname, whole.qname);
	}
	assert_int_equal(before, whole.address_count);
}

static void beginnings_of_replies_prove_no_more(void **state)
{
	struct beginnings beginnings = {0};
	unsigned replies;

	(void)state;
	if (!find_data())
		skip();
	replies = for_each_reply(read_beginnings, &beginnings);
	print_message("# %u replies, %lu beginnings\n", replies, beginnings.decoded);
	assert_true(beginnings.decoded > 100000);
}

/* --- fuzz corpora of other resolvers --------------------------------------------------------- */

struct corpus {
	unsigned files;
	unsigned long decoded;
};

static void read_file(const char *path, struct corpus *corpus)
{
	static uint8_t bytes[65535]; /* the most that a message has */
	FILE *file = fopen(path, "r");
	size_t length;

	if (!file)
		fail_msg("%s can not be read", path);
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	for (size_t cut = 0; cut <= length; cut++) {
		read_exactly(bytes, cut);
		corpus->decoded++;
	}
	corpus->files++;
}

static void read_folder(const char *path, struct corpus *corpus, unsigned depth)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (!directory)
		fail_msg("%s can not be read", path);
	while ((entry = readdir(directory)) != NULL) {
		char below[1200];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR && depth < 8)
			read_folder(below, corpus, depth + 1);
		else if (entry->d_type == DT_REG)
			read_file(below, corpus);
	}
	closedir(directory);
}

static void corpora_of_resolvers_are_survived(void **state)
{
	static const char *const resolvers[] = {"bind9", "c-ares", "knot", "pdns", "systemd"};

	(void)state;
	if (!find_data())
		skip();
	for (size_t i = 0; i < sizeof(resolvers) / sizeof(resolvers[0]); i++) {
		struct corpus corpus = {0};
		char path[600];

		snprintf(path, sizeof(path), "%s/%s", folder, resolvers[i]);
		read_folder(path, &corpus, 0);
		print_message("# %s: %u files, %lu beginnings\n", resolvers[i], corpus.files, corpus.decoded);
		assert_true(corpus.files > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tshark_reads_the_same),
		cmocka_unit_test(cares_reads_the_same),
		cmocka_unit_test(beginnings_of_replies_prove_no_more),
		cmocka_unit_test(corpora_of_resolvers_are_survived),
	};

	return cmocka_run_group_tests_name("dns/replies", tests, NULL, NULL);
}
