"""An audit's verdicts: all is asked once, and what differs again until it agrees or DNS has no excuse left."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from kube_dns_conformance.audit.checks import Checks
from kube_dns_conformance.audit.findings import Finding, Outcome, finding
from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.audit.selection import promises_of, subjects
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.compare import Expected
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.judge import ROUND_PAUSE_SECONDS, Mismatch, announced_ttl
from kube_dns_conformance.progress import step
from kube_dns_conformance.promises import Key, Promises
from kube_dns_conformance.rounds import Rounds
from kube_dns_conformance.timings import Timings


@dataclass
class _Pending:
    """What differed: ``changed_at`` is when its objects changed last, since when DNS is granted its time."""

    rounds: Rounds
    changed_at: float
    expected: Expected


class Auditor:
    """Asks and asks again. ``outcome`` is what is known so far, ``found`` is called with every finding."""

    def __init__(
        self,
        live: Live,
        checks: Checks,
        zone: str,
        timings: Timings,
        found: Callable[[Finding], None],
        outcome: Outcome | None = None,
    ) -> None:
        self.outcome = outcome or Outcome()
        self._live = live
        self._checks = checks
        self._zone = zone
        self._timings = timings
        self._found = found
        self._changes = -1
        self._promises: Promises = {}
        self._pending: dict[Key, _Pending] = {}

    def promises(self) -> Promises:
        """What is promised now."""
        changes = self._live.changes
        if changes != self._changes:
            self._promises, self._changes = promises_of(self._live, self._zone), changes
        return self._promises

    def audit(self, keys: list[Key]) -> None:
        """Ask all ``keys``. Raises ClusterError when a server or the API server is gone."""
        title = f"asking {len(keys)} names and types of {len(self._checks.servers)} servers"
        with step(title) as progress, self.outcome.spent_on("asking"):
            promises = self.promises()
            there = [key for key in keys if key in promises]
            wrong = self._checks.round(promises, there, progress)
        self.outcome.gone = len(keys) - len(there)
        self.outcome.asked.update((promises[key].section, key.rdtype) for key in there)
        for key, some in wrong.items():
            changed_at = self._changed_at(key, promises)
            self._pending[key] = _Pending(Rounds(self._timings, changed_at), changed_at, promises[key].expected())
            self._add(key, some)
        self.outcome.again = len(wrong)
        if wrong:
            title = f"asking again what differed: {len(wrong)} names and types"
            with step(title) as progress, self.outcome.spent_on("asking again"):
                while self._pending:
                    progress.update(note=f"{len(self._pending)} left")
                    self._again()
        self.outcome.questions = self._checks.asked
        self.outcome.sent_twice = self._checks.sent_twice
        self._live.insist_alive()

    def _again(self) -> None:
        self._live.insist_alive()
        promises = self._renew()
        began = time.monotonic()
        wrong = self._checks.round(promises, list(self._pending))
        for key in self._pending:
            self._add(key, wrong.get(key, []))
        self._judge(promises, wrong)
        if self._pending:  # never more than half of the time
            time.sleep(max(ROUND_PAUSE_SECONDS, time.monotonic() - began))

    def _renew(self) -> Promises:
        """What is promised now; what changed since is granted its time again."""
        promises = self.promises()
        for key, one in list(self._pending.items()):
            if key not in promises:
                del self._pending[key]
                self.outcome.gone += 1
                continue
            if self._has_changed(key, promises):
                one.changed_at, one.expected = self._changed_at(key, promises), promises[key].expected()
                try:
                    one.rounds.begin_anew()
                except ClusterError as error:
                    self.outcome.unknown[key] = str(error)
                    del self._pending[key]
        return promises

    def _add(self, key: Key, wrong: list[Mismatch]) -> None:
        asked_at = min((one.answer.sent for one in wrong), default=now())
        said = [(one.answer.server.name, str(one.difference)) for one in wrong]
        self._pending[key].rounds.add(said, announced_ttl(wrong), asked_at)

    def _judge(self, promises: Promises, wrong: dict[Key, list[Mismatch]]) -> None:
        condemned = {
            key: wrong[key] for key, one in self._pending.items() if key in wrong and one.rounds.without_excuse
        }
        for key in [key for key, one in self._pending.items() if one.rounds.right_for_good]:
            del self._pending[key]
        if not condemned:
            return
        self._live.confirm(self._subjects(promises, condemned))
        known = self.promises()
        for key, some in condemned.items():
            if not self._has_changed(key, known):
                where, when = (self._checks.vantage.name, self._zone), self._pending[key].rounds.when_wrong()
                self.outcome.findings.append(finding(key, known[key], some, when, where))
                self._found(self.outcome.findings[-1])
                del self._pending[key]

    def _has_changed(self, key: Key, promises: Promises) -> bool:
        one = self._pending[key]
        same = key in promises and promises[key].expected() == one.expected
        return not same or self._changed_at(key, promises) != one.changed_at

    def _changed_at(self, key: Key, promises: Promises) -> float:
        return self._live.changed_at(subjects(key, promises[key], self._zone))

    def _subjects(self, promises: Promises, keys: Collection[Key]) -> set[tuple[str, str]]:
        return {subject for key in keys for subject in subjects(key, promises[key], self._zone)}
