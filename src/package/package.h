/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * package.h - which package of this host owns a file, its version, when it was upgraded
 * last, and what else changed. dpkg's own files are read into a compact index by a thread of
 * its own; `rpm` is run by that thread where there is an rpm database. Who asks waits for
 * neither longer than he says. One asking thread at a time.
 */
#ifndef PACKAGE_PACKAGE_H
#define PACKAGE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

#define PACKAGE_NAME_MAX 128
#define PACKAGE_VERSION_MAX 128
#define PACKAGE_PATH_MAX 4096
#define PACKAGE_RPM_LIMIT_MS 2000 /* a run of rpm is killed after that */

enum package_result {
	PACKAGE_OWNED,
	PACKAGE_UNOWNED,     /* no package has that file */
	PACKAGE_NO_DATABASE, /* neither dpkg's nor rpm's */
	PACKAGE_PENDING,     /* not read yet; a later question gets the answer */
	PACKAGE_UNREADABLE,  /* the database, or more of it than is indexed */
	PACKAGE_TIMED_OUT,   /* rpm did not answer in time */
	PACKAGE_NO_PATH,     /* it is not known which file it is */
	/* Not a file of this host's tree, so that its path says nothing here: */
	PACKAGE_IN_CONTAINER,
	PACKAGE_OTHER_ROOT,   /* another root folder, or other mounts above the file */
	PACKAGE_PROCESS_GONE, /* has mounts of its own, and ended before they could be compared */
	PACKAGE_RESULTS,
};

/* "owned", "unowned", "no_database", ... */
const char *package_result_name(enum package_result result);

struct package_answer {
	enum package_result result;
	char name[PACKAGE_NAME_MAX]; /* as dpkg names it: "curl", "libc6:amd64"; "" unless PACKAGE_OWNED */
	char version[PACKAGE_VERSION_MAX]; /* "": not known */
	int64_t upgraded_ns;               /* UNIX time of the last install or upgrade; 0: not known */
	bool replaced; /* what runs is no longer the file at that path: it was deleted, or upgraded since */
};

struct package_change {
	char name[PACKAGE_NAME_MAX];
	char version[PACKAGE_VERSION_MAX];
	int64_t time_ns;
};

struct package_figures {
	size_t packages, paths;
	size_t bytes;        /* of the index, in memory */
	int64_t build_ns;    /* what the first reading took */
	int64_t refresh_ns;  /* what the last one took; only changed lists are read again */
	uint64_t refreshes;  /* readings so far */
	uint64_t lists_read; /* by the last one */
	uint64_t rpm_runs;
};

struct packages_settings {
	const char *root; /* "" for this host; else a folder that stands for / */
	const char *proc; /* "/proc" */
	const char *rpm;  /* the program, an absolute path, run without a shell */
};

struct packages; /* opaque */

/* Starts the thread, which begins to read at once. 0, or -errno with *failure filled. Strings are copied. */
int packages_open(const struct packages_settings *settings, struct packages **out, struct failure *failure);
void packages_close(struct packages *packages); /* NULL is fine */

/*
 * Who owns the file at `path` (absolute, of this host). Waits at most `wait_ms` for what is
 * not read yet; where that was in vain, no question waits for the next second.
 */
void packages_find(struct packages *packages, const char *path, unsigned wait_ms, struct package_answer *out);

/* A process, as far as it is known. It may have ended. */
struct package_process {
	uint32_t pid;
	uint32_t mount_namespace; /* inode number; 0: not known */
	uint64_t start_ns;        /* CLOCK_BOOTTIME; 0: not known */
	bool in_container;
	const uint32_t *ancestors; /* pids, the parent first; they may have ended, too */
	size_t ancestor_count;
	const char *exe;    /* may end in " (deleted)"; "" and "/.../x" are no path */
	const char *script; /* of an interpreter: a path, "-jar PATH", "-m MODULE", "-c", or "" */
};

/*
 * Who owns the program of a process, and its script; only where both are of this host's own
 * tree. What was seen of a process while it lived is remembered for when it has ended.
 * *script has PACKAGE_NO_PATH where there is no script or it is no file.
 */
void packages_find_process(struct packages *packages, const struct package_process *process, unsigned wait_ms,
			   struct package_answer *program, struct package_answer *script);

/*
 * Packages installed or upgraded since then: fills up to `most` of `newest`, the newest first, and
 * *count with all of them. Returns how many were filled, or -EAGAIN: not read yet, -ENOENT: no database,
 * -EIO: it can not be read.
 */
int packages_changed(struct packages *packages, int64_t since_ns, unsigned wait_ms,
		     struct package_change *newest, size_t most, uint32_t *count);

void packages_figures(struct packages *packages, struct package_figures *out);

#endif
