/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A disk that is slow or fails, memory that is not to be had, and a clock that is set, for one program:
 * loaded before it (LD_PRELOAD). What it does is read from a file of struct shim (FIRSTSEEN_SHIM), which a
 * test writes at any time: tests/live/shim.py. Of the disk only files count, no sockets, pipes or terminals,
 * and not what the program says of itself. Memory is counted to the byte: what is handed out and not yet
 * given back.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
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
	_Atomic int64_t clock_s;   /* is added to the wall clock */
	_Atomic int64_t later_s;   /* ... and this instead, */
	_Atomic int64_t later;     /* once the main thread has looked at it so often; 0: never */
	_Atomic int64_t sync_ms;   /* that an fsync takes */
	_Atomic int64_t write_ms;  /* that a write takes */
	_Atomic int64_t error;     /* errno of calls that fail */
	_Atomic int64_t one_in;    /* of so many; 0: none fails */
	_Atomic int64_t no_memory; /* one in so many allocations fails; 0: none */
	/* written here */
	_Atomic int64_t syncs, writes, failed;
	_Atomic int64_t memory;     /* bytes in use: malloc and its kin, and what is mapped */
	_Atomic int64_t page_cache; /* those of them that are SQLite's pages, at the last write */
	_Atomic int64_t refused;    /* allocations that failed */
};

/* The C library's own, which need no look-up that would allocate in its turn. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);
/* SQLite's, where the program has it. */
extern int sqlite3_status64(int, int64_t *, int64_t *, int) __attribute__((weak));
#define SQLITE_STATUS_PAGECACHE_OVERFLOW 2

static struct shim idle;
static struct shim *shim = &idle;
static _Atomic uint64_t turn, allocation;

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
	shim->memory = idle.memory; /* of this program, not of one before it */
	unsetenv("LD_PRELOAD");     /* nor of those that it starts */
	unsetenv("FIRSTSEEN_SHIM");
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

/* It keeps pages up to a limit of its own: not what the program keeps. */
static void look_at_page_cache(void)
{
	int64_t now, most;

	if (sqlite3_status64 && sqlite3_status64(SQLITE_STATUS_PAGECACHE_OVERFLOW, &now, &most, 0) == 0)
		shim->page_cache = now;
}

static int disk(int fd, _Atomic int64_t *counter, int64_t ms)
{
	if (fd == STDERR_FILENO || !is_file(fd))
		return 0;
	(*counter)++;
	look_at_page_cache();
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

/* --- memory ------------------------------------------------------------------------------ */

/* By chance, not by turns: whoever asks for two at a time would fail always, or never. */
static bool is_refused(void)
{
	uint64_t one_in = (uint64_t)shim->no_memory, dice;

	if (!one_in)
		return false;
	dice = (atomic_fetch_add(&allocation, 1) + 1) * UINT64_C(0x9e3779b97f4a7c15);
	dice = (dice ^ dice >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	if ((dice ^ dice >> 31) % one_in)
		return false;
	shim->refused++;
	errno = ENOMEM;
	return true;
}

static void *counted(void *memory)
{
	if (memory)
		shim->memory += (int64_t)malloc_usable_size(memory);
	return memory;
}

void *malloc(size_t size)
{
	return is_refused() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
	int64_t before = old ? (int64_t)malloc_usable_size(old) : 0;
	void *memory;

	if (is_refused())
		return NULL;
	memory = __libc_realloc(old, size);
	if (memory || size == 0) /* otherwise the old one stays */
		shim->memory -= before;
	return counted(memory);
}

void *memalign(size_t alignment, size_t size)
{
	return is_refused() ? NULL : counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *memory = memalign(alignment, size);

	if (!memory)
		return ENOMEM;
	*out = memory;
	return 0;
}

void free(void *memory)
{
	if (memory)
		shim->memory -= (int64_t)malloc_usable_size(memory);
	__libc_free(memory);
}

static int64_t pages(size_t size)
{
	return ((int64_t)size + 4095) / 4096 * 4096;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	void *(*next)(void *, size_t, int, int, int, off_t);
	void *memory;

	if (is_refused())
		return MAP_FAILED;
	memory = NEXT("mmap")(at, size, protection, flags, fd, offset);
	if (memory != MAP_FAILED)
		shim->memory += pages(size);
	return memory;
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	return mmap(at, size, protection, flags, fd, offset);
}

int munmap(void *memory, size_t size)
{
	int (*next)(void *, size_t);
	int result = NEXT("munmap")(memory, size);

	if (result == 0)
		shim->memory -= pages(size);
	return result;
}

/* --- the clock ----------------------------------------------------------------------------- */

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
