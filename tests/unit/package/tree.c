/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "package/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 10000

int tree_make(void **state)
{
	char *root = strdup("/tmp/firstseen-package-XXXXXX");

	if (!root || !mkdtemp(root))
		return -1;
	tree_text(root, "/var/lib/dpkg/status", "");
	tree_text(root, "/var/lib/dpkg/info/format", "1\n");
	for (const char *const *top = (const char *const[]){"bin", "sbin", "lib", NULL}; *top; top++) {
		char link[16], target[16];

		snprintf(link, sizeof(link), "/%s", *top);
		snprintf(target, sizeof(target), "usr/%s", *top);
		tree_link(root, link, target);
	}
	*state = root;
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

int tree_remove(void **state)
{
	int error = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return error;
}

const char *tree_path(const char *root, const char *path)
{
	static char paths[8][TREE_PATH_MAX];
	static unsigned next;
	char *whole = paths[next++ % 8];

	assert_true(snprintf(whole, TREE_PATH_MAX, "%s%s", root, path) < TREE_PATH_MAX);
	return whole;
}

static void make_folders(const char *path)
{
	char folder[TREE_PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		mkdir(folder, 0755);
	}
}

void tree_write(const char *root, const char *path, const void *bytes, size_t length)
{
	const char *whole = tree_path(root, path);
	FILE *file;

	make_folders(whole);
	file = fopen(whole, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

void tree_text(const char *root, const char *path, const char *text)
{
	tree_write(root, path, text, strlen(text));
}

void tree_link(const char *root, const char *path, const char *target)
{
	const char *whole = tree_path(root, path);

	make_folders(whole);
	unlink(whole);
	assert_int_equal(symlink(target, whole), 0);
}

void tree_list(const char *root, const char *package, int64_t mtime, const char *text)
{
	struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
	char path[TREE_PATH_MAX], fresh[TREE_PATH_MAX];

	snprintf(path, sizeof(path), "/var/lib/dpkg/info/%s.list", package);
	snprintf(fresh, sizeof(fresh), "/var/lib/dpkg/info/%s.list-new", package);
	tree_text(root, fresh, text);
	assert_int_equal(utimensat(AT_FDCWD, tree_path(root, fresh), times, 0), 0);
	assert_int_equal(rename(tree_path(root, fresh), tree_path(root, path)), 0);
}

struct packages *tree_open(const char *root, const char *rpm)
{
	struct packages_settings settings = {.root = root, .proc = tree_path(root, "/proc"), .rpm = rpm};
	struct packages *packages = NULL;
	struct failure failure;

	assert_int_equal(packages_open(&settings, &packages, &failure), 0);
	return packages;
}

struct package_answer tree_find(struct packages *packages, const char *path)
{
	struct package_answer answer;

	for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
		packages_find(packages, path, PATIENCE_MS, &answer);
		if (answer.result != PACKAGE_PENDING)
			break;
		usleep(10000);
	}
	return answer;
}

void tree_check_owned(struct packages *packages, const char *path, const char *name, const char *file,
		      int line)
{
	struct package_answer answer = tree_find(packages, path);
	enum package_result wanted = name ? PACKAGE_OWNED : PACKAGE_UNOWNED;

	if (answer.result != wanted || strcmp(answer.name, name ? name : "") != 0) {
		print_error("%s: %s, \"%s\" instead of \"%s\"\n", path, package_result_name(answer.result),
			    answer.name, name ? name : "");
		_fail(file, line);
	}
}
