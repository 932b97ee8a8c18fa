# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A name server for tests, and what its clients need.

    nameserver.py ZONE ADDRESS...

ZONE is a JSON file {name: address}, read anew when a name is not in it. How an answer
comes is told by the words of the name's first label, separated by "-":

    tc      truncated over UDP, with DECOY in it; whole over TCP
    sizeN   padded to N bytes; the address is in the last record
    drip    over TCP a byte at a time
    hold    over TCP kept back; all that were kept back go at once, last one first, with the next that is not
    opts    with IPv6 destination options (UDP and TCP)

Every question is written to standard output: "udp NAME" or "tcp NAME".
"""

import json
import re
import select
import socket
import struct
import sys

DECOY = "198.18.0.250"
A, AAAA, TXT, OPT = 1, 28, 16, 41
TC, QR_RD_RA = 0x0200, 0x8180
PADDING_OPTIONS = bytes([0, 0, 1, 4, 0, 0, 0, 0])  # an IPv6 extension header that says nothing
SO_RCVBUFFORCE = 33
IPV6_HOPOPTS, IPV6_RTHDR, IPV6_DSTOPTS = 54, 57, 59


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def question(name, number=0x4242, kind=A, size=0):
    """A question; `size`: the bytes that a UDP answer may have (EDNS), 0 for no EDNS."""
    edns = b"\0" + struct.pack(">HHIH", OPT, size, 0, 0) if size else b""
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 1 if size else 0) + encode(name) + \
        struct.pack(">HH", kind, 1) + edns


def framed(message):
    return struct.pack(">H", len(message)) + message


def record(kind, data):
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 3600, len(data)) + data


def address_record(address):
    if ":" in address:
        return record(AAAA, socket.inet_pton(socket.AF_INET6, address))
    return record(A, socket.inet_pton(socket.AF_INET, address))


def padding(count):
    """Records of other types with `count` bytes in all."""
    records = []
    while count >= 13:
        size = min(count, 12 + 250)
        if 0 < count - size < 13:
            size -= 13
        records.append(record(TXT, bytes([size - 13]) + b"p" * (size - 13)))
        count -= size
    return records


def read_question(message):
    """(number, name, type, bytes of the question section)"""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return int.from_bytes(message[:2], "big"), ".".join(labels), int.from_bytes(message[at + 1:at + 3], "big"), \
        message[12:at + 5]


class Zone:
    def __init__(self, path):
        self.path, self.names = path, {}

    def find(self, name):
        if name not in self.names:
            with open(self.path) as file:
                self.names = json.load(file)
        return self.names.get(name)

    def answer(self, message, tcp):
        """(answer, the words of its name's first label)"""
        number, name, kind, section = read_question(message)
        print("tcp" if tcp else "udp", name, flush=True)
        words = name.split(".")[0].split("-")
        address = self.find(name.lower())
        flags, records = QR_RD_RA, []
        if address and kind == (AAAA if ":" in address else A):
            records = [address_record(address)]
            if "tc" in words and not tcp:
                flags, records = flags | TC, [address_record(DECOY)]
            size = next((int(word[4:]) for word in words if re.fullmatch(r"size\d+", word)), 0)
            records = padding(size - 12 - len(section) - len(records[0])) + records
        head = struct.pack(">HHHHHH", number, flags | (0 if address else 3), 1, len(records), 0, 0)
        return head + section + b"".join(records), words


def send_dripping(connection, data):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in data:
        connection.sendall(bytes([byte]))


class Conversation:
    """One TCP connection."""

    def __init__(self, connection):
        self.connection, self.input, self.held = connection, b"", []

    def take(self, data, zone):
        self.input += data
        while len(self.input) >= 2:
            size = int.from_bytes(self.input[:2], "big")
            if len(self.input) < 2 + size:
                break
            answer, words = zone.answer(self.input[2:2 + size], True)
            self.input = self.input[2 + size:]
            self.held.insert(0, framed(answer))
            if "hold" in words:
                continue
            if "opts" in words:
                self.connection.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, PADDING_OPTIONS)
            send = send_dripping if "drip" in words else socket.socket.sendall
            send(self.connection, b"".join(self.held))
            self.held = []


def serve(zone, addresses):
    poll, datagrams, listeners, conversations = select.epoll(), {}, {}, {}
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 23)
        udp.bind((address, 53))
        tcp = socket.create_server((address, 53), family=family, backlog=128)
        datagrams[udp.fileno()], listeners[tcp.fileno()] = udp, tcp
        poll.register(udp, select.EPOLLIN)
        poll.register(tcp, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            if number in datagrams:
                data, peer = datagrams[number].recvfrom(65535)
                answer, words = zone.answer(data, False)
                options = [(socket.IPPROTO_IPV6, IPV6_DSTOPTS, PADDING_OPTIONS)] if "opts" in words else []
                datagrams[number].sendmsg([answer], options, 0, peer)
            elif number in listeners:
                connection, _ = listeners[number].accept()
                conversations[connection.fileno()] = Conversation(connection)
                poll.register(connection, select.EPOLLIN)
            else:
                connection = conversations[number].connection
                try:
                    data = connection.recv(65536)
                    conversations[number].take(data, zone)
                except OSError:
                    data = b""
                if not data:
                    poll.unregister(connection)
                    connection.close()
                    del conversations[number]


# --- for clients -------------------------------------------------------------------


def ask_udp(server, name, kind=A, size=65535, options=(), number=0x4242):
    """The answer to one question. `options`: ancillary data for the datagram."""
    with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendmsg([question(name, number, kind, size)], list(options), 0, (server, 53))
        return s.recv(65535)


def receive(connection, count):
    """The next `count` messages of a TCP connection."""
    data, messages = b"", []
    while len(messages) < count:
        if len(data) >= 2 and len(data) >= 2 + int.from_bytes(data[:2], "big"):
            size = 2 + int.from_bytes(data[:2], "big")
            messages.append(data[2:size])
            data = data[size:]
            continue
        more = connection.recv(65536)
        assert more, "the server closed the connection"
        data += more
    return messages


def ask_tcp(server, names, kind=A, drip=False, options=()):
    """The answers to questions that are sent at once on one connection. `options`: for setsockopt."""
    with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET) as s:
        s.settimeout(20)
        for option in options:
            s.setsockopt(*option)
        s.connect((server, 53))
        data = b"".join(framed(question(name, number, kind)) for number, name in enumerate(names))
        (send_dripping if drip else socket.socket.sendall)(s, data)
        return receive(s, len(names))


def visit(address, port=9):
    """One datagram to it."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", (address, port))


if __name__ == "__main__":
    serve(Zone(sys.argv[1]), sys.argv[2:])
