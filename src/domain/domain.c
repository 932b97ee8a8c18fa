// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/aws.h"
#include "domain/domain.h"
#include "domain/idn.h"
#include "domain/suffix.h"

/* Goes up with every change of a rule in here or in aws.c that moves a key. */
#define RULES_REVISION 1

#define NAME_CHARACTERS_MAX 253
#define NAME_OCTETS_MAX 253 /* as text without escapes: 255 on the wire */
#define LABEL_OCTETS_MAX 63
#define INPUT_MAX 1024 /* a 255-byte name with every byte escaped */

/* The longest rule of the list has six labels; the bound keeps a name of 127 labels cheap. */
#define SUFFIX_LABELS_MAX 8

struct domain_rules {
	struct suffix_list *list; /* owned */
	bool private_suffixes;
	bool aws_buckets;
	char identity[SUFFIX_IDENTITY_MAX + 64];
};

int domain_rules_new(const struct domain_settings *settings, struct domain_rules **out,
		     struct failure *failure)
{
	struct domain_rules *rules = calloc(1, sizeof(*rules));
	int result;

	if (!rules)
		return failure_set(failure, -ENOMEM, "domain rules: no memory");
	result = suffix_list_load(settings->list_path, &rules->list, failure);
	if (result < 0) {
		free(rules);
		return result;
	}
	rules->private_suffixes = settings->private_suffixes;
	rules->aws_buckets = settings->aws_buckets;
	snprintf(rules->identity, sizeof(rules->identity), "rules=%d list=%s private=%d buckets=%d",
		 RULES_REVISION, suffix_list_identity(rules->list), rules->private_suffixes,
		 rules->aws_buckets);
	*out = rules;
	return 0;
}

void domain_rules_free(struct domain_rules *rules)
{
	if (!rules)
		return;
	suffix_list_free(rules->list);
	free(rules);
}

const char *domain_rules_identity(const struct domain_rules *rules)
{
	return rules->identity;
}

/* Characters that are in no name, and that the DNS decoder writes as escapes. */
static bool is_forbidden(unsigned char character)
{
	return character <= ' ' || character >= 0x7f || strchr("\"#%/:<>?@[]^`{|}", character) != NULL;
}

