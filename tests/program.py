# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What test programs share that start others: they end with all that they began, and say in one line what can not be."""

import contextlib
import ctypes
import fcntl
import os
import shlex
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tap import Fail, Skip

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LIBC = ctypes.CDLL(None)  # now: a child that was forked from one of several threads may not be able to load it
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """For preexec_fn: a session of its own, which Ctrl-C does not reach, and no life without who started it."""
    os.setsid()
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end_by_signals():
    """A signal unwinds the program as an error does, once: what it started and made goes on the way."""
    def end(number, _frame):
        for one in ENDING:
            signal.signal(one, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for one in ENDING:
        if signal.getsignal(one) != signal.SIG_IGN:
            signal.signal(one, end)


def refuse(text):
    """Wrong use: one line, status 2."""
    print(f"{Path(sys.argv[0]).name}: {text}", file=sys.stderr)
    raise SystemExit(2)


def at_least_one(options, *names):
    """A number that is given has to be one: nothing is taken for "as usual"."""
    for name in names:
        value = getattr(options, name)
        if value is not None and value < 1:
            refuse(f"--{name.replace('_', '-')} {value}: at least 1")


def must_be_there(page):
    """A page that a table is kept in: told before the table is made, which takes long."""
    if page and not page.is_file():
        refuse(f"--doc {page}: no such page")


def given(name):
    """The command as it was given, but for where its table is kept."""
    words, rest = [name], iter(sys.argv[1:])
    for word in rest:
        if word == "--doc":
            next(rest, None)
        elif not word.startswith("--doc="):
            words.append(word)
    return shlex.join(words)


def missing(reason):
    """What a test needs is not here. Among all of them it is passed over by name; by hand it was asked for."""
    if os.environ.get("FIRSTSEEN_RUNNER") == "1" and os.environ.get("FIRSTSEEN_REQUIRE_LIVE") != "1":
        return Skip(reason)
    return Fail(reason)


def whole_lines(path):
    """The lines of a file that somebody writes to: of the last one there may be a part as yet. Without a file, none."""
    path = Path(path)
    data = path.read_bytes() if path.exists() else b""
    return [line.decode() for line in data.split(b"\n")[:-1]]


# --- folders ---------------------------------------------------------------------


@contextlib.contextmanager
def own_folder(prefix, parent=None):
    """A folder that goes with the block. Those that killed programs left go when the next one begins: a program holds
    a lock on its own, which the kernel takes away with it."""
    parent = Path(parent or tempfile.gettempdir())
    for left in parent.glob(f"{prefix}*-*"):
        lock = held(left)
        if lock is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    lock = None
    while lock is None:  # another one that begins may have taken it for left
        folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=parent))
        lock = held(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def held(folder):
    """The lock on a folder that is there and that nobody holds, else None."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino == folder.stat().st_ino:
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
