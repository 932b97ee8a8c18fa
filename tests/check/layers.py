# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who may include whom.

A folder of src/ sees itself and what its row names; a row is no chain. Who needs
more changes the row here, and says why.
"""

import re

import tree

LAYERS = {
    "base": set(),
    "dns": {"base"},
    "tls": {"base"},
    "domain": {"base"},
    "core": {"base", "dns", "tls", "domain", "firstseen"},
    "render": {"base", "core"},
    "config": {"base", "core", "domain", "render"},
    "history": {"base", "core", "domain"},
    "package": {"base"},
    "enrich": {"base", "dns"},  # its replies are read by our own decoder
    "sink": {"base", "config", "core"},  # an alert's severity
    "threat": {"base", "core", "domain"},
    "control": {"base"},
    "metrics": {"base"},
    "privilege": {"base"},
    "review": {"base", "config", "core", "history"},
    "source": {"base", "firstseen"},
    "capture": {"base", "firstseen", "source"},
    "daemon": {"base", "capture", "config", "control", "core", "domain", "enrich", "firstseen", "history", "metrics",
               "package", "privilege", "render", "review", "sink", "source", "threat"},
    "cli": {"base", "capture", "config", "control", "core", "domain", "firstseen", "history", "metrics", "package",
            "render", "review", "source",
            "threat"},
}

# A library's headers, and the one place for them. Several headers of one library go to the same file, but
# for libbpf: what is loaded, what runs and what is tried are three things with one skeleton.
LIBRARIES = {
    "libbpf": (re.compile(r"^bpf/|\.skel\.h$"), "src/capture/"),
    "SQLite": (re.compile(r"^sqlite3"), "src/history/"),
    "c-ares": (re.compile(r"^ares"), "src/enrich/"),
    "libpsl": (re.compile(r"^libpsl\.h$"), "src/domain/"),
    "libidn2": (re.compile(r"^idn2\.h$"), "src/domain/"),
    "libcap-ng": (re.compile(r"^cap-ng\.h$"), "src/privilege/"),
    "libseccomp": (re.compile(r"^seccomp\.h$"), "src/privilege/"),
    "libpcap": (re.compile(r"^pcap"), "src/source/"),
    "ncurses": (re.compile(r"^(n?curses|term)\.h$"), "src/cli/"),
    "zlib": (re.compile(r"^zlib\.h$"), "src/source/"),
}

MORE_FILES = {"libbpf": {"src/capture/load.c", "src/capture/live.c", "src/capture/probe.c"}}

# No clock, no files, no network, no threads, no state: what goes in decides what comes out.
PURE = ("core", "dns", "tls", "render")
PURE_HEADERS = {
    "assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "math.h", "netinet/in.h", "stdarg.h",
    "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h", "endian.h",
    "arpa/inet.h",
}  # fmt: skip
IMPURE_CALLS = """
    abort accept bind clock clock_gettime clock_ns close connect dprintf execv execve execvp exit fclose fgets fopen fork
    fprintf fputs fread fscanf fwrite getenv getline getpid getrandom gettimeofday gmtime ioctl localtime mkdir
    mmap nanosleep open openat perror poll popen pread printf pthread_create pthread_mutex_lock putchar puts
    pwrite qsort_r rand random read recv recvfrom recvmsg rename scanf send sendmsg sendto setenv sleep socket
    srand stat strtok syslog system time unlink usleep vfprintf vprintf write
""".split()
CALL = re.compile(r"(?<![\w.>])(" + "|".join(IMPURE_CALLS) + r")\s*\(")
STATE = re.compile(r"^\s*static\s+(?!.*\bconst\b)(?!inline\b)[^()=;]*(=|;|\[)")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def sources(root, *folders):
    return [path for path in tree.files(root, *folders) if path.suffix in (".c", ".h")]


def includes(root, path):
    return [match[2] for match in INCLUDE.finditer(tree.text(root, path))]


def code(root, path):
    """The file's text with comments and strings blanked, its lines kept."""
    return COMMENT_OR_STRING.sub(lambda match: "\n" * match[0].count("\n") or '""', tree.text(root, path))


def check_includes(root):
    problems = []
    for path in sources(root, "src"):
        layer = path.parts[1]
        if layer not in LAYERS:
            problems.append(f"{path}: tests/check/layers.py has no row for src/{layer}")
            continue
        seen = {*LAYERS[layer], layer}
        for header in includes(root, path):
            target = header.split("/")[0]
            if (target in LAYERS or target == "firstseen") and target not in seen:
                problems.append(f"{path}: src/{layer} does not see {header}")
    for path in sources(root):
        problems += [f"{path}: includes {header}" for header in includes(root, path) if header.endswith(".c")]
    return problems


def check_libraries(root):
    problems = []
    for library, (pattern, place) in LIBRARIES.items():
        users = [path for path in sources(root, "src") if any(pattern.search(name) for name in includes(root, path))]
        problems += [f"{path}: {library} belongs in {place}" for path in users if not str(path).startswith(place)]
        at_home = [path for path in users if str(path).startswith(place)]
        if len(at_home) > 1 and not {str(path) for path in at_home} <= MORE_FILES.get(library, set()):
            problems += [f"{path}: {library} is seen by {len(at_home)} files" for path in at_home]
        problems += [f"{path}: a header hands {library} on" for path in users if path.suffix == ".h"]
    return problems


def check_pure(root):
    problems = []
    for path in sources(root, *(f"src/{layer}" for layer in PURE)):
        for header in includes(root, path):
            if "/" not in header or header.split("/")[0] not in {*LAYERS, "firstseen"}:
                if header not in PURE_HEADERS:
                    problems.append(f"{path}: pure code has no use for <{header}>")
        for number, line in enumerate(code(root, path).splitlines(), 1):
            problems += [f"{path}:{number}: pure code calls {match[1]}()" for match in CALL.finditer(line)]
            if STATE.match(line):
                problems.append(f"{path}:{number}: pure code keeps state: {line.strip()}")
    return problems


def probe(layer, *lines):
    return f"src/{layer}/check_probe.c", "".join(line + "\n" for line in lines)


INCLUDE_VIOLATIONS = [
    *(
        probe("core", f'#include "{layer}/any.h"')
        for layer in ("history", "capture", "source", "sink", "daemon", "cli", "config")
    ),
    probe("base", '#include "core/alert.h"'),
    probe("dns", '#include "core/alert.h"'),
    probe("cli", '#include "daemon/watch.h"'),
    probe("base", '#include "base/text.c"'),
    probe("unheard", '#include "base/text.h"'),
]
LIBRARY_VIOLATIONS = [
    probe("core", "#include <bpf/libbpf.h>"),
    probe("daemon", '#include "firstseen.skel.h"'),
    probe("cli", "#include <sqlite3.h>"),
    probe("daemon", "#include <curses.h>"),
    probe("core", "#include <libpsl.h>"),
    probe("daemon", "#include <pcap/pcap.h>"),
    ("src/daemon/check_probe.h", "#include <ares.h>\n"),
]
PURE_VIOLATIONS = [
    probe("core", "#include <time.h>"),
    probe("core", "#include <unistd.h>"),
    probe("dns", "#include <sys/socket.h>"),
    probe("core", "int f(void)", "{", "\treturn open(0, 0);", "}"),
    probe("tls", "void f(void)", "{", '\tprintf("x");', "}"),
    probe("core", "long f(void)", "{", "\treturn time(0);", "}"),
    probe("render", "static unsigned counter;"),
    probe("core", "int f(void)", "{", "\tstatic int calls = 0;", "", "\treturn calls;", "}"),
]
