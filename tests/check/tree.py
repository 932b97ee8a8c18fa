# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The project's files, and copies of them in which a check is shown something wrong."""

import contextlib
import shutil
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
SKIPPED_FOLDERS = {".git", ".output", "__pycache__"}
SOURCE_SUFFIXES = {".c", ".h", ".py", ".sh"}


def files(root, *folders):
    """Relative paths of the project's own files, sorted."""
    starts = [root / folder for folder in folders] if folders else [root]
    found = []
    for start in starts:
        waiting = [start] if start.is_dir() else []
        while waiting:
            for path in waiting.pop().iterdir():
                if path.is_dir() and not path.is_symlink():
                    if path.name not in SKIPPED_FOLDERS:
                        waiting.append(path)
                elif path.name != ".git":  # a file in a worktree
                    found.append(path.relative_to(root))
    return sorted(found)


def text(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace")


def is_source(root, path):
    """Program text: by its suffix, its name, or because it starts as a script does."""
    if path.suffix in SOURCE_SUFFIXES or path.name == "Makefile":
        return True
    with open(root / path, "rb") as file:
        return file.read(2) == b"#!"


@contextlib.contextmanager
def copy_with(additions):
    """A copy of the project in which some files (path: content) are added or replaced."""
    with tempfile.TemporaryDirectory(prefix="firstseen-check-") as folder:
        root = Path(folder) / "firstseen"
        shutil.copytree(TOP, root, ignore=lambda _, names: SKIPPED_FOLDERS & set(names), symlinks=True)
        for path, content in additions.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
        yield root


def add_check(tests, name, check, violations):
    """Two tests: the project passes `check`; and each of `violations` (path, content), put into a copy
    alone, is found there and nothing else is."""

    @tests.test(name)
    def passes():
        problems = check(TOP)
        assert not problems, "\n".join(["", *problems])

    @tests.test(f"{name}: can fail")
    def can_fail():
        before = set(check(TOP))
        for path, content in violations:
            with copy_with({path: content}) as root:
                fresh = set(check(root)) - before
            assert fresh, f"a violating {path} was not found:\n{content}"
            assert all(path in problem for problem in fresh), f"{path} alone is wrong, but found: {fresh}"