/* Characters of the escape at `text` (\DDD or \X), or 0 where it is none. */
static size_t escape_length(const char *text)
{
	if (text[1] >= '0' && text[1] <= '9') {
		if (text[2] < '0' || text[2] > '9' || text[3] < '0' || text[3] > '9')
			return 0;
		return (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0') <= 255 ? 4 : 0;
	}
	return text[1] > ' ' && text[1] < 0x7f ? 2 : 0;
}

/*
 * Copies an ASCII name in lower case without the trailing dot. Returns the
 * characters written, or -EINVAL: empty, an empty or overlong label, overlong.
 */
static int copy_name(const char *text, char out[static INPUT_MAX])
{
	size_t used = 0;
	size_t octets = 0;
	size_t label = 0;

	while (*text) {
		size_t step = 1;

		if (*text == '.') {
			if (label == 0)
				return -EINVAL;
			if (!text[1])
				break;
			label = 0;
		} else {
			step = *text == '\\' ? escape_length(text) : 1;
			if (step == 0 || (step == 1 && is_forbidden((unsigned char)*text)))
				return -EINVAL;
			if (++label > LABEL_OCTETS_MAX)
				return -EINVAL;
		}
		if (++octets > NAME_OCTETS_MAX || used + step >= INPUT_MAX)
			return -EINVAL;
		for (size_t i = 0; i < step; i++, text++)
			out[used++] = (char)(*text >= 'A' && *text <= 'Z' ? *text + ('a' - 'A') : *text);
	}
	if (label == 0)
		return -EINVAL;
	out[used] = '\0';
	return (int)used;
}

/* Every form that a resolver takes for an IPv4 address without asking ("127.1" too). */
static bool is_ipv4_literal(const char *name)
{
	struct in_addr address;

	return name[0] >= '0' && name[0] <= '9' && inet_aton(name, &address) != 0;
}

/* IPv6 literals fall to the colon, which no name has. */
static int normalise(const char *hostname, char out[static INPUT_MAX])
{
	char converted[HOSTNAME_MAX];
	int length;

	for (size_t i = 0; hostname[i]; i++) {
		if (i >= INPUT_MAX)
			return -EINVAL;
		if (!((unsigned char)hostname[i] & 0x80))
			continue;
		if (strnlen(hostname, INPUT_MAX) >= INPUT_MAX || idn_to_ascii(hostname, converted) < 0)
			return -EINVAL;
		hostname = converted;
		break;
	}
	length = copy_name(hostname, out);
	if (length > 0 && is_ipv4_literal(out))
		return -EINVAL;
	return length;
}

const char *hostname_tail(const char *name)
{
	size_t length = strlen(name);
	const char *from;

	if (length < HOSTNAME_MAX)
		return name;
	from = strchr(name + (length - HOSTNAME_MAX), '.');
	return from ? from + 1 : name + (length - HOSTNAME_MAX + 1);
}

int hostname_normalise(const char *hostname, char out[static HOSTNAME_MAX])
{
	char name[INPUT_MAX];
	int length = normalise(hostname, name);

	out[0] = '\0';
	if (length < 0 || length > NAME_CHARACTERS_MAX)
		return -EINVAL;
	memcpy(out, name, (size_t)length + 1);
	return 0;
}

static const char *next_label(const char *name)
{
	for (; *name; name++) {
		if (*name == '\\' && name[1])
			name++; /* a dot behind it is part of the label */
		else if (*name == '.')
			return name + 1;
	}
	return NULL;
}

static bool ends_in(const char *name, size_t length, const char *zone)
{
	size_t tail = strlen(zone);

	if (length < tail || memcmp(name + length - tail, zone, tail) != 0)
		return false;
	if (length == tail)
		return true;
	/* A dot behind a backslash is part of a label. */
	return length >= tail + 2 && name[length - tail - 1] == '.' && name[length - tail - 2] != '\\';
}

static bool is_internal(const char *name, size_t length)
{
	static const char *const zones[] = {"local",         "internal",     "localhost", "home.arpa",
					    "cluster.local", "in-addr.arpa", "ip6.arpa"};

	if (!next_label(name))
		return true;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (ends_in(name, length, zones[i]))
			return true;
	return false;
}

/*
 * The longest public suffix and one label more. Rules are not nested ("ck" is a
 * suffix, "www.ck" is none, "*.compute.estate" is one and "compute.estate" is
 * none), so the walk goes from the long end. psl_registrable_domain() would
 * take the PRIVATE section in.
 */
static const char *registrable(const struct domain_rules *rules, const char *name)
{
	const char *starts[SUFFIX_LABELS_MAX];
	size_t count = 0;
	const char *before = NULL;

	for (const char *label = name; label; label = next_label(label))
		starts[count++ % SUFFIX_LABELS_MAX] = label;
	for (size_t i = count > SUFFIX_LABELS_MAX ? count - SUFFIX_LABELS_MAX : 0; i < count; i++) {
		const char *label = starts[i % SUFFIX_LABELS_MAX];

		if (suffix_list_has(rules->list, label, rules->private_suffixes))
			return before ? before : label;
		before = label;
	}
	return before; /* not reached: a single label is always a suffix */
}

/*
 * The domain is at the right end: where a name is overlong only because its
 * odd bytes are escaped (tunnels), its left labels are not needed.
 */
static const char *fitting_end(const char *name, size_t length)
{
	const char *end = name + length;

	while (name && end - name > NAME_CHARACTERS_MAX)
		name = next_label(name);
	return name;
}

enum domain_kind domain_of(const struct domain_rules *rules, const char *hostname,
			   char out[static DOMAIN_MAX])
{
	char whole[INPUT_MAX];
	int length = normalise(hostname, whole);
	const char *name = length < 0 ? NULL : fitting_end(whole, (size_t)length);
	enum domain_kind kind = DOMAIN_REGISTRABLE;

	if (!name) {
		out[0] = '\0';
		return DOMAIN_INVALID;
	}
	/* What was cut off went into the domain itself: that has no room. */
	if (name != whole && suffix_list_has(rules->list, name, rules->private_suffixes)) {
		out[0] = '\0';
		return DOMAIN_INVALID;
	}
	if (is_internal(name, strlen(name)))
		kind = DOMAIN_INTERNAL;
	else if (aws_domain_of(name, rules->aws_buckets, out))
		return DOMAIN_SERVICE;
	else
		name = registrable(rules, name);
	memcpy(out, name, strlen(name) + 1);
	return kind;
}

bool domain_is_public_suffix(const struct domain_rules *rules, const char *name)
{
	return suffix_list_has(rules->list, name, rules->private_suffixes);
}
