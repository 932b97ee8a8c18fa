/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filter of system calls, each time in a process of its own, since it can not be taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privilege/filter.h"

/* Which of them can be opened below the filter, a bit each; -1: it can not be installed. */
static int opened_below(bool internet, const int families[static 4])
{
	pid_t child = fork();
	int status, bits = 0;

	if (child == 0) {
		struct failure failure;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || filter_install(internet, &failure))
			_exit(255);
		for (int i = 0; i < 4; i++)
			bits |= (socket(families[i], SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0) << i;
		_exit(bits);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

static void only_what_asks_the_dns_may_open_sockets_for_it(void **state)
{
	static const int families[4] = {AF_UNIX, AF_INET, AF_INET6, AF_PACKET};

	(void)state;
	assert_int_equal(opened_below(true, families), 7);
	assert_int_equal(opened_below(false, families), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_asks_the_dns_may_open_sockets_for_it),
	};

	return cmocka_run_group_tests_name("privilege/filter", tests, NULL, NULL);
}
