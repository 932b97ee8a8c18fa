/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "config/config_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "domain/domain.h"

#define WAITING_MOST 1000000
#define DNS_PORT 53
#define DNS_RATE_MOST 1000

/* Calls for each item of a comma-separated list; spaces around items are passed over, empty items refused. */
static int each_item(const char *value, int (*read)(struct config *, const char *, struct failure *),
		     struct config *config, struct failure *failure)
{
	char item[PATH_MAX + 16];
	int error = 0;

	while (*value && !error) {
		size_t length = strcspn(value, ","), used = length;
		const char *from = value;

		while (used && (*from == ' ' || *from == '\t')) {
			from++;
			used--;
		}
		while (used && (from[used - 1] == ' ' || from[used - 1] == '\t'))
			used--;
		if (used == 0 || used >= sizeof(item))
			return failure_set(failure, -EINVAL,
					   "the list has an item that is empty or too long");
		text_copy_bytes(item, sizeof(item), from, used);
		error = read(config, item, failure);
		value += length + (value[length] == ',');
	}
	return error;
}

static int read_boolean(const char *value, bool *out, struct failure *failure)
{
	if (strcmp(value, "yes") == 0 || strcmp(value, "true") == 0)
		*out = true;
	else if (strcmp(value, "no") == 0 || strcmp(value, "false") == 0)
		*out = false;
	else
		return failure_set(failure, -EINVAL, "\"%s\" is neither yes nor no", value);
	return 0;
}

static int read_span(const char *value, int64_t least, int64_t *out, struct failure *failure)
{
	int64_t seconds;
	char text[TEXT_SPAN_MAX];

	if (text_parse_span(value, &seconds))
		return failure_set(failure, -EINVAL, "\"%s\" is not a span like 90d, 24h or 1h30m", value);
	if (seconds < least)
		return failure_set(failure, -EINVAL, "\"%s\" is shorter than the least, %s", value,
				   text_format_span(least, text));
	*out = seconds;
	return 0;
}

/* One of a few words; the index of the word, or -EINVAL. */
static int read_word(const char *value, const char *const words[], struct failure *failure)
{
	char all[128] = "";

	for (int i = 0; words[i]; i++) {
		if (strcmp(value, words[i]) == 0)
			return i;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "", words[i]);
	}
	return failure_set(failure, -EINVAL, "\"%s\" is none of: %s", value, all);
}

static int read_window(struct config *config, const char *value, struct failure *failure)
{
	return read_span(value, 60, &config->window_seconds, failure);
}

static int read_learning(struct config *config, const char *value, struct failure *failure)
{
	return read_span(value, 0, &config->learning_seconds, failure);
}

static int read_scope(struct config *config, const char *value, struct failure *failure)
{
	static const char *const words[] = {"host", "application", "both", NULL};
	int word = read_word(value, words, failure);

	if (word < 0)
		return word;
	config->scope = (enum scope)word;
	return 0;
}

static int read_unnamed(struct config *config, const char *value, struct failure *failure)
{
	static const char *const words[] = {"alert", "record", "ignore", NULL};
	int word = read_word(value, words, failure);

	if (word < 0)
		return word;
	config->unnamed = (enum unnamed)word;
	return 0;
}

static int add_network(struct config *config, const char *item, struct failure *failure)
{
	if (config->inside.network_count == NETWORKS_MAX)
		return failure_set(failure, -EINVAL, "more than %d internal_networks", NETWORKS_MAX);
	if (network_parse(item, &config->inside.networks[config->inside.network_count]))
		return failure_set(failure, -EINVAL,
				   "\"%s\" is not a network like 203.0.113.0/24 or 2001:db8::/32", item);
	config->inside.network_count++;
	return 0;
}

static int read_networks(struct config *config, const char *value, struct failure *failure)
{
	config->inside.network_count = 0;
	return each_item(value, add_network, config, failure);
}

static int add_domain(struct config *config, const char *item, struct failure *failure)
{
	if (config->inside.domain_count == INTERNAL_DOMAINS_MAX)
		return failure_set(failure, -EINVAL, "more than %d internal_domains", INTERNAL_DOMAINS_MAX);
	if (hostname_normalise(item, config->inside.domains[config->inside.domain_count]))
		return failure_set(failure, -EINVAL, "\"%s\" is not a domain", item);
	config->inside.domain_count++;
	return 0;
}

static int read_domains(struct config *config, const char *value, struct failure *failure)
{
	config->inside.domain_count = 0;
	return each_item(value, add_domain, config, failure);
}

