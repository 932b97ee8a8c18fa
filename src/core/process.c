/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

/* --- reading -------------------------------------------------------------------------- */

/* "curl\0bin\0usr\0" becomes "/usr/bin/curl". */
static void read_path(const char *parts, size_t length, bool cut, char *out, size_t size)
{
	size_t end = length, used = 0;

	out[0] = '\0';
	if (length == 0 || parts[length - 1] != '\0')
		return;
	if (cut)
		used = (size_t)snprintf(out, size, "...");
	while (end > 0) {
		size_t from = end - 1, piece;

		while (from > 0 && parts[from - 1] != '\0')
			from--;
		piece = end - 1 - from;
		if (used + 1 + piece >= size)
			return;
		out[used++] = '/';
		memcpy(out + used, parts + from, piece);
		used += piece;
		out[used] = '\0';
		end = from;
	}
}

/* Arguments are separated by a space; what is not plain inside one is escaped, so that they can be told
 * apart. */
static void read_arguments(const char *bytes, size_t length, char out[static PROCESS_ARGUMENTS_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0;

	while (length && bytes[length - 1] == '\0')
		length--;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		bool plain = byte > ' ' && byte != 0x7f && byte != '\\';

		if (used + (plain || byte == 0 ? 1 : 4) >= PROCESS_ARGUMENTS_MAX)
			break;
		if (byte == 0) {
			out[used++] = ' ';
		} else if (plain) {
			out[used++] = (char)byte;
		} else {
			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = digits[byte >> 4];
			out[used++] = digits[byte & 15];
		}
	}
	out[used] = '\0';
}

void process_read(const struct fs_record_process *record, struct process *out)
{
	bool in_container;

	out->owner = record->header.owner;
	out->login_uid = record->login_uid;
	out->gid = record->gid;
	out->pid_namespace = record->pid_namespace;
	out->mount_namespace = record->mount_namespace;
	text_copy_bytes(out->comm, sizeof(out->comm), record->comm, sizeof(record->comm));
	read_path(record->exe, record->exe_length, record->exe_cut, out->exe, sizeof(out->exe));
	read_arguments(record->arguments, record->arguments_length, out->arguments);
	out->arguments_cut = record->arguments_cut;
	read_path(record->cgroup, record->cgroup_length, record->cgroup_cut, out->cgroup,
		  sizeof(out->cgroup));
	process_container(out->cgroup, out->container);
	process_script(out->exe, record->arguments, record->arguments_length, out->script);
	in_container = out->container[0] && strncmp(out->container, "unit:", 5) != 0;
	snprintf(out->application, sizeof(out->application), "%.*s%s%.*s%s%s%s", PROCESS_EXE_MAX / 2,
		 out->exe, out->script[0] ? " " : "", PROCESS_EXE_MAX / 2, out->script,
		 in_container ? " [" : "", in_container ? out->container : "", in_container ? "]" : "");
	out->executable_hash = 0;
	if (out->exe[0]) {
		out->executable_hash = hash_bytes(0, out->application, strlen(out->application));
		if (out->executable_hash == 0)
			out->executable_hash = 1;
	}
	out->ancestor_count = record->ancestor_count;
	memcpy(out->ancestors, record->ancestors, sizeof(out->ancestors));
}

/* --- containers ------------------------------------------------------------------------- */

static bool is_hex(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
			return false;
	return true;
}

static size_t hex_length(const char *text)
{
	size_t length = 0;

	while (is_hex(text + length, 1) && text[length])
		length++;
	return length;
}

#define SHORT_ID 12

static void put_id(const char *runtime, const char *id, char out[static PROCESS_CONTAINER_MAX])
{
	snprintf(out, PROCESS_CONTAINER_MAX, "%s:%.*s", runtime, SHORT_ID, id);
}

/* A scope as systemd's driver names it: PREFIX-ID.scope. */
static bool read_scope(const char *part, char out[static PROCESS_CONTAINER_MAX])
{
	static const struct {
		const char *prefix, *runtime;
	} scopes[] = {
		{"docker-", "docker"}, {"cri-containerd-", "containerd"}, {"crio-", "cri-o"},
		{"libpod-", "podman"}, {"containerd-", "containerd"},     {"nerdctl-", "containerd"},
	};

	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		size_t prefix = strlen(scopes[i].prefix);

		if (strncmp(part, scopes[i].prefix, prefix) == 0 && hex_length(part + prefix) >= 32) {
			put_id(scopes[i].runtime, part + prefix, out);
			return true;
		}
	}
	return false;
}

/* machine-NAME.scope (nspawn), lxc.payload.NAME and the like. */
static bool read_named(const char *part, char out[static PROCESS_CONTAINER_MAX])
{
	size_t length = strlen(part);

	if (strncmp(part, "machine-", 8) == 0 && length > 14 && strcmp(part + length - 6, ".scope") == 0) {
		snprintf(out, PROCESS_CONTAINER_MAX, "nspawn:%.*s",
			 (int)(length - 14 > 60 ? 60 : length - 14), part + 8);
		return true;
	}
	if (strncmp(part, "lxc.payload.", 12) == 0 && part[12]) {
		snprintf(out, PROCESS_CONTAINER_MAX, "lxc:%.60s", part + 12);
		return true;
	}
	return false;
}

