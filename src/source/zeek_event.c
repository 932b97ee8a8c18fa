/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* zeek_event.c - what a line of a Zeek log says, checked: every value comes from outside. */
#include "source/zeek_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "source/dns_build.h"

#define BYTES_MOST ((uint64_t)1 << 50) /* of one connection: more is a mistake of the log */
#define DURATION_MOST_NS (400 * SECONDS_PER_DAY * NS_PER_SECOND)
#define MILLISECONDS_FROM INT64_C(100000000000) /* seconds up to the year 5138 */
#define NAMES_AT offsetof(struct answer_event, names)

static const char no_address[] = "id.orig_h or id.resp_h is no address";

/* --- values -------------------------------------------------------------------------------- */

/* A number with a fraction, in units of 1e-9; digits beyond are dropped. 0 or -EINVAL. */
static int read_decimal(const char *text, int64_t most, int64_t *whole, int64_t *fraction)
{
	int64_t unit = NS_PER_SECOND / 10;

	*whole = *fraction = 0;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		*whole = *whole * 10 + (*text - '0');
		if (*whole > most)
			return -EINVAL;
	}
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			*fraction += unit * (*text - '0');
	return *text ? -EINVAL : 0;
}

/* Seconds as JSON may have them, too ("1.2e-05"). */
static int read_span(const char *text, int64_t *ns)
{
	int64_t whole, fraction;
	double seconds;
	char *end;

	if (read_decimal(text, DURATION_MOST_NS / NS_PER_SECOND, &whole, &fraction) == 0) {
		*ns = whole * NS_PER_SECOND + fraction;
		return 0;
	}
	if (!strpbrk(text, "eE"))
		return -EINVAL;
	seconds = strtod(text, &end);
	if (*end || !(seconds >= 0 && seconds < (double)(DURATION_MOST_NS / NS_PER_SECOND)))
		return -EINVAL;
	*ns = (int64_t)(seconds * (double)NS_PER_SECOND);
	return 0;
}

/* Seconds, milliseconds (JSON::TS_MILLIS) or RFC 3339 (JSON::TS_ISO8601). */
static int read_time(const char *text, int64_t *ns)
{
	int64_t whole, fraction;

	if (!text)
		return -EINVAL;
	if (read_decimal(text, SOURCE_SECONDS_MOST * 1000, &whole, &fraction) == 0) {
		if (whole >= MILLISECONDS_FROM)
			*ns = whole * NS_PER_MS + fraction / 1000;
		else if (whole <= SOURCE_SECONDS_MOST)
			*ns = whole * NS_PER_SECOND + fraction;
		else
			return -EINVAL;
	} else if (!strchr(text, 'T') || text_parse_time(text, 0, ns)) {
		return -EINVAL;
	}
	return *ns < 0 || *ns > SOURCE_SECONDS_MOST * NS_PER_SECOND ? -EINVAL : 0;
}

static int read_number(const char *text, uint64_t most, uint64_t *out)
{
	uint64_t value = 0;

	if (!text || !*text)
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > most)
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	*out = value;
	return 0;
}

