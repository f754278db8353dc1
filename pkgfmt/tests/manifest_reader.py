#!/usr/bin/env python3
"""Reads manifests, written from docs/manifest.md alone: one line of JSON for each file named.

What is not a canonical encoding gives {"refused": reason}. Only Python's own library is used.
"""
import itertools
import json
import re
import sys

ORDERS = ["plain", "pisi", "entropy", "debian"]
KINDS = ["depends", "pre-depends", "recommends", "suggests", "enhances", "conflicts", "breaks", "provides",
         "replaces", "obsoletes", "build-depends", "overwrites"]
TARGETS = ["package", "component", "capability"]
SUBJECTS = ["version", "release", "slot", "tag", "repository"]
OPERATORS = ["less", "at-most", "equal", "at-least", "greater", "same", "same-revision-aside", "prefix", "unequal"]
TEXTS = {1: "name", 2: "version", 4: "release", 5: "build", 6: "arch", 7: "slot", 8: "tag", 9: "distribution",
         10: "distribution_release", 11: "source", 12: "homepage", 13: "packager", 14: "summary", 15: "description"}
LISTS = {16: "licences", 17: "categories", 18: "components", 19: "relations", 20: "scripts", 21: "history",
         22: "properties", 23: "kinds", 24: "entries"}
MISLEADING = re.compile("[\x80-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NOT_A_WORD = re.compile("[/\0-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


class Refused(Exception):
    pass


def need(condition, reason):
    if not condition:
        raise Refused(reason)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, length):
        need(length <= len(self.data) - self.at, "truncated")
        self.at += length
        return self.data[self.at - length:self.at]

    def number(self, limit=2**64 - 1):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.raw(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                need((byte or not shift) and value <= limit, "number")
                return value
        raise Refused("number")

    def signed(self):
        value = self.number()
        return value >> 1 if value % 2 == 0 else -(value >> 1) - 1

    def bytes(self): return self.raw(self.number())
    def text(self): return self.bytes().decode()
    def list(self, item): return [item() for _ in range(self.number())]
    def digest(self): return self.raw(32).hex()

    def code(self, names):
        value = self.number()
        need(value < len(names), "unknown code")
        return names[value]

    def constraint(self): return {"subject": self.code(SUBJECTS), "op": self.code(OPERATORS), "value": self.text()}
    def action(self): return {"action": self.text(), "package": self.text(), "target": self.text()}

    def target(self):
        target = {"kind": self.code(TARGETS), "name": self.text(), "arch": self.text(),
                  "constraints": self.list(self.constraint)}
        need(target["name"], "a target's name")
        return {key: value for key, value in target.items() if value}

    def relations(self):
        relation = {"kind": self.code(KINDS), "alternatives": self.list(self.target)}
        need(relation["alternatives"], "a relation without targets")
        return relation

    def scripts(self):
        texts = {key: self.text() for key in ("system", "role", "target", "file")}
        return {**texts, "size": self.number(), "digest": self.digest()}

    def history(self):
        return {"release": self.text(), "version": self.text(), "date": self.text(), "kinds": self.list(self.text),
                "comment": self.text(), "author": self.text(), "email": self.text(),
                "actions": self.list(self.action)}

    def properties(self): return [self.text(), self.text()]
    licences = categories = components = kinds = text

    def entries(self, previous, kinds):
        shared, rest = self.number(), self.bytes()
        path = previous[:shared] + rest
        common = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(previous, path)))
        need(shared <= len(previous) and common == shared, "shared prefix")
        parts_of_path = path.split(b"/")
        need(0 < len(path) < 4096 and len(parts_of_path) <= 64 and not any(b < 32 or b == 127 for b in path), "path")
        need(not MISLEADING.search(path.decode(errors="surrogateescape")), "path")
        need(all(0 < len(part) < 256 and part not in (b".", b"..") for part in parts_of_path), "path")
        kind, mode, parts = self.raw(1)[0], self.number(65535), self.number()
        need(1 <= kind <= 3 and parts < 512, "unknown type or part")
        entry = {"bytes": path, "node": None, "mode": mode, "uid": 0, "gid": 0}
        if parts & 1:
            entry["uid"], entry["gid"] = self.number(2**32 - 1), self.number(2**32 - 1)
            need((entry["uid"], entry["gid"]) != (0, 0) and 2**32 - 1 not in (entry["uid"], entry["gid"]), "owner")
        if parts & 2:
            entry["owner_names"] = [self.text(), self.text()]
        if parts & 4:
            entry["mtime"] = self.signed()
        if parts & 8:
            position = self.number()
            need(position < len(kinds) and kinds[position], "kind")
            entry["kind"] = kinds[position]
        entry.update(config=bool(parts & 64), permanent=bool(parts & 128), keep_mtime=bool(parts & 256))
        entry["link_group"] = self.number(2**32 - 1) if parts & 16 else 0
        need(entry["link_group"] or not parts & 16, "link group 0")
        if parts & 32:
            found = self.list(lambda: (self.bytes(), self.bytes()))
            names = [name for name, _ in found]
            need(names and names == sorted(set(names)), "attributes")
            need(all(0 < len(n) < 256 and 0 not in n and len(v) <= 65536 for n, v in found), "attributes")
            entry["xattrs"] = [[list(name), list(value)] for name, value in found]
        if kind == 2:
            entry["node"] = {"type": "file", "size": self.number(), "digest": self.digest()}
        else:
            entry["node"] = {"type": "directory"} if kind == 1 else {"type": "symlink", "target": list(self.bytes())}
        target = entry["node"].get("target", [1])
        need(mode == 0o777 if kind == 3 else mode <= 0o7777, "mode")
        need(0 < len(target) < 4096 and 0 not in target, "target")
        need(kind == 2 or not entry["link_group"], "link group of no file")
        need(kind == 2 and parts & 4 or not parts & 256, "keep mtime")
        return entry


