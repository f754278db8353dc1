"""Seeds of native packages that are wrong: in their tables, indexes, patches and signatures.

What is wrong inside a section has to have its digest made to fit, which the targets do (`src/native.rs`).
"""
import pathlib
import struct

from crafted import HERE, SEPARATOR, write

VECTORS = HERE.parent / "pkgfmt/tests/vectors"
HEADER, RECORD = 16, 64


def whole_files():
    """The packages of the tests, and the same with something wrong in the table of sections or the signatures."""
    files = {path.stem: path.read_bytes() for path in sorted((VECTORS / "native").glob("*.ambar"))}
    for name, data in files.items():
        if len(data) < 16 << 10:
            write("ambar", f"vector-{name}", data)
    data = files["example"]

    def patched(record, at, format, value):
        place = HEADER + RECORD * record + at
        size = struct.calcsize(format)
        return data[:place] + struct.pack(format, value) + data[place + size :]

    for name, changed in {
        "magic": b"\x89AMB\n" + data[5:],
        "version": data[:8] + b"\2" + data[9:],
        "no-sections": data[:12] + b"\0" + data[13:],
        "many-sections": data[:12] + b"\x09" + data[13:],
        "cut-table": data[:100],
        "cut": data[:-10],
        "kind": patched(0, 0, "<I", 9),
        "order": patched(0, 0, "<I", 3),
        "no-manifest": patched(0, 0, "<I", 2),
        "coding": patched(0, 4, "<I", 7),
        "raw": patched(0, 4, "<I", 0),
        "offset": patched(1, 8, "<Q", 1),
        "absurd": patched(1, 8, "<Q", (1 << 64) - 1),
        "empty": patched(0, 16, "<Q", 0),
        "large": patched(0, 24, "<Q", 1 << 40),
        "ratio": patched(0, 24, "<Q", 200 << 10),
        "unpacked": patched(0, 24, "<Q", 900),
        "smaller": patched(0, 24, "<Q", 5),
        "digest": patched(0, 32, "<B", 0),
        "content-digest": patched(int.from_bytes(data[12:16], "little") - 1, 32, "<B", 0),
        "frame": data[:-1] + b"\xff",
        "follows": data + b"x" * 20,
        "follows-little": data + b"x",
    }.items():
        write("ambar", name, changed)
    signed = files["signed"]
    at = signed.index(b"AMBARSIG")
    body, signatures = signed[:at], signed[at:]
    count = int.from_bytes(signatures[8:12], "little")
    texts, rest = [], signatures[12:]
    for _ in range(count):
        length = int.from_bytes(rest[:4], "little")
        texts.append(rest[4 : 4 + length])
        rest = rest[4 + length :]

    def block(*texts, count=None):
        out = b"AMBARSIG" + struct.pack("<I", len(texts) if count is None else count)
        return out + b"".join(struct.pack("<I", len(text)) + text for text in texts)

    text = texts[0]
    lines = text.split(b"\n")
    wrong_sum = lines[1][:40] + (b"A" if lines[1][40:41] != b"A" else b"B") + lines[1][41:]
    for name, block in {
        "none": block(),
        "too-many": block(count=17),
        "twice": block(text, text),
        "order": block(*reversed(texts)),
        "one": block(text),
        "follows": block(text) + b"x",
        "cut": block(text)[:-5],
        "long": block(b"x" * 4097),
        "not-utf-8": block(b"\xff"),
        "lines": block(b"a\nb\n"),
        "untrusted": block(text.replace(b"signature from", b"signature by", 1)),
        "prefix": block(b"X" + text),
        "comment": block(text.replace(b"trusted comment: ", b"trusted comment:  ").replace(b"untrusted comment:  ", b"untrusted comment: ")),
        "base64": block(text.replace(lines[1], b"!" * len(lines[1]))),
        "length": block(text.replace(lines[1], lines[1][:-4])),
        "wrong": block(text.replace(lines[1], wrong_sum)),
    }.items():
        write("ambar", f"signature-{name}", body + block)


def number(value):
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def signed(value):
    return number(value << 1 if value >= 0 else (-value << 1) - 1)


def indexes(objects, delta):
    """Indexes of one kind of mistake each, for a package of so many objects."""
    patch = (lambda base: number(base)) if delta else lambda base: b""
    group = lambda *deltas, base=0: patch(base) + number(len(deltas)) + b"".join(map(signed, deltas))
    each = lambda: [group(0) for _ in range(objects)]
    return {
        "no-groups": number(0),
        "empty-group": number(1) + group(),
        "twice": number(2) + group(0) + group(-1),
        "outside": number(1) + group(objects + 5),
        "before": number(1) + group(-1),
        "far": number(1) + group((1 << 62)),
        "missing": number(1) + group(0),
        "apart": number(objects) + b"".join(each()),
        "together": number(1) + group(*[0] * objects),
        "follows": number(1) + group(*[0] * objects) + b"x",
        "cut": number(3) + group(0),
        "count": number(1 << 40),
        "patch": number(1) + group(0, base=1),
        "patch-absent": number(1) + group(0, base=99),
        "patch-many": number(1) + group(*[0] * objects, base=1),
    }


