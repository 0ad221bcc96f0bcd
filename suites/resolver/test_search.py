"""The search list: programs find a Service by its short names, through the resolver of their own C library."""

import pytest

from kube_dns_conformance.fixtures import Judge, Situation, requirement
from kube_dns_conformance.resolving import insist_resolved


@pytest.mark.parametrize("libc", ["glibc", "musl"])
@requirement("resolver.search.short-names")
def test_a_service_is_found_by_its_short_names(situation: Situation, judge: Judge, libc: str) -> None:
    space = situation.namespace
    names = ["web", f"web.{space}", f"web.{space}.svc", situation.name_of("web")]
    expect = lambda: dict.fromkeys(names, situation.service("web")["spec"]["clusterIPs"])  # noqa: E731
    insist_resolved(judge, situation, libc, expect)
