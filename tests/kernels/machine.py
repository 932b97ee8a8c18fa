# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A machine without disks and without a network, emulated: some programs with their libraries, a kernel, a script."""

import lzma
import re
import shutil
import subprocess

from program import die_with_parent, own_folder

QEMU = {"amd64": ["qemu-system-x86_64", "-M", "q35", "-cpu", "max"],
        "arm64": ["qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on"]}
CONSOLE = {"amd64": "ttyS0", "arm64": "ttyAMA0"}
MULTIARCH = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
LOADER = {"amd64": "lib64/ld-linux-x86-64.so.2", "arm64": "lib/ld-linux-aarch64.so.1"}


def library(tree, architecture, name):
    for folder in (f"lib/{MULTIARCH[architecture]}", f"usr/lib/{MULTIARCH[architecture]}", "lib", "usr/lib"):
        path = tree / folder / name
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} below {tree}")


def needed(path):
    shown = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", shown)


def module(modules, name):
    """A module's bytes, unpacked; None: it is part of the kernel, or there is none."""
    path = next(modules.rglob(f"{name}.ko*"), None)
    if not path:
        return None
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout
    return path.read_bytes()


def make_files(target, tree, architecture, programs, modules, module_names, script):
    for name in ("bin", "proc", "sys", "dev", "etc", "tmp", "run", "var/run", "var/lib/misc", "modules", "usr/share"):
        (target / name).mkdir(parents=True)
    waiting = []
    for program in programs:
        shutil.copy(program, target / "bin" / program.name)
        waiting += needed(program)
    done = set()
    lib = target / "lib" / MULTIARCH[architecture]
    lib.mkdir(parents=True)
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        path = library(tree, architecture, name)
        shutil.copy(path, lib / name)
        waiting += needed(path)
    loader = target / LOADER[architecture]
    loader.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(library(tree, architecture, loader.name), loader)
    suffixes = tree / "usr/share/publicsuffix"
    if suffixes.is_dir():
        shutil.copytree(suffixes, target / "usr/share/publicsuffix")
    for name in module_names:
        found = module(modules, name)
        if found:
            (target / "modules" / f"{name}.ko").write_bytes(found)
    (target / "init").write_text(script)
    (target / "init").chmod(0o755)


def boot(architecture, image, modules, module_names, tree, programs, script, line, patience):
    """What the machine wrote to its console."""
    with own_folder("firstseen-kernels-") as folder:
        files = folder / "files"
        make_files(files, tree, architecture, programs, modules, module_names, script)
        names = "\n".join(str(path.relative_to(files)) for path in sorted(files.rglob("*")))
        archive = folder / "initrd"
        archive.write_bytes(subprocess.run(["busybox", "cpio", "-o", "-H", "newc"], input=names.encode(), cwd=files,
                                           capture_output=True, check=True).stdout)
        command = [*QEMU[architecture], "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024", "-nographic", "-no-reboot",
                   "-nodefaults", "-serial", "stdio", "-monitor", "none", "-kernel", image, "-initrd", archive, "-append",
                   f"console={CONSOLE[architecture]} quiet panic=-1 mitigations=off {line}"]
        text = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience,
                              preexec_fn=die_with_parent).stdout
    return text.decode(errors="replace").replace("\r", "")
