// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libpsl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/suffix.h"

#define LIST_BYTES_MAX (16 << 20)

struct suffix_list {
	const psl_ctx_t *psl;
	psl_ctx_t *loaded; /* the same, where it is ours to free; the built-in list is not */
	char identity[SUFFIX_IDENTITY_MAX];
};

/* FNV-1a over the whole file: the date changes with every reinstallation, the content does not. */
static int hash_file(FILE *file, uint64_t *hash)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);
	unsigned char buffer[4096];
	size_t got;

	while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
		for (size_t i = 0; i < got; i++)
			value = (value ^ buffer[i]) * UINT64_C(0x100000001b3);
	if (ferror(file))
		return -EIO;
	rewind(file);
	*hash = value;
	return 0;
}

/* Only a regular file: reading a pipe here could hang the start. */
static FILE *open_list(const char *path, struct failure *failure)
{
	struct stat status;
	FILE *file;
	int error;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		error = errno;
	} else if (fstat(fd, &status) < 0) {
		error = errno;
	} else if (!S_ISREG(status.st_mode) || status.st_size > LIST_BYTES_MAX) {
		error = EINVAL;
	} else {
		file = fdopen(fd, "r");
		if (file)
			return file;
		error = errno;
	}
	if (fd >= 0)
		close(fd);
	failure_set(failure, -error, "public suffix list %s: %s; give a regular file of at most 16 MiB", path,
		    strerror(error));
	errno = error;
	return NULL;
}

static int load_file(const char *path, struct suffix_list *list, struct failure *failure)
{
	FILE *file = open_list(path, failure);
	uint64_t hash;

	if (!file)
		return -errno;
	if (hash_file(file, &hash) < 0) {
		fclose(file);
		return failure_set(failure, -EIO, "public suffix list %s: can not be read", path);
	}
	list->loaded = psl_load_fp(file);
	fclose(file);
	/* A DAFSA does not tell its number of rules (-1); a text without any is not a list. */
	if (list->loaded && psl_suffix_count(list->loaded) == 0) {
		psl_free(list->loaded);
		list->loaded = NULL;
	}
	if (!list->loaded)
		return failure_set(
			failure, -EINVAL,
			"public suffix list %s: holds no rules; give a list as of publicsuffix.org", path);
	list->psl = list->loaded;
	snprintf(list->identity, sizeof(list->identity), "%016" PRIx64, hash);
	return 0;
}

/* The choice that psl_latest() makes, in the open, since it does not tell which file it took. */
static const char *system_list(void)
{
	const char *path = psl_dist_filename();
	struct stat status;

	if (!path || !*path || stat(path, &status) < 0)
		return NULL;
	if (psl_builtin() && status.st_mtime <= psl_builtin_file_time())
		return NULL;
	return path;
}

static int load_builtin(struct suffix_list *list, struct failure *failure)
{
	const psl_ctx_t *builtin = psl_builtin();

	if (!builtin)
		return failure_set(failure, -ENOENT,
				   "no public suffix list: install the package publicsuffix or set its path");
	list->psl = builtin;
	snprintf(list->identity, sizeof(list->identity), "builtin-%s", psl_builtin_sha1sum());
	return 0;
}

int suffix_list_load(const char *path, struct suffix_list **out, struct failure *failure)
{
	struct suffix_list *list = calloc(1, sizeof(*list));
	const char *chosen = path ? path : system_list();
	int result = -ENOENT;

	if (!list)
		return failure_set(failure, -ENOMEM, "public suffix list: no memory");
	if (chosen)
		result = load_file(chosen, list, failure);
	if (result < 0 && !path) /* a damaged list of the system must not stop the daemon */
		result = load_builtin(list, failure);
	if (result < 0) {
		free(list);
		return result;
	}
	*out = list;
	return 0;
}

void suffix_list_free(struct suffix_list *list)
{
	if (!list)
		return;
	psl_free(list->loaded);
	free(list);
}

const char *suffix_list_identity(const struct suffix_list *list)
{
	return list->identity;
}

bool suffix_list_has(const struct suffix_list *list, const char *name, bool private_section)
{
	return psl_is_public_suffix2(list->psl, name, private_section ? PSL_TYPE_ANY : PSL_TYPE_ICANN) != 0;
}
