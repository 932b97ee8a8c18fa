# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A host under load that keeps a book of what it does, so that alerts can be held against it: a resolver asked as fast
as it answers, connects to known addresses, processes that are born and gone at once, and among them such as go where
nobody was before, some of these to names on a threat list, and one program that crawls."""

import json
import os
import re
import shutil
import signal
import time
from dataclasses import dataclass

from lab import BUILD, CLIENT, SERVER, facts, run, wait_for
from tap import equal

TOOLS = BUILD / "tests/bench"
RESOLVER, ADDRESSES, ADDRESS_COUNT = "203.0.113.2", "198.51.0.0", 2000
PORT = 7002
KNOWN = [f"known-{n}.com" for n in range(100)] + [f"bench-{n}.org" for n in range(40)]  # visited again and again
KINDS = ("new", "bad", "crawl")  # as the generators write them
FOR_LONG = 3600  # seconds; a load is ended before
LISTED = 100000  # entries of the threat list; those that are visited are among them
CRAWLER_DOMAINS = 20
LATE = 1.5  # seconds in which what was seen is in the history
NAMES = re.compile(r"(new|bad|crawl|bench|known)-\d+\.(net|com|org)")  # all that a load goes to, by its domain
# Where the visits go: all names of each kind share one address, so that only the look-up tells them apart.
LAB_OPTIONS = ("--address=/com/198.51.100.10", "--address=/net/198.51.100.11")


@dataclass(frozen=True)
class Visit:
    """The first one to a domain. Times in seconds of the wall clock."""
    kind: str
    name: str
    pid: int
    program: str
    started: float
    ended: float

    @property
    def domain(self):
        return self.name.removeprefix("www.")


class Traffic:
    def __init__(self, lab):
        self.lab = lab
        self.programs = lab.folder / "programs"
        self.programs.mkdir()
        self.books = []  # files, one of each generator that was started
        self.running = {}  # its name: process
        self.said = {}
        (lab.folder / "listed.txt").write_text("".join(f"bad-{n}.net\n" for n in range(LISTED)))
        run("ip", "-n", SERVER, "address", "add", f"{RESOLVER}/32", "dev", "lo")
        run("ip", "-n", SERVER, "route", "add", "local", f"{ADDRESSES}/21", "dev", "lo")
        for host in (CLIENT, SERVER):
            run("ip", "netns", "exec", host, "sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535",
                "net.ipv4.tcp_max_tw_buckets=1000")
        lab.start(SERVER, "nice", TOOLS / "dns_load", "answer", RESOLVER, 53, ADDRESSES, ADDRESS_COUNT)
        lab.start(SERVER, TOOLS / "connect_load", "accept", "0.0.0.0", PORT)
        wait_for("the servers", self.is_served)

    @staticmethod
    def is_served():
        return f":{PORT} " in run("ip", "netns", "exec", SERVER, "ss", "-Hltn").stdout and \
            f"{RESOLVER}:53 " in run("ip", "netns", "exec", SERVER, "ss", "-Hlun").stdout

    def settings(self):
        return [f"threat.lists={self.lab.folder}/listed.txt", f"detect.crawler_domains={CRAWLER_DOMAINS}",
                "detect.crawler_host_domains=0"]

    def begin_anew(self):
        """With empty books: what was new before is so again, to a daemon with another history."""
        for process in self.running.values():
            process.kill()
            process.wait()
        self.running = {}
        for book in self.books:
            book.unlink()
        self.books = []
        for program in self.programs.iterdir():
            shutil.rmtree(program)

    def start(self, name, *command, nice=0):
        book = self.lab.folder / f"book-{len(self.books)}"
        self.books.append(book)
        with open(book, "w") as out, open(f"{book}-errors", "w") as errors:
            self.running[name] = self.lab.start(CLIENT, "nice", "-n", nice, *command, stdout=out, stderr=errors)
        self.running[name].book = book

    def start_questions(self, rate=0):
        """As many as are answered, where no rate is given; what else runs comes first."""
        self.start("questions", TOOLS / "dns_load", "ask", RESOLVER, 53, ADDRESS_COUNT, FOR_LONG, rate, nice=10)

    def start_connects(self, rate):
        self.start("connects", TOOLS / "connect_load", "reset", ADDRESSES, ADDRESS_COUNT, PORT, FOR_LONG, rate)

    def start_births(self, rate, new_every, threat_every=0):
        """One in `new_every` goes where nobody was before; one in `threat_every` of these to a listed name."""
        folder = self.programs / f"{len(self.books):03}"  # of one length: its path is among what a process takes
        folder.mkdir()
        tool = folder / "birth_load"
        tool.write_bytes((TOOLS / "birth_load").read_bytes())
        tool.chmod(0o755)
        self.start("births", tool, "births", folder, PORT, FOR_LONG, rate, new_every, threat_every)

    def start_crawl(self, rate):
        self.start("crawl", TOOLS / "birth_load", "crawl", PORT, FOR_LONG, rate)

    def stop(self, *names):
        """Ends loads; gives what the last one said of itself."""
        for name in names or list(self.running):
            process = self.running.pop(name)
            assert process.poll() is None, f"{name} ended by itself: {self.errors(process)}"
            process.send_signal(signal.SIGTERM)
            equal(process.wait(30), 0, f"{name}: {self.errors(process)}")
            last = process.book.read_text().splitlines()[-1]
            self.said[name] = json.loads(last) if last.startswith("{") else last.split()
        return self.said

    @staticmethod
    def errors(process):
        with open(f"{process.book}-errors") as file:
            return file.read()

    def visits(self):
        """Those that are in the books."""
        lines = [line.split() for book in self.books for line in book.read_text().splitlines()]
        return [Visit(kind, name, int(pid), program, int(started) / 1e6, int(ended) / 1e6)
                for kind, name, pid, program, started, ended in (line for line in lines if len(line) == 6 and line[0] in KINDS)]

    def failed(self):
        return sum(line.startswith("failed ") for book in self.books for line in book.read_text().splitlines())


def is_own(alert):
    """Whether an alert is about the load or the daemon, and not about what else is busy on this machine."""
    namespace = (alert["unmapped"].get("process") or {}).get("network_namespace")
    domain = alert["unmapped"].get("domain")
    if namespace:
        return namespace in (os.stat(f"/run/netns/{host}").st_ino for host in (CLIENT, SERVER))
    return not domain or bool(NAMES.fullmatch(domain)) or bool(re.match(r"198\.51\.", domain))


def own_alerts(daemon):
    return [alert for alert in daemon.all_alerts() if is_own(alert)]


def by_kind(daemon, kind, activity=1):
    return [alert for alert in own_alerts(daemon)
            if alert["unmapped"]["kind"] == kind and alert["activity_id"] == activity]


def domains_of(alerts):
    return [alert["unmapped"]["domain"] for alert in alerts]


def twice(items):
    seen = set()
    return sorted({item for item in items if item in seen or seen.add(item)})


def check_alerts(daemon, visits, may_miss=(), may_more=(), may_repeat=False, exact=True, updates_missed=0):
    """One alert for each first visit in the book, of the program that made it, and no other; and one update of each,
    with what became of it. `may_miss` are visits that need not be told, `may_more` domains that may be told besides;
    with `may_repeat` the same alert may be sent again; without `exact` the program may be unknown; so many updates
    may be missing. Returns how many were told, of each kind."""
    told = {}
    ends = {}  # of an alert, by its uid: lines of updates
    for kind in ("new_domain", "threat_domain"):
        for alert in by_kind(daemon, kind, activity=2):
            ends.setdefault(alert["finding_info"]["uid"], []).append(alert["unmapped"])
    excused = {visit.domain for visit in may_miss}
    unseen = {(visit.program, visit.pid) for visit in may_miss}
    for kind, of in (("new_domain", "new"), ("threat_domain", "bad")):
        wanted = {visit.domain: visit for visit in visits if visit.kind == of}
        alerts = [a for a in by_kind(daemon, kind) if not a["unmapped"]["domain"].startswith("crawl-")]
        uids = {alert["finding_info"]["uid"]: alert["unmapped"]["domain"] for alert in alerts}
        found = {alert["unmapped"]["domain"]: alert for alert in alerts}
        told_twice = set(twice(uids.values() if may_repeat else domains_of(alerts)))
        equal(sorted(told_twice - set(may_more)), [], f"{kind}: told twice")
        equal(sorted(set(wanted) - set(found) - excused), [], f"{kind}: visited and not told")
        equal(sorted(set(found) - set(wanted) - set(may_more)), [], f"{kind}: told and not visited")
        for domain, alert in found.items():
            if domain in wanted and exact:
                fact, visit = facts(alert), wanted[domain]
                # Who went to the same address while nobody saw the answers is named by another's answer, and says so.
                by_another = domain in excused and (fact["exe"], fact["pid"]) in unseen and \
                    alert["unmapped"]["attribution"]["rank"] != "process"
                wanted_program = (fact["exe"], fact["pid"]) if by_another else (visit.program, visit.pid)
                equal((fact["hostname"], fact["exe"], fact["pid"]), (visit.name, *wanted_program), domain)
        told[kind] = len(found)
        missing = [domain for domain, alert in found.items() if domain in wanted and domain not in excused
                   and not is_ended(ends.get(alert["finding_info"]["uid"], []), may_repeat)]
        updates_missed -= len(missing)
        assert updates_missed >= 0, f"{kind}: without the one update that says how it ended: {sorted(missing)}"
    return told


def is_ended(updates, may_repeat):
    """Whether that is the one update of a visit: it came about, and nothing but its end was sent."""
    facts = [(update["revision"], update["outcome"], update["bytes_out"], update["bytes_in"]) for update in updates]
    return (set(facts) if may_repeat else facts) in ({END_OF_VISIT}, [END_OF_VISIT])


END_OF_VISIT = (1, "established", 0, 0)  # revision, outcome, bytes out and in


def check_crawl(daemon, visits, window):
    """The first ones by themselves, all others counted in digests, of which the last is closed within `window` seconds."""
    crawled = [visit.domain for visit in visits if visit.kind == "crawl"]
    alone = [domain for domain in domains_of(by_kind(daemon, "new_domain")) if domain.startswith("crawl-")]
    equal(sorted(alone), sorted(crawled[:CRAWLER_DOMAINS]), "told by themselves")
    deadline = time.monotonic() + window + 5
    while sum(digests(daemon)) < len(crawled) - len(alone) and time.monotonic() < deadline:
        time.sleep(0.2)
    equal(sum(digests(daemon)), len(crawled) - len(alone), "in the digests")
    return len(alone), len(digests(daemon))


def digests(daemon):
    """Domains of each digest, as it was last told."""
    last = {alert["finding_info"]["uid"]: alert["unmapped"]["crawler"]["count"] for alert in own_alerts(daemon)
            if alert["unmapped"]["kind"] == "crawler_digest"}
    return list(last.values())


def losses(daemon):
    """What the daemon says that it missed."""
    counters = json.loads(daemon.firstseen("--format", "json", "stats").stdout)
    return {name: value for name, value in counters.items() if value and
            (name.startswith("lost_") or name in ("storage_failed", "flow_map_failed", "batch_full", "bad_records",
                                                  "history_failures", "alerts_unwritten", "updates_missed",
                                                  "memory_failures"))}
