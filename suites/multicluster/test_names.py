"""Services of a cluster set, in the zone of their own (Multi-Cluster Services API, DNS specification)."""

from kube_dns_conformance.dns.compare import exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.features import CLUSTER_SET_ZONE
from kube_dns_conformance.fixtures import Judge, Situation, requirement


@requirement("multicluster.names.cluster-set-ip")
def test_an_imported_service_answers_its_cluster_set_ip(situation: Situation, judge: Judge) -> None:
    imported = next(item for item in situation.manifest if item["kind"] == "ServiceImport")
    question = Question(f"web.{situation.namespace}.svc.{CLUSTER_SET_ZONE}.", "A")
    judge.insist(lambda: {question: exactly(imported["spec"]["ips"])}, settled_at=situation.settled_at)
