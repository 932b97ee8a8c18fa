/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "privilege/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cap-ng.h>

#include "base/text.h"
#include "privilege/filter.h"

static const struct passwd *user_of(const char *user)
{
	return geteuid() == 0 && user[0] ? getpwnam(user) : NULL;
}

void privilege_own_folder(const char *path, const char *user, mode_t mode)
{
	const struct passwd *owner = user_of(user);
	char copy[PATH_MAX];
	const char *folder;

	if (!owner || !text_copy(copy, sizeof(copy), path))
		return;
	folder = dirname(copy);
	if (mkdir(folder, mode) == 0)
		(void)!lchown(folder, owner->pw_uid, owner->pw_gid);
}

void privilege_own_file(const char *path, const char *user)
{
	const struct passwd *owner = user_of(user);
	struct stat status;
	int fd;

	if (!owner)
		return;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	/* A file with two names may be somebody else's as well. */
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == 0)
		(void)!fchown(fd, owner->pw_uid, owner->pw_gid);
	close(fd);
}

bool privilege_needs_bpf(bool (*works)(void *context), void *context)
{
	bool fails;
	void *before;

	if (capng_get_caps_process())
		return false;
	before = capng_save_state();
	capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_BPF, CAP_SYS_ADMIN, -1);
	if (!before || capng_apply(CAPNG_SELECT_CAPS)) {
		free(before);
		return false;
	}
	fails = !works(context);
	capng_restore_state(&before);
	return capng_apply(CAPNG_SELECT_CAPS) == 0 && fails;
}

/* What it has and still needs. */
static void keep(struct privilege_kept kept)
{
	bool ptrace = kept.ptrace && capng_have_capability(CAPNG_PERMITTED, CAP_SYS_PTRACE);
	bool bpf = kept.bpf && capng_have_capability(CAPNG_PERMITTED, CAP_BPF);

	capng_clear(CAPNG_SELECT_ALL);
	if (ptrace)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_PTRACE);
	if (bpf)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF);
}

int privilege_drop_user(const char *user, struct privilege_kept kept, bool *changed, struct failure *failure)
{
	const struct passwd *owner = user_of(user);
	int result;

	if (capng_get_caps_process())
		return failure_set(failure, -EPERM, "can not read this process's capabilities");
	keep(kept);
	if (owner)
		result = capng_change_id((int)owner->pw_uid, (int)owner->pw_gid,
					 CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT);
	else
		result = capng_apply(CAPNG_SELECT_CAPS);
	if (result)
		return failure_set(failure, -EPERM, "can not give up privileges%s%s (libcap-ng says %d)",
				   owner ? " and become the user " : "", owner ? user : "", result);
	*changed = owner != NULL;
	return 0;
}

int privilege_drop_all(struct privilege_kept kept, bool internet, struct failure *failure)
{
	keep(kept);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return failure_set(failure, -EPERM, "can not give up the last capability");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return failure_set(failure, -errno, "can not give up new privileges: %s", strerror(errno));
	return filter_install(internet, failure);
}
