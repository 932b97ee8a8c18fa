/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lines.c - the lines of a file of any bytes, packed or not; an input may say that its last byte is repeated.
 */
#include "source/lines.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

#define LONG_BY (3 * LINES_LONGEST / 2)
#define LINES_BY (LINES_LONGEST / 16) /* where the last byte ends a line: so many of them */
#define PROGRESS_LINES 64

static void read_all(const char *path)
{
	struct failure failure = {{0}};
	struct lines *lines;
	struct line line;
	uint64_t done, size, number = 0;
	int found;

	must(lines_open(path, &lines, &failure) == 0);
	while ((found = lines_next(lines, &line, &failure)) == 1) {
		must(line.number == ++number && line.length <= LINES_LONGEST &&
		     line.text[line.length] == '\0');
		if (number % PROGRESS_LINES == 1)
			lines_progress(lines, &done, &size);
	}
	must(found == 0 || failure.text[0]);
	(void)lines_digest(lines)->bytes;
	lines_close(lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool longer = size > 4 && memcmp(data, "LONG", 4) == 0;
	size_t by = longer ? data[size - 1] == '\n' ? LINES_BY : LONG_BY : 0, length = size + by;
	static char bytes[1 << 21]; /* only ever touched as far as it is used */
	char peeked[64];
	const char *path;
	struct digest digest;

	must(length <= sizeof(bytes));
	if (size)
		memcpy(bytes, data, size);
	if (longer)
		memset(bytes + size, data[size - 1], by);
	path = fuzz_file(bytes, length);
	read_all(path);
	must(lines_peek(path, peeked, sizeof(peeked)) <= (int64_t)sizeof(peeked));
	must(lines_digest_of(path, &digest, NULL) == 0 && digest.bytes == length);
	return 0;
}
