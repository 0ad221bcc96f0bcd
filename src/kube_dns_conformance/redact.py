"""Keeps secrets out of the report. Whatever is written there goes through here, once, when it is recorded.

Objects as evidence may hold Secrets, tokens in variables and what webhooks added; an error text may quote the
credentials that the API server was given. What cannot be told from a secret is left out: evidence is about DNS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

MASK = "(redacted)"
KEYS = {
    *("token", "password", "secret", "authorization", "access-token", "id-token", "refresh-token", "client-secret"),
    *("client-key-data", "client-certificate-data", "certificate-authority-data", "cabundle"),
}
"""A text under one of these names is a credential, whatever it looks like."""
SHORTEST = 6
"""Shorter ones are no secrets, and would tear holes into words."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
KUBERNETES = ("kubernetes.io", "k8s.io")
"""The domains of annotations that are of use as evidence. Others are anybody's, as those of injectors of secrets."""

_NAME = r"token|password|passwd|secret|api[-_]?key|client[-_]key[-_]data|client[-_]certificate[-_]data"
_NAME += r"|certificate[-_]authority[-_]data|authorization"
_PATTERNS: list[tuple[re.Pattern[str], str]] = [
    # PEM, to its end or that of the text; and the same in base64, as kubeconfigs have it
    (re.compile(r"-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"LS0tLS1CRUdJTi[\w+/=-]*"), MASK),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), MASK),  # a JSON Web Token
    (re.compile(r"(\bbearer(?:\s+token)?[\s:=\"'\[]+)[^\s\"'\],]{8,}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(rf"((?:{_NAME})[\"']?\s*[:=]\s*[\"']?(?:basic\s+)?)[^\s\"',}}]{{6,}}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"(\w://)[^/\s:@]+:[^/\s@]+@"), rf"\1{MASK}@"),
]
LONGEST_KEPT = 256
"""Of so many letters are most texts of a report, and most of them come again and again."""
_known: set[str] = set()


def remember(*secrets: str) -> None:
    """From now on leave these out as well. Of this process: whoever learns of a credential says so, and it is safe."""
    _known.update(secret for secret in secrets if len(secret) >= SHORTEST)
    _again.cache_clear()


def remember_kubeconfig(content: Mapping[str, Any]) -> None:
    """The credentials in the text of a kubeconfig."""

    def walk(value: Any) -> None:
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(one, dict | list):
                walk(one)
            elif isinstance(one, str) and _is_credential(key):
                remember(one)

    walk(content.get("users") or [])


def text(one: str) -> str:
    """A text without secrets."""
    return _again(one) if len(one) <= LONGEST_KEPT else _without_secrets(one)


def _without_secrets(one: str) -> str:
    for secret in sorted(_known, key=len, reverse=True):
        one = one.replace(secret, MASK)
    for pattern, instead in _PATTERNS:
        one = pattern.sub(instead, one)
    return one


_again = lru_cache(maxsize=10_000)(_without_secrets)


def data(value: Any) -> Any:
    """A copy of what JSON can say, without secrets."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list | tuple):
        return [data(one) for one in value]
    if not isinstance(value, dict):
        return value
    hidden = {"data", "stringData"} if value.get("kind") == "Secret" else set()
    return {text(str(key)): _masked(one) if key in hidden else _of_key(str(key), one) for key, one in value.items()}


def files(directory: Path) -> None:
    """Take the secrets out of every file below a directory. Raises OSError."""
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            before = path.read_text(encoding="utf-8", errors="surrogateescape")
            after = text(before)
            if after != before:
                path.write_text(after, encoding="utf-8", errors="surrogateescape")


def _of_key(key: str, value: Any) -> Any:
    if _is_credential(key) and isinstance(value, str):
        return MASK if value else value
    return _FIELDS.get(key, data)(value)


def _is_credential(key: object) -> bool:
    return str(key).lower().replace("_", "-") in KEYS


def _masked(value: Any) -> Any:
    return dict.fromkeys(value, MASK) if isinstance(value, dict) else MASK


def _env(value: Any) -> Any:
    """The variables of a container: their names, and whence they come."""
    if not isinstance(value, list):
        return data(value)
    return [one | {"value": MASK} if isinstance(one, dict) and "value" in one else data(one) for one in value]


def _annotations(value: Any) -> Any:
    if not isinstance(value, dict):
        return data(value)
    return {key: data(one) if _is_of_kubernetes(key) else MASK for key, one in value.items()}


def _is_of_kubernetes(annotation: str) -> bool:
    domain = annotation.partition("/")[0]
    return annotation != LAST_APPLIED and any(domain == one or domain.endswith(f".{one}") for one in KUBERNETES)


_FIELDS: dict[str, Callable[[Any], Any]] = {"env": _env, "annotations": _annotations}
