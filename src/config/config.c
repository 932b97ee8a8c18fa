/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "config/config.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "config/config_keys.h"
#include "config/ini.h"

#define FILE_MOST (1024 * 1024)

void config_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	config->window_seconds = 90 * SECONDS_PER_DAY;
	config->learning_seconds = SECONDS_PER_DAY;
	config->scope = SCOPE_HOST;
	config->unnamed = UNNAMED_ALERT;
	config->dns_port_count = 1;
	config->dns_ports[0] = 53;
	config->ring_bytes = 16 * 1024 * 1024;
	config->sni = true;
	config->volumes_seconds = 60;
	text_copy(config->history_path, sizeof(config->history_path), "/var/lib/firstseen/history.db");
	config->retention_seconds = 365 * SECONDS_PER_DAY;
	config->sink_count = 1;
	config->sinks[0].kind = SINK_SYSLOG;
	config->format = RENDER_OCSF;
	config->waiting_most = 10000;
	config->crawlers = (struct crawler_rule){.domains = 20, .host_domains = 100, .window_seconds = 3600};
	config->list_count = 1;
	config->lists[0].class = THREAT_LISTED;
	text_copy(config->lists[0].path, sizeof(config->lists[0].path), CONFIG_DEFAULT_LISTS);
	text_copy(config->socket_path, sizeof(config->socket_path), CONFIG_DEFAULT_SOCKET);
	text_copy(config->user, sizeof(config->user), CONFIG_DEFAULT_USER);
	config->packages = true;
	config->dns_rate = 10;
	text_copy(config->dns_origin[0], sizeof(config->dns_origin[0]), "origin.asn.cymru.com");
	text_copy(config->dns_origin[1], sizeof(config->dns_origin[1]), "origin6.asn.cymru.com");
}

/* What is being read: the settings so far, and which keys one text has given already. */
struct reading {
	struct config *config;
	bool given[CONFIG_KEYS];
	uint32_t rules_before; /* allow rules that texts before this one gave */
};

static void append(char *all, size_t size, const char *word)
{
	size_t used = strlen(all);

	snprintf(all + used, size - used, "%s%s", used ? ", " : "", word);
}

static int unknown(const char *section, const char *key, struct failure *failure)
{
	char all[400] = "", sections[200] = "";
	const char *last = "";

	for (size_t i = 0; i < CONFIG_KEYS; i++) {
		if (strcmp(config_keys[i].section, last) != 0)
			append(sections, sizeof(sections), config_keys[i].section);
		last = config_keys[i].section;
		if (strcmp(config_keys[i].section, section) == 0)
			append(all, sizeof(all), config_keys[i].key);
	}
	if (!all[0])
		return failure_set(failure, -EINVAL, "unknown section [%.64s]; there are %s, allow NAME",
				   section, sections);
	return failure_set(failure, -EINVAL, "unknown key \"%.64s\" in [%s]; it has: %s", key, section, all);
}

/* The rule of [allow NAME], made at its first key; NULL where there is no room. */
static struct allow_rule *allow_rule(struct config *config, const char *name)
{
	struct allow_rule *rule;

	for (uint32_t i = 0; i < config->allow_count; i++)
		if (strcmp(config->allow[i].name, name) == 0)
			return &config->allow[i];
	if (config->allow_count == CONFIG_ALLOW_MAX)
		return NULL;
	rule = &config->allow[config->allow_count++];
	memset(rule, 0, sizeof(*rule));
	text_copy(rule->name, sizeof(rule->name), name);
	rule->origin = ALLOW_FROM_CONFIG;
	return rule;
}

/* The daemon reads rules in two threads: of a reload, and of a command. */
static bool find_user(const char *name, uint32_t *uid)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	if (getpwnam_r(name, &entry, buffer, sizeof(buffer), &found) || !found)
		return false;
	*uid = entry.pw_uid;
	return true;
}

static int read_allow_user(struct allow_rule *rule, const char *value, const char **why)
{
	bool is_name = value[0] < '0' || value[0] > '9';

	if (!text_copy(rule->user, sizeof(rule->user), value)) {
		*why = "is too long";
		return -EINVAL;
	}
	if (is_name && find_user(value, &rule->uid))
		return 0;
	return allow_read(rule, "user", value, why);
}

int config_allow_field(struct allow_rule *rule, const char *field, const char *value, int64_t now_ns,
		       struct failure *failure)
{
	const char *why = "";
	int error;

	if (strcmp(field, "expires") == 0) {
		int64_t seconds;

		/* A span counts from now, so it is for the command; a file's rule has a date. */
		if (now_ns && text_parse_span(value, &seconds) == 0)
			rule->expires_ns = now_ns + seconds * NS_PER_SECOND;
		else if (text_parse_span(value, &seconds) == 0 ||
			 text_parse_time(value, now_ns, &rule->expires_ns))
			return failure_set(failure, -EINVAL,
					   "expires: \"%.100s\" is not a time like 2026-03-01%s", value,
					   now_ns ? " or a span like 30d" : "");
		return 0;
	}
	error = strcmp(field, "user") == 0 ? read_allow_user(rule, value, &why)
					   : allow_read(rule, field, value, &why);
	if (error == -ENOENT)
		return failure_set(failure, -EINVAL,
				   "unknown key \"%.64s\" of an allow rule; it has: domain, application, "
				   "container, user, network, port, reason, author, expires",
				   field);
	return error ? failure_set(failure, -EINVAL, "%s: \"%.200s\" %s", field, value, why) : 0;
}

