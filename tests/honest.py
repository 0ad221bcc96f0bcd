"""A DNS server that serves a world of objects as one reading of the specification has it.

Written as plainly as can be and without the oracle, to be another's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import dns.message
import dns.rdatatype
import dns.rrset

from dns_server import Handler, reply
from kube_dns_conformance.dns.model import Answer, Question, Transport
from kube_dns_conformance.kube import Object
from kube_dns_conformance.promises import Key, Promise, Promises, expected, pod_record_name, reverse_name
from observations import seen

ZONE = "cluster.local"


class World(NamedTuple):
    """Everything in a cluster that DNS speaks of."""

    services: list[Object]
    slices: list[Object]
    pods: list[Object]

    def promises(self) -> Promises:
        return expected(*self, ZONE)


class Honest:
    """What it says of a world. The readings: an endpoint's own port number or the Service's; labels made of the Pod or
    of the address; what is not ready but to be published there or not; all names of an address or the first."""

    def __init__(
        self,
        world: World,
        *,
        own_port: bool = False,
        by_pod: bool = False,
        all_published: bool = False,
        first_name: bool = False,
    ) -> None:
        self.world = world
        self.own_port, self.by_pod, self.all_published = own_port, by_pod, all_published
        self.records: dict[Key, list[str]] = {}
        for one in world.services:
            spec = one["spec"] or {}
            if spec.get("type") == "ExternalName" and not spec["externalName"][0].isdigit():
                self.add(self.name(one), f"{spec['externalName']}.", "CNAME")
            elif spec.get("clusterIP") == "None":
                self.headless(one)
            elif spec.get("clusterIP"):
                self.regular(one)
        if first_name:
            self.records = {key: some[:1] if key.rdtype == "PTR" else some for key, some in self.records.items()}
        for one in world.pods:
            for status in one["status"]["podIPs"]:
                self.add(pod_record_name(status["ip"], one["metadata"]["namespace"], ZONE), status["ip"])

    def add(self, name: str, value: str, rdtype: str = "") -> None:
        some = self.records.setdefault(Key(name, rdtype or ("AAAA" if ":" in value else "A")), [])
        if value not in some:
            some.append(value)

    def name(self, one: Object) -> str:
        return f"{one['metadata']['name']}.{one['metadata']['namespace']}.svc.{ZONE}."

    def regular(self, one: Object) -> None:
        name = self.name(one)
        for ip in one["spec"]["clusterIPs"]:
            self.add(name, ip)
            self.add(reverse_name(ip), name, "PTR")
        for port in one["spec"].get("ports") or []:
            if "name" in port:
                self.add(f"_{port['name']}._{port['protocol'].lower()}.{name}", f"0 100 {port['port']} {name}", "SRV")

    def headless(self, one: Object) -> None:
        name = self.name(one)
        for its_slice, found in self.behind(one):
            address = found["addresses"][0]
            label = address.replace(".", "-").replace(":", "-")
            target = f"{found.get('hostname') or (self.by_pod and self.pod_of(found)) or label}.{name}"
            self.add(name, address)
            self.add(target, address)
            self.add(reverse_name(address), target, "PTR")
            for port in one["spec"].get("ports") or []:
                for own in its_slice["ports"] or []:
                    if "name" in port and (own.get("name"), own["protocol"]) == (port["name"], port["protocol"]):
                        number = own["port"] if self.own_port else port["port"]
                        srv = f"_{port['name']}._{port['protocol'].lower()}.{name}"
                        self.add(srv, f"0 100 {number} {target}", "SRV")

    def behind(self, one: Object) -> Iterator[tuple[Object, Object]]:
        meta = one["metadata"]
        for its_slice in self.world.slices:
            its = its_slice["metadata"]
            if (its["namespace"], its["labels"]["kubernetes.io/service-name"]) == (meta["namespace"], meta["name"]):
                for found in its_slice["endpoints"]:
                    published = self.all_published and one["spec"].get("publishNotReadyAddresses")
                    if found["conditions"]["ready"] is not False or published:
                        yield its_slice, found

    def pod_of(self, found: Object) -> str:
        return str(found.get("targetRef", {}).get("name", "")).replace(".", "-")

    def answer(self, key: Key, promise: Promise) -> Answer:
        if promise.is_alias:
            cname = Question(key.name, "CNAME")
            answer = seen(*promise.must, question=cname)
            return Answer(Question(*key), answer.server, "udp", 0.0, 0.0, "NOERROR", records=answer.records)
        exists = any(known.name == key.name for known in self.records)
        return seen(*self.records.get(key, []), question=Question(*key), rcode="NOERROR" if exists else "NXDOMAIN")

    def handle(self, ttl: int = 5) -> Handler:
        """For a `DnsServer`: what `records` say when it is asked, so that a test may change them."""

        def say(query: bytes, transport: Transport) -> bytes:
            asked = dns.message.from_wire(query)
            name, rdtype = str(asked.question[0].name).lower(), dns.rdatatype.to_text(asked.question[0].rdtype)
            values, target = self.records.get(Key(name, rdtype), []), self.records.get(Key(name, "CNAME"))
            if target and rdtype != "CNAME":
                response = dns.message.make_response(asked)
                response.answer = [dns.rrset.from_text(name, ttl, "IN", "CNAME", *target)]
                return response.to_wire()
            exists = any(key.name == name for key in self.records)
            wire = reply(query, *values, rcode="NOERROR" if exists else "NXDOMAIN", ttl=ttl, soa=not values)
            return wire if transport == "tcp" or len(wire) <= 1232 else reply(query, truncated=True)

        return say
