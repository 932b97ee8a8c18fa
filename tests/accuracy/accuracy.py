#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How often a flow gets the right name: real captures, replayed, against what
tshark says of each flow.

    tests/accuracy/accuracy.py [--misses] [FOLDER]

The truth has for each flow the hostname of the newest answer to that client that
held the address. A flow is right where the hostname is that one, wrong where it
is another, missed where it has none. Wrong names that the capture itself supports
(the flow's TLS server name or HTTP host, or another answer that also held the
address) are counted apart: the truth's "newest" is one choice of several there.
"""

import argparse
import collections
import csv
import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("FIRSTSEEN_BUILD", TOP / ".output/gcc"))
DATA = Path(os.environ.get("FIRSTSEEN_TEST_DATA", TOP.parent / "shared/data"))
RECALL, AGREEING = 99.5, 99.0  # percent: below them it fails
SLACK = 0.000002  # seconds between two ways to write the same time


def ours(capture):
    out = subprocess.run([BUILD / "firstseen", "-c", "/dev/null", "replay", "--flows", capture],
                         capture_output=True, text=True, timeout=600)
    if out.returncode:
        return None, out.stderr.strip()
    flows = collections.defaultdict(list)
    for line in out.stdout.splitlines():
        time, client, remote, port, proto, hostname, domain, method = line.split("\t")
        flows[client, remote, port, proto].append((float(time), hostname, domain, method))
    return flows, None


def truth(path):
    with open(path, newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = next(rows)
        names[0] = names[0].lstrip("#")
        return [dict(zip(names, row)) for row in rows]


def normal(name):
    return name.lower().rstrip(".")


def split(value):
    return {normal(part) for part in value.replace("|", ",").replace(";", ",").split(",")} - {"-", ""}


def judge(row, flow):
    wanted = normal(row["qname"])
    if flow is None:
        return "no flow" if wanted != "-" else "no flow, unnamed"
    found = normal(flow[1])
    if wanted == "-":
        if found == "-":
            return "unnamed, as it should be"
        supported = split(row["sni"]) | split(row["svcb_hint_qname"]) | split(row["chased_root"]) | \
            split(row["host_qname"]) | split(row["http_host"])
        return "named by more than the truth has" if found in supported else "named, the truth has none"
    if found == wanted:
        return "right"
    if found == "-":
        return "missed"
    supported = split(row["all_candidates"]) | split(row["sni"]) | split(row["http_host"]) | \
        split(row["svcb_hint_qname"]) | split(row["chased_root"]) | split(row["host_qname"])
    return "another name that fits" if found in supported else "wrong"


def match(row, flows):
    """Our flow with the same ends at the same time; the last word on it, where a server name came late."""
    key = row["client_ip"], row["dst_ip"], row["dst_port"], row["proto"]
    when = float(row["time_epoch"])
    found = [flow for flow in flows.get(key, ()) if abs(flow[0] - when) <= SLACK]
    return found[-1] if found else None


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--misses", action="store_true", help="print every flow that is not right")
    arguments.add_argument("folder", nargs="?", default=DATA / "pcap-flows", type=Path)
    options = arguments.parse_args()
    if not options.folder.is_dir():
        print(f"accuracy: no captures in {options.folder}", file=sys.stderr)
        return 1
    total, methods, sni = collections.Counter(), collections.Counter(), collections.Counter()
    print(f"{'capture':59} {'named':>6} {'right':>6} {'fits':>5} {'wrong':>5} {'missed':>6} {'no flow':>7}")
    for path in sorted(options.folder.rglob("*.gt.tsv")):
        capture = Path(str(path)[: -len(".gt.tsv")])
        flows, error = ours(capture)
        name = str(capture.relative_to(options.folder))
        if error:
            print(f"{name[:59]:59} not read: {error}")
            total["capture not read"] += 1
            continue
        counts = collections.Counter()
        for row in truth(path):
            flow = match(row, flows)
            verdict = judge(row, flow)
            counts[verdict] += 1
            if flow and normal(row["qname"]) != "-":
                methods[flow[3], verdict] += 1
            if flow and row["sni"] not in ("", "-"):
                sni["same" if normal(flow[1]) == normal(row["sni"]) or
                    normal(row["sni"]).endswith("." + normal(flow[2])) or normal(row["sni"]) == normal(flow[2])
                    else "other"] += 1
            if options.misses and verdict not in ("right", "unnamed, as it should be", "no flow, unnamed"):
                print(f"    {verdict}: {row['time_epoch']} {row['client_ip']} {row['dst_ip']}:{row['dst_port']} "
                      f"{row['proto']} wanted {row['qname']} found {flow[1:] if flow else None} "
                      f"age {row['age_s']} candidates {row['all_candidates'][:80]} sni {row['sni']} "
                      f"tunnel {row['tunnel']} over {row['answer_transport']}")
        named = sum(counts[v] for v in ("right", "another name that fits", "wrong", "missed", "no flow"))
        print(f"{name[-59:]:59} {named:6} {counts['right']:6} {counts['another name that fits']:5} "
              f"{counts['wrong']:5} {counts['missed']:6} {counts['no flow']:7}")
        total.update(counts)
    named = sum(total[v] for v in ("right", "another name that fits", "wrong", "missed", "no flow"))
    wrong = total["wrong"] + total["named, the truth has none"]
    given = total["right"] + total["another name that fits"] + total["named by more than the truth has"] + wrong
    recall = 100 * (total["right"] + total["another name that fits"]) / max(named, 1)
    agreeing = 100 * sni["same"] / max(sum(sni.values()), 1)
    print()
    for verdict, count in total.most_common():
        print(f"{verdict:36} {count}")
    print(f"recall of named flows     {recall:.2f} %"
          f"  (the truth's own choice: {100 * total['right'] / max(named, 1):.2f} %)")
    print(f"precision of given names  {100 * (given - wrong) / max(given, 1):.2f} % of {given}")
    print(f"domain agrees with SNI    {agreeing:.2f} % of {sum(sni.values())}")
    for (method, verdict), count in sorted(methods.items()):
        print(f"  {method:10} {verdict:36} {count}")
    unmet = [goal for goal, met in ((f"recall >= {RECALL} %", recall >= RECALL), ("no wrong name", wrong == 0),
                                    (f"SNI agrees >= {AGREEING} %", agreeing >= AGREEING),
                                    ("every capture read", not total["capture not read"])) if not met]
    if unmet:
        print(f"missed goals: {', '.join(unmet)}")
    return 1 if unmet else 0


sys.exit(main())
