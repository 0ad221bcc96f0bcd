"""Which provider is meant when nobody says."""

from __future__ import annotations

from kube_dns_conformance.clusters import engine, store

PROVIDERS = ("kind", "embedded", "existing")


def choose(asked: str, name: str) -> tuple[str, str]:
    """The provider and why: as asked, else that of the running cluster ``name``, else kind where it can be made.

    ``existing`` is never a guess. Raises UsageError for a name that is none.
    """
    if asked:
        return asked, "asked for"
    if name:
        entry = store.load(store.directory(name))
        if entry.cluster is not None and entry.is_running():
            return entry.provider, f"{name} runs"
    if engine.answers():
        return "kind", "a container engine answers"
    return "embedded", "no container engine answers"
