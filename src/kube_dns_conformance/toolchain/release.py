"""Official release binaries, each checked against the checksum that upstream publishes for it."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import tarfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import requests

from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.progress import Step, step
from kube_dns_conformance.toolchain.table import Unit

CONNECT_SECONDS = 5.0
"""How long a release host may take to accept a connection before it counts as unreachable."""
READ_SECONDS = 30.0
"""How long a release host may stay silent in the middle of an answer."""

_CHUNK_BYTES = 1 << 20
_HEADERS = {"User-Agent": "kube-dns-conformance", "Accept-Encoding": "identity"}
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_unreachable: dict[str, str] = {}


class NotPublishedError(Exception):
    """The release cannot be had from here; its text says why. The unit may still be had in another way."""


def download(unit: Unit, into: Path, scratch: Path) -> dict[str, object]:
    """Put the unit's release binaries into ``into``; returns their addresses.

    Raises:
        NotPublishedError: no connection, no such file, no published checksum, or an archive of an unknown layout.
        ToolchainError: a file is not what its checksum says.
    """
    if not unit.release.url:
        raise NotPublishedError("upstream publishes no binary")
    urls = {binary: unit.fill(unit.release.url, binary=binary) for binary in unit.binaries}
    # All sums before the first big file: most reasons to give up show here.
    sums = {url: _published_sum(unit, url) for url in dict.fromkeys(urls.values())}
    for number, (url, expected) in enumerate(sums.items()):
        file = scratch / f"download-{number}"
        with step(f"{unit}: downloading {_name(url)}") as progress:
            _save(url, file, expected, progress)
        for binary in (binary for binary, at in urls.items() if at == url):
            _take(unit, binary, file, into / binary)
    return {"release": list(sums)}


def _published_sum(unit: Unit, url: str) -> str:
    if unit.release.digests:
        return _sum_of_asset(unit.fill(unit.release.digests), _name(url))
    address = unit.fill(unit.release.checksum, url=url)
    for line in _get(address).text.splitlines():
        words = line.split()
        if words and _SHA256.fullmatch(words[0]) and (len(words) == 1 or _name(words[-1].lstrip("*")) == _name(url)):
            return words[0].lower()
    raise NotPublishedError(f"{address} has no sha256 of {_name(url)}")


def _sum_of_asset(address: str, name: str) -> str:
    try:
        assets = _get(address).json()["assets"]
        digest = next(str(asset["digest"]) for asset in assets if asset["name"] == name)
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise NotPublishedError(f"{address} has no digest of {name}") from error
    kind, _, value = digest.partition(":")
    if kind != "sha256" or not _SHA256.fullmatch(value):
        raise NotPublishedError(f"{address} has no sha256 of {name}")
    return value.lower()


def _get(url: str, *, stream: bool = False) -> requests.Response:
    host = urlsplit(url).netloc
    if host in _unreachable:
        raise NotPublishedError(_unreachable[host])
    try:
        response = requests.get(url, timeout=(CONNECT_SECONDS, READ_SECONDS), headers=_HEADERS, stream=stream)
    except requests.RequestException as error:
        # Remembered, so that a machine without a connection waits for a host once and not for every file.
        _unreachable[host] = f"no connection to {host} ({type(error).__name__})"
        raise NotPublishedError(_unreachable[host]) from error
    if response.status_code != requests.codes.ok:
        response.close()
        raise NotPublishedError(f"{url} answers {response.status_code}")
    if urlsplit(url).scheme == "https" and urlsplit(response.url).scheme != "https":
        response.close()
        raise NotPublishedError(f"{url} leads to an unencrypted address")
    return response


def _save(url: str, file: Path, expected: str, progress: Step) -> None:
    digest = hashlib.sha256()
    with _get(url, stream=True) as response, file.open("wb") as output:
        length = int(response.headers.get("Content-Length") or 0)
        progress.update(total=(length >> 20) or None, note="MB")
        try:
            for chunk in response.iter_content(_CHUNK_BYTES):
                digest.update(chunk)
                output.write(chunk)
                progress.update(done=output.tell() >> 20)
        except requests.RequestException as error:
            raise NotPublishedError(f"{url}: the connection broke ({type(error).__name__})") from error
    if digest.hexdigest() != expected:
        raise ToolchainError(
            f"{url} is not what its checksum says: expected sha256 {expected}, got {digest.hexdigest()}",
            "nothing of it was kept; if it happens again, something between here and that host changes files",
        )


def _take(unit: Unit, binary: str, file: Path, target: Path) -> None:
    if not unit.release.member:
        file.rename(target)
        return
    member = unit.fill(unit.release.member, binary=binary)
    archive_name = _name(unit.fill(unit.release.url, binary=binary))
    try:
        with tarfile.open(file, "r:gz") as archive:
            info = archive.getmember(member)
            source = archive.extractfile(info) if info.isreg() else None
            if source is None:
                raise NotPublishedError(f"{member} in {archive_name} is not a file")
            with source, target.open("wb") as output:
                shutil.copyfileobj(source, output, _CHUNK_BYTES)
    except KeyError as error:
        raise NotPublishedError(f"{archive_name} has no member {member}") from error
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise NotPublishedError(f"{archive_name} cannot be unpacked: {error}") from error


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
