/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* values.c - short texts from elsewhere: numbers and addresses, what /proc says, what a history kept. The
 * first byte says which. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "capture/cgroup.h"
#include "capture/hooks.h"
#include "capture/platform.h"
#include "core/clock_steps.h"
#include "core/process.h"
#include "support.h"

static void spans(const char *text)
{
	char written[TEXT_SPAN_MAX];
	int64_t seconds, again, time_ns;
	uint64_t bytes;

	if (text_parse_span(text, &seconds) == 0)
		must(seconds >= 0 && text_parse_span(text_format_span(seconds, written), &again) == 0 &&
		     again == seconds);
	(void)text_parse_bytes(text, &bytes);
	if (text_parse_time(text, INT64_C(1800000000) * NS_PER_SECOND, &time_ns) == 0) {
		char time[TEXT_TIME_MAX];

		must(strlen(text_format_time(time_ns, time)) >= 20);
	}
}

static void addresses(const char *text)
{
	struct address address, again;
	struct network network;
	char written[ADDRESS_TEXT_MAX];

	if (address_parse(text, &address) == 0)
		must(address_parse(address_format(&address, written), &again) == 0 &&
		     address_equal(&address, &again));
	if (network_parse(text, &network) == 0)
		must(network.bits <= 128 && network_contains(&network, &network.address));
}

static void escapes(const char *text, size_t size)
{
	char target[256];

	for (size_t room = 1; room < sizeof(target); room += 1 + room / 4) {
		bool whole = text_escape(target, room, text, size);
		size_t length = strlen(target);

		must(length < room && (whole || length + 12 >= room || length < size * 4));
		for (size_t i = 0, step; i < length; i += step) {
			step = text_utf8_character(target + i, length - i);
			must(step > 0 && (unsigned char)target[i] >= ' ' && target[i] != 0x7f);
		}
	}
}

static void mounts(const char *text)
{
	char path[PATH_MAX];

	if (cgroup_find_mount(text, path) == 0)
		must(strlen(path) < sizeof(path));
	(void)cgroup_find_lock(text, 0, 1, 2);
}

static void platform(const char *text)
{
	unsigned major, minor;
	char mode[PLATFORM_LOCKDOWN_MAX];
	uint64_t set;
	enum hook_id id;
	int error;

	(void)platform_kernel(text, &major, &minor);
	if (platform_lockdown(text, mode) == 0)
		must(strlen(mode) < sizeof(mode));
	(void)platform_capabilities(text, &set);
	while (hooks_read_missing(&text, &id, &error)) {
		char words[HOOK_ERROR_MAX];

		must(id < HOOKS && hook_error_text(error, words));
	}
}

static void steps(const char *text)
{
	struct clock_steps kept, again;
	char written[CLOCK_STEPS_TEXT_MAX], twice[CLOCK_STEPS_TEXT_MAX];

	clock_steps_parse(text, &kept);
	must(kept.count <= CLOCK_STEPS_MAX);
	clock_steps_format(&kept, written);
	clock_steps_parse(written, &again);
	clock_steps_format(&again, twice);
	must(strcmp(written, twice) == 0);
	(void)clock_steps_before(&kept, INT64_C(1800000000) * NS_PER_SECOND,
				 INT64_C(90) * 86400 * NS_PER_SECOND);
}

static void processes(const char *text, size_t size)
{
	char container[PROCESS_CONTAINER_MAX], script[PROCESS_EXE_MAX];
	static const char *const interpreters[] = {"/usr/bin/python3", "/bin/sh", "/usr/bin/java",
						   "/usr/bin/perl"};

	process_container(text, container);
	must(strlen(container) < sizeof(container));
	process_script(interpreters[size % 4], text, size, script);
	must(strlen(script) < sizeof(script));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = fuzz_text(data + 1, size - 1);
	switch (data[0] % 7) {
	case 0:
		spans(text);
		break;
	case 1:
		addresses(text);
		break;
	case 2:
		escapes(text, size - 1);
		break;
	case 3:
		mounts(text);
		break;
	case 4:
		platform(text);
		break;
	case 5:
		steps(text);
		break;
	default:
		processes(text, size - 1);
	}
	free(text);
	return 0;
}
