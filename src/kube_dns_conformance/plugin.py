"""The pytest plugin: options, one cluster and one set of workloads for the run, a verdict for every test.

Inert in a session that has no test with a ``requirement`` mark.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from kube_dns_conformance import opening, sharing
from kube_dns_conformance.chosen import Options
from kube_dns_conformance.clusters.base import IpFamily
from kube_dns_conformance.clusters.choice import PROVIDERS
from kube_dns_conformance.clusters.zone import parse_zone
from kube_dns_conformance.errors import ExitCode, KdcError, UsageError
from kube_dns_conformance.evidence import Evidence
from kube_dns_conformance.images import AGENT_IMAGE
from kube_dns_conformance.judge import Nonconformant
from kube_dns_conformance.marks import EVIDENCE, RUN, WRITER, requirement_of
from kube_dns_conformance.progress import console
from kube_dns_conformance.requirements import Level, Profile, Requirement, catalogue, select
from kube_dns_conformance.results import Result, Verdict
from kube_dns_conformance.run import Run
from kube_dns_conformance.signals import cleaning_up, exit_status, heed
from kube_dns_conformance.timings import timings
from kube_dns_conformance.toolchain.versions import parse_versions

pytest_plugins = [
    "kube_dns_conformance.fixtures.cluster",
    "kube_dns_conformance.fixtures.workloads",
    "kube_dns_conformance.fixtures.evidence",
    "kube_dns_conformance.fixtures.upgrade",
]

SELECTED = pytest.StashKey[set[str]]()
OUTCOME = pytest.StashKey[tuple[Verdict, str]]()
STARTED = pytest.StashKey[float]()
UNSUPPORTED = "unsupported: "
MOST_REPETITIONS = 1000
SEVERITY = {Level.MUST: "critical", Level.SHOULD: "normal", Level.MAY: "minor"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options; ``--kubeconfig``, ``--cluster-name``, ``--keep-cluster`` and ``--kind-image`` are pytest-kind's."""
    group = parser.getgroup("kube-dns-conformance", "Kubernetes DNS conformance")

    def option(name: str, text: str, *, many: bool = False, **more: object) -> None:
        variable = _variable(name)
        default = None if many else os.environ.get(variable, "")
        group.addoption(
            name, action="append" if many else "store", default=default, help=f"{text} [{variable}]", **more
        )

    option("--cluster", f"where to judge: {', '.join(PROVIDERS)}", metavar="PROVIDER")
    option("--context", "context of --kubeconfig")
    option("--zone", "cluster domain, default cluster.local")
    option("--dns-server", "ask this server instead, HOST[:PORT], repeatable", many=True, metavar="HOST:PORT")
    option("--ip-family", f"of a cluster of our own: {', '.join(IpFamily)}", metavar="FAMILY")
    option("--tool-version", "version to use, for example kubernetes=1.37.2, repeatable", many=True, metavar="NAME=V")
    option("--agent-image", f"of the Pods that ask from inside, with python3, default {AGENT_IMAGE}", metavar="IMAGE")
    option("--image-registry", "take the images of all Pods from this mirror", metavar="HOST[/PATH]")
    group.addoption(
        "--allow-disruptive",
        action="store_true",
        default=bool(os.environ.get("KDC_ALLOW_DISRUPTIVE")),
        help="judge on somebody's cluster too what cordons its nodes, ends and scales its DNS [KDC_ALLOW_DISRUPTIVE]",
    )
    group.addoption(
        "--allow-large",
        action="store_true",
        default=bool(os.environ.get("KDC_ALLOW_LARGE")),
        help="judge what needs a thousand Pods, too [KDC_ALLOW_LARGE]",
    )
    option("--requirement", "judge only requirements that match, repeatable", many=True, metavar="GLOB")
    option("--profile", "judge only this profile, repeatable", many=True)
    option("--report-dir", "write results.jsonl and the reports made from it here", metavar="DIR")
    option("--push-metrics", "put the metrics there, at a Pushgateway", metavar="URL")
    option("--timing", "change a time limit, repeatable", many=True, metavar="NAME=SECONDS")
    option("--upgrade", "judge what `upgrade watch` has left in this folder", metavar="DIR")
    option("--repeat", "do so many times what changes while DNS is watched", metavar="N")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat what belongs to the profile survival, each time from the change on."""
    number = repetitions(metafunc.config)
    if number > 1 and "repetition" in metafunc.fixturenames and _changes_something(metafunc.definition):
        metafunc.parametrize("repetition", range(1, number + 1), scope="module")


def _changes_something(item: pytest.Item) -> bool:
    if item.get_closest_marker("requirement") is None:
        return False
    return requirement_of(item).profile is Profile.SURVIVAL


def repetitions(config: pytest.Config) -> int:
    """How often; raises UsageError."""
    text = config.getoption("repeat") or "1"
    if not text.isdecimal() or not 1 <= int(text) <= MOST_REPETITIONS:
        raise UsageError(f"--repeat {text}: a number from 1 to {MOST_REPETITIONS}")
    return int(text)


def interruption() -> str:
    """``interrupted by SIGTERM``; empty when nobody told this process to end."""
    status = exit_status()
    return f"interrupted by {signal.Signals(status - 128).name}" if status else ""


def _variable(name: str) -> str:
    return "KDC_" + name.lstrip("-").upper().replace("-", "_")


def _many(config: pytest.Config, name: str) -> list[str]:
    """The values of a repeatable option: those of the command line, and only without any those of the environment."""
    given: list[str] | None = config.getoption(name)
    return os.environ.get(_variable(name), "").split() if given is None else given


def pytest_configure(config: pytest.Config) -> None:
    """Check what was asked for before anything is started."""
    config.addinivalue_line("markers", "requirement(id): the requirement of the catalogue that this test judges")
    try:
        config.stash[SELECTED] = _selected(config)
        options, limits = _options(config), timings(_many(config, "--timing"))
        repetitions(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if not hasattr(config.option, "tbstyle"):  # no terminal of pytest's, which it would look up source code for
        config.option.tbstyle = "native"
    if sharing.is_worker(config):
        config.pluginmanager.register(sharing.Guest(config, options, limits))
        return
    config.stash[RUN] = Run(options, limits)
    if sharing.is_controller(config):
        config.pluginmanager.register(sharing.Host(config))


def _selected(config: pytest.Config) -> set[str]:
    """Those named; else everything but what is said of an upgrade, unless one was watched."""
    globs, profiles = _many(config, "--requirement"), _many(config, "--profile")
    chosen = select(globs, profiles)
    if globs or profiles or config.getoption("upgrade"):
        return chosen
    return {one for one in chosen if catalogue()[one].profile is not Profile.UPGRADE}


def _options(config: pytest.Config) -> Options:
    provider, family = config.getoption("cluster"), config.getoption("ip_family")
    if provider and provider not in PROVIDERS:
        raise UsageError(f"--cluster {provider}: there is {', '.join(PROVIDERS)}")
    if family and family not in set(IpFamily):
        raise UsageError(f"--ip-family {family}: there is {', '.join(IpFamily)}")
    name = config.getoption("cluster_name")
    return Options(
        provider=provider,
        cluster_name="" if name == "pytest-kind" else name,  # pytest-kind's default: nobody asked for a name
        kubeconfig=config.getoption("kubeconfig") or "",
        context=config.getoption("context"),
        zone=parse_zone(config.getoption("zone")),
        dns_servers=tuple(_many(config, "--dns-server")),
        family=IpFamily(family) if family else None,
        versions=parse_versions(_many(config, "--tool-version")),
        keep=bool(config.getoption("keep_cluster")),
        kind_image=config.getoption("kind_image") or os.environ.get("KDC_KIND_IMAGE", ""),
        agent_image=config.getoption("agent_image"),
        image_registry=config.getoption("image_registry"),
        allow_disruptive=config.getoption("allow_disruptive"),
        allow_large=config.getoption("allow_large"),
        upgrade=config.getoption("upgrade"),
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the selected requirements, and tell Allure what each test is about."""
    dropped = []
    for item in items:
        if item.get_closest_marker("requirement") is None:
            continue
        requirement = requirement_of(item)
        if requirement.id not in config.stash.get(SELECTED, {requirement.id}):
            dropped.append(item)
        for label, value in allure_labels(requirement):
            item.add_marker(pytest.mark.allure_label(value, label_type=label))
    if dropped:
        items[:] = [item for item in items if item not in dropped]
        config.hook.pytest_deselected(items=dropped)


