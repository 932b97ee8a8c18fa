/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * index.h - dpkg's lists of files as one sorted array of 8 bytes a path: a hash, and the
 * number of the package. What the array proposes is looked up in the package's own list, so that
 * two paths of one hash are never taken for each other.
 *
 * An index is made once and never changed: threads may share it to read.
 */
#ifndef PACKAGE_INDEX_H
#define PACKAGE_INDEX_H

#include "package/package.h"

#define INDEX_PATHS_MAX ((size_t)4 * 1024 * 1024) /* 32 MiB; more are not indexed, and said so */
#define INDEX_PACKAGES_MAX ((size_t)100 * 1000)
#define INDEX_LIST_MAX ((size_t)64 * 1024 * 1024) /* bytes of one list, of status, of diversions */

/* A package with a list. */
struct owner {
	char *name;         /* of its list: "curl", "libc6:amd64" */
	char *version;      /* NULL: not known */
	int64_t changed_ns; /* its list's mtime: the last install or upgrade */
	uint64_t inode;
	int64_t size;
	bool removed; /* only its configuration is left */
};

struct diversion {
	char *from, *to; /* as indexed (see index_canonical) */
	char *by;        /* package; ":" for the administrator */
};

/* What of dpkg's files changes when packages do. */
#define INDEX_STAMPS 4
struct stamp {
	int64_t mtime_ns, ctime_ns;
	uint64_t inode;
	int64_t size;
};

struct package_index {
	struct owner *owners; /* by name */
	size_t owner_count;
	uint64_t *entries; /* hash << 32 | owner, by hash */
	size_t entry_count;
	struct diversion *diversions;
	size_t diversion_count;
	uint32_t *by_time; /* owners that are installed, the newest change first */
	size_t by_time_count;
	unsigned merged; /* which top folders are links into /usr: bits of index_tops */
	bool incomplete; /* a list that could not be read or had no room */
	bool racy;       /* a stamp is so young that a change may still hide behind it */
	struct stamp stamps[INDEX_STAMPS];
	uint64_t lists_read;
	size_t bytes;
};

/*
 * Reads dpkg's files below `root`. Of `old` (NULL: none) is kept what did not change. 0 with
 * *out the caller's; -ENOENT: no dpkg here; else -errno. Both with *failure filled.
 */
int index_build(const char *root, const struct package_index *old, struct package_index **out,
		struct failure *failure);
void index_free(struct package_index *index); /* NULL is fine */

/* Fills the stamps as they are now: those of files that are not there are zero. */
void index_stamps(const char *root, struct stamp stamps[static INDEX_STAMPS]);

/* The owner of a path, as dpkg sees it (diversions, merged /usr); NULL: nobody. Reads lists. */
const struct owner *index_find(const struct package_index *index, const char *root, const char *path);

/* --- for the index itself -------------------------------------------------------------- */

/* Which of the top folders (/bin, /lib, ...) are links into /usr. */
unsigned index_merged(const char *root);

/* The one spelling of a path under which it is indexed: /bin/x is /usr/bin/x where /bin is a link to it.
 * Returns its length; 0: too long. */
size_t index_canonical(unsigned merged, const char *path, size_t length, char out[static PACKAGE_PATH_MAX]);

/* A whole file of at most `most` bytes, terminated; to be freed. NULL with errno set. */
char *index_read_file(const char *path, size_t most, size_t *length);

/* Calls for every path in a list, folders left out as far as the order shows them. Ends with what the
 * callback returns, if it is not 0. */
typedef int index_path_callback(void *context, const char *path, size_t length);
int index_each_path(const char *list, size_t length, index_path_callback *callback, void *context);

/* Versions and states out of dpkg's status and its journal, into the owners. Whatever is damaged is passed
 * over. */
void index_read_status(const char *root, struct package_index *index);

/* Diversions. 0 or -ENOMEM. */
int index_read_diversions(const char *root, struct package_index *index);

#endif
