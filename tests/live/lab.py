# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Hosts out of network namespaces: a client whose default route is a server, a
resolver and real services on the server. The daemon runs outside of both, as on a
host with containers.

Everything dies with the test that made it: processes by their parent-death signal,
the rest in close(), at exit, or when the next test begins.
"""

import atexit
import contextlib
import fcntl
import functools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests"))
from program import die_with_parent, whole_lines
from tap import Skip

BUILD = Path(os.environ.get("FIRSTSEEN_BUILD", TOP / ".output/gcc"))
PREFIX = "fst-"
FOLDER = "firstseen-lab-"
CLIENT, SERVER = PREFIX + "client", PREFIX + "server"
PATIENCE = 8  # seconds for something that should come at once
OUTSIDE = os.stat("/proc/self/ns/net").st_ino
QUIET = 0.7  # seconds in which something would have come
LOCK = Path("/run/firstseen-live-tests.lock")
LOCK_PATIENCE = 1800  # seconds to wait for another run's test program, or a soak, or a measurement

# What the server answers for. Two names share 198.51.100.20.
NAMES = {
    "www.example.com": ["198.51.100.10", "2001:db8:2::10"],
    "cdn.example.com": ["198.51.100.10"],
    "a.b.example.co.uk": ["198.51.100.11"],
    "ec2.eu-west-1.amazonaws.com": ["198.51.100.12"],
    "one.shared-one.org": ["198.51.100.20"],
    "two.shared-two.org": ["198.51.100.20"],
    "old.example.net": ["198.51.100.13"],
    "recent.example.org": ["198.51.100.14"],
    "v6.example.info": ["2001:db8:2::10"],
    "udp.example.dev": ["198.51.100.15"],
    "user.example.biz": ["198.51.100.16"],
    "getent.example.name": ["198.51.100.17", "2001:db8:2::17"],
    "python.example.pro": ["198.51.100.18"],
    "late.example.io": ["198.51.100.19"],
    "inside.example.com": ["10.99.0.1"],
    "tls.example.xyz": ["198.51.100.21"],
    "tcpdns.example.online": ["198.51.100.22"],
    "old-socket.example.tech": ["198.51.100.23"],
    "restart.example.site": ["198.51.100.25"],
    "bytes.example.store": ["198.51.100.24"],
}


def require_host():
    if os.geteuid() != 0:
        raise Skip("needs root")
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        raise Skip("needs a kernel with BTF")


def require_live():
    require_host()
    lock_host()


@functools.cache
def lock_host():
    """One live test program at a time: a host has room for one daemon. The kernel lets go with the process."""
    lock = open(LOCK, "a+")  # kept open by the cache
    began, told = time.monotonic(), 0
    while time.monotonic() < began + LOCK_PATIENCE:
        if try_lock(lock):
            lock.truncate(0)
            print(os.getpid(), *sys.argv, file=lock, flush=True)
            return lock
        if not told:
            print(f"waits for the host: {holder(lock)} has it", file=sys.stderr, flush=True)
        while told <= time.monotonic() - began:
            tell_waited()
            told += 1
        time.sleep(0.02)  # whoever looks seldom gets no turn among others who wait
    sys.exit(f"the host was not free for {LOCK_PATIENCE} s: {holder(lock)} has it")


def holder(lock):
    """Whoever has the host, by what is written in the lock's file."""
    lock.seek(0)
    pid, _, command = lock.read().strip().partition(" ")
    return f"process {pid}, {command}," if pid else f"another process (see fuser {LOCK})"


def tell_waited():
    """A second to tests/run, which lets us have it on top of our time."""
    if "FIRSTSEEN_WAITED" in os.environ:
        with open(os.environ["FIRSTSEEN_WAITED"], "a") as file:
            file.write(".")


