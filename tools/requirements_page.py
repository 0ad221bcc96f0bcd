"""The catalogue as a page: ``python -m tools.requirements_page`` writes docs/requirements.md."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from kube_dns_conformance.clusters.base import DESCRIPTIONS
from kube_dns_conformance.requirements import Profile, Requirement, catalogue

PAGE = Path(__file__).parent.parent / "docs" / "requirements.md"
PROFILES = {
    Profile.CORE: "what the specification says that must or should exist",
    Profile.EXTENDED: "what users rely on beyond it, each a named feature",
    Profile.SURVIVAL: "what holds while Pods, nodes and DNS itself come and go",
    Profile.UPGRADE: "what holds across an upgrade of the cluster",
}


def page() -> str:
    """The page's text."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    known = list(catalogue().values())
    yield "# Requirements"
    yield ""
    yield f"{len(known)} requirements, from `src/kube_dns_conformance/catalogue.toml` by `make docs`. Sections are of"
    yield "[Kubernetes DNS-Based Service Discovery](https://github.com/kubernetes/dns/blob/master/docs/specification.md),"
    yield "schema 1.1.0, where nothing else is named; the sentences are this project's own."
    yield ""
    yield "| profile | requirements | |"
    yield "|---|---|---|"
    for profile, text in PROFILES.items():
        if count := sum(one.profile is profile for one in known):
            yield f"| {profile} | {count} | {text} |"
    yield ""
    yield "A requirement that needs what a cluster does not have is *unsupported* there, by these names:"
    yield ""
    for capability, text in DESCRIPTIONS.items():
        yield f"- `{capability}`: {text}"
    for subject, some in groupby(known, key=lambda one: one.id.split(".", maxsplit=1)[0]):
        yield ""
        yield f"## {subject}"
        yield ""
        yield "| requirement | section | level | profile | |"
        yield "|---|---|---|---|---|"
        yield from map(_row, some)
    yield ""


def _row(one: Requirement) -> str:
    needs = f" Needs {', '.join(f'`{need}`' for need in one.needs)}." if one.needs else ""
    reading = f" *Reading: {one.reading}*" if one.reading else ""
    profile = f"{one.profile}, {one.feature}" if one.feature else one.profile
    return f"| `{one.id}` | {one.section} | {one.level} | {profile} | {one.sentence}{needs}{reading} |"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
