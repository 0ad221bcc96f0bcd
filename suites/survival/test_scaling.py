"""A StatefulSet is scaled up, down and to nothing; its headless Service follows."""

import functools

from kube_dns_conformance.dns.compare import Expected, exactly, no_such_name
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Run, Situation, available_rdtype, requirement
from kube_dns_conformance.oracle import pod_addresses, pod_name
from kube_dns_conformance.survival import insist_followed, insist_unbroken, observe

SERVICE = "web-headless"


@requirement("survival.scaling.headless-follows")
def test_the_service_follows_scaling_and_pods_that_stay_never_blink(
    run: Run, situation: Situation, judge: Judge
) -> None:
    service = situation.service(SERVICE)
    rdtype = available_rdtype(service)
    whole = Question(situation.name_of(SERVICE), rdtype)
    first = Question(pod_name(situation.pod("web-0"), service, situation.zone), rdtype)

    def expected() -> dict[Question, Expected]:
        addresses = situation.addresses(SERVICE, rdtype)
        if not addresses:
            return {whole: no_such_name(), first: no_such_name()}
        return {whole: exactly(addresses), first: exactly(pod_addresses([situation.pod("web-0")], rdtype))}

    for replicas in (4, 1, 0):
        before = expected()
        scale = functools.partial(situation.scale, "StatefulSet", "web", replicas)
        change = observe(run, situation, before, scale, expected)
        insist_followed(judge, change, whole, first)
        if replicas:
            insist_unbroken(judge, change, {first: before[first]})
