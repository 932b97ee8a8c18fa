/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* firstseend: tells the first time that this host talks to a domain. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "daemon/watch.h"

#define EXIT_USAGE 2
#define SETTINGS_MAX 64

struct options {
	const char *file; /* NULL: the usual one */
	size_t setting_count;
	const char *settings[SETTINGS_MAX];
	bool check;
};

static void usage(FILE *out)
{
	fputs("usage: firstseend [-c FILE] [--set SECTION.KEY=VALUE]... [--check] [--version]\n"
	      "\n"
	      "Watches this host and tells the first time it talks to a domain.\n"
	      "\n"
	      "  -c, --config FILE        read FILE and FILE.d/*.conf instead of\n"
	      "                           " CONFIG_DEFAULT_PATH " and conf.d/*.conf beside it\n"
	      "      --set SECTION.KEY=VALUE  set one setting, over the file; may be repeated\n"
	      "      --check              read the configuration, say whether it is sound, and exit\n"
	      "      --version            print the version and exit\n"
	      "  -h, --help               print this and exit\n"
	      "\n"
	      "Runs in the foreground and logs to stderr. SIGTERM and SIGINT end it after all is written;\n"
	      "SIGHUP reads the configuration anew and reopens files.\n",
	      out);
}

static int read_config(void *context, struct config *config, struct failure *failure)
{
	const struct options *options = context;
	int error;

	config_defaults(config);
	error = config_read(config, options->file, failure);
	for (size_t i = 0; i < options->setting_count && !error; i++)
		error = config_set(config, options->settings[i], failure);
	return error ? error : config_validate(config, failure);
}

/* 0 to go on, else 1 + the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
		{"check", no_argument, NULL, 'C'},        {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->file = optarg;
			break;
		case 's':
			if (options->setting_count == SETTINGS_MAX) {
				log_error("more than %d --set", SETTINGS_MAX);
				return 1 + EXIT_USAGE;
			}
			options->settings[options->setting_count++] = optarg;
			break;
		case 'C':
			options->check = true;
			break;
		case 'V':
			puts("firstseend " FIRSTSEEN_VERSION);
			return 1 + EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return 1 + EXIT_SUCCESS;
		default:
			usage(stderr);
			return 1 + EXIT_USAGE;
		}
	}
	if (optind < argc) {
		log_error("unexpected argument \"%s\"; see firstseend --help", argv[optind]);
		return 1 + EXIT_USAGE;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	static struct watch_options watch; /* large */
	struct failure failure = {{0}};
	int status;

	log_setup("firstseend", LOG_LEVEL_INFO);
	status = read_options(argc, argv, &options);
	if (status)
		return status - 1;
	if (read_config(&options, &watch.config, &failure)) {
		log_error("%s", failure.text);
		return EXIT_USAGE;
	}
	if (options.check) {
		puts("the configuration is sound");
		return EXIT_SUCCESS;
	}
	watch.reread = read_config;
	watch.context = &options;
	if (watch_run(&watch, &failure)) {
		log_error("%s", failure.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
