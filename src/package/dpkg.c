/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dpkg.c - dpkg's files, as deb(5) tools write them: lists, status, diversions. Any bytes are borne. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "package/index.h"

#define STANZA_NAME_MAX (2 * PACKAGE_NAME_MAX)
#define UPDATES_MAX 4096

char *index_read_file(const char *path, size_t most, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *text = NULL;
	size_t size, used = 0;
	int error = 0;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode))
		error = errno ? errno : EINVAL;
	else if ((uint64_t)status.st_size > most)
		error = EFBIG;
	size = error ? 0 : (size_t)status.st_size;
	text = error ? NULL : malloc(size + 1);
	while (text && used < size) {
		ssize_t got = read(fd, text + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			error = errno;
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	close(fd);
	if (!text || error) {
		free(text);
		errno = error ? error : ENOMEM;
		return NULL;
	}
	text[used] = '\0';
	*length = used;
	return text;
}

/* --- paths ------------------------------------------------------------------------------------ */

static const char *const tops[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"};
#define TOPS (sizeof(tops) / sizeof(tops[0]))

unsigned index_merged(const char *root)
{
	char path[PACKAGE_PATH_MAX], target[64], relative[32];
	unsigned merged = 0;

	for (size_t i = 0; i < TOPS; i++) {
		ssize_t length;

		snprintf(path, sizeof(path), "%s/%s", root, tops[i]);
		snprintf(relative, sizeof(relative), "usr/%s", tops[i]);
		length = readlink(path, target, sizeof(target) - 1);
		if (length <= 0)
			continue;
		target[length] = '\0';
		if (strcmp(target + (target[0] == '/'), relative) == 0)
			merged |= 1u << i;
	}
	return merged;
}

size_t index_canonical(unsigned merged, const char *path, size_t length, char out[static PACKAGE_PATH_MAX])
{
	size_t prefix = 0;

	for (size_t i = 0; i < TOPS && merged; i++) {
		size_t top = strlen(tops[i]);

		if ((merged & 1u << i) && length > top + 1 && path[top + 1] == '/' &&
		    memcmp(path + 1, tops[i], top) == 0)
			prefix = strlen("/usr");
	}
	if (length == 0 || length + prefix >= PACKAGE_PATH_MAX)
		return 0;
	memcpy(out, "/usr", prefix);
	memcpy(out + prefix, path, length);
	out[prefix + length] = '\0';
	return prefix + length;
}

int index_each_path(const char *list, size_t length, index_path_callback *callback, void *context)
{
	const char *end = list + length, *before = NULL;
	size_t before_length = 0;
	int result = 0;

	while (list < end && !result) {
		const char *newline = memchr(list, '\n', (size_t)(end - list));
		const char *line = list;
		size_t line_length = (size_t)((newline ? newline : end) - list);

		list += line_length + 1;
		if (line_length < 2 || line[0] != '/' || memchr(line, '\0', line_length))
			continue;
		/* A folder is followed by what is in it. */
		if (before && !(line_length > before_length && line[before_length] == '/' &&
				memcmp(line, before, before_length) == 0))
			result = callback(context, before, before_length);
		before = line;
		before_length = line_length;
	}
	return before && !result ? callback(context, before, before_length) : result;
}

/* --- status --------------------------------------------------------------------------------------- */

struct stanza {
	char package[PACKAGE_NAME_MAX];
	char architecture[PACKAGE_NAME_MAX];
	char version[PACKAGE_VERSION_MAX];
	char status[64];
};

static struct owner *owner_named(struct package_index *index, const char *name)
{
	size_t low = 0, high = index->owner_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(index->owners[middle].name, name);

		if (order == 0)
			return &index->owners[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

/* "want flag state": the last word counts. */
static const char *state_of(const struct stanza *stanza)
{
	const char *space = strrchr(stanza->status, ' ');

	return space ? space + 1 : stanza->status;
}

static void take_stanza(struct package_index *index, const struct stanza *stanza)
{
	char name[STANZA_NAME_MAX];
	const char *state = state_of(stanza);
	struct owner *owner;

	if (!stanza->package[0] || strcmp(state, "not-installed") == 0)
		return;
	snprintf(name, sizeof(name), "%s:%s", stanza->package, stanza->architecture);
	owner = owner_named(index, name);
	if (!owner)
		owner = owner_named(index, stanza->package);
	if (!owner)
		return;
	owner->removed = strcmp(state, "config-files") == 0;
	if (stanza->version[0] && is_plain(stanza->version)) {
		char *version = strdup(stanza->version);

		if (!version)
			return;
		free(owner->version);
		owner->version = version;
	}
}

static void take_field(struct stanza *stanza, const char *line, size_t length)
{
	const struct {
		const char *key;
		char *target;
		size_t size;
	} fields[] = {
		{"Package:", stanza->package, sizeof(stanza->package)},
		{"Architecture:", stanza->architecture, sizeof(stanza->architecture)},
		{"Version:", stanza->version, sizeof(stanza->version)},
		{"Status:", stanza->status, sizeof(stanza->status)},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t key = strlen(fields[i].key);

		if (length <= key || memcmp(line, fields[i].key, key) != 0)
			continue;
		line += key;
		length -= key;
		while (length && (*line == ' ' || *line == '\t')) {
			line++;
			length--;
		}
		while (length && (line[length - 1] == ' ' || line[length - 1] == '\t'))
			length--;
		/* What is too long is no name or version that dpkg would take. */
		if (!text_copy_bytes(fields[i].target, fields[i].size, line, length))
			fields[i].target[0] = '\0';
		return;
	}
}

static void read_stanzas(struct package_index *index, const char *text, size_t length)
{
	const char *end = text + length;
	struct stanza stanza = {0};

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((newline ? newline : end) - text);

		if (line == 0) {
			take_stanza(index, &stanza);
			memset(&stanza, 0, sizeof(stanza));
		} else {
			take_field(&stanza, text, line);
		}
		text += line + 1;
	}
	take_stanza(index, &stanza);
}

static void read_stanza_file(struct package_index *index, const char *path)
{
	size_t length;
	char *text = index_read_file(path, INDEX_LIST_MAX, &length);

	if (text)
		read_stanzas(index, text, length);
	free(text);
}

static int is_update(const struct dirent *entry)
{
	return entry->d_name[0] && entry->d_name[strspn(entry->d_name, "0123456789")] == '\0';
}

/* While dpkg runs, what it has done is in numbered files, which it adds to `status` at its end. */
void index_read_status(const char *root, struct package_index *index)
{
	char folder[PACKAGE_PATH_MAX / 2], path[PACKAGE_PATH_MAX];
	struct dirent **updates = NULL;
	int count;

	snprintf(path, sizeof(path), "%s/var/lib/dpkg/status", root);
	read_stanza_file(index, path);
	snprintf(folder, sizeof(folder), "%s/var/lib/dpkg/updates", root);
	count = scandir(folder, &updates, is_update, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, updates[i]->d_name);
		if (i < UPDATES_MAX)
			read_stanza_file(index, path);
		free(updates[i]);
	}
	free(updates);
}

/* --- diversions --------------------------------------------------------------------------------------- */

static char *canonical_copy(unsigned merged, const char *path, size_t length)
{
	char canonical[PACKAGE_PATH_MAX];

	return index_canonical(merged, path, length, canonical) ? strdup(canonical) : strdup("");
}

static int add_diversion(struct package_index *index, const char *lines[3], const size_t lengths[3])
{
	struct diversion *more =
		reallocarray(index->diversions, index->diversion_count + 1, sizeof(*index->diversions));
	struct diversion *diversion;

	if (!more)
		return -ENOMEM;
	index->diversions = more;
	diversion = &more[index->diversion_count++];
	diversion->from = canonical_copy(index->merged, lines[0], lengths[0]);
	diversion->to = canonical_copy(index->merged, lines[1], lengths[1]);
	diversion->by = strndup(lines[2], lengths[2]);
	return diversion->from && diversion->to && diversion->by ? 0 : -ENOMEM;
}

/* Three lines each: from where, to where, by which package. */
int index_read_diversions(const char *root, struct package_index *index)
{
	char path[PACKAGE_PATH_MAX], *text;
	const char *lines[3], *at;
	size_t length, lengths[3], count = 0;
	int error = 0;

	snprintf(path, sizeof(path), "%s/var/lib/dpkg/diversions", root);
	text = index_read_file(path, INDEX_LIST_MAX, &length);
	if (!text)
		return errno == ENOMEM ? -ENOMEM : 0;
	for (at = text; at < text + length && !error; at += lengths[count ? count - 1 : 2] + 1) {
		lines[count] = at;
		lengths[count] = strcspn(at, "\n");
		if (++count < 3)
			continue;
		count = 0;
		error = add_diversion(index, lines, lengths);
	}
	free(text);
	return error;
}
