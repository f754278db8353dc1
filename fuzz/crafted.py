"""Seeds that no real package gives: what the readers know and nobody packs, and what they refuse.

`fuzz/seed` makes them with the others; `python3 fuzz/crafted.py` makes them alone. A mutation finds the way from
one of them to its neighbours; from real packages it would not find a pax record or a table of Entropy's first
generation in a lifetime.
"""
import bz2
import gzip
import hashlib
import io
import lzma
import pathlib
import sqlite3
import struct
import tempfile
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
SEPARATOR = b"\xff|\xff"


def write(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-crafted-{name}").write_bytes(data)


# --- tar ---------------------------------------------------------------------------------------------------------


def member(name, content=b"", kind=b"0", link=b"", mode=b"0000644", uid=b"0000000", mtime=b"00000000000", **more):
    """A header and its content; `size` says another length, `names` an owner and a group, `magic` another tar."""
    size = more.get("size", b"%011o" % len(content))
    user, group = more.get("names", (b"root", b"root"))
    header = b"%-100b%-8b%-8b%-8b%-12b%-12b%8b%1b%-100b%-8b%-32b%-32b" % (
        name, mode, uid, more.get("gid", uid), size, mtime, b"", kind, link,
        more.get("magic", b"ustar\x0000"), user, group,
    )  # fmt: skip
    # Blanks fill the fields of the format string, and NULs those of a tar.
    fields = (100, 8, 8, 8, 12, 12, 8, 1, 100, 8, 32, 32)
    at, out = 0, b""
    for width in fields:
        field = header[at : at + width]
        out += field.rstrip(b" ").ljust(width, b"\0") if width != 8 or field.strip() else field
        at += width
    header = bytearray(out.ljust(512, b"\0"))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content + bytes(-len(content) % 512)


def tar(*members, end=512):
    return b"".join(members) + bytes(end)


def record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + 1
    length += len(str(length + len(str(length)) - 1)) - 1
    return b"%d" % length + body


def pax(*records, kind=b"x"):
    return member(b"pax", b"".join(record(*pair) for pair in records), kind)


def long(name, kind=b"L"):
    return member(b"././@LongLink", name + b"\0", kind)


def pyc(magic, *words):
    return struct.pack(f"<H2s{len(words)}I", magic, b"\r\n", *words)


FILE = member(b"a", b"content")
ROOT = member(b"./", kind=b"5", mode=b"0000755")
TARS = {
    "pax-all": tar(
        pax((b"path", b"b/" * 20 + b"c"), (b"size", b"1"), (b"uid", b"1000"), (b"gid", b"70000"), (b"uname", b"me"),
            (b"gname", b"us"), (b"mtime", b"-1.5"), (b"comment", b"none")),
        member(b"x", b"1"),
    ),  # fmt: skip
    "pax-link": tar(FILE, pax((b"linkpath", b"a"), (b"mtime", b"12.0")), member(b"b", kind=b"1")),
    "pax-size": tar(pax((b"size", b"9")), FILE),
    "pax-twice": tar(pax((b"path", b"b")), pax((b"path", b"c")), FILE),
    "pax-same-key": tar(pax((b"uid", b"1"), (b"uid", b"2")), FILE),
    "pax-and-long": tar(pax((b"path", b"b")), long(b"c"), FILE),
    "pax-bad-number": tar(pax((b"uid", b"x")), FILE),
    "pax-bad-text": tar(pax((b"uname", b"\xff")), FILE),
    "pax-bad-time": tar(pax((b"mtime", b"1.x")), FILE),
    "pax-no-time": tar(pax((b"mtime", b"-9223372036854775808.5")), FILE),
    "pax-large-owner": tar(pax((b"uid", b"4294967296")), FILE),
    "pax-damaged": tar(member(b"pax", b"99 a=b\n", b"x"), FILE),
    "pax-global": tar(pax((b"a", b"b"), kind=b"g"), FILE),
    "pax-sparse": tar(pax((b"GNU.sparse.major", b"1")), FILE),
    "pax-xattr": tar(pax((b"SCHILY.xattr.user.a", b"b")), FILE),
    "pax-xattr-bsd": tar(pax((b"LIBARCHIVE.xattr.user.a", b"b")), FILE),
    "pax-nothing": tar(pax((b"path", b"b"))),
    "long-names": tar(long(b"d/" * 60 + b"e"), FILE, long(b"d/" * 60 + b"e", b"K"), member(b"l", kind=b"2")),
    "long-twice": tar(long(b"b"), long(b"c"), FILE),
    "long-path": tar(long(b"b/" * 2100), FILE),
    "extension": tar(member(b"pax", size=b"00000400000", kind=b"x")),
    "kinds": tar(ROOT, member(b"d/", kind=b"5"), member(b"d/f", b"x", mtime=b"\xff" * 11 + b"\xfe"),
                 member(b"h", kind=b"1", link=b"./d/f"), member(b"i", kind=b"1", link=b"h"),
                 member(b"s", kind=b"2", link=b"d/f"), member(b"o", b"y", b"\0", magic=b"")),
    "names": tar(member(b"a", b"x", names=(b"user", b"group")), member(b"b", names=(b"12", b"13")),
                 member(b"c", names=(b"\xff", b"x")), member(b"e", names=(b"a\x07", b""))),
    "gnu-old": tar(member(b"a", b"x", magic=b"ustar  \0"), member(b"b", magic=b"ustar  \0", uid=b"\x80" + bytes(6) + b"\1")),
    "char": tar(member(b"c", kind=b"3")),
    "block": tar(member(b"c", kind=b"4")),
    "fifo": tar(member(b"c", kind=b"6")),
    "sparse": tar(member(b"c", kind=b"S", magic=b"ustar  \0")),
    "unknown": tar(member(b"c", kind=b"Q")),
    "slash": tar(member(b"c/", b"x")),
    "link-with-content": tar(member(b"c", b"x", b"2", b"d")),
    "no-target": tar(member(b"c", kind=b"2")),
    "no-leader": tar(FILE, member(b"c", kind=b"1", link=b"b")),
    "link-to-link": tar(member(b"s", kind=b"2", link=b"a"), member(b"c", kind=b"1", link=b"s")),
    "twice": tar(FILE, FILE),
    "below-file": tar(FILE, member(b"a/b", b"x")),
    "below-link": tar(member(b"a", kind=b"2", link=b"/"), member(b"a/b", b"x")),
    "absolute": tar(member(b"/a")),
    "parent": tar(member(b"../a")),
    "root-file": tar(member(b".", b"x")),
    "bad-mode": tar(member(b"a", mode=b"9999999")),
    "bad-owner": tar(member(b"a", uid=b"zzz")),
    "bad-size": tar(member(b"a", size=b"zzz")),
    "absurd-size": tar(member(b"a", size=b"\x80" + bytes(3) + b"\xff" * 8)),
    "too-large": tar(member(b"a", size=b"77777777777")),
    "follows": tar(FILE) + b"x" * 512,
    "half-block": tar(FILE, end=700),
    "no-end": tar(FILE, end=0),
    "cut": tar(FILE)[:700],
    "cut-header": tar(FILE)[:300],
    "python": tar(
        member(b"a.py", b"x", mtime=b"00000000001"), member(b"a.pyc", pyc(62211, 1)), member(b"a.pyo", pyc(3394, 0, 1)),
        member(b"__pycache__/a.cpython-38.pyc", pyc(3394, 1, 1)), member(b"__pycache__/b.pyc", b"\0"),
        member(b"b.py", b"x", mtime=b"00000000002"), member(b"c.pyc", kind=b"1", link=b"a.pyc"), member(b"c.py", b"y", mtime=b"00000000001"),
    ),  # fmt: skip
    "link-attributes": tar(FILE, member(b"b", kind=b"1", link=b"a", mode=b"0000600"), member(b"z", b"z" * 300)),
}


def seed_tarball():
    for name, data in TARS.items():
        write("tarball", name, data)


# --- LZMA and xz -------------------------------------------------------------------------------------------------


def long_number(value):
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def crc(data):
    return struct.pack("<I", zlib.crc32(data))


def xz(content, check=b"\0\0", packed=None, unpacked=None, filters=b"\x21\1\x10", count=1, index=None, many=1, spoil=None):
    """An .xz of blocks that are built here, to say what encoders do not."""
    body = lzma.compress(content, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}])
    flags = (0x40 if packed is not None else 0) | (0x80 if unpacked is not None else 0) | count - 1
    header = bytes([flags])
    header += long_number(packed) if packed is not None else b""
    header += long_number(unpacked) if unpacked is not None else b""
    header += filters
    header += bytes(-(len(header) + 1) % 4)
    header = bytes([(len(header) + 1) // 4]) + header
    block = header + crc(header) + body
    unpadded = len(block)
    out = b"\xfd7zXZ\0" + check + crc(check) + (block + bytes(-len(block) % 4)) * many
    index = index or b"\0" + long_number(many) + (long_number(unpadded) + long_number(len(content))) * many
    index += bytes(-len(index) % 4)
    index += crc(index)
    footer = struct.pack("<I", len(index) // 4 - 1) + check
    out = bytearray(out + index + crc(footer) + footer + b"YZ")
    if spoil is not None:
        out[spoil] ^= 1
    return bytes(out)


def seed_lzma():
    text = b"a text that is not too short, a text that repeats " * 3
    body = lzma.compress(text, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}])
    streams = {
        "sizes": xz(text, packed=len(body), unpacked=len(text)),
        "packed": xz(text, packed=len(body) + 1),
        "unpacked": xz(text, unpacked=1),
        "blocks": xz(text, many=3),
        "delta": xz(text, filters=b"\3\1\0\x21\1\x10", count=2),
        "other-filter": xz(text, filters=b"\4\0"),
        "index": xz(text, index=b"\0\1\x20\x20"),
        "index-count": xz(text, index=b"\0\2\x20\x20"),
        "index-number": xz(text, index=b"\0\x81\0"),
        "index-large": xz(text, index=b"\0" + b"\xff" * 10),
        "check": xz(text, check=b"\0\2"),
        "magic": xz(text, spoil=0),
        "flags": xz(text, spoil=8),
        "header": xz(text, spoil=16),
        "data": xz(text, spoil=40),
        "footer": xz(text, spoil=-8),
        "index-crc": xz(text, spoil=-16),
        "follows": xz(text) + b"x",
        "two": xz(text) + xz(text),
        "cut": xz(text)[:-20],
        "empty": lzma.compress(b""),
        "crc64": lzma.compress(text, check=lzma.CHECK_CRC64),
        "crc64-wrong": lzma.compress(text, check=lzma.CHECK_CRC64)[:-40] + bytes(40),
        "stored": lzma.compress(bytes(range(256)), check=lzma.CHECK_CRC32),
        "bcj": lzma.compress(text, filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 0}]),
        "dictionary": lzma.compress(text, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 64 << 20}]),
    }
    for name, data in streams.items():
        write("lzma", f"xz-{name}", b"\1" + data)
    wrong = bytearray(lzma.compress(text, check=lzma.CHECK_CRC32))
    wrong[-36] ^= 1
    write("lzma", "xz-sum", b"\1" + bytes(wrong))
    alone = lzma.compress(text, lzma.FORMAT_ALONE)
    sized = alone[:5] + struct.pack("<Q", len(text)) + alone[13:]
    for name, data in {
        "sized": sized,
        "sized-short": alone[:5] + struct.pack("<Q", 20) + alone[13:],
        "sized-long": alone[:5] + struct.pack("<Q", 999) + alone[13:],
        "properties": b"\xff" + alone[1:],
        "dictionary": alone[:1] + b"\xff\xff\xff\x7f" + alone[5:],
        "dictionary-odd": alone[:1] + b"\1\0\1\0" + alone[5:],
        "first-byte": alone[:13] + b"\1" + alone[14:],
        "follows": alone + b"x",
        "cut": alone[:-9],
        "header": alone[:9],
        "data": alone[:40] + b"\xff\xff\0" + alone[43:],
        "state": b"\x5a" + alone[1:],
    }.items():
        write("lzma", f"alone-{name}", b"\0" + data)
    for name, data in {
        "stored": b"\1\0\4hello" + b"\2\0\0!" + b"\0",
        "stored-long": b"\1\xff\xffhello",
        "stored-first": b"\2\0\4hello\0",
        "state": b"\1\0\4hello" + body[:1] + body[1:],
        "unknown": b"\1\0\4hello\3\0",
        "no-reset": b"\x80\0\4\0\4\0\0\0\0\0\0",
        "large": b"\xff\xff\xff\xff\xff\x5d",
        "properties": body[:5] + b"\xff" + body[6:],
    }.items():
        write("lzma", f"lzma2-{name}", b"\2" + data)


