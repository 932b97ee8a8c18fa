/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "render/samples.h"

#include <netinet/in.h>
#include <string.h>

#include "base/text.h"

#define DAY (SECONDS_PER_DAY * NS_PER_SECOND)

void sample_plain(struct sample *sample)
{
	struct alert *alert = &sample->alert;

	memset(sample, 0, sizeof(*sample));
	strcpy(alert->uid, "019b76da-a800-7abc-8def-0123456789ab");
	alert->kind = ALERT_NEW_DOMAIN;
	alert->severity = SEVERITY_MEDIUM;
	alert->time_ns = SAMPLE_TIME_NS;
	alert->subject = SUBJECT_DOMAIN;
	strcpy(alert->domain, "example.co.uk");
	alert->attribution.method = METHOD_DNS;
	alert->attribution.rank = RANK_PROCESS;
	alert->attribution.age_ns = 2500000;
	strcpy(alert->attribution.hostname, "www.example.co.uk");
	address_parse("203.0.113.7", &alert->remote);
	address_parse("203.0.113.10", &alert->local);
	alert->remote_port = 443;
	alert->protocol = IPPROTO_TCP;
	alert->process.owner =
		(struct fs_owner){.tgid = 4242, .uid = 1000, .cgroup_id = 77, .netns = 4026531840};
	alert->process.login_uid = FS_UID_UNKNOWN;
	alert->window_seconds = 90 * SECONDS_PER_DAY;
	alert->coverage = -1;
	strcpy(sample->dossier.product_version, "0.1.0");
}

static void fill_process(struct process *process)
{
	process->login_uid = 1000;
	process->gid = 1000;
	process->pid_namespace = 4026531836;
	process->mount_namespace = 4026531841;
	strcpy(process->comm, "curl");
	strcpy(process->exe, "/usr/bin/curl");
	strcpy(process->arguments, "curl -s https://www.example.co.uk/");
	strcpy(process->cgroup, "/system.slice/docker-0123456789abcdef.scope");
	strcpy(process->container, "docker:0123456789ab");
	strcpy(process->application, "/usr/bin/curl [docker:0123456789ab]");
	process->ancestor_count = 2;
	process->ancestors[0].tgid = 4200;
	strcpy(process->ancestors[0].comm, "bash");
	process->ancestors[1].tgid = 1;
	memcpy(process->ancestors[1].comm, "sixteen-bytes-xx", FS_COMM_SIZE); /* not terminated */
}

static void change(struct dossier_change *change, const char *name, const char *version, int64_t time_ns)
{
	strcpy(change->name, name);
	strcpy(change->version, version);
	change->time_ns = time_ns;
}

static void package(struct dossier_package *package, const char *name, const char *version)
{
	memset(package, 0, sizeof(*package));
	strcpy(package->name, name);
	strcpy(package->version, version);
	package->upgraded_ns = SAMPLE_TIME_NS - 2 * DAY;
}

static void fill_dossier(struct dossier *dossier)
{
	strcpy(dossier->host, "web-1");
	strcpy(dossier->host_id, "0123456789abcdef0123456789abcdef");
	strcpy(dossier->user, "alice");
	strcpy(dossier->login_user, "alice");
	dossier->application_first_ns = SAMPLE_TIME_NS - 200 * DAY;
	dossier->application_domains = 12;
	dossier->application_connections = 3456;
	strcpy(dossier->package.absent, "in_container");
	dossier->packages_counted = true;
	dossier->packages_changed = 5;
	strcpy(dossier->application_recent, "example.net example.org");
	strcpy(dossier->application_users, "alice root");
	strcpy(dossier->known_to, "/usr/bin/wget\n/usr/bin/python3 /opt/sync.py");
	dossier->changes_listed = 2;
	change(&dossier->changes[0], "openssl", "3.0.17-1", SAMPLE_TIME_NS - DAY);
	change(&dossier->changes[1], "libssl3:amd64", "3.0.17-1", SAMPLE_TIME_NS - DAY - 1);
}

