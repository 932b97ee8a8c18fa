/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/checks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libgen.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>

#include "base/text.h"
#include "capture/capture.h"
#include "capture/platform.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define LOCKDOWN_PATH "/sys/kernel/security/lockdown"
#define UNPRIVILEGED_PATH "/proc/sys/kernel/unprivileged_bpf_disabled"
#define SYSLOG_PATH "/dev/log"

struct teller {
	check_callback *callback;
	void *context;
	struct check check;
};

static struct check *begin(struct teller *teller, const char *name, bool needed)
{
	teller->check = (struct check){.needed = needed};
	text_copy(teller->check.name, sizeof(teller->check.name), name);
	return &teller->check;
}

__attribute__((format(printf, 4, 5))) static void tell(struct teller *teller, const char *state, bool good,
						       const char *detail, ...)
{
	struct check *check = &teller->check;
	va_list arguments;

	va_start(arguments, detail);
	vsnprintf(check->detail, sizeof(check->detail), detail, arguments);
	va_end(arguments);
	check->state = state;
	check->good = good;
	if (good)
		check->costs[0] = check->mend[0] = '\0';
	teller->callback(teller->context, check);
}

__attribute__((format(printf, 2, 3))) static void put(char text[static CHECK_TEXT_MAX], const char *format,
						      ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, CHECK_TEXT_MAX, format, arguments);
	va_end(arguments);
}

static int read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length = file ? fread(text, 1, size - 1, file) : 0;
	int error = file ? 0 : -errno;

	text[length] = '\0';
	if (file)
		fclose(file);
	return error;
}

/* --- the kernel ----------------------------------------------------------------------------- */

static void check_version(struct teller *teller)
{
	struct check *check = begin(teller, "kernel", false);
	unsigned major = 0, minor = 0;
	struct utsname name;

	put(check->costs, "what works below is what there is; nobody tried it on so old a kernel");
	put(check->mend, "boot Linux %d.%d or later", PLATFORM_KERNEL_MAJOR, PLATFORM_KERNEL_MINOR);
	if (uname(&name) < 0 || platform_kernel(name.release, &major, &minor))
		tell(teller, "unknown", false, "its version can not be read");
	else if (platform_kernel_is_enough(major, minor))
		tell(teller, "ok", true, "%s %s", name.release, name.machine);
	else
		tell(teller, "old", false, "%s %s, older than %d.%d", name.release, name.machine,
		     PLATFORM_KERNEL_MAJOR, PLATFORM_KERNEL_MINOR);
}

static void check_btf(struct teller *teller)
{
	struct check *check = begin(teller, "btf", true);

	put(check->costs, "no program can be fitted to this kernel");
	put(check->mend,
	    "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, and let this program read " BTF_PATH);
	if (access(BTF_PATH, R_OK) == 0)
		tell(teller, "ok", true, BTF_PATH);
	else
		tell(teller, "missing", false, BTF_PATH ": %s", strerror(errno));
}

static void check_lockdown(struct teller *teller)
{
	struct check *check = begin(teller, "lockdown", false);
	char text[128], mode[PLATFORM_LOCKDOWN_MAX];

	put(check->costs, "%s", hook_of(HOOK_KERNEL_MEMORY)->cost);
	put(check->mend, "boot with lockdown=integrity, or accept it");
	if (read_text(LOCKDOWN_PATH, text, sizeof(text)))
		tell(teller, "ok", true,
		     "not known (no " LOCKDOWN_PATH "); see kernel_memory for what it would forbid");
	else if (platform_lockdown(text, mode))
		tell(teller, "unknown", false, LOCKDOWN_PATH " is not understood");
	else
		tell(teller, strcmp(mode, "confidentiality") == 0 ? "confidentiality" : "ok",
		     strcmp(mode, "confidentiality") != 0, "%s", mode);
}