# --- Debian ------------------------------------------------------------------------------------------------------

CONTROL = b"Package: a\nVersion: 1\nArchitecture: all\n"


def ar(*members, magic=b"!<arch>\n"):
    out = magic
    for name, content, *size in members:
        length = size[0] if size else b"%d" % len(content)
        out += b"%-16b%-12d%-6d%-6d%-8d%-10b`\n" % (name, 0, 0, 0, 100644, length)
        out += content + b"\n" * (len(content) % 2)
    return out


def seed_deb():
    control, data = gzip.compress(tar(member(b"./control", CONTROL)), mtime=0), gzip.compress(tar(FILE), mtime=0)
    version, c, d = (b"debian-binary", b"2.0\n"), (b"control.tar.gz", control), (b"data.tar.gz", data)
    plain = lambda *members: (b"control.tar", tar(*members))
    small = (b"data.tar.gz", gzip.compress(bytes(512), mtime=0))
    archives = {
        "plain": ar(version, c, d),
        "slashes": ar((b"debian-binary/", b"2.1\nmore\n"), (b"control.tar.gz/", control), (b"data.tar.gz/", data)),
        "others": ar(version, (b"_gpgorigin", b"x"), c, d, (b"later", b"x")),
        "old": b"0.939000\n12\n",
        "magic": b"!<arch>x" + ar(version)[8:],
        "other-ar": ar((b"a.o", b"x")),
        "empty": ar(),
        "format-3": ar((b"debian-binary", b"3.0\n"), c, d),
        "format-no": ar((b"debian-binary", b"x\n"), c, d),
        "format-line": ar((b"debian-binary", b"2.0"), c, d),
        "format-long": ar((b"debian-binary", bytes(4097))),
        "second-format": ar(version, version, c, d),
        "second-control": ar(version, c, c, d),
        "second-data": ar(version, c, d, d),
        "order": ar(version, d, c),
        "between": ar(version, (b"x", b""), c, d),
        "packed-how": ar(version, (b"control.tar.Z", control), d),
        "packed-bz2": ar(version, (b"control.tar.bz2", control), d),
        "empty-control": ar(version, (b"control.tar.gz", b""), d),
        "no-control": ar(version),
        "no-data": ar(version, c),
        "size": ar(version, (b"control.tar.gz", control, b"x"), d),
        "ends-early": ar(version, (b"control.tar.gz", control, b"9999"), d),
        "member-name": ar((b"a\xff", b"")),
        "header": ar(version)[:-30] + b"x" * 40,
        "header-cut": ar(version) + b"x" * 40,
        "many": ar(version, *[(b"_", b"")] * 70),
        "no-control-file": ar(version, plain(member(b"x", b"x")), small),
        "control-directory": ar(version, plain(ROOT, member(b"d/", kind=b"5"))),
        "control-link": ar(version, plain(member(b"control", kind=b"2", link=b"x"))),
        "control-below": ar(version, plain(member(b"d/control", CONTROL))),
        "control-twice": ar(version, plain(member(b"control", CONTROL), member(b"./control", CONTROL))),
        "control-parent": ar(version, plain(member(b"../control", CONTROL))),
        "control-not-utf-8": ar(version, plain(member(b"\xff", b""))),
        "control-large": ar(version, plain(member(b"control", size=b"00003000000"))),
        "md5sums-large": ar(version, plain(member(b"md5sums", size=b"00003000000"))),
        "script-large": ar(version, plain(member(b"postinst", size=b"00000400000"))),
        "control-cut": ar(version, (b"control.tar", tar(member(b"control", CONTROL))[:600])),
        "follows": ar(version, c, (b"data.tar.gz", data + b"x")),
        "second-opinion": ar(version, (b"control.tar.xz", xz(tar(member(b"control", CONTROL)), check=b"\0\2")), d),
        "zstd-none": ar(version, (b"control.tar.zst", b"no zstd"), d),
    }
    for name, archive in archives.items():
        write("deb", name, archive)

    fields = b"Package: A.b\nSource: src (1:1.0)\nVersion: 1:2.0-1\nArchitecture: amd64\nMaintainer: A <a@b.c>\n"
    texts = {
        "fields": fields + b"Section: libs\nHomepage: http://a/\nMulti-Arch: same\nEssential: yes\nProtected: no\n"
        b"Description : short\n long\n .\n \tverse\nInstalled-Size: 12\nTag: a,\n b\nEmpty:\n\n",
        "relations": fields + b"Depends: a, b (>= 1) | c:any (<< 2:1-1), d (= 1)\nPre-Depends: e (<= 2~), f (>> 0)\n"
        b"Recommends: g (< 1)\nSuggests: h (> 1)\nEnhances: i (1)\nConflicts: j (<< 2), k\nBreaks: l\n"
        b"Provides: m (= 2), n\nReplaces: j (<< 1), k, o\n",
        "no-name": b"Version: 1\n",
        "no-version": b"Package: a\n",
        "name": b"Package: -a\nVersion: 1\n",
        "version": b"Package: a\nVersion: a:b\n",
        "lines": b"Package: a\n b\nVersion: 1\n",
        "revision": b"Package: a\nVersion: 1\nRevision: 2\n",
        "multi-arch": CONTROL + b"Multi-Arch: maybe\n",
        "essential": CONTROL + b"Essential: perhaps\n",
        "nul": CONTROL + b"\0\n",
        "no-end": CONTROL[:-1],
        "second": CONTROL + b"\nPackage: b\n",
        "continues": b" a\n" + CONTROL,
        "no-colon": CONTROL + b"x\n",
        "field-name": CONTROL + b"#a: b\n",
        "twice": CONTROL + b"package: b\n",
        "many": CONTROL + b"".join(b"X%d:\n" % number for number in range(201)),
        "relation-name": CONTROL + b"Depends: +a\n",
        "relation-arch": CONTROL + b"Depends: a:-x\n",
        "relation-comma": CONTROL + b"Depends: a b\n",
        "relation-end": CONTROL + b"Depends: a (= 1) (\n",
        "relation-early": CONTROL + b"Depends: a |\n",
        "relation-version": CONTROL + b"Depends: a (= x)\n",
        "relation-open": CONTROL + b"Depends: a (= 1\n",
        "relation-choice": CONTROL + b"Conflicts: a | b\n",
        "relation-provides": CONTROL + b"Provides: a (>= 1)\n",
        "relation-empty": CONTROL + b"Depends:\n",
        "relation-many": CONTROL + b"Depends: " + b"a," * 501 + b"a\n",
        "relation-product": CONTROL + b"Conflicts: " + b"a," * 29 + b"a\nReplaces: " + b"a," * 29 + b"a\n",
        "not-utf-8": CONTROL + b"Description: \xff\n",
        "long-version": b"Package: a\nVersion: " + b"1" * 5000 + b"\n",
        "bad-arch": b"Package: a\nVersion: 1\nArchitecture: a/b\n",
    }
    for name, text in texts.items():
        write("deb_control", name, text)

    stanza = b"Package: a\nVersion: 1:2-3\nArchitecture: amd64\nMulti-Arch: foreign\nEssential: yes\nSize: 12\n"
    indexes = {
        "two": stanza + b"SHA256: " + b"0a" * 32 + b"\nDepends: b (>= 1), c:any | d (<< 2)\n\n" + stanza,
        "folded": stanza + b"Depends:\r\n b\r\n | c,\r\n d (= 1),\r\nTag: x,\n y\n",
        "comments": b"# a\n" + stanza + b"# b: c\nInstalled-Size: 1\n\n \t\n#" + stanza,
        "source-only": stanza + b"Provides: x (= 1) [amd64 !arm64] <!cross> <y>\n",
        "no-version": b"\n\nPackage: a\n\nVersion: 1\n",
        "twice": stanza + b"Breaks: a\nbreaks: b\n",
        "no-fields": b" a\n<html>\na b: c\n" + stanza,
        "wrong-values": b"Package: a\nVersion: 1\nSize: -1\nMulti-Arch: x\nSHA256: 0\nProtected: x\nReplaces: \xff\n",
        "gzip": gzip.compress(stanza, mtime=0),
        "xz": lzma.compress(stanza),
    }
    for name, text in indexes.items():
        write("deb_index", name, text)

    md5 = lambda content: hashlib.md5(content).hexdigest().encode()
    listed = tar(ROOT, member(b"./etc/", kind=b"5"), member(b"./etc/a", b"x"), member(b"./l", kind=b"2", link=b"a"))
    lists = {
        "lists": (b"/etc/a\n/etc/gone\nremove-on-upgrade /etc/old\n\n/l\n", md5(b"x") + b"  etc/a\n", listed),
        "conffile-flag": (b"keep /etc/a\n", b"", listed),
        "conffile-path": (b"etc/a\n", b"", listed),
        "conffile-dots": (b"/../a\n", b"", listed),
        "sum-wrong": (b"", md5(b"y") + b"  etc/a\n", listed),
        "sum-escaped": (b"", b"\\" + md5(b"x") + b" *./etc/\\a\n\\" + md5(b"x") + b"  b\\nc\\\n", listed),
        "sum-short": (b"", b"12  a\n", listed),
        "sum-no-path": (b"", md5(b"x") + b"a\n", listed),
        "sum-path": (b"", md5(b"x") + b"  ../a\n", listed),
        "sum-twice": (b"", md5(b"x") + b"  a\n" + md5(b"y") + b"  a\n", listed),
        "sum-absent": (b"", md5(b"x") + b"  etc/b\n", listed),
        "python": (b"", b"", TARS["python"]),
        "kinds": (b"", b"", TARS["kinds"]),
        "names": (b"", b"", TARS["names"]),
        "link-attributes": (b"", b"", TARS["link-attributes"]),
        "twice": (b"", b"", TARS["twice"]),
        "below-file": (b"", b"", TARS["below-file"]),
    }
    for number, (name, (conffiles, sums, payload)) in enumerate(lists.items()):
        kind = bytes([number % 6 | (number % 4) << 3])
        write("deb_parts", name, kind + SEPARATOR.join([CONTROL, conffiles, sums, b"#!/bin/sh\n" * (number % 2), payload]))