static int read_port(const char *text, uint16_t *port)
{
	uint64_t value;

	if (read_number(text, UINT16_MAX, &value))
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

static bool is_true(const char *text)
{
	return text && (*text == 'T' || *text == 't');
}

static bool is_false(const char *text)
{
	return text && (*text == 'F' || *text == 'f');
}

/* A name as it may be written into a message; without the trailing dot. */
static const char *name_of(char *text)
{
	size_t length = strlen(text);

	if (length > 1 && text[length - 1] == '.')
		text[--length] = '\0';
	return length && length < EVENT_NAME_MAX && dns_build_name_fits(text) ? text : NULL;
}

/* --- what all lines have --------------------------------------------------------------------- */

static const char *read_ends(char *const *values, struct event *event)
{
	if (!values[FIELD_UID] || !values[FIELD_UID][0])
		return "uid is missing";
	if (!values[FIELD_ORIG_H] || address_parse(values[FIELD_ORIG_H], &event->local) ||
	    !values[FIELD_RESP_H] || address_parse(values[FIELD_RESP_H], &event->remote))
		return no_address;
	if (read_port(values[FIELD_ORIG_P], &event->local_port) ||
	    read_port(values[FIELD_RESP_P], &event->remote_port))
		return "id.orig_p or id.resp_p is no port";
	event->cookie = hash_bytes(1, values[FIELD_UID], strlen(values[FIELD_UID])) | 1;
	return NULL;
}

/* --- conn.log ---------------------------------------------------------------------------------- */

static uint8_t outcome_of(const char *state)
{
	static const char *const established[] = {"SF", "S1", "S2", "S3", "RSTO", "RSTR", "OTH"};

	if (!state)
		return FS_OUTCOME_UNKNOWN;
	for (size_t i = 0; i < sizeof(established) / sizeof(established[0]); i++)
		if (strcmp(state, established[i]) == 0)
			return FS_OUTCOME_ESTABLISHED;
	if (strcmp(state, "REJ") == 0)
		return FS_OUTCOME_REFUSED;
	return strcmp(state, "S0") == 0 ? FS_OUTCOME_TIMED_OUT : FS_OUTCOME_UNKNOWN;
}

static bool has_dns(const char *services)
{
	for (; services && *services; services += strcspn(services, ",") + (strchr(services, ',') != NULL))
		if (strncmp(services, "dns", 3) == 0 && (services[3] == ',' || !services[3]))
			return true;
	return false;
}

static bool is_unset_or(int failed, const char *text)
{
	return text && failed;
}

static enum event_result conn_of(char *const *values, union any_event *any, size_t *size, int64_t at_ns,
				 int64_t *end_ns, const char **why)
{
	struct conn_event *conn = &any->conn;
	const char *proto = values[FIELD_PROTO];

	if (proto && strcmp(proto, "tcp") == 0)
		conn->event.protocol = IPPROTO_TCP;
	else if (proto && strcmp(proto, "udp") == 0)
		conn->event.protocol = IPPROTO_UDP;
	else
		return EVENT_PROTOCOL;
	if (is_false(values[FIELD_LOCAL_ORIG]) && is_true(values[FIELD_LOCAL_RESP]))
		return EVENT_INBOUND;
	conn->duration_ns = 0;
	conn->bytes_out = conn->bytes_in = 0;
	*why = "duration is no number of seconds";
	if (values[FIELD_DURATION] && read_span(values[FIELD_DURATION], &conn->duration_ns))
		return EVENT_BAD;
	*why = "orig_bytes or resp_bytes is no number of bytes";
	if (is_unset_or(read_number(values[FIELD_ORIG_BYTES], BYTES_MOST, &conn->bytes_out),
			values[FIELD_ORIG_BYTES]) ||
	    is_unset_or(read_number(values[FIELD_RESP_BYTES], BYTES_MOST, &conn->bytes_in),
			values[FIELD_RESP_BYTES]))
		return EVENT_BAD;
	conn->event.kind = EVENT_CONN;
	conn->event.outcome = outcome_of(values[FIELD_CONN_STATE]);
	conn->event.asks = has_dns(values[FIELD_SERVICE]);
	*end_ns = at_ns + conn->duration_ns;
	*size = sizeof(*conn);
	return EVENT_USED;
}

/* --- dns.log ----------------------------------------------------------------------------------- */

static bool is_dns_port(const struct zeek_settings *settings, uint16_t port)
{
	for (uint32_t i = 0; i < settings->source.dns_port_count; i++)
		if (settings->source.dns_ports[i] == port)
			return true;
	return false;
}

static void add_address(struct answer_event *answer, const struct address *address, const char *ttl_text)
{
	int64_t whole, fraction;
	uint32_t ttl = 0;

	if (ttl_text && read_decimal(ttl_text, INT32_MAX, &whole, &fraction) == 0)
		ttl = (uint32_t)whole;
	if (answer->address_count == 0 || ttl < answer->ttl)
		answer->ttl = ttl;
	answer->addresses[answer->address_count++] = *address;
}

/* Names among the answers are the chain; an answer of another type ("TXT 12 ...") is no name. */
static size_t add_answers(struct answer_event *answer, struct zeek_fields *fields, size_t used)
{
	for (size_t i = 0; i < fields->answers.count; i++) {
		char *text = fields->answers.items[i];
		struct address address;
		const char *name;

		if (address_parse(text, &address) == 0) {
			if (answer->address_count < ANSWER_ADDRESSES)
				add_address(answer, &address,
					    i < fields->ttls.count ? fields->ttls.items[i] : NULL);
			continue;
		}
		name = strpbrk(text, " \t<") ? NULL : name_of(text);
		if (name && strcmp(name, ".") != 0 && answer->chain_count < ANSWER_NAMES) {
			strcpy(answer->names + used, name);
			used += strlen(name) + 1;
			answer->chain_count++;
		}
	}
	return used;
}

static enum event_result answer_of(const struct zeek_settings *settings, struct zeek_fields *fields,
				   union any_event *any, size_t *size, int64_t *at_ns, const char **why)
{
	struct answer_event *answer = &any->answer;
	char *const *values = fields->values;
	uint64_t id = 0, rcode = 0;
	int64_t rtt = 0;
	const char *query;
	size_t used;

	*why = "trans_id is no number below 65536";
	if (is_unset_or(read_number(values[FIELD_TRANS_ID], UINT16_MAX, &id), values[FIELD_TRANS_ID]))
		return EVENT_BAD;
	*why = "rtt is no number of seconds";
	if (values[FIELD_RTT] && read_span(values[FIELD_RTT], &rtt))
		return EVENT_BAD;
	*why = "rcode is no number";
	if (is_unset_or(read_number(values[FIELD_RCODE], UINT16_MAX, &rcode), values[FIELD_RCODE]))
		return EVENT_BAD;
	if (!is_dns_port(settings, any->event.remote_port) || fields->answers.count == 0 || rcode != 0 ||
	    is_true(values[FIELD_TC]) || !values[FIELD_QUERY] || !values[FIELD_QUERY][0])
		return EVENT_UNUSED;
	*why = "query is no name";
	query = name_of(values[FIELD_QUERY]);
	if (!query)
		return EVENT_BAD;
	answer->event.kind = EVENT_ANSWER;
	answer->event.protocol = IPPROTO_UDP;
	answer->id = (uint16_t)id;
	answer->address_count = answer->chain_count = 0;
	strcpy(answer->names, query);
	used = add_answers(answer, fields, strlen(query) + 1);
	if (answer->address_count == 0)
		return EVENT_UNUSED;
	*at_ns += rtt;
	*size = NAMES_AT + used;
	return EVENT_USED;
}

/* --- ssl.log ----------------------------------------------------------------------------------- */

static enum event_result hello_of(char *const *values, union any_event *any, size_t *size)
{
	struct hello_event *hello = &any->hello;
	const char *version = values[FIELD_VERSION];
	const char *name = values[FIELD_SERVER_NAME] ? name_of(values[FIELD_SERVER_NAME]) : NULL;

	hello->event.kind = EVENT_HELLO;
	hello->event.protocol = version && strncmp(version, "DTLS", 4) == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	text_copy(hello->name, sizeof(hello->name), name ? name : "");
	*size = offsetof(struct hello_event, name) + strlen(hello->name) + 1;
	return EVENT_USED;
}

enum event_result zeek_event(const struct zeek_settings *settings, struct zeek_fields *fields,
			     enum zeek_log log, union any_event *event, size_t *size, int64_t *key_ns,
			     int64_t *end_ns, const char **why)
{
	char *const *values = fields->values;
	int64_t at_ns;

	memset(&event->event, 0, sizeof(event->event));
	if (read_time(values[FIELD_TS], &at_ns)) {
		*why = "ts is no time";
		return EVENT_BAD;
	}
	*why = read_ends(values, &event->event);
	if (*why == no_address && log == ZEEK_CONN && values[FIELD_PROTO] &&
	    strcmp(values[FIELD_PROTO], "tcp") != 0 && strcmp(values[FIELD_PROTO], "udp") != 0)
		return EVENT_PROTOCOL; /* nothing above IP, or nothing of it */
	if (*why)
		return EVENT_BAD;
	if (at_ns < settings->oldest_ns)
		return EVENT_TOO_OLD;
	if (at_ns > settings->latest_ns)
		return EVENT_IN_FUTURE;
	*key_ns = *end_ns = at_ns;
	if (log == ZEEK_CONN)
		return conn_of(values, event, size, at_ns, end_ns, why);
	if (log == ZEEK_DNS)
		return answer_of(settings, fields, event, size, key_ns, why);
	return hello_of(values, event, size);
}
