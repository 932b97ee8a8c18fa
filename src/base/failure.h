/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* failure.h - why an operation failed, in words for the operator. */
#ifndef BASE_FAILURE_H
#define BASE_FAILURE_H

#define FAILURE_TEXT_MAX 512

/* One line: what failed, on what, why, what to do next. Owned by the caller. */
struct failure {
	char text[FAILURE_TEXT_MAX];
};

/*
 * Writes the formatted line into `failure` (may be NULL) and returns `code`
 * (a negative errno value), so that a function can `return failure_set(...)`.
 * A line that does not fit is cut.
 */
__attribute__((format(printf, 3, 4))) int failure_set(struct failure *failure, int code, const char *format,
						      ...);

#endif