void sample_full(struct sample *sample)
{
	struct alert *alert = &sample->alert;

	sample_plain(sample);
	fill_process(&alert->process);
	fill_dossier(&sample->dossier);
	alert->process_known = true;
	strcpy(alert->attribution.chain, "edge.cdn.example a1.cdn.example");
	alert->attribution.rival_count = 9;
	alert->attribution.rivals_listed = 2;
	strcpy(alert->attribution.rivals[0], "www.rival.example");
	strcpy(alert->attribution.rivals[1], "other.example");
	alert->local_port = 40000;
	alert->seen = (struct seen){.host_first_ns = SAMPLE_TIME_NS - 300 * DAY,
				    .host_last_ns = SAMPLE_TIME_NS - 91 * DAY};
	alert->baseline_since_ns = SAMPLE_TIME_NS - 300 * DAY;
	alert->coverage = 0.9987;
	alert->revision = 1;
	alert->outcome = FS_OUTCOME_ESTABLISHED;
	alert->bytes_out = 812;
	alert->bytes_in = 20480;
	alert->severity = SEVERITY_HIGH;
	sample->dossier.origin_asn = 64496;
	strcpy(sample->dossier.origin_status, "known");
	strcpy(sample->dossier.origin_prefix, "203.0.113.0/24");
	strcpy(sample->dossier.origin_country, "ZZ");
	strcpy(sample->dossier.origin_registry, "ripencc");
}

static void on_the_host(struct sample *sample)
{
	struct process *process = &sample->alert.process;

	sample_full(sample);
	strcpy(process->cgroup, "/system.slice/cron.service");
	strcpy(process->container, "unit:cron.service");
	strcpy(process->application, "/usr/bin/curl");
	package(&sample->dossier.package, "curl", "7.88.1-10");
	sample->dossier.package.replaced = true;
}

static void script(struct sample *sample)
{
	struct process *process = &sample->alert.process;

	on_the_host(sample);
	strcpy(process->comm, "unattended-upgr");
	strcpy(process->exe, "/usr/bin/python3.11");
	strcpy(process->arguments, "/usr/bin/python3 /usr/bin/unattended-upgrade");
	strcpy(process->script, "/usr/bin/unattended-upgrade");
	strcpy(process->application, "/usr/bin/python3.11 /usr/bin/unattended-upgrade");
	package(&sample->dossier.package, "python3.11-minimal", "3.11.2-6");
	package(&sample->dossier.script_package, "unattended-upgrades", "2.9.1");
}

static void own_script(struct sample *sample)
{
	script(sample);
	memset(&sample->dossier.script_package, 0, sizeof(sample->dossier.script_package));
	strcpy(sample->dossier.script_package.absent, "unowned");
}

static void unnamed(struct sample *sample)
{
	sample_full(sample);
	sample->alert.kind = ALERT_NEW_ADDRESS;
	sample->alert.subject = SUBJECT_ADDRESS;
	address_parse("2001:db8::7", &sample->alert.remote);
	address_parse("::", &sample->alert.local);
	strcpy(sample->alert.domain, "2001:db8::7");
	memset(&sample->alert.attribution, 0, sizeof(sample->alert.attribution));
	strcpy(sample->dossier.reverse_status, "unconfirmed");
	strcpy(sample->dossier.reverse_name, "www.example.com");
	strcpy(sample->dossier.origin_prefix, "2001:db8::/32");
}

static void by_sni(struct sample *sample)
{
	sample_full(sample);
	sample->alert.attribution.method = METHOD_SNI;
	strcpy(sample->alert.attribution.dns_hostname, "www.rival.example");
}

static void for_application(struct sample *sample)
{
	sample_full(sample);
	sample->alert.kind = ALERT_NEW_DOMAIN_FOR_APPLICATION;
	sample->alert.severity = SEVERITY_LOW;
	sample->alert.seen.host_last_ns = SAMPLE_TIME_NS - DAY;
}

static void threat(struct sample *sample)
{
	sample_full(sample);
	sample->alert.kind = ALERT_THREAT_DOMAIN;
	sample->alert.severity = SEVERITY_CRITICAL;
	sample->alert.seen.host_last_ns = SAMPLE_TIME_NS - DAY;
	strcpy(sample->alert.threat.list, "blocklist.txt");
	strcpy(sample->alert.threat.entry, "example.co.uk");
}

