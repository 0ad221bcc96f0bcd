"""Which questions are watched, and what the objects say of each, from when on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kube_dns_conformance.audit.live import Live
from kube_dns_conformance.audit.selection import first_by_hash, promises_of, subjects
from kube_dns_conformance.clock import now
from kube_dns_conformance.dns.compare import Expected
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.oracle import SERVICE_LABEL
from kube_dns_conformance.outages import Truth
from kube_dns_conformance.promises import Key, Promises, expected

MOST_QUESTIONS = 400
"""So many one agent asks of two servers over two transports twenty times a second, on one core."""
REMEMBERED = 50
"""Of so many earlier states an answer is known to be stale."""
GONE = Expected("nothing")
"""What is true of a name that no object promises any more."""


def choose(live: Live, zone: str, names: Sequence[str], namespaces: Sequence[str], sample: int) -> list[Key]:
    """The questions about these names; or about all names of the Services of these namespaces, or of a sample of them.

    Raises UsageError when no object promises a name, or when there are too many.
    """
    services = [one for one in live.objects("Service") if not namespaces or one["metadata"]["namespace"] in namespaces]
    chosen = first_by_hash(services, sample)
    promises = expected(chosen, live.objects("EndpointSlice"), [], zone)
    keys = [key for key in promises if key.rdtype != "PTR"]
    if names:
        wanted = {_absolute(name, zone): name for name in names}
        keys = [key for key in keys if key.name in wanted]
        for unknown in wanted.keys() - {key.name for key in keys}:
            raise UsageError(f"no Service promises {wanted[unknown]}", "names are such as web.shop or web-0.web.shop")
    if not keys:
        raise UsageError("there is no Service to watch")
    if len(keys) > MOST_QUESTIONS:
        what = f"{len(keys)} names and types are more than the {MOST_QUESTIONS} that can be watched without a gap"
        raise UsageError(what, "name some, or --namespace NS, or --sample N")
    return sorted(keys)


def _absolute(name: str, zone: str) -> str:
    name = name.lower()
    if name.endswith("."):
        return name
    return f"{name}." if name.endswith(f".svc.{zone}") else f"{name}.svc.{zone}."


class Truths:
    """What was true of each question, kept up to date with the objects."""

    def __init__(self, live: Live, zone: str, keys: Iterable[Key]) -> None:
        self._live = live
        self._zone = zone
        promises = promises_of(live, zone)
        self._subjects = {key: subjects(key, promises[key], zone) for key in keys}
        self._services = {one for some in self._subjects.values() for one in some}
        self._known: dict[Key, Truth] = {}
        self._seen = -1
        self.look()

    def of(self, question: Question) -> Truth:
        """What was true of a question, and from when on."""
        return self._known[Key(question.name, question.rdtype)]

    def look(self) -> list[tuple[float, Key, Expected]]:
        """Take over what the objects say now; what is new in it, and since when. Raises ClusterError."""
        self._live.insist_alive()
        if self._live.changes == self._seen:
            return []
        self._seen = self._live.changes
        promises, new = self._promises(), []
        for key, concerned in self._subjects.items():
            said = promises[key].expected() if key in promises else GONE
            known = self._known.get(key)
            if known is None:
                self._known[key] = Truth(((now(), said),))
            elif known.said[-1][1] != said:
                moment = self._live.changed_at(concerned)
                self._known[key] = Truth((*known.said[-REMEMBERED:], (moment, said)))
                new.append((moment, key, said))
        return new

    def _promises(self) -> Promises:
        services = [one for one in self._live.objects("Service") if _id(one["metadata"]) in self._services]
        slices = [
            one
            for one in self._live.objects("EndpointSlice")
            if (one["metadata"]["namespace"], one["metadata"]["labels"].get(SERVICE_LABEL)) in self._services
        ]
        return expected(services, slices, [], self._zone)


def _id(meta: dict[str, str]) -> tuple[str, str]:
    return meta["namespace"], meta["name"]
