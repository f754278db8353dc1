"""Prints what a Debian Packages index on standard input says, a line for each stanza: package, version, architecture,
size, installed size, SHA-256, file name, Multi-Arch, Essential, and the relations. It shares nothing with the reader
that it is compared with."""

import re
import sys

RELATIONS = "Depends Pre-Depends Recommends Suggests Enhances Conflicts Breaks Provides Replaces".split()
PLAIN = "Package Version Architecture Size Installed-Size SHA256 Filename Multi-Arch Essential".split()
ALTERNATIVE = re.compile(r"([A-Za-z0-9][A-Za-z0-9+._-]*)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)?\s*([^()\s]+)\s*\))?")
MEANS = {"<": "<=", ">": ">=", None: "="}


def alternative(text):
    found = ALTERNATIVE.fullmatch(text.strip())
    if not found:
        return "?" + text
    name, arch, op, version = found.groups()
    return f"{name}:{arch or ''} {MEANS.get(op, op) if version else ''} {version or ''}"


def relations(text):
    if not text.strip():
        return ""
    return ",".join("|".join(map(alternative, clause.split("|"))) for clause in text.split(","))


text = sys.stdin.buffer.read().decode("utf-8", "replace")
for paragraph in re.split(r"\n(?:[ \t\r]*\n)+", text.strip("\n")):
    fields = {}
    for field in re.split(r"\n(?=[^ \t])", paragraph):
        name, _, value = field.partition(":")
        fields[name.lower()] = value.strip()
    values = [fields.get(name.lower(), "") for name in PLAIN]
    values += [relations(fields.get(name.lower(), "")) for name in RELATIONS]
    sys.stdout.buffer.write(("\x1f".join(values) + "\n").encode())
