/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "render/parts.h"

#include <string.h>

#include "base/text.h"

static const char mark[] = "...";

/* Bytes of JSON that a character of `length` bytes takes; length 0: a byte that is no UTF-8. */
static size_t escaped_size(unsigned char first, size_t length)
{
	if (length == 0)
		return sizeof("\xef\xbf\xbd") - 1; /* U+FFFD takes its place */
	if (length > 1)
		return length;
	if (first < 0x20 || first == 0x7f)
		return sizeof("\\u001f") - 1;
	return first == '"' || first == '\\' ? 2 : 1;
}

/* Bytes of `source` whose JSON takes at most `most` bytes. */
static size_t fitting(const char *source, size_t length, size_t most)
{
	size_t used = 0, taken = 0;

	while (used < length) {
		size_t character = text_utf8_character(source + used, length - used);

		taken += escaped_size((unsigned char)source[used], character);
		if (taken > most)
			break;
		used += character ? character : 1;
	}
	return used;
}

bool part_shorten(char *target, size_t size, const char *source, size_t most)
{
	size_t length = strlen(source), room = most < size - 1 ? most : size - 1;
	size_t fits = fitting(source, length, room);
	bool whole = fits == length;

	if (!whole)
		fits = fitting(source, length, room - (sizeof(mark) - 1));
	memcpy(target, source, fits);
	target[fits] = '\0';
	if (!whole)
		memcpy(target + fits, mark, sizeof(mark));
	return whole;
}

void part_text(struct rendering *rendering, const char *key, enum text text, const char *value)
{
	size_t most = text <= TEXT_DOMAIN ? rendering->bounds.names : rendering->bounds.texts;
	char room[PART_CUT_MAX + 1];

	if (!value[0])
		return;
	if (most <= PART_CUT_MAX) {
		if (!part_shorten(room, sizeof(room), value, most))
			rendering->cut |= UINT32_C(1) << text;
		value = room;
	}
	json_put_string(&rendering->json, key, value);
}

void part_whole(struct rendering *rendering, const char *key, const char *value)
{
	if (value[0])
		json_put_string(&rendering->json, key, value);
}

void part_comm(struct rendering *rendering, const char *key, enum text text,
	       const char comm[static FS_COMM_SIZE])
{
	char name[FS_COMM_SIZE + 1];

	text_copy_bytes(name, sizeof(name), comm, FS_COMM_SIZE);
	part_text(rendering, key, text, name);
}

void part_container(struct rendering *rendering, const char *id_key)
{
	const char *container = rendering->alert->process.container, *colon = strchr(container, ':');
	char runtime[32];

	if (!colon || !colon[1] || strncmp(container, "unit:", 5) == 0)
		return;
	text_copy_bytes(runtime, sizeof(runtime), container, (size_t)(colon - container));
	json_object_open(&rendering->json, "container");
	part_text(rendering, id_key, TEXT_CONTAINER, colon + 1);
	part_text(rendering, "runtime", TEXT_CONTAINER, runtime);
	json_object_close(&rendering->json);
}

const char *part_question(const struct alert *alert)
{
	const struct attribution *attribution = &alert->attribution;

	if (attribution->method == METHOD_DNS || attribution->method == METHOD_STALE_DNS)
		return attribution->hostname;
	return attribution->dns_hostname;
}

const struct dossier_package *part_package(const struct dossier *dossier)
{
	const struct dossier_package *script = &dossier->script_package;
	const struct dossier_package *package =
		script->name[0] || script->absent[0] ? script : &dossier->package;

	return package->name[0] ? package : NULL;
}

const char *part_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return path;
	return slash[1] ? slash + 1 : "/";
}

bool part_is_operators(const struct alert *alert)
{
	return alert->kind == ALERT_LEARNING_COMPLETE || alert->kind == ALERT_COVERAGE_GAP ||
	       alert->kind == ALERT_HISTORY_RECOVERED;
}

/* Neither :: nor 0.0.0.0, which a socket has before it is bound. */
static bool is_specified(const struct address *address)
{
	for (size_t i = address_is_ipv4(address) ? 12 : 0; i < sizeof(address->bytes); i++)
		if (address->bytes[i])
			return true;
	return false;
}

bool part_has_remote(const struct alert *alert)
{
	return !part_is_operators(alert) && is_specified(&alert->remote);
}

bool part_has_local(const struct alert *alert)
{
	return part_has_remote(alert) && is_specified(&alert->local);
}

bool part_has_process(const struct alert *alert)
{
	return !part_is_operators(alert) && alert->process.owner.tgid;
}
