"""What documents show is there: files, headings, excerpts, pictures, and failures as the tool prints them."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from contextlib import ExitStack
from pathlib import Path

import pytest

from dns_server import DnsServer, records
from documents import PAGES, ROOT, anchors, blocks, links
from kube_dns_conformance.dns.compare import exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.judge import Judge, Nonconformant
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.resources import PACKAGE
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import ThisProcess
from tools import example

EXCERPTS = [(page, one.text) for page in PAGES for one in blocks(page) if one.language in {"toml", "yaml", "python"}]

WRITTEN_BY_COMMANDS = {"requirements", "faults", "matrix", "kubernetes-e2e"}
"""Pages that nobody reads from the beginning to the end."""
READ_BY_NEWCOMERS = [
    one for one in PAGES if one.parent in {ROOT, ROOT / "docs"} and one.stem not in WRITTEN_BY_COMMANDS
]


def short(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} is not there"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


@pytest.mark.parametrize(("page", "text"), EXCERPTS, ids=lambda one: short(one) if isinstance(one, Path) else "")
def test_an_excerpt_is_of_the_file_that_it_names(page: Path, text: str) -> None:
    head, _, excerpt = text.partition("\n")
    assert excerpt in (ROOT / head.removeprefix("# ")).read_text()


@pytest.mark.parametrize("page", READ_BY_NEWCOMERS, ids=short)
def test_a_newcomer_reads_a_page_in_a_few_minutes(page: Path) -> None:
    assert len(page.read_text().split()) <= 750


def test_the_files_of_the_architecture_are_there() -> None:
    page = ROOT / "docs" / "architecture.md"
    named = re.findall(r"`([\w/]+(?:/|\.py|\.toml))`", page.read_text())
    folders = re.findall(r"^(\w+/) ", page.read_text(), re.MULTILINE)
    assert (len(named) > 20, len(folders)) == (True, 10)
    assert [one for one in named if not (PACKAGE / one).exists() and not (ROOT / one).exists()] == []
    assert [one for one in folders if not (ROOT / one).is_dir()] == []


@pytest.mark.parametrize("name", ["example.svg", "architecture.svg"])
def test_a_picture_stands_alone(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    assert ET.fromstring(text).findtext("{http://www.w3.org/2000/svg}title")
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


def test_the_picture_of_the_example_is_current() -> None:
    assert (ROOT / "docs" / "example.svg").read_text() == example.drawn() + "\n", "make docs draws it again"


def test_the_example_is_judged_as_the_page_says() -> None:
    verdicts = {one.requirement.rpartition(".")[2]: str(one.verdict) for one in example.results()}
    assert verdicts == {
        "name-follows": "nonconformant",
        "old-address-gone": "nonconformant",
        "siblings-unbroken": "conformant",
        "replicas-agree": "conformant",
    }
    assert failures(ROOT / "docs" / "failure.md")[1] == example.results()[0].detail


def failures(page: Path) -> list[str]:
    return [one.text.rstrip() for one in blocks(page) if one.text.startswith("NONCONFORMANT")]


@pytest.mark.parametrize("page", ["README.md", "docs/failure.md"])
def test_a_missing_record_is_told_as_the_page_shows_it(page: str) -> None:
    name = "three.shop.svc.cluster.local."
    three, two = ["10.244.1.7", "10.244.1.8", "10.244.2.5"], ["10.244.1.7", "10.244.2.5"]
    limits = Timings(answer=20.0, propagation=0.01, cache=0.01)
    with ExitStack() as stack:
        lying = [DnsServer(records({f"{name} A": two}, ttl=0), f"server-{at}") for at in range(3)]
        servers = [stack.enter_context(one) for one in lying]
        vantage, one = ThisProcess(limits.answer), catalogue()["headless.address.ipv4"]
        judge = Judge(one, vantage, servers, limits, "cluster.local", lambda _: False)
        with pytest.raises(Nonconformant) as caught:
            judge.insist(lambda: {Question(name, "A"): exactly(three)}, settled_at=time.time())
    assert neutral(failures(ROOT / page)[0]) == neutral(str(caught.value))


def neutral(text: str) -> str:
    """Without where DNS servers are, and how long it took."""
    text = re.sub(r"→ \S+:\d+/", "→ SERVER/", text)
    text = re.sub(r"@\S+( -p \d+)?", "@SERVER", text)
    text = re.sub(r"\d\d:\d\d:\d\d\.\d", "TIME", text)
    return re.sub(r"\d+ (s|rounds)\b", r"N \1", text)