/* About a program and the many domains it went to: no single flow. */
static void digest(struct sample *sample)
{
	sample_full(sample);
	sample->alert.kind = ALERT_CRAWLER_DIGEST;
	sample->alert.severity = SEVERITY_MEDIUM;
	sample->alert.domain[0] = '\0';
	memset(&sample->alert.attribution, 0, sizeof(sample->alert.attribution));
	memset(&sample->alert.remote, 0, sizeof(sample->alert.remote));
	memset(&sample->alert.local, 0, sizeof(sample->alert.local));
	sample->alert.crawl = (struct crawl){.since_ns = SAMPLE_TIME_NS - DAY,
					     .from_ns = SAMPLE_TIME_NS - 1800 * NS_PER_SECOND,
					     .to_ns = SAMPLE_TIME_NS,
					     .rule_domains = 20,
					     .rule_seconds = 3600,
					     .count = 23,
					     .listed = 2,
					     .phase = CRAWL_GOES_ON};
	strcpy(sample->alert.crawl.examples, "example.net example.org");
}

static void for_operator(struct sample *sample)
{
	memset(sample, 0, sizeof(*sample));
	strcpy(sample->alert.uid, "019b76da-a800-7abc-8def-0123456789ab");
	sample->alert.kind = ALERT_LEARNING_COMPLETE;
	sample->alert.severity = SEVERITY_INFORMATIONAL;
	sample->alert.time_ns = SAMPLE_TIME_NS;
	sample->alert.coverage = -1;
	strcpy(sample->alert.message, "learning is complete: 42 domains are known");
	strcpy(sample->dossier.host, "web-1");
}

#define FILL(field, byte) (memset(field, byte, sizeof(field) - 1), (field)[sizeof(field) - 1] = '\0')

static void fill_texts(struct alert *alert, struct dossier *dossier, char byte)
{
	struct process *process = &alert->process;

	FILL(alert->uid, byte);
	FILL(alert->domain, byte);
	FILL(alert->attribution.hostname, byte);
	FILL(alert->attribution.dns_hostname, byte);
	FILL(alert->attribution.chain, byte);
	FILL(process->comm, byte);
	FILL(process->exe, byte);
	FILL(process->arguments, byte);
	FILL(process->cgroup, byte);
	FILL(process->container, byte);
	memcpy(process->container, "containerd:", 11);
	FILL(process->script, byte);
	FILL(process->application, byte);
	FILL(alert->threat.list, byte);
	FILL(alert->threat.entry, byte);
	FILL(alert->crawl.examples, byte);
	FILL(dossier->application_recent, byte);
	FILL(dossier->application_users, byte);
	FILL(dossier->known_to, byte);
	FILL(dossier->host, byte);
	FILL(dossier->host_id, byte);
	FILL(dossier->user, byte);
	FILL(dossier->login_user, byte);
	FILL(dossier->package.name, byte);
	FILL(dossier->package.version, byte);
	FILL(dossier->script_package.name, byte);
	FILL(dossier->script_package.version, byte);
	FILL(dossier->product_version, byte);
	for (int i = 0; i < DOSSIER_CHANGES_MAX; i++) {
		FILL(dossier->changes[i].name, byte);
		FILL(dossier->changes[i].version, byte);
		dossier->changes[i].time_ns = SAMPLE_TIME_NS;
	}
	for (int i = 0; i < RIVALS_MAX; i++)
		FILL(alert->attribution.rivals[i], byte);
	for (int i = 0; i < FS_ANCESTORS_MAX; i++)
		memset(process->ancestors[i].comm, byte, FS_COMM_SIZE);
}

