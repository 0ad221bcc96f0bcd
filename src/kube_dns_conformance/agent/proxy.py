"""The suite's side of the agents: batches through the API server's Pod proxy, to one agent or in its stead another."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import urllib3.exceptions
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from kube_dns_conformance.agent import batch
from kube_dns_conformance.agent.clock import Clock
from kube_dns_conformance.agent.connect import Connection
from kube_dns_conformance.agent.exchange import Reply, Request
from kube_dns_conformance.agent.flight import longest_flight
from kube_dns_conformance.agent.observations import Probe
from kube_dns_conformance.agent.probes import News, decode_news, encode_start
from kube_dns_conformance.agent.resolver import Facts, Resolution
from kube_dns_conformance.agent.server import AGENT_HEADER, PARALLEL_EXCHANGES, TOKEN_HEADER
from kube_dns_conformance.clock import now
from kube_dns_conformance.errors import ClusterError

T = TypeVar("T")
PORT = 8765
REQUESTS_AT_ONCE = 1000
FLIGHT_SECONDS = 5.0
"""No flight is made slower than that by its rate: nothing comes meanwhile, and somebody on the way may hang up."""
SLACK_SECONDS = 5.0
RESOLVER_SECONDS = 60.0
RETRY_SECONDS = 0.5
CLOCK_ROUND_TRIPS = 3


class AgentGoneError(ClusterError):
    """This agent does not answer now; another one may, or this one later."""


class CutOffError(AgentGoneError):
    """Its answer ended before its end, which says nothing about the agent: somebody on the way hung up."""


class RefusedError(ClusterError):
    """The API server does not let this user ask."""


class Agent:
    """One agent Pod. Every method raises AgentGoneError when it is out of reach, ClusterError when it is refused."""

    def __init__(self, api: ApiClient, namespace: str, pod: str, token: str, node: str = "") -> None:
        self.pod = pod
        self.node = node
        self.clock = Clock()
        self._api = api
        self._base = f"/api/v1/namespaces/{namespace}/pods/{pod}:{PORT}/proxy"
        self._token = token

    def exchange(self, requests: Sequence[Request]) -> list[Reply]:
        """Carry messages to DNS servers; times are told by the clock of this process."""
        replies: list[Reply] = []
        for start in range(0, len(requests), REQUESTS_AT_ONCE):
            replies += self._exchange(requests[start : start + REQUESTS_AT_ONCE])
        return replies

    def fly(self, requests: Sequence[Request], rate: float) -> list[Reply]:
        """Carry many messages over UDP, no more than ``rate`` a second (0: as they are answered); see `Flights`."""
        size = min(REQUESTS_AT_ONCE, math.ceil(rate * FLIGHT_SECONDS)) if rate else REQUESTS_AT_ONCE
        replies: list[Reply] = []
        for start in range(0, len(requests), size):
            replies += self._fly(requests[start : start + size], rate)
        return replies

    def resolve(self, names: Sequence[str], family: str = "any") -> list[Resolution]:
        """What the Pod's own resolver makes of these names, given as a program would give them."""
        body = json.dumps([(name, family) for name in names]).encode()
        taken = self._post("/resolve", body, len(names), RESOLVER_SECONDS)
        found = map(Resolution._make, taken.replies)
        return [one._replace(sent=self.clock.here(one.sent), addresses=tuple(one.addresses)) for one in found]

    def connect(self, targets: Sequence[tuple[str, int]]) -> list[Connection]:
        """Connect from the Pod to each name and port, and learn who answers."""
        taken = self._post("/connect", json.dumps(targets).encode(), len(targets), RESOLVER_SECONDS)
        return list(map(Connection._make, taken.replies))

    def probe(self, probes: Sequence[Probe], slot: float, timeout: float) -> str:
        """Start a prober, see `Prober`; the id that it goes by from now on."""
        taken = self._post("/probe/start", encode_start(list(probes), slot, timeout), 1, SLACK_SECONDS)
        return str(taken.replies[0])

    def learn_clock(self) -> None:
        """Let `clock` know more than the first answer tells, which may be long, or held up on its way."""
        for _ in range(CLOCK_ROUND_TRIPS):
            self._post("/exchange", batch.encode_requests([]), 0, SLACK_SECONDS)

    def news(self, prober: str, seen: int, said: int, within: float, forget: int) -> News | None:
        """What a prober saw and was told beyond the first so many; None when there is none of this id.

        Waits for it up to ``within`` seconds. Of all that it saw it may forget the first ``forget``. Times are those of
        the agent's own clock, see `Course`.
        """
        wanted = {"id": prober, "seen": seen, "said": said, "within": within, "forget": forget}
        body = json.dumps(wanted).encode()
        taken = self._post("/probe/take", body, None, within + SLACK_SECONDS)
        return decode_news(taken.replies)

    def end_probe(self, prober: str) -> None:
        """End a prober; it ends by itself when nobody takes from it."""
        self._post("/probe/stop", json.dumps({"id": prober}).encode(), 1, SLACK_SECONDS)

    def exit(self) -> None:
        """End the agent's process, for the kubelet to start its container anew."""
        try:
            self._call("POST", "/exit", b"", SLACK_SECONDS)
        except AgentGoneError:
            return  # it went before its answer was through

    def facts(self) -> Facts:
        """The Pod's names and resolver files."""
        return Facts(*json.loads(self._call("GET", "/facts", b"", RESOLVER_SECONDS)))

    def _exchange(self, requests: Sequence[Request]) -> list[Reply]:
        # Answers come in order and as soon as they are there, so this is the longest that nothing may come.
        longest = max(one.timeout for one in requests)
        silence = longest * (1 + len(requests) / PARALLEL_EXCHANGES) + SLACK_SECONDS
        taken = self._post("/exchange", batch.encode_requests(requests), len(requests), silence)
        return [self._here(batch.decode_reply(one)) for one in taken.replies]

    def _fly(self, requests: Sequence[Request], rate: float) -> list[Reply]:
        # It tells nothing before it is back.
        silence = longest_flight(requests, rate) + SLACK_SECONDS
        taken = self._post("/fly", batch.encode_flight(requests, rate), len(requests), silence)
        return [self._here(batch.decode_reply(one)) for one in taken.replies]

    def _here(self, reply: Reply) -> Reply:
        return reply._replace(sent=self.clock.here(reply.sent))

    def _post(self, path: str, body: bytes, count: int | None, silence: float) -> batch.Replies:
        sent = now()
        answer = self._call("POST", path, body, silence)
        received = now()
        try:
            taken = batch.decode_replies(answer, count)
        except batch.CutOffError as error:
            raise CutOffError(f"agent {self.pod} was cut off: {error}") from error
        self.clock.learn(sent, received, taken)
        return taken

    def _call(self, method: str, path: str, body: bytes, silence: float) -> bytes:
        headers = {TOKEN_HEADER: self._token, "Content-Type": "application/octet-stream"}
        request = self._api.param_serialize(
            method, self._base + path, header_params=headers, auth_settings=["BearerToken"]
        )
        method, url, headers, _, _ = request
        try:
            response = self._api.call_api(method, url, headers, body, _request_timeout=(SLACK_SECONDS, silence))
            data = bytes(response.read() or b"")
        except urllib3.exceptions.ProtocolError as error:
            raise CutOffError(f"agent {self.pod} was cut off: {_short(error)}") from error
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            raise AgentGoneError(f"agent {self.pod} does not answer: {_short(error)}") from error
        if response.status != 200:
            raise self._refusal(response, data)
        return data

    def _refusal(self, response: Any, data: bytes) -> ClusterError:
        said, by_api_server = _message(data)
        if response.getheader(AGENT_HEADER):
            return ClusterError(f"agent {self.pod} said {response.status} {said}")
        if by_api_server and response.status in {401, 403}:
            return RefusedError(f"asking from inside was refused: {said}", "needed: create and get of pods/proxy")
        return AgentGoneError(f"agent {self.pod} cannot be reached: {response.status} {said}")


