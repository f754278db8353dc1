#!/usr/bin/env python3
"""Lists and extracts native packages, written from docs/format.md and docs/manifest.md alone.

    format_reader.py list PACKAGE [BASE-OF-A-DELTA]
    format_reader.py extract PACKAGE DIRECTORY [BASE-OF-A-DELTA]

Frames are unpacked by the program `zstd`; everything else is Python's own library. Content of more than 16 KiB is
not hashed, because BLAKE3 in Python takes its time."""
import os
import struct
import subprocess
import sys
import tempfile

FRAME, PATCH, HASHED = 8388608, 67108864, 16384
IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
QUARTERS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12),
            (2, 7, 8, 13), (3, 4, 9, 14)]


def need(condition, reason):
    if not condition:
        sys.exit(f"refused: {reason}")


def compress(chain, block, counter, length, flags):
    v = chain + IV[:4] + [counter & 0xFFFFFFFF, counter >> 32, length, flags]
    m = list(struct.unpack("<16I", block.ljust(64, b"\0")))
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(QUARTERS):
            for word, far, near in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                v[a] = (v[a] + v[b] + word) & 0xFFFFFFFF
                x = v[d] ^ v[a]
                v[d] = (x >> far | x << 32 - far) & 0xFFFFFFFF
                v[c] = (v[c] + v[d]) & 0xFFFFFFFF
                x = v[b] ^ v[c]
                v[b] = (x >> near | x << 32 - near) & 0xFFFFFFFF
        m = [m[i] for i in ORDER]
    return [v[i] ^ v[i + 8] for i in range(8)]


