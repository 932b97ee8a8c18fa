/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hooks.h - what the capture needs of the kernel, thing by thing: what it is for, what is
 * lost without it, and whether the main job can be done without it. Pure.
 */
#ifndef CAPTURE_HOOKS_H
#define CAPTURE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

enum hook_id {
	HOOK_TCP_STATE,
	HOOK_PACKET_OUT,
	HOOK_PACKET_IN,
	HOOK_CONNECT4,
	HOOK_CONNECT6,
	HOOK_SEND4,
	HOOK_SEND6,
	HOOK_RELEASE,
	HOOK_SOCKETS,
	HOOK_KERNEL_MEMORY, /* no hook, but what several programs do */
	HOOKS,
};

struct hook {
	const char *name;    /* as the kernel's manuals have it; no spaces */
	const char *program; /* that hangs there; NULL: none of its own */
	const char *second;  /* hangs there as well, for when the first one is skipped; NULL: none */
	bool needed;         /* without it the main job can not be done honestly */
	const char *job;     /* what it sees */
	const char *cost;    /* what is lost without it */
};

enum hook_state {
	HOOK_WORKS,   /* attached; where it was tried with traffic, it ran */
	HOOK_UNTRIED, /* attached, but this host has no traffic to try it with */
	HOOK_SILENT,  /* attached, and did not run for traffic that it should have seen */
	HOOK_MISSING, /* this kernel does not have it */
	HOOK_REFUSED, /* it was not let in */
};

struct hook_result {
	enum hook_state state;
	int error;        /* -errno; 0: none */
	char detail[256]; /* the kernel's or libbpf's own words, "" where there are none */
};

enum hooks_verdict {
	HOOKS_ALL,
	HOOKS_SOME,    /* the main job can be done, something else can not */
	HOOKS_TOO_FEW, /* something needed is not there */
};

/* The row of the table. */
const struct hook *hook_of(enum hook_id id);

/* The id of a program or of a name (`length` bytes of it), or -ENOENT. */
int hook_by_program(const char *program);
int hook_by_name(const char *name, size_t length);

/* Whether what has this state does its work. */
bool hook_is_there(enum hook_state state);

/* One result each: what can be done with that. *first, where not NULL, is the first needed one that is
 * not there; untouched where none is. */
enum hooks_verdict hooks_decide(const struct hook_result results[static HOOKS], enum hook_id *first);

/* "works", "untried", "silent", "missing", "refused". */
const char *hook_state_name(enum hook_state state);

/* What an error of loading or attaching says about the hook: missing or refused. 0: works. */
enum hook_state hook_state_of(int error);

/* The number in words, as it is meant where a program is loaded or attached: "EPERM: not permitted: ...". */
#define HOOK_ERROR_MAX 160
const char *hook_error_text(int error, char text[static HOOK_ERROR_MAX]);

/* What to do about a hook that is not there. */
const char *hook_mend(enum hook_id id, const struct hook_result *result);

/*
 * What is not there, as one line for the daemon's state "hooks_missing": "NAME=ERRNO NAME=ERRNO".
 * "" where nothing is missing. Cut at a blank where it does not fit.
 */
void hooks_write_missing(const struct hook_result results[static HOOKS], char *text, size_t size);

/* Reads the next of such a line: 1 with *id and *error filled and *line moved on, 0 at its end. Names
 * that this version does not know are passed over. */
int hooks_read_missing(const char **line, enum hook_id *id, int *error);

#endif
