"""Container images as files, in the format that both ``docker load`` and ``ctr images import`` read."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kube_dns_conformance.toolchain.table import Host
from tools.command import ToolsError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Image:
    """One image: name with registry and tag, layers from the bottom up (tar files, gzip or not), settings."""

    name: str
    layers: Sequence[Path]
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Sequence[str] = ()
    stop_signal: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the image's archive."""
        digests = [_digest(layer) for layer in self.layers]
        config = json.dumps(self._config(digests)).encode()
        names = [f"{digest}.tar" for digest in digests]
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = [{"Config": config_name, "RepoTags": [self.name], "Layers": names}]
        with tarfile.open(path, "w") as archive:
            _add(archive, "manifest.json", json.dumps(manifest).encode())
            _add(archive, config_name, config)
            for name, layer in zip(names, self.layers, strict=True):
                archive.add(layer, name)

    def _config(self, digests: list[str]) -> dict[str, Any]:
        settings = {
            "Entrypoint": list(self.entrypoint) or None,
            "Cmd": list(self.command) or None,
            "Env": [f"PATH={PATH}", *self.environment],
            "Labels": self.labels or None,
            "StopSignal": self.stop_signal or None,
        }
        host = Host.here()
        return {
            "architecture": host.arch,
            "os": host.os,
            "config": {name: value for name, value in settings.items() if value},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created_by": "kube-dns-conformance"} for _ in digests],
        }


def pack(folder: Path, layer: Path, *, compress: bool) -> None:
    """Write everything below ``folder`` as a layer.

    Raises:
        ToolsError: tar failed.
    """
    command = ["tar", "--create", "--numeric-owner", "--one-file-system", f"--directory={folder}", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tar, layer.open("wb") as raw:
        assert tar.stdout is not None
        # No time stamp in it: the same content is the same file.
        target: Any = gzip.GzipFile("", "wb", 1, raw, mtime=0) if compress else raw
        while chunk := tar.stdout.read(_CHUNK_BYTES):
            target.write(chunk)
        if compress:
            target.close()
    if tar.returncode:
        raise ToolsError(f"tar of {folder} ended with status {tar.returncode}")


def _digest(layer: Path) -> str:
    """The sha256 of the layer's uncompressed content, in hexadecimal."""
    digest = hashlib.sha256()
    with layer.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        source: Any = gzip.GzipFile(fileobj=raw) if compressed else raw
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
