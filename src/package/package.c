/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "package/package.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "package/index.h"
#include "package/place.h"
#include "package/rpm.h"

#define CACHE_SLOTS 512   /* a power of two */
#define PROCESS_SLOTS 256 /* likewise */
#define REQUESTS_MAX 16
#define REFRESH_NS NS_PER_SECOND /* no more than once in */
#define CHECK_NS (100 * NS_PER_MS)
#define RETRY_NS (60 * NS_PER_SECOND) /* until what failed is tried again */
#define IMPATIENT_NS NS_PER_SECOND
#define RPM_CHANGES_LIMIT_MS 30000
#define WORKER_NICE 10

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

const char *package_result_name(enum package_result result)
{
	static const char *const names[PACKAGE_RESULTS] = {
		[PACKAGE_OWNED] = "owned",
		[PACKAGE_UNOWNED] = "unowned",
		[PACKAGE_NO_DATABASE] = "no_database",
		[PACKAGE_PENDING] = "pending",
		[PACKAGE_UNREADABLE] = "unreadable",
		[PACKAGE_TIMED_OUT] = "timed_out",
		[PACKAGE_NO_PATH] = "no_path",
		[PACKAGE_IN_CONTAINER] = "in_container",
		[PACKAGE_OTHER_ROOT] = "other_root",
		[PACKAGE_PROCESS_GONE] = "process_gone",
	};

	return (size_t)result < PACKAGE_RESULTS ? names[result] : "unknown";
}

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* --- the cache ------------------------------------------------------------------------------------ */

static struct cached *slot_of(struct packages *packages, const char *path)
{
	return &packages->cache[hash_bytes(0, path, strlen(path)) & (CACHE_SLOTS - 1)];
}

static bool cached(struct packages *packages, const char *path, struct package_answer *out)
{
	const struct cached *slot = slot_of(packages, path);

	if (!slot->path || strcmp(slot->path, path) != 0 || (slot->until_ns && clock_now() >= slot->until_ns))
		return false;
	*out = slot->answer;
	return true;
}

/* Without memory it is asked again, and that is all. */
static void keep(struct packages *packages, const char *path, const struct package_answer *answer)
{
	struct cached *slot = slot_of(packages, path);

	free(slot->path);
	slot->path = strdup(path);
	slot->answer = *answer;
	slot->until_ns = answer->result == PACKAGE_TIMED_OUT || answer->result == PACKAGE_UNREADABLE
				 ? clock_now() + RETRY_NS
				 : 0;
}

static void forget_answers(struct packages *packages)
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
	int64_t from = clock_now(), stamp_ns = 0;
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
	packages->refreshed_ns = clock_now();
	note_figures(packages, packages->refreshed_ns - from);
	list = take_rpm(packages, rpm, folder, stamp_ns);
	packages->read = true;
	forget_answers(packages);
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
	keep(packages, path, &answer);
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

static int start(struct packages *packages)
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

int packages_open(const struct packages_settings *settings, struct packages **out, struct failure *failure)
{
	struct packages *packages = calloc(1, sizeof(*packages));
	int error;

	if (!packages)
		return failure_set(failure, -ENOMEM, "out of memory");
	packages->wanted = true;
	if (!text_copy(packages->root, sizeof(packages->root), settings->root) ||
	    !text_copy(packages->proc, sizeof(packages->proc), settings->proc) ||
	    !text_copy(packages->rpm, sizeof(packages->rpm), settings->rpm)) {
		free(packages);
		return failure_set(failure, -ENAMETOOLONG, "a path for the packages is too long");
	}
	error = start(packages);
	if (error) {
		free(packages);
		return failure_set(failure, error, "can not start the thread that reads packages: %s",
				   strerror(-error));
	}
	*out = packages;
	return 0;
}

void packages_close(struct packages *packages)
{
	if (!packages)
		return;
	pthread_mutex_lock(&packages->lock);
	packages->stop = true;
	pthread_cond_broadcast(&packages->changed);
	pthread_mutex_unlock(&packages->lock);
	pthread_join(packages->worker, NULL);
	index_free(packages->index);
	forget_answers(packages);
	for (int i = 0; i < REQUESTS_MAX; i++)
		free(packages->requests[i]);
	for (int i = 0; i < PROCESS_SLOTS; i++)
		free(packages->placed[i].script);
	free(packages->rpm_newest);
	pthread_cond_destroy(&packages->changed);
	pthread_mutex_destroy(&packages->lock);
	free(packages);
}

