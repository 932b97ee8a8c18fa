/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* files.c - which files make up the configuration. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"

/* Not what editors and package managers leave: .x.conf.swp, x.conf~, x.conf.dpkg-old. */
static int is_drop_in(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* In every language the same. */
static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int read_folder(struct config *config, const char *folder, struct failure *failure)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_drop_in, by_name), error = 0;

	if (count < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return failure_set(failure, -errno, "can not read the configuration's folder %.300s: %s",
				   folder, strerror(errno));
	}
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX + NAME_MAX + 2];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (!error)
			error = config_read_file(config, path, failure);
		free(entries[i]);
	}
	free(entries);
	return error;
}

static int folder_of(const char *path, char folder[static PATH_MAX], struct failure *failure)
{
	if (strcmp(path, CONFIG_DEFAULT_PATH) == 0)
		text_copy(folder, PATH_MAX, CONFIG_DEFAULT_FOLDER);
	else if (snprintf(folder, PATH_MAX, "%s.d", path) >= PATH_MAX)
		return failure_set(failure, -ENAMETOOLONG, "the configuration's path is too long");
	return 0;
}

int config_read(struct config *config, const char *path, struct failure *failure)
{
	const char *file = path ? path : CONFIG_DEFAULT_PATH;
	char folder[PATH_MAX];
	struct config *fresh;
	int error = folder_of(file, folder, failure);

	if (error)
		return error;
	fresh = malloc(sizeof(*fresh)); /* large */
	if (!fresh)
		return failure_set(failure, -ENOMEM, "out of memory");
	*fresh = *config;
	error = config_read_file(fresh, file, failure);
	if (error == -ENOENT && !path)
		error = 0;
	if (!error)
		error = read_folder(fresh, folder, failure);
	if (!error)
		*config = *fresh;
	free(fresh);
	return error;
}
