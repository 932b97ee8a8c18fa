/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* report.h - what the parts of `firstseen report` share. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdio.h>

#include "cli/cli.h"
#include "cli/page.h"

/* The page never becomes larger than that, whatever the history holds. */
#define REPORT_BYTES_MAX (2000 * 1000)

#define REPORT_BARS_MAX 120
#define REPORT_NAME_MOST 200 /* bytes of a name, but where it is what the row is about */

struct report {
	const struct cli *cli;
	struct history *history;
	struct failure *failure;
	int64_t window_ns;
	int64_t to_ns;   /* the report is as of then */
	int64_t from_ns; /* midnight */
	int64_t from_day, days;
	char host[256]; /* "": not known */
	int64_t learning_until_ns;
	struct history_summary summary;
	double coverage;
	/* First seen: in all, before the plots begin, and inside them. */
	uint64_t domains_before, domains_fresh, addresses_fresh;
	/* Bars of `step` days each. */
	int64_t step;
	size_t bars;
	struct report_bar {
		uint64_t domains, addresses;
		uint64_t known; /* domains at its end */
	} bar[REPORT_BARS_MAX];
};

/* The sections. 0, or -errno with *report->failure filled. */
void report_put_head(const struct report *report, FILE *out);
int report_put_plots(const struct report *report, FILE *out);
int report_put_coverage(const struct report *report, FILE *out);
int report_put_newest(const struct report *report, FILE *out);
int report_put_applications(const struct report *report, FILE *out);
int report_put_map(const struct report *report, FILE *out);
int report_put_crawlers(const struct report *report, FILE *out);
int report_put_rules(const struct report *report, FILE *out);

/* The open alerts, most severe first, as far as `bytes` suffice. */
int report_put_alerts(const struct report *report, FILE *out, size_t bytes);

/* Up to </head>: the style, and a policy that allows this style and nothing else. */
void report_put_style(FILE *out);

#endif
