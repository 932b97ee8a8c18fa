/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon/host.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

static uint8_t mask_bits(const uint8_t *mask, size_t length)
{
	uint8_t bits = 0;

	for (size_t i = 0; i < length * 8 && (mask[i / 8] & (0x80 >> (i % 8))); i++)
		bits++;
	return bits;
}

static bool interface_network(const struct ifaddrs *entry, struct network *network)
{
	if (!entry->ifa_addr || !entry->ifa_netmask || (entry->ifa_flags & IFF_LOOPBACK))
		return false;
	if (entry->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *address = (const void *)entry->ifa_addr;
		const struct sockaddr_in *mask = (const void *)entry->ifa_netmask;

		network->address = address_from_ipv4((const uint8_t *)&address->sin_addr);
		network->bits = (uint8_t)(96 + mask_bits((const uint8_t *)&mask->sin_addr, 4));
		return true;
	}
	if (entry->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *address = (const void *)entry->ifa_addr;
		const struct sockaddr_in6 *mask = (const void *)entry->ifa_netmask;

		memcpy(network->address.bytes, &address->sin6_addr, 16);
		network->bits = mask_bits((const uint8_t *)&mask->sin6_addr, 16);
		return true;
	}
	return false;
}

int host_networks(const struct network_scope *settings, struct network_scope *scope)
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list)) /* out of descriptors or memory: what was inside stays inside */
		return -errno;
	*scope = *settings;
	for (const struct ifaddrs *entry = list; entry && scope->network_count < NETWORKS_MAX;
	     entry = entry->ifa_next)
		if (interface_network(entry, &scope->networks[scope->network_count]))
			scope->network_count++;
	freeifaddrs(list);
	return 0;
}

void host_identity(struct dossier *dossier)
{
	FILE *file = fopen("/etc/machine-id", "re");

	if (gethostname(dossier->host, sizeof(dossier->host) - 1))
		dossier->host[0] = '\0';
	if (!file)
		return;
	if (fgets(dossier->host_id, sizeof(dossier->host_id), file))
		dossier->host_id[strcspn(dossier->host_id, "\n")] = '\0';
	fclose(file);
}

void host_user_name(uint32_t uid, char name[static USER_NAME_MAX])
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	name[0] = '\0';
	if (uid != FS_UID_UNKNOWN && getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		text_copy(name, USER_NAME_MAX, found->pw_name);
}

int64_t host_now(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t host_clock_offset(void)
{
	int64_t before = clock_ns(CLOCK_BOOTTIME), now = clock_ns(CLOCK_REALTIME);

	return now - before / 2 - clock_ns(CLOCK_BOOTTIME) / 2;
}

const char *host_boot(void)
{
	static char boot[64];
	FILE *file;

	if (boot[0])
		return boot;
	file = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (!file || !fgets(boot, sizeof(boot), file))
		text_copy(boot, sizeof(boot), "unknown");
	boot[strcspn(boot, "\n")] = '\0';
	if (file)
		fclose(file);
	return boot;
}

uint64_t host_random(void)
{
	uint64_t value = 0;

	if (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value))
		value = (uint64_t)host_now() * 2654435761u + (uint64_t)getpid();
	return value;
}