# --- Entropy and Portage -----------------------------------------------------------------------------------------

OLD = """
CREATE TABLE baseinfo (idpackage INTEGER PRIMARY KEY, atom VARCHAR, idcategory INTEGER, name VARCHAR, version VARCHAR,
    versiontag VARCHAR, revision INTEGER, branch VARCHAR, slot VARCHAR, idlicense INTEGER, etpapi INTEGER, trigger INTEGER);
INSERT INTO baseinfo VALUES (1, 'a/b-1', 1, 'b', '1', '', 2, '5', '0/1', 1, 3, 1);
CREATE TABLE categories (idcategory INTEGER PRIMARY KEY, category VARCHAR); INSERT INTO categories VALUES (1, 'sys-a');
CREATE TABLE licenses (idlicense INTEGER PRIMARY KEY, license VARCHAR); INSERT INTO licenses VALUES (1, 'GPL-2 || ( MIT BSD )');
CREATE TABLE extrainfo (idpackage INTEGER PRIMARY KEY, description VARCHAR, homepage VARCHAR, download VARCHAR, size VARCHAR,
    idflags INTEGER, digest VARCHAR, datecreation VARCHAR);
INSERT INTO extrainfo VALUES (1, 'text', 'http://a/', 'packages/amd64/5/a.tbz2', '1', 1, 'd', '1.5');
CREATE TABLE flags (idflags INTEGER PRIMARY KEY, chost VARCHAR, cflags VARCHAR, cxxflags VARCHAR);
INSERT INTO flags VALUES (1, 'x86_64-pc-linux-gnu', '-O2', '-O1');
CREATE TABLE dependencies (idpackage INTEGER, iddependency INTEGER, type INTEGER);
INSERT INTO dependencies VALUES (1, 1, 0), (1, 2, 1), (1, 3, 2), (1, 4, 3), (1, 5, 9), (1, 6, 0);
CREATE TABLE dependenciesreference (iddependency INTEGER PRIMARY KEY, dependency VARCHAR);
INSERT INTO dependenciesreference VALUES (1, '>=a/b-1.0-r2:2[x]#tag~3'), (2, 'a/b;c/d?'), (3, '( a/b & c/d ) | =e/f-1*'),
    (4, '!a/b'), (5, 'x'), (6, '( a/b');
CREATE TABLE conflicts (idpackage INTEGER, conflict VARCHAR); INSERT INTO conflicts VALUES (1, '!!a/c'), (1, '!a/d[x]');
CREATE TABLE provide (idpackage INTEGER, atom VARCHAR); INSERT INTO provide VALUES (1, 'virtual/b');
CREATE TABLE useflags (idpackage INTEGER, idflag INTEGER); INSERT INTO useflags VALUES (1, 1), (1, 2);
CREATE TABLE useflagsreference (idflag INTEGER PRIMARY KEY, flagname VARCHAR); INSERT INTO useflagsreference VALUES (1, 'z'), (2, '-b');
CREATE TABLE configprotect (idpackage INTEGER PRIMARY KEY, idprotect INTEGER); INSERT INTO configprotect VALUES (1, 1);
CREATE TABLE configprotectmask (idpackage INTEGER PRIMARY KEY, idprotect INTEGER); INSERT INTO configprotectmask VALUES (1, 2);
CREATE TABLE configprotectreference (idprotect INTEGER PRIMARY KEY, protect VARCHAR);
INSERT INTO configprotectreference VALUES (1, '/etc /usr/share'), (2, '/etc/env.d');
CREATE TABLE triggers (idpackage INTEGER PRIMARY KEY, data BLOB); INSERT INTO triggers VALUES (1, x'66ff00');
CREATE TABLE needed (idpackage INTEGER, idneeded INTEGER, elfclass INTEGER); INSERT INTO needed VALUES (1, 1, 2);
CREATE TABLE neededreference (idneeded INTEGER PRIMARY KEY, library VARCHAR); INSERT INTO neededreference VALUES (1, 'libc.so.6');
CREATE TABLE packagechangelogs (category VARCHAR, name VARCHAR, changelog BLOB); INSERT INTO packagechangelogs VALUES ('a', 'b', 'changed');
CREATE TABLE keywords (idpackage INTEGER, idkeyword INTEGER); INSERT INTO keywords VALUES (1, 1);
CREATE TABLE keywordsreference (idkeyword INTEGER PRIMARY KEY, keywordname VARCHAR); INSERT INTO keywordsreference VALUES (1, '~amd64');
CREATE TABLE systempackages (idpackage INTEGER PRIMARY KEY); INSERT INTO systempackages VALUES (1);
CREATE INDEX i ON useflags (idpackage);
"""
NEW = """
CREATE TABLE baseinfo (idpackage INTEGER PRIMARY KEY, atom VARCHAR, category VARCHAR, name VARCHAR, version VARCHAR,
    versiontag VARCHAR, revision INTEGER, branch VARCHAR, slot VARCHAR, license VARCHAR, etpapi INTEGER, trigger INTEGER);
INSERT INTO baseinfo VALUES (1, 'a/b-1', 'sys-a', 'b', '1.5', 'tag', 0, '5', '0', 'GPL-2', 3, 1);
CREATE TABLE extrainfo (idpackage INTEGER PRIMARY KEY, description VARCHAR, homepage VARCHAR, download VARCHAR,
    chost VARCHAR, cflags VARCHAR, cxxflags VARCHAR, datecreation REAL);
INSERT INTO extrainfo VALUES (1, 'text', NULL, '', 'c', 'd', 'e', 1.5);
CREATE TABLE settings (setting_name VARCHAR, setting_value VARCHAR); INSERT INTO settings VALUES ('x', 'y'), ('arch', 'arm');
CREATE TABLE dependencies (idpackage INTEGER, iddependency INTEGER); INSERT INTO dependencies VALUES (1, 1), (1, 7), (1, NULL);
CREATE TABLE dependenciesreference (iddependency INTEGER PRIMARY KEY, dependency VARCHAR);
INSERT INTO dependenciesreference VALUES (1, 'a/b');
CREATE TABLE provided_libs (idpackage INTEGER, library VARCHAR, path VARCHAR, elfclass INTEGER); INSERT INTO provided_libs VALUES (1, 'l', 'p', 2);
CREATE TABLE needed_libs (idpackage INTEGER, lib_user_package INTEGER, soname VARCHAR, elfclass INTEGER, user_path VARCHAR);
INSERT INTO needed_libs VALUES (1, 1, 's', 2, 'u');
CREATE TABLE triggers (idpackage INTEGER PRIMARY KEY, data BLOB); INSERT INTO triggers VALUES (1, 'text');
"""
LEAST = """CREATE TABLE baseinfo (idpackage, category, name, version, versiontag, revision, slot, license);"""
ROW = "INSERT INTO baseinfo VALUES (1, 'a', 'b', '1', '', 0, '0', '');"


