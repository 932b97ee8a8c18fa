/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* internal.h - what the asking side (package.c) and the reading thread (reader.c) share. */
#ifndef PACKAGE_INTERNAL_H
#define PACKAGE_INTERNAL_H

#include <pthread.h>

#include "package/index.h"
#include "package/package.h"
#include "package/rpm.h"

#define CACHE_SLOTS 512   /* a power of two */
#define PROCESS_SLOTS 256 /* likewise */
#define REQUESTS_MAX 16

/* What was answered for a path. */
struct cached {
	char *path;       /* NULL: empty */
	int64_t until_ns; /* CLOCK_MONOTONIC; 0: until packages change */
	struct package_answer answer;
};

/* What a process was seen to be while it lived. */
struct placed {
	uint32_t pid; /* 0: empty */
	uint64_t start_ns;
	uint64_t exe; /* hash */
	enum package_result result;
	bool replaced;
	char *script;
};

struct packages {
	char root[PACKAGE_PATH_MAX / 4], proc[PACKAGE_PATH_MAX / 16], rpm[PACKAGE_PATH_MAX / 4];
	pthread_t worker;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool stop;
	bool wanted;                 /* a reading is due */
	bool read;                   /* the first one is done */
	struct package_index *index; /* NULL: no dpkg, or it could not be read */
	bool unreadable;             /* there is a dpkg, but it could not be read */
	bool rpm_here;
	int rpm_listed; /* 0: rpm_newest is right, -EAGAIN: not yet, else why there is none */
	char rpm_folder[RPM_DATABASE_MAX];
	int64_t rpm_stamp_ns;
	struct package_change *rpm_newest; /* the newest first; NULL: none, or not read */
	size_t rpm_count;
	char *requests[REQUESTS_MAX]; /* paths that rpm is to be asked about; NULL: free */
	int64_t refreshed_ns, checked_ns, impatient_until_ns; /* CLOCK_MONOTONIC */
	struct cached cache[CACHE_SLOTS];
	struct placed placed[PROCESS_SLOTS];
	struct package_figures figures;
};

/* Under the lock: an answer that still holds; keeping one; dropping all. */
bool packages_cached(struct packages *packages, const char *path, struct package_answer *out);
void packages_keep(struct packages *packages, const char *path, const struct package_answer *answer);
void packages_forget(struct packages *packages);

/* Starts the thread; ended by packages->stop. 0 or -errno. */
int reader_start(struct packages *packages);

#endif