/* --- waiting ------------------------------------------------------------------------------------------- */

/* Until when this question may wait. */
static int64_t deadline_of(const struct packages *packages, unsigned wait_ms)
{
	int64_t now = clock_now();

	return now < packages->impatient_until_ns ? now : now + wait_ms * NS_PER_MS;
}

/* One step of waiting; false when the time is up, after which nobody waits for a while. */
static bool wait_more(struct packages *packages, int64_t deadline)
{
	struct timespec until = {.tv_sec = deadline / NS_PER_SECOND, .tv_nsec = deadline % NS_PER_SECOND};
	int64_t now = clock_now();

	if (now < deadline &&
	    pthread_cond_timedwait(&packages->changed, &packages->lock, &until) != ETIMEDOUT)
		return true;
	if (now >= packages->impatient_until_ns)
		packages->impatient_until_ns = clock_now() + IMPATIENT_NS;
	return false;
}

/* Looks at the files' times, and that not at every question. */
static bool is_stale(struct packages *packages)
{
	struct stamp stamps[INDEX_STAMPS];
	int64_t stamp = 0, now = clock_now();
	char folder[RPM_DATABASE_MAX];

	if (now - packages->refreshed_ns < REFRESH_NS || now - packages->checked_ns < CHECK_NS)
		return false;
	packages->checked_ns = now;
	if (rpm_database(packages->root, folder, &stamp) != packages->rpm_here ||
	    stamp != packages->rpm_stamp_ns)
		return true;
	index_stamps(packages->root, stamps);
	if (!packages->index)
		return stamps[0].inode != 0;
	return packages->index->racy || memcmp(stamps, packages->index->stamps, sizeof(stamps)) != 0;
}

/* Sees to it that what is asked next is as of now, or of a second ago. False: nothing is read yet. */
static bool catch_up(struct packages *packages, int64_t deadline)
{
	uint64_t before = packages->figures.refreshes;

	if (packages->read && is_stale(packages)) {
		packages->wanted = true;
		pthread_cond_broadcast(&packages->changed);
		while (packages->figures.refreshes == before && wait_more(packages, deadline))
			;
	}
	while (!packages->read && wait_more(packages, deadline))
		;
	return packages->read;
}

/* --- answers ---------------------------------------------------------------------------------------- */

static void answer_from_index(const struct packages *packages, const char *path, struct package_answer *out)
{
	const struct owner *owner = index_find(packages->index, packages->root, path);
	char resolved[PACKAGE_PATH_MAX];

	if (!owner && place_resolve(packages->root, path, resolved))
		owner = index_find(packages->index, packages->root, resolved);
	if (!owner) {
		out->result = packages->index->incomplete ? PACKAGE_UNREADABLE : PACKAGE_UNOWNED;
		return;
	}
	out->result = PACKAGE_OWNED;
	text_copy(out->name, sizeof(out->name), owner->name);
	text_copy(out->version, sizeof(out->version), owner->version ? owner->version : "");
	out->upgraded_ns = owner->changed_ns;
}

/* Hands the path to the thread; waits for its answer as long as may be. */
static void answer_from_rpm(struct packages *packages, const char *path, int64_t deadline,
			    struct package_answer *out)
{
	int room = -1;
	bool waits = false;

	for (int i = 0; i < REQUESTS_MAX; i++) {
		if (!packages->requests[i])
			room = i;
		else if (strcmp(packages->requests[i], path) == 0)
			waits = true;
	}
	if (!waits && room >= 0)
		packages->requests[room] = strdup(path);
	pthread_cond_broadcast(&packages->changed);
	while (!cached(packages, path, out)) {
		if (wait_more(packages, deadline))
			continue;
		out->result = PACKAGE_PENDING;
		return;
	}
}

static void find(struct packages *packages, const char *path, int64_t deadline, struct package_answer *out)
{
	memset(out, 0, sizeof(*out));
	if (path[0] != '/' || strlen(path) >= PACKAGE_PATH_MAX) {
		out->result = PACKAGE_NO_PATH;
		return;
	}
	if (!catch_up(packages, deadline)) {
		out->result = PACKAGE_PENDING;
		return;
	}
	if (cached(packages, path, out))
		return;
	if (packages->index)
		answer_from_index(packages, path, out);
	else
		out->result = packages->unreadable ? PACKAGE_UNREADABLE : PACKAGE_NO_DATABASE;
	if (out->result != PACKAGE_OWNED && packages->rpm_here)
		answer_from_rpm(packages, path, deadline, out);
	else
		keep(packages, path, out);
}

