"""Asks names of a cluster from every node while it is upgraded, and writes down what is seen and what happens.

Whatever goes away meanwhile (the API server, nodes, DNS replicas) ends nothing: what the agents have seen until they
can be reached again is fetched then, and judged against what the objects were at that time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

from kube_dns_conformance.agent.discovery import replicas_of
from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.model import Answer, Question, Server
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.journal import Journal
from kube_dns_conformance.kube import Kube, Object
from kube_dns_conformance.oracle import SERVICE_LABEL, has_condition
from kube_dns_conformance.outages import State, cause, state
from kube_dns_conformance.progress import console
from kube_dns_conformance.promises import Key
from kube_dns_conformance.run import Run
from kube_dns_conformance.text import printable
from kube_dns_conformance.timeline import Lane, Runs
from kube_dns_conformance.upgrade.budget import Budget
from kube_dns_conformance.upgrade.seen import gap_of
from kube_dns_conformance.vantage import Vantage
from kube_dns_conformance.watch import WAYS, Watch
from kube_dns_conformance.watching.names import Truths

ROUND_SECONDS = 0.5
PATIENCE_SECONDS = 1.0
"""DNS may hear of a change before we do."""
QUESTIONS_PER_SECOND = 5000
"""Of all nodes together no more than this: being watched must not be what hurts."""
_Post = tuple[str, Server]


class Guard:
    """Watches until `end`. What is heard of is written to the journal at once."""

    def __init__(self, run: Run, live: Live, keys: Sequence[Key], journal: Journal, budget: Budget) -> None:
        self._run = run
        self._live = live
        self._kube = Kube(run.cluster.kubeconfig, run.cluster.context)
        self._questions = [Question(*key) for key in keys]
        self._journal = journal
        self._truths = Truths(live, run.cluster.zone, keys)
        self._servers = dict.fromkeys(run.cluster.dns, True)
        self._vantages: dict[str, Vantage] = {}
        self._watches: dict[_Post, Watch] = {}
        self._nodes: dict[str, str] = {}
        self._waiting: list[Answer] = []
        self._told = ""
        self._not_right: dict[Lane, str] = {}
        self._began = self._alive_at = now()
        self.announced = 0.0
        self.slot = self._slot()
        self._runs = Runs(gap_of(self.slot))
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
        for line in self._runs.rest():
            self._journal.add("seen", line)

    def _slot(self) -> float:
        """As often as it may be, for this many nodes and names."""
        nodes = max(1, len(self._run.vantage.posts()))
        load = nodes * len(self._servers) * len(self._questions) * len(WAYS)
        return max(self._run.timings.slot, load / QUESTIONS_PER_SECOND)

    def _look(self) -> None:
        """Which DNS replicas and nodes there are now."""
        for server in self._replicas() - self._servers.keys():
            self._servers[server] = True
            self._journal.add("server", asdict(server))
            self.mark("DNS replica", server.name, f"is ready at {server.host}")
        for server, is_there in self._servers.items():
            gone = server.single and self._is_discovered() and server not in self._replicas()
            if gone is is_there:
                self._servers[server] = not gone
                self.mark("DNS replica", server.name, "is not ready any more" if gone else "is ready again")
        for node in self._kube.list("v1", "Node")[0]:
            name, said = node["metadata"]["name"], _node(node)
            if self._nodes.setdefault(name, said) != said:
                self._nodes[name] = said
                self.mark("Node", name, said)

    def _is_discovered(self) -> bool:
        return not self._run.options.dns_servers and self._run.cluster.provider != "embedded"

    def _replicas(self) -> set[Server]:
        if not self._is_discovered():
            return set()
        addresses = {server.host for server in self._servers if not server.single}
        found = set[Server]()
        for service in self._live.objects("Service"):
            for address in addresses.intersection(service["spec"]["clusterIPs"] or []):
                slices = [one for one in self._live.objects("EndpointSlice") if _belongs(one, service)]
                found |= set(replicas_of(service, slices, address))
        return found

    def _place(self) -> None:
        """Ask from every node with an agent, of every server that is there; and no more of those that have gone."""
        for vantage in self._run.vantage.posts():
            self._vantages.setdefault(vantage.place, vantage)
        for place, vantage in self._vantages.items():
            for server, is_there in self._servers.items():
                if is_there and (place, server) not in self._watches:
                    with suppress(ClusterError):
                        self._watches[place, server] = Watch(
                            [vantage], [server], self._questions, self.slot
                        ).__enter__()
        for post in [post for post in self._watches if not self._servers[post[1]]]:
            self._leave(post)

    def _leave(self, post: _Post) -> None:
        watch = self._watches.pop(post)
        with suppress(ClusterError):
            watch.__exit__(None)
            self._waiting += watch.take(0.0)
        for one in watch.observers:
            self._journal.add("observer", one.as_data() | {"name": f"{post[0] or one.name} of {post[1].name}"})

    def _take(self) -> None:
        for (place, _), watch in self._watches.items():
            if self._run.vantage.place or not place or self._is_ready(place):
                with suppress(ClusterError):
                    self._waiting += watch.take(0.0)

    def _is_ready(self, place: str) -> bool:
        return place in {one.place for one in self._run.vantage.posts()}

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
            truth = self._truths.of(answer.question)
            found = state(answer, truth)
            if found is State.WRONG:
                try:
                    self._truths.confirm(answer.question)
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
                f"names that are not answered rightly: {told}" if told else "every name is answered rightly again"
            )

    def _say(self, text: str) -> None:
        console.print(printable(f"dns {now() - self._began:+.1f} s  {text}"), markup=False)


def _belongs(one: Object, service: Object) -> bool:
    meta = service["metadata"]
    labels = one["metadata"].get("labels", {})
    return bool(one["metadata"]["namespace"] == meta["namespace"] and labels.get(SERVICE_LABEL) == meta["name"])


def _node(node: Object) -> str:
    """What an upgrade does to a node."""
    parts = [
        f"kubelet {node['status']['nodeInfo']['kubeletVersion']}",
        "ready" if has_condition(node, "Ready") else "not ready",
        *(["cordoned"] if node["spec"].get("unschedulable") else []),
    ]
    return ", ".join(parts)
