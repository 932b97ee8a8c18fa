/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hello.c - the beginning of a stream, of any bytes and of any length so far. */
#include "tls/hello.h"

#include <string.h>

#include "support.h"

static void check_name(const char *name)
{
	size_t length = strlen(name);

	must(length > 0 && length < TLS_NAME_MAX && name[length - 1] != '.');
	for (const char *at = name; *at; at++)
		must((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || strchr("-_.", *at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[TLS_NAME_MAX], before[TLS_NAME_MAX] = "";
	enum tls_hello_result result = TLS_HELLO_PARTIAL;
	size_t step = size / 64 + 1;
	bool has_ech;

	/* What is decided with fewer bytes stays so with more; but a name may have damage behind it. */
	for (size_t length = 0; length < size; length += step) {
		enum tls_hello_result now = tls_hello_read(data, length, name, NULL);

		must(result == TLS_HELLO_PARTIAL || now == result ||
		     (result == TLS_HELLO_FOUND && now == TLS_HELLO_NOT_TLS));
		must(!before[0] || now != TLS_HELLO_FOUND || strcmp(name, before) == 0);
		result = now;
		if (now == TLS_HELLO_FOUND) {
			check_name(name);
			strcpy(before, name);
		}
	}
	if (tls_hello_read(data, size, name, &has_ech) == TLS_HELLO_FOUND)
		check_name(name);
	return 0;
}
