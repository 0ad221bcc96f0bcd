"""The pages in a real browser: nothing fails, filters and links work, all can be read, and what is hostile is text."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from browser.opened import DESKTOP, PHONE, Scheme, keep_picture, opened
from kube_dns_conformance.outages import State
from kube_dns_conformance.reports import pages
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Results, Verdict
from kube_dns_conformance.upgrade.budget import Budget
from kube_dns_conformance.upgrade.seen import read
from kube_dns_conformance.upgrade.upgraded import Upgraded
from reports_samples import (
    HEAD,
    HOSTILE,
    MUST,
    SEGMENT,
    SIX,
    changed,
    every_verdict,
    hostile_cluster,
    result,
    with_evidence,
)
from unit.test_upgrade_difference import BEFORE as UPGRADED
from unit.test_upgrade_seen import HEAD as HEAD_OF_WATCH
from unit.test_upgrade_seen import SERVERS, seen

AA = 4.5
"""The least contrast of text: WCAG 2.2, 1.4.3."""
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
LONG = "web-headless.a-namespace-with-a-name-that-is-as-long-as-names-may-be-in-kubernetes.svc.cluster.local." * 3


def write(folder: Path, html: str) -> Path:
    path = folder / "page.html"
    path.write_text(html)
    return path


def of_run(folder: Path, text: str = LONG) -> Path:
    """The page of a run with every verdict, a change that is drawn, and this text wherever a server can put it."""
    run = every_verdict()
    drawn = changed([SEGMENT | {"state": str(one), "name": f"{one.name}.{text}"} for one in State], name=text)
    stale = result(Verdict.NONCONFORMANT, "stale", evidence={"changes": [drawn]})
    return write(folder, pages.of_run(Results(run.run, [*run.results, with_evidence(text), stale])))


def side_by_side(folder: Path) -> Path:
    return write(folder, pages.side_by_side([every_verdict(), hostile_cluster(LONG)], ["OLD", LONG]))


def of_upgrade(folder: Path, text: str = LONG) -> Path:
    """The page of an upgrade that left one node without answers, with this text wherever a cluster can put it."""
    answers = [seen(100, 105), seen(105.5, 111, "no answer", cause="timeout", said=text), seen(111.5, 120)]
    lines = [
        *(row | {"name": text} for row in (*answers, seen(100, 120, vantage="w2"))),
        {"kind": "mark", "at": 104.0, "of": "Node", "name": text, "what": text},
        {"kind": "end", "at": 130.0, "commanded": 120.0, "announced": 30.0, "status": 0},
    ]
    after = replace(UPGRADED, software=(text,), configuration={text: text}, addresses=(text,))
    upgraded = Upgraded(UPGRADED, after, read([HEAD_OF_WATCH, *SERVERS, *lines]), Budget())
    asked = {"name": text, "before": text, "after": text}
    outcome = {"outcome": "nonconformant", "command": 1, "broken": {MUST: text}, "answered_otherwise": [asked]}
    return write(folder, pages.of_upgrade(outcome, upgraded, every_verdict(), hostile_cluster(text)))


def test_an_upgrade_begins_with_what_is_wrong_and_has_the_lines_that_differ(browser: Browser, tmp_path: Path) -> None:
    name = "configuration kube-system/coredns/Corefile"
    before = replace(UPGRADED, configuration={name.split()[1]: ".:53 {\n  pods insecure\n  ttl 30\n}\n"})
    after = replace(UPGRADED, configuration={name.split()[1]: ".:53 {\n  ttl 30\n}\n"})
    upgraded = Upgraded(before, after, read([HEAD_OF_WATCH, *SERVERS, seen(100, 120)]), Budget())
    outcome = {"outcome": "nonconformant", "command": 0, "broken": {MUST: "why"}, "answered_otherwise": []}
    runs = every_verdict(), Results(every_verdict().run, [result(Verdict.NONCONFORMANT, "all that is known of it")])
    with opened(browser, write(tmp_path, pages.of_upgrade(outcome, upgraded, *runs))) as found:
        assert found.page.locator("main section").first.get_by_text("all that is known of it").is_visible()
        cells = found.page.locator("#facts tr", has_text=name).locator("td").all_inner_texts()
        assert [one.strip() for one in cells] == ["-  pods insecure", ""]


@pytest.mark.parametrize("name", ["run", "side-by-side", "upgrade"])
def test_it_fits_every_screen_and_can_be_read(name: str, browser: Browser, tmp_path: Path) -> None:
    make = {"run": of_run, "side-by-side": side_by_side, "upgrade": of_upgrade}[name]
    schemes: tuple[Scheme, ...] = ("light", "dark")
    with opened(browser, make(tmp_path)) as found:
        found.page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        for (width, height), scheme in product((DESKTOP, PHONE), schemes):
            found.page.set_viewport_size({"width": width, "height": height})
            found.page.emulate_media(color_scheme=scheme)
            assert not found.is_wider_than_the_screen(), (width, scheme)
            assert found.page.evaluate(CONTRAST, AA) == [], (width, scheme)
            keep_picture(found.page, f"{name}-{width}-{scheme}")


def test_names_and_states_filter_the_requirements(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, of_run(tmp_path)) as found:
        everything = found.shown()
        assert sorted(everything) == sorted(catalogue())
        found.page.get_by_role("searchbox").fill("clusterip.address.ipv")
        assert found.shown() == ["clusterip.address.ipv4", "clusterip.address.ipv6"]
        assert found.page.locator("output").inner_text() == f"2 of {len(everything)} shown"
        found.page.get_by_role("searchbox").fill("")
        for box in found.page.get_by_role("checkbox").all():
            box.set_checked(box.get_attribute("value") == "is-unknown")
        assert found.shown() == [SIX[1]]


def test_what_is_wrong_leads_to_its_evidence(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, of_run(tmp_path)) as found:
        found.page.get_by_role("searchbox").fill("nothing has this name")
        assert found.shown() == []
        found.page.locator("#wrong").get_by_role("link", name=MUST).first.click()
        assert found.shown() == [MUST]
        assert is_open(found.page, MUST)
        assert found.page.locator(f"[id='{MUST}'] svg").is_visible()


def test_a_link_from_elsewhere_opens_what_it_leads_to(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, of_run(tmp_path), part=f"#{MUST}") as found:
        assert is_open(found.page, MUST)
        assert found.page.locator(f"[id='{MUST}']").bounding_box()["y"] < DESKTOP[1]  # type: ignore[index]


def test_the_keyboard_is_enough(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, of_run(tmp_path)) as found:
        found.page.keyboard.press("Tab")
        assert found.page.locator(":focus").inner_text() == "To the requirements"
        found.page.keyboard.press("Enter")
        found.page.keyboard.press("Tab")
        found.page.keyboard.type("headless.address.ipv4")
        assert found.shown() == [MUST]
        found.page.locator("summary:visible").last.focus()
        found.page.keyboard.press("Enter")
        assert is_open(found.page, MUST)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_text(text: str, browser: Browser, tmp_path: Path) -> None:
    hostile = hostile_cluster(text)
    page = pages.of_run(Results(hostile.run, [*hostile.results, with_evidence(text)]))
    with opened(browser, write(tmp_path, page)) as found:
        found.page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        assert found.page.locator("script").count() == 1
        assert found.page.locator("img, iframe, object, embed, link").count() == 0
        assert {one for one in links(found.page) if not one.startswith("#")} == set()


def test_the_page_of_an_upgrade_says_what_broke_where_and_when(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, of_upgrade(tmp_path, "web.shop.svc.cluster.local.")) as found:
        assert "nonconformant" in found.page.locator("h1").inner_text()
        found.page.get_by_role("link", name="While it went on").click()
        row = found.page.locator("#seen tbody tr").first
        assert row.locator("th, td").all_inner_texts()[:4] == ["kube-dns/udp", "w1", "1", "6.00 s"]
        assert found.page.locator("#seen figure svg").is_visible()
        assert found.page.locator("#happened li").all_inner_texts()[0].startswith("4.0 s: Node")
        assert [one.get_attribute("href") for one in found.page.locator("header a").all()] == [
            "before/index.html",
            "after/index.html",
        ]


def test_what_is_hostile_is_text_on_the_page_of_an_upgrade(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, of_upgrade(tmp_path, " ".join(HOSTILE))) as found:
        assert found.page.locator("script").count() == 1
        assert found.page.locator("img, iframe, object, embed, link").count() == 0
        elsewhere = {one for one in links(found.page) if not one.startswith("#")}
        assert elsewhere == {"before/index.html", "after/index.html"}


def test_a_script_that_somebody_puts_into_it_is_not_run(browser: Browser, tmp_path: Path) -> None:
    page = pages.of_run(Results(HEAD, [])).replace("</body>", "<script>document.title = 'owned'</script></body>")
    with (
        pytest.raises(AssertionError, match="Content Security Policy"),
        opened(browser, write(tmp_path, page)) as found,
    ):
        assert found.page.title() != "owned"


def is_open(page: Page, requirement: str) -> bool:
    return bool(page.locator(f"[id='{requirement}']").evaluate("one => one.open"))


def links(page: Page) -> list[str]:
    return [one.get_attribute("href") or "" for one in page.locator("a").all()]
