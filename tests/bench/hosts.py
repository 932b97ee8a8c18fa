# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Two hosts out of network namespaces for measuring, and the three states of this one:
with nothing attached, with the daemon, with empty programs on the daemon's hooks."""

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TOP / "tests/live"), str(TOP / "tests")]
import lab
from lab import BUILD, Daemon, run, wait_for
from program import die_with_parent

PREFIX = "fsbench-"  # the live tests remove what begins as theirs do
CLIENT, SERVER = PREFIX + "client", PREFIX + "server"
CLIENT_ADDRESS, SERVER_ADDRESS = "203.0.113.10", "203.0.113.1"
MANY, MANY_PREFIX = "198.51.0.0", "198.51.0.0/16"  # all of them are the server's
MANY_COUNT = 2000
NICENESS = -10  # of all that is measured, so that what else runs here takes little from it
AUTOGROUP = Path("/proc/self/autogroup")  # where sessions are scheduled as groups, a niceness counts inside one only
TOOLS = BUILD / "tests/bench"
EMPTY_OBJECT = BUILD.parent / "bpf/empty.bpf.o"
STATISTICS = Path("/proc/sys/kernel/bpf_stats_enabled")


def cgroup_root():
    for line in Path("/proc/self/mounts").read_text().splitlines():
        where, kind = line.split()[1:3]
        if kind == "cgroup2":
            return where
    raise lab.Skip("needs a mounted cgroup v2")


def begin_process():
    die_with_parent()
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    if AUTOGROUP.exists():
        AUTOGROUP.write_text(str(NICENESS))


def require():
    """Where nothing can be measured that is told in one line, and is no success."""
    try:
        lab.require_host()
    except lab.Skip as reason:
        sys.exit(f"{Path(sys.argv[0]).name}: {reason}")


@contextlib.contextmanager
def turn():
    """Our turn on this host: live tests and other measurements wait. It ends with the block, so that theirs come."""
    lock = lab.lock_host()
    try:
        yield
    finally:
        lock.close()
        lab.lock_host.cache_clear()


class Hosts:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="firstseen-bench-"))
        self.processes = []
        self.daemons = []
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        self.remove()
        for host in (CLIENT, SERVER):
            run("ip", "netns", "add", host)
            run("ip", "-n", host, "link", "set", "lo", "up")
            self.inside(host, "sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535",
                        "net.ipv4.tcp_max_tw_buckets=1000")
        run("ip", "link", "add", "fsbench0", "netns", CLIENT, "type", "veth", "peer", "name", "fsbench1",
            "netns", SERVER)
        lab.Lab.address(CLIENT, "fsbench0", [CLIENT_ADDRESS + "/24"])
        lab.Lab.address(SERVER, "fsbench1", [SERVER_ADDRESS + "/24"])
        run("ip", "-n", CLIENT, "route", "add", "default", "via", SERVER_ADDRESS)
        run("ip", "-n", SERVER, "route", "add", "local", MANY_PREFIX, "dev", "lo")

    @staticmethod
    def remove():
        for name in (CLIENT, SERVER):
            if Path("/run/netns", name).exists():
                for pid in run("ip", "netns", "pids", name).stdout.split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                run("ip", "netns", "del", name)

    def close(self):
        self.stop(*self.processes)
        self.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, host, *command, cpu=None, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.placed(host, command, cpu),
                                   preexec_fn=begin_process, text=True, **options)
        self.processes.append(process)
        return process

    def stop(self, *processes):
        for process in processes:
            process.kill()
            process.wait()
        self.processes = [process for process in self.processes if process.poll() is None]

    @staticmethod
    def placed(host, command, cpu=None):
        return [*(["ip", "netns", "exec", host] if host else []), *(["taskset", "-c", str(cpu)] if cpu is not None else []),
                *map(str, command)]

    def inside(self, host, *command, cpu=None):
        """What it printed."""
        process = self.start(host, *command, cpu=cpu, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = process.communicate(timeout=120)[0]
        assert process.returncode == 0, f"{command} exited with {process.returncode}: {text}"
        return text

    def listens(self, host, protocol, port):
        return f":{port} " in self.inside(host, "ss", f"-Hln{protocol}")

    # --- what is attached ---

    @contextlib.contextmanager
    def nothing(self):
        yield

    @contextlib.contextmanager
    def daemon(self, settings=()):
        daemon = Daemon(self, settings=settings, start=False)
        wait_for("another daemon to end", lambda: self.has_room_for(daemon), lab.LOCK_PATIENCE)
        try:
            yield daemon
        finally:
            daemon.stop()

    @staticmethod
    def has_room_for(daemon):
        """Starts it, unless one that does not belong to a test has the host."""
        try:
            daemon.start()
        except AssertionError as error:
            if "another firstseend" not in str(error):
                raise
            daemon.log.unlink()
            time.sleep(1)
            return False
        return True

    @contextlib.contextmanager
    def empty(self):
        holder = self.start(None, TOOLS / "empty_hooks", EMPTY_OBJECT, cgroup_root(), stdout=subprocess.PIPE,
                            stderr=None)
        try:
            assert holder.stdout.readline() == "attached\n", "the empty programs could not be attached"
            yield
        finally:
            self.stop(holder)
            holder.stdout.close()


@contextlib.contextmanager
def run_time_statistics():
    before = STATISTICS.read_text()
    STATISTICS.write_text("1")
    try:
        yield
    finally:
        STATISTICS.write_text(before)


OURS = {"sock_state", "sock_skipped", "udp_connect4", "udp_connect6", "udp_send4", "udp_send6", "packet_out", "packet_in",
        "udp_release"}


def program_times():
    """{name: (nanoseconds, runs)} of the daemon's and the empty programs, while statistics were on."""
    listed = json.loads(run("bpftool", "-j", "prog", "list").stdout)
    times = {}
    for program in listed:
        if program.get("name") in OURS or program.get("name", "").startswith("empty_"):
            times[program["name"]] = (program.get("run_time_ns", 0), program.get("run_cnt", 0))
    return times


class Usage:
    """Processor seconds and memory of a process."""

    def __init__(self, pid):
        self.pid = pid
        self.start = self.seconds()

    def seconds(self):
        return time.clock_gettime(~self.pid << 3 | 2)  # as clock_getcpuclockid(3) makes it: finer than /proc's ticks

    def used(self):
        return self.seconds() - self.start

    def memory(self):
        """(resident now, resident at most), MiB."""
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return tuple(int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
