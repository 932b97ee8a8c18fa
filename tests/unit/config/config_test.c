/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/ini.h"

static struct config config, before;

static void refused(const char *text, const char *message)
{
	struct failure failure = {{0}};

	config_defaults(&config);
	before = config;
	assert_int_equal(config_read_text(&config, "f.conf", text, &failure), -EINVAL);
	assert_string_equal(failure.text, message);
	assert_memory_equal(&config, &before, sizeof(config));
}

static void defaults_are_those_of_the_manual(void **state)
{
	struct failure failure;

	(void)state;
	config_defaults(&config);
	assert_int_equal(config.window_seconds, 90 * 86400);
	assert_int_equal(config.learning_seconds, 86400);
	assert_int_equal(config.retention_seconds, 365 * 86400);
	assert_int_equal(config.ring_bytes, 16 << 20);
	assert_int_equal(config.sink_count, 1);
	assert_int_equal(config.sinks[0].kind, SINK_SYSLOG);
	assert_true(config.packages);
	assert_string_equal(config.history_path, "/var/lib/firstseen/history.db");
	assert_int_equal(config_validate(&config, &failure), 0);
}

static void every_key_is_read(void **state)
{
	struct failure failure = {{0}};

	(void)state;
	config_defaults(&config);
	assert_int_equal(
		config_read_text(
			&config, "f.conf",
			"# comment\n; another\n\n[detect]\r\nwindow = 30d\nlearning=0\n"
			"scope=both\nunnamed=record\ninternal_networks=203.0.113.0/24, 2001:db8::/32\n"
			"internal_domains=Corp.Example., intra.example\nprivate_suffixes=yes\n"
			"aws_buckets=true\n[capture]\ndns_ports=53,5353\nring_size=64K\nsni=no\nvolumes=5s\n"
			"[history]\npath=/tmp/h.db\nretention=400d\n"
			"[alert]\nsinks=stdout, "
			"file:/var/log/a.json,syslog\nformat=ecs\nsyslog_cee=yes\nwaiting=50\n"
			"[enrich]\npackages=no\nptr=yes\nasn=true\ndns_rate=5\ndns_origin=\n"
			"dns_origin6=Origin6.Example.\n"
			"dns_servers=192.0.2.53, 192.0.2.54:5353,2001:db8::53,[2001:db8::54]:54",
			&failure),
		0);
	assert_int_equal(config.window_seconds, 30 * 86400);
	assert_int_equal(config.learning_seconds, 0);
	assert_int_equal(config.scope, SCOPE_BOTH);
	assert_int_equal(config.unnamed, UNNAMED_RECORD);
	assert_int_equal(config.inside.network_count, 2);
	assert_int_equal(config.inside.networks[0].bits, 120);
	assert_int_equal(config.inside.domain_count, 2);
	assert_string_equal(config.inside.domains[0], "corp.example");
	assert_true(config.private_suffixes && config.aws_buckets && !config.sni && !config.packages);
	assert_true(config.ptr && config.asn);
	assert_int_equal(config.dns_rate, 5);
	assert_string_equal(config.dns_origin[0], "");
	assert_string_equal(config.dns_origin[1], "origin6.example");
	assert_string_equal(config.dns_servers,
			    "192.0.2.53:53,192.0.2.54:5353,[2001:db8::53]:53,[2001:db8::54]:54");
	assert_int_equal(config.dns_port_count, 2);
	assert_int_equal(config.dns_ports[1], 5353);
	assert_int_equal(config.ring_bytes, 65536);
	assert_int_equal(config.volumes_seconds, 5);
	assert_string_equal(config.history_path, "/tmp/h.db");
	assert_int_equal(config.sink_count, 3);
	assert_string_equal(config.sinks[1].path, "/var/log/a.json");
	assert_int_equal(config.format, RENDER_ECS);
}

