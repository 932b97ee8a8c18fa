/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* config.h - the settings of firstseen: defaults, file, drop-ins, command line. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "core/allow.h"
#include "core/network.h"
#include "core/pipeline.h"
#include "render/render.h"

#define CONFIG_DEFAULT_PATH "/etc/firstseen/firstseen.conf"
#define CONFIG_DEFAULT_FOLDER "/etc/firstseen/conf.d"
#define CONFIG_PORTS_MAX 8
#define CONFIG_SINKS_MAX 8
#define CONFIG_LISTS_MAX 16
#define CONFIG_ALLOW_MAX 256
#define CONFIG_DNS_SERVERS_MAX 512
#define CONFIG_DNS_ZONE_MAX 192
#define CONFIG_DEFAULT_LISTS "/etc/firstseen/threats.d" /* need not be there */
#define CONFIG_DEFAULT_USER "firstseen"
#define CONFIG_DEFAULT_SOCKET "/run/firstseen/control.sock"

enum sink_kind { SINK_STDOUT, SINK_SYSLOG, SINK_FILE, SINK_JOURNAL };
struct sink_setting {
	enum sink_kind kind;
	char path[PATH_MAX]; /* of the file or the log's socket: absolute; "": the usual socket */
};

/* A file, or a folder of files, with domains that are threats. */
struct list_setting {
	enum threat_class class;
	char path[PATH_MAX];
};

struct config {
	/* [detect] */
	int64_t window_seconds;
	int64_t learning_seconds;
	enum scope scope;
	enum unnamed unnamed;
	bool private_suffixes;
	bool aws_buckets;
	struct network_scope inside; /* internal_networks, internal_domains */
	struct crawler_rule crawlers;
	/* [capture] */
	uint32_t dns_port_count;
	uint16_t dns_ports[CONFIG_PORTS_MAX];
	uint32_t ring_bytes; /* a power of two, 64K..1G */
	bool sni;
	int64_t volumes_seconds; /* between the rounds that tell the bytes of open flows */
	/* [history] */
	char history_path[PATH_MAX];
	int64_t retention_seconds; /* never below the window */
	/* [alert] */
	uint32_t sink_count;
	struct sink_setting sinks[CONFIG_SINKS_MAX];
	enum render_format format;
	bool syslog_cee;       /* "@cee:" before the JSON of syslog lines */
	uint32_t waiting_most; /* alerts kept for sinks that are down */
	/* [threat] */
	uint32_t list_count;
	struct list_setting lists[CONFIG_LISTS_MAX];
	/* [control] */
	char socket_path[PATH_MAX]; /* "": none */
	/* [metrics] */
	char metrics_path[PATH_MAX]; /* "": none */
	/* [service] */
	char user[USER_NAME_MAX]; /* "": stays root, without capabilities */
	/* [allow NAME] */
	uint32_t allow_count;
	struct allow_rule allow[CONFIG_ALLOW_MAX];
	/* [enrich] */
	bool packages;
	bool ptr, asn;                            /* ask the DNS for names, and for origin ASes */
	char dns_servers[CONFIG_DNS_SERVERS_MAX]; /* "192.0.2.53,[2001:db8::53]:5353"; "": the system's */
	uint32_t dns_rate;                        /* questions a second */
	char dns_origin[2][CONFIG_DNS_ZONE_MAX];  /* zones of origin ASes, for IPv4 and IPv6; "": not asked */
};

/* What holds where nothing is set (the table in the manual). */
void config_defaults(struct config *config);

/*
 * Reads `path` over what is in *config. An unknown section or key, or a bad value, is
 * -EINVAL with FILE:LINE in *failure, and so is an allow rule that was there before; a file
 * that can not be read is -errno. On failure *config is unchanged.
 */
int config_read_file(struct config *config, const char *path, struct failure *failure);
int config_read_text(struct config *config, const char *label, const char *text, struct failure *failure);

/*
 * All that is configured in files: `path`, and over it its drop-ins, the files *.conf of its folder in the
 * byte order of their names. The folder is CONFIG_DEFAULT_FOLDER for CONFIG_DEFAULT_PATH, PATH.d for any
 * other; it need not be there. NULL: CONFIG_DEFAULT_PATH, which then need not be there either. Fails as
 * config_read_file does.
 */
int config_read(struct config *config, const char *path, struct failure *failure);

/* Applies "section.key=value" (or "allow.NAME.key=value") from the command line. 0 or -EINVAL; *config
 * unchanged on failure. */
int config_set(struct config *config, const char *assignment, struct failure *failure);

/*
 * Reads one field of an allow rule, a user's name and `expires` included. `now_ns`: spans
 * count from then; 0: only dates are taken. 0 or -EINVAL with *failure filled.
 */
int config_allow_field(struct allow_rule *rule, const char *field, const char *value, int64_t now_ns,
		       struct failure *failure);

/* What holds between keys (retention against window). 0 or -EINVAL. */
int config_validate(const struct config *config, struct failure *failure);

#endif
