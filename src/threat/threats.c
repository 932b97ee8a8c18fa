/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "threat/threats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/hash.h"
#include "base/text.h"

#define CHUNK_BITS 20
#define CHUNK_SIZE (1U << CHUNK_BITS)
#define CHUNKS_MAX 1024
#define LINE_MAX_BYTES 4096

struct list {
	enum threat_class class;
	char name[THREAT_LIST_MAX];
};

/* An entry is a byte for its list, then its name and a NUL; entries lie one behind the other in chunks. */
struct threats {
	const struct domain_rules *rules;
	uint64_t seed; /* who publishes a list chooses its names */
	struct list lists[THREATS_FILES_MAX];
	char *chunks[CHUNKS_MAX];
	uint32_t used; /* of the last chunk, as a place; 0 is no place */
	uint32_t *slots;
	size_t slot_count;
	struct threats_counts counts;
};

int threats_new(const struct domain_rules *rules, struct threats **out)
{
	struct threats *threats = calloc(1, sizeof(*threats));

	if (!threats)
		return -ENOMEM;
	threats->rules = rules;
	threats->seed = hash_seed();
	threats->used = 1;
	threats->counts.bytes = sizeof(*threats);
	*out = threats;
	return 0;
}

void threats_free(struct threats *threats)
{
	if (!threats)
		return;
	for (size_t i = 0; i < CHUNKS_MAX; i++)
		free(threats->chunks[i]);
	free(threats->slots);
	free(threats);
}

/* --- entries ------------------------------------------------------------------- */

static const char *entry_at(const struct threats *threats, uint32_t place)
{
	return threats->chunks[place >> CHUNK_BITS] + (place & (CHUNK_SIZE - 1));
}

/* The slot of the name, or the free one where it would be. */
static uint32_t *slot_of(const struct threats *threats, const char *name, size_t length)
{
	size_t mask = threats->slot_count - 1;

	for (size_t i = hash_bytes(threats->seed, name, length) & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &threats->slots[i];

		if (!*slot || strcmp(entry_at(threats, *slot) + 1, name) == 0)
			return slot;
	}
}

static int grow(struct threats *threats)
{
	size_t before = threats->slot_count, count = before ? 2 * before : 4096;
	uint32_t *old = threats->slots, *slots;

	if (before && threats->counts.entries < before / 4 * 3)
		return 0;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	threats->slots = slots;
	threats->slot_count = count;
	for (size_t i = 0; i < before; i++) {
		if (old[i]) {
			const char *name = entry_at(threats, old[i]) + 1;

			*slot_of(threats, name, strlen(name)) = old[i];
		}
	}
	free(old);
	threats->counts.bytes += (count - before) * sizeof(*slots);
	return 0;
}

/* Room for an entry, never across two chunks. 0: none. */
static uint32_t take_room(struct threats *threats, size_t size)
{
	uint32_t place = threats->used;

	if ((place & (CHUNK_SIZE - 1)) + size > CHUNK_SIZE)
		place = ((place >> CHUNK_BITS) + 1) << CHUNK_BITS;
	if (place >> CHUNK_BITS >= CHUNKS_MAX)
		return 0;
	if (!threats->chunks[place >> CHUNK_BITS]) {
		threats->chunks[place >> CHUNK_BITS] = malloc(CHUNK_SIZE);
		if (!threats->chunks[place >> CHUNK_BITS])
			return 0;
		threats->counts.bytes += CHUNK_SIZE;
	}
	threats->used = place + (uint32_t)size;
	return place;
}