static int read_private_suffixes(struct config *config, const char *value, struct failure *failure)
{
	return read_boolean(value, &config->private_suffixes, failure);
}

static int read_aws_buckets(struct config *config, const char *value, struct failure *failure)
{
	return read_boolean(value, &config->aws_buckets, failure);
}

static int add_port(struct config *config, const char *item, struct failure *failure)
{
	uint64_t port;

	if (config->dns_port_count == CONFIG_PORTS_MAX)
		return failure_set(failure, -EINVAL, "more than %d dns_ports", CONFIG_PORTS_MAX);
	if (text_parse_bytes(item, &port) || port < 1 || port > 65535)
		return failure_set(failure, -EINVAL, "\"%s\" is not a port from 1 to 65535", item);
	config->dns_ports[config->dns_port_count++] = (uint16_t)port;
	return 0;
}

static int read_ports(struct config *config, const char *value, struct failure *failure)
{
	config->dns_port_count = 0;
	if (!*value)
		return failure_set(failure, -EINVAL, "dns_ports needs at least one port");
	return each_item(value, add_port, config, failure);
}

static int read_ring_size(struct config *config, const char *value, struct failure *failure)
{
	uint64_t bytes;

	if (text_parse_bytes(value, &bytes) || bytes < 64 * 1024 || bytes > 1024 * 1024 * 1024 ||
	    (bytes & (bytes - 1)))
		return failure_set(failure, -EINVAL, "\"%s\" is not a power of two from 64K to 1G", value);
	config->ring_bytes = (uint32_t)bytes;
	return 0;
}

static int read_sni(struct config *config, const char *value, struct failure *failure)
{
	return read_boolean(value, &config->sni, failure);
}

static int read_volumes(struct config *config, const char *value, struct failure *failure)
{
	return read_span(value, 1, &config->volumes_seconds, failure);
}

static int read_path(struct config *config, const char *value, struct failure *failure)
{
	if (value[0] != '/' || !text_copy(config->history_path, sizeof(config->history_path), value))
		return failure_set(failure, -EINVAL, "\"%.200s\" is not an absolute path", value);
	return 0;
}

static int read_retention(struct config *config, const char *value, struct failure *failure)
{
	return read_span(value, SECONDS_PER_DAY, &config->retention_seconds, failure);
}

static int add_sink(struct config *config, const char *item, struct failure *failure)
{
	static const struct {
		const char *word;
		enum sink_kind kind;
		bool alone, with_path;
	} words[] = {
		{"stdout", SINK_STDOUT, true, false},
		{"syslog", SINK_SYSLOG, true, true},
		{"journal", SINK_JOURNAL, true, true},
		{"file", SINK_FILE, false, true},
	};
	struct sink_setting *sink = &config->sinks[config->sink_count];
	bool known = false;

	if (config->sink_count == CONFIG_SINKS_MAX)
		return failure_set(failure, -EINVAL, "more than %d sinks", CONFIG_SINKS_MAX);
	memset(sink, 0, sizeof(*sink));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i].word);

		if (strncmp(item, words[i].word, length) != 0)
			continue;
		sink->kind = words[i].kind;
		if (item[length] == '\0')
			known = words[i].alone;
		else if (strncmp(item + length, ":/", 2) == 0)
			known = words[i].with_path &&
				text_copy(sink->path, sizeof(sink->path), item + length + 1);
	}
	if (!known)
		return failure_set(failure, -EINVAL,
				   "\"%.200s\" is none of: stdout, syslog, journal, file:/PATH", item);
	for (uint32_t i = 0; i < config->sink_count; i++)
		if (config->sinks[i].kind == sink->kind && strcmp(config->sinks[i].path, sink->path) == 0)
			return failure_set(failure, -EINVAL, "\"%.200s\" is given twice", item);
	config->sink_count++;
	return 0;
}

static int read_sinks(struct config *config, const char *value, struct failure *failure)
{
	config->sink_count = 0;
	return each_item(value, add_sink, config, failure);
}

static int read_format(struct config *config, const char *value, struct failure *failure)
{
	static const char *const words[] = {"ocsf", "ecs", NULL};
	int word = read_word(value, words, failure);

	if (word < 0)
		return word;
	config->format = word == 0 ? RENDER_OCSF : RENDER_ECS;
	return 0;
}

static int read_count(const char *value, uint32_t most, uint32_t *out, struct failure *failure)
{
	uint64_t number;

	if (text_parse_bytes(value, &number) || number > most)
		return failure_set(failure, -EINVAL, "\"%s\" is not a number from 0 to %u", value, most);
	*out = (uint32_t)number;
	return 0;
}

