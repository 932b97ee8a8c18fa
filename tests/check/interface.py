# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What operators may type, read from the sources: commands, options, settings, kinds of alerts."""

import re
from dataclasses import dataclass


@dataclass
class Interface:
    commands: dict  # name: the set of its options' long names
    general: set  # options of all commands
    short: dict  # long name: its short letter, as -c
    values: set  # options that take a value
    daemon: set  # options of firstseend
    keys: set  # "section.key"
    words: dict  # "section.key": the words it may have, where there are few
    fields: set  # of an allow rule
    kinds: list
    environment: set  # variables


def table(text, name):
    """The initialiser of an array: all between its braces."""
    match = re.search(name + r"\[\w*\] = \{(.*?)\n\t?\};", text, re.S)
    assert match, f"no table {name}"
    return match[1]


def strings(text):
    """C's string literals, neighbours joined."""
    return [re.sub(r'"\s*"', "", whole)[1:-1] for whole in re.findall(r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*', text)]


def words_of(config, reader):
    """What a setting's reader takes, where that is one of a few words; else None."""
    body = re.search(r"static int " + reader + r"\(.*?\n}\n", config, re.S)[0]
    if "read_boolean(" in body:
        return ["yes", "no"]
    listed = re.search(r"words\[\] = \{(.*?), NULL\}", body, re.S)
    return strings(listed[1]) if listed else None


def read(top):
    def source(path):
        return (top / "src" / path).read_text(encoding="utf-8")

    options = source("cli/options.c")
    rows = re.findall(r"\{'(\w)', \"([\w-]+)\", (NULL|\"[^\"]*\")", table(options, "texts"))
    letters = {letter: name for letter, name, _ in rows}
    general = set(re.search(r'#define GENERAL "(\w+)"', options)[1])
    commands = {}
    for row in re.findall(r"\n\t\{(\".*?)\},", table(source("cli/main.c"), "commands") + "\n", re.S):
        name, _, _, own = strings(row)[:4]
        commands[name] = {letters[letter] for letter in own}
    config = source("config/config.c") + source("config/config_keys.c")
    readers = {f"{section}.{key}": reader
               for section, key, reader in re.findall(r'\{"(\w+)", "(\w+)", (read_\w+)\}', table(config, "config_keys"))}
    fields = re.search(r'allow rule; it has: "?\s*"?(.*?)",', config, re.S)[1]
    environment = set()
    for path in sorted((top / "src").glob("*/*.c")):
        environment |= set(re.findall(r'getenv\("(\w+)"\)', path.read_text(encoding="utf-8")))
    return Interface(
        commands=commands,
        general={letters[letter] for letter in general},
        short={letters[letter]: f"-{letter.lower()}" for letter in re.search(r'strchr\("(\w+)", text->letter', options)[1]},
        values={name for _, name, value in rows if value != "NULL"},
        daemon=set(re.findall(r'\{"([\w-]+)", (?:required|no)_argument', source("daemon/main.c"))),
        keys=set(readers),
        words={key: found for key, reader in readers.items() if (found := words_of(config, reader))},
        fields=set(re.findall(r"\w+", re.sub(r'"\s*"', "", fields))),
        kinds=strings(re.search(r"alert_kind_name.*?\{(.*?)\};", source("core/alert.c"), re.S)[1]),
        environment=environment,
    )
