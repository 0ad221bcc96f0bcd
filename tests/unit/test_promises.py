"""The oracle: from Services, EndpointSlices and Pods to what every name must, must not and may answer, and why."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance.kube import Object
from kube_dns_conformance.promises import Key, Promise, Promises, address_of, expected, pod_record_name, reverse_name
from objects import endpoint, endpoint_slice, external, headless, pod, service

ZONE = "cluster.local"
WEB = "web.shop.svc.cluster.local."
HTTP = [("http", 80)]


def promises(*objects: Object, zone: str = ZONE) -> Promises:
    services, slices, pods = (
        [one for one in objects if one["kind"] == kind] for kind in ("Service", "EndpointSlice", "Pod")
    )
    return expected(services, slices, pods, zone)


def said(*objects: Object, zone: str = ZONE) -> dict[str, str]:
    """Everything that is promised, in the words that a report has for it."""
    return {f"{key.name} {key.rdtype}": str(one.expected()) for key, one in promises(*objects, zone=zone).items()}


def of(key: str, *objects: Object) -> Promise:
    name, rdtype = key.split()
    return promises(*objects)[Key(name, rdtype)]


# Section 2.3: Services with a ClusterIP


def test_a_service_has_its_address_its_named_ports_and_the_way_back() -> None:
    ports = [("http", 80), ("", 9000), ("dns", 53, "UDP"), ("dns-tcp", 53), ("assoc", 36412, "SCTP")]
    assert said(service("web", "10.96.0.7", ports=ports)) == {
        f"{WEB} A": "10.96.0.7",
        f"{WEB} AAAA": "NOERROR without records",
        "7.0.96.10.in-addr.arpa. PTR": f"at least {WEB}",
        f"_http._tcp.{WEB} SRV": f"80 {WEB}",
        f"_dns._udp.{WEB} SRV": f"53 {WEB}",
        f"_dns-tcp._tcp.{WEB} SRV": f"53 {WEB}",
        f"_assoc._sctp.{WEB} SRV": f"36412 {WEB}",
    }


def test_a_service_with_two_families_has_an_address_in_each() -> None:
    assert said(service("web", "10.96.0.7", "FD00:0:0::7")) == {
        f"{WEB} A": "10.96.0.7",
        f"{WEB} AAAA": "fd00::7",
        "7.0.96.10.in-addr.arpa. PTR": f"at least {WEB}",
        f"{'7.' + '0.' * 27}0.0.d.f.ip6.arpa. PTR": f"at least {WEB}",
    }


def test_a_service_has_its_address_whatever_is_behind_it() -> None:
    behind = [endpoint_slice(endpoint("10.64.0.1", hostname="web-0", ready=ready)) for ready in (True, False)]
    assert said(service("web", "10.96.0.7"), behind[0]) == said(service("web", "10.96.0.7"), behind[1])
    assert said(service("web", "10.96.0.7"), behind[0]) == said(service("web", "10.96.0.7"))


def test_names_are_below_the_zone_that_the_cluster_has() -> None:
    assert set(said(service("web", "10.96.0.7", ports=HTTP), zone="example.test")) == {
        "web.shop.svc.example.test. A",
        "web.shop.svc.example.test. AAAA",
        "7.0.96.10.in-addr.arpa. PTR",
        "_http._tcp.web.shop.svc.example.test. SRV",
    }


@pytest.mark.parametrize("name", ["a" * 63, "0-9", "7", "a--b"])
def test_odd_but_legal_names(name: str) -> None:
    assert said(service(name, "10.96.0.7"))[f"{name}.shop.svc.cluster.local. A"] == "10.96.0.7"
    found = said(headless(name), endpoint_slice(endpoint("10.64.0.1", hostname=name), of=name))
    assert found[f"{name}.{name}.shop.svc.cluster.local. A"] == "10.64.0.1"


# Section 2.4: headless Services


def test_a_headless_service_has_every_ready_endpoint_under_its_name_and_under_the_hostname() -> None:
    behind = endpoint_slice(
        endpoint("10.64.0.1", hostname="web-0", pod="web-0"),
        endpoint("10.64.0.2", hostname="web-1", pod="web-1"),
        ports=HTTP,
    )
    assert said(headless(ports=HTTP), behind) == {
        f"{WEB} A": "10.64.0.1 10.64.0.2",
        f"{WEB} AAAA": "NOERROR without records",
        f"web-0.{WEB} A": "10.64.0.1",
        f"web-0.{WEB} AAAA": "NOERROR without records",
        f"web-1.{WEB} A": "10.64.0.2",
        f"web-1.{WEB} AAAA": "NOERROR without records",
        f"_http._tcp.{WEB} SRV": f"at least 80 web-0.{WEB} 80 web-1.{WEB}",
        "1.0.64.10.in-addr.arpa. PTR": f"at least web-0.{WEB}",
        "2.0.64.10.in-addr.arpa. PTR": f"at least web-1.{WEB}",
    }


@pytest.mark.parametrize("behind", [[], [endpoint_slice()], [endpoint_slice(endpoint("10.64.0.1", ready=False))]])
def test_without_a_ready_endpoint_the_name_does_not_exist(behind: list[Object]) -> None:
    found = said(headless(ports=HTTP), *behind)
    assert found == {f"{WEB} A": "NXDOMAIN", f"{WEB} AAAA": "NXDOMAIN"}


def test_an_endpoint_that_is_not_ready_has_no_name() -> None:
    mixed = endpoint_slice(
        endpoint("10.64.0.1", hostname="web-0"), endpoint("10.64.0.2", hostname="web-1", ready=False), ports=HTTP
    )
    found = promises(headless(ports=HTTP), mixed)
    assert str(found[Key(f"web-1.{WEB}", "A")].expected()) == "NXDOMAIN"
    assert set(found[Key(WEB, "A")].must) == {"10.64.0.1"}
    assert set(found[Key(WEB, "A")].must_not) == {"10.64.0.2"}
    assert set(found[Key(f"_http._tcp.{WEB}", "SRV")].must) == {f"80 web-0.{WEB}"}
    assert Key("2.0.64.10.in-addr.arpa.", "PTR") not in found


@pytest.mark.parametrize("conditions", [{}, {"ready": None}, {"ready": True}, None])
def test_an_endpoint_is_ready_unless_it_says_that_it_is_not(conditions: Object | None) -> None:
    one = endpoint("10.64.0.1") | {"conditions": conditions}
    assert said(headless(), endpoint_slice(one))[f"{WEB} A"] == "10.64.0.1"


@pytest.mark.parametrize(
    "published",
    [
        headless(publishNotReadyAddresses=True, ports=HTTP),
        headless(ports=HTTP) | {
            "metadata": headless()["metadata"]
            | {"annotations": {"service.alpha.kubernetes.io/tolerate-unready-endpoints": "true"}}
        },
    ],
    ids=["field", "annotation"],
)  # fmt: skip
def test_a_slice_that_somebody_else_made_of_a_service_that_publishes_all_may_be_read_both_ways(
    published: Object,
) -> None:
    found = said(published, endpoint_slice(endpoint("10.64.0.1", hostname="web-0", ready=False)))
    assert found == {
        f"{WEB} A": "perhaps 10.64.0.1",
        f"{WEB} AAAA": "no record",
        f"web-0.{WEB} A": "perhaps 10.64.0.1",
        f"web-0.{WEB} AAAA": "no record",
    }


def test_an_endpoint_in_two_slices_is_one_record() -> None:
    slices = [endpoint_slice(endpoint("10.64.0.1", hostname="web-0"), name=name, ports=HTTP) for name in "ab"]
    found = said(headless(ports=HTTP), *slices)
    assert found == said(headless(ports=HTTP), slices[0])
    assert found[f"{WEB} A"] == "10.64.0.1"


def test_an_endpoint_that_is_ready_in_one_of_two_slices_is_ready() -> None:
    slices = [endpoint_slice(endpoint("10.64.0.1", ready=ready), name=str(ready)) for ready in (True, False)]
    for some in (slices, slices[::-1]):
        found = of(f"{WEB} A", headless(), *some)
        assert (set(found.must), set(found.must_not)) == ({"10.64.0.1"}, set())


def test_a_shared_hostname_has_the_addresses_of_all() -> None:
    behind = endpoint_slice(endpoint("10.64.0.1", hostname="db"), endpoint("10.64.0.2", hostname="db"), ports=HTTP)
    found = said(headless(ports=HTTP), behind)
    assert found[f"db.{WEB} A"] == "10.64.0.1 10.64.0.2"
    assert found[f"_http._tcp.{WEB} SRV"] == f"at least 80 db.{WEB}"


def test_a_hostname_is_in_lower_case() -> None:
    assert f"db.{WEB} A" in said(headless(), endpoint_slice(endpoint("10.64.0.1", hostname="DB")))


def test_two_families_are_two_slices_of_one_service() -> None:
    found = said(
        headless(ports=HTTP),
        endpoint_slice(endpoint("10.64.0.1", pod="web-x"), name="four", ports=HTTP),
        endpoint_slice(endpoint("fd00:10::0001", pod="web-x"), name="six", ports=HTTP),
    )
    assert found == {
        f"{WEB} A": "10.64.0.1",
        f"{WEB} AAAA": "fd00:10::1",
        f"_http._tcp.{WEB} SRV": f"at least 80 *.{WEB}",  # one endpoint, by the Pod behind it
        "1.0.64.10.in-addr.arpa. PTR": f"at least *.{WEB}",
        f"{reverse_name('fd00:10::1')} PTR": f"at least *.{WEB}",
    }


def test_further_addresses_of_one_endpoint_may_be_there() -> None:
    found = of(f"{WEB} A", headless(), endpoint_slice(endpoint("10.64.0.1", "10.64.0.2")))
    assert (set(found.must), set(found.may)) == ({"10.64.0.1"}, {"10.64.0.2"})
    assert str(found.expected()) == "10.64.0.1, perhaps 10.64.0.2"


def test_a_further_address_that_is_not_ready_elsewhere_may_still_be_there() -> None:
    slices = [
        endpoint_slice(endpoint("10.64.0.1", "10.64.0.2"), name="a"),
        endpoint_slice(endpoint("10.64.0.2", ready=False), name="b"),
    ]
    found = of(f"{WEB} A", headless(), *slices)
    assert (set(found.may), set(found.must_not)) == ({"10.64.0.2"}, set())


def test_a_port_without_a_name_has_no_srv_record() -> None:
    found = said(headless(ports=[("", 80)]), endpoint_slice(endpoint("10.64.0.1"), ports=[("", 80)]))
    assert not [name for name in found if name.endswith("SRV")]


@pytest.mark.parametrize("ports", [None, []])
def test_a_headless_service_without_ports_has_addresses(ports: list[Any] | None) -> None:
    found = said(headless(ports=ports), endpoint_slice(endpoint("10.64.0.1"), ports=ports))
    assert found == {
        f"{WEB} A": "10.64.0.1",
        f"{WEB} AAAA": "NOERROR without records",
        "1.0.64.10.in-addr.arpa. PTR": f"at least *.{WEB}",
    }


def test_an_endpoint_that_does_not_have_the_port_is_not_in_its_srv_records() -> None:
    slices = [
        endpoint_slice(endpoint("10.64.0.1", hostname="old"), name="a", ports=[("http", 80)]),
        endpoint_slice(endpoint("10.64.0.2", hostname="new"), name="b", ports=[("http", 80), ("admin", 90)]),
    ]
    found = said(headless(ports=[("http", 80), ("admin", 90), ("gone", 91)]), *slices)
    assert found[f"_http._tcp.{WEB} SRV"] == f"at least 80 new.{WEB} 80 old.{WEB}"
    assert found[f"_admin._tcp.{WEB} SRV"] == f"at least 90 new.{WEB}"
    assert f"_gone._tcp.{WEB} SRV" not in found


def test_protocols_with_one_port_name_are_told_apart() -> None:
    ports = [("dns", 53, "UDP"), ("dns", 54, "TCP")]
    found = said(headless(ports=ports), endpoint_slice(endpoint("10.64.0.1", hostname="a"), ports=ports))
    assert found[f"_dns._udp.{WEB} SRV"] == f"at least 53 a.{WEB}"
    assert found[f"_dns._tcp.{WEB} SRV"] == f"at least 54 a.{WEB}"


def test_the_port_of_a_headless_service_or_that_of_the_endpoint_will_do() -> None:
    behind = endpoint_slice(endpoint("10.64.0.1", hostname="a"), endpoint("10.64.0.2"), ports=[("http", 8080)])
    found = said(headless(ports=HTTP), behind)[f"_http._tcp.{WEB} SRV"]
    assert found == f"at least 80 a.{WEB} or 8080 a.{WEB}, 80 *.{WEB} or 8080 *.{WEB}"


def test_endpoints_without_a_hostname_count_whatever_the_ports_they_have() -> None:
    slices = [endpoint_slice(endpoint(f"10.64.0.{at}"), name=f"s{at}", ports=[("http", 8000 + at)]) for at in (1, 2, 3)]
    found = of(f"_http._tcp.{WEB} SRV", headless(ports=HTTP), *slices)
    assert [choice.count for choice, _ in found.choices] == [3]
    assert str(found.expected()) == "at least 3 × " + " or ".join(
        f"{number} *.{WEB}" for number in (80, 8001, 8002, 8003)
    )


def test_pods_on_one_address_may_be_told_apart_or_not() -> None:
    behind = endpoint_slice(endpoint("10.0.0.1", pod="a"), endpoint("10.0.0.1", pod="b"), ports=HTTP)
    assert said(headless(ports=HTTP), behind)[f"_http._tcp.{WEB} SRV"] == f"at least 80 *.{WEB}"


def test_a_hostname_with_two_port_numbers_needs_one_of_them() -> None:
    slices = [
        endpoint_slice(endpoint(f"10.64.0.{at}", hostname="a"), name=f"s{at}", ports=[("http", number)])
        for at, number in enumerate((80, 8080))
    ]
    for some in (slices, slices[::-1]):
        found = said(headless(ports=HTTP), *some)[f"_http._tcp.{WEB} SRV"]
        assert found == f"at least 80 a.{WEB} or 8080 a.{WEB}"


def test_a_port_of_any_number_is_that_of_the_service() -> None:
    behind = endpoint_slice(endpoint("10.64.0.1", hostname="a"), ports=[("http", None)])
    assert said(headless(ports=HTTP), behind)[f"_http._tcp.{WEB} SRV"] == f"at least 80 a.{WEB}"


def test_an_address_behind_several_services_has_one_of_their_names() -> None:
    other = "api.shop.svc.cluster.local."
    objects = [
        headless("web"), headless("api"), headless("raw"),
        endpoint_slice(endpoint("10.64.0.1", hostname="a"), of="web", name="w"),
        endpoint_slice(endpoint("10.64.0.1", hostname="b"), of="api", name="a"),
        endpoint_slice(endpoint("10.64.0.1"), of="raw", name="r"),
    ]  # fmt: skip
    pointer = "1.0.64.10.in-addr.arpa. PTR"
    words = f"at least *.raw.shop.svc.cluster.local. or a.{WEB} or b.{other}"
    assert said(*objects)[pointer] == said(*objects[::-1])[pointer] == words


def test_an_endpoint_with_the_address_of_a_service_has_one_of_the_names() -> None:
    objects = [
        service("api", "10.96.0.7"),
        headless("web"),
        endpoint_slice(endpoint("10.96.0.7", hostname="a"), of="web"),
    ]
    words = f"at least a.{WEB} or api.shop.svc.cluster.local."
    assert said(*objects)["7.0.96.10.in-addr.arpa. PTR"] == said(*objects[::-1])["7.0.96.10.in-addr.arpa. PTR"] == words


def test_slices_of_another_service_or_namespace_or_of_none_do_not_count() -> None:
    stray = endpoint_slice(endpoint("10.64.0.3"), name="stray")
    del stray["metadata"]["labels"]
    objects = [
        endpoint_slice(endpoint("10.64.0.1"), of="web-2"),
        endpoint_slice(endpoint("10.64.0.2"), namespace="other"),
        stray,
    ]
    assert said(headless(), *objects)[f"{WEB} A"] == "NXDOMAIN"


def test_names_instead_of_addresses_are_no_records() -> None:
    named = endpoint_slice(endpoint("db.example.com")) | {"addressType": "FQDN"}
    assert said(headless(), named)[f"{WEB} A"] == "NXDOMAIN"


def test_five_thousand_endpoints() -> None:
    slices = [
        endpoint_slice(*(endpoint(f"10.64.{at}.{one}") for one in range(100)), name=f"s{at}", ports=HTTP)
        for at in range(50)
    ]
    found = promises(headless(ports=HTTP), *slices)
    assert len(found[Key(WEB, "A")].must) == 5000
    assert str(found[Key(f"_http._tcp.{WEB}", "SRV")].expected()) == f"at least 5000 × 80 *.{WEB}"
    assert len(found) == 2 + 1 + 5000


# Section 2.5: ExternalName


def test_an_external_name_is_an_alias_whatever_is_asked() -> None:
    assert said(external("Db.Example.com.")) == {
        f"db.shop.svc.cluster.local. {rdtype}": "CNAME db.example.com." for rdtype in ("A", "AAAA", "CNAME")
    }


@pytest.mark.parametrize("target", ["10.0.0.1", "fd00::1", "", None])
def test_an_address_is_no_name(target: str | None) -> None:
    assert said(external(target)) == {}  # type: ignore[arg-type]


def test_endpoints_of_an_external_name_do_not_count() -> None:
    assert said(external("example.com", "web"), endpoint_slice(endpoint("10.64.0.1"))) == said(
        external("example.com", "web")
    )


# Section 2.6: Pods


def test_a_pod_may_be_known_by_its_addresses() -> None:
    found = promises(pod("web.0", "10.64.0.1", "fd00:10::1"))
    assert {f"{key.name} {key.rdtype}": (set(one.must), one.optional) for key, one in found.items()} == {
        "10-64-0-1.shop.pod.cluster.local. A": ({"10.64.0.1"}, True),
        "fd00-10--1.shop.pod.cluster.local. AAAA": ({"fd00:10::1"}, True),
    }
    assert pod_record_name("10.64.0.1", "shop", ZONE) == "10-64-0-1.shop.pod.cluster.local."


@pytest.mark.parametrize("change", [{"phase": "Succeeded"}, {"phase": "Failed"}, {"podIPs": None}])
def test_a_pod_that_has_ended_or_has_no_address_yet_is_not_known(change: Object) -> None:
    one = pod("web-0", "10.64.0.1")
    one["status"] |= change
    assert promises(one) == {}


def test_a_pod_on_its_way_out_is_not_known_for_sure() -> None:
    one = pod("web-0", "10.64.0.1")
    one["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    assert promises(one) == {}


# Objects that are half made or half deleted


@pytest.mark.parametrize(
    "half",
    [
        {"spec": None},
        {"spec": {}},
        {"spec": {"type": "ClusterIP", "clusterIP": "", "clusterIPs": None, "ports": None}},
        {"spec": {"type": "ExternalName"}},
        {"spec": {"type": "ExternalName", "externalName": ""}},
    ],
)
def test_a_service_without_an_address_promises_nothing(half: Object) -> None:
    assert said(service() | half) == {}


@pytest.mark.parametrize("missing", ["spec", "status"])
def test_objects_may_lack_their_parts(missing: str) -> None:
    bare_service, bare_pod = service(), pod("a", "10.64.0.1")
    bare_service.pop("spec")
    bare_pod.pop(missing)
    assert promises(bare_service) == {}
    assert len(promises(bare_pod)) == (missing == "spec")


@pytest.mark.parametrize(
    "half",
    [
        {"endpoints": None},
        {"endpoints": [{}]},
        {"endpoints": [{"addresses": None}]},
        {"endpoints": [{"addresses": [], "conditions": None, "hostname": None, "targetRef": None}]},
        {"addressType": None},
        {"metadata": {"name": "web-1", "namespace": "shop", "labels": None}},
        {"metadata": {"name": "web-1", "namespace": "shop"}},
    ],
)
def test_a_slice_without_its_parts_has_no_endpoints(half: Object) -> None:
    behind = endpoint_slice(endpoint("10.64.0.1"), ports=HTTP) | half
    assert said(headless(ports=HTTP), behind) == {f"{WEB} A": "NXDOMAIN", f"{WEB} AAAA": "NXDOMAIN"}


def test_what_is_being_deleted_is_still_there() -> None:
    going = service("web", "10.96.0.7")
    going["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    assert said(going) == said(service("web", "10.96.0.7"))


def test_objects_are_left_as_they_are() -> None:
    objects = [headless(ports=HTTP), endpoint_slice(endpoint("10.64.0.1"), ports=HTTP), pod("a", "10.64.0.1")]
    before = copy.deepcopy(objects)
    promises(*objects)
    assert objects == before


# Why


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (f"{WEB} A", "10.64.0.1", "ready endpoint web-a of EndpointSlice shop/web-1 (2.4.1)"),
        (f"{WEB} A", "10.64.0.2", "not ready endpoint 10.64.0.2 of EndpointSlice shop/web-1 (2.4.1)"),
        (f"a.{WEB} A", "10.64.0.1", "ready endpoint web-a of EndpointSlice shop/web-1 (2.4.1)"),
        (f"_http._tcp.{WEB} SRV", f"80 a.{WEB}", "ready endpoint web-a of EndpointSlice shop/web-1 (2.4.2)"),
        (f"_http._tcp.{WEB} SRV", f"80 x-y.{WEB}", "ready endpoint 10.64.0.3 of EndpointSlice shop/web-1 (2.4.2)"),
        ("1.0.64.10.in-addr.arpa. PTR", f"a.{WEB}", "ready endpoint web-a of EndpointSlice shop/web-1 (2.4.3)"),
        ("api.shop.svc.cluster.local. A", "10.96.0.7", "ClusterIP of Service shop/api (2.3.1)"),
        (
            "_http._tcp.api.shop.svc.cluster.local. SRV",
            "80 api.shop.svc.cluster.local.",
            "port http of Service shop/api (2.3.2)",
        ),
        ("7.0.96.10.in-addr.arpa. PTR", "api.shop.svc.cluster.local.", "ClusterIP of Service shop/api (2.3.3)"),
        ("db.shop.svc.cluster.local. A", "example.com.", "externalName of Service shop/db (2.5)"),
        ("10-64-0-9.shop.pod.cluster.local. A", "10.64.0.9", "address of Pod shop/p (2.6)"),
        (f"{WEB} A", "10.64.0.99", ""),
    ],
)
def test_every_record_has_a_reason(key: str, value: str, why: str) -> None:
    behind = endpoint_slice(
        endpoint("10.64.0.1", hostname="a", pod="web-a"),
        endpoint("10.64.0.2", hostname="b", ready=False),
        endpoint("10.64.0.3"),
        ports=HTTP,
    )
    objects = [headless(ports=HTTP), service("api", "10.96.0.7", ports=HTTP), external("example.com"), behind]
    assert of(key, *objects, pod("p", "10.64.0.9")).why(value) == why


@given(st.ip_addresses().map(str))
def test_a_reverse_name_leads_back_to_its_address(address: str) -> None:
    assert address_of(reverse_name(address)) == address
