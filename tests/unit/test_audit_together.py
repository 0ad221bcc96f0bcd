"""What several auditors found, as one outcome: nothing is lost on the way, and nothing is counted twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from kube_dns_conformance.audit.findings import Finding, Outcome
from kube_dns_conformance.audit.together import of_nodes, of_shards, pack, unpack
from kube_dns_conformance.errors import ExitCode
from kube_dns_conformance.promises import Key

WEB, API = Key("web.shop.svc.cluster.local.", "A"), Key("api.shop.svc.cluster.local.", "A")


def wrong(key: Key, text: str = "NONCONFORMANT: first\n  second") -> Finding:
    return Finding(key, "2.4.1", text, [{"expected": "10.0.0.1", "wire": "00ff"}])


def outcome(**more: object) -> Outcome:
    made = Outcome(
        asked=Counter({("2.4.1", "A"): 3, ("2.6", "A"): 1}),
        questions=8,
        sent_twice=1,
        seconds={"reading": 1.0, "asking": 4.0},
        services=5,
        all_services=9,
        skipped=Counter({"too long": 2}),
        gone=1,
        again=1,
    )
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_what_one_of_them_found_arrives_as_it_was() -> None:
    one = outcome(
        findings=[wrong(WEB)],
        unknown={API: "it changed all the time"},
        pods_refused="pods is forbidden",
        incomplete=["something"],
    )
    assert unpack(pack(one)) == one


def test_shards_asked_each_name_once_and_beside_each_other() -> None:
    found = of_shards([outcome(findings=[wrong(WEB)]), outcome(findings=[wrong(API)], unknown={WEB: "why"})])
    assert found == outcome(
        asked=Counter({("2.4.1", "A"): 6, ("2.6", "A"): 2}),
        findings=[wrong(API), wrong(WEB)],
        unknown={WEB: "why"},
        questions=16,
        sent_twice=2,
        skipped=Counter({"too long": 4}),
        gone=2,
        again=2,
    )


def test_a_shard_without_names_of_its_own_changes_nothing() -> None:
    assert of_shards([outcome(), Outcome(services=5, all_services=9)]) == outcome()
    assert of_shards([Outcome(), Outcome()]).exit_code() is ExitCode.COULD_NOT_JUDGE


def test_nodes_asked_the_same_and_each_says_who_was_told_what_is_wrong() -> None:
    found = of_nodes(
        {
            "node-b": outcome(findings=[wrong(WEB, "NONCONFORMANT: else"), wrong(API)]),
            "node-a": outcome(findings=[wrong(WEB)], unknown={API: "changing"}),
            "node-c": outcome(),
        }
    )
    assert replace(found, findings=[]) == outcome(questions=24, sent_twice=3)
    api, web = found.findings
    assert (api.key, web.key) == (API, WEB)
    assert api.text == "NONCONFORMANT: first\n  second\n  nodes     node-b (1 of 3)"
    assert web.text == (
        "NONCONFORMANT: first\n  second\n  nodes     node-a, node-b (2 of 3)\n  node-b: NONCONFORMANT: else"
    )
    assert [one["node"] for one in web.answers] == ["node-a", "node-b"]


def test_what_one_node_could_not_judge_is_unknown_unless_another_saw_it_wrong() -> None:
    found = of_nodes(
        {"node-a": outcome(unknown={API: "changing", WEB: "changing"}), "node-b": outcome(findings=[wrong(WEB)])}
    )
    assert found.unknown == {API: "changing (from node node-a)"}


def test_what_is_missing_is_no_success() -> None:
    one = outcome(incomplete=["shard 2 of 4 left nothing: exit status 3"])
    assert (one.word(), one.sentence()) == (
        "could not judge",
        "4 names and types, 0 wrong, some not audited, 1 asked again",
    )
    assert outcome(incomplete=["x"], findings=[wrong(WEB)]).word() == "nonconformant"
