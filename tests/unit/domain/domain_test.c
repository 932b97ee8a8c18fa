// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/expect.h"

struct all_rules {
	struct domain_rules *icann;
	struct domain_rules *both;
	struct domain_rules *buckets;
};

static int set_up(void **state)
{
	static struct all_rules rules;

	rules.icann = rules_with(false, false, NULL);
	rules.both = rules_with(true, false, NULL);
	rules.buckets = rules_with(false, true, NULL);
	*state = &rules;
	return 0;
}

static int tear_down(void **state)
{
	struct all_rules *rules = *state;

	domain_rules_free(rules->icann);
	domain_rules_free(rules->both);
	domain_rules_free(rules->buckets);
	domain_rules_free(NULL);
	return 0;
}

static void registrable_by_the_icann_section(void **state)
{
	struct all_rules *rules = *state;

	expect_domain(rules->icann, "a.b.example.co.uk", DOMAIN_REGISTRABLE, "example.co.uk");
	expect_domain(rules->icann, "example.co.uk", DOMAIN_REGISTRABLE, "example.co.uk");
	expect_domain(rules->icann, "www.example.com", DOMAIN_REGISTRABLE, "example.com");
	expect_domain(rules->icann, "evil.github.io", DOMAIN_REGISTRABLE, "github.io");
	expect_domain(rules->icann, "x.y.blogspot.com", DOMAIN_REGISTRABLE, "blogspot.com");
	expect_domain(rules->icann, "d111.cloudfront.net", DOMAIN_REGISTRABLE, "cloudfront.net");
	expect_domain(rules->icann, "a.b.nosuchtld", DOMAIN_REGISTRABLE, "b.nosuchtld");
}

static void the_private_section_when_asked(void **state)
{
	struct all_rules *rules = *state;

	expect_domain(rules->both, "evil.github.io", DOMAIN_REGISTRABLE, "evil.github.io");
	expect_domain(rules->both, "a.evil.github.io", DOMAIN_REGISTRABLE, "evil.github.io");
	expect_domain(rules->both, "a.b.example.co.uk", DOMAIN_REGISTRABLE, "example.co.uk");
	expect_domain(rules->both, "bucket.s3.amazonaws.com", DOMAIN_SERVICE, "s3.amazonaws.com");
}

static void a_public_suffix_is_its_own_domain(void **state)
{
	struct all_rules *rules = *state;

	expect_domain(rules->icann, "co.uk", DOMAIN_REGISTRABLE, "co.uk");
	expect_domain(rules->icann, "github.io", DOMAIN_REGISTRABLE, "github.io");
	expect_domain(rules->both, "github.io", DOMAIN_REGISTRABLE, "github.io");
	expect_domain(rules->icann, "com", DOMAIN_INTERNAL, "com"); /* a single label first of all */
}

static void wildcards_and_their_exceptions(void **state)
{
	struct all_rules *rules = *state;

	expect_domain(rules->icann, "a.b.test.ck", DOMAIN_REGISTRABLE, "b.test.ck");
	expect_domain(rules->icann, "test.ck", DOMAIN_REGISTRABLE, "test.ck");
	expect_domain(rules->icann, "a.www.ck", DOMAIN_REGISTRABLE, "www.ck");
	expect_domain(rules->icann, "a.b.c.kobe.jp", DOMAIN_REGISTRABLE, "b.c.kobe.jp");
	expect_domain(rules->icann, "www.city.kobe.jp", DOMAIN_REGISTRABLE, "city.kobe.jp");
}

static void names_are_normalised(void **state)
{
	struct all_rules *rules = *state;

	expect_domain(rules->icann, "WwW.Example.CO.UK.", DOMAIN_REGISTRABLE, "example.co.uk");
	expect_domain(rules->icann, "_sip._tls.example.com", DOMAIN_REGISTRABLE, "example.com");
	expect_domain(rules->icann, "a\\032b.example.com", DOMAIN_REGISTRABLE, "example.com");
	expect_domain(rules->icann, "x\\.co.uk", DOMAIN_REGISTRABLE, "x\\.co.uk");
	expect_domain(rules->icann, "-x-.example.com", DOMAIN_REGISTRABLE, "example.com");
	expect_domain(rules->icann, "EC2.US-EAST-1.AmazonAWS.com.", DOMAIN_SERVICE, "ec2.amazonaws.com");
}

