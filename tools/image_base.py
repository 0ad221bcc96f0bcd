"""What the image of examples/ is built on where no index is in reach: ``python -m tools.image_base``.

Debian's Python with pip, and in /wheels what requirements/image.txt has locked. It is made before the engine is used,
out of which nothing can be fetched.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import pip

from kube_dns_conformance.progress import step
from tools import debian, musl
from tools.archive import Image, pack
from tools.cache import cached
from tools.command import guarded, insist_here, run

NAME = "kube-dns-conformance-base:local"
LOCKED = Path(__file__).parents[1] / "requirements" / "image.txt"
SITE = "usr/lib/python3/dist-packages/pip"


def provide() -> Path:
    """The image's archive, in the cache. Raises ToolsError."""
    insist_here()
    recipe = ["image_base.py", "debian.py", "archive.py", "../requirements/image.txt", pip.__version__]
    return cached("image-base.tar", recipe, _write)


def _write(new: Path, work: Path) -> None:
    root = work / "root"
    debian.unpack_root("python", ["python3"], root)
    shutil.copytree(Path(pip.__file__).parent, root / SITE, ignore=shutil.ignore_patterns("__pycache__"))
    with step("wheels for the image of examples/"):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += [f"--python-version={musl.VERSION}", "--only-binary=:all:", "--require-hashes"]
        run([*command, f"--dest={root / 'wheels'}", f"--requirement={LOCKED}"])
    pack(root, work / "layer", compress=False)
    Image(NAME, [work / "layer"], command=["python3"]).write(new)


def main() -> int:
    """The command line."""
    argparse.ArgumentParser(prog="python -m tools.image_base", description=__doc__).parse_args()
    print(provide())
    return 0


if __name__ == "__main__":
    guarded(main)