static void allow_rules_are_read_whole(void **state)
{
	struct failure failure = {{0}};
	const struct allow_rule *rule = &config.allow[0];

	(void)state;
	config_defaults(&config);
	assert_int_equal(config.crawlers.domains, 20);
	assert_int_equal(config.crawlers.window_seconds, 3600);
	assert_int_equal(
		config_read_text(
			&config, "f.conf",
			"[allow apt mirror]\ndomain=*.Mirror.Example.\nuser=root\nport=443\n"
			"network=203.0.113.0/24\nreason=updates\nexpires=2027-01-01\n"
			"[allow b]\napplication=/usr/bin/*\ncontainer=docker:*\n"
			"[threat]\nlists=/a,/b/c\nnewly_registered=/n\n[control]\nsocket=/run/x.sock\n"
			"[detect]\ncrawler_domains=5\ncrawler_window=10s\ncrawler_host_domains=0\n",
			&failure),
		0);
	assert_int_equal(config.allow_count, 2);
	assert_string_equal(rule->name, "apt mirror");
	assert_string_equal(rule->domain, "*.mirror.example");
	assert_int_equal(rule->uid, 0);
	assert_int_equal(rule->port, 443);
	assert_int_equal(rule->network.bits, 120);
	assert_true(rule->expires_ns == INT64_C(1798761600000000000));
	assert_int_equal(config_validate(&config, &failure), 0);
	assert_int_equal(config.list_count, 3);
	assert_int_equal(config.lists[2].class, THREAT_RECENT);
	assert_string_equal(config.socket_path, "/run/x.sock");
	assert_int_equal(config.crawlers.domains, 5);
	assert_int_equal(config_set(&config, "allow.c.d.domain=example.com", &failure), 0);
	assert_string_equal(config.allow[2].name, "c.d");
	assert_int_equal(config_set(&config, "allow.e.reason=why not", &failure), 0);
	assert_int_equal(config_validate(&config, &failure), -EINVAL);
	assert_non_null(strstr(failure.text, "[allow e] names nothing and would allow everything"));
	refused("[allow x]\nuser=nobody-of-that-name\n",
		"f.conf:2: user: \"nobody-of-that-name\" is no user's number");
	refused("[allow x]\ndomain=a b\n",
		"f.conf:2: domain: \"a b\" is neither a domain, nor *.DOMAIN, nor .DOMAIN");
	refused("[allow x]\nexpires=30d\n", "f.conf:2: expires: \"30d\" is not a time like 2026-03-01");
	refused("[allow]\ndomain=example.com\n",
		"f.conf:2: an allow rule has a name of at most 63 bytes: [allow NAME]");
	refused("[allow x]\ncolour=red\n",
		"f.conf:2: unknown key \"colour\" of an allow rule; it has: domain, application, "
		"container, user, network, port, reason, author, expires");
	refused("[enrich]\ndns_servers=192.0.2.53, dns.example\n",
		"f.conf:2: dns_servers: \"dns.example\" is not a server like 192.0.2.53 or "
		"[2001:db8::53]:5353");
	refused("[enrich]\ndns_servers=[2001:db8::53]:0\n",
		"f.conf:2: dns_servers: \"[2001:db8::53]:0\" has no port from 1 to 65535");
	refused("[enrich]\ndns_servers=192.0.2.53:\n", "f.conf:2: dns_servers: \"192.0.2.53:\" is not a "
						       "server like 192.0.2.53 or [2001:db8::53]:5353");
	refused("[enrich]\ndns_rate=0\n", "f.conf:2: dns_rate: \"0\" is not a number from 1 to 1000");
	refused("[enrich]\ndns_origin=a b\n", "f.conf:2: dns_origin: \"a b\" is not a zone of the DNS");
	refused("[control]\nsocket=run\n",
		"f.conf:2: socket: \"run\" is not an absolute path of at most 107 bytes");
}

static void mistakes_name_file_and_line(void **state)
{
	(void)state;
	refused("[detect]\nwindo=90d\n",
		"f.conf:2: unknown key \"windo\" in [detect]; it has: window, learning, scope, unnamed, "
		"internal_networks, internal_domains, private_suffixes, aws_buckets, crawler_domains, "
		"crawler_window, crawler_host_domains");
	refused("\n[detekt]\nwindow=90d\n",
		"f.conf:3: unknown section [detekt]; there are detect, capture, history, alert, threat, "
		"control, metrics, service, enrich, allow NAME");
	refused("[detect]\nwindow\n", "f.conf:2: neither [section], key=value nor a # comment");
	refused("window=90d\n", "f.conf:1: a key before the first [section]");
	refused("[detect\n", "f.conf:1: a section begins with [ and ends with ]");
	refused("[]\n", "f.conf:1: a section's name is empty or too long");
	refused("[detect]\n=5\n", "f.conf:2: a value without a key");
	refused("[detect]\nwindow=90\n", "f.conf:2: window: \"90\" is not a span like 90d, 24h or 1h30m");
	refused("[detect]\nwindow=5s\n", "f.conf:2: window: \"5s\" is shorter than the least, 1m");
	refused("[detect]\nwindow=9d\nwindow=8d\n", "f.conf:3: \"window\" is given twice");
	refused("[detect]\nscope=hosts\n", "f.conf:2: scope: \"hosts\" is none of: host, application, both");
	refused("[detect]\ninternal_networks=10.0.0.0/8,,1.2.3.4\n",
		"f.conf:2: internal_networks: the list has an item that is empty or too long");
	refused("[detect]\ninternal_networks=10.0.0.0/40\n",
		"f.conf:2: internal_networks: \"10.0.0.0/40\" is not a network like 203.0.113.0/24 or "
		"2001:db8::/32");
	refused("[detect]\nprivate_suffixes=maybe\n",
		"f.conf:2: private_suffixes: \"maybe\" is neither yes nor no");
	refused("[capture]\ndns_ports=70000\n",
		"f.conf:2: dns_ports: \"70000\" is not a port from 1 to 65535");
	refused("[capture]\nring_size=3M\n",
		"f.conf:2: ring_size: \"3M\" is not a power of two from 64K to 1G");
	refused("[history]\npath=h.db\n", "f.conf:2: path: \"h.db\" is not an absolute path");
	refused("[alert]\nsinks=syslog,mail\n",
		"f.conf:2: sinks: \"mail\" is none of: stdout, syslog, journal, file:/PATH");
	refused("[detect home]\nwindow=9d\n",
		"f.conf:2: unknown key \"window\" in [detect]; it has: window, learning, scope, unnamed, "
		"internal_networks, internal_domains, private_suffixes, aws_buckets, crawler_domains, "
		"crawler_window, crawler_host_domains");
}

