// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * aws.c - the service in an AWS hostname, by the shape of its labels. There is
 * no table of services or regions: those opened tomorrow must work too.
 */
#include <stdio.h>
#include <string.h>

#include "domain/aws.h"

struct span {
	const char *text;
	size_t length;
};

/* Below which name AWS puts its hosts, and the one that stands for that partition. */
static const struct aws_suffix {
	const char *suffix;
	const char *partition;
} suffixes[] = {
	/* A longer suffix comes before those that it ends in. */
	{"amazonaws.com", "amazonaws.com"},
	{"api.aws", "amazonaws.com"}, /* dual-stack */
	{"on.aws", "amazonaws.com"},  /* dual-stack, hosts of customers */
	{"amazonaws.com.cn", "amazonaws.com.cn"},
	{"api.amazonwebservices.com.cn", "amazonaws.com.cn"},
	{"on.amazonwebservices.com.cn", "amazonaws.com.cn"},
	{"amazonaws.eu", "amazonaws.eu"},
	{"api.amazonwebservices.eu", "amazonaws.eu"},
	{"on.amazonwebservices.eu", "amazonaws.eu"},
	{"c2s.ic.gov", "c2s.ic.gov"},
	{"api.aws.ic.gov", "c2s.ic.gov"},
	{"sc2s.sgov.gov", "sc2s.sgov.gov"},
	{"api.aws.scloud", "sc2s.sgov.gov"},
	{"csp.hci.ic.gov", "csp.hci.ic.gov"},
	{"api.aws.hci.ic.gov", "csp.hci.ic.gov"},
	{"cloud.adc-e.uk", "cloud.adc-e.uk"},
	{"api.cloud-aws.adc-e.uk", "cloud.adc-e.uk"},
};

static bool span_is(struct span span, const char *word)
{
	return span.length == strlen(word) && memcmp(span.text, word, span.length) == 0;
}

static bool span_begins(struct span span, const char *word)
{
	size_t length = strlen(word);

	return span.length > length && memcmp(span.text, word, length) == 0;
}

static bool span_ends(struct span span, const char *word)
{
	size_t length = strlen(word);

	return span.length > length && memcmp(span.text + span.length - length, word, length) == 0;
}

static bool take_front(struct span *span, const char *word)
{
	if (!span_begins(*span, word))
		return false;
	span->text += strlen(word);
	span->length -= strlen(word);
	return true;
}

static bool take_back(struct span *span, const char *word)
{
	if (!span_ends(*span, word))
		return false;
	span->length -= strlen(word);
	return true;
}

static size_t letters(struct span span, size_t at)
{
	size_t count = 0;

	while (at + count < span.length && span.text[at + count] >= 'a' && span.text[at + count] <= 'z')
		count++;
	return count;
}

static size_t digits(struct span span, size_t at)
{
	size_t count = 0;

	while (at + count < span.length && span.text[at + count] >= '0' && span.text[at + count] <= '9')
		count++;
	return count;
}

static bool at_dash(struct span span, size_t at)
{
	return at < span.length && span.text[at] == '-';
}

/* What follows a region in a zone: "a", "-lax-1", "-lax-1a", or nothing. */
static bool is_zone_tail(struct span span, size_t at)
{
	if (at_dash(span, at)) {
		size_t city = letters(span, at + 1);
		size_t number;

		if (city != 3 || !at_dash(span, at + 4))
			return false;
		number = digits(span, at + 5);
		if (number == 0 || number > 2)
			return false;
		at += 5 + number;
	}
	return at == span.length || (at + 1 == span.length && letters(span, at) == 1);
}

/*
 * xx-xxxx-N, xx-xxx-xxxx-N and xxxx-xx-xxxx-N (the European partition), and the
 * zones of those.
 */
static bool is_region(struct span span)
{
	size_t first = letters(span, 0);
	size_t at = first;
	size_t words = 0;
	size_t number;

	if (first != 2 && first != 4)
		return false;
	while (at_dash(span, at) && letters(span, at + 1) >= 2) {
		at += 1 + letters(span, at + 1);
		words++;
	}
	if (words < (first == 4 ? 2 : 1) || words > 2 || !at_dash(span, at))
		return false;
	number = digits(span, at + 1);
	if (number == 0 || number > 2)
		return false;
	return is_zone_tail(span, at + 1 + number);
}

/* Labels that say where or how, never what: regions, zones, partitions, variants. */
static bool is_decoration(struct span label)
{
	static const char *const words[] = {"dualstack", "fips", "vpce",   "global",
					    "api",       "aws",  "us-gov", "sandbox"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_is(label, words[i]))
			return true;
	take_front(&label, "fips-");
	take_back(&label, "-fips");
	return is_region(label) || span_is(label, "aws") ||
	       (span_begins(label, "aws-") && span_ends(label, "-global"));
}

/* "use1-az4": a zone by its id, as in "s3express-use1-az4". */
static bool is_zone_id(struct span span)
{
	size_t word = letters(span, 0);
	size_t at = word + digits(span, word);

	return word >= 3 && word <= 6 && at > word && span.length > at + 3 &&
	       memcmp(span.text + at, "-az", 3) == 0 && at + 3 + digits(span, at + 3) == span.length;
}

