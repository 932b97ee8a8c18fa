/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "source/words.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int words_fail(struct words *words, const char *format, ...)
{
	char text[FAILURE_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return failure_set(words->failure, -EINVAL, "%s:%u: %s", words->path, words->line, text);
}

/* Takes one word off *line into text[*used..]. */
static int split_one(struct words *words, const char **line, size_t *used, uint64_t round)
{
	const char *at = *line;
	bool quoted = false;

	words->taken[words->count] = false;
	words->items[words->count++] = words->text + *used;
	for (; *at && (quoted || !isspace((unsigned char)*at)); at++) {
		char number[24];
		size_t length = 1;
		const char *from = at;

		if (*at == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *at == '\\' && (at[1] == '"' || at[1] == '\\')) {
			from = ++at;
		} else if (at[0] == '$' && at[1] == 'n') {
			snprintf(number, sizeof(number), "%" PRIu64, round);
			from = number;
			length = strlen(number);
			at++;
		}
		if (*used + length + 1 >= sizeof(words->text))
			return words_fail(words, "the line is too long");
		memcpy(words->text + *used, from, length);
		*used += length;
	}
	if (quoted)
		return words_fail(words, "a quotation mark is not closed");
	words->text[(*used)++] = '\0';
	*line = at;
	return 0;
}

int words_split(struct words *words, const char *line, uint64_t round)
{
	size_t used = 0;

	words->count = words->next = 0;
	for (;;) {
		int error;

		while (isspace((unsigned char)*line))
			line++;
		if (!*line || *line == '#')
			return 0;
		if (words->count == WORDS_MAX)
			return words_fail(words, "more than %d words", WORDS_MAX);
		if (used + 1 >= sizeof(words->text))
			return words_fail(words, "the line is too long");
		error = split_one(words, &line, &used, round);
		if (error)
			return error;
	}
}

const char *words_peek(const struct words *words)
{
	for (size_t i = words->next; i < words->count; i++)
		if (!words->taken[i])
			return words->items[i];
	return NULL;
}

const char *words_take(struct words *words)
{
	while (words->next < words->count && words->taken[words->next])
		words->next++;
	if (words->next == words->count)
		return NULL;
	words->taken[words->next] = true;
	return words->items[words->next++];
}

int words_need(struct words *words, const char *what, const char **out)
{
	const char *word = words_take(words);

	if (!word)
		return words_fail(words, "%s is missing", what);
	*out = word;
	return 0;
}

const char *words_option(struct words *words, const char *key)
{
	size_t length = strlen(key);

	for (size_t i = words->next; i < words->count; i++) {
		if (words->taken[i] || strncmp(words->items[i], key, length) != 0 ||
		    words->items[i][length] != '=')
			continue;
		words->taken[i] = true;
		return words->items[i] + length + 1;
	}
	return NULL;
}

bool words_flag(struct words *words, const char *flag)
{
	for (size_t i = words->next; i < words->count; i++) {
		if (words->taken[i] || strcmp(words->items[i], flag) != 0)
			continue;
		words->taken[i] = true;
		return true;
	}
	return false;
}

int words_end(struct words *words)
{
	const char *left = words_peek(words);

	return left ? words_fail(words, "\"%s\" is not understood here", left) : 0;
}

static int parse_number(const char *text, uint64_t most, uint64_t *out)
{
	char *end;
	unsigned long long value;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value > most)
		return -EINVAL;
	*out = value;
	return 0;
}

int words_option_number(struct words *words, const char *key, uint64_t most, uint64_t *out)
{
	const char *value = words_option(words, key);

	if (value && parse_number(value, most, out))
		return words_fail(words, "%s=%s: a number up to %" PRIu64 " is wanted", key, value, most);
	return 0;
}

int words_option_bytes(struct words *words, const char *key, uint64_t *out)
{
	const char *value = words_option(words, key);

	if (value && text_parse_bytes(value, out))
		return words_fail(words, "%s=%s: bytes are wanted, as 1500 or 64K", key, value);
	return 0;
}

int words_endpoint(struct words *words, const char *word, struct address *address, uint16_t *port)
{
	const char *colon = strrchr(word, ':');
	char text[ADDRESS_TEXT_MAX];
	size_t length = colon ? (size_t)(colon - word) : 0;
	uint64_t number;

	if (colon && word[0] == '[' && length >= 2 && word[length - 1] == ']') {
		word++;
		length -= 2;
	}
	if (!colon || length >= sizeof(text))
		return words_fail(words, "\"%s\" is not ADDRESS:PORT", word);
	memcpy(text, word, length);
	text[length] = '\0';
	if (address_parse(text, address) || parse_number(colon + 1, UINT16_MAX, &number) || number == 0)
		return words_fail(words, "\"%s\" is not ADDRESS:PORT", word);
	*port = (uint16_t)number;
	return 0;
}

int words_span(struct words *words, const char *word, int64_t *ns)
{
	size_t length = strlen(word);
	char digits[16];
	uint64_t ms;
	int64_t seconds;

	if (length > 2 && length - 2 < sizeof(digits) && strcmp(word + length - 2, "ms") == 0) {
		memcpy(digits, word, length - 2);
		digits[length - 2] = '\0';
		if (parse_number(digits, INT32_MAX, &ms) == 0) {
			*ns = (int64_t)ms * NS_PER_MS;
			return 0;
		}
	}
	if (text_parse_span(word, &seconds) || seconds > INT64_MAX / NS_PER_SECOND)
		return words_fail(words, "\"%s\" is not a span, as 90d, 1h30m or 250ms", word);
	*ns = seconds * NS_PER_SECOND;
	return 0;
}
