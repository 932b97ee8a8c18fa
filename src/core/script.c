// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* script.c - what an interpreter was started with: each reads its options in its own way. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/process.h"

#define INLINE_CODE "-c" /* whatever the interpreter calls it */

/* The command line, argument by argument. Nothing needs to be terminated. */
struct cursor {
	const char *text;
	size_t length;
	size_t at;
};

struct argument {
	const char *text;
	size_t length;
};

static bool next(struct cursor *cursor, struct argument *out)
{
	const char *start = cursor->text + cursor->at;
	size_t left;

	if (cursor->at >= cursor->length)
		return false;
	left = cursor->length - cursor->at;
	out->text = start;
	out->length = strnlen(start, left);
	/* The end of what the kernel copied: a name cut in the middle would be another name. */
	if (out->length == left && cursor->length >= FS_ARGUMENTS_SIZE)
		return false;
	cursor->at += out->length + 1;
	return true;
}

static bool is(struct argument argument, const char *word)
{
	return argument.length == strlen(word) && memcmp(argument.text, word, argument.length) == 0;
}

/* Whether the argument is one of the words of a list that is separated by spaces. */
static bool is_among(struct argument argument, const char *words)
{
	while (*words) {
		size_t length = strcspn(words, " ");

		if (argument.length == length && memcmp(argument.text, words, length) == 0)
			return true;
		words += length;
		words += strspn(words, " ");
	}
	return false;
}

/* How an interpreter reads its options. */
struct language {
	const char *names;          /* of the executable, less a version at its end */
	const char *code;           /* letters: code follows, in the argument or the next one */
	const char *module;         /* letters: a module's name follows likewise */
	const char *file;           /* letters: the script's name follows likewise */
	const char *value;          /* letters: a value follows likewise */
	const char *value_next;     /* letters: a value is always the next argument */
	const char *value_glued;    /* letters: the rest of the argument, if any, is a value */
	const char *digits;         /* letters: digits may follow, then more letters */
	const char *standard_input; /* letters: the script comes from standard input */
	const char *long_code;      /* long options: the next argument is code */
	const char *long_value;     /* long options: the next argument is a value */
	bool single_dash_words;     /* "-classpath": there are no clusters of letters */
	bool plus_options;          /* "+o" */
	bool applets;               /* the first argument tells which program it is */
};

static const struct language languages[] = {
	{
		.names = "python pypy",
		.code = "c",
		.module = "m",
		.value = "WX",
		.long_value = "--check-hash-based-pycs",
	},
	{
		.names = "node nodejs",
		.code = "e",
		.value = "rC",
		.long_code = "--eval --print -pe -p",
		.long_value =
			"--require --import --loader --experimental-loader --conditions --inspect-port "
			"--debug-port --title --icu-data-dir --openssl-config --redirect-warnings "
			"--diagnostic-dir --input-type --env-file --dns-result-order --test-name-pattern "
			"--test-reporter --test-reporter-destination --watch-path --unhandled-rejections "
			"--max-http-header-size --stack-trace-limit --disable-warning",
	},
	{
		.names = "ruby",
		.code = "e",
		.value = "IrCXE",
		.value_glued = "KFixTW0",
		.long_value = "--encoding --external-encoding --internal-encoding --enable --disable",
	},
	{
		.names = "perl",
		.code = "eE",
		.value = "I",
		.value_glued = "MmiFxCDVd",
		.digits = "l0",
	},
	{
		.names = "php php-cgi",
		.code = "rBRE",
		.file = "fF",
		.value = "dczSt",
		.long_code = "--run --process-begin --process-code --process-end",
		.long_value = "--define --php-ini --zend-extension --server --docroot",
	},
	{
		.names = "sh bash dash ash zsh ksh mksh rbash",
		.code = "c",
		.value_next = "oO",
		.standard_input = "s",
		.long_value = "--rcfile --init-file",
		.plus_options = true,
	},
	{
		.names = "busybox",
		.code = "c",
		.value_next = "o",
		.standard_input = "s",
		.plus_options = true,
		.applets = true,
	},
	{
		.names = "java",
		.single_dash_words = true,
		.long_value = "-cp -classpath --class-path -p --module-path --upgrade-module-path "
			      "--add-modules --add-exports --add-opens --add-reads --patch-module "
			      "--limit-modules --source --enable-native-access -d --describe-module",
	},
};

/* "python3.11" is python, "perl5.36.0" perl; "pythonista" is neither. */
static const struct language *language_of(const char *exe)
{
	const char *slash = strrchr(exe, '/');
	struct argument name = {slash ? slash + 1 : exe, 0};

	name.length = strlen(name.text);
	while (name.length > 0 && (strchr("0123456789.-", name.text[name.length - 1])))
		name.length--;
	for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++)
		if (is_among(name, languages[i].names))
			return &languages[i];
	return NULL;
}

static void write_script(char out[static PROCESS_EXE_MAX], const char *prefix, struct argument argument)
{
	size_t used = (size_t)snprintf(out, PROCESS_EXE_MAX, "%s", prefix);

	text_copy_bytes(out + used, PROCESS_EXE_MAX - used, argument.text, argument.length);
}

