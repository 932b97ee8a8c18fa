# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An Ethernet wire between two network namespaces that can lose, repeat and swap frames, and tag them.

    wire.py NAMESPACE LINK NAMESPACE LINK COUNTS

Makes a TAP link in each and carries frames. How is read from standard input, a JSON
object a line: {"seed": 1, "lose": 0.1, "repeat": 0.1, "swap": 0.1, "tag": true}. What it
did is in COUNTS: four numbers of eight bytes (lost, repeated, swapped, tagged).
Only frames with a payload above TCP, or UDP, are meddled with, and tagged frames have
VLAN 0 (a priority tag), which every kernel takes.
"""

import ctypes
import fcntl
import json
import mmap
import os
import random
import select
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
CLONE_NEWNET = 0x40000000
LOST, REPEATED, SWAPPED, TAGGED = range(4)
TAG = bytes([0x81, 0x00, 0xA0, 0x00])


def open_end(namespace, link):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", link.encode(), IFF_TAP | IFF_NO_PI))
    return tap


class Wire:
    def __init__(self, ends, counts):
        self.ends, self.counts = ends, counts
        self.how, self.random = {}, random.Random(1)
        self.kept = {}  # to which end: a frame that lets the next one pass

    def set(self, line):
        self.how = json.loads(line)
        self.random = random.Random(self.how.get("seed", 1))

    def count(self, what):
        (before,) = struct.unpack_from("Q", self.counts, what * 8)
        struct.pack_into("Q", self.counts, what * 8, before + 1)

    def chance(self, what):
        return self.random.random() < self.how.get(what, 0)

    def carry(self, frame, to):
        if frame[12:14] in (b"\x08\x00", b"\x86\xdd") and self.how.get("tag"):
            frame = frame[:12] + TAG + frame[12:]
            self.count(TAGGED)
        if len(frame) < 90:  # ARP, acknowledgements
            self.send(frame, to)
        elif self.chance("lose"):
            self.count(LOST)
        elif to not in self.kept and self.chance("swap"):
            self.count(SWAPPED)
            self.kept[to] = frame
            return
        else:
            self.send(frame, to)
            if self.chance("repeat"):
                self.count(REPEATED)
                self.send(frame, to)
        self.release(to)

    def release(self, to):
        frame = self.kept.pop(to, None)
        if frame:
            self.send(frame, to)

    @staticmethod
    def send(frame, to):
        try:
            os.write(to, frame)
        except OSError:
            pass  # the link is down, or its queue is full: so are wires

    def run(self):
        poll = select.poll()
        for end in (*self.ends, 0):
            poll.register(end, select.POLLIN)
        while True:
            ready = poll.poll(5)
            if not ready:  # nothing to be overtaken by
                for to in list(self.kept):
                    self.release(to)
            for number, _ in ready:
                if number == 0:
                    self.set(sys.stdin.readline())
                    continue
                try:
                    frame = os.read(number, 65536)
                except BlockingIOError:
                    continue
                self.carry(frame, self.ends[1 - self.ends.index(number)])


def main():
    one, one_link, other, other_link, path = sys.argv[1:]
    with open(path, "wb") as file:
        file.write(bytes(32))
    with open(path, "r+b") as file:
        counts = mmap.mmap(file.fileno(), 32)
    wire = Wire([open_end(one, one_link), open_end(other, other_link)], counts)
    print("up", flush=True)
    wire.run()


if __name__ == "__main__":
    main()