static int read_crawler_domains(struct config *config, const char *value, struct failure *failure)
{
	return read_count(value, CRAWLER_DOMAINS_MAX, &config->crawlers.domains, failure);
}

static int read_crawler_host_domains(struct config *config, const char *value, struct failure *failure)
{
	return read_count(value, CRAWLER_DOMAINS_MAX, &config->crawlers.host_domains, failure);
}

static int read_crawler_window(struct config *config, const char *value, struct failure *failure)
{
	return read_span(value, 1, &config->crawlers.window_seconds, failure);
}

static int add_list(struct config *config, enum threat_class class, const char *path, struct failure *failure)
{
	struct list_setting *list = &config->lists[config->list_count];

	if (config->list_count == CONFIG_LISTS_MAX)
		return failure_set(failure, -EINVAL, "more than %d lists", CONFIG_LISTS_MAX);
	if (path[0] != '/' || !text_copy(list->path, sizeof(list->path), path))
		return failure_set(failure, -EINVAL, "\"%.200s\" is not an absolute path", path);
	list->class = class;
	config->list_count++;
	return 0;
}

static void drop_lists(struct config *config, enum threat_class class)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < config->list_count; i++)
		if (config->lists[i].class != class)
			config->lists[kept++] = config->lists[i];
	config->list_count = kept;
}

static int add_threats(struct config *config, const char *item, struct failure *failure)
{
	return add_list(config, THREAT_LISTED, item, failure);
}

static int add_recent(struct config *config, const char *item, struct failure *failure)
{
	return add_list(config, THREAT_RECENT, item, failure);
}

static int read_lists(struct config *config, const char *value, struct failure *failure)
{
	drop_lists(config, THREAT_LISTED);
	return each_item(value, add_threats, config, failure);
}

static int read_newly_registered(struct config *config, const char *value, struct failure *failure)
{
	drop_lists(config, THREAT_RECENT);
	return each_item(value, add_recent, config, failure);
}

static int read_socket(struct config *config, const char *value, struct failure *failure)
{
	/* The longest path that a socket's address holds. */
	if (value[0] && (value[0] != '/' || strlen(value) >= 108))
		return failure_set(failure, -EINVAL,
				   "\"%.200s\" is not an absolute path of at most 107 bytes", value);
	text_copy(config->socket_path, sizeof(config->socket_path), value);
	return 0;
}

static int read_textfile(struct config *config, const char *value, struct failure *failure)
{
	if ((value[0] && value[0] != '/') ||
	    !text_copy(config->metrics_path, sizeof(config->metrics_path), value))
		return failure_set(failure, -EINVAL, "\"%.200s\" is not an absolute path", value);
	return 0;
}

static int read_user(struct config *config, const char *value, struct failure *failure)
{
	if (!text_copy(config->user, sizeof(config->user), value))
		return failure_set(failure, -EINVAL, "\"%.100s\" is too long", value);
	return 0;
}

static int read_packages(struct config *config, const char *value, struct failure *failure)
{
	return read_boolean(value, &config->packages, failure);
}

static int read_ptr(struct config *config, const char *value, struct failure *failure)
{
	return read_boolean(value, &config->ptr, failure);
}

static int read_asn(struct config *config, const char *value, struct failure *failure)
{
	return read_boolean(value, &config->asn, failure);
}

/* "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:5353": the address, and what follows it.
 */
static bool split_server(const char *item, struct address *address, const char **port)
{
	char text[ADDRESS_TEXT_MAX];
	const char *from = item, *end;

	*port = "";
	if (address_parse(item, address) == 0)
		return true;
	end = item[0] == '[' ? strchr(item, ']') : strchr(item, ':');
	from += item[0] == '[';
	if (!end || (size_t)(end - from) >= sizeof(text))
		return false;
	text_copy_bytes(text, sizeof(text), from, (size_t)(end - from));
	end += item[0] == '[';
	*port = *end == ':' ? end + 1 : end;
	return address_parse(text, address) == 0 && (*end == ':' ? **port != '\0' : *end == '\0');
}