def allure_labels(requirement: Requirement) -> list[tuple[str, str]]:
    """What Allure shows, filters and groups by."""
    labels = [
        ("requirement", requirement.id),
        ("level", requirement.level),
        ("profile", requirement.profile),
        ("section", requirement.section),
        ("severity", SEVERITY[requirement.level]),
        ("epic", requirement.profile),
        ("feature", requirement.feature or requirement.id.split(".", maxsplit=1)[0]),
        ("story", requirement.id),
    ]
    return [(name, str(value)) for name, value in labels]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Open the report. From here on, every verdict is written as soon as it is known."""
    if not session.config.option.collectonly and RUN in session.config.stash:
        opening.open_report(session.config, opening.tests_of(session))


def pytest_runtestloop(session: pytest.Session) -> None:
    """Start the cluster and all workloads together, before the first test."""
    if WRITER in session.config.stash:
        opening.prepare(session.config, opening.tests_of(session))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A requirement that the cluster cannot show is unsupported, by the name of what is missing."""
    heed()
    if item.get_closest_marker("requirement") is None:
        return
    item.stash[STARTED] = time.time()
    missing = requirement_of(item).missing(item.config.stash[RUN].cluster.capabilities)
    if missing:
        pytest.skip(f"{UNSUPPORTED}needs {', '.join(missing)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn pytest's outcome into a verdict; the text of a nonconformance stands for itself, without a traceback."""
    report = yield
    if item.get_closest_marker("requirement") is None or RUN not in item.config.stash:
        return report
    known = item.stash.get(OUTCOME, (Verdict.CONFORMANT, ""))
    if known[0] is Verdict.CONFORMANT and call.excinfo is not None:
        item.stash[OUTCOME] = _verdict(report, call.excinfo, requirement_of(item).id)
        if isinstance(call.excinfo.value, Nonconformant | KdcError):
            report.longrepr = item.stash[OUTCOME][1] if report.failed else report.longrepr
    if report.when == "teardown":
        sharing.deliver(_result(item), report, item.config)
    return report


def _verdict(
    report: pytest.TestReport, excinfo: pytest.ExceptionInfo[BaseException], requirement: str
) -> tuple[Verdict, str]:
    error = excinfo.value
    if isinstance(error, pytest.skip.Exception):
        text = str(error)
        return (Verdict.UNSUPPORTED if text.startswith(UNSUPPORTED) else Verdict.SKIPPED), text
    if isinstance(error, AssertionError) and report.when == "call":
        text = str(error)
        return Verdict.NONCONFORMANT, text if text.startswith(
            "NONCONFORMANT"
        ) else f"NONCONFORMANT {requirement}: {text}"
    name = "" if isinstance(error, KdcError) else f"{type(error).__name__}: "
    return Verdict.UNKNOWN, f"UNKNOWN {requirement}: {name}{error}"


def _result(item: pytest.Item) -> Result:
    verdict, detail = item.stash.get(OUTCOME, (Verdict.CONFORMANT, ""))
    evidence = item.stash.get(EVIDENCE, Evidence())
    started = item.stash.get(STARTED, time.time())
    seconds = round(time.time() - started, 3)
    message = detail.splitlines()[0] if detail else ""
    found = evidence.as_data()
    situation = getattr(item, "funcargs", {}).get("situation")
    if situation is not None:
        found["state"] = situation.stated()
    if verdict in Verdict.bad() and situation is not None:
        found["objects"] = situation.objects()  # now, before anything is cleaned up
    name = requirement_of(item).id
    return Result(name, item.nodeid, verdict, message, detail, started, seconds, found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The summary by requirement, under pytest's own."""
    writer = config.stash.get(WRITER, None)
    if writer is None or not writer.results.results:
        return
    from kube_dns_conformance.console import summary  # noqa: PLC0415 - not needed by `run`, which has its own output

    terminalreporter.section("requirements")
    for line in summary(writer.results):
        terminalreporter.write_line(line.plain)
    terminalreporter.write_line(f"{writer.results.outcome()}: {writer.results.counts()}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Take away what was made, write the end of the report and the reports made from it."""
    if RUN in session.config.stash:
        with cleaning_up(final=True):
            _finish(session, session.config.stash[RUN], exitstatus)


def _finish(session: pytest.Session, run: Run, exitstatus: int) -> None:
    writer = session.config.stash.get(WRITER, None)
    directory = session.config.getoption("report_dir")
    try:
        if writer is not None and directory and writer.results.has_bad():
            run.save_logs(Path(directory) / "logs")
    except OSError as error:
        console.print(f"could not save the logs: {error}", markup=False)
    finally:
        run.close()
    if writer is None or not writer.results.run:
        return
    interrupted = exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    ended_by = session.config.stash.get(opening.ENDED_BY, interruption()) if interrupted else ""
    try:
        writer.end(time.time(), interrupted=interrupted, ended_by=ended_by)
        from kube_dns_conformance.reports import github, metrics, write_all  # noqa: PLC0415 - slow, and needed once

        if directory:
            write_all(Path(directory))
        told = [*github.workflow_commands(writer.results), github.append_step_summary(writer.results)]
        told += [metrics.push(writer.results, session.config.getoption("push_metrics"))]
        for line in filter(None, told):
            console.print(line, markup=False, soft_wrap=True)
    except (OSError, KdcError) as error:
        console.print(f"the report is not complete: {error}", markup=False)
        session.exitstatus = int(ExitCode.COULD_NOT_JUDGE)
        return
    if not interrupted:
        session.exitstatus = int(writer.results.exit_code())