def try_lock(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def run(*command, check=True, timeout=30, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=timeout, **options)
    assert not check or done.returncode == 0, f"{command} exited with {done.returncode}: {done.stderr}{done.stdout}"
    return done


def wait_for(what, condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {patience} s in vain for {what}"
        time.sleep(0.02)


def remove_leftovers():
    """What a killed run left: processes in our namespaces, the namespaces, their files, what is mounted there, cgroups."""
    for line in run("ip", "netns", "list").stdout.splitlines():
        name = line.split()[0] if line.split() else ""
        if not name.startswith(PREFIX):
            continue
        for pid in run("ip", "netns", "pids", name, check=False).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        run("ip", "netns", "del", name, check=False)
    for path in Path("/etc/netns").glob(PREFIX + "*"):
        shutil.rmtree(path, ignore_errors=True)
    for line in Path("/proc/self/mounts").read_text().splitlines():
        where = line.split()[1]
        if where.startswith(f"{tempfile.gettempdir()}/{FOLDER}"):
            run("umount", "-l", where, check=False)
    remove_groups()


def remove_groups():
    """Cgroups of the tests' programs, which are empty: the kernel removes no other."""
    top = Path("/sys/fs/cgroup")
    for folder in sorted([*top.glob("firstseen-*/**/"), *top.glob("*/firstseen-*/**/")], reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()


class Lab:
    def __init__(self, resolver_options=()):
        require_live()
        self.resolver_options = resolver_options
        self.processes = []
        self.daemons = []
        remove_leftovers()
        for old in Path(tempfile.gettempdir()).glob(FOLDER + "*"):
            shutil.rmtree(old, ignore_errors=True)
        self.folder = Path(tempfile.mkdtemp(prefix=FOLDER))
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        self.make_hosts()
        self.start_services()

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        self.processes = []
        remove_leftovers()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- hosts and services ---

    def make_hosts(self):
        for host in (CLIENT, SERVER):
            run("ip", "netns", "add", host)
            run("ip", "-n", host, "link", "set", "lo", "up")
        run("ip", "link", "add", "fst0", "netns", CLIENT, "type", "veth", "peer", "name", "fst1", "netns", SERVER)
        self.address(CLIENT, "fst0", ["203.0.113.10/24", "10.99.0.10/24", "2001:db8:1::10/64"])
        self.address(SERVER, "fst1", ["203.0.113.1/24", "10.99.0.1/24", "2001:db8:1::1/64"])
        addresses = {address for list_ in NAMES.values() for address in list_ if not address.startswith("10.")}
        self.address(SERVER, "lo", [a + ("/128" if ":" in a else "/32") for a in sorted(addresses)])
        run("ip", "-n", CLIENT, "route", "add", "default", "via", "203.0.113.1")
        run("ip", "-n", CLIENT, "-6", "route", "add", "default", "via", "2001:db8:1::1")
        folder = Path("/etc/netns") / CLIENT
        folder.mkdir(parents=True)
        (folder / "resolv.conf").write_text("nameserver 203.0.113.1\noptions timeout:2 attempts:2\n")

    @staticmethod
    def address(host, link, addresses):
        for address in addresses:
            nodad = ["nodad"] if ":" in address else []
            run("ip", "-n", host, "address", "add", address, "dev", link, *nodad)
        run("ip", "-n", host, "link", "set", link, "up")

    def start_services(self):
        records = [f"--host-record={name},{','.join(addresses)}" for name, addresses in NAMES.items()]
        self.start(SERVER, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                   "--user=root", "--pid-file", "--listen-address=203.0.113.1", "--bind-interfaces",
                   "--local-ttl=60", "--cname=alias.example.shop,www.example.com", *records,
                   *self.resolver_options)
        self.start(SERVER, "/usr/bin/python3", "-m", "http.server", "--bind", "::", "80", cwd=self.folder)
        (self.folder / "large").write_bytes(os.urandom(300000))
        self.start(SERVER, "/usr/bin/python3", "-c", ECHO)
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=example", "-days", "2",
            "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem")
        self.start(SERVER, "openssl", "s_server", "-accept", "443", "-quiet", "-www",
                   "-key", self.folder / "key.pem", "-cert", self.folder / "cert.pem")
        wait_for("the services", self.services_answer)

    def services_answer(self):
        tcp = run("ip", "netns", "exec", SERVER, "ss", "-Hltn").stdout
        udp = run("ip", "netns", "exec", SERVER, "ss", "-Hlun").stdout
        return all(re.search(rf":{port}\b", tcp) for port in (53, 80, 443)) and re.search(r":53\b", udp) and \
            re.search(r":7\b", udp)

    def start(self, host, *command, **options):
        prefix = ["ip", "netns", "exec", host] if host else []
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([*prefix, *map(str, command)], preexec_fn=die_with_parent, **options)
        self.processes.append(process)
        return process

    def client(self, *command, **options):
        return run("ip", "netns", "exec", CLIENT, *command, **options)

    def curl(self, url, *options, **more):
        return self.client("curl", "-s", "-S", "-m", "5", "-o", "/dev/null", *options, url, **more)


ECHO = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.setsockopt(socket.IPPROTO_IPV6, 49, 1)
s.bind(("::", 7))
while True:
    data, ancillary, flags, peer = s.recvmsg(65536, 256)
    s.sendmsg([data], [a for a in ancillary if a[:2] == (socket.IPPROTO_IPV6, 50)], 0, peer)
"""


class Daemon:
    """firstseend in the foreground, with a history and an alert file of its own."""

    def __init__(self, lab, name="main", settings=(), start=True):
        self.lab = lab
        self.history = lab.folder / f"{name}.db"
        self.alert_file = lab.folder / f"{name}.json"
        self.log = lab.folder / f"{name}.log"
        self.socket = lab.folder / f"{name}.sock"
        self.settings = settings
        self.process = None
        self.read = 0
        if start:
            self.start()

    def command(self):
        settings = [f"history.path={self.history}", f"alert.sinks=file:{self.alert_file}", "detect.learning=0",
                    f"control.socket={self.socket}", "service.user=", "detect.crawler_domains=0", *self.settings]
        return [BUILD / "firstseend", "-c", "/dev/null", *(part for s in settings for part in ("--set", s))]

    def start(self):
        self.end_others()
        before = self.log.read_text().count("watching:") if self.log.exists() else 0
        with open(self.log, "a") as log:
            self.process = self.lab.start(None, *self.command(), stderr=log)
        wait_for("the daemon to watch", lambda: self.is_watching(before))

    def end_others(self):
        """A test that failed half-way left its daemon, and a host has room for one."""
        for other in self.lab.daemons:
            if other.process and other.process.poll() is None:
                other.process.kill()
                other.process.wait()
        self.lab.daemons = [self]

    def is_watching(self, before):
        assert self.process.poll() is None, f"the daemon ended: {self.log.read_text()}"
        return self.log.read_text().count("watching:") > before

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def all_alerts(self):
        """Without those about programs that are no host's of the lab: others may be busy on this machine."""
        alerts = [json.loads(line) for line in whole_lines(self.alert_file)]
        return [alert for alert in alerts if (alert.get("unmapped", {}).get("process") or {}).get("network_namespace") != OUTSIDE]

    def created(self):
        """Alerts as they were first written, updates left out."""
        return [alert for alert in self.all_alerts() if alert["activity_id"] == 1]

    def catch_up(self):
        """Until all that happened before is in the history, its figures as well."""
        since = time.time_ns()
        wait_for("the history to be written", lambda: int(json.loads(self.firstseen("--format", "json", "stats").stdout)
                                                          .get("heartbeat", 0)) > since, 30)

    def expect(self, count):
        """The next alerts: exactly so many, and none more in a while."""
        wait_for(f"{count} alerts", lambda: len(self.created()) >= self.read + count)
        time.sleep(QUIET)
        new = self.created()[self.read:]
        self.read += len(new)
        assert len(new) == count, f"{len(new)} alerts instead of {count}: {[a['message'] for a in new]}"
        return new

    def expect_none(self):
        time.sleep(QUIET)
        new = self.created()[self.read:]
        self.read += len(new)
        assert not new, f"alerts that should not be: {[a['message'] for a in new]}"

    def move_back(self, domain, days):
        """Makes a domain one that was last seen so many days ago. The daemon is stopped."""
        shift = days * 86400 * 1000000
        with sqlite3.connect(self.history) as db:
            (number,) = db.execute("SELECT id FROM domains WHERE name = ?", (domain,)).fetchone()
            db.execute("UPDATE domains SET first_us = first_us - ?, last_us = last_us - ? WHERE id = ?",
                       (shift, shift, number))
            (last,) = db.execute("SELECT last_us FROM domains WHERE id = ?", (number,)).fetchone()
        db.close()
        return last

    def firstseen(self, *arguments, check=True):
        return run(BUILD / "firstseen", "-c", "/dev/null", "--set", f"control.socket={self.socket}", "--db",
                   self.history, *arguments, check=check)

    def status(self):
        return json.loads(self.firstseen("--format", "json", "status", check=False).stdout)


class GroupDaemon(Daemon):
    """A daemon on a host that has the group of readers: a private /etc/group."""

    GROUP = 64991

    def command(self):
        group = self.lab.folder / "group"
        group.write_text(Path("/etc/group").read_text() + f"firstseen:x:{self.GROUP}:\n")
        os.chmod(self.lab.folder, 0o755)
        return ["unshare", "-m", "sh", "-c", f"mount --bind {group} /etc/group && exec \"$@\"", "sh", *super().command()]

    def asked(self, *words, group=None):
        """What the daemon answers where it is asked without the command; with a group: by nobody, who is of that one, too."""
        script = """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
try:
    s.send("".join(word + "\\0" for word in ["firstseen/1", *sys.argv[2:]]).encode())
except BrokenPipeError:
    pass
print(*s.recv(1000).decode().split("\\0")[:2])
"""
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", f"--groups={group}"] if group else []
        return run(*nobody, "/usr/bin/python3", "-c", script, self.socket, self.history, *words, check=False)


def facts(alert):
    """An alert's facts by short names, from where the format has them."""
    evidence = alert["evidences"][0]
    process = evidence.get("actor", {}).get("process", {})
    more = alert["unmapped"]
    return {
        "uid": alert["finding_info"]["uid"],
        "kind": more["kind"],
        "domain": more["domain"],
        "hostname": evidence["dst_endpoint"].get("hostname"),
        "remote": evidence["dst_endpoint"]["ip"],
        "port": evidence["dst_endpoint"]["port"],
        "protocol": evidence["connection_info"]["protocol_name"],
        "pid": process.get("pid"),
        "exe": process.get("file", {}).get("path"),
        "arguments": process.get("cmd_line"),
        "user_id": process.get("user", {}).get("uid"),
        "user": process.get("user", {}).get("name"),
        "method": more["attribution"]["method"],
        "rank": more["attribution"]["rank"],
        "age_ms": more["attribution"]["age_ms"],
        "rivals": more["attribution"].get("rivals", []),
        "cgroup_id": more["process"]["cgroup_id"],
        "last_seen": more["last_seen"],
        "application": more.get("application", {}).get("name"),
    }


def kernel_objects():
    """Programs, maps and links of ours that the kernel holds, by name."""
    names = []
    for kind in ("prog", "map", "link"):
        listed = json.loads(run("bpftool", "-j", kind, "list").stdout or "[]")
        programs = {"sock_state", "sock_skipped", "udp_connect4", "udp_connect6", "udp_send4", "udp_send6", "packet_out", "packet_in",
                    "udp_release", "each_socket", "sockets", "udp_flows", "described"}
        names += [f"{kind} {item.get('name', item.get('type'))}" for item in listed
                  if item.get("name") in programs or (kind == "link" and item.get("type") in ("cgroup", "tracing"))]
    return sorted(names)
