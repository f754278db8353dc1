"""Reads a PiSi package with nothing but Python's own modules, and checks that its payload is what files.xml says.

Prints name, version, release and architecture, then one line for each member of the payload: type, mode, owner, group, time, size, SHA-1 of the content
(of a symlink: its target in hexadecimal digits; of a hard link: the name it links to), path.
Exits with 1 and says why when anything disagrees. Usage: pisi_reader.py FILE [delta]
"""

import hashlib
import io
import lzma
import sys
import tarfile
import xml.etree.ElementTree as ET
import zipfile


def fail(text):
    sys.exit(f"{sys.argv[1]}: {text}")


def by_component(path):
    return path.split("/")


def main():
    delta = sys.argv[2:] == ["delta"]
    archive = zipfile.ZipFile(sys.argv[1])
    if archive.testzip() is not None:
        fail("a checksum is wrong")
    names = archive.namelist()
    if len(set(names)) != len(names):
        fail("two members have one name")
    for member in archive.infolist():
        if member.date_time != (1980, 1, 1, 0, 0, 0):
            fail(f"{member.filename} has the time {member.date_time}")
        packed = member.compress_type == zipfile.ZIP_STORED
        if packed != member.filename.startswith("install.tar."):
            fail(f"{member.filename} is packed in another way than it should be")
    scripts = [name for name in names if name.startswith("comar/")]
    payload = [name for name in names if name.startswith("install.tar.")]
    if names != sorted(scripts, key=by_component) + ["metadata.xml", "files.xml"] + payload:
        fail(f"its members are {names}")

    metadata = ET.fromstring(archive.read("metadata.xml"))
    package = metadata.find("Package")
    mentioned = {comar.get("script") for comar in package.iter("COMAR")} - {None}
    if not mentioned <= {name[len("comar/"):] for name in scripts}:
        fail("a script is missing")
    form = package.findtext("PackageFormat")
    wanted = {"1.1": "install.tar.lzma", "1.2": "install.tar.xz"}[form]
    if payload != [wanted] and not (delta and not payload):
        fail(f"the payload of format {form} is {payload}")

    newest = package.find("History/Update")
    words = [package.findtext("Name"), newest.findtext("Version"), newest.get("release")]
    print(*words, package.findtext("Architecture") or "", flush=True)

    files = ET.fromstring(archive.read("files.xml"))
    promised = {}
    for file in files:
        # PiSi strips what it reads.
        fields = {child.tag: (child.text or "").strip() for child in file}
        if fields["Path"] in promised:
            fail(f"{fields['Path']} is listed twice")
        promised[fields["Path"]] = fields
    listed = list(promised)
    if listed != sorted(listed, key=by_component):
        fail("files.xml is not sorted")
    total = sum(int(fields["Size"]) for fields in promised.values())
    if total != int(package.findtext("InstalledSize")):
        fail(f"InstalledSize is not {total}")

    members = []
    if payload:
        raw = archive.read(wanted)
        coding = lzma.FORMAT_ALONE if form == "1.1" else lzma.FORMAT_XZ
        tar = tarfile.open(
            fileobj=io.BytesIO(lzma.decompress(raw, format=coding)), encoding="utf-8", errors="surrogateescape"
        )
        members = tar.getmembers()
    seen = [member.name for member in members]
    if not delta and seen != listed:
        fail("the payload does not hold what files.xml lists, or in another order")
    if seen != [path for path in listed if path in set(seen)]:
        fail("the payload holds what files.xml does not list, or in another order")
    for member in members:
        fields = promised[member.name]
        content = None
        if member.isreg() or member.islnk():
            content = tar.extractfile(member).read()
        elif member.issym():
            content = member.linkname.encode("utf-8", "surrogateescape")
        elif not member.isdir():
            fail(f"{member.name} is of type {member.type}")
        expected = {
            "Size": str(len(content or b"")),
            "Uid": str(member.uid),
            "Gid": str(member.gid),
        }
        if content is None:
            expected["Hash"] = None
        else:
            expected["Hash"] = hashlib.sha1(content).hexdigest()
        for key, value in expected.items():
            if fields.get(key) != value:
                fail(f"{member.name}: {key} is {value}, files.xml says {fields.get(key)}")
        if int(fields["Mode"], 8) != member.mode:
            fail(f"{member.name}: mode {member.mode:o}, files.xml says {fields['Mode']}")
        if not fields["Type"]:
            fail(f"{member.name} has no type")
        if member.uname != "root" or member.gname != "root":
            fail(f"{member.name} has owner names")
        kind, what = {
            tarfile.DIRTYPE: ("d", "-"),
            tarfile.SYMTYPE: ("l", (content or b"").hex()),
            tarfile.LNKTYPE: ("h", member.linkname),
            tarfile.REGTYPE: ("f", hashlib.sha1(content or b"").hexdigest()),
        }[member.type]
        size = len(content or b"")
        time = member.mtime
        line = f"{kind} {member.mode:o} {member.uid} {member.gid} {time} {size} {what} {member.name}"
        sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")


main()