/* The runtime that a bare ID under `parent` belongs to. */
static const char *runtime_of(const char *path, const char *parent)
{
	if (strcmp(parent, "docker") == 0)
		return "docker";
	if (strncmp(parent, "libpod", 6) == 0)
		return "podman";
	if (strstr(path, "kubepods"))
		return "kubernetes";
	if (strstr(path, "/ecs/"))
		return "ecs";
	return NULL;
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);

	return length > tail && strcmp(text + length - tail, suffix) == 0;
}

/* One component of the path, with the one before it. */
static void read_component(const char *path, const char *part, const char *parent,
			   char out[static PROCESS_CONTAINER_MAX])
{
	const char *colon = strrchr(part, ':'); /* containerd's own driver: SLICE:cri-containerd:ID */

	if (read_scope(part, out) || read_named(part, out))
		return;
	if (colon && hex_length(colon + 1) >= 32 && strstr(part, "containerd")) {
		put_id("containerd", colon + 1, out);
	} else if (hex_length(part) >= 32 && part[hex_length(part)] != '.' && runtime_of(path, parent)) {
		put_id(runtime_of(path, parent), part, out);
	} else if (strcmp(parent, "lxc") == 0) {
		snprintf(out, PROCESS_CONTAINER_MAX, "lxc:%.60s", part);
	} else if ((out[0] == '\0' || strncmp(out, "unit:", 5) == 0) &&
		   (has_suffix(part, ".service") || has_suffix(part, ".scope") ||
		    has_suffix(part, ".socket"))) {
		snprintf(out, PROCESS_CONTAINER_MAX, "unit:%.70s", part);
	}
}

void process_container(const char *cgroup, char out[static PROCESS_CONTAINER_MAX])
{
	char part[PROCESS_CGROUP_MAX], parent[PROCESS_CGROUP_MAX] = "";

	out[0] = '\0';
	while (*cgroup) {
		size_t length = strcspn(cgroup, "/");
		static const char none[] = "";

		text_copy_bytes(part, sizeof(part), length ? cgroup : none, length);
		if (length) {
			/* The innermost container wins: the walk goes on to the end. */
			read_component(cgroup - (parent[0] ? strlen(parent) + 1 : 0), part, parent, out);
			memcpy(parent, part, sizeof(parent));
		}
		cgroup += length + (cgroup[length] == '/');
	}
}

/* --- scripts ------------------------------------------------------------------------------ */

struct interpreter {
	const char *name;          /* the executable's name, less a version behind it */
	const char *with_value;    /* one-letter options whose value is the next argument */
	const char *long_values;   /* long ones, each between spaces */
	const char *code;          /* one-letter options that carry the program itself */
	const char *module;        /* the option that names a module, or NULL */
	bool module_may_have_path; /* java: -jar */
};

static const struct interpreter interpreters[] = {
	{"python", "WX", " --check-hash-based-pycs ", "c", "-m", false},
	{"pypy", "WX", " ", "c", "-m", false},
	{"node", "r", " --require --import --loader --experimental-loader --env-file ", "ep", NULL, false},
	{"nodejs", "r", " --require --import --loader ", "ep", NULL, false},
	{"ruby", "IrEC", " --encoding --external-encoding ", "e", NULL, false},
	{"perl", "", " ", "eE", NULL, false},
	{"php", "dcz", " --php-ini --define ", "r", NULL, false},
	{"sh", "oO", " --rcfile --init-file ", "c", NULL, false},
	{"bash", "oO", " --rcfile --init-file ", "c", NULL, false},
	{"dash", "o", " ", "c", NULL, false},
	{"zsh", "o", " ", "c", NULL, false},
	{"ksh", "o", " ", "c", NULL, false},
	{"java", "", " -cp -classpath --class-path -p --module-path --add-modules ", "", "-jar", true},
};

static const struct interpreter *interpreter_of(const char *exe)
{
	const char *base = strrchr(exe, '/');

	base = base ? base + 1 : exe;
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++) {
		size_t length = strlen(interpreters[i].name);

		if (strncmp(base, interpreters[i].name, length) == 0 &&
		    base[length + strspn(base + length, "0123456789.-")] == '\0')
			return &interpreters[i];
	}
	return NULL;
}

/* The arguments one after the other; NULL at the end. */
struct arguments {
	const char *at, *end;
};

static const char *next_argument(struct arguments *arguments)
{
	const char *argument = arguments->at;
	const char *nul;

	if (argument >= arguments->end)
		return NULL;
	nul = memchr(argument, '\0', (size_t)(arguments->end - argument));
	if (!nul) /* cut in the middle: not known what it would be */
		return NULL;
	arguments->at = nul + 1;
	return argument;
}

static bool takes_value(const struct interpreter *interpreter, const char *option)
{
	char word[64];

	if (option[1] == '-' || interpreter->module_may_have_path) {
		snprintf(word, sizeof(word), " %.60s ", option);
		return strstr(interpreter->long_values, word) != NULL;
	}
	return option[1] && !option[2] && strchr(interpreter->with_value, option[1]);
}

