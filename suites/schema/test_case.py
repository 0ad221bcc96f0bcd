"""Section 2.1: names are compared without regard to the case of their letters."""

from kube_dns_conformance import expectations
from kube_dns_conformance.dns.compare import that
from kube_dns_conformance.dns.model import Answer, Question
from kube_dns_conformance.fixtures import Judge, Situation, available_rdtype, requirement
from kube_dns_conformance.judge import Expectations


@requirement("schema.case.insensitive")
def test_names_in_mixed_letters_answer_the_same(situation: Situation, judge: Judge) -> None:
    def expect() -> Expectations:
        headless, rdtype = situation.name_of("web-headless"), available_rdtype(situation.service("web"))
        known = {
            **expectations.promised(situation, rdtype, situation.name_of("web")),
            **expectations.promised(situation, "A", headless, f"first.{headless}"),
            **expectations.promised(situation, "SRV", *expectations.srv_names(situation, "web-headless")),
        }
        return {Question(mixed(one.name), one.rdtype): must for one, must in known.items()}

    judge.insist(expect, settled_at=situation.settled_at)


@requirement("schema.case.echoed")
def test_the_question_comes_back_letter_by_letter(situation: Situation, judge: Judge) -> None:
    name = mixed(situation.name_of("web"))
    must = that(f"the question {name} in the answer", wrong_echo)
    judge.insist(lambda: {Question(name, "A"): must}, settled_at=situation.settled_at)


def wrong_echo(answer: Answer) -> str:
    return "" if answer.echoed == answer.question.name else f"question {answer.echoed}"


def mixed(name: str) -> str:
    """Every other letter as a capital."""
    return "".join(letter.upper() if at % 2 else letter for at, letter in enumerate(name))
