"""Which images a version of Kubernetes needs is what its kubeadm says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import images
from tools.command import ToolsError


def test_kubeadm_is_asked_for_the_images(tmp_path: Path) -> None:
    kubeadm = tmp_path / "kubeadm"
    kubeadm.write_text(
        '#!/bin/sh\n[ "$*" = "config images list --kubernetes-version=v1.36.3" ] || exit 1\n'
        "echo registry.k8s.io/kube-proxy:v1.36.3; echo registry.k8s.io/coredns/coredns:v1.14.2\n"
        "echo registry.k8s.io/etcd:3.6.8-0\n"
    )
    kubeadm.chmod(0o755)
    assert images.required(kubeadm, "1.36.3") == {
        "kube-proxy": "registry.k8s.io/kube-proxy:v1.36.3",
        "coredns": "registry.k8s.io/coredns/coredns:v1.14.2",
        "etcd": "registry.k8s.io/etcd:3.6.8-0",
    }


@pytest.mark.parametrize(
    ("image", "version"),
    [("registry.k8s.io/etcd:3.6.8-0", "3.6.8"), ("registry.k8s.io/coredns/coredns:v1.14.2", "1.14.2")],
)
def test_the_version_of_the_program_is_in_the_tag(image: str, version: str) -> None:
    assert images.version_in(image) == version


def test_a_tag_without_a_version_is_one_clear_line() -> None:
    with pytest.raises(ToolsError, match=r"^no version to be seen in the tag of registry.k8s.io/etcd:latest$"):
        images.version_in("registry.k8s.io/etcd:latest")
