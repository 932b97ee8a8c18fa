# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A fresh Debian that a real service manager has booted, in namespaces of its own: of mounts, processes, cgroups, and a
network namespace that the caller made. What the service's sandbox forbids is really forbidden there."""

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

from fresh import Fresh, run

CGROUP = "firstseen-fresh"
VISITORS = "visitors"  # where programs run that are let in: below what the service watches
MASKED = ["getty.target", "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-logind.service",
          "systemd-remount-fs.service", "systemd-firstboot.service", "systemd-timesyncd.service",
          "systemd-networkd.service", "systemd-random-seed.service", "systemd-update-utmp.service"]
START = """
set -e
cd {root}
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mkdir -p dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mkdir run/before
pivot_root . run/before
umount -l run/before
exec env -i container=firstseen PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 /lib/systemd/systemd --system
"""


def cgroup2_of_host():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" - ")
        if fields[1].startswith("cgroup2 ") and fields[0].split()[3] == "/":
            return Path(fields[0].split()[4])
    raise AssertionError("no cgroup v2 is mounted")


class Booted(Fresh):
    process = None

    def __init__(self, namespace, *wanted):
        super().__init__("systemd", *wanted)
        run("umount", self.root / "proc")
        self.cgroup = cgroup2_of_host() / CGROUP
        for unit in MASKED:
            self.path(f"etc/systemd/system/{unit}").symlink_to("/dev/null")
        self.path("etc/machine-id").write_text("")
        self.path("etc/hostname").write_text("fresh\n")
        self.boot(namespace)

    def boot(self, namespace):
        remove_cgroups(self.cgroup)
        self.cgroup.mkdir()
        script = START.format(root=shlex.quote(str(self.root)))
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, "unshare", "--mount", "--propagation", "private", "--pid", "--fork",
             "--uts", "--ipc", "--cgroup", "--kill-child", "sh", "-c", script], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=lambda: enter(self.cgroup))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            done = self.inside("systemctl", "is-system-running", check=False)
            if done.stdout.strip() in ("running", "degraded"):
                return
            assert self.process.poll() is None, "the service manager ended"
            time.sleep(0.2)
        raise AssertionError(f"the service manager is not up after a minute: {done.stdout}{done.stderr}")

    def first(self):
        """The service manager's number outside."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        # It is itself only when it has its own files: before, what is done inside is done to the host.
        is_up = children and Path(f"/proc/{children[0]}/comm").read_text().strip() in ("systemd", "init")
        return children[0] if is_up else None

    def inside(self, *command, **options):
        first = self.process and self.first()
        if not first:
            return super().inside(*command, **options) if not self.process else \
                subprocess.CompletedProcess(command, 1, "", "not up")
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive",
               "HOME": "/"}
        return run("nsenter", "-t", first, "-m", "-p", "-u", "-i", "-n", "-C", "--", *command, env=env,
                   preexec_fn=lambda: enter(self.cgroup / VISITORS), **options)

    def path(self, name):
        first = self.process and self.first()
        return Path(f"/proc/{first}/root") / name.lstrip("/") if first else super().path(name)

    def close(self):
        if self.process:
            first = self.first() if self.process.poll() is None else None
            if first:
                os.kill(int(first), signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            self.process = None
            remove_cgroups(self.cgroup)
        super().close()


def enter(cgroup):
    cgroup.mkdir(exist_ok=True)
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))


def remove_cgroups(top):
    """Children first; a cgroup whose processes are just ending takes a moment."""
    for _ in range(50):
        folders = [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
        for folder in folders:
            try:
                folder.rmdir()
            except OSError:
                pass
        if not top.exists():
            return
        time.sleep(0.1)
