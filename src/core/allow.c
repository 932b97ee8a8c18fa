/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/allow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "domain/domain.h"

struct counted_rule {
	struct allow_rule rule;
	uint64_t hits;
	int64_t last_ns;
};

struct allow_set {
	size_t rule_count;
	struct counted_rule *rules;
	size_t ack_slots; /* a power of two, or 0 */
	uint64_t *acks;   /* hashes; 0: free. A wrong match of 64 bits would mute one alert in 2^48 */
};

#define THREAT_KIND 2 /* beside enum subject_kind */

static uint64_t ack_key(unsigned kind, const char *domain, const char *application)
{
	uint64_t key = hash_bytes((uint64_t)kind + 1, domain, strlen(domain));

	key = hash_mix(key, hash_bytes(key, application, strlen(application)));
	return key ? key : 1;
}

static bool find_ack(const struct allow_set *set, uint64_t key, size_t *slot)
{
	for (size_t i = key & (set->ack_slots - 1);; i = (i + 1) & (set->ack_slots - 1)) {
		*slot = i;
		if (set->acks[i] == key)
			return true;
		if (set->acks[i] == 0)
			return false;
	}
}

int allow_set_new(const struct allow_rule *rules, size_t rule_count, const struct ack *acks, size_t ack_count,
		  struct allow_set **out)
{
	struct allow_set *set;
	size_t slot;

	if (rule_count > ALLOW_RULES_MAX || ack_count > ACKS_MAX)
		return -E2BIG;
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->rules = calloc(rule_count ? rule_count : 1, sizeof(*set->rules));
	set->ack_slots = hash_table_size(2 * ack_count + 1);
	set->acks = calloc(set->ack_slots, sizeof(*set->acks));
	if (!set->rules || !set->acks) {
		allow_set_free(set);
		return -ENOMEM;
	}
	for (; set->rule_count < rule_count; set->rule_count++)
		set->rules[set->rule_count].rule = rules[set->rule_count];
	for (size_t i = 0; i < ack_count; i++) {
		unsigned kind = acks[i].threat ? THREAT_KIND : (unsigned)acks[i].kind;
		uint64_t key = ack_key(kind, acks[i].domain, acks[i].application);

		if (!find_ack(set, key, &slot))
			set->acks[slot] = key;
	}
	*out = set;
	return 0;
}

void allow_set_free(struct allow_set *set)
{
	if (!set)
		return;
	free(set->rules);
	free(set->acks);
	free(set);
}

/* Goes back to the last star when a character does not fit: at most pattern x text steps. */
bool allow_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool name_fits(const char *pattern, const char *name)
{
	if (strncmp(pattern, "*.", 2) == 0)
		return text_is_below(name, pattern + 2);
	if (pattern[0] == '.')
		return strcmp(name, pattern + 1) == 0 || text_is_below(name, pattern + 1);
	return strcmp(name, pattern) == 0;
}

/* A threat's entry need not be the hostname nor a parent of it: the hostname may lead to it. */
static bool domain_fits(const char *pattern, const struct allow_case *now)
{
	return now->subject == SUBJECT_DOMAIN &&
	       (name_fits(pattern, now->hostname) || strcmp(now->domain, pattern) == 0 ||
		(now->entry && name_fits(pattern, now->entry)));
}

static bool rule_holds(const struct allow_rule *rule, const struct allow_case *now)
{
	const struct process *process = now->process;

	if (rule->expires_ns && now->now_ns >= rule->expires_ns)
		return false;
	if (now->entry && !rule->domain[0])
		return false;
	if (rule->port && rule->port != now->remote_port)
		return false;
	if (rule->user[0] && rule->uid != now->uid)
		return false;
	if (rule->network_text[0] && !network_contains(&rule->network, &now->remote))
		return false;
	if (rule->container[0] && (!process || !allow_glob(rule->container, process->container)))
		return false;
	if (rule->application[0] && (!process || (!allow_glob(rule->application, process->application) &&
						  !allow_glob(rule->application, process->exe))))
		return false;
	return !rule->domain[0] || domain_fits(rule->domain, now);
}

