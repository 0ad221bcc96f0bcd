"""Allure results, written with Allure's own model, so that every Allure version reads them."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Attachment, Label, StatusDetails, TestResult

from kube_dns_conformance.plugin import allure_labels
from kube_dns_conformance.reports import coverage
from kube_dns_conformance.reports.picture import picture
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.results import Result, Results, Verdict
from kube_dns_conformance.text import printable

# What Allure calls it: nonconformant is a product error, unknown a test error; the two are never mixed.
STATUS = {
    Verdict.CONFORMANT: "passed",
    Verdict.NONCONFORMANT: "failed",
    Verdict.UNKNOWN: "broken",
    Verdict.UNSUPPORTED: "skipped",
    Verdict.SKIPPED: "skipped",
    Verdict.NOT_RUN: "unknown",
}
CATEGORIES = [
    {"name": "Nonconformant: DNS said something untrue, or nothing usable", "matchedStatuses": ["failed"]},
    {
        "name": "Bench: an error of this suite, not of the cluster",
        "matchedStatuses": ["broken"],
        # An error that nobody foresaw has the name of its class in front, see plugin._verdict.
        "messageRegex": r"^UNKNOWN \S+: [A-Z]\w+: .*",
    },
    {
        "name": "Unknown: could not be judged",
        "matchedStatuses": ["broken"],
        "messageRegex": r"^(?!UNKNOWN \S+: [A-Z]\w+: ).*",
    },
    {"name": "Not run: the run ended before", "matchedStatuses": ["unknown"]},
    {"name": "Unsupported by the cluster, or skipped", "matchedStatuses": ["skipped"]},
]
"""What Allure groups the results by that are not conformant.

Allure 2 matches the whole message, Allure 3 any part of it: both shall find the same. Allure 3 takes them from its own
configuration, see ``allure3``.
"""


def write(results: Results, directory: Path) -> None:
    """Write a result for every test and the environment, in place of what an earlier report left there."""
    logger = AllureFileLogger(directory, clean=True)
    for result in results.results + results.not_run():
        told = described(result)
        told.attachments = _attachments(result, logger)
        logger.report_result(told)
    lines = [f"{name}={_escaped(value)}" for name, value in _environment(results).items() if value]
    (directory / "environment.properties").write_text("\n".join(lines) + "\n", encoding="latin-1")
    (directory / "categories.json").write_text(json.dumps(CATEGORIES, indent=2) + "\n", encoding="utf-8")


def title(results: Results) -> str:
    """What was judged, in a line."""
    environment = _environment(results)
    about = [environment["implementation"], environment["kubernetes"] and f"Kubernetes {environment['kubernetes']}"]
    return printable(", ".join(["DNS conformance", *filter(None, about)]))


def described(result: Result) -> TestResult:
    """A result in Allure's model, without its evidence."""
    requirement = catalogue()[result.requirement]
    stable = hashlib.sha256(result.test.encode()).hexdigest()
    return TestResult(
        uuid=str(uuid.uuid4()),
        historyId=stable,  # nothing random in it: the same test of the next run is its history
        testCaseId=stable,
        fullName=result.test,
        name=result.test.rpartition("::")[2].replace("_", " "),
        description=requirement.sentence,
        status=STATUS[result.verdict],
        statusDetails=_details(result) if result.message else None,
        stage="finished",
        start=int(result.started * 1000),
        stop=int((result.started + result.seconds) * 1000),
        labels=[Label(name=name, value=value) for name, value in allure_labels(requirement)],
    )


def _environment(results: Results) -> dict[str, str]:
    run, cluster = results.run, results.run.get("cluster", {})
    software = [f"{one['name']} {one['version']}" for one in coverage.implementation(cluster)]
    return {
        "implementation": ", ".join(software),
        "kubernetes": cluster.get("kubernetes", ""),
        "provider": cluster.get("provider", ""),
        "ip.families": ", ".join(coverage.ip_families(cluster)),
        "capabilities": ", ".join(cluster.get("capabilities", [])),
        "zone": cluster.get("zone", ""),
        "outcome": results.outcome(),
        "run": run.get("run", ""),
        "kube-dns-conformance": run.get("version", ""),
        "command": run.get("command", ""),
    }


def _escaped(value: str) -> str:
    """As the format of Java's properties wants it: a backslash is doubled, what is not ASCII becomes ``\\uXXXX``."""
    units = printable(value).encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    shown = (chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)
    return "".join("\\\\" if one == "\\" else one for one in shown)


def _details(result: Result) -> StatusDetails:
    return StatusDetails(message=printable(result.message), trace=printable(result.detail))


def _attachments(result: Result, logger: AllureFileLogger) -> list[Attachment]:
    made = []
    for number, change in enumerate(result.evidence.get("changes", []), 1):
        if drawn := picture(change):
            source = f"{uuid.uuid4()}-attachment.svg"
            logger.report_attached_data(drawn, source)
            made.append(Attachment(name=f"change {number}", source=source, type="image/svg+xml"))
    for name, content in result.evidence.items():
        if content:
            source = f"{uuid.uuid4()}-attachment.json"
            logger.report_attached_data(json.dumps(content, indent=2), source)
            made.append(Attachment(name=name, source=source, type="application/json"))
    return made
