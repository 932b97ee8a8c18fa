/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "package/index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"

#define INFO "/var/lib/dpkg/info"
#define FIRST_ENTRIES 4096
/* A file changed twice within a tick of the kernel's clock keeps its mtime. */
#define RACY_NS (100 * NS_PER_MS)

static int64_t time_of(const struct timespec *time)
{
	return time->tv_sec * NS_PER_SECOND + time->tv_nsec;
}

/* --- the owners -------------------------------------------------------------------------------- */

struct building {
	const char *root;
	const struct package_index *old;
	struct package_index *index;
	size_t entry_room, owner_room;
	uint32_t *kept;  /* by number in the old index: its number now + 1; 0: gone or changed */
	bool *fresh;     /* by number now: its list is to be read */
	uint32_t number; /* of the package whose list is read */
};

static int compare_owners(const void *a, const void *b)
{
	return strcmp(((const struct owner *)a)->name, ((const struct owner *)b)->name);
}

static int add_owner(struct building *building, const char *file, const struct stat *status)
{
	struct package_index *index = building->index;
	size_t length = strlen(file) - strlen(".list");
	struct owner *owner;

	if (index->owner_count == building->owner_room) {
		size_t room = building->owner_room ? building->owner_room * 2 : 1024;
		struct owner *more = reallocarray(index->owners, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		index->owners = more;
		building->owner_room = room;
	}
	owner = &index->owners[index->owner_count];
	*owner = (struct owner){
		.name = strndup(file, length),
		.changed_ns = time_of(&status->st_mtim),
		.inode = status->st_ino,
		.size = status->st_size,
	};
	if (!owner->name)
		return -ENOMEM;
	index->owner_count++;
	return 0;
}

static bool is_list(const char *file)
{
	size_t length = strlen(file);

	return length > strlen(".list") && length - strlen(".list") < PACKAGE_NAME_MAX &&
	       strcmp(file + length - strlen(".list"), ".list") == 0;
}

static int read_owners(struct building *building, struct failure *failure)
{
	char path[PACKAGE_PATH_MAX];
	struct dirent *entry;
	struct stat status;
	DIR *folder;
	int error = 0;

	snprintf(path, sizeof(path), "%s" INFO, building->root);
	folder = opendir(path);
	if (!folder)
		return failure_set(failure, -errno, "can not read %s: %s", path, strerror(errno));
	while (!error && (entry = readdir(folder))) {
		/* Gone between readdir and here: dpkg is at work, and the next reading is due anyway. */
		if (!is_list(entry->d_name) || fstatat(dirfd(folder), entry->d_name, &status, 0) ||
		    !S_ISREG(status.st_mode))
			continue;
		if (building->index->owner_count == INDEX_PACKAGES_MAX)
			building->index->incomplete = true;
		else
			error = add_owner(building, entry->d_name, &status);
	}
	closedir(folder);
	if (building->index->owner_count)
		qsort(building->index->owners, building->index->owner_count, sizeof(struct owner),
		      compare_owners);
	return error ? failure_set(failure, error, "out of memory for the packages' names") : 0;
}

/* Both are in the order of their names. */
static int compare_with_old(struct building *building)
{
	const struct package_index *old = building->old, *index = building->index;
	size_t at = 0;

	building->fresh = calloc(index->owner_count + 1, sizeof(*building->fresh));
	building->kept = calloc((old ? old->owner_count : 0) + 1, sizeof(*building->kept));
	if (!building->fresh || !building->kept)
		return -ENOMEM;
	for (size_t i = 0; i < index->owner_count; i++) {
		const struct owner *owner = &index->owners[i], *before;

		building->fresh[i] = true;
		while (old && at < old->owner_count && strcmp(old->owners[at].name, owner->name) < 0)
			at++;
		if (!old || at == old->owner_count || old->incomplete || old->merged != index->merged)
			continue;
		before = &old->owners[at];
		if (strcmp(before->name, owner->name) != 0 || before->changed_ns != owner->changed_ns ||
		    before->inode != owner->inode || before->size != owner->size)
			continue;
		building->fresh[i] = false;
		building->kept[at] = (uint32_t)i + 1;
	}
	return 0;
}

/* --- the paths ------------------------------------------------------------------------------------ */

static uint64_t entry_of(const char *path, size_t length, uint32_t owner)
{
	return (hash_bytes(0, path, length) & ~UINT64_C(0xffffffff)) | owner;
}

static int add_path(void *context, const char *path, size_t length)
{
	struct building *building = context;
	struct package_index *index = building->index;
	char canonical[PACKAGE_PATH_MAX];

	length = index_canonical(index->merged, path, length, canonical);
	if (!length || index->entry_count == INDEX_PATHS_MAX) {
		index->incomplete |= length != 0;
		return 0;
	}
	if (index->entry_count == building->entry_room) {
		size_t room = building->entry_room ? building->entry_room * 2 : FIRST_ENTRIES;
		uint64_t *more = reallocarray(index->entries, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		index->entries = more;
		building->entry_room = room;
	}
	index->entries[index->entry_count++] = entry_of(canonical, length, building->number);
	return 0;
}

static int read_list(struct building *building, uint32_t number)
{
	const struct owner *owner = &building->index->owners[number];
	char path[PACKAGE_PATH_MAX], *text;
	size_t length;
	int error;

	snprintf(path, sizeof(path), "%s" INFO "/%s.list", building->root, owner->name);
	text = index_read_file(path, INDEX_LIST_MAX, &length);
	if (!text) {
		building->index->incomplete |= errno != ENOENT;
		return errno == ENOMEM ? -ENOMEM : 0;
	}
	building->number = number;
	building->index->lists_read++;
	error = index_each_path(text, length, add_path, building);
	free(text);
	return error;
}

static int compare_entries(const void *a, const void *b)
{
	uint64_t first, second;

	memcpy(&first, a, sizeof(first));
	memcpy(&second, b, sizeof(second));
	return first < second ? -1 : first > second;
}

/* The old paths of packages that did not change, between the new ones: both are sorted by hash. */
static int merge_old(struct building *building)
{
	const struct package_index *old = building->old;
	struct package_index *index = building->index;
	size_t most = index->entry_count + (old ? old->entry_count : 0), at = 0, count = 0;
	uint64_t *merged;

	if (!old || !old->entry_count)
		return 0;
	merged = malloc(most * sizeof(*merged));
	if (!merged)
		return -ENOMEM;
	for (size_t i = 0; i < old->entry_count && count < INDEX_PATHS_MAX; i++) {
		uint64_t hash = old->entries[i] & ~UINT64_C(0xffffffff);
		uint32_t number = building->kept[(uint32_t)old->entries[i]];

		if (!number)
			continue;
		while (at < index->entry_count && index->entries[at] < hash && count < INDEX_PATHS_MAX)
			merged[count++] = index->entries[at++];
		merged[count++] = hash | (number - 1);
	}
	while (at < index->entry_count && count < INDEX_PATHS_MAX)
		merged[count++] = index->entries[at++];
	index->incomplete |= count >= INDEX_PATHS_MAX;
	free(index->entries);
	index->entries = merged;
	index->entry_count = count;
	return 0;
}

static void trim(struct package_index *index)
{
	uint64_t *less = reallocarray(index->entries, index->entry_count + 1, sizeof(*less));

	if (less)
		index->entries = less;
}

static int read_paths(struct building *building)
{
	int error = compare_with_old(building);

	for (size_t i = 0; i < building->index->owner_count && !error; i++)
		if (building->fresh[i])
			error = read_list(building, (uint32_t)i);
	if (!error && building->index->entry_count)
		qsort(building->index->entries, building->index->entry_count, sizeof(uint64_t),
		      compare_entries);
	if (!error)
		error = merge_old(building);
	if (!error)
		trim(building->index);
	return error;
}

/* --- times ------------------------------------------------------------------------------------------ */

static int compare_times(const void *a, const void *b, void *context)
{
	const struct package_index *index = context;
	const struct owner *first = &index->owners[*(const uint32_t *)a];
	const struct owner *second = &index->owners[*(const uint32_t *)b];

	if (first->changed_ns != second->changed_ns)
		return first->changed_ns < second->changed_ns ? 1 : -1;
	return strcmp(first->name, second->name);
}

static int sort_by_time(struct package_index *index)
{
	index->by_time = calloc(index->owner_count + 1, sizeof(*index->by_time));
	if (!index->by_time)
		return -ENOMEM;
	for (size_t i = 0; i < index->owner_count; i++)
		if (!index->owners[i].removed)
			index->by_time[index->by_time_count++] = (uint32_t)i;
	qsort_r(index->by_time, index->by_time_count, sizeof(*index->by_time), compare_times, index);
	return 0;
}

void index_stamps(const char *root, struct stamp stamps[static INDEX_STAMPS])
{
	static const char *const files[INDEX_STAMPS] = {"info", "status", "diversions", "updates"};
	char path[PACKAGE_PATH_MAX];
	struct stat status;

	memset(stamps, 0, INDEX_STAMPS * sizeof(*stamps));
	for (int i = 0; i < INDEX_STAMPS; i++) {
		snprintf(path, sizeof(path), "%s/var/lib/dpkg/%s", root, files[i]);
		if (stat(path, &status) == 0)
			stamps[i] = (struct stamp){.mtime_ns = time_of(&status.st_mtim),
						   .ctime_ns = time_of(&status.st_ctim),
						   .inode = status.st_ino,
						   .size = status.st_size};
	}
}

static bool is_racy(const struct stamp stamps[static INDEX_STAMPS])
{
	int64_t now_ns = clock_ns(CLOCK_REALTIME);

	for (int i = 0; i < INDEX_STAMPS; i++)
		if (stamps[i].ctime_ns > now_ns - RACY_NS && stamps[i].ctime_ns <= now_ns)
			return true;
	return false;
}

/* --- as a whole ---------------------------------------------------------------------------------------- */

static size_t size_of(const struct package_index *index)
{
	size_t bytes = sizeof(*index) + index->entry_count * sizeof(*index->entries) +
		       index->owner_count * (sizeof(*index->owners) + sizeof(*index->by_time));

	for (size_t i = 0; i < index->owner_count; i++)
		bytes += strlen(index->owners[i].name) + 1 +
			 (index->owners[i].version ? strlen(index->owners[i].version) + 1 : 0);
	return bytes + index->diversion_count * sizeof(*index->diversions);
}

int index_build(const char *root, const struct package_index *old, struct package_index **out,
		struct failure *failure)
{
	struct building building = {.root = root, .old = old};
	struct package_index *index = calloc(1, sizeof(*index));
	int error;

	if (!index)
		return failure_set(failure, -ENOMEM, "out of memory for the index of packages");
	building.index = index;
	index_stamps(root, index->stamps);
	index->racy = is_racy(index->stamps);
	index->merged = index_merged(root);
	error = read_owners(&building, failure);
	if (!error) {
		error = read_paths(&building);
		if (!error)
			error = index_read_diversions(root, index);
		if (!error) {
			index_read_status(root, index);
			error = sort_by_time(index);
		}
		if (error)
			failure_set(failure, error, "can not index the packages below %s" INFO ": %s", root,
				    strerror(-error));
	}
	free(building.kept);
	free(building.fresh);
	if (error) {
		index_free(index);
		return error;
	}
	index->bytes = size_of(index);
	*out = index;
	return 0;
}

void index_free(struct package_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->owner_count; i++) {
		free(index->owners[i].name);
		free(index->owners[i].version);
	}
	for (size_t i = 0; i < index->diversion_count; i++) {
		free(index->diversions[i].from);
		free(index->diversions[i].to);
		free(index->diversions[i].by);
	}
	free(index->owners);
	free(index->entries);
	free(index->diversions);
	free(index->by_time);
	free(index);
}

/* --- questions --------------------------------------------------------------------------------------------
 */

struct wanted {
	unsigned merged;
	const char *path; /* canonical */
	size_t length;
};

static int is_wanted(void *context, const char *path, size_t length)
{
	const struct wanted *wanted = context;
	char canonical[PACKAGE_PATH_MAX];

	/* The one spelling is the longest, and ends as the others. Most lines end otherwise. */
	if (length > wanted->length || path[length - 1] != wanted->path[wanted->length - 1] ||
	    memcmp(path + length - length / 2, wanted->path + wanted->length - length / 2, length / 2) != 0)
		return 0;
	length = index_canonical(wanted->merged, path, length, canonical);
	return length == wanted->length && memcmp(canonical, wanted->path, length) == 0;
}

static bool list_has(const struct package_index *index, const char *root, const struct owner *owner,
		     const char *path, size_t path_length)
{
	struct wanted wanted = {index->merged, path, path_length};
	char file[PACKAGE_PATH_MAX], *text;
	size_t length;
	bool found;

	snprintf(file, sizeof(file), "%s" INFO "/%s.list", root, owner->name);
	text = index_read_file(file, INDEX_LIST_MAX, &length);
	if (!text)
		return false;
	found = index_each_path(text, length, is_wanted, &wanted);
	free(text);
	return found;
}

static size_t first_entry(const struct package_index *index, uint64_t hash)
{
	size_t low = 0, high = index->entry_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->entries[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A diversion names a package without its architecture. */
static bool is_package(const struct owner *owner, const char *name)
{
	size_t length = strcspn(owner->name, ":");

	return strlen(name) == length && strncmp(owner->name, name, length) == 0;
}

/* Of the packages that list the path: only `only`, or any but `other` (NULL: no such bound). */
static const struct owner *find_listed(const struct package_index *index, const char *root, const char *path,
				       const char *only, const char *other)
{
	size_t length = strlen(path);
	uint64_t hash = entry_of(path, length, 0);
	const struct owner *found = NULL;

	for (size_t i = first_entry(index, hash);
	     i < index->entry_count && index->entries[i] >> 32 == hash >> 32; i++) {
		const struct owner *owner = &index->owners[(uint32_t)index->entries[i]];

		if ((only && !is_package(owner, only)) || (other && is_package(owner, other)) ||
		    !list_has(index, root, owner, path, length))
			continue;
		if (!owner->removed)
			return owner;
		found = found ? found : owner;
	}
	return found;
}

const struct owner *index_find(const struct package_index *index, const char *root, const char *path)
{
	char canonical[PACKAGE_PATH_MAX];
	const struct owner *owner;

	if (!index_canonical(index->merged, path, strlen(path), canonical))
		return NULL;
	for (size_t i = 0; i < index->diversion_count; i++) {
		const struct diversion *diversion = &index->diversions[i];

		if (strcmp(diversion->from, canonical) == 0)
			return find_listed(index, root, canonical, diversion->by, NULL);
		if (strcmp(diversion->to, canonical) == 0) {
			owner = find_listed(index, root, diversion->from, NULL, diversion->by);
			if (owner)
				return owner;
		}
	}
	return find_listed(index, root, canonical, NULL, NULL);
}