const struct allow_rule *allow_match(struct allow_set *set, const struct allow_case *now)
{
	for (size_t i = 0; set && i < set->rule_count; i++) {
		struct counted_rule *counted = &set->rules[i];

		if (!rule_holds(&counted->rule, now))
			continue;
		counted->hits++;
		counted->last_ns = now->now_ns;
		return &counted->rule;
	}
	return NULL;
}

bool allow_acknowledged(const struct allow_set *set, enum subject_kind kind, const char *domain,
			const char *application, const char *entry)
{
	size_t slot;

	if (!set)
		return false;
	if (kind == SUBJECT_DOMAIN && find_ack(set, ack_key(THREAT_KIND, entry ? entry : domain, ""), &slot))
		return true;
	return !entry && (find_ack(set, ack_key(kind, domain, ""), &slot) ||
			  (application[0] && find_ack(set, ack_key(kind, domain, application), &slot)));
}

void allow_take_hits(struct allow_set *set, allow_hits_callback *callback, void *context)
{
	for (size_t i = 0; set && i < set->rule_count; i++) {
		struct counted_rule *counted = &set->rules[i];

		if (counted->hits && callback(context, &counted->rule, counted->hits, counted->last_ns) == 0)
			counted->hits = 0;
	}
}

/* --- reading ------------------------------------------------------------------- */

static int read_domain(struct allow_rule *rule, const char *value, const char **why)
{
	size_t prefix = strncmp(value, "*.", 2) == 0 ? 2 : value[0] == '.' ? 1 : 0;
	char name[HOSTNAME_MAX];

	if (hostname_normalise(value + prefix, name) || strlen(name) + prefix >= sizeof(rule->domain)) {
		*why = "is neither a domain, nor *.DOMAIN, nor .DOMAIN";
		return -EINVAL;
	}
	memcpy(rule->domain, value, prefix);
	strcpy(rule->domain + prefix, name);
	return 0;
}

static int read_number(const char *value, uint64_t least, uint64_t most, uint64_t *out)
{
	char *end;
	unsigned long long number;

	if (value[0] < '0' || value[0] > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || *end || number < least || number > most)
		return -EINVAL;
	*out = number;
	return 0;
}

static int read_text(char *target, size_t size, const char *value, const char **why)
{
	*why = "is empty or too long";
	if (!value[0] || strlen(value) >= size)
		return -EINVAL;
	strcpy(target, value);
	return 0;
}

int allow_read(struct allow_rule *rule, const char *field, const char *value, const char **why)
{
	uint64_t number;

	if (strcmp(field, "domain") == 0)
		return read_domain(rule, value, why);
	if (strcmp(field, "application") == 0)
		return read_text(rule->application, sizeof(rule->application), value, why);
	if (strcmp(field, "container") == 0)
		return read_text(rule->container, sizeof(rule->container), value, why);
	if (strcmp(field, "reason") == 0)
		return read_text(rule->reason, sizeof(rule->reason), value, why);
	if (strcmp(field, "author") == 0)
		return read_text(rule->author, sizeof(rule->author), value, why);
	if (strcmp(field, "user") == 0) {
		*why = "is no user's number";
		if (read_number(value, 0, UINT32_MAX - 1, &number))
			return -EINVAL;
		rule->uid = (uint32_t)number;
		return rule->user[0] ? 0 : read_text(rule->user, sizeof(rule->user), value, why);
	}
	if (strcmp(field, "network") == 0) {
		*why = "is not a network like 192.0.2.0/24";
		if (network_parse(value, &rule->network))
			return -EINVAL;
		return read_text(rule->network_text, sizeof(rule->network_text), value, why);
	}
	if (strcmp(field, "port") == 0) {
		*why = "is not a port from 1 to 65535";
		if (read_number(value, 1, 65535, &number))
			return -EINVAL;
		rule->port = (uint16_t)number;
		return 0;
	}
	return -ENOENT;
}

int allow_check(const struct allow_rule *rule, const char **why)
{
	if (!rule->domain[0] && !rule->application[0] && !rule->container[0] && !rule->user[0] &&
	    !rule->network_text[0] && !rule->port) {
		*why = "names nothing and would allow everything: give it a domain, application, container, "
		       "user, network or port";
		return -EINVAL;
	}
	return 0;
}