static void international_names_in_both_forms(void **state)
{
	struct all_rules *rules = *state;

	expect_domain(rules->icann, "www.食狮.公司.cn", DOMAIN_REGISTRABLE, "xn--85x722f.xn--55qx5d.cn");
	expect_domain(rules->icann, "www.xn--85x722f.xn--55qx5d.cn", DOMAIN_REGISTRABLE,
		      "xn--85x722f.xn--55qx5d.cn");
	expect_domain(rules->icann, "www.Bücher.de.", DOMAIN_REGISTRABLE, "xn--bcher-kva.de");
	expect_domain(rules->icann, "XN--BCHER-KVA.de", DOMAIN_REGISTRABLE, "xn--bcher-kva.de");
	/* German sharp s stays apart from ss; a full-width dot is a dot. */
	expect_domain(rules->icann, "straße.de", DOMAIN_REGISTRABLE, "xn--strae-oqa.de");
	expect_domain(rules->icann, "www。example．com", DOMAIN_REGISTRABLE, "example.com");
	expect_domain(rules->icann, "公司.cn", DOMAIN_REGISTRABLE, "xn--55qx5d.cn");
}

static void internal_names(void **state)
{
	static const char *const names[] = {
		"localhost",           "printer",       "com",
		"printer.local",       "ec2.internal",  "ip-10-0-0-1.eu-west-1.compute.internal",
		"a.localhost",         "nas.home.arpa", "home.arpa",
		"svc.cluster.local",   "cluster.local", "1.0.0.10.in-addr.arpa",
		"8.b.d.0.1.2.ip6.arpa"};
	struct all_rules *rules = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect_domain(rules->icann, names[i], DOMAIN_INTERNAL, names[i]);
	expect_domain(rules->icann, "Printer.LOCAL.", DOMAIN_INTERNAL, "printer.local");
	expect_domain(rules->icann, "notlocal.com", DOMAIN_REGISTRABLE, "notlocal.com");
	expect_domain(rules->icann, "local.example.com", DOMAIN_REGISTRABLE, "example.com");
	expect_domain(rules->icann, "a.mylocal", DOMAIN_REGISTRABLE, "a.mylocal");
	expect_domain(rules->icann, "e164.arpa", DOMAIN_REGISTRABLE, "e164.arpa");
}

static void what_is_no_hostname_is_refused(void **state)
{
	static const char *const names[] = {"",
					    ".",
					    "..",
					    ".com",
					    ".example.com",
					    "a..example.com",
					    "a.com..",
					    "192.0.2.1",
					    "192.0.2.1.",
					    "127.1",
					    "0x7f.1",
					    "2130706433",
					    "2001:db8::1",
					    "[2001:db8::1]",
					    "fe80::1%eth0",
					    "::ffff:192.0.2.1",
					    "a b.com",
					    "a\tb.com",
					    "a\nb.com",
					    "a\177b.com",
					    "a/b.com",
					    "user@a.com",
					    "a.com:443",
					    "http://a.com",
					    "\xff\xfe.com",
					    "\xc3.com",
					    "a\\",
					    "a\\.",
					    "a\\25.com",
					    "a\\256.com",
					    "a\\999.com",
					    "%s%n.com",
					    "\xed\xa0\x80.com"};
	struct all_rules *rules = *state;
	char out[HOSTNAME_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], "a\\.") == 0) { /* an escaped dot is one label, so internal */
			expect_domain(rules->icann, names[i], DOMAIN_INTERNAL, names[i]);
			continue;
		}
		expect_domain(rules->icann, names[i], DOMAIN_INVALID, "");
		strcpy(out, "x");
		assert_int_equal(hostname_normalise(names[i], out), -EINVAL);
		assert_string_equal(out, "");
	}
	expect_domain(rules->icann, "192.0.2.1.example.com", DOMAIN_REGISTRABLE, "example.com");
	expect_domain(rules->icann, "1.2.3.4.5.com", DOMAIN_REGISTRABLE, "5.com");
}