def database(script):
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch, "db")
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA page_size = 512")
        connection.executescript(script)
        connection.execute("VACUUM")
        connection.close()
        return path.read_bytes()


PF = [(b"CATEGORY", b"sys-a\n"), (b"PF", b"b-1.0-r1\n"), (b"SLOT", b"0/2\n")]


def parts(values, data=b"", kind=5, payload=None):
    each = [part for pair in values for part in pair]
    return bytes([kind, len(values)]) + SEPARATOR.join([*each, data, tar(FILE) if payload is None else payload])


def seed_tbz2():
    conf = tar(member(b"./etc/a", b"x"), member(b"./etc/env.d/b", b"y", names=(b"12", b"13")), member(b"./usr/c", b"z"))
    md5 = hashlib.md5(b"x").hexdigest().encode()
    databases = {
        "old": OLD,
        "new": NEW,
        "view": LEAST + ROW + "CREATE VIEW v AS SELECT 1;",
        "trigger": LEAST + ROW + "CREATE TRIGGER t AFTER INSERT ON baseinfo BEGIN SELECT 1; END;",
        "virtual": LEAST + ROW + "CREATE TABLE \"a\"\"b\" (c);",
        "none": "CREATE TABLE x (y);",
        "empty": LEAST,
        "two": LEAST + ROW + ROW,
        "number": LEAST + ROW.replace("(1", "('x'"),
        "revision": LEAST + ROW.replace(", 0,", ", 'x',"),
        "version": LEAST + ROW.replace("'1'", "'x'"),
        "name": LEAST + ROW.replace("'b'", "'-'"),
        "slot": LEAST + ROW.replace("'0'", "'a b'"),
        "text": LEAST + ROW.replace("'b'", "CAST(x'ff' AS TEXT)"),
        "blob": LEAST + ROW.replace("'b'", "x'ff'"),
        "deep": LEAST + ROW + "CREATE TABLE conflicts (idpackage, conflict); INSERT INTO conflicts VALUES (1, '%s');" % ("( " * 10),
        "generated": LEAST + ROW + "CREATE TABLE g (a, b AS (a || a)); INSERT INTO g (a) VALUES (1);",
    }
    for name, script in databases.items():
        data = database(script)
        whole = name in ("old", "new")
        write("tbz2_parts", f"database-{name}", parts(PF if whole else PF[:1], data, payload=conf if whole else b""))
    cut = database(LEAST + ROW)
    for name, data in {
        "cut": cut[:600],
        "short": cut[:50],
        "no-sqlite": b"x" * 512,
        "page": cut[:16] + b"\0\7" + cut[18:],
        "longer": cut + bytes(512),
        "schema": cut[:100] + bytes(412) + cut[512:],
        "cells": cut[:200] + b"\xff" * 200 + cut[400:],
        "old-count": cut[:28] + bytes(4) + cut[32:],
    }.items():
        write("tbz2_parts", f"database-{name}", parts(PF, data, payload=b""))
    values = {
        "all": PF + [(b"USE", b"a -b c"), (b"IUSE", b"+a b -d"), (b"LICENSE", b"|| ( GPL-2 MIT ) a? ( BSD )"), (b"CHOST", b"armv7a-x"),
                     (b"DESCRIPTION", b"text"), (b"HOMEPAGE", b"http://a/"), (b"b-1.0-r1.ebuild", b"EAPI=2"), (b"environment.bz2", b"BZh"),
                     (b"CONTENTS", b"dir /etc\nobj /etc/a " + md5 + b" 12\nobj /x y " + md5 + b" 1\n"), (b"binary", b"\xff"), (b"repository", b"r\n")],
        "contents": PF + [(b"CONTENTS", b"obj /etc/a x 12\n")],
        "contents-path": PF + [(b"CONTENTS", b"obj etc/a " + md5 + b" 12\n")],
        "contents-short": PF + [(b"CONTENTS", b"obj /etc/a\n")],
        "contents-dots": PF + [(b"CONTENTS", b"obj /../a " + md5 + b" 12\n")],
        "no-pf": PF[:1],
        "pf": PF[:1] + [(b"PF", b"b")],
        "category": PF[1:],
        "slot": PF[:2] + [(b"SLOT", b"a b")],
        "chost": PF + [(b"CHOST", b"a/b")],
        "name": PF + [(b"a/b", b"")],
        "twice": PF + PF,
        "script": PF + [(b"x.ebuild", b"x" * 9000), (b"y.ebuild", b"x" * 9000)],
        "long-version": PF[:1] + [(b"PF", b"b-" + b"1" * 5000)],
    }  # fmt: skip
    for machine in ("i686", "aarch64", "powerpc64", "powerpc", "riscv64", "loongarch64", "s390x", "sparc", "hppa2.0", "alphaev6", "mips", "x86_64", "ia64"):
        values[f"chost-{machine}"] = PF + [(b"CHOST", machine.encode() + b"-linux")]
    for number, (name, each) in enumerate(values.items()):
        payload = conf if name.startswith("contents") else bytes(512) if number < 6 else b""
        write("tbz2_parts", name, parts(each, kind=(0, 1, 3, 5, 2, 4)[number] if number < 6 else 5, payload=payload))
    atoms = [
        (b"a/b >=a/b-1 <=a/b-1 >a/b-1 <a/b-1-r2 =a/b-1* ~a/b-1-r3 a/b-1 a/b:2 a/b:2/3= a/b:* a/b::r a/b[x,-y] a/b#t a/b~3 a/b@r", b"!a/b !!a/c !a/b[x] || ( !a/b c/d )", b"|| ( a/b ( c/d e/f ) )", b"virtual/a || ( a/b c/d )", b"GPL-2", b"x y"),
        (b"x? ( a/b ) !x? ( c/d ) !z? ( e/f ) || ( z? ( a/b ) )", b"^^ ( a/b )", b"?? ( a/b )", b"( a/b", b"x? GPL", b"x"),
        (b") a/b", b"|| a/b", b"? ( a/b )", b"=a/b", b">=a/b-1*", b""),
        (b"( " * 12, b"", b"", b"", b"", b""),
        (b"|| ( " + b"( a/b c/d ) " * 9 + b")", b"a/b[", b"a/b[]", b"a/b~x", b"a/b:", b"a/b::"),
        (b"a/b " * 501, b"-/b a/ /b a//b a/b-1-r", b"a/b#\xc3\xa4", b"a/b~1~2[x][y]", b"( ( GPL ) )", b""),
        (b"", b"", b"", b"", b"( " * 12, b""),
        (b"|| ( " + b"a/b " * 510 + b")", b"~a/b-1-rx ~a/b-1.0", b"<=a/b-1-1", b"", b"", b""),
    ]
    for number, each in enumerate(atoms):
        write("tbz2_depend", str(number), SEPARATOR.join(each))

    word = lambda value: struct.pack(">I", value)

    def xpak(values, index=None, data=None, length=None, end=b"XPAKSTOP"):
        places = contents = b""
        for name, value in values:
            places += word(len(name)) + name + word(len(contents)) + word(len(value))
            contents += value
        places, contents = index or places, data if data is not None else contents
        body = b"XPAKPACK" + word(len(places)) + word(len(contents)) + places + contents + end
        return body + word(len(body) if length is None else length) + b"STOP"

    payload = bz2.compress(tar(FILE))
    mark = b"|ENTROPY:PROJECT:DB:MAGIC:START|"
    for name, data in {
        "plain": payload + xpak(PF),
        "tar": tar(FILE) + xpak(PF),
        "no-xpak": payload,
        "length": payload + xpak(PF, length=1 << 30),
        "length-small": payload + xpak(PF, length=3),
        "words": payload + xpak(PF, end=b"XPAKHALT"),
        "sums": payload + xpak(PF)[:-16].replace(b"XPAKPACK\0", b"XPAKPACK\1") + xpak(PF)[-16:],
        "gap": payload + xpak([], index=word(1) + b"a" + word(1) + word(1), data=b"xy"),
        "overlap": payload + xpak([], index=(word(1) + b"a" + word(0) + word(1)) + (word(1) + b"b" + word(0) + word(2)), data=b"xy"),
        "outside": payload + xpak([], index=word(1) + b"a" + word(0) + word(9), data=b"xy"),
        "after": payload + xpak([], index=word(1) + b"a" + word(0) + word(1), data=b"xy"),
        "index-cut": payload + xpak([], index=word(1) + b"a" + word(0)),
        "name-cut": payload + xpak([], index=word(9) + b"a"),
        "not-utf-8": payload + xpak([(b"\xff", b"")]),
        "many": payload + xpak([(b"%d" % number, b"") for number in range(65)]),
        "mark-alone": payload + mark + cut,
        "mark-in-database": payload + xpak(PF) + mark + database(LEAST + ROW.replace("'')", f"'{mark.decode()}')")),
        "marks": payload + mark * 70 + b"x",
        "no-tar": b"BZhx" + xpak(PF),
        "start": b"BZh9" + bytes(600) + xpak(PF),
        "empty": xpak(PF),
    }.items():
        write("tbz2", name, data)


