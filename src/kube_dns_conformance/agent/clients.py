"""Pods of the sample workloads that ask and answer: a container named ``agent`` in a manifest runs the agent's code."""

from __future__ import annotations

from kube_dns_conformance.agent import workload
from kube_dns_conformance.images import AGENT_IMAGE
from kube_dns_conformance.kube import Object
from kube_dns_conformance.manifest import pod_specs


def equip(items: list[Object], image: str, token: str) -> list[Object]:
    """The items of a manifest with what their agents need; unchanged when there is none.

    A Pod keeps what its manifest says of it; the rest is that of the suite's own agents. ``image`` takes the place of
    the default agent image.
    """
    pods = [spec for spec in pod_specs(items) if spec["containers"][0]["name"] == workload.NAME]
    for spec in pods:
        wanted = spec["containers"][0]["image"]
        ours = workload.pod_spec(workload.template(), image if wanted == AGENT_IMAGE else wanted)
        # Who asks for the run is soon made again elsewhere; a Pod of a situation would be gone for good.
        del ours["topologySpreadConstraints"], ours["tolerations"]
        spec.update(ours | {key: value for key, value in spec.items() if key != "containers"})
    return [*workload.code_and_token(token), *items] if pods else items
