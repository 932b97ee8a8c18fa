/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Real replies: our reading against tshark's (replies.tsv) and against c-ares. Every
 * difference must be explained by a rule below; there is no list of exceptions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "dns/message.h"

#define FIELDS 7
#define LINE_MAX_BYTES (512 * 1024)

static struct dns_message message;
static char folder[512];

static bool find_data(void)
{
	const char *data = getenv("FIRSTSEEN_TEST_DATA");
	FILE *file;
	char path[600];

	snprintf(folder, sizeof(folder), "%s/dns-messages", data ? data : "../shared/data");
	snprintf(path, sizeof(path), "%s/replies.tsv", folder);
	file = fopen(path, "r");
	if (!file) {
		print_message("# no data at %s\n", path);
		return false;
	}
	fclose(file);
	return true;
}

static size_t from_hex(const char *hex, uint8_t *bytes, size_t size)
{
	size_t length = 0;

	for (; hex[0] && hex[1] && length < size; hex += 2) {
		unsigned value;

		if (sscanf(hex, "%2x", &value) != 1)
			break;
		bytes[length++] = (uint8_t)value;
	}
	return length;
}

/* The next field of a line; its end is cut. */
static char *next_field(char **line)
{
	char *field = *line, *end = strpbrk(field, "\t\n");

	if (end) {
		*line = end + (*end == '\t');
		*end = '\0';
	} else {
		*line = field + strlen(field);
	}
	return field;
}

static bool has_address(const struct address *wanted)
{
	for (unsigned i = 0; i < message.address_count; i++)
		if (memcmp(message.addresses[i].bytes, wanted->bytes, 16) == 0)
			return true;
	return false;
}

static bool chain_has(const char *name)
{
	char padded[DNS_TEXT_MAX + 2], part[300];

	snprintf(padded, sizeof(padded), " %s ", message.chain);
	snprintf(part, sizeof(part), " %s ", name);
	return strstr(padded, part) != NULL;
}

struct tally {
	unsigned replies, addresses, same, unreached, damaged, other_name, unexplained;
};

/* "owner|A|ip" as tshark has it: ours too, unless its owner is not reached from the question. */
static void compare_address(struct tally *tally, char *item, const char *where)
{
	char *save, *owner = strtok_r(item, "|", &save), *type = strtok_r(NULL, "|", &save);
	char *ip = strtok_r(NULL, "|", &save);
	struct address address;

	if (!owner || !type || !ip || address_parse(ip, &address))
		return;
	text_lower(owner);
	tally->addresses++;
	if (has_address(&address)) {
		tally->same++;
	} else if (strcmp(owner, message.qname) != 0 && !chain_has(owner)) {
		tally->unreached++; /* rule: a record of another owner proves nothing for this question */
	} else if (message.damage != DNS_INTACT) {
		tally->damaged++; /* rule: what is behind a damage is not taken */
	} else {
		tally->unexplained++;
		print_message("# %s: %s %s is not ours\n", where, owner, ip);
	}
}

static void compare_reply(struct tally *tally, char *line)
{
	static uint8_t bytes[65536];
	char *hex = next_field(&line), *qname = next_field(&line), *addresses = next_field(&line);
	char *cnames = next_field(&line), *hints = next_field(&line), *bad = next_field(&line);
	char *where = next_field(&line), *save, *item;
	char *items[512];
	unsigned count = 0;
	size_t length = from_hex(hex, bytes, sizeof(bytes));

	(void)cnames;
	tally->replies++;
	dns_message_read(bytes, length, &message);
	text_lower(qname);
	if (strcmp(qname, message.qname) != 0) {
		/*
		 * rules: tshark names the root <Root>, joins several questions, and prints odd bytes its own
		 * way; a damaged question is none.
		 */
		if (message.opcode != 0 || message.qname[0] == '\0' || strcmp(message.qname, ".") == 0 ||
		    strchr(message.qname, '\\') || strcmp(bad, "-") != 0)
			tally->other_name++;
		else {
			tally->unexplained++;
			print_message("# %s: question %s, ours %s\n", where, qname, message.qname);
		}
		return;
	}
	for (item = strtok_r(addresses, ",", &save); item && count < 512; item = strtok_r(NULL, ",", &save))
		items[count++] = item;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(items[i], "-") != 0)
			compare_address(tally, items[i], where);
	for (item = strtok_r(hints, " ;,|", &save); item; item = strtok_r(NULL, " ;,|", &save)) {
		struct address address;

		if (address_parse(item, &address))
			continue;
		tally->addresses++;
		if (has_address(&address))
			tally->same++;
		else if (message.damage != DNS_INTACT || message.qtype < DNS_TYPE_SVCB)
			tally->damaged++;
		else {
			tally->unexplained++;
			print_message("# %s: hint %s is not ours\n", where, item);
		}
	}
}

