# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""TAP for the test programs written in Python.

    tests = Tests()

    @tests.test("what holds")
    def _(): assert ...

    sys.exit(tests.run())
"""

import os
import re
import sys
import traceback


class Skip(Exception):
    """Raised by a test that can not be run here; its text says why."""


class Fail(Exception):
    """Raised by a test that has failed for a reason whose text says all."""


class Tests:
    def __init__(self):
        self.cases = []

    def test(self, name):
        def add(function):
            self.cases.append((name, function))
            return function

        return add

    def run(self, on_failure=None):
        """Runs all and returns the exit status. `on_failure` may print more about what was going on."""
        failed = 0
        print(f"1..{len(self.cases)}", flush=True)
        for number, (name, function) in enumerate(self.cases, 1):
            try:
                function()
                print(f"ok {number} - {name}")
            except Skip as skip:
                print(f"ok {number} - {name} # SKIP {skip}")
            except Exception as error:  # any error fails this test; the others still run
                failed += 1
                print(f"not ok {number} - {name}")
                print(comment(explain(error)))
                if on_failure:
                    print(comment(on_failure()))
            sys.stdout.flush()
        return 1 if failed else 0

    def skip_all(self, reason):
        for number, (name, _) in enumerate(self.cases, 1):
            print(f"ok {number} - {name} # SKIP {reason}")
        print(f"1..{len(self.cases)}")
        return 0

    def skip_or_refuse(self, reason):
        """As skip_all() among all tests; whoever asks for just this program is told that nothing was tried."""
        if os.environ.get("FIRSTSEEN_RUNNER") == "1":
            return self.skip_all(reason)
        print(f"{os.path.basename(sys.argv[0])}: nothing was tried: {reason}", file=sys.stderr)
        return 1


def explain(error):
    if isinstance(error, Fail):
        return str(error)
    if isinstance(error, AssertionError):
        frame = traceback.extract_tb(error.__traceback__)
        where = "".join(f"{entry.filename}:{entry.lineno}: {entry.line}\n" for entry in frame[1:])
        return f"{where}{error}"
    return "".join(traceback.format_exception(error))


def comment(text):
    """Every line behind a "#", so that no output is taken for a result."""
    return "\n".join("# " + line for line in re.sub(r"[^\S\n ]", " ", text).splitlines())


def equal(found, wanted, what=""):
    assert found == wanted, f"{what}{': ' if what else ''}found {found!r}, wanted {wanted!r}"
