# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Real logs for tests: rsyslog with its JSON parser, and the journal in a mount namespace of its own."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from tap import Skip, equal

JOURNALD = Path("/lib/systemd/systemd-journald")
PATIENCE = 20  # seconds for what should take a moment
processes = []


def wait_for(what, condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {patience} s in vain for {what}"
        time.sleep(0.02)


def start(*command, **options):
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, **options)
    processes.append(process)
    return process


def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    process.wait(PATIENCE)


def private_mounts():
    """A process with a mount namespace of its own, and what starts a program in there."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    holder = start("unshare", "--mount", "--propagation", "private", "sleep", "1000")
    wait_for("the namespace", lambda: Path(f"/proc/{holder.pid}/comm").read_text() == "sleep\n")
    return ["nsenter", "--mount", "--target", str(holder.pid)]


def stop_all():
    for process in reversed(processes):
        if process.poll() is None:
            process.kill()
        process.wait()


class Rsyslog:
    """A real one, with its own socket, which keeps what its JSON parser made of each message."""

    def __init__(self, folder, name, cookie="", path=None, inside=()):
        """`path`: of its socket as it sees it; `inside`: starts programs in its mount namespace."""
        self.socket, self.out = path or folder / f"{name}.socket", folder / f"{name}.out"
        self.inside = inside
        self.config = folder / f"{name}.conf"
        self.config.write_text(f"""
global(workDirectory="{folder}")
module(load="imuxsock" SysSock.Use="off")
module(load="mmjsonparse")
input(type="imuxsock" Socket="{self.socket}" RateLimit.Interval="0" CreatePath="off")
template(name="parsed" type="string" string="%parsesuccess% %syslogtag% %syslogseverity% %syslogfacility% %$!all-json%\\n")
action(type="mmjsonparse" cookie="{cookie}")
action(type="omfile" file="{self.out}" template="parsed")
""")
        self.process = None

    def start(self):
        there = Path(f"/proc/{self.inside[-1]}/root{self.socket}") if self.inside else self.socket
        there.unlink(missing_ok=True)
        self.process = start(*self.inside, "rsyslogd", "-n", "-f", self.config, "-i", self.out.with_suffix(".pid"),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("rsyslog", there.exists)
        return self

    def messages(self):
        """(tag, severity, facility, what the parser read)"""
        found = []
        for line in self.out.read_bytes().split(b"\n")[:-1] if self.out.exists() else []:
            verdict, tag, severity, facility, text = line.decode().split(" ", 4)
            if tag == "rsyslogd:":
                continue
            equal(verdict, "OK", line[:200])
            found.append((tag, int(severity), int(facility), json.loads(text)))
        return found


class Journal:
    """A real systemd-journald in a mount namespace of its own, at the usual place there."""

    def __init__(self, inside=None):
        if not JOURNALD.exists():
            raise AssertionError(f"{JOURNALD} is not installed: packaging/setup check")
        self.inside = inside or private_mounts()
        script = """mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log &&
            mount -t tmpfs none /etc/systemd &&
            printf '[Journal]\\nStorage=volatile\\nForwardToSyslog=no\\nForwardToConsole=no\\nForwardToWall=no\\n
            ReadKMsg=no\\nAudit=no\\nRateLimitIntervalSec=0\\n' > /etc/systemd/journald.conf"""
        subprocess.run([*self.inside, "sh", "-c", script], check=True)
        self.process = None

    def start(self):
        self.process = start(*self.inside, JOURNALD, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        root = Path(f"/proc/{self.inside[-1]}/root")
        wait_for("the journal", (root / "run/systemd/journal/socket").exists)
        wait_for("its file", lambda: list((root / "run/log/journal").glob("*/*.journal")))
        return self

    def read(self, *matches):
        done = subprocess.run([*self.inside, "journalctl", "-D", "/run/log/journal", "-o", "json", "-a", "--no-pager",
                               *matches], capture_output=True, text=True, timeout=30)
        return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


def text_of(value):
    """journalctl writes what is no text as numbers."""
    return bytes(value) if isinstance(value, list) else value.encode()
