"""No secret gets into a report: planted ones are looked for in every file of it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kube_dns_conformance import redact
from kube_dns_conformance.errors import ClusterError
from kube_dns_conformance.kube import Kube
from kube_dns_conformance.reports import write_all
from kube_dns_conformance.reports.github import append_step_summary
from kube_dns_conformance.results import Result, Verdict, Writer
from reports_samples import CHECK, HEAD, MUST

SECRET = "p1anted"
"""In every planted secret, so that none is missed."""
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}MIIEvQIBADAN\nBgkqhkiG9w0B\n-----END PRIVATE KEY-----"
JWT = f"eyJhbGciOiJSUzI1NiIsImtpZCI6I.{SECRET}eyJpc3MiOiJrdWJlcm5ldGVzL3.{SECRET}c2VydmljZWFjY291bnQ"
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-0",
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": {"key": SECRET}}),
            "vault.example.com/what-was-injected": SECRET,
            "endpoints.kubernetes.io/last-change-trigger-time": "2030-03-17T17:46:40Z",
        },
    },
    "spec": {
        "containers": [
            {
                "name": "web",
                "args": [f"--token={SECRET}", f"--url=https://user:{SECRET}@example.test/"],
                "env": [
                    {"name": "API_TOKEN", "value": SECRET},
                    {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                ],
            }
        ]
    },
}
OBJECTS = [
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "agent"},
        "data": {"token": base64.b64encode(SECRET.encode()).decode(), "tls.crt": SECRET},
        "stringData": {"password": SECRET},
    },
    POD,
]


def everything(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.rglob("*") if path.is_file()}


def report(directory: Path, *results: Result, **head: Any) -> dict[str, str]:
    writer = Writer(directory)
    writer.begin(HEAD | head)
    for result in results:
        writer.add(result)
    writer.end(1900000009.0, interrupted=True, ended_by=results[0].message)
    write_all(directory)
    return everything(directory)


def bad(text: str, **evidence: Any) -> Result:
    return Result(MUST, "a::test_it", Verdict.UNKNOWN, text.split("\n", maxsplit=1)[0], text, 1.9e9, 1.0, evidence)


def holding(files: dict[str, str], *secrets: str) -> list[str]:
    """The files that hold a secret, as it is, in JSON, or in base64."""
    shapes = {
        shape for one in secrets for shape in (one, json.dumps(one)[1:-1], base64.b64encode(one.encode()).decode())
    }
    return [name for name, text in files.items() if any(shape in text for shape in shapes)]


def test_objects_as_evidence_lose_their_secrets_and_keep_the_rest(tmp_path: Path) -> None:
    files = report(tmp_path, bad("UNKNOWN x: y", objects=OBJECTS))
    assert len(files) > 8
    assert holding(files, SECRET) == []
    found = json.loads(files["results.jsonl"].splitlines()[1])["evidence"]["objects"]
    assert found[0]["data"] == {"token": "(redacted)", "tls.crt": "(redacted)"}
    assert found[1]["metadata"]["annotations"] == {
        "kubectl.kubernetes.io/last-applied-configuration": "(redacted)",
        "vault.example.com/what-was-injected": "(redacted)",
        "endpoints.kubernetes.io/last-change-trigger-time": "2030-03-17T17:46:40Z",
    }
    (container,) = found[1]["spec"]["containers"]
    assert container["env"] == [{"name": "API_TOKEN", "value": "(redacted)"}, POD["spec"]["containers"][0]["env"][1]]
    assert container["args"] == ["--token=(redacted)", "--url=https://(redacted)@example.test/"]


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}-4711",
        f'invalid bearer token "{SECRET}-4711"',
        f"authorization: Basic {SECRET}dXNlcjpwYXNz",
        f'{{"token": "{SECRET}-4711"}}',
        f"users:\n- user:\n    token: {SECRET}-4711\n    password: '{SECRET}'",
        f"client-key-data: {base64.b64encode(PEM.encode()).decode()}",
        f"said {JWT} was refused",
        f"cannot parse {PEM} here",
        f"cannot parse {PEM.splitlines()[0]} {SECRET}",  # cut off before its end
        json.dumps(PEM),
        f"proxy http://user:{SECRET}@proxy.test:3128 refused",
    ],
)
def test_credentials_are_known_by_their_form_wherever_a_text_goes(text: str, tmp_path: Path) -> None:
    check = CHECK | {"expected": text, "differs": text, "answer": [f"5 TXT {text}"]}
    evidence = {"checks": [check], "information": [text]}
    files = report(tmp_path, bad(f"UNKNOWN x: {text}", **evidence), command=f"run {text}")
    assert holding(files, SECRET, PEM) == []
    assert "(redacted)" in files["summary.md"]


class Echo(BaseHTTPRequestHandler):
    """An API server that quotes what it was given."""

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        body = json.dumps({"kind": "Status", "message": f"I do not know {given.removeprefix('Bearer ')}"}).encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", ["token", "tokenFile"])
def test_the_token_of_a_kubeconfig_is_not_in_the_report_even_when_the_api_server_quotes_it(
    kind: str, server: str, tmp_path: Path
) -> None:
    token = f"k{kind}.without-any-form"
    (tmp_path / "token").write_text(token)
    user = {"token": token} if kind == "token" else {"tokenFile": str(tmp_path / "token")}
    config = {
        "clusters": [{"name": "a", "cluster": {"server": server}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "users": [{"name": "a", "user": user}],
        "current-context": "a",
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    with pytest.raises(ClusterError) as refused:
        Kube(tmp_path / "config").list("v1", "Pod")
    assert f"I do not know {token}" in str(refused.value)
    files = report(tmp_path / "report", bad(f"UNKNOWN x: {refused.value}"))
    assert holding(files, token) == []
    assert "I do not know (redacted)" in files["conformance.yaml"]


def test_neither_is_it_in_the_summary_of_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(None)
    writer.begin(HEAD)
    writer.add(bad(f"UNKNOWN x: bearer {SECRET}-4711"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    append_step_summary(writer.results)
    assert holding(everything(tmp_path), SECRET) == []


def test_logs_lose_their_secrets_too(tmp_path: Path) -> None:
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "kubelet.log").write_bytes(b"before\xff\ntoken: p1anted-4711\nafter\n")
    (tmp_path / "dns-0.log").write_text("nothing secret\n")
    redact.files(tmp_path)
    assert (tmp_path / "node" / "kubelet.log").read_bytes() == b"before\xff\ntoken: (redacted)\nafter\n"
    assert (tmp_path / "dns-0.log").read_text() == "nothing secret\n"


@pytest.mark.parametrize(
    "text",
    [
        "web-0.shop.svc.cluster.local. A → 127.0.0.1:5300/udp",
        "the API server at https://127.0.0.1:6443 refused: Unauthorized",
        "invalid bearer token",
        "0 50 80 web.token.svc.cluster.local.",
        'MountVolume.SetUp failed for volume "x" : secret "agent" not found',
        "--kubeconfig=/home/me/.kube/config --dns-server=10.0.0.1:53",
        "fd00:10:96::31e2",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact.text(text) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc {}[]:=\"'\n", max_size=12),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from("abcdef"), one, max_size=3),
)


@given(JSON)
def test_data_without_secrets_is_copied(value: Any) -> None:
    assert redact.data(value) == value


@given(st.text("tokenbearer: =\"'eyJ.-BEGINED \n", max_size=80))
def test_what_was_redacted_stays_so(text: str) -> None:
    assert redact.text(redact.text(text)) == redact.text(text)


def test_what_is_learned_to_be_a_secret_is_left_out_from_then_on() -> None:
    said = "asked as hunter-of-the-night"
    assert redact.text(said) == said
    redact.remember("hunter-of-the-night")
    assert redact.text(said) == "asked as (redacted)"
