# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's kernels and, for another processor, the programs and libraries to run below them: from the archives that this
machine takes its packages from, checked by apt, in a view of their own that leaves the machine's lists as they are."""

import re
import subprocess
from pathlib import Path

SUITES = ("bullseye", "bookworm", "trixie", "bookworm-backports", "trixie-backports")
SECURITY_SUITES = ("bullseye-security", "bookworm-security", "trixie-security")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
TRIES = 4  # of a series: an archive may list what it has no more
# To build with, and to run.
ROOT_PACKAGES = ("libc6-dev", "libbpf-dev", "libelf-dev", "zlib1g-dev", "libsqlite3-dev", "libpsl-dev", "libpcap-dev", "libidn2-dev",
                 "libjansson-dev", "libcap-ng-dev", "libseccomp-dev", "libc-ares-dev", "libncurses-dev", "publicsuffix",
                 "linux-libc-dev", "busybox-static", "dnsmasq-base", "curl", "iproute2", "bpftool")


class NotOffered(Exception):
    """Not to be had from here, in apt's words."""


def mirrors():
    """(the archive, its security archive), as the machine has them."""
    found = []
    for path in [*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list"),
                 *Path("/etc/apt/sources.list.d").glob("*.list")]:
        if not path.exists():
            continue
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] == ["URIs:"]:
                found.append(words[1])
            elif words[:1] == ["deb"]:
                found.append(next(word for word in words[1:] if "://" in word))
    archive = next((uri for uri in found if "security" not in uri), None)
    if not archive:
        raise NotOffered("no archive of packages in /etc/apt")
    return archive, next((uri for uri in found if "security" in uri), None)


class View:
    """apt for one architecture, with lists and downloads in a folder."""

    def __init__(self, folder, architecture, suites=SUITES, security=SECURITY_SUITES):
        self.folder, self.architecture = folder, architecture
        archive, security_archive = mirrors()
        for name in ("lists/partial", "cache/archives/partial", "empty"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        lines = [f"deb [signed-by={KEYRING}] {archive} {suite} main" for suite in suites]
        if security_archive:
            lines += [f"deb [signed-by={KEYRING}] {security_archive} {suite} main" for suite in security]
        text = "\n".join(lines) + "\n"
        sources = folder / "sources.list"
        if not sources.exists() or sources.read_text() != text or not any((folder / "lists").glob("*Packages*")):
            sources.write_text(text)
            self.apt("apt-get", "-q", "update")

    def apt(self, program, *arguments, cwd=None):
        options = {"APT::Architecture": self.architecture, "APT::Architectures": self.architecture,
                   "Dir::Etc::sourcelist": self.folder / "sources.list", "Dir::Etc::sourceparts": self.folder / "empty",
                   "Dir::State::Lists": self.folder / "lists", "Dir::State::status": self.folder / "status",
                   "Dir::Cache": self.folder / "cache", "APT::Get::List-Cleanup": "0", "APT::Sandbox::User": "root"}
        done = subprocess.run([program, *(f"-o{key}={value}" for key, value in options.items()), *arguments], cwd=cwd,
                              capture_output=True, text=True, timeout=900)
        if done.returncode:
            raise NotOffered((done.stderr.strip().splitlines() or ["apt failed"])[-1])
        return done.stdout


def by_version(name):
    return [int(part) for part in re.findall(r"\d+", name)]


def series_of(view, wanted):
    """The packages of a series ("6.1", "newest"), newest first."""
    names = [name for name in view.apt("apt-cache", "pkgnames", "linux-image-").split()
             if re.fullmatch(rf"linux-image-\d+\.\d+\.\d+\S*-cloud-{view.architecture}", name)]
    names.sort(key=by_version, reverse=True)
    if wanted == "newest":
        return names
    return [name for name in names if name.startswith(f"linux-image-{wanted}.")]


def unpack(view, packages, folder):
    """Downloads packages and lays their files below a folder; nothing is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    view.apt("apt-get", "-q", "download", *packages, cwd=folder)
    for file in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", file, folder], check=True)
        file.unlink()


def download(view, package, folder):
    """Unpacks a kernel; newer ones have their parts in packages of their own."""
    depends = re.findall(r"^Depends: .*$", view.apt("apt-cache", "show", "--no-all-versions", package), re.M)
    unpack(view, [package, *re.findall(r"linux-(?:binary|modules)-[0-9][^ ,(]*", depends[0] if depends else "")], folder)


def kernel(store, architecture, wanted):
    """(image, folder with its modules, release) of the newest kernel of a series that the archive has."""
    folder = store / f"{architecture}-{wanted}"
    if not any(folder.rglob("vmlinuz*")):
        view = View(store / f"apt-{architecture}", architecture)
        reason = NotOffered(f"no cloud kernel {wanted} for {architecture} in the archive")
        for package in series_of(view, wanted)[:TRIES]:
            try:
                download(view, package, folder)
                break
            except NotOffered as error:
                subprocess.run(["rm", "-rf", folder], check=True)
                reason = error
        else:
            raise reason
    image = next(path for path in folder.rglob("vmlinuz*") if path.is_file())
    modules = next(path for path in folder.rglob("modules/*") if (path / "kernel").is_dir())
    return image, modules, modules.name


def root(store, architecture):
    """A tree of the other processor's programs and libraries, unpacked only."""
    tree = store / f"root-{architecture}"
    if not (tree / "usr/sbin/bpftool").exists():
        view = View(store / f"apt-root-{architecture}", architecture, ("bookworm",), ("bookworm-security",))
        view.apt("apt-get", "-q", "-y", "--no-install-recommends", "--download-only", "install", *ROOT_PACKAGES)
        tree.mkdir(exist_ok=True)
        for file in sorted((view.folder / "cache/archives").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", file, tree], check=True)
    return tree
