# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The loads that cost is measured with. Each is a context in which calling it once runs it and tells its rate."""

import contextlib
import json
import random
import re

from hosts import CLIENT, MANY, SERVER, SERVER_ADDRESS, TOOLS, wait_for

DNS_DOMAINS = 40
LOOPBACK = "127.0.0.1"


def bulk(lab, address, host, seconds):
    """TCP as fast as it goes, bytes received a second."""
    server = lab.start(host, "iperf3", "-s", "-p", 5201)
    wait_for("iperf3", lambda: lab.listens(host, "t", 5201))

    def once():
        done = lab.inside(CLIENT, "iperf3", "-c", address, "-p", 5201, "-t", seconds, "-J", "-A", "0,1")
        return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 8

    return once, [server]


def datagrams(lab, address, host, seconds):
    """64-byte datagrams one a system call, received a second."""
    server = lab.start(host, "iperf3", "-s", "-p", 5202)
    wait_for("iperf3", lambda: lab.listens(host, "t", 5202))

    def once():
        done = lab.inside(CLIENT, "iperf3", "-u", "-b", 0, "-l", 64, "-c", address, "-p", 5202, "-t", seconds, "-J",
                          "-A", "0,1")
        total = json.loads(done.stdout)["end"]["sum"]
        return total["packets"] / total["seconds"]

    return once, [server]


def datagrams_by_many(lab, address, host, seconds):
    """64-byte datagrams 64 a system call, sent (over veth that is: delivered) a second."""
    server = lab.start(host, TOOLS / "udp_load", "receive", address, 7001, cpu=1)
    wait_for("the receiver", lambda: lab.listens(host, "u", 7001))

    def once():
        done = json.loads(lab.inside(CLIENT, TOOLS / "udp_load", "send", address, 7001, 64, seconds, cpu=0).stdout)
        return done["sent"] / done["seconds"]

    return once, [server]


def questions(lab, address, host, seconds):
    """Questions answered a second by unbound, which holds all the answers; both cores are full."""
    zones = "".join(f'  local-zone: "bench-{n}.org." redirect\n  local-data: "bench-{n}.org. 300 A 198.51.7.{n}"\n'
                    for n in range(DNS_DOMAINS))
    configuration = lab.folder / "unbound.conf"
    configuration.write_text(
        f"server:\n  interface: {address}\n  port: 53\n  num-threads: 2\n  use-syslog: no\n  chroot: \"\"\n  username: \"\"\n"
        f"  pidfile: \"\"\n  access-control: 0.0.0.0/0 allow\n  so-reuseport: yes\n  do-daemonize: no\n{zones}"
        "remote-control:\n  control-enable: no\n")
    names = lab.folder / "questions"
    chosen = random.Random(1)
    names.write_text("".join(f"h{chosen.randrange(5000)}.bench-{chosen.randrange(DNS_DOMAINS)}.org A\n"
                             for _ in range(20000)))
    server = lab.start(host, "unbound", "-c", configuration)
    wait_for("unbound", lambda: lab.listens(host, "u", 53))

    def once():
        done = lab.inside(CLIENT, "dnsperf", "-s", address, "-d", names, "-l", seconds, "-c", 8, "-T", 2, "-q", 200)
        return float(re.search(r"Queries per second:\s+([\d.]+)", done.stdout)[1])

    return once, [server]


def connections(lab, address, host, seconds):
    """Connects and closes a second, one after the other."""
    server = lab.start(host, TOOLS / "connect_load", "accept", "0.0.0.0", 7002, cpu=1)
    wait_for("the acceptor", lambda: lab.listens(host, "t", 7002))

    def once():
        count = 1 if address == LOOPBACK else 200
        done = json.loads(lab.inside(CLIENT, TOOLS / "connect_load", "connect", address, count, 7002, seconds, 0,
                                     cpu=0).stdout)
        assert done["failed"] * 1000 < done["connects"], done
        return done["connects"] / done["seconds"]

    return once, [server]


class Load:
    def __init__(self, name, unit, goal, make, address, host):
        self.name, self.unit, self.goal = name, unit, goal
        self.make, self.address, self.host = make, address, host

    @contextlib.contextmanager
    def ready(self, lab, seconds):
        once, servers = self.make(lab, self.address, self.host, seconds)
        try:
            yield once
        finally:
            lab.stop(*servers)


LOADS = [
    Load("TCP bulk, veth", "MB/s", 0.99, bulk, SERVER_ADDRESS, SERVER),
    Load("TCP bulk, loopback", "MB/s", 0.99, bulk, LOOPBACK, CLIENT),
    Load("UDP 64 bytes, veth", "k/s", 0.95, datagrams, SERVER_ADDRESS, SERVER),
    Load("UDP 64 bytes, veth, 64 a call", "k/s", 0.95, datagrams_by_many, SERVER_ADDRESS, SERVER),
    Load("UDP 64 bytes, loopback", "k/s", 0.95, datagrams, LOOPBACK, CLIENT),
    Load("DNS, veth", "k/s", 0.90, questions, SERVER_ADDRESS, SERVER),
    Load("DNS, loopback", "k/s", 0.90, questions, LOOPBACK, CLIENT),
    Load("TCP connect/close, veth", "k/s", 0.95, connections, MANY, SERVER),
    Load("TCP connect/close, loopback", "k/s", 0.95, connections, LOOPBACK, CLIENT),
]
SCALE = {"MB/s": 1e6, "k/s": 1e3}