/* Numbers with as many digits as they can have, names of the longest. */
static void fill_numbers(struct alert *alert)
{
	alert->severity = SEVERITY_INFORMATIONAL;
	alert->revision = UINT32_MAX;
	alert->time_ns = SAMPLE_TIME_NS + 123456789;
	alert->attribution.method = METHOD_STALE_DNS;
	alert->attribution.rank = RANK_NAMESPACE;
	alert->attribution.age_ns = INT64_MIN;
	alert->attribution.rival_count = UINT32_MAX;
	alert->attribution.rivals_listed = RIVALS_MAX;
	memset(alert->remote.bytes, 0xee, sizeof(alert->remote.bytes));
	memset(alert->local.bytes, 0xee, sizeof(alert->local.bytes));
	alert->remote_port = alert->local_port = UINT16_MAX;
	alert->protocol = UINT8_MAX;
	alert->outcome = FS_OUTCOME_UNREACHABLE;
	alert->bytes_out = alert->bytes_in = UINT64_MAX;
	alert->process_known = true;
	memset(&alert->process.owner, 0xfe, sizeof(alert->process.owner));
	alert->process.login_uid = alert->process.gid = UINT32_MAX - 1;
	alert->process.pid_namespace = alert->process.mount_namespace = UINT32_MAX;
	alert->process.arguments_cut = true;
	alert->process.ancestor_count = FS_ANCESTORS_MAX;
	for (int i = 0; i < FS_ANCESTORS_MAX; i++)
		alert->process.ancestors[i].tgid = UINT32_MAX;
	alert->seen = (struct seen){SAMPLE_TIME_NS - 1, SAMPLE_TIME_NS - 1, SAMPLE_TIME_NS - 1, true};
	alert->window_seconds = 90 * SECONDS_PER_DAY + 1;
	alert->threat.class = THREAT_RECENT;
	alert->crawl.since_ns = alert->crawl.from_ns = alert->crawl.to_ns = SAMPLE_TIME_NS;
	alert->crawl.rule_domains = alert->crawl.count = UINT32_MAX;
	alert->crawl.rule_seconds = INT64_MAX / NS_PER_SECOND;
	alert->crawl.phase = CRAWL_GOES_ON;
	alert->baseline_since_ns = 1;
	alert->coverage = 0.12345678901234;
}

void sample_worst(struct sample *sample, enum alert_kind kind, char byte)
{
	memset(sample, 0, sizeof(*sample));
	sample->alert.kind = kind;
	sample->alert.subject = SUBJECT_DOMAIN;
	fill_numbers(&sample->alert);
	fill_texts(&sample->alert, &sample->dossier, byte);
	FILL(sample->dossier.reverse_name, '\\');
	strcpy(sample->dossier.reverse_status, "unconfirmed");
	strcpy(sample->dossier.origin_status, "no_answer");
	strcpy(sample->dossier.origin_prefix, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128");
	strcpy(sample->dossier.origin_country, "ZZ");
	strcpy(sample->dossier.origin_registry, "abcdefghijklmno");
	sample->dossier.origin_asn = UINT32_MAX;
	if (kind >= ALERT_LEARNING_COMPLETE)
		FILL(sample->alert.message, byte);
	sample->dossier.application_first_ns = sample->dossier.package.upgraded_ns = SAMPLE_TIME_NS;
	sample->dossier.package.replaced = sample->dossier.packages_counted = true;
	sample->dossier.changes_listed = DOSSIER_CHANGES_MAX;
	sample->dossier.application_domains = sample->dossier.application_connections = UINT64_MAX;
	sample->dossier.packages_changed = UINT32_MAX;
}

static void hostile(struct sample *sample)
{
	sample_worst(sample, ALERT_NEW_DOMAIN_FOR_APPLICATION, 1);
	/* What the program counts itself is never out of an integer's range in the schemas. */
	sample->alert.bytes_out = sample->alert.bytes_in = INT64_MAX;
}

const struct sample_row sample_rows[] = {
	{"plain", sample_plain},
	{"full", sample_full},
	{"unnamed", unnamed},
	{"by_sni", by_sni},
	{"threat", threat},
	{"for_application", for_application},
	{"digest", digest},
	{"for_operator", for_operator},
	{"on_the_host", on_the_host},
	{"script", script},
	{"own_script", own_script},
	{"hostile", hostile},
	{NULL, NULL},
};