/* The first list that names a domain keeps it, but a threat goes before a new registration. */
static int add(struct threats *threats, uint8_t list, const char *name)
{
	size_t length = strlen(name);
	uint32_t *slot, place;
	char *entry;

	if (threats->counts.entries == THREATS_ENTRIES_MAX)
		return -E2BIG;
	if (grow(threats))
		return -ENOMEM;
	slot = slot_of(threats, name, length);
	if (*slot) {
		entry = threats->chunks[*slot >> CHUNK_BITS] + (*slot & (CHUNK_SIZE - 1));
		if (threats->lists[list].class < threats->lists[(uint8_t)entry[0]].class)
			entry[0] = (char)list;
		return 0;
	}
	place = take_room(threats, length + 2);
	if (!place)
		return -ENOMEM;
	entry = threats->chunks[place >> CHUNK_BITS] + (place & (CHUNK_SIZE - 1));
	entry[0] = (char)list;
	memcpy(entry + 1, name, length + 1);
	*slot = place;
	threats->counts.entries++;
	return 0;
}

/* --- lines ----------------------------------------------------------------------- */

/* Names of the own machine that every hosts file begins with: neither entries nor mistakes. */
static bool is_local(const char *word)
{
	static const char *const names[] = {"localhost",      "localhost.localdomain", "local",
					    "broadcasthost",  "ip6-localhost",         "ip6-loopback",
					    "ip6-localnet",   "ip6-mcastprefix",       "ip6-allnodes",
					    "ip6-allrouters", "ip6-allhosts",          NULL};
	struct address address;

	for (size_t i = 0; names[i]; i++)
		if (strcmp(word, names[i]) == 0)
			return true;
	return address_parse(word, &address) == 0;
}

/* What lists put around a domain. */
static char *bare(char *word)
{
	char *scheme = strstr(word, "://");

	if (scheme)
		word = scheme + 3;
	if (strncmp(word, "||", 2) == 0)
		word += 2;
	if (strncmp(word, "*.", 2) == 0)
		word += 2;
	else if (word[0] == '.')
		word++;
	word[strcspn(word, scheme ? "/:?#," : "^,")] = '\0';
	return word;
}

/* 0, -EBADMSG for what is no domain that a list can mean, or a failure of add. */
static int add_word(struct threats *threats, uint8_t list, char *word)
{
	char name[HOSTNAME_MAX];

	/* By an entry that is a public suffix, every name below it would be a threat. */
	if (hostname_normalise(bare(word), name) || !strchr(name, '.') ||
	    domain_is_public_suffix(threats->rules, name))
		return -EBADMSG;
	return add(threats, list, name);
}

static int add_line(struct threats *threats, uint8_t list, char *line)
{
	bool hosts = false, first = true;
	struct address address;
	char *save, *word;

	for (word = strtok_r(line, " \t\r\n\v\f", &save); word; word = strtok_r(NULL, " \t\r\n\v\f", &save)) {
		int error;

		if (strchr("#!;", word[0]) || strncmp(word, "//", 2) == 0 || (first && word[0] == '['))
			return 0;
		if (first && address_parse(word, &address) == 0) {
			hosts = true;
			first = false;
			continue;
		}
		first = false;
		if (hosts && is_local(word))
			continue;
		error = add_word(threats, list, word);
		if (error || !hosts)
			return error;
	}
	return 0;
}

static void count_bad(struct threats *threats, const char *name, uint64_t line)
{
	struct threats_counts *counts = &threats->counts;

	if (counts->lines_bad++ == 0)
		snprintf(counts->first_bad, sizeof(counts->first_bad), "%.90s:%llu", name,
			 (unsigned long long)line);
}

/* A line that is too long for an entry is one mistake. */
static int add_stream(struct threats *threats, uint8_t list, FILE *file)
{
	const char *name = threats->lists[list].name;
	char line[LINE_MAX_BYTES];
	uint64_t number = 0;
	int error = 0;

	while (!error && fgets(line, sizeof(line), file)) {
		bool whole = strchr(line, '\n') || feof(file);

		number++;
		for (int c = whole ? '\n' : 0; c != '\n' && c != EOF;)
			c = fgetc(file);
		error = whole ? add_line(threats, list, line) : -EBADMSG;
		if (error == -EBADMSG) {
			count_bad(threats, name, number);
			error = 0;
		}
	}
	return error ? error : ferror(file) ? -EIO : 0;
}

