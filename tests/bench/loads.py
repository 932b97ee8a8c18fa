# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The loads that cost is measured with. Each runs on until it is stopped; how much was done is read from the
counters of the client's network namespace, so that any span of time can be looked at."""

import contextlib
import random
import time
from pathlib import Path

from hosts import CLIENT, MANY, SERVER, SERVER_ADDRESS, TOOLS, wait_for

DNS_DOMAINS = 40
LOOPBACK = "127.0.0.1"
FOR_LONG = 3600  # seconds; it is stopped before
SETTLED = 0.3  # seconds after which a load runs evenly


def start_bulk(lab, address, host):
    """TCP as fast as it goes."""
    server = lab.start(host, "iperf3", "-s", "-p", 5201)
    wait_for("iperf3", lambda: lab.listens(host, "t", 5201))
    return server, lab.start(CLIENT, "iperf3", "-c", address, "-p", 5201, "-t", FOR_LONG, "-A", "0,1")


def start_datagrams(lab, address, host):
    """Datagrams of 64 bytes, one a system call."""
    server = lab.start(host, "iperf3", "-s", "-p", 5202)
    wait_for("iperf3", lambda: lab.listens(host, "t", 5202))
    return server, lab.start(CLIENT, "iperf3", "-u", "-b", 0, "-l", 64, "-c", address, "-p", 5202, "-t", FOR_LONG,
                             "-A", "0,1")


def start_many_datagrams(lab, address, host):
    """Datagrams of 64 bytes, 64 a system call."""
    server = lab.start(host, TOOLS / "udp_load", "receive", address, 7001, cpu=1)
    wait_for("the receiver", lambda: lab.listens(host, "u", 7001))
    return server, lab.start(CLIENT, TOOLS / "udp_load", "send", address, 7001, 64, FOR_LONG, cpu=0)


def start_questions(lab, address, host):
    """dnsperf and unbound, which holds all the answers; both cores are full."""
    zones = "".join(f'  local-zone: "bench-{n}.org." redirect\n  local-data: "bench-{n}.org. 300 A 198.51.7.{n}"\n'
                    for n in range(DNS_DOMAINS))
    configuration = lab.folder / "unbound.conf"
    configuration.write_text(
        f"server:\n  interface: {address}\n  port: 53\n  num-threads: 2\n  use-syslog: no\n  chroot: \"\"\n"
        f"  username: \"\"\n  pidfile: \"\"\n  access-control: 0.0.0.0/0 allow\n  so-reuseport: no\n"
        f"  do-daemonize: no\n{zones}remote-control:\n  control-enable: no\n")
    names = lab.folder / "questions"
    chosen = random.Random(1)
    names.write_text("".join(f"h{chosen.randrange(5000)}.bench-{chosen.randrange(DNS_DOMAINS)}.org A\n"
                             for _ in range(20000)))
    server = lab.start(host, "unbound", "-c", configuration)
    wait_for("unbound", lambda: lab.listens(host, "u", 53))
    return server, lab.start(CLIENT, "dnsperf", "-s", address, "-d", names, "-l", FOR_LONG, "-c", 8, "-T", 2, "-q", 200)


def start_connections(lab, address, host):
    """Connects and closes, one after the other."""
    server = lab.start(host, TOOLS / "connect_load", "accept", "0.0.0.0", 7002, cpu=1)
    wait_for("the acceptor", lambda: lab.listens(host, "t", 7002))
    return server, lab.start(CLIENT, TOOLS / "connect_load", "connect", address, 1 if address == LOOPBACK else 200,
                             7002, FOR_LONG, 0, cpu=0)


def counter(pid, protocol, name):
    """Of the kernel's, in the namespace of a process."""
    for file in ("snmp", "netstat"):
        lines = [line.split() for line in Path(f"/proc/{pid}/net/{file}").read_text().splitlines()]
        for names, values in zip(lines[::2], lines[1::2]):
            if names[0] == protocol + ":" and name in names:
                return int(values[names.index(name)])
    raise KeyError(name)


class Load:
    def __init__(self, name, unit, goal, start, address, host, counted, each=1):
        self.name, self.unit, self.goal = name, unit, goal
        self.make, self.address, self.host = start, address, host
        self.counted, self.each = counted, each

    @contextlib.contextmanager
    def running(self, lab):
        """Gives a function that tells how much was done so far."""
        server, client = self.make(lab, self.address, self.host)

        def done():
            assert client.poll() is None and server.poll() is None, f"{self.name}: the load ended by itself"
            return counter(client.pid, *self.counted) / self.each

        try:
            time.sleep(SETTLED)
            yield done
        finally:
            lab.stop(client, server)


BYTES, SENT, ANSWERS, CONNECTS = ("IpExt", "OutOctets"), ("Udp", "OutDatagrams"), ("Udp", "InDatagrams"), ("Tcp", "ActiveOpens")
LOADS = [
    Load("TCP bulk, veth", "MB/s", 0.99, start_bulk, SERVER_ADDRESS, SERVER, BYTES),
    Load("TCP bulk, loopback", "MB/s", 0.99, start_bulk, LOOPBACK, CLIENT, BYTES),
    Load("UDP 64 bytes, veth", "k/s", 0.95, start_datagrams, SERVER_ADDRESS, SERVER, SENT),
    Load("UDP 64 bytes, veth, 64 a call", "k/s", 0.95, start_many_datagrams, SERVER_ADDRESS, SERVER, SENT),
    Load("UDP 64 bytes, loopback", "k/s", 0.95, start_datagrams, LOOPBACK, CLIENT, SENT),
    Load("DNS, veth", "k/s", 0.90, start_questions, SERVER_ADDRESS, SERVER, ANSWERS),
    Load("DNS, loopback", "k/s", 0.90, start_questions, LOOPBACK, CLIENT, ANSWERS, 2),  # the questions arrive there too
    Load("TCP connect/close, veth", "k/s", 0.95, start_connections, MANY, SERVER, CONNECTS),
    Load("TCP connect/close, loopback", "k/s", 0.95, start_connections, LOOPBACK, CLIENT, CONNECTS),
]
SCALE = {"MB/s": 1e6, "k/s": 1e3}
