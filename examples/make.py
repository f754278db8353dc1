#!/usr/bin/env python3
"""Makes the small PiSi packages in examples/packages (or in the directory given), byte for byte the same
each time.

They tell a short story: `hello` greets with the words of `libgreet` in the language that `greet-config` sets.
`hello` 1.1 needs `libgreet` 1.2. All three container formats of PiSi occur. Only Python's own library is used.
"""
import calendar
import hashlib
import io
import lzma
import struct
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

COPYING = """Copyright the ambar developers.

Copying and distribution of this file, with or without modification, are permitted in any medium without
royalty. This file is offered as it is, without any warranty.
"""

HELLO = """#!/bin/sh
# hello {version}: greets in the language that etc/greet.conf names.
tree=$(cd "$(dirname "$0")/../.." && pwd -P) || exit 1
language=en
[ -r "$tree/etc/greet.conf" ] && . "$tree/etc/greet.conf"
greeting=$(cat "$tree/usr/share/greet/$language.txt") || exit 1
echo "$greeting This is hello {version}."
"""

MANUAL = """.TH HELLO 1 "{date}" "hello {version}"
.SH NAME
hello \\- greet whoever asks
.SH SYNOPSIS
.B hello
.SH DESCRIPTION
Prints a greeting of
.I libgreet
in the language that
.I /etc/greet.conf
names, and its own version.
"""

SCRIPT = """#!/usr/bin/python

import os

def postInstall(fromVersion, fromRelease, toVersion, toRelease):
    os.system("/bin/chown -R root:root /var/lib/greet")
"""


@dataclass
class Node:
    """One path: a file's content, a symlink's target, the path a hard link leads to, or an empty directory."""
    path: str
    kind: str
    content: bytes = b""
    mode: int = 0o644
    symlink: str = ""
    hard_link: str = ""
    directory: bool = False
    permanent: bool = False


@dataclass
class Package:
    """A package, its newest change first in `history` as (release, version, date, kind, comment)."""
    name: str
    source: str
    summary: dict
    kind: str
    component: str
    history: list
    format: str
    nodes: list
    dependencies: list = field(default_factory=list)
    paths: list = field(default_factory=list)
    comar: dict = field(default_factory=dict)
    model: str = ""

    def __post_init__(self):
        self.release, self.version, self.date = self.history[0][:3]
        self.nodes = sorted(self.nodes, key=lambda node: node.path)
        contents = {node.path: node for node in self.nodes}
        for node in self.nodes:
            if node.hard_link:
                node.content, node.mode = contents[node.hard_link].content, contents[node.hard_link].mode

    @property
    def time(self):
        return tuple(int(part) for part in self.date.split("-")) + (12, 0, 0)

    @property
    def file_name(self):
        return f"{self.name}-{self.version}-{self.release}-x1-x86_64.pisi"


def element(depth, name, text, attributes=""):
    return f"{'    ' * depth}<{name}{attributes}>{escape(str(text))}</{name}>\n"


def source_xml(package, depth):
    pad = "    " * depth
    return (f"{pad}<Source>\n" + element(depth + 1, "Name", package.source)
            + element(depth + 1, "Homepage", f"https://example.org/{package.source}")
            + f"{pad}    <Packager>\n" + element(depth + 2, "Name", "The ambar developers")
            + element(depth + 2, "Email", "ambar@example.org") + f"{pad}    </Packager>\n{pad}</Source>\n")


