/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "source/sorter.h"

struct item {
	int64_t key;
	uint32_t rank, number;
};

static int compare(const void *left, const void *right)
{
	const struct item *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* `count` records of changing sizes with few keys, compared with what qsort makes of them. */
static void sorts(size_t memory, size_t count, size_t longest)
{
	struct item *items = calloc(count + 1, sizeof(*items));
	uint8_t *record = calloc(1, longest + sizeof(struct item));
	struct failure failure;
	struct sorter *sorter;
	const void *got;
	int64_t key;
	size_t size;

	assert_non_null(items);
	assert_non_null(record);
	assert_int_equal(sorter_new(memory, &sorter), 0);
	for (size_t i = 0; i < count; i++) {
		uint64_t random = hash_mix(1, i);

		items[i] = (struct item){(int64_t)(random % 1000) - 500, random >> 20 & 1, (uint32_t)i};
		memcpy(record, &items[i], sizeof(items[i]));
		size = sizeof(items[i]) + (longest ? random % longest : 0);
		memset(record + sizeof(items[i]), (int)i, size - sizeof(items[i]));
		assert_int_equal(sorter_add(sorter, items[i].key, items[i].rank, record, size, &failure), 0);
	}
	assert_int_equal(sorter_count(sorter), count);
	qsort(items, count, sizeof(*items), compare);
	for (size_t i = 0; i < count; i++) {
		struct item found;

		assert_int_equal(sorter_next(sorter, &key, &got, &size, &failure), 1);
		memcpy(&found, got, sizeof(found));
		assert_memory_equal(&found, &items[i], sizeof(found));
		assert_int_equal(key, found.key);
		if (size > sizeof(found))
			assert_int_equal(((const uint8_t *)got)[size - 1], (uint8_t)found.number);
	}
	assert_int_equal(sorter_next(sorter, &key, &got, &size, &failure), 0);
	assert_int_equal(sorter_next(sorter, &key, &got, &size, &failure), 0);
	sorter_free(sorter);
	free(record);
	free(items);
}

static void all_in_memory(void **state)
{
	(void)state;
	sorts(1 << 20, 0, 0);
	sorts(1 << 20, 1, 0);
	sorts(1 << 20, 5000, 40);
}

static void over_many_runs(void **state)
{
	(void)state;
	sorts(1, 50000, 100); /* the least memory there is: some 40 runs */
	sorts(1, 400, SORTER_RECORD_MAX - sizeof(struct item));
}

static void a_full_or_missing_folder_is_told(void **state)
{
	struct failure failure = {{0}};
	struct sorter *sorter;
	char record[1024] = {0};
	int error = 0;

	(void)state;
	setenv("TMPDIR", "/nowhere/at/all", 1);
	assert_int_equal(sorter_new(1, &sorter), 0);
	for (int i = 0; i < 1000 && !error; i++)
		error = sorter_add(sorter, i, 0, record, sizeof(record), &failure);
	assert_true(error < 0);
	assert_non_null(strstr(failure.text, "/nowhere/at/all"));
	sorter_free(sorter);
	unsetenv("TMPDIR");
}

static void bad_records_are_refused(void **state)
{
	struct failure failure;
	struct sorter *sorter;
	static char record[SORTER_RECORD_MAX + 1];

	(void)state;
	assert_int_equal(sorter_new(1, &sorter), 0);
	assert_int_equal(sorter_add(sorter, 1, 0, record, 0, &failure), -EINVAL);
	assert_int_equal(sorter_add(sorter, 1, 0, record, sizeof(record), &failure), -EINVAL);
	sorter_free(sorter);
	sorter_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_in_memory),
		cmocka_unit_test(over_many_runs),
		cmocka_unit_test(a_full_or_missing_folder_is_told),
		cmocka_unit_test(bad_records_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