# --- PiSi --------------------------------------------------------------------------------------------------------


def pisi_xml(body=b"", source=b"", history=b'<History><Update release="1"><Version>1</Version></Update></History>', name=b"a"):
    return b"<PISI><Source><Name>s</Name>" + source + b"</Source><Package><Name>" + name + b"</Name>" + history + body + b"</Package></PISI>"


def listed(*entries):
    rows = b""
    for path, content, *more in entries:
        rows += b"<File><Path>%b</Path><Type>data</Type><Size>%d</Size><Uid>0</Uid><Gid>0</Gid><Mode>0644</Mode><Hash>%b</Hash>%b</File>" % (
            path, len(content), hashlib.sha1(content).hexdigest().encode(), b"".join(more),
        )  # fmt: skip
    return b"<Files>" + rows + b"</Files>"


def seed_pisi():
    full = (
        b"<Summary>x</Summary><Summary xml:lang=\"tr\">y</Summary><Description xml:lang=\"de\">z</Description><License>GPL</License><License>GPL</License>"
        b"<IsA>app</IsA><PartOf>system.base</PartOf><Build>3</Build><Architecture>x86_64</Architecture><Distribution>D</Distribution>"
        b"<DistributionRelease>1</DistributionRelease><PackageFormat>1.2</PackageFormat><BuildHost>h</BuildHost><Icon>i</Icon><BuildType>t</BuildType>"
        b"<BuildFlags><Flag>f</Flag></BuildFlags><Source><Homepage>http://a/</Homepage></Source>"
        b"<RuntimeDependencies><Dependency versionFrom=\"1\" releaseTo=\"2\">b</Dependency><Dependency type=\"pkgconfig\">c</Dependency><Dependency/>"
        b"<AnyDependency><Dependency version=\"1\">d</Dependency><Dependency release=\"3\" type=\"x\">e</Dependency></AnyDependency><Component>system</Component>"
        b"<Other/></RuntimeDependencies><Conflicts><Package versionTo=\"2\">f</Package></Conflicts><Replaces><Package releaseFrom=\"1\">g</Package></Replaces>"
        b"<Provides><COMAR script=\"package.py\">System.Package</COMAR><COMAR script=\"service.py\" name=\"n\">System.Service</COMAR><PkgConfig version=\"1\">h</PkgConfig>"
        b"<PkgConfig32>h</PkgConfig32><PkgConfig/><X/></Provides><Files><Path fileType=\"data\" permanent=\"true\">/usr</Path></Files>"
        b"<AdditionalFiles><AdditionalFile target=\"/a\" permission=\"0644\" owner=\"root\" group=\"root\">b</AdditionalFile></AdditionalFiles>"
    )
    history = (
        b'<History><Update release="2" type="security"><Date>2011-01-01</Date><Version>1.0_rc1</Version><Comment>c</Comment><Name>n</Name><Email>e</Email>'
        b'<Type>bug</Type><Type package="p">security</Type><Requires><Action package="p" target="t">reverseDependencyUpdate</Action></Requires></Update></History>'
    )
    update = lambda release, version: b'<History><Update release="%b"><Version>%b</Version></Update></History>' % (release, version)
    documents = {
        "full": pisi_xml(full.replace(b"<PackageFormat>1.2</PackageFormat>", b""), b"<Packager><Name>p</Name><Email>e</Email></Packager><Summary>s</Summary>", history),
        "no-script": pisi_xml(b'<Provides><COMAR script="gone.py">System.X</COMAR></Provides>'),
        "no-script-name": pisi_xml(b"<Provides><COMAR>System.X</COMAR></Provides>"),
        "script-path": pisi_xml(b'<Provides><COMAR script="../a">System.X</COMAR></Provides>'),
        "email": pisi_xml(b"", b"<Packager><Email>e</Email></Packager>"),
        "name": pisi_xml(name=b"a/b"),
        "no-history": pisi_xml(history=b""),
        "version": pisi_xml(history=update(b"1", b"x")),
        "release": pisi_xml(history=update(b"x", b"1")),
        "root": b"<X/>",
        "no-package": b"<PISI/>",
        "format": pisi_xml(b"<PackageFormat>1.1</PackageFormat>"),
        "format-unknown": pisi_xml(b"<PackageFormat>2</PackageFormat>"),
        "format-1.0": pisi_xml(b"<PackageFormat>1.0</PackageFormat>"),
        "long": pisi_xml(b"<Build>" + b"1" * 3000 + b"</Build>"),
        "relation": pisi_xml(b'<Conflicts><Package version="1&#9;">a b</Package></Conflicts>'),
        "events": b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><!DOCTYPE PISI><!-- c --><?pi?>' + pisi_xml(b"<Summary><![CDATA[<x>]]>&amp;&#65;&lt;</Summary>") + b"\n<!-- c -->",
        "encoding": b'<?xml version="1.0" encoding="latin-1"?>' + pisi_xml(),
        "encoding-bad": b'<?xml version="1.0" encoding?>' + pisi_xml(),
        "doctype": b'<!DOCTYPE PISI [<!ENTITY a "b">]>' + pisi_xml(),
        "entity": pisi_xml(b"<Summary>&x;</Summary>"),
        "character": pisi_xml(b"<Summary>&#1;</Summary>"),
        "character-bad": pisi_xml(b"<Summary>&#xd800;</Summary>"),
        "attribute": pisi_xml(b'<Summary a="&#xfffe;"/>'),
        "attribute-twice": pisi_xml(b'<Summary a="1" a="2"/>'),
        "attribute-entity": pisi_xml(b'<Summary a="&x;"/>'),
        "attributes": pisi_xml(b"<X " + b" ".join(b'a%d=""' % number for number in range(65)) + b"/>"),
        "second-root": pisi_xml() + b"<X/>",
        "text-outside": pisi_xml() + b"x",
        "text-before": b"x" + pisi_xml(),
        "open": pisi_xml()[:-9],
        "end": pisi_xml()[:-7] + b"</X>",
        "nothing": b"<!-- c -->",
        "empty": b"",
        "depth": b"<a>" * 20,
        "elements": b"<PISI>" + b"<a/>" * 4000 + b"<a/>" * 1100,
        "not-utf-8": pisi_xml(b"<Summary>\xff</Summary>"),
        "tag": b"<PISI <",
    }  # fmt: skip
    for name, text in documents.items():
        write("metadata_xml", name, text)
    hashed = lambda *elements: b"<Files><File><Path>a</Path>" + b"".join(elements) + b"</File></Files>"
    files = {
        "full": listed((b"a", b"x", b"<Permanent>true</Permanent>"), (b"b/c", b""))[:-8] + b"<File><Path>d</Path><Type>config</Type></File><X/> t</Files>",
        "root": b"<X/>",
        "nothing": b"",
        "open": b"<Files>",
        "open-file": b"<Files><File>",
        "path": b"<Files><File><Path>../a</Path></File></Files>",
        "twice": listed((b"a", b""), (b"a", b"")),
        "size": hashed(b"<Size>x</Size>"),
        "mode": hashed(b"<Mode>9</Mode>"),
        "uid": hashed(b"<Uid>-1</Uid>"),
        "gid": hashed(b"<Gid>4294967296</Gid>"),
        "hash": hashed(b"<Hash>00</Hash>"),
        "large": hashed(b"<X>" + b"<a/>" * 420 + b"</X>"),
        "many": b"<Files>" + b"".join(b"<File><Path>%d</Path></File>" % number for number in range(257)) + b"</Files>",
    }
    for name, text in files.items():
        write("files_xml", name, text)

    kinds = listed((b"d/f", b"x"), (b"h", b"x"), (b"i", b"x"), (b"o", b"y")).replace(b"</Files>", b"<File><Path>s</Path><Hash>%b</Hash></File></Files>" % hashlib.sha1(b"d/f").hexdigest().encode())
    python = b"<Files>" + b"".join(
        b"<File><Path>%b</Path></File>" % name
        for name in (b"a.py", b"a.pyc", b"a.pyo", b"__pycache__/a.cpython-38.pyc", b"__pycache__/b.pyc", b"b.py", b"c.pyc", b"c.py")
    ) + b"</Files>"  # fmt: skip
    bare = lambda *names: b"<Files>" + b"".join(b"<File><Path>%b</Path></File>" % name for name in names) + b"</Files>"
    payloads = {
        "kinds": (kinds, TARS["kinds"]),
        "python": (python, TARS["python"]),
        "link-attributes": (bare(b"a", b"b", b"z"), TARS["link-attributes"]),
        "names": (bare(b"a", b"b", b"c", b"e"), TARS["names"]),
        "pax-all": (bare(b"b/" * 20 + b"c"), TARS["pax-all"]),
        "missing": (bare(b"a", b"b"), TARS["twice"][:1024] + bytes(512)),
        "twice": (bare(b"a"), TARS["twice"]),
        "unlisted": (bare(b"b"), tar(FILE)),
        "no-leader": (bare(b"a", b"c"), TARS["no-leader"]),
        "link-to-link": (bare(b"s", b"c"), TARS["link-to-link"]),
        "below-file": (bare(b"a", b"a/b"), TARS["below-file"]),
        "below-link": (bare(b"a", b"a/b"), TARS["below-link"]),
        "absolute": (bare(b"a"), TARS["absolute"]),
        "no-target": (bare(b"c"), TARS["no-target"]),
        "size": (listed((b"a", b"contents")), tar(FILE)),
        "hash": (listed((b"a", b"CONTENT")), tar(FILE)),
        "mode": (listed((b"a", b"content")), tar(member(b"a", b"content", mode=b"0000755"))),
        "owner": (listed((b"a", b"content")), tar(member(b"a", b"content", uid=b"0000001"))),
        "group": (listed((b"a", b"content")), tar(member(b"a", b"content", gid=b"0000001"))),
        "target": (listed((b"a", b"content")), tar(member(b"a", kind=b"2", link=b"other"))),
        "target-hash": (listed((b"a", b"other")), tar(member(b"a", kind=b"2", link=b"OTHER"))),
        "large": (listed((b"a", b"c" * 700)), tar(member(b"a", b"c" * 700))),
        "cut": (bare(b"a"), tar(member(b"a", b"c" * 700))[:900]),
        "ratio": (bare(b"a"), tar(member(b"a", size=b"00010000000"))),
        "follows": (bare(b"a"), TARS["follows"]),
    }  # fmt: skip
    for number, (name, (files, payload)) in enumerate(payloads.items()):
        write("pisi_parts", name, bytes([1 + number % 4]) + SEPARATOR.join([pisi_xml(), files, payload]))
    loose = lambda *members: [part for mode, name, content in members for part in (mode.to_bytes(2, "big"), name, content)]
    for name, (files, members) in {
        "kinds": (listed((b"a", b"x"), (b"d/b", b"yyyy" * 100)) .replace(b"</Files>", b"<File><Path>l</Path></File></Files>"), loose((0o100644, b"a", b"x"), (0o40755, b"d/", b""), (0o100644 | 1 << 9, b"d/b", b"yyyy" * 100), (0o120777, b"l", b"a"))),
        "device": (bare(b"a"), loose((0o20644, b"a", b""))),
        "no-mode": (bare(b"a"), loose((0, b"a", b"x"))),
        "directory": (bare(b"a"), loose((0o40755, b"a", b""))),
        "root": (bare(b"a"), loose((0o40755, b"", b""), (0o100644, b"a", b""))),
        "twice": (bare(b"a"), loose((0o100644, b"a", b"x"), (0o100644, b"./a", b"x"))),
        "size": (listed((b"a", b"xx")), loose((0o100644, b"a", b"x"))),
    }.items():  # fmt: skip
        write("pisi_parts", f"loose-{name}", b"\0" + SEPARATOR.join([pisi_xml(), files, *members]))
    for declared, kind in ((b"1.0", 0), (b"1.1", 1), (b"1.2", 2), (b"1.2", 3), (b"1.1", 4)):
        text = pisi_xml(b"<PackageFormat>" + declared + b"</PackageFormat>")
        write("pisi_parts", f"declared-{kind}", bytes([kind]) + SEPARATOR.join([text, bare(b"a"), tar(FILE) if kind else b""]))
    seed_zip()