def metadata_xml(package):
    xml = "<PISI>\n" + source_xml(package, 1) + "    <Package>\n" + element(2, "Name", package.name)
    for tag in ("Summary", "Description"):
        for language, text in package.summary.items():
            xml += element(2, tag, text + ("." if tag == "Description" else ""), f' xml:lang="{language}"')
    xml += element(2, "IsA", package.kind) + element(2, "PartOf", package.component)
    xml += element(2, "License", "FSFAP")
    if package.dependencies:
        xml += "        <RuntimeDependencies>\n"
        for name, version in package.dependencies:
            xml += element(3, "Dependency", name, f' versionFrom="{version}"' if version else "")
        xml += "        </RuntimeDependencies>\n"
    xml += "        <Files>\n"
    for kind, path in package.paths:
        xml += element(3, "Path", path, f' fileType="{kind}"')
    xml += "        </Files>\n"
    if package.model:
        xml += "        <Provides>\n"
        for script in package.comar:
            xml += element(3, "COMAR", package.model, f' script="{script}"')
        xml += "        </Provides>\n"
    xml += "        <History>\n"
    for release, version, date, kind, comment in package.history:
        xml += f'            <Update release="{release}"' + (f' type="{kind}"' if kind else "") + ">\n"
        xml += element(4, "Date", date) + element(4, "Version", version) + element(4, "Comment", comment)
        xml += element(4, "Name", "The ambar developers") + element(4, "Email", "ambar@example.org")
        xml += "            </Update>\n"
    xml += "        </History>\n" + element(2, "BuildHost", "localhost")
    xml += element(2, "Distribution", "Example") + element(2, "DistributionRelease", "1")
    xml += element(2, "Architecture", "x86_64")
    xml += element(2, "InstalledSize", sum(len(content_of(node)) for node in package.nodes))
    return xml + element(2, "PackageFormat", package.format) + source_xml(package, 2) + "    </Package>\n</PISI>"


def content_of(node):
    return node.symlink.encode() if node.symlink else node.content


def files_xml(package):
    xml = "<Files>\n"
    for node in package.nodes:
        xml += "    <File>\n" + element(2, "Path", node.path) + element(2, "Type", node.kind)
        if not node.directory:
            xml += element(2, "Size", len(content_of(node)))
        xml += element(2, "Uid", 0) + element(2, "Gid", 0) + element(2, "Mode", f"{mode_of(node):04o}")
        if not node.directory:
            xml += element(2, "Hash", hashlib.sha1(content_of(node)).hexdigest())
        if node.permanent:
            xml += element(2, "Permanent", "true")
        xml += "    </File>\n"
    return xml + "</Files>"


def mode_of(node):
    return 0o777 if node.symlink else 0o755 if node.directory else node.mode


def payload_tar(package):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for node in package.nodes:
            member = tarfile.TarInfo(node.path)
            member.mode, member.mtime = mode_of(node), calendar.timegm(package.time)
            member.uname = member.gname = "root"
            if node.directory:
                member.type = tarfile.DIRTYPE
            elif node.symlink:
                member.type, member.linkname = tarfile.SYMTYPE, node.symlink
            elif node.hard_link:
                member.type, member.linkname = tarfile.LNKTYPE, node.hard_link
            else:
                member.size = len(node.content)
            tar.addfile(member, io.BytesIO(node.content))
    return stream.getvalue()


def write(package, directory):
    def member(name, content, attributes=0o600, method=zipfile.ZIP_DEFLATED):
        info = zipfile.ZipInfo(name, package.time)
        info.create_system, info.external_attr, info.compress_type = 3, attributes << 16, method
        archive.writestr(info, content)

    with zipfile.ZipFile(directory / package.file_name, "w") as archive:
        for name, script in package.comar.items():
            member(f"comar/{name}", script)
        member("metadata.xml", metadata_xml(package))
        member("files.xml", files_xml(package))
        if package.format == "1.0":
            for node in package.nodes:
                kind = 0o040000 if node.directory else 0o120000 if node.symlink else 0o100000
                name = f"install/{node.path}" + ("/" if node.directory else "")
                stored = node.directory or node.symlink
                member(name, content_of(node), kind | mode_of(node),
                       zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
        elif package.format == "1.1":
            packed = lzma.compress(payload_tar(package), lzma.FORMAT_ALONE, preset=6)
            member("install.tar.lzma", packed, method=zipfile.ZIP_STORED)
        else:
            packed = lzma.compress(payload_tar(package), lzma.FORMAT_XZ, preset=6)
            member("install.tar.xz", packed, method=zipfile.ZIP_STORED)


def catalogue(texts):
    """A gettext catalogue (.mo) of some messages."""
    originals, translated = zip(*sorted((key.encode(), text.encode()) for key, text in texts.items()))
    tables, strings = [], b""
    start = 28 + 16 * len(originals)
    for group in (originals, translated):
        for text in group:
            tables.append(struct.pack("<2I", len(text), start + len(strings)))
            strings += text + b"\0"
    header = struct.pack("<7I", 0x950412DE, 0, len(originals), 28, 28 + 8 * len(originals), 0, 28)
    return header + b"".join(tables) + strings


def library(version):
    """Some bytes that stand for a library: the first part is the same in every version."""
    common = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(48))
    return b"libgreet\0" + common + version.encode() + b"\0"


