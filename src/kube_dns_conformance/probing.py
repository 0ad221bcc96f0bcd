"""Probers, wherever they run: what the suite reads from, beside this process and from an agent alike."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from kube_dns_conformance.agent.clock import Course
from kube_dns_conformance.agent.observations import Probe, Said, Seen
from kube_dns_conformance.agent.proxy import Agent, AgentGoneError, Agents
from kube_dns_conformance.clock import now
from kube_dns_conformance.errors import ClusterError

Observation = tuple[Seen, Said]
AGENT_SECONDS = 0.25
"""No more often than that something is read that waits: a request for each answer would cost everybody on its way more
than the question did."""
STAYS_SECONDS = 5.0
"""For so long no other agent asks in place of one whose Pod is ready: it goes on asking, and nobody else has seen that.
"""


class Probing(ABC):
    """A prober that runs. ``slots`` is how many slots it had, ``missed`` in how many of them it did not ask.

    ``ahead`` is how many seconds the clock of its machine is ahead of ours, ``error`` how far the times that it tells
    by ours may be off.
    """

    slots = 0
    missed = 0
    ahead = 0.0
    error = 0.0

    @property
    def position(self) -> str:
        """Up to where it was read, for whoever goes on reading should this process die; empty where nobody can."""
        return ""

    def keep(self, position: str) -> None:  # noqa: B027 - what this process has seen goes with it anyhow
        """From this position on nothing is to be forgotten yet, for whoever goes on reading."""

    @abstractmethod
    def take(self, within: float) -> list[Observation]:
        """What is new, waiting for it up to ``within`` seconds; those of a probe in the order of asking.

        Raises ClusterError when nothing can be asked.
        """

    @abstractmethod
    def stop(self) -> None:
        """End it."""


class InAgent(Probing):
    """In an agent; should that be gone in another, and what the first has seen and nobody has taken is lost then."""

    def __init__(
        self, agents: Agents, probes: Sequence[Probe], slot: float, timeout: float, position: str = ""
    ) -> None:
        """``position`` is that of another process, which died: what was seen since is not lost."""
        self._agents = agents
        self._ask = (probes, slot, timeout)
        self._agent: Agent | None = None
        self._id = ""
        self._seen = 0
        self._needed: int | None = None
        self._said: list[Said] = []
        self._before = (0, 0)
        self._heard = now()
        self._course = Course()
        agents.ask(partial(self._go_on, position) if position else self._start)

    @property
    def position(self) -> str:
        """See `Probing`."""
        return f"{self._name} {self._seen} {self._course}" if self._agent else ""

    @property
    def _name(self) -> str:
        return f"{self._agent.pod} {self._id}" if self._agent else ""

    def keep(self, position: str) -> None:
        """See `Probing`."""
        self._needed = int(position.split()[2]) if position.startswith(f"{self._name} ") else 0

    def take(self, within: float) -> list[Observation]:
        """See `Probing`."""
        gathered(self._heard + AGENT_SECONDS, within)
        return self._agents.ask(partial(self._take, within))

    def stop(self) -> None:
        """See `Probing`."""
        if self._agent:
            with suppress(ClusterError):  # it ends by itself as well
                self._agent.end_probe(self._id)

    def _start(self, agent: Agent) -> None:
        _meet(agent)
        # What another agent saw since it was heard last is lost, and slots in which nobody asked are missed.
        lost = int((now() - self._heard) / self._ask[1])
        self._before = (self.slots + lost, self.missed + lost)
        self._id, self._agent, self._seen, self._said = agent.probe(*self._ask), agent, 0, []
        self._needed = None if self._needed is None else 0

    def _go_on(self, position: str, agent: Agent) -> None:
        pod, prober, seen, *course = position.split()
        if agent.pod != pod:
            self._start(agent)
            return
        _meet(agent)
        self._course.go_on(" ".join(course), agent.clock)
        self._id, self._agent, self._seen, self._said = prober, agent, int(seen), []

    def _take(self, within: float, agent: Agent) -> list[Observation]:
        if self._agent is None or agent.pod != self._agent.pod:
            self._insist_gone()
            self._start(agent)
        self._agent = agent
        forget = self._seen if self._needed is None else self._needed
        news = agent.news(self._id, self._seen, len(self._said), within, forget)
        if news is None:  # its container was started anew
            self._start(agent)
            return []
        self.ahead, self.error = agent.clock.skew, max(self.error, agent.clock.error)
        self._seen = news.first + len(news.seen)
        self._said += news.said
        slots, missed = self._before
        self.slots, self.missed = slots + news.slots, missed + news.missed
        self._heard = now()
        self._course.follow(agent.clock)
        return [(one._replace(sent=self._course.here(one.sent)), self._said[one.said]) for one in news.seen]

    def _insist_gone(self) -> None:
        """Raise AgentGoneError, for the one that asks to be tried once more, while that may still answer."""
        pod = self._agent.pod if self._agent else ""
        if now() - self._heard < STAYS_SECONDS and pod in {one.pod for one in self._agents.ready()}:
            raise AgentGoneError(f"agent {pod} does not answer, and is ready")


def gathered(moment: float, within: float) -> float:
    """Wait until then, no longer than ``within`` seconds; returns the time (epoch seconds)."""
    time.sleep(max(0.0, min(within, moment - now())))
    return now()


def _meet(agent: Agent) -> None:
    """Nothing that it has seen is to be told by a clock that is hardly known."""
    if not agent.clock.is_known:
        agent.learn_clock()
