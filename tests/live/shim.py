# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What tests/faults/shim.c does to a program: a slow or failing disk, no memory, a clock that is set. It counts memory, too."""

import errno
import mmap
import struct

from lab import BUILD, Daemon

LIBRARY = BUILD / "tests/faults/shim.so"
FIELDS = ("clock_s", "later_s", "later", "sync_ms", "write_ms", "error", "one_in", "no_memory", "syncs", "writes", "failed",
          "memory", "page_cache", "refused")
WIDTH = 8


class Shim:
    def __init__(self, path):
        assert LIBRARY.exists(), f"{LIBRARY} is not built"
        self.path = path
        path.write_bytes(bytes(WIDTH * len(FIELDS)))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)

    def __getitem__(self, name):
        return struct.unpack_from("q", self.memory, WIDTH * FIELDS.index(name))[0]

    def __setitem__(self, name, value):
        struct.pack_into("q", self.memory, WIDTH * FIELDS.index(name), int(value))

    def fail(self, one_in, error=errno.EIO):
        self["error"] = error
        self["one_in"] = one_in

    def memory_kept(self):
        """Bytes in use, without SQLite's pages, which it keeps up to a limit of its own."""
        return self["memory"] - self["page_cache"]

    def environment(self):
        return ["env", f"LD_PRELOAD={LIBRARY}", f"FIRSTSEEN_SHIM={self.path}"]


class ShimmedDaemon(Daemon):
    """A daemon whose disk, memory and clock the test has in its hand."""

    def __init__(self, lab, name="main", settings=(), start=True):
        self.shim = Shim(lab.folder / f"{name}.shim")
        super().__init__(lab, name, settings, start)

    def command(self):
        return [*self.shim.environment(), *super().command()]