static bool has(const char *letters, char letter)
{
	return letters && letter && strchr(letters, letter) != NULL;
}

enum reading { GO_ON, DONE };

/* The value of an option: the rest of its argument, or the next one. */
static bool value_of(struct cursor *cursor, struct argument rest, struct argument *value)
{
	if (rest.length > 0) {
		*value = rest;
		return true;
	}
	return next(cursor, value);
}

/* A cluster of letters behind one dash. */
static enum reading read_letters(const struct language *language, struct cursor *cursor,
				 struct argument argument, char out[static PROCESS_EXE_MAX])
{
	for (size_t i = 1; i < argument.length; i++) {
		struct argument rest = {argument.text + i + 1, argument.length - i - 1};
		struct argument value;
		char letter = argument.text[i];

		if (has(language->code, letter)) {
			write_script(out, INLINE_CODE, (struct argument){"", 0});
			return DONE;
		}
		if (has(language->standard_input, letter))
			return DONE;
		if (has(language->module, letter) || has(language->file, letter)) {
			if (value_of(cursor, rest, &value))
				write_script(out, has(language->module, letter) ? "-m " : "", value);
			return DONE;
		}
		if (has(language->value, letter))
			return value_of(cursor, rest, &value) ? GO_ON : DONE;
		if (has(language->value_next, letter) && !next(cursor, &value))
			return DONE;
		if (has(language->value_glued, letter))
			return GO_ON;
		while (has(language->digits, letter) && i + 1 < argument.length &&
		       argument.text[i + 1] >= '0' && argument.text[i + 1] <= '9')
			i++;
	}
	return GO_ON;
}

/* Java has whole words behind one dash; a JAR or a module stands for the program. */
static enum reading read_word(const struct language *language, struct cursor *cursor,
			      struct argument argument, char out[static PROCESS_EXE_MAX])
{
	struct argument value;

	if (is(argument, "-jar") || is(argument, "-m") || is(argument, "--module")) {
		if (next(cursor, &value))
			write_script(out, is(argument, "-jar") ? "-jar " : "-m ", value);
		return DONE;
	}
	return is_among(argument, language->long_value) && !next(cursor, &value) ? DONE : GO_ON;
}

static enum reading read_option(const struct language *language, struct cursor *cursor,
				struct argument argument, char out[static PROCESS_EXE_MAX])
{
	struct argument value;

	if (language->single_dash_words)
		return read_word(language, cursor, argument, out);
	if (language->long_code && is_among(argument, language->long_code)) {
		write_script(out, INLINE_CODE, (struct argument){"", 0});
		return DONE;
	}
	if (language->long_value && is_among(argument, language->long_value))
		return next(cursor, &value) ? GO_ON : DONE;
	if (argument.length > 2 && argument.text[1] == '-') {
		/* "--eval=code" */
		const char *equals = memchr(argument.text, '=', argument.length);
		struct argument name = {argument.text, equals ? (size_t)(equals - argument.text) : 0};

		if (!equals || !language->long_code || !is_among(name, language->long_code))
			return GO_ON;
		write_script(out, INLINE_CODE, (struct argument){"", 0});
		return DONE;
	}
	return read_letters(language, cursor, argument, out);
}

/* "busybox sh x.sh" and "sh x.sh": true with the cursor behind the shell's name; other applets run no script.
 */
static bool enter_applet(struct cursor *cursor, struct argument first)
{
	for (int words = 0; words < 2; words++) {
		const char *slash = memrchr(first.text, '/', first.length);
		struct argument name = first;

		if (slash)
			name = (struct argument){slash + 1, (size_t)(first.text + first.length - slash - 1)};
		if (is_among(name, "sh ash -sh -ash"))
			return true;
		if (!is(name, "busybox") || !next(cursor, &first))
			return false;
	}
	return false;
}

void process_script(const char *exe, const char *arguments, size_t length, char out[static PROCESS_EXE_MAX])
{
	const struct language *language = language_of(exe);
	struct cursor cursor = {arguments, length, 0};
	struct argument argument;

	out[0] = '\0';
	if (!language || !next(&cursor, &argument))
		return;
	if (language->applets && !enter_applet(&cursor, argument))
		return;
	while (next(&cursor, &argument)) {
		bool option = argument.length > 1 && (argument.text[0] == '-' ||
						      (language->plus_options && argument.text[0] == '+'));

		if (is(argument, "--") || (language->plus_options && is(argument, "-"))) {
			if (next(&cursor, &argument))
				write_script(out, "", argument);
			return;
		}
		if (is(argument, "-")) /* standard input */
			return;
		if (language->single_dash_words && argument.length > 0 && argument.text[0] == '@')
			continue; /* a file of more arguments, which is not read here */
		if (!option) {
			write_script(out, "", argument);
			return;
		}
		if (read_option(language, &cursor, argument, out) == DONE)
			return;
	}
}
