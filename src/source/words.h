/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * words.h - one line of a scenario, taken apart: words, then options KEY=VALUE
 * and flags in any order. What a statement did not take is an error.
 */
#ifndef SOURCE_WORDS_H
#define SOURCE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/failure.h"

#define WORDS_MAX 64
#define WORDS_LINE_MAX 4096

struct words {
	const char *path; /* borrowed */
	unsigned line;
	struct failure *failure; /* borrowed, may be NULL */
	size_t count, next;      /* next: the first word not taken in order */
	char *items[WORDS_MAX];  /* point into text */
	bool taken[WORDS_MAX];
	char text[WORDS_LINE_MAX];
};

/* Writes "PATH:LINE: ..." and returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int words_fail(struct words *words, const char *format, ...);

/*
 * Splits `line` at blanks. "..." keeps blanks (\" and \\ inside), # begins a
 * comment where a word would begin. $n becomes `round`. 0 or -EINVAL.
 */
int words_split(struct words *words, const char *line, uint64_t round);

/* The next word in order, or NULL. */
const char *words_take(struct words *words);
/* The next word in order without taking it, or NULL. */
const char *words_peek(const struct words *words);
/* The next word; `what` is named where there is none. 0 or -EINVAL. */
int words_need(struct words *words, const char *what, const char **out);
/* The value of KEY=VALUE, or NULL; taken. */
const char *words_option(struct words *words, const char *key);
/* Whether the flag is among the words left; taken. */
bool words_flag(struct words *words, const char *flag);
/* 0 when all was taken, else -EINVAL naming the first word left. */
int words_end(struct words *words);

/* Options of a kind: *out is untouched where the option is not there. 0 or -EINVAL. */
int words_option_number(struct words *words, const char *key, uint64_t most, uint64_t *out);
int words_option_bytes(struct words *words, const char *key, uint64_t *out);

/* The word as "ADDRESS:PORT" or "[ADDRESS]:PORT". 0 or -EINVAL. */
int words_endpoint(struct words *words, const char *word, struct address *address, uint16_t *port);

/* A span: as text_parse_span, or milliseconds ("250ms"). 0 or -EINVAL. */
int words_span(struct words *words, const char *word, int64_t *ns);

#endif
