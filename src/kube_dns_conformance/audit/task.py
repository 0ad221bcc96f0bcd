"""What the Pods of a spread audit are told: a file that the runner writes and they read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from kube_dns_conformance import __version__
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.timings import Timings

NAME = "audit"
"""Of the Job or DaemonSet, and of what belongs to it, as in the manifest."""
RESULT_LABEL = "kube-dns-conformance/result"
"""Of the ConfigMaps with what was found, as a label; as an annotation it says whose that is, and which piece."""
DATA = "outcome"
PIECE_BYTES = 500_000
"""A ConfigMap holds a mebibyte, in base64."""


@dataclass(frozen=True)
class Task:
    """``shards`` is how many share the work; 0 when each does all of it, on a node of its own.

    ``served`` has the record types that the servers give for the addresses of Pods.
    """

    run: str
    namespace: str
    zone: str
    servers: tuple[Server, ...]
    namespaces: tuple[str, ...]
    rate: float
    timings: Timings
    served: tuple[str, ...]
    shards: int
    version: str = __version__

    def as_text(self) -> str:
        """For the file."""
        return json.dumps(asdict(self))


def read(path: Path) -> Task:
    """From the file. Raises UsageError when it is that of another version."""
    data = json.loads(path.read_text())
    if data["version"] != __version__:
        raise UsageError(f"this image has version {__version__}, and whoever started it {data['version']}")
    tuples = {name: tuple(data[name]) for name in ("namespaces", "served")}
    tuples["servers"] = tuple(Server(**one) for one in data["servers"])
    return Task(**data | tuples | {"timings": Timings(**data["timings"])})