def tree(data, first, root):
    if len(data) <= 1024:
        chain, blocks = IV, [data[i:i + 64] for i in range(0, len(data), 64)] or [b""]
        for i, block in enumerate(blocks):
            last = i == len(blocks) - 1
            chain = compress(chain, block, first, len(block), (i == 0) + 2 * last + 8 * (last and root))
        return chain
    left = 1024
    while left * 2 < len(data):
        left *= 2
    pair = tree(data[:left], first, False) + tree(data[left:], first + left // 1024, False)
    return compress(IV, struct.pack("<16I", *pair), 0, 64, 4 + 8 * root)


def blake3(data): return struct.pack("<8I", *tree(data, 0, True))


def check(data, digest, what): need(len(data) > HASHED or blake3(data) == digest, f"digest of {what}")


def unpack(packed, size, prefix=None):
    command = ["zstd", "-dcq", "--memory=256MiB"]
    with tempfile.NamedTemporaryFile() as base:
        if prefix is not None:
            base.write(prefix)
            base.flush()
            command.append(f"--patch-from={base.name}")
        done = subprocess.run(command, input=packed, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    need(done.returncode == 0 and len(done.stdout) == size, "a zstd frame")
    return done.stdout


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, length):
        need(length <= len(self.data) - self.at, "it ends early")
        self.at += length
        return self.data[self.at - length:self.at]

    def number(self):
        value = shift = 0
        while True:
            byte = self.raw(1)[0]
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                need((byte or shift == 7) and value < 2**64, "number")
                return value

    def signed(self):
        value = self.number()
        return value >> 1 if value % 2 == 0 else -(value >> 1) - 1

    def bytes(self): return self.raw(self.number())
    def list(self, item): return [item() for _ in range(self.number())]
    def ended(self): return self.at == len(self.data)
    def entry(self, previous):
        entry = {"path": previous[:self.number()] + self.bytes(), "type": self.raw(1)[0], "mode": self.number()}
        parts = self.number()
        for bit, fields in ((1, "nn"), (2, "bb"), (4, "s"), (8, "n"), (16, "n")):
            if parts & bit:
                entry[bit] = [{"n": self.number, "b": self.bytes, "s": self.signed}[field]() for field in fields]
        if parts & 32:
            self.list(lambda: (self.bytes(), self.bytes()))
        entry["link"] = entry.get(16, [0])[0]
        entry["size"], entry["digest"] = (self.number(), self.raw(32)) if entry["type"] == 2 else (0, None)
        entry["target"] = self.bytes() if entry["type"] == 3 else b""
        return entry


class Package:
    def __init__(self, name):
        with open(name, "rb") as file:
            self.data = file.read()
        magic, version, count = struct.unpack("<8sII", self.data[:16])
        need(magic == b"\x89AMB\r\n\x1a\n", "magic")
        need(version == 1, f"format version {version}")
        self.sections, end, last = {}, 16 + 64 * count, 0
        for i in range(count):
            kind, coding, offset, stored, unpacked, digest = struct.unpack_from("<IIQQQ32s", self.data, 16 + 64 * i)
            need(last < kind < 8 and offset == end and stored and offset + stored <= len(self.data), "section table")
            need(unpacked == stored if coding == 0 else coding == 1 and kind in (1, 2, 3, 5), "coding")
            last, end, data = kind, end + stored, self.data[offset:offset + stored]
            if kind == 7:
                need(digest == blake3(self.sections[6]), "digest of the content")
            else:
                check(data, digest, f"section {kind}")
            self.sections[kind] = unpack(data, unpacked) if coding else data
        need(self.data[end:end + 8] in (b"", b"AMBARSIG"), "data after the last section")
        self.id, self.base, self.entries = blake3(self.sections[1]), self.sections.get(4), []
        fields = Reader(self.sections[1])
        need(fields.raw(8) == b"ambarmf\x01", "manifest")
        while not fields.ended():
            tag, body, previous = fields.number(), Reader(fields.bytes()), b""
            for _ in range(body.number() if tag == 24 else 0):
                self.entries.append(body.entry(previous))
                previous = self.entries[-1]["path"]
        self.objects = {e["digest"]: e["size"] for e in self.entries if e["size"]}  # a dict keeps first appearance
        self.digests = list(self.objects)

    def contents(self, base):
        """The content of every object, by digest."""
        known = base.contents(None) if base else {}
        found, at, expected, frames = {}, 0, 0, Reader(self.sections.get(6, b""))
        index = Reader(self.sections.get(5, b"\0"))
        for _ in range(index.number()):
            patch, digests = index.number(), []
            for _ in range(index.number()):
                number = expected + index.signed()
                need(0 <= number < len(self.digests) and self.digests[number] not in found, "an object in the index")
                expected = number + 1
                digests.append(self.digests[number])
                found[digests[-1]] = None
            left = sum(self.objects[digest] for digest in digests)
            need(digests and (len(digests) == 1 or left <= FRAME and not patch), "a group")
            own, data = patch % 2, b""
            prefix = (found if own else known)[(self if own else base).digests[(patch - 1) // 2]] if patch else None
            need(not patch or max(left, len(prefix)) <= PATCH, "a patch")
            while left:
                size = left if patch else min(left, FRAME)
                packed, digest = struct.unpack("<I32s", frames.raw(36))
                frame, at, left = self.sections[7][at:at + packed], at + packed, left - size
                check(frame, digest, "a frame")
                data += unpack(frame, size, prefix)
            for digest in digests:
                found[digest], data = data[:self.objects[digest]], data[self.objects[digest]:]
                check(found[digest], digest, "an object")
        need(index.ended() and frames.ended() and at == len(self.sections.get(7, b"")), "the index")
        for digest in self.digests:
            need(digest in found or digest in known, "an object is missing")
            found.setdefault(digest, known.get(digest))
        return found


def main(what, name, *rest):
    package = Package(name)
    base = Package(rest[-1]) if package.base else None
    need(base is None or base.id == package.base, "another base is needed")
    if what == "list":
        for entry in package.entries:
            size, digest = max(entry["size"], len(entry["target"])), (entry["digest"] or b"").hex() or "-"
            line = f"{' dfl'[entry['type']]} {entry['mode']:04o} {size} {digest} ".encode() + entry["path"]
            sys.stdout.buffer.write(line + b"\n")
        return
    contents, top = package.contents(base), os.fsencode(rest[0])
    for entry in package.entries:
        path = os.path.join(top, entry["path"])
        os.makedirs(path if entry["type"] == 1 else os.path.dirname(path), exist_ok=True)
        if entry["type"] == 3:
            os.symlink(entry["target"], path)
        elif entry["type"] == 2:
            with open(path, "xb") as file:
                file.write(contents[entry["digest"]] if entry["size"] else b"")


main(*sys.argv[1:])
