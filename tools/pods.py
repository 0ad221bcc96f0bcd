"""Images for Pods under stock names: a Python on glibc, and one on musl, whose resolver goes other ways."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from kube_dns_conformance.progress import step
from tools import debian
from tools.archive import Image, pack
from tools.cache import cached
from tools.command import run

PYTHON = "3.13"
"""Of ``debian.SUITE``, and of the stock images named here."""
GLIBC_IMAGE = f"docker.io/library/python:{PYTHON}-slim"
MUSL_IMAGE = f"docker.io/library/python:{PYTHON}-alpine"
RECIPE = ("pods.py", "debian.py", "files/musl-cc")
_BUILD_PACKAGES = ("gcc", "libc6-dev", "linux-libc-dev", "make", "musl-tools", "xz-utils")
_UNNEEDED = (
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "pydoc_data",
    "config-*",
    "__pycache__",
)
_COMPILER = Path(__file__).parent / "files" / "musl-cc"
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}


def archives(work: Path) -> list[Path]:
    """Write the images' archives below ``work``. Raises ToolsError."""
    return [_archive(GLIBC_IMAGE, "glibc", _glibc, work), _archive(MUSL_IMAGE, "musl", _musl, work)]


def _archive(name: str, short: str, fill: Callable[[Path], None], work: Path) -> Path:
    root, layer, archive = (work / f"{short}{suffix}" for suffix in ("", ".layer", ".tar"))
    fill(root)
    pack(root, layer, compress=True)
    Image(name, [layer], command=["python3"]).write(archive)
    shutil.rmtree(root)
    layer.unlink()
    return archive


def _glibc(root: Path) -> None:
    debian.unpack_root("python", ["python3"], root)
    for name in ("python", "python3"):  # where the stock image has it
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")


def _musl(root: Path) -> None:
    kept = cached(f"musl-python-{PYTHON}.tar", RECIPE, _build_musl_python)
    root.mkdir()
    run(["tar", "--extract", f"--file={kept}", f"--directory={root}"])


def _build_musl_python(new: Path, work: Path) -> None:
    """Python from Debian's source, linked with Debian's musl: static, so that nothing else has to be there."""
    sources = work / "sources"
    sources.mkdir()
    tarballs = debian.sources(["zlib", f"python{PYTHON}"], sources)
    build = work / "build"
    debian.root(build, _BUILD_PACKAGES, "musl Python: compiler")
    for tarball in tarballs:
        folder = build / "src" / tarball.name.partition("_")[0]
        folder.mkdir(parents=True)
        run(
            [
                "tar",
                "--extract",
                f"--file={tarball}",
                f"--directory={folder}",
                "--strip-components=1",
                "--no-same-owner",
            ]
        )
    shutil.copy(_COMPILER, build / "usr/local/bin")
    with step("musl Python: building") as progress:
        progress.update(note="zlib")
        debian.inside(build, ["./configure", "--static", "--prefix=/musl"], "/src/zlib", CC="musl-cc")
        debian.inside(build, ["make", "-j2", "install"], "/src/zlib")
        source = f"/src/python{PYTHON}"
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
    library = root / f"usr/local/lib/python{PYTHON}"
    for pattern in _UNNEEDED:
        for unneeded in library.glob(pattern):
            shutil.rmtree(unneeded)
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to(f"python{PYTHON}")
    for folder in ("etc", "root", "tmp"):
        (root / folder).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for account, text in _ACCOUNTS.items():
        (root / account).write_text(text)
