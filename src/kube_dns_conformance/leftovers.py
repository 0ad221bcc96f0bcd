"""Namespaces, cordoned and frozen nodes, and scaled DNS of killed runs, in clusters that outlive them.

Before it makes a namespace, cordons or freezes a node, or scales DNS, a run notes in the user's state folder where and
which, and holds the note's lock for as long as it lives. A note that nobody holds is that of a killed run: the next run
on the same cluster deletes the namespaces it names and undoes what was done to nodes and DNS. A note is only believed
on the machine that wrote it, and only what carries the mark of the note's run is touched (a frozen node is named by its
own run alone): nothing of somebody else can be meant, and no run that is still alive, wherever it is.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from kubernetes.dynamic.exceptions import NotFoundError

from kube_dns_conformance import locks, situations
from kube_dns_conformance.clusters import engine, store
from kube_dns_conformance.cordon import uncordon
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import RUN_LABEL, Kube, Object
from kube_dns_conformance.scaling import Deployment, scale_back


def note(
    run: str,
    server: str,
    namespaces: Iterable[str],
    nodes: Iterable[str] = (),
    frozen: Iterable[str] = (),
    scaled: Iterable[Deployment] = (),
) -> None:
    """Note what this run is about to make, which ``nodes`` to cordon and which to freeze, and what to scale, on the API
    server ``server``. Raises OSError."""
    path = _folder() / f"{run}.json"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    locks.hold(path.with_suffix(".lock"))  # first: a note is never seen without it
    made = {"namespaces": list(namespaces), "nodes": list(nodes), "frozen": list(frozen), "scaled": list(scaled)}
    new = path.with_suffix(".new")  # replaced whole: a reader sees this note or the one before
    new.write_text(json.dumps({"machine": platform.node(), "server": server, **made}))
    new.replace(path)


def disturbed(run: str) -> list[str]:
    """The nodes that are still noted as cordoned or frozen by this run, and what as scaled."""
    try:
        known = json.loads((_folder() / f"{run}.json").read_text())
    except FileNotFoundError:
        return []
    return [*known["nodes"], *known["frozen"], *(name for _, name in known["scaled"])]


def forget(run: str) -> None:
    """This run has deleted what it made."""
    path = _folder() / f"{run}.json"
    path.unlink(missing_ok=True)
    locks.release(path.with_suffix(".lock"))


def delete(kube: Kube) -> list[str]:
    """Undo what killed runs left on this cluster. Returns a line for everything that was done or did not work."""
    return [line for path in sorted(_folder().glob("*.json")) for line in _delete(path, kube)]


def _delete(path: Path, kube: Kube) -> Iterator[str]:
    try:
        if not locks.hold(path.with_suffix(".lock")):
            return  # that run is alive
    except OSError:
        return
    try:
        known = json.loads(path.read_text())
        if (known["machine"], known["server"]) == (platform.node(), kube.host):
            yield from _undo(path, known, kube)
    except FileNotFoundError:
        return  # that run has just ended
    except (ValueError, KeyError, TypeError):
        path.unlink()  # not a note of this version
    except (OSError, ClusterError) as error:
        yield f"could not clean up after the killed run {path.stem}: {error}"
    finally:
        locks.release(path.with_suffix(".lock"))


def _undo(path: Path, known: Object, kube: Kube) -> Iterator[str]:
    run, problems = path.stem, list[str]()
    for did, undone, undo, things in _disturbances(known):
        for name, what in things.items():
            try:
                if undo(kube, what, run):
                    yield f"{undone} {name}, which the killed run {run} left {did}"
            except ClusterError as error:
                problems.append(f"{name} stays {did} by the killed run {run}: {error}")
    found = [name for name in known["namespaces"] if _is_of(run, name, kube)]
    undeleted = situations.delete(found, kube)
    if found and not undeleted:
        yield f"deleted what the killed run {run} left: {' '.join(found)}"
    if not problems and not undeleted:
        path.with_suffix(".new").unlink(missing_ok=True)
        path.unlink()
    yield from problems + undeleted


def _disturbances(known: Object) -> list[tuple[str, str, Callable[[Kube, Any, str], bool], dict[str, Any]]]:
    """What was done, what undoing it is, what undoes it, and to what it was done, by what that is called."""
    return [
        # First: what is on such a node would not go.
        ("frozen", "unfroze", _unfreeze, {f"node {one}": one for one in known["frozen"]}),
        ("cordoned", "uncordoned", uncordon, {f"node {one}": one for one in known["nodes"]}),
        ("scaled", "scaled back", scale_back, {f"Deployment {one[1]}": Deployment(*one) for one in known["scaled"]}),
    ]


def _unfreeze(kube: Kube, node: str, _run: str) -> bool:
    """Whether there is such a node, and it was frozen."""
    try:
        kube.get("v1", "Node", node)
    except NotFoundError:
        return False
    return engine.unpause(node)


def _is_of(run: str, namespace: str, kube: Kube) -> bool:
    try:
        found = kube.get("v1", "Namespace", namespace)
    except NotFoundError:
        return False
    mark = found["metadata"].get("labels", {}).get(RUN_LABEL)
    return mark == run and "deletionTimestamp" not in found["metadata"]


def _folder() -> Path:
    return store.root().parent / "runs"
