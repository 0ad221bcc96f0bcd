"""What the name of an image says."""

from __future__ import annotations

import pytest

from kube_dns_conformance.images import version_in


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("registry.k8s.io/coredns/coredns:v1.12.0", ("coredns", "1.12.0")),
        ("coredns/coredns:1.14.7", ("coredns", "1.14.7")),
        ("coredns", ("coredns", "")),
        ("host:5000/dns/server", ("server", "")),
        ("host:5000/dns/server:latest", ("server", "latest")),
        ("host:5000/dns/server:vanilla", ("server", "vanilla")),
        ("example.test/coredns:v1.12.0@sha256:0123456789abcdef", ("coredns", "1.12.0")),
        ("example.test/coredns@sha256:0123456789abcdef", ("coredns", "")),
    ],
)
def test_an_image_has_a_name_and_with_a_tag_a_version(image: str, said: tuple[str, str]) -> None:
    assert version_in(image) == said