/* `count` labels of `length` characters, then the tail. */
static char *long_name(char *name, size_t count, size_t length, const char *piece, const char *tail)
{
	char *at = name;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < length; k++)
			at = stpcpy(at, piece);
		at = stpcpy(at, ".");
	}
	strcpy(at, tail);
	return name;
}

static void long_names(void **state)
{
	struct all_rules *rules = *state;
	char name[8192];
	char out[HOSTNAME_MAX];

	/* 253 characters are the most: 3 * 64 + 61 */
	long_name(name, 3, 63, "a", "");
	memset(name + 192, 'b', 57);
	strcpy(name + 249, ".com");
	assert_int_equal(strlen(name), 253);
	assert_int_equal(hostname_normalise(name, out), 0);
	assert_string_equal(out, name);
	expect_domain(rules->icann, name, DOMAIN_REGISTRABLE, name + 192);
	strcat(name, ".");
	expect_domain(rules->icann, name, DOMAIN_REGISTRABLE,
		      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.com");
	memset(name + 192, 'b', 58);
	strcpy(name + 250, ".com");
	expect_domain(rules->icann, name, DOMAIN_INVALID, "");
	expect_domain(rules->icann, long_name(name, 1, 63, "a", "com"), DOMAIN_REGISTRABLE, name);
	expect_domain(rules->icann, long_name(name, 1, 64, "a", "com"), DOMAIN_INVALID, "");
	expect_domain(rules->icann, long_name(name, 1, 8000, "a", "com"), DOMAIN_INVALID, "");
	expect_domain(rules->icann, long_name(name, 1, 4000, "ü", "com"), DOMAIN_INVALID, "");
	expect_domain(rules->icann, long_name(name, 125, 1, "a", "com"), DOMAIN_REGISTRABLE, "a.com");
	expect_domain(rules->icann, long_name(name, 128, 1, "a", "com"), DOMAIN_INVALID, "");
}

/* A tunnel's octets take four characters each; its domain must be seen all the same. */
static void long_names_of_escapes_keep_their_domain(void **state)
{
	struct all_rules *rules = *state;
	char name[8192];
	char out[HOSTNAME_MAX];

	long_name(name, 3, 60, "\\001", "evil.com");
	expect_domain(rules->icann, name, DOMAIN_REGISTRABLE, "evil.com");
	assert_int_equal(hostname_normalise(name, out), -EINVAL);
	expect_domain(rules->icann, long_name(name, 1, 63, "\\001", "com"), DOMAIN_INVALID, "");
	expect_domain(rules->icann, long_name(name, 4, 63, "\\001", "evil.com"), DOMAIN_INVALID, "");
}

/* Whatever the bytes are: the answer fits, and a domain groups to itself. */
static void names_of_any_bytes_stay_in_bounds(void **state)
{
	static const char alphabet[] = "aB0-_.\\.1.2\xc3\xbc\xff :com.uk.ck.amazonaws.com.s3";
	struct all_rules *rules = *state;
	uint64_t seed = 42;
	char name[320];
	char out[DOMAIN_MAX];
	char again[DOMAIN_MAX];
	unsigned valid = 0;

	for (int round = 0; round < 20000; round++) {
		size_t length = 0;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		length = (seed >> 33) % (sizeof(name) - 1);
		if (round % 2)
			length %= 24;
		for (size_t i = 0; i < length; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			name[i] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
		}
		name[length] = '\0';
		enum domain_kind kind = domain_of(rules->buckets, name, out);
		assert_true(strlen(out) < DOMAIN_MAX);
		assert_int_equal(kind == DOMAIN_INVALID, out[0] == '\0');
		if (kind == DOMAIN_INVALID)
			continue;
		valid++;
		/* A domain groups to itself. */
		if (kind == DOMAIN_REGISTRABLE && domain_of(rules->buckets, out, again) != DOMAIN_INTERNAL)
			assert_string_equal(again, out);
	}
	assert_true(valid > 100);
}

/* ---- outside data ---- */

/*
 * The vectors want no domain of a public suffix and of a malformed name; here
 * the first is its own domain and the second is refused. They are written for
 * both sections (uk.com is PRIVATE) and for single labels as suffixes.
 */
static void official_vectors(void **state)
{
	struct all_rules *rules = *state;
	FILE *file = open_data("psl/test_psl.tsv");
	char *columns[COLUMNS_MAX];
	char line[2048];
	unsigned rows = 0;
	unsigned icann_differ = 0;

	if (!file)
		skip();
	while (read_row(file, line, sizeof(line), columns) >= 2) {
		char name[HOSTNAME_MAX];
		char out[DOMAIN_MAX];
		char expected[HOSTNAME_MAX];
		enum domain_kind kind = domain_of(rules->both, columns[0], out);

		rows++;
		if (strcmp(columns[0], "null") == 0) /* no name at all; as a name it is a single label */
			continue;
		if (strcmp(columns[1], "null") == 0) {
			bool malformed = columns[0][0] == '.';

			assert_int_equal(hostname_normalise(columns[0], name), malformed ? -EINVAL : 0);
			assert_int_equal(kind, malformed           ? DOMAIN_INVALID
					       : strchr(name, '.') ? DOMAIN_REGISTRABLE
								   : DOMAIN_INTERNAL);
			assert_string_equal(out, name);
			continue;
		}
		assert_int_equal(hostname_normalise(columns[1], expected), 0);
		expect_domain(rules->both, columns[0], DOMAIN_REGISTRABLE, expected);
		domain_of(rules->icann, columns[0], out);
		if (strcmp(out, expected) != 0) {
			/* Only what is below uk.com tells the two settings apart. */
			assert_string_equal(out, "uk.com");
			icann_differ++;
		}
	}
	fclose(file);
	assert_int_equal(rows, 156);
	assert_int_equal(icann_differ, 6);
}

/*
 * A second reading of the rules, as publicsuffix.org words them and as slow as
 * it is plain. The data was made with the list of another day, so the text list
 * of this machine, read by both, is what tells a moved rule from a mistake.
 */
#define SYSTEM_LIST "/usr/share/publicsuffix/public_suffix_list.dat"

struct rule {
	char *text; /* with its "*." or "!" */
	bool private_section;
};

struct oracle {
	size_t count;
	struct rule *rules; /* sorted by text */
};

static int compare_rules(const void *a, const void *b)
{
	return strcmp(((const struct rule *)a)->text, ((const struct rule *)b)->text);
}

static struct oracle *oracle_new(FILE *list)
{
	struct oracle *oracle = calloc(1, sizeof(*oracle));
	bool private_section = false;
	char line[1024];

	oracle->rules = calloc(20000, sizeof(*oracle->rules));
	while (fgets(line, sizeof(line), list)) {
		char normal[HOSTNAME_MAX];
		char rule[HOSTNAME_MAX + 2];
		size_t mark;

		if (strstr(line, "===BEGIN PRIVATE DOMAINS==="))
			private_section = true;
		line[strcspn(line, " \t\r\n")] = '\0';
		if (!line[0] || strncmp(line, "//", 2) == 0)
			continue;
		mark = line[0] == '!' ? 1 : line[0] == '*' ? 2 : 0;
		assert_int_equal(hostname_normalise(line + mark, normal), 0);
		snprintf(rule, sizeof(rule), "%.*s%s", (int)mark, line, normal);
		assert_true(oracle->count < 20000);
		oracle->rules[oracle->count++] = (struct rule){strdup(rule), private_section};
	}
	qsort(oracle->rules, oracle->count, sizeof(*oracle->rules), compare_rules);
	return oracle;
}

static void oracle_free(struct oracle *oracle)
{
	for (size_t i = 0; i < oracle->count; i++)
		free(oracle->rules[i].text);
	free(oracle->rules);
	free(oracle);
}

static bool oracle_has(const struct oracle *oracle, const char *prefix, const char *text, bool private_too)
{
	char joined[HOSTNAME_MAX + 2];
	struct rule key = {joined, false};
	const struct rule *found;

	snprintf(joined, sizeof(joined), "%s%s", prefix, text);
	found = bsearch(&key, oracle->rules, oracle->count, sizeof(key), compare_rules);
	return found && (private_too || !found->private_section);
}

static const char *oracle_domain(const struct oracle *oracle, const char *name, bool private_too)
{
	const char *before = name;

	for (const char *at = name; at; before = at, at = strchr(at, '.'), at = at ? at + 1 : NULL) {
		const char *parent = strchr(at, '.');

		if (oracle_has(oracle, "!", at, private_too))
			return at;
		if (!parent || oracle_has(oracle, "", at, private_too) ||
		    oracle_has(oracle, "*.", parent + 1, private_too))
			return before;
	}
	return before;
}

struct tally {
	unsigned same;
	unsigned suffix; /* a public suffix: the data has no domain, here it is its own */
	unsigned service;
	unsigned internal;
	unsigned moved; /* a rule of the list came or went */
};

static void judge(const struct domain_rules *rules, const struct oracle *oracle, bool private_too,
		  const char *name, const char *expected, struct tally *tally)
{
	char out[DOMAIN_MAX];
	enum domain_kind kind = domain_of(rules, name, out);

	if (kind == DOMAIN_SERVICE) {
		tally->service++;
		return;
	}
	if (kind == DOMAIN_INTERNAL) {
		tally->internal++;
		return;
	}
	assert_int_equal(kind, DOMAIN_REGISTRABLE);
	assert_string_equal(out, oracle_domain(oracle, name, private_too));
	if (strcmp(out, expected) == 0)
		tally->same++;
	else if (strcmp(expected, "(null)") == 0 && strcmp(out, name) == 0)
		tally->suffix++;
	else
		tally->moved++;
}

static void print_tally(const char *what, unsigned rows, const struct tally *tally)
{
	print_message("# %s: %u names, %u the same, %u suffixes, %u AWS, %u internal, %u by a moved rule\n",
		      what, rows, tally->same, tally->suffix, tally->service, tally->internal, tally->moved);
	assert_true(tally->service < 100 && tally->internal < 100);
	assert_true(tally->suffix * 500 <= rows && tally->moved * 500 <= rows);
}

static void real_hostnames(void **state)
{
	FILE *list = fopen(SYSTEM_LIST, "r");
	FILE *file = open_data("domains/expected-registrable.tsv");
	struct domain_rules *icann;
	struct domain_rules *both;
	struct oracle *oracle;
	struct tally tallies[2] = {{0}, {0}};
	char *columns[COLUMNS_MAX];
	char line[2048];
	unsigned rows = 0;

	(void)state;
	if (!list)
		print_message("# skipped: no %s (package publicsuffix)\n", SYSTEM_LIST);
	if (!list || !file) {
		if (list)
			fclose(list);
		if (file)
			fclose(file);
		skip();
	}
	oracle = oracle_new(list);
	icann = rules_with(false, false, SYSTEM_LIST);
	both = rules_with(true, false, SYSTEM_LIST);
	while (read_row(file, line, sizeof(line), columns) >= 3) {
		rows++;
		judge(icann, oracle, false, columns[0], columns[2], &tallies[0]);
		judge(both, oracle, true, columns[0], columns[1], &tallies[1]);
	}
	fclose(list);
	fclose(file);
	oracle_free(oracle);
	domain_rules_free(icann);
	domain_rules_free(both);
	assert_true(rows > 90000);
	print_tally("ICANN", rows, &tallies[0]);
	print_tally("both sections", rows, &tallies[1]);
}

/* ---- the list and the settings ---- */

static void write_list(char path[static 64], const char *text)
{
	FILE *file;
	int fd;

	strcpy(path, "/tmp/firstseen-list-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void a_list_of_ones_own(void **state)
{
	struct domain_rules *first;
	struct domain_rules *second;
	char path[64];
	char other[64];

	(void)state;
	write_list(path, "// ===BEGIN ICANN DOMAINS===\ncom\ncorp.example\n// ===END ICANN DOMAINS===\n");
	write_list(other, "// ===BEGIN ICANN DOMAINS===\ncom\n// ===END ICANN DOMAINS===\n");
	first = rules_with(false, false, path);
	second = rules_with(false, false, other);
	expect_domain(first, "a.b.corp.example", DOMAIN_REGISTRABLE, "b.corp.example");
	expect_domain(second, "a.b.corp.example", DOMAIN_REGISTRABLE, "corp.example");
	assert_string_not_equal(domain_rules_identity(first), domain_rules_identity(second));
	domain_rules_free(second);
	second = rules_with(false, false, path);
	assert_string_equal(domain_rules_identity(first), domain_rules_identity(second));
	domain_rules_free(first);
	domain_rules_free(second);
	unlink(path);
	unlink(other);
}

static void a_list_that_is_none_is_refused(void **state)
{
	struct domain_settings settings = {false, false, "/nonexistent/list"};
	struct domain_rules *rules = (void *)&settings;
	struct failure failure = {""};
	char path[64];

	(void)state;
	assert_int_equal(domain_rules_new(&settings, &rules, &failure), -ENOENT);
	assert_non_null(strstr(failure.text, "/nonexistent/list"));
	assert_ptr_equal(rules, &settings);
	settings.list_path = "/tmp";
	assert_int_equal(domain_rules_new(&settings, &rules, &failure), -EINVAL);
	write_list(path, "");
	settings.list_path = path;
	assert_int_equal(domain_rules_new(&settings, &rules, NULL), -EINVAL);
	unlink(path);
	assert_ptr_equal(rules, &settings);
}

static void settings_are_part_of_the_identity(void **state)
{
	struct all_rules *rules = *state;
	const char *icann = domain_rules_identity(rules->icann);

	assert_string_not_equal(icann, domain_rules_identity(rules->both));
	assert_string_not_equal(icann, domain_rules_identity(rules->buckets));
	assert_string_not_equal(domain_rules_identity(rules->both), domain_rules_identity(rules->buckets));
	expect_domain(rules->buckets, "mine.s3.us-west-2.amazonaws.com", DOMAIN_SERVICE,
		      "mine.s3.amazonaws.com");
	expect_domain(rules->icann, "amazonaws.com", DOMAIN_REGISTRABLE, "amazonaws.com");
}

/* The least of three measurements. */
static double ns_each(const struct domain_rules *rules, const char *name)
{
	enum { ROUNDS = 20000 };
	char out[DOMAIN_MAX];
	int64_t least = INT64_MAX;

	for (int measured = 0; measured < 3; measured++) {
		int64_t took, from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

		for (int i = 0; i < ROUNDS; i++)
			domain_of(rules, name, out);
		took = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
		least = took < least ? took : least;
	}
	return (double)least / ROUNDS;
}

/* The bounds are wide: instrumented builds and busy machines run this too. The figures are printed. */
static void grouping_is_fast(void **state)
{
	struct all_rules *rules = *state;
	char worst[8192];
	double plain = ns_each(rules->icann, "a.b.example.co.uk");
	double service = ns_each(rules->icann, "bucket.s3.us-west-2.amazonaws.com");
	double hostile;

	long_name(worst, 125, 1, "a", "com");
	hostile = ns_each(rules->icann, worst);
	print_message("# ns each: registrable %.0f, AWS %.0f, 126 labels %.0f\n", plain, service, hostile);
	assert_true(plain < 50e3);
	assert_true(service < 50e3);
	assert_true(hostile < 200e3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registrable_by_the_icann_section),
		cmocka_unit_test(the_private_section_when_asked),
		cmocka_unit_test(a_public_suffix_is_its_own_domain),
		cmocka_unit_test(wildcards_and_their_exceptions),
		cmocka_unit_test(names_are_normalised),
		cmocka_unit_test(international_names_in_both_forms),
		cmocka_unit_test(internal_names),
		cmocka_unit_test(what_is_no_hostname_is_refused),
		cmocka_unit_test(long_names),
		cmocka_unit_test(long_names_of_escapes_keep_their_domain),
		cmocka_unit_test(names_of_any_bytes_stay_in_bounds),
		cmocka_unit_test(official_vectors),
		cmocka_unit_test(real_hostnames),
		cmocka_unit_test(a_list_of_ones_own),
		cmocka_unit_test(a_list_that_is_none_is_refused),
		cmocka_unit_test(settings_are_part_of_the_identity),
		cmocka_unit_test(grouping_is_fast),
	};

	return cmocka_run_group_tests_name("domain/domain", tests, set_up, tear_down);
}
