"""Images for Pods under stock names: a Python on glibc, and one on musl, whose resolver goes other ways."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tools import debian, musl
from tools.archive import Image, pack

GLIBC_IMAGE = f"docker.io/library/python:{musl.VERSION}-slim"
MUSL_IMAGE = f"docker.io/library/python:{musl.VERSION}-alpine"
RECIPE = ("pods.py", *musl.RECIPE)


def archives(work: Path) -> list[Path]:
    """Write the images' archives below ``work``. Raises ToolsError."""
    return [_archive(GLIBC_IMAGE, "glibc", _glibc, work), _archive(MUSL_IMAGE, "musl", musl.unpack_root, work)]


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
