"""A cluster that the user names: what its options mean, and what is wrong with them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from kube_dns_conformance.clusters import existing
from kube_dns_conformance.clusters.base import Capability, Cluster, Software
from kube_dns_conformance.clusters.existing import connect, parse_servers, with_servers
from kube_dns_conformance.dns.model import Server
from kube_dns_conformance.errors import ClusterError, KdcError, UsageError
from kube_dns_conformance.kube import Kube

ONE = Server("dns-0", "10.96.0.10")
CLUSTER = Cluster("embedded", "x", Path("k"), None, "cluster.local", (ONE, ONE), frozenset({Capability.IPV4}))
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {}}]
contexts: [{name: here, context: {cluster: here, user: me}}]
current-context: here
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """Names an API server at a port where nobody listens."""
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)
    return str(file)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.96.0.10", "10.96.0.10", 53),
        ("10.96.0.10:5353", "10.96.0.10", 5353),
        ("::1", "::1", 53),
        ("[::1]", "::1", 53),
        ("[::1]:5353", "::1", 5353),
        ("fd00:10:96::a", "fd00:10:96::a", 53),
        ("FD00::000A", "fd00::a", 53),
        ("10.96.0.10:65535", "10.96.0.10", 65535),
    ],
)
def test_a_server_is_a_host_with_or_without_a_port(text: str, host: str, port: int) -> None:
    assert parse_servers([text]) == (Server("server-0", host, port),)


def test_a_name_is_resolved_once() -> None:
    (server,) = parse_servers(["localhost:5353"])
    assert server.host in {"127.0.0.1", "::1"}
    assert server.port == 5353


def test_servers_are_numbered_in_the_order_given() -> None:
    assert [str(one) for one in parse_servers(["::1", "127.0.0.1:54"])] == ["[::1]:53", "127.0.0.1:54"]
    assert [one.name for one in parse_servers(["::1", "127.0.0.1:54"])] == ["server-0", "server-1"]
    assert parse_servers([]) == ()


@pytest.mark.parametrize(
    "texts",
    [
        ["127.0.0.1", "127.0.0.1"],
        ["127.0.0.1:53", "127.0.0.1"],
        ["fd00::a", "[FD00:0::000A]:53"],
        ["::ffff:10.0.0.1", "10.0.0.1:53"],
    ],
)
def test_one_server_that_is_named_twice_is_one_server(texts: list[str]) -> None:
    assert len(parse_servers(texts)) == 1
    assert Capability.DNS_REPLICAS not in with_servers(CLUSTER, texts).capabilities


@pytest.mark.parametrize(
    "text",
    ["10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:dns", "10.0.0.1:²", "[::1]:", "[::1]:65536"],
)
def test_a_port_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_servers([text])
    assert str(caught.value) == f"--dns-server {text}: the port must be a number from 1 to 65535"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("", "''"),
        (":53", "''"),
        ("[]:53", "''"),
        ("a b", "'a b'"),
        ("a\0b", "'a\\x00b'"),
        ("a..b", "'a..b'"),
        ("http://10.0.0.1:53", "'http://10.0.0.1:53'"),
        ("no.such.invalid:53", "'no.such.invalid'"),
    ],
)
def test_a_host_that_is_none_is_a_usage_error(text: str, host: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_servers([text])
    assert str(caught.value) == f"--dns-server {text}: {host} is neither an address nor a name that resolves"


@pytest.mark.parametrize(
    ("servers", "capabilities"),
    [
        (["10.0.0.1"], {Capability.IPV4}),
        (["10.0.0.1", "10.0.0.2"], {Capability.IPV4, Capability.DNS_REPLICAS}),
    ],
)
def test_other_servers_decide_whether_there_are_replicas(servers: list[str], capabilities: set[Capability]) -> None:
    other = with_servers(CLUSTER, servers)
    assert other.capabilities == capabilities
    assert [one.host for one in other.dns] == servers
    assert (other.name, other.zone, other.kubeconfig) == (CLUSTER.name, CLUSTER.zone, CLUSTER.kubeconfig)


def test_what_pods_find_is_not_judged_by_another_server() -> None:
    kind = dataclasses.replace(CLUSTER, capabilities=frozenset({Capability.IPV4, Capability.REAL_PODS}))
    assert with_servers(kind, ["10.0.0.1"]).capabilities == {Capability.IPV4}


def test_a_single_server_instead_of_replicas_takes_the_capability_away() -> None:
    replicated = with_servers(CLUSTER, ["10.0.0.1", "10.0.0.2"])
    assert Capability.DNS_REPLICAS not in with_servers(replicated, ["10.0.0.1"]).capabilities


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        (None, "", "there is no kubeconfig {}"),
        ("a: [", "", "kubeconfig {} is not valid YAML (line 1)"),
        ("just text", "", "kubeconfig {} is not a kubeconfig: it holds no mapping"),
        (KUBECONFIG, "there", "kubeconfig {} has no context 'there'"),
        (KUBECONFIG.replace("cluster: here", "cluster: nowhere"), "", "kubeconfig {} cannot be used: "),
        ("{}", "", "kubeconfig {} cannot be used: "),
        ("contexts: 5", "", "kubeconfig {} cannot be used: "),
        (KUBECONFIG.replace("http://127.0.0.1:1", "here"), "", "kubeconfig {} cannot be used: 'here' is not the URL"),
        (
            KUBECONFIG.replace("user: {}", "user: {client-certificate: /n, client-key: /n}").replace("http:", "https:"),
            "",
            "kubeconfig {} cannot be used: File does not exist: /n",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_a_usage_error(
    text: str | None, context: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError) as caught:
        connect(str(file), context, "", ["127.0.0.1"])
    assert caught.value.message.startswith(message.format(file))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read kubeconfig {}: Is a directory"), (b"\xff\xfe\x00", "kubeconfig {} is not a text file")],
)
def test_what_is_no_text_file_is_no_kubeconfig(content: bytes | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        connect(str(file), "", "", ["127.0.0.1"])
    assert caught.value.message == message.format(file)


def test_a_kubeconfig_of_somebody_else_is_a_usage_error(kubeconfig: str) -> None:
    me = os.geteuid()
    Path(kubeconfig).chmod(0)
    os.seteuid(me or 65534)  # permissions do not stop root
    try:
        with pytest.raises(UsageError, match=r"cannot read kubeconfig .*: Permission denied"):
            connect(kubeconfig, "", "", ["127.0.0.1"])
    finally:
        os.seteuid(me)


def test_the_kubeconfig_of_the_environment_is_used_and_the_option_goes_first(
    kubeconfig: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/from/environment")
    with pytest.raises(UsageError, match="there is no kubeconfig /from/environment"):
        connect("", "", "", ["127.0.0.1"])
    with pytest.raises(ClusterError):
        connect(kubeconfig, "", "", ["127.0.0.1"])


def test_an_api_server_out_of_reach_could_not_be_judged(kubeconfig: str) -> None:
    with pytest.raises(KdcError) as caught:
        connect(kubeconfig, "here", "", ["127.0.0.1"])
    assert isinstance(caught.value, ClusterError)
    assert caught.value.message.startswith("cannot reach the API server at http://127.0.0.1:1: ")


def test_several_kubeconfig_files_are_not_guessed_among(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/one:/two")
    with pytest.raises(UsageError, match="KUBECONFIG names several files"):
        connect("", "", "", ["127.0.0.1:53"])


def test_of_other_servers_it_is_not_known_what_they_are() -> None:
    known = dataclasses.replace(CLUSTER, implementation=(Software("coredns", "1.14.7"),))
    assert with_servers(known, ["10.0.0.1"]).implementation == ()


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a Pod finds of its service account; its home and its state are below as well."""
    account = tmp_path / "serviceaccount"
    account.mkdir()
    (account / "token").write_text("token-of-the-pod")
    (account / "ca.crt").touch()
    monkeypatch.setattr(existing, "SERVICE_ACCOUNT", account)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KDC_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


@pytest.mark.parametrize(
    ("host", "server"), [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_in_a_pod_its_own_cluster_is_meant_and_no_token_is_copied(
    host: str, server: str, pod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    path = existing.kubeconfig_file("")
    api = Kube(path).api.configuration
    assert (api.host, set(api.api_key.values())) == (server, {"Bearer token-of-the-pod"})
    assert api.ssl_ca_cert == str(pod / "serviceaccount" / "ca.crt")
    assert "token-of-the-pod" not in path.read_text()


def test_in_a_pod_too_a_kubeconfig_says_which_cluster_is_meant(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert existing.kubeconfig_file("here") == Path("here")
    users = pod / ".kube" / "config"
    users.parent.mkdir()
    users.touch()
    assert existing.kubeconfig_file("") == users
    monkeypatch.setenv("KUBECONFIG", "there")
    assert existing.kubeconfig_file("") == Path("there")


def test_a_state_folder_that_cannot_be_written_to_is_told(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    (pod / "state").touch()
    with pytest.raises(ClusterError, match=f"cannot write to {pod}/state"):
        existing.kubeconfig_file("")