static void tshark_reads_the_same(void **state)
{
	struct tally tally = {0};
	char *line = malloc(LINE_MAX_BYTES), path[600];
	FILE *file;

	(void)state;
	if (!find_data())
		skip();
	snprintf(path, sizeof(path), "%s/replies.tsv", folder);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, LINE_MAX_BYTES, file))
		if (line[0] != '#')
			compare_reply(&tally, line);
	fclose(file);
	free(line);
	print_message(
		"# %u replies, %u addresses: %u the same, %u of owners not reached, %u behind a damage, "
		"%u names written another way, %u unexplained\n",
		tally.replies, tally.addresses, tally.same, tally.unreached, tally.damaged, tally.other_name,
		tally.unexplained);
	assert_true(tally.replies > 1000 && tally.same > 700);
	assert_int_equal(tally.unexplained, 0);
}

/* What c-ares gives for the question must be ours, too. */
static unsigned compare_with_cares(const uint8_t *bytes, size_t length, unsigned *addresses)
{
	struct hostent *host = NULL;
	unsigned missing = 0;
	int family = message.qtype == DNS_TYPE_A ? AF_INET : AF_INET6;
	int error = family == AF_INET ? ares_parse_a_reply(bytes, (int)length, &host, NULL, NULL)
				      : ares_parse_aaaa_reply(bytes, (int)length, &host, NULL, NULL);

	if (error != ARES_SUCCESS)
		return 0;
	for (char **at = host->h_addr_list; *at && host->h_addrtype == family; at++) {
		struct address address;

		if (family == AF_INET)
			address = address_from_ipv4((const uint8_t *)*at);
		else
			memcpy(address.bytes, *at, 16);
		++*addresses;
		if (!has_address(&address))
			missing++;
	}
	ares_free_hostent(host);
	return missing;
}

static void cares_gives_nothing_that_we_lack(void **state)
{
	static uint8_t bytes[65536];
	char *line = malloc(LINE_MAX_BYTES), path[600];
	unsigned replies = 0, addresses = 0, unexplained = 0, foreign = 0;
	FILE *file;

	(void)state;
	if (!find_data())
		skip();
	snprintf(path, sizeof(path), "%s/replies.tsv", folder);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, LINE_MAX_BYTES, file)) {
		char *rest = line;
		size_t length = from_hex(next_field(&rest), bytes, sizeof(bytes));
		unsigned missing;

		if (line[0] == '#' || dns_message_read(bytes, length, &message) || !message.has_question ||
		    (message.qtype != DNS_TYPE_A && message.qtype != DNS_TYPE_AAAA))
			continue;
		replies++;
		missing = compare_with_cares(bytes, length, &addresses);
		/* rule: 1.18 takes every address of the answer section, whoever owns it; we only what is
		 * reached. */
		if (missing && message.address_count == 0 && message.chain_count == 0)
			foreign += missing;
		else if (missing && message.damage == DNS_INTACT && strstr(line, message.chain) == NULL)
			foreign += missing;
		else
			unexplained += missing;
	}
	fclose(file);
	free(line);
	print_message("# %u replies to A and AAAA, %u addresses by c-ares, %u of owners not reached, %u "
		      "unexplained\n",
		      replies, addresses, foreign, unexplained);
	assert_true(addresses > 500);
	assert_int_equal(unexplained, 0);
}

/* Every file of the resolvers' fuzz corpora, and every beginning of it, is survived. */
static unsigned survive_folder(const char *path, unsigned depth)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	unsigned files = 0;

	while (directory && (entry = readdir(directory)) != NULL) {
		static uint8_t bytes[65536];
		char below[1200];
		size_t length;
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR && depth < 8) {
			files += survive_folder(below, depth + 1);
			continue;
		}
		file = fopen(below, "r");
		length = file ? fread(bytes, 1, sizeof(bytes) - 1, file) : 0;
		if (file)
			fclose(file);
		for (size_t cut = 0; cut <= length; cut += length > 2000 ? 37 : 1) {
			uint8_t *copy = malloc(cut ? cut : 1);

			memcpy(copy, bytes, cut);
			dns_message_read(copy, cut, &message);
			free(copy);
		}
		files++;
	}
	if (directory)
		closedir(directory);
	return files;
}

static void corpora_of_other_resolvers_are_survived(void **state)
{
	unsigned files;

	(void)state;
	if (!find_data())
		skip();
	files = survive_folder(folder, 0);
	print_message("# %u files, with every beginning\n", files);
	assert_true(files > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tshark_reads_the_same),
		cmocka_unit_test(cares_gives_nothing_that_we_lack),
		cmocka_unit_test(corpora_of_other_resolvers_are_survived),
	};

	return cmocka_run_group_tests_name("dns/replies", tests, NULL, NULL);
}
