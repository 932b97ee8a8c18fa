#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Alerts of both formats against the published schemas, strict ones as well."""
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.environ.get("FIRSTSEEN_TEST_DATA", os.path.join(TOP, "..", "shared", "data"))
SAMPLER = os.path.join(TOP, ".output", os.environ.get("FLAVOUR", "gcc"), "tests", "render", "render_test")
SCHEMAS = {
    "ocsf": ["detection_finding-1.5.0.schema.json", "detection_finding-1.5.0.strict.schema.json"],
    "ecs": ["ecs-9.4.0.schema.json", "ecs-9.4.0.strict.schema.json"],
}
SAMPLES = ["plain", "full", "unnamed", "by_sni", "for_operator", "hostile"]


def main():
    checks = [(f, s, n) for f, names in SCHEMAS.items() for s in names for n in SAMPLES]
    print("1..%d" % len(checks))
    folder = os.path.join(DATA, "schemas")
    try:
        import jsonschema
        missing = None if os.path.isdir(folder) else "no schemas in %s" % folder
    except ImportError:
        missing = "python3-jsonschema is not installed"
    failed = 0
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([SAMPLER, out], check=True)
        for number, (form, schema, name) in enumerate(checks, 1):
            title = "%s alert against %s" % (name, schema)
            if missing:
                print("ok %d - %s # SKIP %s" % (number, title, missing))
                continue
            with open(os.path.join(out, "%s.%s.json" % (name, form))) as file:
                alert = json.load(file)
            with open(os.path.join(folder, schema)) as file:
                validator = jsonschema.Draft202012Validator(json.load(file)) if hasattr(
                    jsonschema, "Draft202012Validator") else jsonschema.Draft7Validator(json.load(file))
            errors = list(validator.iter_errors(alert))
            print("%s %d - %s" % ("not ok" if errors else "ok", number, title))
            for error in errors[:5]:
                print("# %s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:200]))
            failed += bool(errors)
        # A validator that accepts anything would prove nothing.
        if not missing and not list(validator.iter_errors({"nonsense": 1})):
            print("Bail out! the schema accepts nonsense")
            failed += 1
    return 1 if failed else 0


sys.exit(main())