def hello(history, container, needs, more):
    release, version, date = history[0][:3]
    nodes = [
        Node("usr/bin/hello", "executable", HELLO.format(version=version).encode(), 0o755),
        Node("usr/share/doc/hello/COPYING", "doc", COPYING.encode()),
        Node("usr/share/locale/tr/LC_MESSAGES/hello.mo", "localedata",
             catalogue({"": "Content-Type: text/plain; charset=UTF-8\n", "This is hello": "Bu hello"})),
        Node("usr/share/man/man1/hello.1", "man", MANUAL.format(version=version, date=date).encode()),
    ]
    return Package(
        "hello", "hello", {"en": "Greets whoever asks", "tr": "Soranı selamlar"}, "app:console", "applications.util",
        history, container, nodes + more,
        dependencies=[("libgreet", needs), ("greet-config", "")],
        paths=[("executable", "/usr/bin"), ("doc", "/usr/share/doc"), ("localedata", "/usr/share/locale"),
               ("man", "/usr/share/man")])


def libgreet(history, container, texts, more):
    version = history[0][1]
    nodes = [Node(f"usr/share/greet/{language}.txt", "data", text.encode()) for language, text in texts.items()]
    nodes += [
        Node("usr/lib/libgreet.so", "library", symlink="libgreet.so.1"),
        Node("usr/lib/libgreet.so.1", "library", library(version), 0o755),
        Node("usr/share/doc/libgreet/COPYING", "doc", COPYING.encode()),
        Node("usr/share/greet/fallback.txt", "data", hard_link="usr/share/greet/en.txt"),
    ]
    return Package(
        "libgreet", "libgreet", {"en": "Greetings in several languages", "tr": "Birkaç dilde selamlar"}, "library",
        "applications.util", history, container, nodes + more,
        paths=[("library", "/usr/lib"), ("doc", "/usr/share/doc"), ("data", "/usr/share/greet")])


def packages():
    hello_1 = ("1", "1.0", "2010-11-20", "", "First release.")
    hello_2 = ("2", "1.1", "2011-02-14", "security", "Says good day; needs the new libgreet.")
    greet_1 = ("1", "1.0", "2010-11-19", "", "First release.")
    greet_2 = ("2", "1.2", "2011-02-13", "", "French is new, German is gone.")
    config = ("1", "1", "2010-11-19", "", "First release.")
    return [
        hello([hello_1], "1.0", "1.0", []),
        hello([hello_2, hello_1], "1.2", "1.2",
              [Node("usr/bin/good-day", "executable", symlink="hello")]),
        libgreet([greet_1], "1.1", {"en": "Hello!\n", "tr": "Merhaba!\n", "de": "Hallo!\n"}, []),
        libgreet([greet_2, greet_1], "1.2", {"en": "Good day!\n", "tr": "Merhaba!\n", "fr": "Bonjour !\n"}, []),
        Package(
            "greet-config", "libgreet", {"en": "Settings of libgreet", "tr": "libgreet ayarları"}, "data",
            "applications.util", [config], "1.1",
            [Node("etc/greet.conf", "config", b"# The language of greetings: a name in usr/share/greet.\n"
                                              b"language=en\n"),
             Node("usr/share/doc/greet-config/COPYING", "doc", COPYING.encode()),
             Node("var/lib/greet/visitors", "data", b"0\n", permanent=True),
             Node("var/log/greet", "data", directory=True)],
            paths=[("config", "/etc"), ("doc", "/usr/share/doc"), ("data", "/var")],
            comar={"package.py": SCRIPT}, model="System.Package"),
    ]


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "packages"
    directory.mkdir(parents=True, exist_ok=True)
    for package in packages():
        write(package, directory)
        print(package.file_name)


if __name__ == "__main__":
    main()
