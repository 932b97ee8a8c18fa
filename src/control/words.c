/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "control/words.h"

#include <errno.h>
#include <string.h>

int control_add(struct control_words *words, const char *word)
{
	size_t length = strlen(word) + 1;

	if (words->count == CONTROL_WORDS_MAX || words->size + length > sizeof(words->bytes))
		return -E2BIG;
	memcpy(words->bytes + words->size, word, length);
	words->words[words->count++] = words->bytes + words->size;
	words->size += length;
	return 0;
}

int control_parse(struct control_words *words)
{
	size_t at = 0;

	words->count = 0;
	if (words->size == 0 || words->size > sizeof(words->bytes) || words->bytes[words->size - 1] != '\0')
		return -EBADMSG;
	while (at < words->size) {
		if (words->count == CONTROL_WORDS_MAX)
			return -EBADMSG;
		words->words[words->count++] = words->bytes + at;
		at += strlen(words->bytes + at) + 1;
	}
	return 0;
}
