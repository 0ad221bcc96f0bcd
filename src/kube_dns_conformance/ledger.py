"""What a run has to take away and to put right again, known before it is done.

In a cluster that outlives the run it is noted in a file too, so that the next run does it should this one be killed:
see leftovers.py.
"""

from __future__ import annotations

from kube_dns_conformance import leftovers, scaling
from kube_dns_conformance.cordon import uncordon
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.progress import console


class Ledger:
    """The namespaces, nodes and Deployments of one run.

    ``within``, in seconds, is how long the API server may take. ``server`` is that of a cluster that outlives the run,
    else empty: then nothing is noted in a file.
    """

    def __init__(self, run: str, within: float) -> None:
        self.server = ""
        self.namespaces: list[str] = []
        self._run, self._within = run, within
        self._cordoned: list[str] = []
        self._frozen: list[str] = []
        self._scaled: list[scaling.Deployment] = []

    def note(self) -> None:
        """Write all of it into the file. Says when it did not work."""
        if not self.server:
            return
        try:
            leftovers.note(self._run, self.server, self.namespaces, self._cordoned, self._frozen, self._scaled)
        except OSError as error:
            console.print(f"should this run be killed, what it made will stay: {error}", markup=False)

    def settled(self) -> None:
        """The namespaces are gone: there is nothing to note any more, unless something is still disturbed."""
        if not leftovers.disturbed(self._run):
            leftovers.forget(self._run)

    def will_cordon(self, node: str) -> None:
        """Pods are kept off the node for a while."""
        self._cordoned.append(node)
        self.note()

    def uncordon(self, kube: Kube, node: str) -> None:
        """Let Pods be scheduled to the node again, if it was this run that kept them off. Says when it did not work."""
        try:
            uncordon(kube, node, self._run, self._within)
            self._cordoned.remove(node)
            self.note()
        except ClusterError as error:
            console.print(f"node {node} stays cordoned, until: kubectl uncordon {node} ({error})", markup=False)

    def will_freeze(self, node: str) -> None:
        """The node of a kind cluster is frozen for a while."""
        self._frozen.append(node)
        self.note()

    def goes_on(self, node: str) -> None:
        """It is frozen no more."""
        self._frozen.remove(node)
        self.note()

    def will_scale(self, deployment: scaling.Deployment) -> None:
        """The Deployment has another number of replicas for a while."""
        self._scaled.append(deployment)
        self.note()

    def scale_back(self, kube: Kube, deployment: scaling.Deployment) -> None:
        """Let it have as many as before. Says when it did not work."""
        try:
            scaling.scale_back(kube, deployment, self._run, self._within)
            self._scaled.remove(deployment)
            self.note()
        except ClusterError as error:
            where = f"namespace {deployment.namespace}"
            console.print(f"Deployment {deployment.name} in {where} keeps its replicas: {error}", markup=False)