static int count_keys(void *context, const char *section, const char *name, const char *key,
		      const char *value, struct failure *failure)
{
	(void)section;
	(void)name;
	(void)key;
	(void)value;
	(void)failure;
	++*(int *)context;
	return 0;
}

static void hostile_texts_are_refused(void **state)
{
	struct failure failure = {{0}};
	static char text[INI_VALUE_MAX + 1000];
	int keys = 0;

	(void)state;
	assert_int_equal(ini_read("f", "[a]\nb=\0c\n", 9, count_keys, &keys, &failure), -EINVAL);
	assert_string_equal(failure.text, "f:2: a NUL byte");
	memset(text, 'x', sizeof(text));
	memcpy(text, "[a]\nb=", 6);
	assert_int_equal(ini_read("f", text, sizeof(text), count_keys, &keys, &failure), -EINVAL);
	assert_string_equal(failure.text, "f:2: the line is too long");
	assert_int_equal(ini_read("f", text, 4 + 2 + INI_VALUE_MAX, count_keys, &keys, &failure), -EINVAL);
	assert_string_equal(failure.text, "f:2: the value is longer than 4095 bytes");
	assert_int_equal(keys, 0);
	assert_int_equal(ini_read("f", text, 4 + 2 + INI_VALUE_MAX - 1, count_keys, &keys, &failure), 0);
	assert_int_equal(keys, 1);
}

static void the_command_line_sets_one_key(void **state)
{
	struct failure failure = {{0}};

	(void)state;
	config_defaults(&config);
	assert_int_equal(config_set(&config, "detect.window=7d", &failure), 0);
	assert_int_equal(config.window_seconds, 7 * 86400);
	assert_int_equal(config_set(&config, "detect.windows=7d", &failure), -EINVAL);
	assert_int_equal(strncmp(failure.text, "--set detect.windows=7d: unknown key", 36), 0);
	assert_int_equal(config_set(&config, "nonsense", &failure), -EINVAL);
	assert_string_equal(failure.text, "--set nonsense: not of the form section.key=value");
}

static void what_is_forgotten_would_be_new_again(void **state)
{
	struct failure failure = {{0}};

	(void)state;
	config_defaults(&config);
	assert_int_equal(config_set(&config, "history.retention=30d", &failure), 0);
	assert_int_equal(config_validate(&config, &failure), -EINVAL);
	assert_int_equal(strncmp(failure.text, "history.retention is shorter than detect.window", 47), 0);
}

static void files_that_are_not_there_are_told(void **state)
{
	struct failure failure = {{0}};

	(void)state;
	config_defaults(&config);
	assert_int_equal(config_read_file(&config, "/nonexistent/f.conf", &failure), -ENOENT);
	assert_string_equal(failure.text,
			    "can not read the configuration /nonexistent/f.conf: No such file or directory");
	assert_int_equal(config_read_file(&config, "/", &failure), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(allow_rules_are_read_whole),
		cmocka_unit_test(mistakes_name_file_and_line),
		cmocka_unit_test(hostile_texts_are_refused),
		cmocka_unit_test(the_command_line_sets_one_key),
		cmocka_unit_test(what_is_forgotten_would_be_new_again),
		cmocka_unit_test(files_that_are_not_there_are_told),
	};

	return cmocka_run_group_tests_name("config/config", tests, NULL, NULL);
}