def read(data):
    reader = Reader(data)
    need(reader.raw(8) == b"ambarmf\x01", "magic")
    manifest = {**{name: "" for name in TEXTS.values()}, **{name: [] for name in LISTS.values()}}
    last = -1
    while reader.at < len(data):
        tag, body = reader.number(), Reader(reader.bytes())
        need(tag > last and body.data, "fields")
        last, previous = tag, [b""]
        if tag in TEXTS:
            manifest[TEXTS[tag]] = body.raw(len(body.data)).decode()
        elif tag == 3:
            manifest["order"] = body.code(ORDERS)
        else:
            need(tag in LISTS, "unknown field")
            item = getattr(body, LISTS[tag])
            if tag == 24:
                def item():
                    entry = body.entries(previous[0], manifest["kinds"])
                    previous[0] = entry["bytes"]
                    return entry
            manifest[LISTS[tag]] = body.list(item)
            need(manifest[LISTS[tag]], "an empty list")
        need(body.at == len(body.data), "trailing")
    check(manifest)
    return manifest


def check(manifest):
    need("order" in manifest and manifest["name"] and manifest["version"], "name, version and order")
    parts = manifest["name"].split("/")
    need(len(manifest["name"].encode()) < 256 and len(parts) < 3, "name")
    need(all(part and part[0] not in ".-" for part in parts), "part of a name")
    words = parts + [manifest[key] for key in ("version", "release", "build", "arch")]
    need(not any(map(NOT_A_WORD.search, words)), "word")
    for items in ([KINDS.index(relation["kind"]) for relation in manifest["relations"]],
                  [key.encode() for key, _ in manifest["properties"]]):
        need(items == sorted(items), "order")
    entries = manifest["entries"]
    paths = [entry["bytes"].split(b"/") for entry in entries]
    need(all(a < b for a, b in zip(paths, paths[1:])), "order of entries")
    need(sum(len(entry["bytes"]) for entry in entries) <= 128 << 20, "size of all paths")
    need(all(len(entry.get("kind", "").encode()) < 256 for entry in entries), "size of a kind")
    need(manifest.pop("kinds") == sorted({e["kind"] for e in entries if "kind" in e}, key=str.encode), "kinds")
    for above, path, below in zip(entries, paths, paths[1:]):
        need(above["node"]["type"] == "directory" or below[:len(path)] != path, "below no directory")
    groups = {}
    for entry in entries:
        path = entry.pop("bytes")
        try:
            entry["path"] = path.decode()
        except UnicodeDecodeError:
            entry["path"] = {"hex": path.hex()}
        if number := entry["link_group"]:
            need(number <= len(groups) + 1, "order of link groups")
            own = ("path", "kind", "config", "permanent")
            groups.setdefault(number, []).append({key: value for key, value in entry.items() if key not in own})
    need(all(len(g) > 1 and all(each == g[0] for each in g) for g in groups.values()), "link groups")


for name in sys.argv[1:]:
    try:
        with open(name, "rb") as file:
            print(json.dumps(read(file.read())))
    except (Refused, UnicodeDecodeError) as reason:
        print(json.dumps({"refused": str(reason)}))