static void check_unprivileged(struct teller *teller)
{
	struct check *check = begin(teller, "unprivileged_bpf", false);
	char text[16];

	put(check->costs, "nothing in what is captured; but any user may load programs into this kernel");
	put(check->mend, "sysctl kernel.unprivileged_bpf_disabled=1");
	if (read_text(UNPRIVILEGED_PATH, text, sizeof(text)))
		tell(teller, "ok", true, "not known (no " UNPRIVILEGED_PATH ")");
	else
		tell(teller, text[0] == '0' ? "open" : "ok", text[0] != '0',
		     "kernel.unprivileged_bpf_disabled=%c", text[0]);
}

static bool check_capabilities(struct teller *teller)
{
	char status[8192];
	uint64_t set = 0;
	bool has_all = true;

	if (!read_text("/proc/self/status", status, sizeof(status)))
		(void)platform_capabilities(status, &set);
	for (const struct platform_capability *need = platform_needs; need->name; need++) {
		struct check *check = begin(teller, need->name, need->needed);

		put(check->costs, "%s", need->cost);
		put(check->mend, "run as root, or give %s (AmbientCapabilities= of the service)", need->name);
		if (set >> need->number & 1)
			tell(teller, "ok", true, "held by this process");
		else if (platform_has(set, need))
			tell(teller, "ok", true, "CAP_SYS_ADMIN stands for it");
		else
			tell(teller, "missing", false, "not held by this process");
		has_all = has_all && (platform_has(set, need) || !need->needed);
	}
	return has_all;
}

bool checks_of_kernel(check_callback *callback, void *context)
{
	struct teller teller = {.callback = callback, .context = context};

	check_version(&teller);
	check_btf(&teller);
	check_lockdown(&teller);
	check_unprivileged(&teller);
	return check_capabilities(&teller);
}

/* --- the hooks ------------------------------------------------------------------------------ */

static void tell_hook(struct teller *teller, enum hook_id id, const struct hook_result *result,
		      bool has_rights)
{
	const struct hook *hook = hook_of(id);
	struct check *check = begin(teller, hook->name, hook->needed);
	enum hook_state state = result->state;
	char error[HOOK_ERROR_MAX];

	put(check->costs, "%s", hook->cost);
	put(check->mend, "%s", has_rights ? hook_mend(id, result) : "see to the capabilities above first");
	/* To a process without the rights the verifier denies what it would have for others. */
	if (!has_rights && state == HOOK_MISSING && result->error == -EINVAL)
		state = HOOK_REFUSED;
	if (hook_is_there(state))
		tell(teller, hook_state_name(state), true, "%s%s%s", hook->job, result->detail[0] ? "; " : "",
		     result->detail);
	else if (result->error)
		tell(teller, hook_state_name(state), false, "%s%s%s%s", hook_error_text(result->error, error),
		     result->detail[0] ? " (" : "", result->detail, result->detail[0] ? ")" : "");
	else
		tell(teller, hook_state_name(state), false, "%s", result->detail);
}

void checks_of_hooks(bool has_rights, check_callback *callback, void *context)
{
	static struct hook_result results[HOOKS];
	struct teller teller = {.callback = callback, .context = context};
	struct failure failure;
	char root[PATH_MAX] = "";
	struct check *check;

	capture_probe(results, root, &failure);
	check = begin(&teller, "cgroup2", true);
	put(check->costs, "no DNS, no UDP");
	put(check->mend,
	    "mount -t cgroup2 none /sys/fs/cgroup/unified, and run where its root can be opened");
	if (failure.text[0])
		tell(&teller, "missing", false, "%s", failure.text);
	else
		tell(&teller, "ok", true, "%s", root);
	for (int i = 0; i < HOOKS; i++)
		tell_hook(&teller, (enum hook_id)i, &results[i], has_rights);
}

/* --- the daemon ----------------------------------------------------------------------------- */

