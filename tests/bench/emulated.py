# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A command of this machine's, run under Debian's own kernel in an emulated machine that has this one's files: what it
writes to them is gone with it."""

import shutil
import subprocess
from pathlib import Path

from program import die_with_parent, own_folder

MODULES = ["virtio_pci", "9p", "9pnet_virtio", "overlay"]
BEGIN, END = "=== output", "=== end"
INIT = """#!/bin/sh
busybox mkdir -p /proc /sys /dev /lower /rw /host
busybox mount -t proc none /proc; busybox mount -t sysfs none /sys; busybox mount -t devtmpfs none /dev
for module in $(busybox cat /modules/order); do busybox insmod /modules/$module; done
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro files /lower || busybox poweroff -f
busybox mount -t tmpfs none /rw; busybox mkdir /rw/upper /rw/work
busybox mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work none /host
for place in proc dev; do busybox mount -o bind /$place /host/$place; done
busybox mount -t sysfs none /host/sys
busybox mount -t cgroup2 none /host/sys/fs/cgroup; busybox mount -t tracefs none /host/sys/kernel/tracing
busybox mount -t debugfs none /host/sys/kernel/debug; busybox mount -t bpf none /host/sys/fs/bpf
for place in run tmp dev/shm; do busybox mkdir -p /host/$place; busybox mount -t tmpfs none /host/$place; done
busybox ifconfig lo 127.0.0.1 up; busybox hostname emulated
busybox chroot /host /bin/sh -c 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp; modprobe -a @WANTED@; cd "@FOLDER@" && echo "@BEGIN@" && @COMMAND@; echo "@END@ $?"'
busybox poweroff -f
"""


class NotHere(Exception):
    """What is missing on this machine to emulate another."""


def kernel():
    """(image, release) of the newest kernel that Debian's packages have put here."""
    images = [path for path in Path("/boot").glob("vmlinuz-*") if Path("/lib/modules", path.name[8:]).is_dir()]
    if not images:
        raise NotHere("no kernel of Debian's in /boot: package linux-image-amd64")
    for program in ("qemu-system-x86_64", "busybox", "cpio"):
        if not shutil.which(program):
            raise NotHere(f"no {program}")
    newest = max(images, key=lambda path: [int(part) if part.isdigit() else 0 for part in path.name[8:].replace("-", ".").split(".")])
    return newest, newest.name[8:]


def module_files(release):
    """What has to be inserted, in that order."""
    files = []
    for module in MODULES:
        shown = subprocess.run(["modprobe", "--show-depends", "-S", release, module], capture_output=True, text=True,
                               check=True).stdout
        for line in shown.splitlines():
            if line.startswith("insmod") and line.split()[1] not in files:
                files.append(line.split()[1])
    return files


def initial_files(folder, command, modules, release):
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    (root / "modules").mkdir()
    for name in ("busybox", "sh"):
        shutil.copy(shutil.which("busybox"), root / "bin" / name)
    names = []
    for file in map(Path, module_files(release)):
        shutil.copy(file, root / "modules" / file.name)
        names.append(file.name)
    (root / "modules/order").write_text("\n".join(names) + "\n")
    init = INIT.replace("@FOLDER@", str(Path.cwd())).replace("@COMMAND@", command).replace("@WANTED@", " ".join(modules))
    (root / "init").write_text(init.replace("@BEGIN@", BEGIN).replace("@END@", END))
    (root / "init").chmod(0o755)
    archive = folder / "initrd"
    with open(archive, "wb") as out:
        names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names.encode(), stdout=out, check=True)
    return archive


def run_emulated(command, modules, patience, memory=2048):
    """(what the command printed, its exit status, the kernel's release); `modules` are there before it begins"""
    image, release = kernel()
    with own_folder("firstseen-emulated-") as folder:
        archive = initial_files(folder, command, modules, release)
        machine = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2",
                   "-m", str(memory), "-kernel", str(image), "-initrd", str(archive),
                   "-append", "console=ttyS0 rdinit=/init panic=-1 quiet",
                   "-virtfs", "local,path=/,mount_tag=files,security_model=none,readonly=on,multidevs=remap",
                   "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", "-monitor", "none"]
        done = subprocess.run(machine, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience,
                              preexec_fn=die_with_parent)
        text = done.stdout.decode(errors="replace").replace("\r", "")
    if BEGIN not in text or END not in text:
        raise NotHere("the emulated machine did not get to its end: " + text[-2000:])
    output, _, rest = text.partition(BEGIN + "\n")[2].partition(END)
    return output, int(rest.split()[0]), release
