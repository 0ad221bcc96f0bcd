"""Runs as the reports see them: one of each verdict, and what a hostile server may have said."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from kube_dns_conformance.results import Result, Results, Verdict

MUST = "headless.address.ipv4"
FEATURE = "statefulset.names.own-address"
SIX = (
    *("clusterip.address.ipv4", "clusterip.address.ipv6", "clusterip.srv.named-port"),
    *("headless.address.ipv4", "headless.address.ipv6", "headless.address.no-ready-endpoint"),
)
"""Requirements of the profile core."""
HEAD: dict[str, Any] = {
    "run": "12ab34cd",
    "version": "0.1.0",
    "command": "kube-dns-conformance run --cluster embedded",
    "started": 1900000000.0,
    "timings": {"answer": 2.0, "stable": 3},
    "cluster": {
        "provider": "embedded",
        "kubernetes": "1.37.2",
        "zone": "cluster.local",
        "dns": [{"name": "dns-0", "host": "127.0.0.1", "port": 5300}],
        "capabilities": ["ipv4"],
        "implementation": [{"name": "coredns", "version": "1.14.7", "image": ""}],
    },
}
CHECK = {
    "expected": "10.0.0.1",
    "differs": "missing 10.0.0.1",
    "name": "web.shop.svc.cluster.local.",
    "type": "A",
    "server": "dns-0",
    "address": "127.0.0.1:5300",
    "transport": "udp",
    "sent": 1.0,
    "milliseconds": 0.5,
    "bytes": 120,
    "rcode": "NOERROR",
    "answer": ["5 A 10.0.0.2"],
}
SEGMENT = {
    "name": "web.shop.svc.cluster.local.",
    "type": "A",
    "server": "dns-0",
    "transport": "udp",
    "from": 100.0,
    "to": 101.5,
    "came": 101.6,
    "asks": 31,
    "said": "NOERROR 10.0.0.2",
}
CHANGE: dict[str, Any] = {"began": 100.25, "settled": 100.5, "deadline": 115.5, "propagation": 10.0, "observers": []}
"""Times of a change that `SEGMENT` was seen of."""
HOSTILE = [
    "\x00\x01\x08\x0b\x0c\x1b\x7f\x85",
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m",
    "<script>alert(1)</script> &amp; ]]> <!-- -->",
    "```\n# heading\n````\n| a | b |\n|---|---|",
    "~~~\n> quote\n- list\n1. item\n    code",
    "| pipes | and \\| more |\\",
    "[link](javascript:alert(1)) ![image](http://x/y) <http://auto.link> **bold** _em_ `code`",
    "\ufffe\uffff\ud800 lone surrogate, \u202e bidi, \u2028 line",
    "first line\r\n\r\nsecond\n\n\nthird",
    "```" * 40,
]
SOUP = st.text("`~|\\<>&[](){}*_#!-=\n\r\t\x00\x1b\u2028\ud800 ab1", max_size=40)


def result(verdict: Verdict, text: str = "", test: str = "suites/a.py::test_it", **more: Any) -> Result:
    return Result(MUST, test, verdict, text.split("\n", maxsplit=1)[0], text, 1900000001.0, 1.5, **more)


def changed(seen: list[dict[str, Any]], *windows: dict[str, Any], **event: Any) -> dict[str, Any]:
    """A change as evidence: what was seen of it, how long, and what happened."""
    events = [{"at": 100.5, "kind": "Pod", "name": "web-1", "what": "is gone", "own": {}} | event]
    return CHANGE | {
        "timeline": seen,
        "windows": list(windows),
        "truth": [],
        "rules": ["all is right"],
        "events": events,
    }


def with_evidence(text: str) -> Result:
    """A result in which a server had its hand in every place that it can reach."""
    said = [f"5 TXT {text}"]
    check = CHECK | {"name": text, "expected": text, "answer": said}
    silent = CHECK | {"problem": text, "rcode": None}
    claim = check | {"claim": True, "question": text, "authority": said, "edns": 0, "options": text}
    seen = [SEGMENT | {"said": text, "name": text}]
    found: dict[str, Any] = {
        "checks": [check, silent, claim],
        "before": seen,
        "changes": [changed(seen, kind=text, name=text)],
    }
    found |= {"state": [f"Pod {text}: ready"]}
    found |= {"events": [{"at": 100.0, "kind": text, "name": text, "what": text}]}
    return result(Verdict.NONCONFORMANT, f"NONCONFORMANT x: {text}", evidence=found)


def every_verdict() -> Results:
    """One test of each verdict, each of a requirement of its own; the last was not run."""
    tests = dict(zip(map(str, Verdict), SIX, strict=True))
    results = [
        Result(tests[one], one, one, f"{one} because", f"{one} because\n  detail", 1.9e9, 0.5)
        for one in Verdict
        if one is not Verdict.NOT_RUN
    ]
    return Results(HEAD | {"selected": tests}, results)


def hostile_cluster(text: str) -> Results:
    """A run on a cluster that says this wherever it may say something."""
    cluster: dict[str, Any] = {
        "kubernetes": text,
        "zone": text,
        "provider": "existing",
        "capabilities": [text],
        "dns": [],
    }
    cluster |= {"implementation": [{"name": text, "version": text, "image": text}]}
    return Results(HEAD | {"cluster": cluster}, [result(Verdict.NONCONFORMANT, f"NONCONFORMANT {text}")])


def verdicts(**of: Verdict) -> Results:
    """A run that has these verdicts, and says nothing else; two underscores for a dot."""
    found = [Result(name.replace("__", "."), f"test_{name}", one, "", "", 100.0) for name, one in of.items()]
    return Results({}, found)
