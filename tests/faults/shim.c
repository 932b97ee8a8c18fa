/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A disk that is slow or fails, and a clock that is set, for one program: loaded before it (LD_PRELOAD).
 * What it does is read from a file of struct shim (FIRSTSEEN_SHIM), which a test writes at any time:
 * tests/live/shim.py. Only files count, no sockets, pipes or terminals, and not what the program says of
 * itself.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct shim {
	_Atomic int64_t clock_s;  /* is added to the wall clock */
	_Atomic int64_t later_s;  /* ... and this instead, */
	_Atomic int64_t later;    /* once the main thread has looked at it so often; 0: never */
	_Atomic int64_t sync_ms;  /* that an fsync takes */
	_Atomic int64_t write_ms; /* that a write takes */
	_Atomic int64_t error;    /* errno of calls that fail */
	_Atomic int64_t one_in;   /* of so many; 0: none fails */
	/* written here */
	_Atomic int64_t syncs, writes, failed;
};

static struct shim idle;
static struct shim *shim = &idle;
static _Atomic uint64_t turn;

__attribute__((constructor)) static void take_file(void)
{
	const char *path = getenv("FIRSTSEEN_SHIM");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped;

	if (fd < 0) {
		fprintf(stderr, "shim: no file in FIRSTSEEN_SHIM\n");
		_exit(2);
	}
	mapped = mmap(NULL, sizeof(*shim), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped == MAP_FAILED)
		_exit(2);
	shim = mapped;
}

static int is_file(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static void rest(int64_t ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	while (ms && nanosleep(&left, &left) < 0)
		;
}

/* Whether this call on a file fails; errno is set. */
static int fails(void)
{
	int64_t one_in = shim->one_in;

	if (!one_in || atomic_fetch_add(&turn, 1) % (uint64_t)one_in)
		return 0;
	shim->failed++;
	errno = (int)shim->error;
	return 1;
}

static int disk(int fd, _Atomic int64_t *counter, int64_t ms)
{
	if (fd == STDERR_FILENO || !is_file(fd))
		return 0;
	(*counter)++;
	rest(ms);
	return fails();
}

#define NEXT(name) (*(void **)&next = dlsym(RTLD_NEXT, name), next)

int fsync(int fd)
{
	int (*next)(int);

	return disk(fd, &shim->syncs, shim->sync_ms) ? -1 : NEXT("fsync")(fd);
}

int fdatasync(int fd)
{
	int (*next)(int);

	return disk(fd, &shim->syncs, shim->sync_ms) ? -1 : NEXT("fdatasync")(fd);
}

int ftruncate64(int fd, off64_t size)
{
	int (*next)(int, off64_t);

	return disk(fd, &shim->writes, shim->write_ms) ? -1 : NEXT("ftruncate64")(fd, size);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	ssize_t (*next)(int, const void *, size_t);

	return disk(fd, &shim->writes, shim->write_ms) ? -1 : NEXT("write")(fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	ssize_t (*next)(int, const struct iovec *, int);

	return disk(fd, &shim->writes, shim->write_ms) ? -1 : NEXT("writev")(fd, parts, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
	ssize_t (*next)(int, const void *, size_t, off64_t);

	return disk(fd, &shim->writes, shim->write_ms) ? -1 : NEXT("pwrite64")(fd, bytes, size, at);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME) {
		if (shim->later && getpid() == gettid() && atomic_fetch_sub(&shim->later, 1) == 1)
			shim->clock_s = shim->later_s;
		now->tv_sec += shim->clock_s;
	}
	return result;
}
