"""Writes what a .deb's payload holds, as dpkg-deb unpacks it and Python's tarfile reads it: one line of JSON."""
import hashlib
import json
import subprocess
import sys
import tarfile

KINDS = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "directory",
         tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "link"}


def plain(name):
    return name[2:] if name.startswith("./") else "" if name == "." else name


def raw(text):
    return text.encode("utf-8", "surrogateescape").hex()


unpacking = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", sys.argv[1]], stdout=subprocess.PIPE)
entries = {}
with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
    for member in tar:
        path = plain(member.name)
        if not path:
            continue
        digest = hashlib.sha1()
        if member.isfile():
            content = tar.extractfile(member)
            while piece := content.read(1 << 20):
                digest.update(piece)
        link = raw(plain(member.linkname) if member.islnk() else member.linkname)
        entries[raw(path)] = [KINDS[member.type], member.mode & 0o7777, member.uid, member.gid, member.uname,
                              member.gname, int(member.mtime), member.size, link, digest.hexdigest()]
# What pads the archive's end is read too, or dpkg-deb complains.
while unpacking.stdout.read(1 << 20):
    pass
assert unpacking.wait() == 0
fields = subprocess.run(["dpkg-deb", "--field", sys.argv[1]], stdout=subprocess.PIPE, check=True).stdout
print(json.dumps({"entries": entries, "control": fields.decode("utf-8", "replace")}))
