/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/failure.h"

#include <stdarg.h>
#include <stdio.h>

int failure_set(struct failure *failure, int code, const char *format, ...)
{
	va_list arguments;

	if (failure) {
		va_start(arguments, format);
		vsnprintf(failure->text, sizeof(failure->text), format, arguments);
		va_end(arguments);
	}
	return code;
}
