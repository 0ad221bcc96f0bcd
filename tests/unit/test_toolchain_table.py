"""Which tools there are and how a caller picks other versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_dns_conformance.errors import UsageError
from kube_dns_conformance.toolchain import Toolchain, load_table


def test_every_unit_has_the_version_of_the_table() -> None:
    toolchain = Toolchain()
    assert {unit: toolchain.version(unit) for unit in load_table()} == {
        "kubernetes": "1.36.3",
        "etcd": "3.6.16",
        "coredns": "1.14.7",
        "kwok": "0.8.0",
        "kind": "0.33.0",
        "kubernetes-node": "1.36.3",
        "containerd": "2.3.7",
        "cri-tools": "1.37.0",
        "cni-plugins": "1.9.1",
        "kubernetes-test": "1.36.3",
        "agnhost": "1.36.3",
    }


def test_the_table_covers_every_binary_a_cluster_needs() -> None:
    control_plane = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"}
    node = {"kubeadm", "kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "ctr", "crictl"}
    network = {"host-local", "loopback", "portmap", "ptp"}
    assert {binary for unit in load_table().values() for binary in unit.binaries} == (
        control_plane | node | network | {"coredns", "kind", "kwok", "kwokctl", "e2e.test", "agnhost"}
    )


@pytest.mark.parametrize("written", ["1.37.2", "v1.37.2"])
def test_a_caller_picks_another_version_with_or_without_v(written: str) -> None:
    assert Toolchain({"kubernetes": written}).version("kubernetes") == "1.37.2"


def test_a_pre_release_is_a_version() -> None:
    assert Toolchain({"kubernetes": "v1.38.0-rc.1"}).version("kubernetes") == "1.38.0-rc.1"


def test_a_version_of_an_unknown_tool_is_a_usage_error_that_lists_the_tools() -> None:
    with pytest.raises(UsageError, match="no tool is called 'etdc'") as caught:
        Toolchain({"etdc": "3.6.16"})
    assert (
        caught.value.hint
        == "tools with a version: agnhost, cni-plugins, containerd, coredns, cri-tools, etcd, kind, kubernetes, "
        "kubernetes-node, kubernetes-test, kwok"
    )


@pytest.mark.parametrize(
    "version", ["", "latest", "1.36", "1.36.3.1", "01.36.3", "vv1.36.3", "1.36.3-../..", "1.36.3\n"]
)
def test_a_malformed_version_is_a_usage_error_that_shows_a_right_one(version: str) -> None:
    with pytest.raises(UsageError, match="is no version of kubernetes") as caught:
        Toolchain({"kubernetes": version})
    assert caught.value.hint == "three numbers, such as kubernetes=1.36.3"


def test_an_unknown_binary_is_a_usage_error_that_lists_the_binaries(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no tool is called 'kublet'") as caught:
        Toolchain(cache=tmp_path).need("etcd", "kublet")
    assert caught.value.hint.startswith(
        "there are: agnhost, containerd, containerd-shim-runc-v2, coredns, crictl, ctr, e2e.test, "
    )


@pytest.mark.parametrize(
    ("unit", "binary", "address", "checksum"),
    [
        (
            "kubernetes",
            "kubectl",
            "https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl",
            "https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl.sha256",
        ),
        (
            "etcd",
            "etcd",
            "https://github.com/etcd-io/etcd/releases/download/v3.6.16/etcd-v3.6.16-linux-amd64.tar.gz",
            "https://github.com/etcd-io/etcd/releases/download/v3.6.16/SHA256SUMS",
        ),
        (
            "coredns",
            "coredns",
            "https://github.com/coredns/coredns/releases/download/v1.14.7/coredns_1.14.7_linux_amd64.tgz",
            "https://github.com/coredns/coredns/releases/download/v1.14.7/coredns_1.14.7_linux_amd64.tgz.sha256",
        ),
        (
            "kind",
            "kind",
            "https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0/kind-linux-amd64",
            "https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0/kind-linux-amd64.sha256sum",
        ),
        (
            "kubernetes-test",
            "e2e.test",
            "https://dl.k8s.io/release/v1.36.3/kubernetes-test-linux-amd64.tar.gz",
            "https://dl.k8s.io/release/v1.36.3/kubernetes-test-linux-amd64.tar.gz.sha256",
        ),
    ],
)
def test_release_addresses_are_those_upstream_publishes(
    unit: str, binary: str, address: str, checksum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    row = load_table()[unit]
    url = row.fill(row.release.url, binary=binary)
    assert (url, row.fill(row.release.checksum, url=url)) == (address, checksum)
