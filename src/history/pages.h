/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pages.h - rows straight out of a database file's pages, without its schema and its trees.
 * For a file that SQLite can not find its way in any more.
 */
#ifndef HISTORY_PAGES_H
#define HISTORY_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_VALUES_MOST 24

enum page_type { PAGE_NULL, PAGE_INTEGER, PAGE_TEXT, PAGE_OTHER };

struct page_value {
	enum page_type type;
	int64_t integer;
	const char *text; /* not terminated; lives until the callback returns */
	size_t length;
};

struct page_row {
	int64_t id;
	size_t count;
	struct page_value values[PAGES_VALUES_MOST];
};

/* 0 to go on; anything else ends the walk and is returned. */
typedef int page_callback(void *context, const struct page_row *row);

/*
 * Gives every row that lies whole in a leaf page of a table with rowids: also of tables that the
 * caller does not know, also rows of pages that are no longer in use. Any bytes may be in the
 * file. 0, what the callback returned, or -errno where the file can not be opened.
 */
int pages_each(const char *path, page_callback *callback, void *context);

#endif
