/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pages.c - see "B-tree Pages" and "Record Format" of SQLite's file format. */
#include "history/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE_SIZE 4096 /* SQLite's standard, which histories have */
#define TABLE_LEAF 0x0d
#define LOCAL_MOST (PAGE_SIZE - 35) /* a longer row goes on in other pages */

struct bytes {
	const uint8_t *at, *end;
};

static bool take_varint(struct bytes *bytes, uint64_t *out)
{
	uint64_t value = 0;

	for (int i = 0; i < 9 && bytes->at < bytes->end; i++) {
		uint8_t byte = *bytes->at++;

		if (i == 8) {
			*out = value << 8 | byte;
			return true;
		}
		value = value << 7 | (byte & 0x7f);
		if (!(byte & 0x80)) {
			*out = value;
			return true;
		}
	}
	return false;
}

static bool take_integer(struct bytes *bytes, size_t size, int64_t *out)
{
	uint64_t value;

	if ((size_t)(bytes->end - bytes->at) < size)
		return false;
	value = *bytes->at & 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | *bytes->at++;
	*out = (int64_t)value;
	return true;
}

/* One value of the body, of that serial type. */
static bool take_value(struct bytes *body, uint64_t type, struct page_value *out)
{
	static const uint8_t sizes[] = {0, 1, 2, 3, 4, 6, 8, 8};
	uint64_t length;

	*out = (struct page_value){.type = PAGE_OTHER};
	if (type == 0) {
		out->type = PAGE_NULL;
		return true;
	}
	if (type == 8 || type == 9) {
		out->type = PAGE_INTEGER;
		out->integer = type == 9;
		return true;
	}
	if (type < 8) {
		out->type = type == 7 ? PAGE_OTHER : PAGE_INTEGER;
		return take_integer(body, sizes[type], &out->integer);
	}
	if (type < 12)
		return false;
	length = (type - 12) / 2;
	if (length > (uint64_t)(body->end - body->at))
		return false;
	if (type & 1)
		out->type = PAGE_TEXT;
	out->text = (const char *)body->at;
	out->length = (size_t)length;
	body->at += length;
	return true;
}

static bool read_cell(const uint8_t *page, size_t offset, struct page_row *row)
{
	struct bytes cell = {page + offset, page + PAGE_SIZE}, header, body;
	uint64_t payload, id, header_size, type;
	const uint8_t *record;

	row->count = 0;
	if (!take_varint(&cell, &payload) || !take_varint(&cell, &id) || payload > LOCAL_MOST ||
	    payload > (uint64_t)(cell.end - cell.at))
		return false;
	record = cell.at;
	header = (struct bytes){record, record + payload};
	if (!take_varint(&header, &header_size) || header_size > payload)
		return false;
	body = (struct bytes){record + header_size, record + payload};
	header.end = body.at;
	row->id = (int64_t)id;
	while (header.at < header.end) {
		if (row->count == PAGES_VALUES_MOST || !take_varint(&header, &type) ||
		    !take_value(&body, type, &row->values[row->count++]))
			return false;
	}
	return true;
}

static int read_page(const uint8_t *page, page_callback *callback, void *context)
{
	size_t cells = (size_t)page[3] << 8 | page[4];
	struct page_row row;
	int result = 0;

	if (page[0] != TABLE_LEAF || 8 + 2 * cells > PAGE_SIZE)
		return 0;
	for (size_t i = 0; i < cells && !result; i++) {
		size_t offset = (size_t)page[8 + 2 * i] << 8 | page[9 + 2 * i];

		if (offset >= 8 + 2 * cells && offset < PAGE_SIZE && read_cell(page, offset, &row))
			result = callback(context, &row);
	}
	return result;
}

int pages_each(const char *path, page_callback *callback, void *context)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t page[PAGE_SIZE];
	int result = 0;

	if (file < 0)
		return -errno;
	/* The first page holds the schema, and begins with the file's header. */
	for (off_t at = PAGE_SIZE; !result; at += PAGE_SIZE) {
		ssize_t size = pread(file, page, sizeof(page), at);

		if (size == 0 || (size < 0 && errno != EIO))
			break;
		if (size == PAGE_SIZE) /* a bad block, or the rest of a cut file, holds none */
			result = read_page(page, callback, context);
	}
	close(file);
	return result;
}