static bool is_code(const struct interpreter *interpreter, const char *option)
{
	if (option[1] == '-' || interpreter->module_may_have_path)
		return strcmp(option, "--eval") == 0 || strcmp(option, "--print") == 0;
	/* -c may stand behind others: sh -ec. */
	for (const char *at = option + 1; *at; at++)
		if (strchr(interpreter->code, *at))
			return true;
	return false;
}

void process_script(const char *exe, const char *arguments, size_t length, char out[static PROCESS_EXE_MAX])
{
	const struct interpreter *interpreter = interpreter_of(exe);
	struct arguments rest = {arguments, arguments + length};
	const char *argument;

	out[0] = '\0';
	if (!interpreter || !next_argument(&rest))
		return;
	while ((argument = next_argument(&rest)) != NULL) {
		if (strcmp(argument, "--") == 0)
			argument = next_argument(&rest);
		else if (interpreter->module && strcmp(argument, interpreter->module) == 0) {
			const char *module = next_argument(&rest);

			if (module)
				snprintf(out, PROCESS_EXE_MAX, "%s %s", argument, module);
			return;
		} else if (argument[0] == '-' && argument[1]) {
			if (is_code(interpreter, argument)) {
				text_copy(out, PROCESS_EXE_MAX, "-c");
				return;
			}
			if (takes_value(interpreter, argument))
				next_argument(&rest);
			continue;
		}
		if (argument && strcmp(argument, "-") != 0)
			text_copy(out, PROCESS_EXE_MAX, argument);
		return;
	}
}

/* --- the table ----------------------------------------------------------------------------- */

struct item {
	struct process *process; /* owned */
	uint32_t next;           /* in the bucket */
	uint32_t newer, older;   /* [0] is the head of the circle */
};

struct process_table {
	size_t limit, bucket_mask;
	struct item *items;
	uint32_t *buckets;
};

int process_table_new(size_t limit, struct process_table **out)
{
	struct process_table *table = calloc(1, sizeof(*table));
	size_t buckets = hash_table_size(limit);

	if (!table)
		return -ENOMEM;
	table->limit = limit;
	table->bucket_mask = buckets - 1;
	table->items = calloc(limit + 1, sizeof(*table->items));
	table->buckets = calloc(buckets, sizeof(*table->buckets));
	if (!table->items || !table->buckets) {
		process_table_free(table);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i <= limit; i++) {
		table->items[i].newer = i == limit ? 0 : i + 1;
		table->items[i].older = i ? i - 1 : (uint32_t)limit;
	}
	*out = table;
	return 0;
}

void process_table_free(struct process_table *table)
{
	if (!table)
		return;
	for (size_t i = 1; table->items && i <= table->limit; i++)
		free(table->items[i].process);
	free(table->items);
	free(table->buckets);
	free(table);
}

/* By process alone: the programs that it executed one after the other share a bucket. */
static uint32_t *bucket_of(struct process_table *table, const struct fs_owner *owner)
{
	return &table->buckets[hash_mix(owner->start_ns, owner->tgid) & table->bucket_mask];
}

static void make_newest(struct process_table *table, uint32_t index)
{
	struct item *items = table->items;

	items[items[index].newer].older = items[index].older;
	items[items[index].older].newer = items[index].newer;
	items[index].newer = 0;
	items[index].older = items[0].older;
	items[items[0].older].newer = index;
	items[0].older = index;
}

static uint32_t find(struct process_table *table, const struct fs_owner *owner, bool any_program)
{
	uint32_t index = *bucket_of(table, owner);

	for (; index; index = table->items[index].next) {
		const struct fs_owner *known = &table->items[index].process->owner;

		if (known->tgid == owner->tgid && known->start_ns == owner->start_ns &&
		    (any_program || known->exec_id == owner->exec_id))
			return index;
	}
	return 0;
}

static void forget(struct process_table *table, uint32_t index)
{
	uint32_t *link = bucket_of(table, &table->items[index].process->owner);

	while (*link != index)
		link = &table->items[*link].next;
	*link = table->items[index].next;
	free(table->items[index].process);
	table->items[index].process = NULL;
}

int process_table_put(struct process_table *table, const struct process *process)
{
	uint32_t index = find(table, &process->owner, false);
	struct process *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *process;
	if (index) {
		free(table->items[index].process);
	} else {
		uint32_t *bucket = bucket_of(table, &process->owner);

		index = table->items[0].newer; /* the oldest, or one never used */
		if (table->items[index].process)
			forget(table, index);
		table->items[index].next = *bucket;
		*bucket = index;
	}
	table->items[index].process = copy;
	make_newest(table, index);
	return 0;
}

const struct process *process_table_get(struct process_table *table, const struct fs_owner *owner)
{
	uint32_t index;

	if (owner->tgid == 0)
		return NULL;
	index = find(table, owner, false);
	if (!index)
		index = find(table, owner, true);
	if (!index)
		return NULL;
	make_newest(table, index);
	return table->items[index].process;
}
