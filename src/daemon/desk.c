/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/desk.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "control/control.h"

#define GROUP "firstseen"       /* whose members may look, but not change */
#define READER_PATIENCE_MS 200  /* they may not keep root waiting */
#define STRANGER_PATIENCE_MS 20 /* for what is refused whatever it says */

struct desk {
	char path[PATH_MAX];
	dev_t device; /* of our socket's file: another daemon's is not removed */
	ino_t inode;
	char history[PATH_MAX]; /* resolved */
	int listener, end;
	gid_t group; /* of readers; -1: there is none */
	struct writer *writer;
	struct feed *feed;
	pthread_t thread;
	bool running;
};

static gid_t group_of_readers(void)
{
	struct group *group = getgrnam(GROUP);

	return group ? group->gr_gid : (gid_t)-1;
}

static bool make_folder(const char *path)
{
	char copy[PATH_MAX];
	const char *folder;

	text_copy(copy, sizeof(copy), path);
	folder = dirname(copy);
	return mkdir(folder, 0755) == 0 || errno == EEXIST;
}

int desk_open(const char *path, struct desk **out, struct failure *failure)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct stat status;

	if (!desk)
		return failure_set(failure, -ENOMEM, "out of memory");
	if (!make_folder(path)) {
		log_warning(
			"no control socket: can not make the folder of %s: %s; ack and allow need the daemon "
			"stopped",
			path, strerror(errno));
		free(desk);
		*out = NULL;
		return 0;
	}
	text_copy(desk->path, sizeof(desk->path), path);
	desk->group = group_of_readers();
	desk->listener = control_listen(path, desk->group, failure);
	if (desk->listener < 0) {
		int error = desk->listener;

		free(desk);
		return error;
	}
	if (stat(path, &status) == 0) {
		desk->device = status.st_dev;
		desk->inode = status.st_ino;
	}
	desk->end = eventfd(0, EFD_CLOEXEC);
	*out = desk;
	return 0;
}

static bool is_for_us(struct desk *desk, int connection, const struct control_words *request)
{
	char text[WRITER_ANSWER_MAX];

	if (request->count < 3) {
		control_reply(connection, false, "this is no request");
		return false;
	}
	if (strcmp(request->words[0], CONTROL_VERSION) != 0) {
		control_reply(connection, false,
			      "the command and the daemon are of different versions: restart the daemon");
		return false;
	}
	if (strcmp(request->words[1], desk->history) != 0) {
		snprintf(text, sizeof(text), "the daemon on this socket keeps another history: %.900s",
			 desk->history);
		control_reply(connection, false, text);
		return false;
	}
	return true;
}

/* True where the connection is the feed's now. */
static bool subscribe(struct desk *desk, int connection, bool root)
{
	int error = feed_subscribe(desk->feed, connection, root);

	if (error)
		control_reply(connection, false,
			      error == -EBUSY ? "as many as can are watching already"
					      : "the daemon is out of memory");
	return !error;
}

/* What every request comes to: who asks is known by the kernel, not by what he says. True where the
 * connection stays open. */
static bool answer(struct desk *desk, int connection)
{
	struct control_words request = {0};
	char text[WRITER_ANSWER_MAX];
	uid_t uid = (uid_t)-1;
	pid_t pid;
	bool done, may_change;
	int error = control_peer(connection, &uid, &pid);

	may_change = !error && (uid == 0 || uid == geteuid());
	if (!may_change && (error || !control_peer_is_of(connection, desk->group))) {
		/* Closed with the request unread, the connection would be reset, and the answer with it. */
		(void)control_receive(connection, &request, STRANGER_PATIENCE_MS);
		control_reply(
			connection, false,
			"only root may change what the daemon does, and only members of the group " GROUP
			" may watch it");
		return false;
	}
	error = control_receive(connection, &request, may_change ? CONTROL_PATIENCE_MS : READER_PATIENCE_MS);
	if (error == -ETIMEDOUT)
		return false;
	if (error)
		request.count = 0;
	if (!is_for_us(desk, connection, &request))
		return false;
	if (strcmp(request.words[2], "watch") == 0)
		return subscribe(desk, connection, may_change);
	if (!may_change) {
		control_reply(connection, false, "only root may change what the daemon does");
		return false;
	}
	done = writer_ask(desk->writer, request.count - 2, request.words + 2, text);
	control_reply(connection, done, text);
	return false;
}

static void *run(void *context)
{
	struct desk *desk = context;
	struct pollfd waits[2] = {{.fd = desk->listener, .events = POLLIN},
				  {.fd = desk->end, .events = POLLIN}};

	for (;;) {
		int connection;

		if (poll(waits, 2, -1) < 0 && errno != EINTR)
			break;
		if (waits[1].revents)
			break;
		if (!waits[0].revents)
			continue;
		connection = accept4(desk->listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0) {
			/* Out of descriptors, most likely: not in a hot loop. */
			poll(&waits[1], 1, 100);
			continue;
		}
		if (!answer(desk, connection))
			close(connection);
	}
	return NULL;
}

int desk_start(struct desk *desk, struct writer *writer, struct feed *feed, const char *path)
{
	int error;

	if (!realpath(path, desk->history))
		return -errno;

	desk->writer = writer;
	desk->feed = feed;
	error = pthread_create(&desk->thread, NULL, run, desk);
	desk->running = error == 0;
	return -error;
}

void desk_close(struct desk *desk)
{
	uint64_t one = 1;
	struct stat status;

	if (!desk)
		return;
	if (desk->running) {
		if (write(desk->end, &one, sizeof(one)) == (ssize_t)sizeof(one))
			pthread_join(desk->thread, NULL);
	}
	if (stat(desk->path, &status) == 0 && status.st_dev == desk->device && status.st_ino == desk->inode)
		unlink(desk->path);
	close(desk->listener);
	close(desk->end);
	free(desk);
}
