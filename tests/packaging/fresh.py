# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A fresh Debian in a folder: what is essential and what is asked for, with all they depend on and nothing else, copied
from the host's own packages. Needs no network and a few seconds. Its dpkg knows of these packages alone, so a
package that does not name what it needs can not be installed or does not run."""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TOP / "tests"), str(TOP / "tests/live")]
from tap import Skip

LEFT_OUT = re.compile(r"/usr/share/(doc|man|locale|info|i18n|lintian|bug)/|/usr/lib/(firmware|modules)/")
DPKG = Path("/var/lib/dpkg")
FIELDS = "${binary:Package}\t${Package}\t${db:Status-Status}\t${Essential}\t${Pre-Depends}, ${Depends}\t${Provides}\n"


def run(*command, check=True, timeout=120, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=timeout,
                          errors="replace", **options)
    assert not check or done.returncode == 0, f"{command} exited with {done.returncode}: {done.stderr}{done.stdout}"
    return done


def make(*targets):
    """Runs make as a user would, whatever flavour is being tested."""
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "FLAVOUR")}
    return run("make", "-C", TOP, "--no-print-directory", *targets, env=env, timeout=280)


def alone():
    """Goes on in a mount namespace of its own: whatever is mounted ends with the test, however that ends."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    if not (DPKG / "status").exists():
        raise Skip("needs a Debian to take packages from")
    if os.environ.get("FIRSTSEEN_ALONE") != "1":
        os.environ["FIRSTSEEN_ALONE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "slave", sys.executable, *sys.argv])


def deb_of():
    """The package of these sources."""
    if not shutil.which("dpkg-buildpackage") or not shutil.which("dh"):
        raise Skip("debhelper is not installed")
    built = [Path(line) for line in make("deb").stdout.splitlines() if "/firstseen_" in line]
    assert len(built) == 1, built
    return built[0]


def depends_of(package):
    """The first of each choice that the package names, and so what apt would install."""
    told = run("dpkg-deb", "-f", package, "Depends").stdout
    return [names_in(part)[0] for part in told.split(",")]


def repacked(package, target, version):
    """The same package as another version."""
    with tempfile.TemporaryDirectory(prefix="firstseen-deb-") as folder:
        run("dpkg-deb", "-R", package, folder)
        control = Path(folder) / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
        run("dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "-b", folder, target)


def names_in(relation):
    return [word.split(":")[0].split("(")[0].strip() for word in relation.split("|")]


class Packages:
    """What is installed on the host."""

    def __init__(self):
        self.full, self.needs, self.essential, self.providers = {}, {}, [], {}
        for line in run("dpkg-query", "-W", "-f", FIELDS).stdout.splitlines():
            full, name, status, essential, needs, provides = line.split("\t")
            if status not in ("installed", "triggers-pending", "triggers-awaited") or name in self.full:
                continue
            self.full[name] = full
            self.needs[name] = [names_in(part) for part in needs.split(",") if part.strip(" ,")]
            if essential == "yes":
                self.essential.append(name)
            for part in provides.split(","):
                self.providers.setdefault(names_in(part)[0], []).append(name)

    def pick(self, choices):
        for name in choices:
            if name in self.full:
                return name
            for provider in self.providers.get(name, []):
                return provider
        raise Skip(f"the host has none of the packages {' | '.join(choices)}")

    def closure(self, wanted):
        chosen, waiting = set(), [self.pick([name]) for name in wanted] + self.essential
        while waiting:
            name = waiting.pop()
            if name not in chosen:
                chosen.add(name)
                waiting += [self.pick(choices) for choices in self.needs[name]]
        return sorted(chosen)


class Fresh:
    """The folder, in memory; call alone() before."""

    def __init__(self, *wanted):
        self.root = Path(tempfile.mkdtemp(prefix="firstseen-fresh-"))
        atexit.register(self.close)
        run("mount", "-t", "tmpfs", "-o", "mode=755,size=1g", "firstseen-fresh", self.root)
        self.packages = Packages()
        self.chosen = self.packages.closure(wanted)
        self.copy_files()
        self.copy_dpkg()
        self.set_up()

    def close(self):
        atexit.unregister(self.close)
        run("umount", "-R", "-l", self.root, check=False)
        self.root.rmdir()

    def copy_files(self):
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            if Path("/" + name).is_symlink():
                (self.root / "usr" / name).mkdir(parents=True)
                (self.root / name).symlink_to(f"usr/{name}")
        files = set()
        for name in self.chosen:
            files |= set(self.list_of(name).read_text().splitlines())
        links = [str(path) for folder in ("/usr/bin", "/usr/sbin", "/etc/alternatives") for path in Path(folder).iterdir()
                 if path.is_symlink() and (folder == "/etc/alternatives" or
                                           os.readlink(path).startswith("/etc/alternatives/"))]
        wanted = sorted(path for path in files | set(links)
                        if os.path.lexists(path) and path != "/." and not LEFT_OUT.match(path))
        names = "\0".join("." + path for path in wanted)
        pack = subprocess.Popen(["tar", "-C", "/", "-c", "--no-recursion", "--null", "-T", "-"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        unpack = subprocess.Popen(["tar", "-C", self.root, "-x", "--keep-directory-symlink"], stdin=pack.stdout)
        pack.stdin.write(names.encode())
        pack.stdin.close()
        assert unpack.wait() == 0 and pack.wait() == 0, "the packages' files could not be copied"

    def list_of(self, name):
        full = self.packages.full[name]
        for candidate in (full, name):
            path = DPKG / "info" / f"{candidate}.list"
            if path.exists():
                return path
        found = sorted(DPKG.glob(f"info/{name}:*.list"))
        assert found, f"dpkg has no list of the files of {name}"
        return found[0]

    def copy_dpkg(self):
        target = self.root / "var/lib/dpkg"
        for folder in ("info", "updates", "triggers", "alternatives", "parts"):
            (target / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(DPKG / "info/format", target / "info/format")
        stanzas = re.split(r"\n\n+", (DPKG / "status").read_text())
        chosen = set(self.chosen)
        kept = [stanza for stanza in stanzas if (re.search(r"^Package: (\S+)", stanza, re.M) or [0, ""])[1] in chosen
                and re.search(r"^Status: .* (installed|triggers-\w+)$", stanza, re.M)]
        (target / "status").write_text("\n\n".join(kept) + "\n")
        for name in self.chosen:
            stem = self.list_of(name).stem
            for path in DPKG.glob(f"info/{stem}.*"):
                if path.suffix in (".list", ".md5sums", ".conffiles"):
                    shutil.copy(path, target / "info" / path.name)

    def set_up(self):
        master = self.root / "usr/share/base-passwd"
        for name in ("passwd", "group"):
            shutil.copy(master / f"{name}.master", self.root / "etc" / name)
        shutil.copy(self.root / "usr/share/libc-bin/nsswitch.conf", self.root / "etc/nsswitch.conf")
        for folder in ("proc", "sys", "dev", "run", "tmp", "root", "var/log", "var/cache/ldconfig", "var/tmp", "boot", "home"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        os.chmod(self.root / "tmp", 0o1777)
        run("ldconfig", "-r", self.root)
        run("mount", "-t", "proc", "proc", self.root / "proc")
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.root / "dev")
        for name, numbers in (("null", "1 3"), ("zero", "1 5"), ("urandom", "1 9"), ("random", "1 8"), ("full", "1 7"), ("tty", "5 0")):
            run("mknod", "-m", "666", self.root / "dev" / name, "c", *numbers.split())
        (self.root / "dev/ptmx").symlink_to("pts/ptmx")

    def inside(self, *command, **options):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive",
               "HOME": "/"}
        return run("chroot", self.root, *command, env=env, **options)

    def path(self, name):
        return self.root / name.lstrip("/")