static void check_daemon(struct teller *teller)
{
	struct check *check = begin(teller, "daemon", false);
	int watcher = capture_watcher();

	put(check->costs, "nothing is watched, and this time is a gap in the coverage");
	put(check->mend, "systemctl start firstseen, or run firstseend");
	if (watcher > 0)
		tell(teller, "ok", true, "process %d watches this host; \"firstseen status\" tells how",
		     watcher);
	else if (watcher == -1)
		tell(teller, "ok", true, "a process that can not be seen from here watches this host");
	else if (watcher == 0)
		tell(teller, "off", false, "no daemon watches this host now");
	else
		tell(teller, "unknown", false, "it can not be told whether a daemon watches: %s",
		     strerror(-watcher));
}

static void check_history(struct teller *teller, const struct cli *cli)
{
	struct history_summary summary;
	struct history *history = NULL;
	struct failure failure = {{0}};
	struct check *check = begin(teller, "history", false);
	int error;

	put(check->costs, "what is known can not be asked");
	put(check->mend,
	    "run as root or as the user firstseen, or name another file with --db or history.path");
	if (access(cli->database, F_OK) != 0 && errno == ENOENT) {
		tell(teller, "ok", true, "%s is not there yet; the daemon makes it at its start",
		     cli->database);
		return;
	}
	error = history_open(cli->database, HISTORY_READ, &history, &failure);
	if (!error)
		error = history_summary(history, &summary, &failure);
	history_close(history);
	if (!error) {
		tell(teller, "ok", true, "%s: %" PRIu64 " domains", cli->database, summary.domains);
		return;
	}
	/* Not to be allowed to read it is this user's trouble; a file that is none is the daemon's. */
	check->needed = error == -EPROTO;
	tell(teller, error == -EACCES ? "refused" : "broken", false, "%s", failure.text);
}

static int reach_syslog(void)
{
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SYSLOG_PATH};
	int error = -EPROTOTYPE;

	for (int i = 0; i < 2 && error == -EPROTOTYPE; i++) {
		int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0)
			return -errno;
		error = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
		close(fd);
	}
	return error;
}

/* Nothing is made and nothing is sent: only whether it could be. */
static int reach_file(const char *path)
{
	char folder[PATH_MAX];

	if (access(path, F_OK) == 0)
		return access(path, W_OK) == 0 ? 0 : -errno;
	text_copy(folder, sizeof(folder), path);
	return access(dirname(folder), W_OK | X_OK) == 0 ? 0 : -errno;
}

static int reach(const struct sink_setting *sink)
{
	switch (sink->kind) {
	case SINK_SYSLOG:
		return reach_syslog();
	case SINK_FILE:
		return reach_file(sink->path);
	default:
		return 0;
	}
}

static void check_sinks(struct teller *teller, const struct config *config)
{
	static const char *const kinds[] = {
		[SINK_STDOUT] = "stdout", [SINK_SYSLOG] = "syslog", [SINK_FILE] = "file:"};
	size_t reached = 0;

	for (size_t i = 0; i < config->sink_count; i++)
		reached += reach(&config->sinks[i]) == 0;
	for (size_t i = 0; i < config->sink_count; i++) {
		const struct sink_setting *sink = &config->sinks[i];
		char name[PATH_MAX + 16];
		struct check *check;
		int error = reach(sink);

		snprintf(name, sizeof(name), "sink %s%s", kinds[sink->kind],
			 sink->kind == SINK_FILE ? sink->path : "");
		/* One that works will do; with none of them nobody is told anything. */
		check = begin(teller, name, reached == 0);
		put(check->costs, "alerts for it wait in the history until it can be reached");
		put(check->mend, "%s",
		    sink->kind == SINK_SYSLOG
			    ? "start a syslog daemon or the journal, which listen on " SYSLOG_PATH
			    : "see to the owner and mode of the file and of its directory");
		if (error)
			tell(teller, "missing", false, "can not be reached by this user: %s",
			     strerror(-error));
		else
			tell(teller, "ok", true, "can be reached by this user");
	}
}

void checks_of_daemon(const struct cli *cli, check_callback *callback, void *context)
{
	struct teller teller = {.callback = callback, .context = context};

	check_daemon(&teller);
	check_history(&teller, cli);
	check_sinks(&teller, &cli->config);
}
