"""One change as the documentation shows it: ``python -m tools.example`` draws docs/example.svg, without a cluster.

What two DNS servers said while a Pod was restarted is spelled out here; judge, reports and picture are those of a run.
``python -m tools.example DIR`` writes its whole report.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from kube_dns_conformance.change import Change, Telling
from kube_dns_conformance.dns.compare import Expected, exactly, no_such_name
from kube_dns_conformance.dns.model import Answer, Question, Record, Records, Server
from kube_dns_conformance.events import Event
from kube_dns_conformance.judge import Judge, Nonconformant
from kube_dns_conformance.reports import write_all
from kube_dns_conformance.reports.picture import picture
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Verdict, Writer
from kube_dns_conformance.survival import insist_agreement, insist_followed, insist_gone, insist_unbroken
from kube_dns_conformance.timings import Timings
from kube_dns_conformance.vantage import ThisProcess
from kube_dns_conformance.watch import WAYS, Observer

PICTURE = Path(__file__).parent.parent / "docs" / "example.svg"
TIMINGS = Timings()
WEB_1 = Question("web-1.web-headless.shop.svc.cluster.local.", "A")
SERVICE = Question("web-headless.shop.svc.cluster.local.", "A")
OLD, NEW, SIBLINGS = "10.244.1.8", "10.244.2.9", ("10.244.1.7", "10.244.2.5")
TTL = 5
BEGAN, GONE, READY, END = 1_900_000_000.0, 0.2, 1.6, 22.0
"""When the Pod is deleted (epoch seconds); seconds from then until it is gone, the new one is ready, all ends."""
DELAY, LISTS_ANEW = 0.3, 18.4
DNS_0, DNS_1 = Server("dns-0", "10.244.0.2"), Server("dns-1", "10.244.0.3")
"""The first is always ``DELAY`` behind the objects; the second hears of nothing until it lists them anew."""
SUITE = "suites/survival/test_pod_restart.py::"
Insist = Callable[[Judge, Change], None]
TESTS: dict[str, tuple[str, Insist]] = {
    "name-follows": (
        "test_the_name_follows_to_the_new_address",
        lambda judge, seen: insist_followed(judge, seen, [WEB_1]),
    ),
    "old-address-gone": ("test_the_old_address_goes_everywhere_and_stays_gone", insist_gone),
    "siblings-unbroken": ("test_the_siblings_never_blink", insist_unbroken),
    "replicas-agree": (
        "test_all_replicas_agree_on_the_pod_and_its_service",
        lambda judge, seen: insist_agreement(judge, seen, [WEB_1, SERVICE]),
    ),
}


def change() -> Change:
    """What was seen from a second before the Pod was deleted on."""
    told = Telling(_true(-1.0), BEGAN - 1.0)
    for since in (GONE, READY):
        told.hear(_true(since), BEGAN + since)
    settled = BEGAN + READY
    events = [
        Event(BEGAN + at, kind, "shop", name, what)
        for at, kind, name, what in (
            (0.0, "Pod", "web-1", f"is on its way out, ready at {OLD}"),
            (GONE, "Pod", "web-1", "is gone"),
            (READY, "Pod", "web-1", f"ready at {NEW}"),
        )
    ]
    observer = Observer("this process", TIMINGS.slot, round((END + 1.0) / TIMINGS.slot), 0, 0.0, 0.0)
    deadline = settled + TIMINGS.propagation + TTL
    answers = list(_answers())
    return Change(
        answers, told.truths(), BEGAN, settled, deadline, TIMINGS.hold, TIMINGS.propagation, events, (observer,)
    )


def results() -> list[Result]:
    """Every requirement of suites/survival/test_pod_restart.py, judged on that change."""
    seen = change()
    return [
        _judged(f"survival.pod-restart.{name}", SUITE + test, insist, seen) for name, (test, insist) in TESTS.items()
    ]


def drawn() -> str:
    """That change as a picture."""
    text = picture(results()[0].evidence["changes"][0])
    assert text, "there is something to draw"
    return text


def write(directory: Path) -> None:
    """Write the report of a run that judged nothing else."""
    judged = results()
    cluster = {
        "provider": "existing",
        "kubernetes": "1.37.2",
        "zone": "cluster.local",
        "dns": [{"name": one.name, "host": one.host, "port": one.port} for one in (DNS_0, DNS_1)],
        "capabilities": ["ipv4", "dns-replicas"],
        "implementation": [{"name": "coredns", "version": "1.14.7", "image": ""}],
    }
    writer = Writer(directory)
    writer.begin(
        {
            "run": "example",
            "version": "0.1.0",
            "command": "kube-dns-conformance run --requirement 'survival.pod-restart.*'",
            "started": BEGAN - 10.0,
            "timings": TIMINGS.as_data(),
            "selected": {one.test: one.requirement for one in judged},
            "cluster": cluster,
        }
    )
    for one in judged:
        writer.add(one)
    writer.end(BEGAN + END + 1.0, interrupted=False)
    write_all(directory)


def _judged(requirement: str, test: str, insist: Insist, seen: Change) -> Result:
    judge = Judge(
        catalogue()[requirement], ThisProcess(TIMINGS.answer), [DNS_0, DNS_1], TIMINGS, "cluster.local", lambda _: False
    )
    verdict, detail = Verdict.CONFORMANT, ""
    try:
        insist(judge, seen)
    except Nonconformant as error:
        verdict, detail = Verdict.NONCONFORMANT, str(error)
    message = detail.partition("\n")[0]
    return Result(requirement, test, verdict, message, detail, BEGAN - 1.0, END + 1.0, judge.evidence.as_data())


def _true(at: float) -> dict[Question, Expected]:
    """What the objects say so many seconds from the change."""
    own = [OLD] if at < GONE else [NEW] if at >= READY else []
    return {WEB_1: exactly(own) if own else no_such_name(), SERVICE: exactly([*SIBLINGS, *own])}


def _answers() -> Iterator[Answer]:
    for slot in range(round((END + 1.0) / TIMINGS.slot)):
        at = slot * TIMINGS.slot - 1.0
        for server, heard in ((DNS_0, at - DELAY), (DNS_1, at if at >= LISTS_ANEW else -1.0)):
            for question, must in _true(heard).items():
                records = Records(Record(question.name, "A", TTL, one) for one in sorted(must.values))
                rcode = "NOERROR" if records else "NXDOMAIN"
                for way in WAYS:
                    yield Answer(question, server, way, BEGAN + at, 0.001, rcode, records=records)


if __name__ == "__main__":
    if sys.argv[1:]:
        write(Path(sys.argv[1]))
    else:
        PICTURE.write_text(drawn() + "\n", encoding="utf-8")
