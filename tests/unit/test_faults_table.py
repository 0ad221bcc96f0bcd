"""The kill table: what counts as a problem, and that the published page is that of the faults there are."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from dns_server import DnsServer, records
from faults import FAULTS
from faults import __main__ as by_hand
from faults.table import PAGE, neutral, page, told
from faults.trial import Trial
from kube_dns_conformance.dns.ask import ask
from kube_dns_conformance.dns.model import Question, Server

NAME, CAUGHT_BY = "ptr-missing", "clusterip.ptr.ipv4"
LINE = f"{CAUGHT_BY} (2.3.3, MUST): 1.0.96.10.in-addr.arpa. is answered with NXDOMAIN instead of NOERROR"


def test_a_lie_has_to_be_noticed_by_the_requirement_named_for_it() -> None:
    noticed = Trial(NAME, {CAUGHT_BY: LINE, "headless.ptr.ipv4": "…"}, {}, 9.0, 2.0)
    missed = Trial(NAME, {"headless.ptr.ipv4": "…"}, {}, 9.0)
    assert noticed.problems() == []
    assert missed.problems() == ["clusterip.ptr.ipv4 did not notice"]


def test_who_has_nothing_to_do_with_a_lie_may_not_be_accused_nor_left_unjudged() -> None:
    trial = Trial(NAME, {CAUGHT_BY: LINE, "headless.address.ipv4": "why"}, {"schema.version.record": "no API"}, 9.0)
    assert trial.problems() == [
        "accused headless.address.ipv4: why",
        "could not judge schema.version.record: no API",
    ]


def test_what_is_no_lie_may_not_be_accused_of_anything() -> None:
    for name in ("", "other-order"):
        assert Trial(name, {CAUGHT_BY: "why"}, {}, 9.0).problems() == [f"accused {CAUGHT_BY}: why"]
        assert Trial(name, {}, {}, 9.0).problems() == []


def test_the_page_says_who_noticed_and_in_which_words() -> None:
    trials = [Trial(NAME, {CAUGHT_BY: f"{LINE} | more", "headless.ptr.ipv4": "…"}, {}, 9.0, 2.4)]
    text = page([*trials, Trial("other-order", {}, {}, 9.0)], 100.0)
    assert (
        "| `ptr-missing` | No address leads to a name. | `clusterip.ptr.ipv4` | 2 s | 1 | 1.0.96.10.in-addr.arpa. is "
        "answered with NXDOMAIN instead of NOERROR \\| more |"
    ) in text
    in_parentheses = LINE.replace("(2.3.3, MUST)", "(docs: DNS for Services and Pods, MUST)")
    assert "| 2 s | 0 | 1.0.96.10" in page([Trial(NAME, {CAUGHT_BY: in_parentheses}, {}, 9.0, 2.4)], 100.0)
    alone = page([Trial("silence", {FAULTS["silence"].caught_by: "x (y): z"}, {}, 9.0, 2.4)], 100.0)
    assert "| 2 s | – | z |" in alone
    assert "Of the 2 servers 2 were judged by the whole suite, and in 0 of these runs" in text
    assert "Of the 1 servers 0 were judged" in alone
    assert "| `other-order` | Records come in the order of their names and rdata, the last first. | nobody |" in text


def test_whoever_tries_one_is_told_in_which_words_it_was_noticed() -> None:
    assert told(Trial(NAME, {CAUGHT_BY: LINE, "headless.ptr.ipv4": "why"}, {}, 9.0, 2.4)).splitlines() == [
        "ptr-missing: No address leads to a name. Noticed by clusterip.ptr.ipv4 after 2 s:",
        f"  {LINE}",
        "  why",
    ]
    assert told(Trial("other-order", {}, {}, 9.0)).splitlines() == [
        "other-order: Records come in the order of their names and rdata, the last first.",
        "  accused of nothing",
    ]


def test_what_differs_from_run_to_run_is_left_out_of_the_page() -> None:
    line = "web.kdc-0a1b2c3d-x, KDC-0A1B2C3D-x: 10.96.3.4 at 127.0.0.1:5353, 10.64.200.1, 192.0.2.1"
    assert neutral(line) == "web.kdc-…-x, kdc-…-x: 10.96.… at 127.0.0.1:…, 10.64.…, 192.0.2.1"


def test_the_published_page_has_every_fault_and_misses_none() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    lies = {row[0][2:].strip("`"): row for row in rows if len(row) > 3}
    others = {row[0][2:].strip("`"): row for row in rows if len(row) == 3}
    assert list(lies) == [one.name for one in FAULTS.values() if one.is_lie]
    assert list(others) == [one.name for one in FAULTS.values() if not one.is_lie]
    for name, (_, lie, caught_by, after, *_) in lies.items():
        fault = FAULTS[name]
        assert (lie, caught_by) == (f"{fault.lie}.", f"`{fault.caught_by}`"), "make faults writes the page anew"
        assert re.fullmatch(r"\d+ s", after), f"{name} was not noticed"
    assert {row[2].rstrip(" |") for row in others.values()} == {"nobody"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault=nosuch", "--upstream=127.0.0.1:53"], "no fault is called nosuch; --list shows them"),
        (["--fault=ptr-missing", "--upstream=localhost"], "--upstream localhost is not HOST:PORT"),
        (["--fault=unready-included", "--upstream=127.0.0.1:53"], "to know what is true: --kubeconfig FILE"),
        (["--fault=ptr-missing"], "--fault and --upstream are needed, or --list"),
        (["--fault=ptr-missing", "--upstream=127.0.0.1:99999"], "--upstream 127.0.0.1:99999 is not HOST:PORT"),
        (["--fault=ptr-missing", "--upstream=[::1]:53", "--listen=5300"], "--listen 5300 is not HOST:PORT"),
        (["--fault=ptr-missing", "--upstream=no.such.invalid:53"], "--upstream no.such.invalid:53: "),
        (
            ["--fault=unready-included", "--upstream=127.0.0.1:53", "--kubeconfig=/no/such"],
            "--kubeconfig /no/such: there is no kubeconfig /no/such",
        ),
        (["--fault=ptr-missing", "--upstream=[::1]:53", "--listen=[::1"], "--listen [::1 is not HOST:PORT"),
    ],
)
def test_by_hand_nothing_is_served_that_could_not_lie(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["faults", *arguments])
    with pytest.raises(SystemExit) as ended:
        by_hand.main()
    assert (ended.value.code, said in capsys.readouterr().err) == (2, True)


def test_by_hand_nothing_is_served_where_nobody_answers_or_somebody_else_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with DnsServer(records({})) as real:
        arguments = ["faults", "--fault=ptr-missing", f"--upstream={real}", f"--listen={real}"]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit):
            by_hand.main()
        taken = capsys.readouterr().err
        monkeypatch.setattr(sys, "argv", [*arguments[:-1], "--listen=192.0.2.1"])
        with pytest.raises(SystemExit):
            by_hand.main()
        foreign = capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        by_hand.main()
    gone = capsys.readouterr().err
    assert f"--listen {real}: Address already in use" in taken
    assert "--listen 192.0.2.1: Cannot assign requested address" in foreign
    assert f"--upstream {real} gives no usable answer: " in gone


def test_by_hand_a_lie_is_told_where_it_was_asked_for() -> None:
    with DnsServer(records({"web.test. A": ["10.0.0.1"]})) as real, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server("faulty", *free.getsockname())
        free.close()
        command = [sys.executable, "-m", "faults", "--fault=ttl-zero", f"--upstream={real}", f"--listen={server}"]
        environment = os.environ | {"PYTHONPATH": "tests"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout
            said = process.stdout.readline()
            lied = ask(Question("web.test.", "A"), server, timeout=5)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    assert said.startswith(f"{server}: ")
    assert [one.ttl for one in lied.records] == [0]


def test_the_list_says_what_a_lie_needs_besides(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["faults", "--list"])
    by_hand.main()
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("one-replica-fails ")]
    assert line.endswith(f"Caught by {FAULTS['one-replica-fails'].caught_by}. Needs a replica beside it that is right.")