static int add_server(struct config *config, const char *item, struct failure *failure)
{
	size_t used = strlen(config->dns_servers), room = sizeof(config->dns_servers) - used;
	char text[ADDRESS_TEXT_MAX];
	struct address address;
	const char *port;
	char *end;
	long number;

	if (!split_server(item, &address, &port))
		return failure_set(failure, -EINVAL,
				   "\"%s\" is not a server like 192.0.2.53 or [2001:db8::53]:5353", item);
	number = *port ? strtol(port, &end, 10) : DNS_PORT;
	if (number < 1 || number > UINT16_MAX || (*port && (*end || *port < '0' || *port > '9')))
		return failure_set(failure, -EINVAL, "\"%s\" has no port from 1 to 65535", item);
	address_format(&address, text);
	if (snprintf(config->dns_servers + used, room, address_is_ipv4(&address) ? "%s%s:%ld" : "%s[%s]:%ld",
		     used ? "," : "", text, number) >= (int)room)
		return failure_set(failure, -EINVAL, "too many dns_servers");
	return 0;
}

static int read_dns_servers(struct config *config, const char *value, struct failure *failure)
{
	config->dns_servers[0] = '\0';
	return each_item(value, add_server, config, failure);
}

static int read_dns_rate(struct config *config, const char *value, struct failure *failure)
{
	uint64_t rate;

	if (text_parse_bytes(value, &rate) || rate < 1 || rate > DNS_RATE_MOST)
		return failure_set(failure, -EINVAL, "\"%s\" is not a number from 1 to %d", value,
				   DNS_RATE_MOST);
	config->dns_rate = (uint32_t)rate;
	return 0;
}

static int read_zone(char zone[static CONFIG_DNS_ZONE_MAX], const char *value, struct failure *failure)
{
	char name[HOSTNAME_MAX] = "";

	/* An address in reverse stands before it, 64 bytes. */
	if (value[0] && (hostname_normalise(value, name) || strlen(name) >= CONFIG_DNS_ZONE_MAX - 4))
		return failure_set(failure, -EINVAL, "\"%.100s\" is not a zone of the DNS", value);
	text_copy(zone, CONFIG_DNS_ZONE_MAX, name);
	return 0;
}

static int read_dns_origin(struct config *config, const char *value, struct failure *failure)
{
	return read_zone(config->dns_origin[0], value, failure);
}

static int read_dns_origin6(struct config *config, const char *value, struct failure *failure)
{
	return read_zone(config->dns_origin[1], value, failure);
}

static int read_syslog_cee(struct config *config, const char *value, struct failure *failure)
{
	return read_boolean(value, &config->syslog_cee, failure);
}

static int read_waiting(struct config *config, const char *value, struct failure *failure)
{
	uint64_t count;

	if (text_parse_bytes(value, &count) || count < 1 || count > WAITING_MOST)
		return failure_set(failure, -EINVAL, "\"%s\" is not a number from 1 to %d", value,
				   WAITING_MOST);
	config->waiting_most = (uint32_t)count;
	return 0;
}

const struct config_key config_keys[] = {
	{"detect", "window", read_window},
	{"detect", "learning", read_learning},
	{"detect", "scope", read_scope},
	{"detect", "unnamed", read_unnamed},
	{"detect", "internal_networks", read_networks},
	{"detect", "internal_domains", read_domains},
	{"detect", "private_suffixes", read_private_suffixes},
	{"detect", "aws_buckets", read_aws_buckets},
	{"detect", "crawler_domains", read_crawler_domains},
	{"detect", "crawler_window", read_crawler_window},
	{"detect", "crawler_host_domains", read_crawler_host_domains},
	{"capture", "dns_ports", read_ports},
	{"capture", "ring_size", read_ring_size},
	{"capture", "sni", read_sni},
	{"capture", "volumes", read_volumes},
	{"history", "path", read_path},
	{"history", "retention", read_retention},
	{"alert", "sinks", read_sinks},
	{"alert", "format", read_format},
	{"alert", "syslog_cee", read_syslog_cee},
	{"alert", "waiting", read_waiting},
	{"threat", "lists", read_lists},
	{"threat", "newly_registered", read_newly_registered},
	{"control", "socket", read_socket},
	{"metrics", "textfile", read_textfile},
	{"service", "user", read_user},
	{"enrich", "packages", read_packages},
	{"enrich", "ptr", read_ptr},
	{"enrich", "asn", read_asn},
	{"enrich", "dns_servers", read_dns_servers},
	{"enrich", "dns_rate", read_dns_rate},
	{"enrich", "dns_origin", read_dns_origin},
	{"enrich", "dns_origin6", read_dns_origin6},
};
_Static_assert(sizeof(config_keys) / sizeof(config_keys[0]) == CONFIG_KEYS, "one for each key");
