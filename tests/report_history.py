# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A history of eighty days for the tests of the report: replayed, then given the runs, gaps and states of a daemon."""

import json
import random
import sqlite3
import subprocess
from datetime import datetime, timedelta, timezone

BEGIN = datetime(2026, 1, 5, 6, 30, tzinfo=timezone.utc)
DAYS = 80
END = (BEGIN + timedelta(days=DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")

PROGRAMS = {
    "apt": ("/usr/lib/apt/methods/https", 42), "curl": ("/usr/bin/curl", 1000),
    "firefox": ("/usr/lib/firefox-esr/firefox-esr", 1000), "chrony": ("/usr/sbin/chronyd", 113),
    "agent": ("/opt/acme/agent/bin/acme-agent", 0), "git": ("/usr/lib/git-core/git-remote-https", 1000),
    "node": ("/usr/bin/node", 1001), "backup": ("/usr/bin/restic", 0), "mail": ("/usr/lib/postfix/sbin/smtp", 107),
    "java": ("/usr/lib/jvm/java-17-openjdk-amd64/bin/java", 998), "docker": ("/usr/bin/dockerd", 0),
    "wget": ("/usr/bin/wget", 1000), "python": ("/usr/bin/python3.11", 1001), "snap": ("/usr/lib/snapd/snapd", 0),
    "fwupd": ("/usr/libexec/fwupd/fwupd", 0), "psql": ("/usr/lib/postgresql/15/bin/postgres", 115),
}
FIRST = ("north south river cedar amber harbor quiet silver maple granite meadow copper lantern orchid summit violet "
         "willow canyon ember falcon").split()
SECOND = "cdn metrics packages mirror mail registry login storage static updates".split()

HOSTILE = [
    r'"><script>alert(1)</script>', r'" onload="alert(1)', r"' onmouseover='alert(1)", r"]]><!--", "x\u202egpj.exe",
    r"<style>*{display:none}</style>", r"</title></style><img src=//evil.example/x>", "a\u200bb\u2066c", "&lt;b&gt;",
    "javascript:alert(1)", "شركة.example", "<base href=//evil.example>", "<meta http-equiv=refresh content=0>",
]


def names():
    return [f"{first}-{second}.{'com' if (i + j) % 3 else 'net'}"
            for i, first in enumerate(FIRST) for j, second in enumerate(SECOND)]


def scenario(days=DAYS, seed=7):
    """What happened, as `firstseen replay` reads it. The same for the same seed."""
    dice = random.Random(seed)
    pool = names()
    address = {name: f"198.51.{i // 250}.{1 + i % 250}" for i, name in enumerate(pool)}
    habits = {program: dice.sample(pool[:90], dice.randint(2, 14)) for program in PROGRAMS}
    fresh = pool[90:]
    lines = ["set detect.learning=24h", f"at {BEGIN.isoformat().replace('+00:00', 'Z')}"]
    for pid, (name, (exe, uid)) in enumerate(PROGRAMS.items(), 300):
        lines.append(f'process {name} pid={pid} uid={uid} exe={exe} args="{exe} --run"')
    lines.append('process dropper pid=999 uid=33 exe=/dev/shm/kworkerd args="/dev/shm/kworkerd -c 203.0.113.66"')
    number = 0
    for day in range(days):
        for program, domains in habits.items():
            for domain in dice.sample(domains, min(len(domains), 1 + int(dice.random() ** 2 * 12))):
                for _ in range(1 + int(dice.random() ** 3 * 5)):
                    number += 1
                    lines += visit(program, f"www.{domain}", address[domain], f"f{number % 1000}", dice)
        if dice.random() < .33 and day > 1:
            for _ in range(dice.choice([1, 1, 2, 3])):
                if fresh:
                    domain = fresh.pop(0)
                    program = dice.choice(list(PROGRAMS))
                    number += 1
                    lines += visit(program, f"api.{domain}", address[domain], f"f{number % 1000}", dice)
                    habits[program].append(domain)
        if day in (40, 71):
            lines.append(f"connect dropper 203.0.113.{60 + day}:4444")
        lines.append("after 1d")
    return "\n".join(lines) + "\n"


def visit(program, hostname, remote, flow, dice):
    sent = int(10 ** dice.uniform(2.5, 5.5))
    return [f"resolve {program} {hostname} -> {remote}", f"connect {program} {remote}:443 as={flow}",
            f"close {flow} out={sent} in={int(sent * 10 ** dice.uniform(-.5, 1.5))}"]


def us(days):
    return int((BEGIN + timedelta(days=days)).timestamp() * 1_000_000)


def add_daemon(path):
    """What a daemon would have left: its runs, what it lost, who it was."""
    database = sqlite3.connect(path)
    with database:
        for begin, end, ended in ((0, 20.2, 1), (20.25, 47, 0), (49.5, 62, 1), (62.001, DAYS, 0)):
            database.execute("INSERT INTO runs (from_us, to_us, ended) VALUES (?, ?, ?)", (us(begin), us(end), ended))
        for begin, end, reason, lost in ((31.2, 31.21, "records were lost", 1204), (70.5, 70.9, "clock", 0)):
            database.execute("INSERT INTO gaps (from_us, to_us, reason, lost) VALUES (?, ?, ?, ?)",
                             (us(begin), us(end), reason, lost))
        states = {"host": "web-7.internal.example", "learning_until": str(us(1) * 1000)}
        database.executemany("INSERT OR REPLACE INTO states (name, value) VALUES (?, ?)", states.items())
        database.execute(
            "INSERT INTO crawlers (application, entered_us, last_over_us, uid, told, phase, from_us, to_us, "
            "rule_domains, rule_seconds, count, listed, examples, bytes_out, bytes_in) "
            "VALUES ('/usr/bin/wget', ?, ?, 'x', 1, 0, ?, ?, 20, 3600, 57, 3, 'a.example b.example c.example', 1, 2)",
            (us(60), us(79), us(79), us(79.5)))
        # What a list or a rule would have made of some alerts.
        rows = database.execute("SELECT id FROM alerts ORDER BY id").fetchall()
        for (key,), severity in zip(rows[::3], (5, 2, 4, 1, 5)):
            database.execute("UPDATE alerts SET severity = ? WHERE id = ?", (severity, key))
    database.close()


def spoil(path):
    """Names that an attacker would choose, in every table that the report reads."""
    database = sqlite3.connect(path)
    with database:
        for table in ("domains", "applications", "hostnames"):
            keys = [row[0] for row in database.execute(f"SELECT id FROM {table} ORDER BY connections DESC LIMIT 60")]
            for i, key in enumerate(keys):
                text = f"{HOSTILE[i % len(HOSTILE)]}{i if i >= len(HOSTILE) else ''}"
                database.execute(f"UPDATE {table} SET name = ? WHERE id = ?", (text, key))
        database.execute("UPDATE gaps SET reason = ?", (HOSTILE[0],))
        database.execute("UPDATE states SET value = ? WHERE name = 'host'", (HOSTILE[6],))
        database.execute("UPDATE crawlers SET application = ?, examples = ?", (HOSTILE[1], " ".join(HOSTILE)))
        database.execute("INSERT INTO domains (kind, name, first_us, last_us, connections, bytes_out, bytes_in) "
                         "VALUES (0, CAST(x'612d62ff3cc3' AS TEXT), ?, ?, 99999, 1, 1)", (us(79), us(79)))
        database.execute(
            "INSERT INTO allow_rules (name, domain, application, container, user, uid, network, port, reason, author, "
            "created_us, expires_us) VALUES ('spoilt', ?, ?, '', '', 0, '', 0, ?, ?, 0, 0)",
            (HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3]))
        for i, (key, line) in enumerate(database.execute("SELECT id, line FROM alerts").fetchall()):
            text = HOSTILE[i % len(HOSTILE)]
            alert = json.loads(line)
            alert["message"] = text
            process = alert["evidences"][0]["actor"]["process"]
            process["cmd_line"] = process["name"] = text
            database.execute("UPDATE alerts SET domain = ?, hostname = ?, application = ?, line = ? WHERE id = ?",
                             (text, text, text, json.dumps(alert), key))
    database.close()


def make(program, folder, name="host", hostile=False, days=DAYS):
    """Returns the path of a history made by `program`."""
    path, text = folder / f"{name}.db", folder / f"{name}.txt"
    text.write_text(scenario(days))
    done = subprocess.run([program, "-c", "/dev/null", "replay", "--into", path, text], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    add_daemon(path)
    for words in (["allow", "mirror", "domain=maple-mirror.com", "reason=our own mirror"],
                  ["allow", "build", "application=/usr/bin/node", "network=198.51.100.0/24", "port=443",
                   "reason=build machines", "expires=2199-12-01"]):
        subprocess.run([program, "-c", "/dev/null", "--db", path, *words], check=True, capture_output=True, timeout=60)
    if hostile:
        spoil(path)
    return path