/* --- files ------------------------------------------------------------------------- */

static int cannot_read(const char *path, int error, struct failure *failure)
{
	if (error == -E2BIG)
		return failure_set(failure, error,
				   "the threat list %.200s: more than %d entries in all, the rest is "
				   "left out",
				   path, THREATS_ENTRIES_MAX);
	return failure_set(failure, error, "can not read the threat list %.200s: %s", path, strerror(-error));
}

static int load_file(struct threats *threats, enum threat_class class, int at, const char *name,
		     const char *path, struct failure *failure)
{
	uint8_t list = (uint8_t)threats->counts.files;
	struct stat status;
	FILE *file = NULL;
	int fd, error;

	if (threats->counts.files == THREATS_FILES_MAX)
		return failure_set(failure, -E2BIG, "more than %d threat lists; %.200s is left out",
				   THREATS_FILES_MAX, path);
	fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe shall not hold us up */
	if (fd >= 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode)) {
		close(fd);
		return failure_set(failure, -EINVAL, "the threat list %.200s is not a file", path);
	}
	if (fd >= 0)
		file = fdopen(fd, "r");
	if (!file) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return cannot_read(path, error, failure);
	}
	threats->lists[list].class = class;
	text_copy(threats->lists[list].name, THREAT_LIST_MAX,
		  strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	threats->counts.files++;
	error = add_stream(threats, list, file);
	fclose(file);
	return error ? cannot_read(path, error, failure) : 0;
}

/* By name, so that the same folder gives the same set. */
static int load_folder(struct threats *threats, enum threat_class class, const char *path,
		       struct failure *failure)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort), error = 0, at;
	struct failure ignored;
	char whole[PATH_MAX + 260];

	if (count < 0)
		return cannot_read(path, -errno, failure);
	at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		error = cannot_read(path, -errno, failure);
	for (int i = 0; i < count; i++) {
		struct stat status;
		const char *name = entries[i]->d_name;

		if (at >= 0 && name[0] != '.' &&
		    !(fstatat(at, name, &status, 0) == 0 && S_ISDIR(status.st_mode))) {
			int one;

			snprintf(whole, sizeof(whole), "%s/%s", path, name);
			one = load_file(threats, class, at, name, whole, error ? &ignored : failure);
			error = error ? error : one;
		}
		free(entries[i]);
	}
	free(entries);
	if (at >= 0)
		close(at);
	return error;
}

int threats_load(struct threats *threats, enum threat_class class, const char *path, struct failure *failure)
{
	struct stat status;

	if (stat(path, &status))
		return cannot_read(path, -errno, failure);
	if (S_ISDIR(status.st_mode))
		return load_folder(threats, class, path, failure);
	return load_file(threats, class, AT_FDCWD, path, path, failure);
}

bool threats_are_absent(const char *path)
{
	struct stat status;

	return lstat(path, &status) != 0 && errno == ENOENT;
}

/* --- questions ----------------------------------------------------------------------- */

bool threats_find(const struct threats *threats, const char *hostname, struct threat_match *out)
{
	const char *found = NULL;

	if (!threats || threats->slot_count == 0)
		return false;
	for (const char *name = hostname; name && strchr(name, '.'); name = strchr(name, '.') + 1) {
		uint32_t slot = *slot_of(threats, name, strlen(name));
		const char *entry = slot ? entry_at(threats, slot) : NULL;

		if (entry && (!found || threats->lists[(uint8_t)entry[0]].class <
						threats->lists[(uint8_t)found[0]].class))
			found = entry;
	}
	if (!found)
		return false;
	out->class = threats->lists[(uint8_t)found[0]].class;
	text_copy(out->list, sizeof(out->list), threats->lists[(uint8_t)found[0]].name);
	text_copy(out->entry, sizeof(out->entry), found + 1);
	return true;
}

const struct threats_counts *threats_counts(const struct threats *threats)
{
	return &threats->counts;
}