class Agents:
    """Several agents, the first of which is asked; when it is gone, the next.

    ``find`` gives those that are ready now, ``patience`` is how many seconds none may answer.
    """

    def __init__(self, find: Callable[[], Sequence[Agent]], patience: float) -> None:
        self._find = find
        self._patience = patience
        self._lock = threading.Lock()
        self._known: dict[str, Agent] = {}
        self._first = ""

    @property
    def name(self) -> str:
        """Completes "asked … from" in a failure."""
        agent = self._known.get(self._first)
        return f"agent on node {agent.node}" if agent else "agent"

    def beginning_with(self, agent: Agent) -> Agents:
        """The same agents, of which this one is asked first."""
        made = Agents(self._find, self._patience)
        made._known, made._first = {agent.pod: agent}, agent.pod
        return made

    def only_on(self, node: str, patience: float) -> Agents:
        """Those on this node alone."""
        return Agents(lambda: [one for one in self._find() if one.node == node], patience)

    def exchange(self, requests: Sequence[Request]) -> list[Reply]:
        """Carry messages to DNS servers. Raises ClusterError, which makes a verdict *unknown*, when no agent can."""
        return self.ask(lambda agent: agent.exchange(requests)) if requests else []

    def fly(self, requests: Sequence[Request], rate: float) -> list[Reply]:
        """The same for many messages over UDP; see `Agent.fly`."""
        return self.ask(lambda agent: agent.fly(requests, rate)) if requests else []

    def ask(self, what: Callable[[Agent], T]) -> T:
        """Let the first agent that answers do it."""
        deadline = time.monotonic() + self._patience
        while True:
            last: ClusterError = AgentGoneError("there is no agent Pod that is ready")
            for agent in self.ready():
                try:
                    found = _once_more(what, agent)
                except AgentGoneError as error:
                    last = error
                    continue
                except RefusedError as error:
                    # An API server that was just started refuses what it allows once it has read its roles.
                    if not self._first:
                        raise
                    last = error
                    continue
                self._first = agent.pod
                return found
            if time.monotonic() > deadline:
                raise ClusterError(f"no agent answered for {self._patience:g} s, last: {last}")
            time.sleep(RETRY_SECONDS)

    def ready(self) -> list[Agent]:
        """The agents that are ready now, the one that answered last before the others."""
        with self._lock:
            # The same object for the same Pod, also when it was not ready meanwhile: it knows that Pod's clock.
            found = [self._known.setdefault(agent.pod, agent) for agent in self._find()]
            return sorted(found, key=lambda agent: agent.pod != self._first)


def _once_more(what: Callable[[Agent], T], agent: Agent) -> T:
    """What was cut off is asked for again: another agent would not have seen what this one has."""
    try:
        return what(agent)
    except CutOffError:
        return what(agent)


def _message(data: bytes) -> tuple[str, bool]:
    """What was said, and whether the API server said it: others may stand between it and the Pod."""
    try:
        status = json.loads(data)
        return str(status["message"]), status["kind"] == "Status"
    except (ValueError, KeyError, TypeError):
        return data[:200].decode(errors="replace"), False


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
