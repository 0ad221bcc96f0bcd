"""The page that Allure 3 makes, in a real browser: what it was told can be found and seen, and nothing is loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.conftest import SECONDS
from browser.opened import Opened, keep_picture, opened
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.outages import State
from kube_dns_conformance.reports import write_allure
from kube_dns_conformance.reports.allure3.program import program
from kube_dns_conformance.results import Result, Results, Verdict, Writer
from reports_samples import (
    CHECK,
    HOSTILE,
    MUST,
    SEGMENT,
    changed,
    every_verdict,
    result,
    with_evidence,
)

STALE = """NONCONFORMANT headless.address.ipv4 (2.4.1, MUST): web.shop answers 2 of 3 expected A records
  asked     web.shop.svc.cluster.local. A → 127.0.0.1:5300/udp (dns-0) from this process
  expected  10.0.0.1 10.0.0.3
  got       NOERROR 10.0.0.2"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two runs: in the first all is well, in the second there is every verdict, and a server is hostile."""
    try:
        program()
    except UsageError as why:
        pytest.skip(str(why))
    folder = tmp_path_factory.mktemp("runs")
    second = every_verdict()
    drawn = changed([SEGMENT | {"state": str(one), "name": f"{one.name}.web"} for one in State])
    evidence = {"checks": [CHECK], "changes": [drawn], "state": ["Pod web-1: ready"]}
    stale = result(Verdict.NONCONFORMANT, STALE, "a::test_it_follows", evidence=evidence)
    results = [*second.results, stale, replace(with_evidence("\n".join(HOSTILE)), test="a::test_hostile")]
    first = [replace(one, verdict=Verdict.CONFORMANT, message="", detail="", evidence={}) for one in results]
    runs = [written(folder / "1", second, first, 1), written(folder / "2", second, results, 2)]
    write_allure(runs, folder / "allure.html")
    return folder / "allure.html"


def written(directory: Path, run: Results, results: list[Result], day: int) -> Path:
    writer = Writer(directory)
    began = 1.9e9 + day * 86400
    writer.begin(run.run | {"run": f"0000000{day}", "started": began})
    for one in results:
        writer.add(replace(one, started=began + 1))
    writer.end(began + 60, interrupted=False)
    return directory


def of(found: Opened, test: str) -> Page:
    """Go to what is told of one test."""
    found.page.get_by_test_id("search-input").fill(test)
    found.page.get_by_test_id("tree-leaf").filter(has_text=test).click()
    expect(found.page.get_by_test_id("test-result-info-title")).to_have_text(test)
    return found.page


def test_a_requirement_is_found_by_section_feature_and_level(browser: Browser, page: Path) -> None:
    with opened(browser, page) as found:
        expect(found.page.get_by_test_id("report-title")).to_have_text(
            "DNS conformance, coredns 1.14.7, Kubernetes 1.37.2"
        )
        found.page.get_by_test_id("search-input").fill("it follows")
        expect(found.page.get_by_test_id("tree-section-title")).to_have_text(["2.4.1", "headless", "MUST", MUST])
        expect(found.page.get_by_test_id("tree-leaf")).to_have_count(1)


def test_a_failure_tells_what_was_expected_and_got_and_draws_it(browser: Browser, page: Path) -> None:
    with opened(browser, page) as found:
        told = of(found, "test it follows")
        expect(told.get_by_test_id("test-result-error-message")).to_have_text(STALE.splitlines()[0])
        expect(told.get_by_test_id("test-result-error-trace").first).to_contain_text("got       NOERROR 10.0.0.2")
        expect(told.get_by_text("Category: Nonconformant: DNS said something untrue")).to_be_visible()
        told.get_by_text("change 1", exact=True).click()
        picture = told.get_by_test_id("image-attachment-content").locator("img")
        expect(picture).to_be_visible()
        assert picture.evaluate("one => one.naturalWidth > 0")
        keep_picture(told, "allure-failure")


def test_the_run_before_is_the_history_of_a_test_and_the_first_half_of_the_trend(browser: Browser, page: Path) -> None:
    with opened(browser, page) as found:
        told = of(found, "test it follows")
        told.get_by_test_id("test-result-tab-history").click()
        expect(told.get_by_test_id("test-result-history-item")).to_have_count(1)
    with opened(browser, page, part="#charts") as found:
        trend = found.page.locator("svg", has_text="Latest").first
        expect(trend).to_contain_text(re.compile(r"3/1[789]/2030"))  # where one is when it is opened
        expect(trend.get_by_test_id("bar").first).to_be_visible()
        keep_picture(found.page, "allure-trend")


def test_verdicts_are_categories_and_where_it_was_judged_is_told(browser: Browser, page: Path) -> None:
    with opened(browser, page) as found:
        expect(found.page.get_by_text("cluster.local", exact=True)).to_be_visible()
        found.page.get_by_text("Categories", exact=True).first.click()
        for one in ("Nonconformant: DNS", "Unknown: could not", "Unsupported by", "Not run: the run"):
            expect(found.page.get_by_text(one).first).to_be_visible()
        keep_picture(found.page, "allure-categories")


def test_it_waits_for_what_the_browser_has_not_read_yet(browser: Browser, page: Path) -> None:
    program_part, mark, data_part = page.read_bytes().rpartition(b"<script async>")
    with in_two_parts(program_part, mark + data_part) as (address, go_on):
        found = browser.new_page()
        found.goto(address, wait_until="commit")
        found.locator("#app > *").first.wait_for(state="attached", timeout=SECONDS * 1000)
        found.locator("#allure-app-loader").wait_for(state="detached", timeout=SECONDS * 1000)
        go_on()
        expect(found.get_by_text("cluster.local", exact=True)).to_be_visible()
        found.close()


@contextmanager
def in_two_parts(first: bytes, second: bytes) -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of a page whose second part is not sent before it is asked for."""
    asked = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(first)
            asked.wait()
            self.wfile.write(second)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", asked.set
        finally:
            asked.set()
            server.shutdown()


def test_what_is_hostile_is_text(browser: Browser, page: Path) -> None:
    with opened(browser, page) as found:
        told = of(found, "test hostile")
        expect(told.get_by_test_id("test-result-error-trace").first).to_contain_text("<script>alert(1)</script> &amp;")
        told.get_by_text("checks", exact=True).click()
        expect(told.get_by_test_id("code-attachment-content")).to_contain_text("<script>alert(1)</script> &amp;")
        assert told.locator("#app script, #app img, #app a[href^=javascript], #app a[href*='//x']").count() == 0
