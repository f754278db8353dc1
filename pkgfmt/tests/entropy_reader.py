#!/usr/bin/env python3
"""Reads packages of Entropy and Portage with Python's own means: one line of JSON for each file named."""

import bz2
import hashlib
import io
import json
import sqlite3
import struct
import sys
import tarfile
import tempfile

MARK = b"|ENTROPY:PROJECT:DB:MAGIC:START|"
KINDS = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "directory",
         tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "link"}


def xpak(data):
    assert data[-4:] == b"STOP"
    length, = struct.unpack(">I", data[-8:-4])
    payload, segment = data[:-8 - length], data[-8 - length:-8]
    assert segment[:8] == b"XPAKPACK" and segment[-8:] == b"XPAKSTOP"
    size, = struct.unpack(">I", segment[8:12])
    index, values, found = segment[16:16 + size], segment[16 + size:-8], {}
    while index:
        length, = struct.unpack(">I", index[:4])
        name = index[4:4 + length].decode()
        offset, size = struct.unpack(">II", index[4 + length:12 + length])
        found[name] = values[offset:offset + size]
        index = index[12 + length:]
    return payload, found


def tree(payload):
    found = []
    with tarfile.open(fileobj=io.BytesIO(bz2.decompress(payload))) as archive:
        for member in archive:
            path = member.name.removeprefix("./")
            if path in (".", ""):
                continue
            kind, content = KINDS[member.type], None
            if kind in ("file", "link"):
                content = archive.extractfile(member).read()
            found.append({
                "path": path, "kind": "file" if content is not None else kind, "mode": member.mode,
                "uid": member.uid, "gid": member.gid, "mtime": int(member.mtime // 1),
                "size": None if content is None else len(content),
                "sha1": None if content is None else hashlib.sha1(content).hexdigest(),
                "md5": None if content is None else hashlib.md5(content).hexdigest(),
                "target": member.linkname if kind == "symlink" else None})
    return sorted(found, key=lambda entry: entry["path"].split("/"))


def record(database):
    with tempfile.NamedTemporaryFile() as file:
        file.write(database)
        file.flush()
        connection = sqlite3.connect(file.name)
        connection.row_factory = sqlite3.Row
        found = dict(connection.execute("SELECT * FROM baseinfo JOIN extrainfo USING (idpackage)").fetchone())
        if "idcategory" in found:
            found["category"], = connection.execute(
                "SELECT category FROM categories WHERE idcategory = ?", (found["idcategory"],)).fetchone()
            found["license"], = connection.execute(
                "SELECT license FROM licenses WHERE idlicense = ?", (found["idlicense"],)).fetchone()
        found["dependencies"] = [list(row) for row in connection.execute(
            "SELECT type, dependency FROM dependencies NATURAL JOIN dependenciesreference ORDER BY 1, 2")]
        found["flags"] = [row[0] for row in connection.execute(
            "SELECT flagname FROM useflags NATURAL JOIN useflagsreference ORDER BY 1")]
        return found


for name in sys.argv[1:]:
    with open(name, "rb") as file:
        data = file.read()
    data, _, database = data.partition(MARK)
    payload, values = xpak(data)
    print(json.dumps({"tree": tree(payload), "record": record(database) if database else None,
                      "digest": hashlib.md5(data).hexdigest(),
                      "xpak": {name: value.decode("latin-1") for name, value in values.items()}}))
