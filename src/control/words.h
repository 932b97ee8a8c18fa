/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* words.h - the form of what goes over the control socket: words, each with its NUL. */
#ifndef CONTROL_WORDS_H
#define CONTROL_WORDS_H

#include <stddef.h>

#define CONTROL_BYTES_MAX 8192
#define CONTROL_WORDS_MAX 64

struct control_words {
	size_t count;
	const char *words[CONTROL_WORDS_MAX]; /* in `bytes` */
	size_t size;
	char bytes[CONTROL_BYTES_MAX];
};

/* Appends a word. 0 or -E2BIG. */
int control_add(struct control_words *words, const char *word);

/* Finds the words in bytes[0..size). 0, or -EBADMSG: they are not whole words, too many, or none. */
int control_parse(struct control_words *words);

#endif
