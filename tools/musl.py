"""A Python linked with musl, out of Debian's sources: static, so that nothing else has to be there."""

from __future__ import annotations

import shutil
from pathlib import Path

from kube_dns_conformance.progress import step
from tools import debian
from tools.archive import pack
from tools.cache import cached
from tools.command import run

VERSION = "3.13"
"""The Python of ``debian.SUITE``."""
RECIPE = ("musl.py", "debian.py", "files/musl-cc")
_BUILD_PACKAGES = ("gcc", "libc6-dev", "linux-libc-dev", "make", "musl-tools", "xz-utils")
_UNNEEDED = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "pydoc_data", "config-*")
_COMPILER = Path(__file__).parent / "files" / "musl-cc"
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}


def unpack_root(into: Path) -> None:
    """Put a root file system with this Python, and nothing else that runs, into the new directory ``into``."""
    kept = cached(f"musl-python-{VERSION}.tar", RECIPE, _build)
    into.mkdir(mode=0o755)
    run(["tar", "--extract", f"--file={kept}", f"--directory={into}"])


def _build(new: Path, work: Path) -> None:
    sources = work / "sources"
    sources.mkdir()
    tarballs = debian.sources(["zlib", f"python{VERSION}"], sources)
    build = work / "build"
    debian.root(build, _BUILD_PACKAGES, "musl Python: compiler")
    for tarball in tarballs:
        folder = build / "src" / tarball.name.partition("_")[0]
        folder.mkdir(parents=True)
        owner = "--no-same-owner"
        run(["tar", "--extract", f"--file={tarball}", f"--directory={folder}", "--strip-components=1", owner])
    shutil.copy(_COMPILER, build / "usr/local/bin")
    with step("musl Python: building") as progress:
        progress.update(note="zlib")
        debian.inside(build, ["./configure", "--static", "--prefix=/musl"], "/src/zlib", CC="musl-cc")
        debian.inside(build, ["make", "-j2", "install"], "/src/zlib")
        source = f"/src/python{VERSION}"
        progress.update(note="configure")
        debian.inside(build, ["./configure", *_CONFIGURE], source)
        progress.update(note="make")
        debian.inside(build, ["make", "-j2"], source)
        progress.update(note="library")
        debian.inside(build, ["make", "altbininstall", "libinstall", "DESTDIR=/out", "COMPILEALL_OPTS=-j2"], source)
    _trim(build / "out")
    pack(build / "out", new, compress=False)


_CONFIGURE = (
    *("--prefix=/usr/local", "--disable-shared", "--disable-test-modules", "--without-ensurepip"),
    *("CC=musl-cc", "CPPFLAGS=-I/musl/include", "LDFLAGS=-static -L/musl/lib", "LINKFORSHARED= "),
    *("MODULE_BUILDTYPE=static", "OPT=-O1 -DNDEBUG"),
)


def _trim(root: Path) -> None:
    library = root / f"usr/local/lib/python{VERSION}"
    for pattern in _UNNEEDED:
        for unneeded in library.glob(pattern):
            shutil.rmtree(unneeded)
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to(f"python{VERSION}")
    (library / "lib-dynload").mkdir(exist_ok=True)  # looked for, and missed aloud
    for folder in ("etc", "root", "tmp"):
        (root / folder).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for account, text in _ACCOUNTS.items():
        (root / account).write_text(text)
