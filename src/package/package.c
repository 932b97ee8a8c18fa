/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "package/package.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "package/internal.h"
#include "package/place.h"

#define REFRESH_NS NS_PER_SECOND /* no more than once in */
#define CHECK_NS (100 * NS_PER_MS)
#define IMPATIENT_NS NS_PER_SECOND

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
	error = reader_start(packages);
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
	packages_forget(packages);
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
	int64_t now = clock_ns(CLOCK_MONOTONIC);

	return now < packages->impatient_until_ns ? now : now + wait_ms * NS_PER_MS;
}

/* One step of waiting; false when the time is up, after which nobody waits for a while. */
static bool wait_more(struct packages *packages, int64_t deadline)
{
	struct timespec until = {.tv_sec = deadline / NS_PER_SECOND, .tv_nsec = deadline % NS_PER_SECOND};
	int64_t now = clock_ns(CLOCK_MONOTONIC);

	if (now < deadline &&
	    pthread_cond_timedwait(&packages->changed, &packages->lock, &until) != ETIMEDOUT)
		return true;
	if (now >= packages->impatient_until_ns)
		packages->impatient_until_ns = clock_ns(CLOCK_MONOTONIC) + IMPATIENT_NS;
	return false;
}

/* Looks at the files' times, and that not at every question. */
static bool is_stale(struct packages *packages)
{
	struct stamp stamps[INDEX_STAMPS];
	int64_t stamp = 0, now = clock_ns(CLOCK_MONOTONIC);
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
	while (!packages_cached(packages, path, out)) {
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
	if (packages_cached(packages, path, out))
		return;
	if (packages->index)
		answer_from_index(packages, path, out);
	else
		out->result = packages->unreadable ? PACKAGE_UNREADABLE : PACKAGE_NO_DATABASE;
	if (out->result != PACKAGE_OWNED && packages->rpm_here)
		answer_from_rpm(packages, path, deadline, out);
	else
		packages_keep(packages, path, out);
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
