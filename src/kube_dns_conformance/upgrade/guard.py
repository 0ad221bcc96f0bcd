"""Asks names of a cluster from every node while it is upgraded, and writes down what is seen and what happens.

Whatever goes away meanwhile (the API server, nodes, DNS replicas) ends nothing: what the agents have seen until they
can be reached again is fetched then, and judged against what the objects were at that time.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.model import Answer, Question, Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.journal import Journal
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.outages import State, cause, state
from kube_dns_conformance.progress import console
from kube_dns_conformance.promises import Key
from kube_dns_conformance.run import Run
from kube_dns_conformance.text import printable
from kube_dns_conformance.timeline import Lane, Runs, gap_of
from kube_dns_conformance.upgrade.budget import Budget
from kube_dns_conformance.upgrade.surroundings import Surroundings
from kube_dns_conformance.vantage import Vantage
from kube_dns_conformance.watch import Watch, gentle_slot
from kube_dns_conformance.watching.names import Truths

ROUND_SECONDS = 0.5
PATIENCE_SECONDS = 1.0
"""DNS may hear of a change before we do."""
KEPT_SECONDS = 5.0
"""What was seen is not written down later than that, so that no more is lost should this process die."""
Row = dict[str, Any]
_Post = tuple[str, Server]


class Guard:
    """Watches until `end`. What is heard of is written to the journal at once."""

    def __init__(
        self, run: Run, live: Live, keys: Sequence[Key], journal: Journal, budget: Budget, before: Sequence[Row] = ()
    ) -> None:
        """``before`` is what the journal has of a process that died: this one goes on where it was."""
        self._run = run
        self._live = live
        self._questions = [Question(*key) for key in keys]
        self._journal = journal
        self._truths = Truths(live, run.cluster.zone, keys)
        self._servers = set(run.cluster.dns)
        kube = Kube(run.cluster.kubeconfig, run.cluster.context)
        replicas = [one.host for one in self._servers if one.single]
        self._around = Surroundings(live, kube, self._addresses(), replicas, self.mark)
        self._fixed = {one for one in self._servers if not (self._is_discovered() and one.single)}
        self._there = set(self._servers)
        self._positions = {(row["node"], row["server"]): row["at"] for row in before if row["kind"] == "position"}
        self._known = _known(before)
        self._vantages: dict[str, Vantage] = {}
        self._watches: dict[_Post, Watch] = {}
        self._read: dict[_Post, deque[tuple[float, str]]] = {}
        self._waiting: list[Answer] = []
        self._told = ""
        self._not_right: dict[Lane, str] = {}
        self._began = self._alive_at = now()
        self.announced = 0.0
        self._kept_at = now()
        self.slot = self._slot()
        if before:
            self.slot, self._began = float(before[0]["slot"]), float(before[0]["began"])
        self._runs = Runs(gap_of(self.slot))
        if before:
            self.mark("watch", "", "goes on")
            self.round()
            return
        # Should the end not be written: so much at most is granted for what was announced.
        head = {"began": self._began, "slot": self.slot, "keys": keys, "announced": run.timings.cache}
        head["propagation"] = run.timings.propagation
        journal.add("watch", head | {"budget": budget.as_data(), "timings": run.timings.as_data()})
        for server in self._servers:
            journal.add("server", asdict(server))
        self.round()

    @property
    def granted(self) -> float:
        """How long (seconds) DNS and those who keep its answers may take to follow a change."""
        return self._run.timings.propagation + self.announced

    def round(self) -> None:
        """See what has changed, and take what was seen. All may be away for a while: no ClusterError is raised."""
        if self._live.is_alive:
            self._alive_at = now()
            with suppress(ClusterError):
                self._look()
                self._place()
            self._take()
        self._hear_of_changes()
        self._judge(min(now() - PATIENCE_SECONDS, self._alive_at))
        self._tell()
        if now() - self._kept_at > KEPT_SECONDS:
            self._keep()
        time.sleep(ROUND_SECONDS)

    def mark(self, kind: str, name: str, what: str) -> None:
        """Something has happened now."""
        self._journal.add("mark", {"at": round(now(), 3), "of": kind, "name": name, "what": what})
        self._say(f"{kind} {name}: {what}".replace(" :", ":"))

    def end(self) -> None:
        """Stop, and write down all that is left. Raises ClusterError when the API server does not come back."""
        self._live.wait_alive(self._run.timings.settle)
        self._alive_at = now()
        self._take()
        for post in list(self._watches):
            self._leave(post)
        self._hear_of_changes()
        self._judge(float("inf"))
        self._keep()

    def _keep(self) -> None:
        """So that no more is lost of it should this process die."""
        self._kept_at = now()
        for line in self._runs.rest():
            self._journal.add("seen", line)
        for post, watch in self._watches.items():
            place, server = post
            position = self._written(post)
            watch.keep(position)
            self._journal.add("position", {"node": place, "server": server.name, "at": position})

    def _written(self, post: _Post) -> str:
        """A position before which all that was read has been judged, and so is written down."""
        waiting = [one.sent for one in self._waiting if (one.vantage, one.server) == post]
        read, since = self._read[post], min([now(), *waiting]) - PATIENCE_SECONDS
        while len(read) > 1 and read[1][0] < since:
            read.popleft()
        return read[0][1]

    def _slot(self) -> float:
        nodes = max(1, len(self._run.vantage.posts()))
        return gentle_slot(self._run.timings.slot, nodes, len(self._servers), len(self._questions))

    def _look(self) -> None:
        """Which DNS servers there are now: those that Pods are told to ask, and whatever is ready behind them."""
        replicas = self._around.look()
        for server in replicas - self._servers:
            self._servers.add(server)
            self._journal.add("server", asdict(server))
        self._there = self._fixed | replicas

    def _is_discovered(self) -> bool:
        return not self._run.options.dns_servers and self._run.cluster.provider != "embedded"

    def _addresses(self) -> set[str]:
        return {one.host for one in self._servers if not one.single} if self._is_discovered() else set()

    def _place(self) -> None:
        """Ask from every node with an agent, of every server that is there; and no more of those that have gone."""
        for vantage in self._run.vantage.posts():
            self._vantages.setdefault(vantage.place, vantage)
        for place, vantage in self._vantages.items():
            for server in self._there:
                if (place, server) not in self._watches:
                    position = self._positions.pop((place, server.name), "")
                    watch = Watch([vantage], [server], self._questions, self.slot, position)
                    with suppress(ClusterError):
                        self._watches[place, server] = watch.__enter__()
                        self._read[place, server] = deque([(now(), position or watch.position)])
                        watch.keep(position or watch.position)
        for post in [post for post in self._watches if post[1] not in self._there]:
            self._leave(post)

    def _leave(self, post: _Post) -> None:
        watch = self._watches.pop(post)
        del self._read[post]
        with suppress(ClusterError):
            watch.__exit__(None)
            self._waiting += watch.take(0.0)
        for one in watch.observers:
            self._journal.add("observer", one.as_data() | {"name": f"{post[0] or one.name} of {post[1].name}"})

    def _take(self) -> None:
        ready = {vantage.place for vantage in self._run.vantage.posts()}
        for post, watch in self._watches.items():
            if post[0] in ready:  # nobody waits for those that have gone
                with suppress(ClusterError):
                    self._waiting += watch.take(0.0)
                    self._read[post].append((now(), watch.position))

    def _hear_of_changes(self) -> None:
        with suppress(ClusterError):
            for moment, key, said in self._truths.news():
                line = {"at": round(moment, 3), "name": key.name, "type": key.rdtype, "says": str(said)}
                self._journal.add("truth", line)

    def _judge(self, until: float) -> None:
        """Judge what was asked before ``until``: of what came later the objects may not have been heard yet."""
        ready = sorted((one for one in self._waiting if one.sent < until), key=lambda one: one.sent)
        self._waiting = [one for one in self._waiting if one.sent >= until]
        for at, answer in enumerate(ready):
            if answer.sent < self._known.get(Lane.of(answer), 0.0) + self.slot / 2:
                continue
            truth = self._truths.of(answer.question)
            found = state(answer, truth)
            if found is State.WRONG:
                try:
                    self._truths.confirm(answer.question, answer.sent)
                except ClusterError:  # it is not known yet what was true then
                    self._waiting = ready[at:] + self._waiting
                    return
                truth = self._truths.of(answer.question)
                found = state(answer, truth)
            if line := self._runs.add(answer, truth):
                self._journal.add("seen", line)
            self._note(answer, found)

    def _note(self, answer: Answer, found: State) -> None:
        ttls = [*(record.ttl for record in answer.records), answer.negative_ttl or 0]
        self.announced = max(self.announced, min(max(ttls), self._run.timings.cache))
        if answer.server.single and self._is_discovered():
            return
        if found is State.RIGHT:
            self._not_right.pop(Lane.of(answer), None)
        else:
            self._not_right[Lane.of(answer)] = cause(answer, found)

    def _tell(self) -> None:
        counts = Counter(self._not_right.values())
        told = ", ".join(f"{why} {count}" for why, count in counts.most_common())
        if told != self._told:
            self._told = told
            self._say(
                f"paths that are not answered rightly: {told}" if told else "every path is answered rightly again"
            )

    def _say(self, text: str) -> None:
        console.print(printable(f"dns {now() - self._began:+.1f} s  {text}"), markup=False)


def _known(rows: Iterable[Row]) -> dict[Lane, float]:
    """When a process that died asked last in each lane, of what it has written down (epoch seconds)."""
    found: dict[Lane, float] = {}
    for row in rows:
        if row["kind"] == "seen":
            question = Question(row["name"], row["type"])
            lane = Lane(question, row["server"], row["transport"], row.get("vantage", ""))
            found[lane] = max(found.get(lane, 0.0), row["to"])
    return found