static int on_allow(struct reading *reading, const char *name, const char *key, const char *value,
		    struct failure *failure)
{
	struct allow_rule *rule;

	if (!name[0] || strlen(name) >= ALLOW_NAME_MAX)
		return failure_set(failure, -EINVAL,
				   "an allow rule has a name of at most %d bytes: [allow NAME]",
				   ALLOW_NAME_MAX - 1);
	rule = allow_rule(reading->config, name);
	if (rule && (uint32_t)(rule - reading->config->allow) < reading->rules_before)
		return failure_set(
			failure, -EINVAL,
			"[allow %s] is in a file that was read before this one, too; a rule stands "
			"in one file",
			name);
	if (!rule)
		return failure_set(failure, -EINVAL, "more than %d allow rules", CONFIG_ALLOW_MAX);
	return config_allow_field(rule, key, value, 0, failure);
}

static int on_key(void *context, const char *section, const char *name, const char *key, const char *value,
		  struct failure *failure)
{
	struct reading *reading = context;
	struct failure inner = {{0}};

	if (strcmp(section, "allow") == 0)
		return on_allow(reading, name, key, value, failure);
	for (size_t i = 0; i < CONFIG_KEYS; i++) {
		if (name[0] || strcmp(config_keys[i].section, section) != 0 ||
		    strcmp(config_keys[i].key, key) != 0)
			continue;
		if (reading->given[i])
			return failure_set(failure, -EINVAL, "\"%s\" is given twice", key);
		reading->given[i] = true;
		if (config_keys[i].read(reading->config, value, &inner))
			return failure_set(failure, -EINVAL, "%s: %.400s", key, inner.text);
		return 0;
	}
	return unknown(section, key, failure);
}

static int read_bytes(struct config *config, const char *label, const char *text, size_t length,
		      struct failure *failure)
{
	struct config *fresh = malloc(sizeof(*fresh)); /* large */
	struct reading reading = {.config = fresh, .rules_before = config->allow_count};
	int error;

	if (!fresh)
		return failure_set(failure, -ENOMEM, "out of memory");
	*fresh = *config;
	error = ini_read(label, text, length, on_key, &reading, failure);
	if (!error)
		*config = *fresh;
	free(fresh);
	return error;
}

int config_read_text(struct config *config, const char *label, const char *text, struct failure *failure)
{
	return read_bytes(config, label, text, strlen(text), failure);
}

static int cannot_read(const char *path, int error, struct failure *failure)
{
	return failure_set(failure, -error, "can not read the configuration %.300s: %s", path,
			   strerror(error));
}

int config_read_file(struct config *config, const char *path, struct failure *failure)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t length;
	int error;

	if (!file)
		return cannot_read(path, errno, failure);
	text = malloc(FILE_MOST + 1);
	if (!text) {
		fclose(file);
		return failure_set(failure, -ENOMEM, "out of memory");
	}
	length = fread(text, 1, FILE_MOST + 1, file);
	if (ferror(file))
		error = cannot_read(path, errno ? errno : EIO, failure);
	else if (length > FILE_MOST)
		error = failure_set(failure, -EINVAL, "the configuration %.300s is larger than 1 MiB", path);
	else
		error = read_bytes(config, path, text, length, failure);
	fclose(file);
	free(text);
	return error;
}

/* "allow.NAME.key": a rule's name stands between. */
static void split_allow(char *section, char *key, char *name, size_t size)
{
	char *dot = strcmp(section, "allow") == 0 ? strrchr(key, '.') : NULL;

	name[0] = '\0';
	if (!dot)
		return;
	*dot = '\0';
	text_copy(name, size, key);
	memmove(key, dot + 1, strlen(dot + 1) + 1);
}

int config_set(struct config *config, const char *assignment, struct failure *failure)
{
	struct failure inner = {{0}};
	const char *equals = strchr(assignment, '=');
	const char *dot = strchr(assignment, '.');
	char section[64], key[64 + ALLOW_NAME_MAX], name[ALLOW_NAME_MAX];
	struct config *fresh;
	struct reading reading = {0};
	int error;

	if (!equals || !dot || dot > equals || (size_t)(dot - assignment) >= sizeof(section) ||
	    (size_t)(equals - dot) > sizeof(key))
		return failure_set(failure, -EINVAL, "--set %.200s: not of the form section.key=value",
				   assignment);
	text_copy_bytes(section, sizeof(section), assignment, (size_t)(dot - assignment));
	text_copy_bytes(key, sizeof(key), dot + 1, (size_t)(equals - dot - 1));
	split_allow(section, key, name, sizeof(name));
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return failure_set(failure, -ENOMEM, "out of memory");
	*fresh = *config;
	reading.config = fresh;
	error = on_key(&reading, section, name, key, equals + 1, &inner);
	if (error)
		failure_set(failure, error, "--set %.100s: %.400s", assignment, inner.text);
	else
		*config = *fresh;
	free(fresh);
	return error;
}

int config_validate(const struct config *config, struct failure *failure)
{
	if (config->retention_seconds < config->window_seconds)
		return failure_set(
			failure, -EINVAL,
			"history.retention is shorter than detect.window: what is forgotten would be new "
			"again; make it at least as long");
	for (uint32_t i = 0; i < config->allow_count; i++) {
		const char *why;

		if (allow_check(&config->allow[i], &why))
			return failure_set(failure, -EINVAL, "[allow %s] %s", config->allow[i].name, why);
	}
	return 0;
}
