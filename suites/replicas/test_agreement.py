"""Every DNS replica, asked directly, says the same: also where it is left to the server what to say."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import no_such_name
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.judge import Expectations
from kube_dns_conformance.oracle import cluster_ips
from kube_dns_conformance.promises import reverse_name


@requirement("replicas.agreement.records")
def test_all_replicas_answer_with_the_same_records(situation: Situation, judge: Judge) -> None:
    def expect() -> Expectations:
        name, web = situation.name_of("web-headless"), situation.service("web")
        addresses = [ip for rdtype in ("A", "AAAA") for ip in cluster_ips(web, rdtype)]
        return {
            **expectations.regular(situation, "web"),
            **expectations.promised_addresses(situation, name, f"web-0.{name}"),
            **expectations.promised(situation, "SRV", *expectations.srv_names(situation, "web-headless")),
            **expectations.promised(situation, "PTR", *map(reverse_name, addresses)),
        }

    judge.insist_alike(expect, settled_at=situation.settled_at)


@requirement("replicas.agreement.denials")
def test_all_replicas_deny_the_same_names(situation: Situation, judge: Judge) -> None:
    name = situation.name_of("web-headless")
    must = {Question(f"{label}.{name}", "A"): no_such_name() for label in ("nobody", "web-3", "web-10")}
    judge.insist_alike(lambda: must, settled_at=situation.settled_at)