def zipped(*members, deflate=False, **more):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as target:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = more.get("method", target.compression)
            info.external_attr = more.get("mode", 0o100644) << 16
            if more.get("zip64"):
                with target.open(info, "w", force_zip64=True) as file:
                    file.write(content)
            else:
                target.writestr(info, content)
    return out.getvalue()


def seed_zip():
    metadata, files, payload = ("metadata.xml", pisi_xml()), ("files.xml", listed((b"a", b"content"))), ("install.tar.gz", gzip.compress(tar(FILE), mtime=0))
    plain = zipped(metadata, files, payload)
    deflated = zipped(metadata, files, ("install/a", b"content"), deflate=True)
    comar = pisi_xml(b'<Provides><COMAR script="package.py">System.Package</COMAR></Provides>')

    def patched(archive, at, bytes_, local=False):
        """With other bytes at a place of the first member's local header, or of its entry in the directory."""
        archive = bytearray(archive)
        start = 0 if local else archive.index(b"PK\1\2")
        archive[start + at : start + at + len(bytes_)] = bytes_
        return bytes(archive)

    out = io.BytesIO()

    class Stream(io.RawIOBase):  # Cannot seek: sizes follow the data.
        def writable(self):
            return True

        def write(self, data):
            return out.write(data)

    with zipfile.ZipFile(Stream(), "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in (metadata, files, ("install/a", b"content")):
            target.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    archives = {
        "plain": plain,
        "deflated": deflated,
        "sizes-follow": out.getvalue(),
        "zip64": zipped(metadata, files, payload, zip64=True),
        "comar": zipped(("metadata.xml", comar), files, payload, ("comar/package.py", b"def f(): pass")),
        "comar-large": zipped(("metadata.xml", comar), files, ("comar/package.py", bytes(17 << 10)), deflate=True),
        "comar-unnamed": zipped(metadata, files, payload, ("comar/", b""), ("comar/x.py", b"x")),
        "no-metadata": zipped(files),
        "no-files": zipped(metadata),
        "other": zipped(("a", b"")),
        "backslash": zipped(("a\\b", b"")).replace(b"a/b", b"a\\b"),
        "parent": zipped(("install/../a", b"")),
        "second-payload": zipped(metadata, files, payload, ("install.tar.xz", b"x")),
        "second-loose": zipped(metadata, files, payload, ("install/a", b"x")),
        "payload-how": zipped(metadata, files, ("install.tar.Z", b"x")),
        "bzip2": zipped(metadata, files, method=zipfile.ZIP_BZIP2),
        "encrypted": patched(plain, 8, b"\1"),
        "duplicate": zipped(metadata, files, ("install/a", b""), ("install/b", b"")).replace(b"install/b", b"install/a"),
        "short": b"PK\3\4",
        "magic": b"x" * 40,
        "appended": plain + b"x" * 30,
        "prefixed": b"PK\3\4" + plain,
        "end-zip64": plain[:-22] + struct.pack("<4sIQI", b"PK\6\7", 0, len(plain) - 22, 1) + plain[-22:],
        "end-count": plain[:-12] + b"\xff\xff" + plain[-10:],
        "end-bytes": plain[:-10] + b"\xff\xff\xff\x7f" + plain[-6:],
        "crc": patched(plain, 16, b"\0"),
        "sizes": patched(plain, 20, b"\1"),
        "size": patched(deflated, 24, b"\1"),
        "local-magic": patched(plain, 42, b"\1"),
        "local-flags": patched(plain, 6, b"\x08", True),
        "local-method": patched(plain, 8, b"\x08", True),
        "local-name": patched(plain, 30, b"M", True),
        "local-length": patched(plain, 26, b"\1", True),
        "local-crc": patched(plain, 14, b"\0\0\0\1", True),
        "local-size": patched(plain, 18, b"\1\0\0\1", True),
        "local-extra": patched(plain, 28, b"\xff\1", True),
        "deflate": patched(deflated, 60, b"\xff\xff\xff\xff", True),
    }  # fmt: skip
    for name, archive in archives.items():
        write("pisi", name, archive)


def seed_all():
    seed_tarball()
    seed_lzma()
    seed_deb()
    seed_tbz2()
    seed_pisi()


if __name__ == "__main__":
    seed_all()
