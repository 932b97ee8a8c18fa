/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* table.h - lays a table out: aligned, and as wide as the terminal at most. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "cli/output.h"

#define TABLE_COLUMNS_MAX 12

/*
 * `cells`: rows * count texts, row by row, ready for a terminal. `width` 0: no bound. A table
 * that is too wide has its long texts cut (with an ellipsis); where that is not enough, it goes
 * without its spare columns and says so below.
 */
void table_print(FILE *out, const struct column *columns, size_t count, char *const *cells, size_t rows,
		 size_t width, bool colour);

#endif
