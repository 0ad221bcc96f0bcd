"""Section 2.4.3: the reverse names of the endpoints of a headless Service."""

from kube_dns_conformance import expectations
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement
from kube_dns_conformance.oracle import of_family, pod_addresses, pod_ips
from kube_dns_conformance.promises import reverse_name
from kube_dns_conformance.targets import insist_reaching


@requirement("headless.ptr.ipv4")
def test_the_reverse_name_of_an_endpoint_leads_to_its_hostname(situation: Situation, judge: Judge) -> None:
    insist_on_ptr(situation.addresses("web-headless", "A"), situation, judge)


@requirement("headless.ptr.ipv6")
def test_the_reverse_name_of_an_ipv6_endpoint_leads_to_its_hostname(situation: Situation, judge: Judge) -> None:
    insist_on_ptr(situation.addresses("web-headless", "AAAA"), situation, judge)


@requirement("headless.ptr.nameless")
def test_the_reverse_name_of_an_endpoint_without_a_hostname_leads_back_to_it(
    situation: Situation, judge: Judge
) -> None:
    rdtype = available_rdtype(situation.service("nameless"))
    address = pod_addresses([situation.pod("once")], rdtype)
    answers = insist_on_ptr(address, situation, judge)
    insist_reaching(judge, situation, answers, rdtype, address)


@requirement("headless.ptr.several-services")
def test_an_endpoint_of_two_services_has_a_right_reverse_name(situation: Situation, judge: Judge) -> None:
    rdtype = available_rdtype(situation.service("nameless"))
    address = of_family((one["ip"] for one in pod_ips(situation.pod("twice"))), rdtype)
    answers = insist_on_ptr(address, situation, judge)
    insist_reaching(judge, situation, answers, rdtype, address)


def insist_on_ptr(addresses: list[str], situation: Situation, judge: Judge) -> list[str]:
    """Returns the names that were answered."""
    names = [reverse_name(one) for one in addresses]
    answers = judge.insist(lambda: expectations.promised(situation, "PTR", *names), settled_at=situation.settled_at)
    return [record.rdata for answer in answers for record in answer.records]
