#!/usr/bin/env python3
"""Unpacks packages in memory and says what is in them: PiSi's (.pisi, .eopkg; container formats 1.0, 1.1 and 1.2),
Entropy's (.tbz2) and, with the help of dpkg-deb, Debian's (.deb).

A second opinion for the tests, which shares no code with ambar: only Python's own zipfile, tarfile, lzma and bz2.
One line of JSON for each file given: {"file": NAME, "entries": {PATH: {…}}}, where PATH and "target" are in
hexadecimal, since they need not be text, and each entry has "type" (file, directory or symlink), "mode" (or null
where the container does not say), and, for files, "size" and "sha1"; "owner" is [uid, gid] (or null).
"""
import bz2
import hashlib
import io
import json
import lzma
import os
import stat
import subprocess
import sys
import tarfile
import zipfile


def described(kind, mode, owner, content=None, target=None):
    entry = {"type": kind, "mode": mode, "owner": owner}
    if content is not None:
        entry["size"] = len(content)
        entry["sha1"] = hashlib.sha1(content).hexdigest()
    if target is not None:
        entry["target"] = target.hex()
    return entry


def plain(path):
    return b"/".join(part for part in path.split(b"/") if part not in (b"", b"."))


def from_zip(archive):
    """Format 1.0: the payload is in the zip itself, below install/."""
    entries = {}
    for info in archive.infolist():
        name = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
        path = plain(name.removeprefix(b"install/"))
        if not name.startswith(b"install/") or not path:
            continue
        attributes = info.external_attr >> 16
        mode = stat.S_IMODE(attributes) if attributes else None
        if stat.S_ISLNK(attributes):
            entries[path] = described("symlink", mode, None, target=archive.read(info))
        elif stat.S_ISDIR(attributes) or name.endswith(b"/"):
            entries[path] = described("directory", mode, None)
        else:
            entries[path] = described("file", mode, None, archive.read(info))
    return entries


def from_tar(stream):
    """Formats 1.1 and 1.2: the payload is a tar in the zip."""
    entries = {}
    with tarfile.open(fileobj=stream, mode="r:", errors="surrogateescape") as tar:
        for member in tar:
            path = plain(os.fsencode(member.name))
            if not path:
                continue
            owner = [member.uid, member.gid]
            if member.isdir():
                entries[path] = described("directory", member.mode, owner)
            elif member.issym():
                entries[path] = described("symlink", member.mode, owner, target=os.fsencode(member.linkname))
            elif member.isreg() or member.islnk():
                # For a hard link, extractfile gives the content of the member that it leads to.
                entries[path] = described("file", member.mode, owner, tar.extractfile(member).read())
            else:
                raise ValueError(f"{member.name} is no file, directory or link")
    return entries


def unpack(file):
    if file.endswith(".deb"):
        tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], check=True, stdout=subprocess.PIPE).stdout
        return from_tar(io.BytesIO(tar))
    if file.endswith(".tbz2"):
        # What follows the stream is the xpak.
        with open(file, "rb") as packed:
            return from_tar(io.BytesIO(bz2.BZ2Decompressor().decompress(packed.read())))
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if "install.tar.lzma" in names:
            packed = archive.read("install.tar.lzma")
            return from_tar(io.BytesIO(lzma.decompress(packed, lzma.FORMAT_ALONE)))
        if "install.tar.xz" in names:
            packed = archive.read("install.tar.xz")
            return from_tar(io.BytesIO(lzma.decompress(packed, lzma.FORMAT_XZ)))
        return from_zip(archive)


def main():
    for file in sys.argv[1:]:
        entries = {path.hex(): entry for path, entry in sorted(unpack(file).items())}
        print(json.dumps({"file": file, "entries": entries}))


if __name__ == "__main__":
    main()