/* Takes "-us-west-2", "-1" (the oldest region's way) or a zone's id off the end of a service. */
static bool take_region(struct span *label)
{
	for (size_t i = 1; i + 1 < label->length; i++) {
		struct span rest = {label->text + i + 1, label->length - i - 1};
		size_t number;

		if (label->text[i] != '-')
			continue;
		number = digits(rest, 0);
		if (is_region(rest) || is_zone_id(rest) || (number == rest.length && number <= 2)) {
			label->length = i;
			return true;
		}
	}
	return false;
}

/*
 * Roles that a name of the first kind puts in a label of their own
 * ("streams.dynamodb", "query.timestream") and a dual-stack name glues to the
 * service; without this the two would be two services.
 */
static void take_role(struct span *label)
{
	if (!take_front(label, "streams-") && !take_front(label, "metering-") &&
	    !take_front(label, "catalog-"))
		take_back(label, "-query");
}

/* The front doors to one store: a bucket is the same behind each of them. */
static bool is_store(struct span label)
{
	return span_is(label, "s3") || span_is(label, "s3-website") || span_is(label, "s3-external") ||
	       span_is(label, "s3-accelerate") || span_is(label, "s3-accesspoint") ||
	       span_is(label, "s3-global");
}

static struct span last_label(const char *text, size_t end)
{
	size_t start = end;

	/* A dot after a backslash is part of a label. */
	while (start > 0 && !(text[start - 1] == '.' && (start < 2 || text[start - 2] != '\\')))
		start--;
	return (struct span){text + start, end - start};
}

static struct span service_of(struct span label, struct span left)
{
	bool glued = false;

	if (span_begins(label, "vpce-")) /* a customer's own endpoint service has no other name */
		return (struct span){label.text, 4};
	for (int round = 0; round < 2; round++) {
		take_front(&label, "fips-");
		take_back(&label, "-fips");
		take_back(&label, "-sandbox");
		if (take_region(&label))
			glued = true;
	}
	take_role(&label);
	if (is_store(label))
		return (struct span){label.text, 2};
	/* "bedrock.bedrock-runtime-us-east-1": the glued label repeats the service. */
	take_back(&left, "-fips");
	if (glued && left.length > 0 && left.length < label.length && label.text[left.length] == '-' &&
	    memcmp(label.text, left.text, left.length) == 0)
		return left;
	return label;
}

/* Appends a label and a dot. Returns false where it does not fit. */
static bool append(char out[static DOMAIN_MAX], size_t *used, struct span label)
{
	if (label.length + 2 > DOMAIN_MAX - *used)
		return false;
	memcpy(out + *used, label.text, label.length);
	out[*used + label.length] = '.';
	*used += label.length + 1;
	return true;
}

/*
 * The labels in front of the service. A bucket's name is the customer's choice
 * and may look like a region, so in front of the store nothing is dropped but
 * the id of a VPC endpoint.
 */
static bool append_tenants(char out[static DOMAIN_MAX], size_t *used, const char *text, size_t end,
			   bool store, bool endpoint)
{
	struct span last = last_label(text, end);

	if (endpoint && span_begins(last, "vpce-"))
		end = last.text > text ? (size_t)(last.text - text) - 1 : 0;
	if (store)
		return end == 0 || append(out, used, (struct span){text, end});
	for (size_t at = 0; at < end;) {
		size_t stop = at;

		while (stop < end && !(text[stop] == '.' && (stop == 0 || text[stop - 1] != '\\')))
			stop++;
		struct span label = {text + at, stop - at};
		if (!is_decoration(label) && !append(out, used, label))
			return false;
		at = stop + 1;
	}
	return true;
}

static bool below_suffix(const char *hostname, size_t length, size_t *end, const char **partition)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t suffix = strlen(suffixes[i].suffix);

		if (length > suffix + 1 && hostname[length - suffix - 1] == '.' &&
		    hostname[length - suffix - 2] != '\\' &&
		    memcmp(hostname + length - suffix, suffixes[i].suffix, suffix) == 0) {
			*end = length - suffix - 1;
			*partition = suffixes[i].partition;
			return true;
		}
	}
	return false;
}

bool aws_domain_of(const char *hostname, bool keep_tenants, char out[static DOMAIN_MAX])
{
	char built[DOMAIN_MAX];
	const char *partition;
	struct span label;
	struct span service;
	bool endpoint = false;
	size_t used = 0;
	size_t end;
	size_t front;

	if (!below_suffix(hostname, strlen(hostname), &end, &partition))
		return false;
	for (;;) {
		label = last_label(hostname, end);
		if (!is_decoration(label))
			break;
		endpoint = endpoint || span_is(label, "vpce");
		if (label.text == hostname)
			return false;
		end = (size_t)(label.text - hostname) - 1;
	}
	front = label.text > hostname ? (size_t)(label.text - hostname) - 1 : 0;
	service = service_of(label, last_label(hostname, front));
	/* A name that leaves no room for its tenants is grouped without them. */
	if (keep_tenants &&
	    (!append_tenants(built, &used, hostname, front, span_is(service, "s3"), endpoint) ||
	     used + service.length + 2 + strlen(partition) > DOMAIN_MAX))
		used = 0;
	if (!append(built, &used, service) || used + strlen(partition) + 1 > DOMAIN_MAX)
		return false;
	memcpy(out, built, used);
	memcpy(out + used, partition, strlen(partition) + 1);
	return true;
}
