/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* reader.c - the thread that reads dpkg's files and runs rpm, and the answers that are kept. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/clock.h"
#include "base/text.h"
#include "package/internal.h"

#define RETRY_NS (60 * NS_PER_SECOND) /* until what failed is tried again */
#define RPM_CHANGES_LIMIT_MS 30000
#define WORKER_NICE 10

/* --- the cache ------------------------------------------------------------------------------------ */

static struct cached *slot_of(struct packages *packages, const char *path)
{
	return &packages->cache[hash_bytes(0, path, strlen(path)) & (CACHE_SLOTS - 1)];
}

bool packages_cached(struct packages *packages, const char *path, struct package_answer *out)
{
	const struct cached *slot = slot_of(packages, path);

	if (!slot->path || strcmp(slot->path, path) != 0 ||
	    (slot->until_ns && clock_ns(CLOCK_MONOTONIC) >= slot->until_ns))
		return false;
	*out = slot->answer;
	return true;
}

/* Without memory it is asked again, and that is all. */
void packages_keep(struct packages *packages, const char *path, const struct package_answer *answer)
{
	struct cached *slot = slot_of(packages, path);

	free(slot->path);
	slot->path = strdup(path);
	slot->answer = *answer;
	slot->until_ns = answer->result == PACKAGE_TIMED_OUT || answer->result == PACKAGE_UNREADABLE
				 ? clock_ns(CLOCK_MONOTONIC) + RETRY_NS
				 : 0;
}

void packages_forget(struct packages *packages)
{
	for (size_t i = 0; i < CACHE_SLOTS; i++) {
		free(packages->cache[i].path);
		packages->cache[i].path = NULL;
	}
}

/* --- the thread ------------------------------------------------------------------------------------- */

static int compare_changes(const void *a, const void *b)
{
	const struct package_change *first = a, *second = b;

	if (first->time_ns != second->time_ns)
		return first->time_ns < second->time_ns ? 1 : -1;
	return strcmp(first->name, second->name);
}

/* What all of rpm's packages were installed at; this takes a while. */
static void list_rpm(struct packages *packages, const char *folder)
{
	struct package_change *newest = NULL;
	int64_t count = rpm_changes(packages->rpm, folder, RPM_CHANGES_LIMIT_MS, &newest);

	if (count > 0)
		qsort(newest, (size_t)count, sizeof(*newest), compare_changes);
	pthread_mutex_lock(&packages->lock);
	free(packages->rpm_newest);
	packages->rpm_newest = newest;
	packages->rpm_count = count > 0 ? (size_t)count : 0;
	packages->rpm_listed = count < 0 ? -EIO : 0;
	packages->figures.rpm_runs++;
	pthread_cond_broadcast(&packages->changed);
	pthread_mutex_unlock(&packages->lock);
}

static void note_figures(struct packages *packages, int64_t took_ns)
{
	struct package_figures *figures = &packages->figures;
	const struct package_index *index = packages->index;

	if (!packages->read)
		figures->build_ns = took_ns;
	figures->refresh_ns = took_ns;
	figures->refreshes++;
	figures->packages = index ? index->owner_count : 0;
	figures->paths = index ? index->entry_count : 0;
	figures->bytes = index ? index->bytes : 0;
	figures->lists_read = index ? index->lists_read : 0;
}

/* Where rpm is; true when its packages are to be listed anew. */
static bool take_rpm(struct packages *packages, bool here, const char *folder, int64_t stamp_ns)
{
	bool differs = here != packages->rpm_here || stamp_ns != packages->rpm_stamp_ns;

	packages->rpm_here = here;
	packages->rpm_stamp_ns = stamp_ns;
	text_copy(packages->rpm_folder, sizeof(packages->rpm_folder), here ? folder : "");
	if (differs) {
		packages->rpm_listed = here ? -EAGAIN : 0;
		packages->rpm_count = 0;
	}
	return here && differs;
}

static void refresh(struct packages *packages)
{
	struct package_index *fresh = NULL, *old;
	int64_t from = clock_ns(CLOCK_MONOTONIC), stamp_ns = 0;
	char folder[RPM_DATABASE_MAX];
	bool rpm = rpm_database(packages->root, folder, &stamp_ns), list;
	int error = index_build(packages->root, packages->index, &fresh, NULL);

	pthread_mutex_lock(&packages->lock);
	old = packages->index;
	/* What can not be read now was right a moment ago; where dpkg is gone, it owns nothing. */
	if (!error || error == -ENOENT)
		packages->index = fresh;
	else
		old = NULL;
	packages->unreadable = error && error != -ENOENT;
	packages->refreshed_ns = clock_ns(CLOCK_MONOTONIC);
	note_figures(packages, packages->refreshed_ns - from);
	list = take_rpm(packages, rpm, folder, stamp_ns);
	packages->read = true;
	packages_forget(packages);
	pthread_cond_broadcast(&packages->changed);
	pthread_mutex_unlock(&packages->lock);
	index_free(old);
	if (list)
		list_rpm(packages, folder);
}

/* Asks about the first path that waits; the lock is let go meanwhile. */
static void ask_rpm(struct packages *packages, size_t number)
{
	struct package_answer answer;
	char folder[RPM_DATABASE_MAX], *path = packages->requests[number];

	text_copy(folder, sizeof(folder), packages->rpm_folder);
	pthread_mutex_unlock(&packages->lock);
	rpm_find(packages->rpm, folder, path, PACKAGE_RPM_LIMIT_MS, &answer);
	pthread_mutex_lock(&packages->lock);
	packages_keep(packages, path, &answer);
	packages->figures.rpm_runs++;
	packages->requests[number] = NULL;
	free(path);
	pthread_cond_broadcast(&packages->changed);
}

static int first_request(const struct packages *packages)
{
	for (int i = 0; i < REQUESTS_MAX; i++)
		if (packages->requests[i])
			return i;
	return -1;
}

static void *work(void *context)
{
	struct packages *packages = context;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), WORKER_NICE);
	pthread_mutex_lock(&packages->lock);
	while (!packages->stop) {
		int request = first_request(packages);

		if (packages->wanted) {
			packages->wanted = false;
			pthread_mutex_unlock(&packages->lock);
			refresh(packages);
			pthread_mutex_lock(&packages->lock);
		} else if (request >= 0) {
			ask_rpm(packages, (size_t)request);
		} else {
			pthread_cond_wait(&packages->changed, &packages->lock);
		}
	}
	pthread_mutex_unlock(&packages->lock);
	return NULL;
}

int reader_start(struct packages *packages)
{
	pthread_condattr_t monotonic;
	sigset_t all, before;
	int error;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&packages->lock, NULL);
	pthread_cond_init(&packages->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&packages->worker, NULL, work, packages);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}
