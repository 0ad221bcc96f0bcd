"""The kill table: ``make faults`` runs the whole suite against every fault, and writes docs/faults.md.

With ``--honest N`` it judges the real servers instead, N times: they must be accused of nothing.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from faults import FAULTS, Fault
from faults.trial import LIMITS, Bench, Trial
from kube_dns_conformance.clusters.base import Cluster
from kube_dns_conformance.progress import step
from kube_dns_conformance.requirements import catalogue
from kube_dns_conformance.toolchain import Toolchain
from tools import pool
from tools.command import guarded
from tools.standing import own_cluster

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
WORKERS_PER_CORE = 4
"""Much of a trial is waiting: for a budget to be used up, or for answers to last."""

EVERYTHING = "*"
BY_HAND = "PYTHONPATH=tests .venv/bin/python -m faults --upstream 127.0.0.1:5353 --listen 127.0.0.1:5300"

bench: Bench | None = None


def main() -> int:
    """The command line; 1 when the suite missed a lie, or accused somebody wrongly."""
    parser = argparse.ArgumentParser(
        prog="make faults ARGS=…", description="Runs the suite against servers that lie in one way each."
    )
    parser.add_argument("--fault", action="append", metavar="GLOB", help="only these, repeatable; writes no page")
    parser.add_argument("--honest", type=int, default=0, metavar="N", help="judge the real servers N times instead")
    parser.add_argument("--workers", type=int, default=WORKERS_PER_CORE * (os.cpu_count() or 1), metavar="N")
    arguments = parser.parse_args()
    globs = arguments.fault or ["*"]
    names = [one for one in FAULTS if any(fnmatchcase(one, glob) for glob in globs)]
    if unknown := [one for one in names if FAULTS[one].is_lie and FAULTS[one].caught_by not in catalogue()]:
        parser.error(f"{unknown[0]} is to be noticed by {FAULTS[unknown[0]].caught_by}, which is no requirement")
    if not names:
        parser.error(f"no fault matches {' or '.join(globs)}; PYTHONPATH=tests python -m faults --list shows them")
    began = time.monotonic()
    trials = run([""] * arguments.honest or names, arguments.workers)
    seconds = time.monotonic() - began
    if arguments.fault:
        print(*map(told, trials), sep="\n")  # noqa: T201
    failed = [trial for trial in trials if trial.problems()]
    for trial in failed:
        print(trial.name or "the real servers", *trial.problems(), sep="\n  ")  # noqa: T201
    print(f"{len(trials) - len(failed)} of {len(trials)} as they must be, in {seconds:.0f} s")  # noqa: T201
    if not arguments.honest and not arguments.fault:
        PAGE.write_text(page(trials, seconds))
    return 1 if failed else 0


def run(names: Sequence[str], workers: int) -> list[Trial]:
    """Judge these faults, or for an empty name the real servers, several at once on one cluster."""
    with own_cluster("faults") as cluster, step("judging faulty servers") as progress:
        progress.update(done=0, total=len(names))
        trials: list[Trial] = []
        # What takes long comes first: in the end nobody waits for a whole suite alone.
        for trial in pool.each(judge, sorted(names, key=_is_short), workers, prepare, cluster):
            trials.append(trial)
            progress.update(done=len(trials), note=trial.name)
    order = list(FAULTS)
    return sorted(trials, key=lambda one: order.index(one.name) if one.name else 0)


def prepare(cluster: Cluster) -> None:
    """A process of the pool deploys its workloads when it first needs them."""
    global bench  # noqa: PLW0603 - what a process keeps from one task to the next
    bench = Bench(cluster)


def judge(name: str) -> Trial:
    """One task of a process of the pool."""
    assert bench is not None
    gc.freeze()  # what is there by now stays: to look through it again and again took a twentieth of the time
    return bench.judge(name, *([FAULTS[name].caught_by] if _is_short(name) else []))


def _is_short(name: str) -> bool:
    return bool(name) and is_alone(FAULTS[name])


def is_alone(fault: Fault) -> bool:
    """Whether every answer may be this lie, so that everybody may accuse: only who has to notice is run."""
    return EVERYTHING in fault.touches


def told(trial: Trial) -> str:
    """What was said of it, each first line, and how soon it was noticed."""
    accused = [f"  {line}" for line in trial.accused.values()] or ["  accused of nothing"]
    if trial.fault is None:
        return "\n".join(["the real servers:", *accused])
    by = f" Noticed by {trial.fault.caught_by} after {trial.noticed:.0f} s:" if trial.noticed else ""
    return "\n".join([f"{trial.name}: {trial.fault.lie}.{by}", *accused])


def page(trials: Sequence[Trial], seconds: float) -> str:
    """The table, for people."""
    lies = [one for one in trials if one.fault and one.fault.is_lie]
    others = [one for one in trials if one.fault and not one.fault.is_lie]
    caught = sum(one.fault.caught_by in one.accused for one in lies if one.fault)
    wrongly = sum(any(line.startswith("accused ") for line in one.problems()) for one in trials)
    whole = sum(one.fault is not None and not is_alone(one.fault) for one in trials)
    return "\n".join(
        [
            "# What the suite notices",
            "",
            "DNS servers that lie in one way each, in front of a real CoreDNS ([tests/faults](../tests/faults)):",
            f"{len(lies)} lies, {caught} noticed by the requirement that has to. `make faults` wrote this page, in",
            f"{seconds:.0f} s on {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}, on an embedded cluster with both",
            f"families (Kubernetes {Toolchain().version('kubernetes')}, CoreDNS {Toolchain().version('coredns')})",
            f"and the time limits {', '.join(LIMITS)}.",
            "",
            f"Of the {len(trials)} servers {whole} were judged by the whole suite, and in {wrongly} of these runs",
            "somebody was accused whose answers are right. *Others* are the requirements that accuse as well, because",
            "the lie is in their answers too. Where every answer may be the lie (–) only the requirement that has to",
            "notice was run. *After* is how many seconds that took from the start of the suite; with the usual time",
            "limits it takes longer.",
            "",
            "One of them by hand, and in another terminal what the suite says of it:",
            "",
            "```sh",
            "kube-dns-conformance cluster up --name dev --ip-family dual --dns-port 5353  # names its kubeconfig",
            f"{BY_HAND} --fault ptr-missing",
            "kube-dns-conformance run --name dev --dns-server 127.0.0.1:5300 --requirement 'clusterip.ptr.*'",
            "make faults ARGS='--fault \"ptr-*\"'   # several of them at once, on a cluster of their own",
            "```",
            "",
            "`--list` says what some of them need besides: `--kubeconfig FILE`, to know what is true, or a replica",
            "that is right: `--dns-server 127.0.0.1:5354` beside the other.",
            "",
            "| fault | the lie | noticed by | after | others | in these words |",
            "|---|---|---|---|---|---|",
            *(_row(one, one.fault) for one in lies if one.fault),
            "",
            "What is unusual, and no lie, must be accused of nothing:",
            "",
            "| server | what it does | accused by |",
            "|---|---|---|",
            *(
                f"| `{one.fault.name}` | {one.fault.lie}. | {len(one.accused) or 'nobody'} |"
                for one in others
                if one.fault
            ),
            "",
        ]
    )


def _row(trial: Trial, fault: Fault) -> str:
    line = trial.accused.get(fault.caught_by, "")
    said = neutral(line.partition("): ")[2]).replace("|", "\\|")
    after = f"{trial.noticed:.0f} s" if line else "never"
    others = "–" if is_alone(fault) else len(trial.accused.keys() - {fault.caught_by})
    return f"| `{fault.name}` | {fault.lie}. | `{fault.caught_by}` | {after} | {others} | {said} |"


def neutral(line: str) -> str:
    """Without what differs from run to run."""
    line = re.sub(r"(?i)kdc-[0-9a-f]{8}", "kdc-…", line)
    line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:…", line)
    return re.sub(r"\b10\.(64|96)\.\d+\.\d+", r"10.\1.…", line)


if __name__ == "__main__":
    guarded(main)
