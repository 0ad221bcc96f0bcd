"""RFC 1035 section 4.2.1 and RFC 7766 section 5: what does not fit into a UDP message."""

from kube_dns_conformance.dns.compare import exactly
from kube_dns_conformance.dns.model import Question
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement


@requirement("headless.transport.complete-over-tcp")
def test_a_large_answer_is_complete_or_says_so_and_is_complete_over_tcp(situation: Situation, judge: Judge) -> None:
    rdtype = available_rdtype(situation.service("fifty"))
    # Without EDNS a UDP answer may hold 512 bytes. What comes back truncated is asked again over TCP and must then be
    # complete; an answer that is cut without saying so is missing records.
    question = Question(situation.name_of("fifty"), rdtype, udp_payload=None)
    judge.insist(
        lambda: {question: exactly(situation.addresses("fifty", rdtype))},
        settled_at=situation.settled_at,
    )