def sections():
    """Packages of sections (the target packs them and makes digests), from one that is right."""
    sound = HERE / "corpus/ambar_parts"
    seeds = sorted(sound.glob("seed-a.*"), key=lambda path: (path.stat().st_size, path.name))
    if not seeds:
        return
    # The smallest that has a script.
    seed = min((path for path in seeds if path.read_bytes().split(SEPARATOR)[2]), key=lambda path: path.stat().st_size)
    parts = seed.read_bytes().split(SEPARATOR)
    join = lambda changes: SEPARATOR.join(changes.get(place, part) for place, part in enumerate(parts))
    for name, changes in {
        "translations-empty": {1: b"ambartr\1"},
        "translations-damaged": {1: b"x"},
        "scripts-short": {2: parts[2][:-1]},
        "scripts-long": {2: parts[2] + b"x"},
        "scripts-other": {2: bytes(len(parts[2]))},
        "base-short": {3: b"x"},
        "base": {3: b"b" * 32},
        "no-index": {4: b""},
        "manifest-field": {0: parts[0] + b"\x7f\1x"},
        "manifest-cut": {0: parts[0][:-1]},
    }.items():
        write("ambar_parts", name, join(changes))
    # And one of several contents.
    seed = HERE / "corpus/ambar_parts/seed-a.ambar-hello-1.0"
    seed = seed if seed.exists() else seeds[0]
    parts = seed.read_bytes().split(SEPARATOR)
    join = lambda changes: SEPARATOR.join(changes.get(place, part) for place, part in enumerate(parts))
    for flags in range(4):
        write("ambar_parts", f"flags-{flags}", bytes([flags]) + join({})[1:])
    for name, index in indexes(5, False).items():
        write("ambar_parts", f"index-{name}", join({4: index}))
    for name, frame in {
        "no-zstd": b"x" * 9,
        "longer": parts[6] + b"x" if len(parts) > 6 else b"x",
        "no-size": bytes.fromhex("28b52ffd0058090000") + b"x",
        "far-longer": bytes(9000),
        "missing": b"",
    }.items():
        write("ambar_parts", f"frame-{name}", join({6: frame}))


def deltas():
    """Deltas that do not fit their base."""
    for seed in sorted((HERE / "corpus/ambar_delta").glob("seed-[!c]*"))[:1]:
        parts = seed.read_bytes().split(SEPARATOR)
        join = lambda changes: SEPARATOR.join(changes.get(place, part) for place, part in enumerate(parts))
        write("ambar_delta", "another-base", join({4: b"x" * 32}))
        write("ambar_delta", "whole", join({4: b""}))
        write("ambar_delta", "base-damaged", join({0: parts[0][:-1]}))
        write("ambar_delta", "no-index", join({5: b""}))
        write("ambar_delta", "frame", join({7: b"x" * 20}))
        for name, index in indexes(4, True).items():
            if name in ("no-groups", "empty-group", "outside", "before", "far", "follows", "cut", "count"):
                continue  # As in a whole package.
            write("ambar_delta", f"index-{name}", join({5: index}))
            if name.startswith("patch"):
                write("ambar_delta", f"index-{name}-small", join({5: index, 7: b"x"}))
    for seed in sorted((HERE / "corpus/pisi_delta").glob("seed-[!c]*"))[:1]:
        base, name, metadata, files, *tar = seed.read_bytes().split(SEPARATOR)
        join = lambda *parts: SEPARATOR.join(parts)
        empty = bytes(1024)
        for label, changed in {
            "name": metadata.replace(b"<Name>libgreet</Name>", b"<Name>other</Name>"),
            "arch": metadata.replace(b"<Architecture>", b"<Architecture>not-"),
            "distribution": metadata.replace(b"<Distribution>", b"<Distribution>not-"),
            "distribution-release": metadata.replace(b"<DistributionRelease>", b"<DistributionRelease>9"),
        }.items():
            write("pisi_delta", label, join(base, name, changed, files, empty))
        write("pisi_delta", "release", join(base, name.replace(b"-1-2-", b"-7-2-"), metadata, files, empty))
        write("pisi_delta", "no-release", join(base, b"x", metadata, files, empty))
        built = metadata.replace(b"</Package>", b"<Build>9</Build></Package>")
        write("pisi_delta", "build", join(base, b"libgreet-8-9", built, files, empty))
        write("pisi_delta", "not-there", join(base, name, metadata, files, empty))
        bare = b"<Files><File><Path>%b</Path></File></Files>"
        for path in (b"usr", b"usr/lib", b"usr/bin/x"):
            write("pisi_delta", "no-hash-" + path.decode().replace("/", "-"), join(base, name, metadata, bare % path, empty))


def models():
    """Encodings of the tests: every field there is."""
    for path in sorted(VECTORS.glob("*.hex")):
        target = "translations" if path.stem == "translations" else "manifest"
        write(target, f"vector-{path.stem}", bytes.fromhex("".join(path.read_text().split())))


def seed_all():
    whole_files()
    models()
    sections()
    deltas()


if __name__ == "__main__":
    seed_all()