void packages_find(struct packages *packages, const char *path, unsigned wait_ms, struct package_answer *out)
{
	pthread_mutex_lock(&packages->lock);
	find(packages, path, deadline_of(packages, wait_ms), out);
	pthread_mutex_unlock(&packages->lock);
}

/*
 * An alert is written when a connection opens and once more when it has ended, and the
 * process with it: what is known then must not be less.
 */
static void remember(struct packages *packages, const struct package_process *process, struct place *place)
{
	uint64_t exe = hash_bytes(0, process->exe, strlen(process->exe));
	struct placed *placed =
		&packages->placed[hash_mix(process->start_ns, process->pid) & (PROCESS_SLOTS - 1)];

	if (place->alive) {
		free(placed->script);
		*placed = (struct placed){process->pid,  process->start_ns, exe,
					  place->result, place->replaced,   strdup(place->script)};
	} else if (placed->pid == process->pid && placed->start_ns == process->start_ns &&
		   placed->exe == exe && place->result != PACKAGE_IN_CONTAINER && placed->script) {
		place->result = placed->result;
		place->replaced = placed->replaced;
		text_copy(place->script, sizeof(place->script), placed->script);
	}
}

void packages_find_process(struct packages *packages, const struct package_process *process, unsigned wait_ms,
			   struct package_answer *program, struct package_answer *script)
{
	struct place place;
	int64_t deadline;

	memset(program, 0, sizeof(*program));
	memset(script, 0, sizeof(*script));
	place_process(packages->root, packages->proc, process, &place);
	pthread_mutex_lock(&packages->lock);
	deadline = deadline_of(packages, wait_ms);
	remember(packages, process, &place);
	program->result = script->result = place.result;
	if (place.result == PACKAGE_OWNED) {
		find(packages, place.program, deadline, program);
		find(packages, place.script, deadline, script);
		program->replaced = place.replaced;
	}
	if (!process->script[0])
		script->result = PACKAGE_NO_PATH;
	pthread_mutex_unlock(&packages->lock);
}

/* The next change of dpkg's and of rpm's, whichever is newer, into *out (may be NULL); false when there is
 * none since then. */
static bool next_change(const struct packages *packages, int64_t since_ns, size_t at[static 2],
			struct package_change *out)
{
	const struct package_index *index = packages->index;
	const struct owner *owner =
		index && at[0] < index->by_time_count ? &index->owners[index->by_time[at[0]]] : NULL;
	const struct package_change *change =
		at[1] < packages->rpm_count ? &packages->rpm_newest[at[1]] : NULL;

	if (owner && owner->changed_ns < since_ns)
		owner = NULL;
	if (change && change->time_ns < since_ns)
		change = NULL;
	if (owner && (!change || owner->changed_ns >= change->time_ns)) {
		if (out) {
			text_copy(out->name, sizeof(out->name), owner->name);
			text_copy(out->version, sizeof(out->version), owner->version ? owner->version : "");
			out->time_ns = owner->changed_ns;
		}
		at[0]++;
	} else if (change) {
		if (out)
			*out = *change;
		at[1]++;
	}
	return owner || change;
}

int packages_changed(struct packages *packages, int64_t since_ns, unsigned wait_ms,
		     struct package_change *newest, size_t most, uint32_t *count)
{
	size_t at[2] = {0}, filled = 0;
	int64_t deadline;
	int result = 0;

	pthread_mutex_lock(&packages->lock);
	deadline = deadline_of(packages, wait_ms);
	if (!catch_up(packages, deadline))
		result = -EAGAIN;
	while (!result && packages->rpm_listed == -EAGAIN && wait_more(packages, deadline))
		;
	if (!result)
		result = packages->rpm_listed;
	if (!result && !packages->index && !packages->rpm_here)
		result = packages->unreadable ? -EIO : -ENOENT;
	for (*count = 0;
	     !result && next_change(packages, since_ns, at, filled < most ? &newest[filled] : NULL);
	     (*count)++)
		filled += filled < most;
	pthread_mutex_unlock(&packages->lock);
	return result ? result : (int)filled;
}

void packages_figures(struct packages *packages, struct package_figures *out)
{
	pthread_mutex_lock(&packages->lock);
	*out = packages->figures;
	pthread_mutex_unlock(&packages->lock);
}
