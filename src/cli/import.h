/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* import.h - what the parts of `firstseen import` share. */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "cli/cli.h"
#include "core/pipeline.h"
#include "source/lines.h"
#include "source/source.h"
#include "source/zeek.h"

#define IMPORT_CLIENTS_MAX 64
#define IMPORT_BAD_TOLD 10 /* bad lines that are told one by one */

struct import_counts {
	uint64_t lines;
	uint64_t lines_bad;
	uint64_t too_old, in_future; /* lines, rows; in captures flows */
	uint64_t inbound, protocol;
	uint64_t inside;          /* rows of internal names and addresses */
	uint64_t clients;         /* flows of clients that --client leaves out */
	uint64_t imported_before; /* connections */
	uint64_t flows;           /* kept */
	uint64_t rows;            /* of baselines, usable */
	struct merge_counts merged;
};

struct import {
	struct cli *cli;
	struct domain_rules *rules;
	struct history *history;
	struct failure failure;
	struct import_counts counts;
	int64_t oldest_ns, latest_ns; /* what lies outside is left out */
	size_t client_count;          /* 0: all */
	struct network clients[IMPORT_CLIENTS_MAX];

	struct history_import *before; /* what was imported earlier, the shortest first */
	struct digest *known;          /* their digests, of which known_count hold: none with --again */
	size_t before_count, known_count;
	struct history_import *now; /* what is imported now */
	size_t now_count;
	struct history_span *spans; /* that it holds; in no order */
	size_t span_count;
	/* import_flows.c */
	struct batch *batch;
	struct pipeline *pipeline;
	struct zeek *zeek;
	struct source_counts source;
	uint64_t conns, hellos_before; /* of all Zeek logs */
	int error;                     /* the first failure, found in a callback that can not return one */
	int64_t now_ns;
	int64_t from_ns, to_ns; /* of the flows kept since the last file */
};

/* One line about one of the file's lines; the first ones alone, all are counted. */
void import_bad(struct import *import, const char *path, uint64_t line, const char *why);

/* Remembers that a file was imported. 0 or -ENOMEM. */
int import_done(struct import *import, const struct digest *digest, int64_t from_ns, int64_t to_ns);

/* The data holds this moment, and what lies between it and the last one, where that is not long. */
void import_saw(struct import *import, int64_t time_ns);
/* The data holds this span. */
void import_covers(struct import *import, int64_t from_ns, int64_t to_ns);

/* The import that this digest is of, or NULL. */
const struct history_import *import_find(const struct import *import, const struct digest *digest);

/* import_flows.c: captures and Zeek logs, through the pipeline into the history. 0 or -errno, all of them. */
int import_flows_open(struct import *import);
void import_flows_close(struct import *import);
int import_capture(struct import *import, const char *path);
int import_zeek(struct import *import, const char *path);
int import_flows_finish(struct import *import);

/* import_rows.c: baselines, staged in the history. */
enum rows_form { ROWS_CSV, ROWS_JSON };
int import_rows(struct import *import, const char *path, enum rows_form form);
int import_history(struct import *import, const char *path);
/* Whether the first line of a file is a heading that import_rows knows. */
bool import_rows_is_heading(const char *bytes, size_t length);

#endif
